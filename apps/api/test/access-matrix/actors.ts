import {
  DEVICE_POLICY,
  grant,
  grantsOf,
  isOrganizationWide,
  IN_EMERGENCY,
  KEY_PERMISSIONS,
  PATIENT_GRANTS,
  PERMISSIONS,
  ROLES,
  type GivenRole,
  type Grants,
  type Permission,
  type Scope,
} from '@medspa/contracts';
import type { Actor } from '../../src/platform/context.ts';
import type { World } from './world.ts';

/**
 * A kind of people, or of programs, who ask: a row is all that a new kind takes. The matrix asks as the actor of the `own` clinic that
 * has these grants; where `headers` are given, those are sent and the service finds out by itself whose they are.
 */
export type ActorClass = {
  name: string;
  /** Which permissions it holds where; null is nobody. `needs` is the one of the operation that is asked for. */
  grants: (world: World, needs: Permission) => Grants | null;
  /** Where it works at all, which the second wall has to hold by itself. */
  scope: (world: World) => Scope;
  kind?: Actor['kind'];
  /** The patients that there are for it; all unless told. */
  patients?: (world: World) => readonly string[];
  headers?: (world: World) => Record<string, string>;
};

/** What an organization might put together for who keeps its stock and its rooms. */
const STOCK_KEEPER: Permission[] = ['organization:read', 'catalog:read', 'catalog:write', 'schedule:read', 'schedule:write'];

/** The roles of the policy table, and one of an organization's own. */
const GIVEN = [
  ...ROLES.map((role) => ({ name: role, role, permissions: null })),
  { name: 'stock keeper', role: null, permissions: STOCK_KEEPER },
];

const OWNER: GivenRole = { role: 'owner', permissions: null, locationId: null };
const everywhere = (): Scope => 'everywhere';
const aPatient = ({ own }: World) => [own.requests.get('GET /v1/patients/{id}')?.params['id'] ?? ''];
const here = ({ own }: World): Scope => [own.clinic.locationId];

/** What is no person: a device or a program, which holds permissions as they are. */
function holding(
  name: string,
  kind: Actor['kind'],
  scope: ActorClass['scope'],
  permissions: readonly Permission[],
  patients?: ActorClass['patients'],
): ActorClass {
  return { name, kind, scope, grants: (world) => grant(permissions, scope(world)), ...(patients ? { patients } : {}) };
}

const BY_SESSION = { scope: everywhere };

function withRole(name: string, scope: ActorClass['scope'], given: (world: World) => GivenRole): ActorClass {
  return { name, scope, grants: (world) => grantsOf([given(world)]) };
}

/** Every kind of actor, each at the scopes that it can have. */
export const ACTORS: readonly ActorClass[] = [
  { name: 'nobody', scope: () => [], grants: () => null },
  { name: 'staff without a role', scope: () => [], grants: () => grantsOf([]) },
  { name: 'owner by their session', ...BY_SESSION, grants: () => grantsOf([OWNER]), headers: ({ browsers }) => browsers.signedIn },
  { name: 'owner by a session that has ended', ...BY_SESSION, grants: () => null, headers: ({ browsers }) => browsers.expired },
  { name: 'owner who has left', ...BY_SESSION, grants: () => null, headers: ({ browsers }) => browsers.left },
  {
    name: 'all permissions but the one that is needed',
    scope: () => 'everywhere',
    grants: (_, needs) => grant(PERMISSIONS.filter((one) => one !== needs)),
  },
  ...GIVEN.flatMap(({ name, ...role }) => [
    withRole(`${name} everywhere`, everywhere, () => ({ ...role, locationId: null })),
    withRole(`${name} at one location`, here, ({ own }) => ({ ...role, locationId: own.clinic.locationId })),
  ]),
  holding('shared device', 'shared-device', here, DEVICE_POLICY['shared-device'], () => []),
  holding('kiosk', 'kiosk', here, DEVICE_POLICY.kiosk, () => []),
  holding("kiosk in a patient's hands", 'kiosk', here, [...DEVICE_POLICY.kiosk, ...DEVICE_POLICY['check-in']], aPatient),
  { name: 'patient', kind: 'patient', scope: everywhere, grants: () => PATIENT_GRANTS, patients: aPatient },
  { name: 'somebody in an emergency', scope: everywhere, grants: () => IN_EMERGENCY, patients: aPatient },
  holding('integration everywhere', 'integration', everywhere, KEY_PERMISSIONS),
  holding(
    'integration at one location',
    'integration',
    here,
    KEY_PERMISSIONS.filter((permission) => !isOrganizationWide(permission)),
  ),
];
