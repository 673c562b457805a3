import { NEEDS_STEP_UP, PERMISSIONS, type Permission } from './permissions.ts';

/** What staff are to an organization. Each is given at one location or at all of them; an organization adds its own as data. */
export const ROLES = ['owner', 'manager', 'front-desk', 'provider', 'medical-director', 'biller', 'auditor'] as const;
export type Role = (typeof ROLES)[number];

/** Where a permission holds: everywhere, or at these locations. */
export type Scope = 'everywhere' | readonly string[];

/** All that an actor may do, and where. What is not in it is forbidden. */
export type Grants = ReadonlyMap<Permission, Scope>;

/**
 * Who may do what, a column for each of `ROLES` in their order.
 *
 * - `yes`: where the role was given
 * - `all`: only where it was given for all locations, since what it concerns is the whole organization's
 * - `-`: no
 */
// oxfmt-ignore
const POLICY: Record<Permission, string> = {
  //                    owner mgr  desk prov dir  bill audit
  'organization:read':  'yes  yes  yes  yes  yes  yes  yes',
  'organization:write': 'all  all  -    -    -    -    -  ',
  'staff:read':         'yes  yes  yes  yes  yes  yes  yes',
  'staff:write':        'all  all  -    -    -    -    -  ',
  'provider:write':     'all  all  -    -    -    -    -  ',
  'access:read':        'all  all  -    -    -    -    all',
  'access:write':       'all  all  -    -    -    -    -  ',
  'patient:read':       'yes  yes  yes  yes  yes  yes  yes',
  'patient:write':      'yes  yes  yes  yes  yes  -    -  ',
  'patient:import':     'all  all  -    -    -    -    -  ',
  'patient:contact':    'yes  yes  yes  yes  yes  yes  -  ',
  'patient:clinical':   'yes  -    -    yes  yes  -    -  ',
  'money:read':         'yes  yes  yes  -    yes  yes  yes',
  'audit:read':         'all  -    -    -    -    -    all',
  'break-glass:use':    'yes  yes  -    yes  yes  -    -  ',
  'break-glass:review': 'all  -    -    -    -    -    all',
  'messaging:read':     'yes  yes  yes  yes  yes  -    -  ',
  'messaging:write':    'all  all  -    -    -    -    -  ',
  'consent:write':      'yes  yes  yes  yes  yes  -    -  ',
  'catalog:read':       'yes  yes  yes  yes  yes  yes  yes',
  'catalog:write':      'all  all  -    -    -    -    -  ',
  'schedule:read':      'yes  yes  yes  yes  yes  yes  yes',
  'schedule:write':     'yes  yes  -    -    -    -    -  ',
  'appointment:read':   'yes  yes  yes  yes  yes  yes  yes',
  'appointment:write':  'yes  yes  yes  yes  yes  -    -  ',
  'device:read':        'yes  yes  -    -    -    -    yes',
  'device:write':       'yes  yes  -    -    -    -    -  ',
  'device:use':         '-    -    -    -    -    -    -  ',
  'kiosk:check-in':     '-    -    -    -    -    -    -  ',
  'check-in:read':      '-    -    -    -    -    -    -  ',
  'check-in:write':     '-    -    -    -    -    -    -  ',
  'api-key:read':       'all  -    -    -    -    -    all',
  'api-key:write':      'all  -    -    -    -    -    -  ',
  'account:sign-in':    '-    -    -    -    -    -    -  ',
  'account:read':       'yes  yes  yes  yes  yes  yes  yes',
  'account:write':      'yes  yes  yes  yes  yes  yes  yes',
  'account:secure':     'yes  yes  yes  yes  yes  yes  yes',
  'self:read':          '-    -    -    -    -    -    -  ',
  'self:write':         '-    -    -    -    -    -    -  ',
  'self:secure':        '-    -    -    -    -    -    -  ',
};

/** What a device may do by itself, at its location, and what a patient in whose hands it is may do there. */
export const DEVICE_POLICY = {
  kiosk: ['device:use', 'kiosk:check-in'],
  'shared-device': ['device:use'],
  'check-in': ['check-in:read', 'check-in:write'],
} as const satisfies Record<string, readonly Permission[]>;

/** What the key of an integration may be given: nothing that gives access, and nothing that wants a person's proof. */
export const KEY_PERMISSIONS = PERMISSIONS.filter(
  (permission) => !/^(account|access|break-glass|device|kiosk|check-in|api-key|self):/.test(permission) && !NEEDS_STEP_UP.has(permission),
);

type Cell = 'yes' | 'all' | '-';

