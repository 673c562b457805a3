/** What an actor may be allowed to do. Every verb names the one it needs; `policy.ts` says who holds it. */
export const PERMISSIONS = [
  'organization:read',
  'organization:write',
  'staff:read',
  'staff:write',
  // Who treats patients, and so may break the glass without a role.
  'provider:write',
  // Who may do what: roles, invitations, off-boarding.
  'access:read',
  'access:write',
  'patient:read',
  'patient:write',
  'patient:import',
  // Fields of what one may read otherwise (fields.ts).
  'patient:contact',
  'patient:clinical',
  'money:read',
  'audit:read',
  // Reading one patient's record in an emergency, and looking into it afterwards.
  'break-glass:use',
  'break-glass:review',
  'messaging:read',
  'messaging:write',
  'consent:write',
  'catalog:read',
  'catalog:write',
  'schedule:read',
  'schedule:write',
  'appointment:read',
  'appointment:write',
  // Devices of the clinic: who enrols them, and what they may do by themselves.
  'device:read',
  'device:write',
  'device:use',
  'kiosk:check-in',
  // Of a patient in whose hands a device is, about the one visit.
  'check-in:read',
  'check-in:write',
  // Keys of integrations.
  'api-key:read',
  'api-key:write',
  // Of everybody, about themselves.
  'account:sign-in',
  'account:read',
  'account:write',
  'account:secure',
  // Of patients, about themselves and those they stand in for.
  'self:read',
  'self:write',
  'self:secure',
] as const;
export type Permission = (typeof PERMISSIONS)[number];

/** Those that are used only within minutes of proving who one is: what a browser left open must not give away. */
export const NEEDS_STEP_UP: ReadonlySet<Permission> = new Set([
  'account:secure',
  'access:write',
  'provider:write',
  'device:write',
  'api-key:write',
  'self:secure',
  'break-glass:use',
]);
