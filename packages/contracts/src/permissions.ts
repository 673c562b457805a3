/** What an actor may be allowed to do. Roles that grant them come with identity; every verb names the one it needs. */
export const PERMISSIONS = [
  'organization:read',
  'organization:write',
  'staff:read',
  'staff:write',
  'patient:read',
  'patient:write',
  'patient:import',
  'audit:read',
  'messaging:read',
  'messaging:write',
  'catalog:read',
  'catalog:write',
  'schedule:read',
  'schedule:write',
  'appointment:read',
  'appointment:write',
] as const;
export type Permission = (typeof PERMISSIONS)[number];