/** The table taken apart, once: every request of somebody who has signed in looks into it. */
const CELLS = new Map(PERMISSIONS.map((permission) => [permission, POLICY[permission].trim().split(/\s+/) as Cell[]]));

/** The cell of a role and a permission. */
export function cellOf(role: Role, permission: Permission): Cell {
  return CELLS.get(permission)?.[ROLES.indexOf(role)] ?? '-';
}

/** Permissions that a role gives at a scope. */
export function permissionsOf(role: Role, scope: Scope): Permission[] {
  return PERMISSIONS.filter((permission) => {
    const cell = cellOf(role, permission);
    return cell === 'yes' || (cell === 'all' && scope === 'everywhere');
  });
}

/** What is everybody's who has signed in, whatever their roles: their own account. */
const OWN_ACCOUNT = PERMISSIONS.filter((permission) => permission.startsWith('account:') && isHeldBySome(permission));

/** What a role that an organization makes itself may have in it. */
export const ROLE_PERMISSIONS = PERMISSIONS.filter((permission) => isHeldBySome(permission) && !OWN_ACCOUNT.includes(permission));

function isHeldBySome(permission: Permission): boolean {
  return ROLES.some((role) => cellOf(role, permission) !== '-');
}

/** Whether a permission concerns the whole organization, so that no role gives it at one location: `all` stands in its row. */
export function isOrganizationWide(permission: Permission): boolean {
  return ROLES.some((role) => cellOf(role, permission) === 'all');
}

/** A role as somebody was given it, everywhere or at one location: one of the table's, or the permissions of an organization's own. */
export type GivenRole = { role: Role | null; permissions: readonly string[] | null; locationId: string | null };

/** What somebody may do to whom these roles were given. Somebody without any has their own account and nothing else. */
export function grantsOf(given: readonly GivenRole[]): Grants {
  return union([
    grant(OWN_ACCOUNT),
    ...given.map(({ role, permissions, locationId }) => {
      const scope = locationId === null ? 'everywhere' : [locationId];
      return grant(role === null ? customPermissionsOf(permissions ?? [], scope) : permissionsOf(role, scope), scope);
    }),
  ]);
}

/** Permissions that an organization's own role gives at a scope: the rule of the table's `all` holds for them too. */
function customPermissionsOf(permissions: readonly string[], scope: Scope): Permission[] {
  return ROLE_PERMISSIONS.filter(
    (permission) => permissions.includes(permission) && (scope === 'everywhere' || !isOrganizationWide(permission)),
  );
}

/** Whether whoever holds the first holds all of the second, wherever it holds. */
export function covers(held: Grants, wanted: Grants): boolean {
  return [...wanted].every(([permission, scope]) => {
    const own = held.get(permission);
    if (own === undefined || own === 'everywhere') return own !== undefined;
    return scope !== 'everywhere' && scope.length > 0 && scope.every((location) => own.includes(location));
  });
}

/** The same scope for each of the permissions. */
export function grant(permissions: Iterable<Permission>, scope: Scope = 'everywhere'): Grants {
  return new Map([...permissions].map((permission) => [permission, scope]));
}

/** What an emergency access opens, of its one patient: reading, at every location, and nothing else. */
export const IN_EMERGENCY: Grants = grant(['patient:read', 'patient:contact', 'patient:clinical', 'appointment:read']);

/** Everything, everywhere: jobs, and tests that are not about permissions. */
export const EVERYTHING: Grants = grant(PERMISSIONS);

/** Patients, about themselves and whom they stand in for: which rows there are is said beside it, and row-level security holds it. */
export const PATIENT_GRANTS: Grants = grant(['self:read', 'self:write', 'self:secure', 'patient:contact']);

/** What several grants allow together. */
export function union(grants: Iterable<Grants>): Grants {
  const all = new Map<Permission, Scope>();
  for (const one of grants) {
    for (const [permission, scope] of one) {
      const known = all.get(permission);
      if (known === undefined || scope === 'everywhere') all.set(permission, scope);
      else if (known !== 'everywhere') all.set(permission, [...new Set([...known, ...scope])]);
    }
  }
  return all;
}

/** What two grants both allow. */
export function intersection(one: Grants, other: Grants): Grants {
  const both = new Map<Permission, Scope>();
  for (const [permission, scope] of one) {
    const limit = other.get(permission) ?? [];
    if (limit === 'everywhere') both.set(permission, scope);
    else if (scope === 'everywhere' && limit.length > 0) both.set(permission, limit);
    else if (scope !== 'everywhere') {
      const common = scope.filter((id) => limit.includes(id));
      if (common.length > 0) both.set(permission, common);
    }
  }
  return both;
}
