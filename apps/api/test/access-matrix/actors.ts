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
import type { Asker } from './askers.ts';
import type { Parent } from './portal.ts';
import type { Askers, World } from './world.ts';

/**
 * A kind of people, or of programs, who ask: a row is all that a new kind takes. The service finds out by itself whose session, device
 * or key it is that they send; of those who only have `grants` the matrix says so, and to whom of `Askers` they belong.
 */
export type ActorClass = {
  name: string;
  /** Which permissions it holds where; null is nobody. `needs` is the one of the operation that is asked for. */
  grants: (world: World, needs: Permission) => Grants | null;
  /** Where it works at all, which the second wall has to hold by itself. */
  scope: (world: World) => Scope;
  as: keyof Askers;
  /** Whether it is known by what it sends. */
  isFound: boolean;
  kind?: Actor['kind'];
  /** The patients that there are for it; all unless told. */
  patients?: (world: World, asker: Asker) => readonly string[];
  /** Below /v1/portal, or else everywhere but there. */
  isInPortal?: boolean;
  /** Asks about the child that they stand in for, not about themselves. */
  isAboutChild?: boolean;
  /** Of the other organization, where all that the request names is somebody else's. */
  isForeign?: boolean;
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

/** Whom the service finds by what they send. */
function found(name: string, as: keyof Askers, more: Partial<ActorClass> & Pick<ActorClass, 'grants'>): ActorClass {
  return { name, as, isFound: true, scope: everywhere, ...more };
}

/** Whom it does not find. */
const unknown = (name: string, as: keyof Askers, more: Partial<ActorClass> = {}) => found(name, as, { ...more, grants: () => null });

/** What is no person: a device or a program, which holds permissions as they are. */
function holding(
  name: string,
  as: keyof Askers,
  scope: ActorClass['scope'],
  permissions: readonly Permission[],
  more: Partial<ActorClass> = {},
) {
  return found(name, as, { ...more, scope, grants: (world) => grant(permissions, scope(world)) });
}

/** Staff with these roles, on a session of their own. */
function withRole(name: string, scope: ActorClass['scope'], given: (world: World) => GivenRole[]): ActorClass {
  return { name, as: 'staff', isFound: false, scope, grants: (world) => grantsOf(given(world)) };
}

/** Everybody who asks for what is not the patients'. */
const OUTSIDE: ActorClass[] = [
  unknown('nobody', 'nobody', { scope: () => [] }),
  withRole(
    'staff without a role',
    () => [],
    () => [],
  ),
  found('owner by their session', 'staff', { grants: () => grantsOf([OWNER]) }),
  unknown('owner by a session that has ended', 'formerSession'),
  unknown('owner who has left', 'formerStaff'),
  {
    ...withRole('all permissions but the one that is needed', everywhere, () => []),
    grants: (_, needs) => grant(PERMISSIONS.filter((one) => one !== needs)),
  },
  ...GIVEN.flatMap(({ name, ...role }) => [
    withRole(`${name} everywhere`, everywhere, () => [{ ...role, locationId: null }]),
    withRole(`${name} at one location`, here, ({ own }) => [{ ...role, locationId: own.clinic.locationId }]),
  ]),
  holding('shared device', 'sharedDevice', here, DEVICE_POLICY['shared-device'], { kind: 'shared-device', patients: () => [] }),
  holding('kiosk', 'kiosk', here, DEVICE_POLICY.kiosk, { kind: 'kiosk', patients: () => [] }),
  holding("kiosk in a patient's hands", 'handedDevice', here, [...DEVICE_POLICY.kiosk, ...DEVICE_POLICY['check-in']], {
    kind: 'kiosk',
    patients: aPatient,
  }),
  {
    ...withRole('somebody in an emergency', everywhere, () => []),
    grants: () => IN_EMERGENCY,
    patients: aPatient,
  },
  holding('integration everywhere', 'key', everywhere, KEY_PERMISSIONS, { kind: 'integration' }),
  holding(
    'integration at one location',
    'keyHere',
    here,
    KEY_PERMISSIONS.filter((permission) => !isOrganizationWide(permission)),
    { kind: 'integration' },
  ),
  unknown('patient outside of the portal', 'patient'),
  {
    ...withRole('patient whom staff are taken for', everywhere, () => []),
    kind: 'patient',
    grants: () => PATIENT_GRANTS,
    patients: aPatient,
  },
];

// Whom a portal's operation is asked by is a patient with a child.
const ofFamily: ActorClass['patients'] = (_, asker) => [asker.id, (asker as Parent).childId];
const PATIENT = { kind: 'patient', grants: () => PATIENT_GRANTS, patients: ofFamily, isInPortal: true } as const;

/** Everybody who asks for what is the patients', where the service looks at nothing but their cookie. */
const IN_PORTAL: ActorClass[] = [
  unknown('nobody', 'nobody', { isInPortal: true, scope: () => [] }),
  found('patient', 'patient', PATIENT),
  found('patient about a child of theirs', 'patient', { ...PATIENT, isAboutChild: true }),
  found('patient of another organization', 'patient', { ...PATIENT, isForeign: true }),
  unknown('patient whose session has ended', 'formerPatientSession', { isInPortal: true }),
  unknown('patient who is not active', 'formerPatient', { isInPortal: true }),
  unknown('owner in the portal', 'staff', { isInPortal: true }),
  unknown("kiosk in a patient's hands, in the portal", 'handedDevice', { isInPortal: true }),
  unknown('integration in the portal', 'key', { isInPortal: true }),
];

/** Every kind of actor, each at the scopes that it can have. */
export const ACTORS: readonly ActorClass[] = [...OUTSIDE, ...IN_PORTAL];
