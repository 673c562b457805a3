import { grant, PERMISSIONS, permissionsOf, ROLES, type Grants, type Permission, type Scope } from '@medspa/contracts';
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
  kind?: 'staff' | 'patient';
  /** The patients that there are for it; all unless told. */
  patients?: (world: World) => readonly string[];
  headers?: (world: World) => Record<string, string>;
};

const everywhere = (): Scope => 'everywhere';
const atOne = ({ own }: World): Scope => [own.clinic.locationId];

/** What an organization might put together for who keeps its stock and its rooms. */
const STOCK_KEEPER: Permission[] = ['organization:read', 'catalog:read', 'catalog:write', 'schedule:read', 'schedule:write'];

/** Every kind of actor, each in the scopes that it can have. */
export const ACTORS: ActorClass[] = [
  { name: 'nobody', grants: () => null, scope: () => [] },
  { name: 'staff without a role', grants: () => new Map(), scope: () => [] },
  { name: 'everything but what it needs', grants: (_, needs) => grant(PERMISSIONS.filter((one) => one !== needs)), scope: everywhere },
  ...(
    [
      ['everywhere', everywhere],
      ['at one location', atOne],
    ] as const
  ).flatMap(([where, scope]): ActorClass[] => [
    ...ROLES.map((role) => ({
      name: `${role} ${where}`,
      grants: (world: World) => grant(permissionsOf(role, scope(world)), scope(world)),
      scope,
    })),
    { name: `stock keeper ${where}`, grants: (world) => grant(STOCK_KEEPER, scope(world)), scope },
  ]),
];
