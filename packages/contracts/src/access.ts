import { z } from 'zod';
import { PageQuery } from './page.ts';
import { PERMISSIONS, type Permission } from './permissions.ts';
import { ROLE_PERMISSIONS, ROLES } from './policy.ts';
import { Email, Id, Instant, text, Version, wrong } from './primitives.ts';

/** A role as it is named: one of those that every organization has, or the id of one of its own. */
const RoleName = z.union([z.enum(ROLES), Id], wrong('Neither one of the roles nor an id.')).meta({
  description: 'one of the roles that every organization has, or the id of one of its own',
  examples: ['front-desk'],
});
const place = Id.nullable().describe('where it holds; null is everywhere');

/** A column of the policy table. */
export const BuiltInRole = z
  .object({
    role: z.enum(ROLES),
    permissions: z.array(z.enum(PERMISSIONS)).describe('held where the role was given'),
    organizationWide: z
      .array(z.enum(PERMISSIONS))
      .describe("held only where the role was given everywhere: what is the whole organization's"),
  })
  .meta({ id: 'BuiltInRole' });
export const BuiltInRoles = z.object({ items: z.array(BuiltInRole) });

const permissions = z
  .array(z.enum(ROLE_PERMISSIONS as [Permission, ...Permission[]]))
  .min(1)
  .transform((given) => ROLE_PERMISSIONS.filter((permission) => given.includes(permission)));

/** A role that an organization made itself. */
export const CustomRole = z
  .object({ id: Id, name: z.string(), permissions: z.array(z.enum(PERMISSIONS)), version: Version })
  .meta({ id: 'CustomRole' });
export type CustomRole = z.infer<typeof CustomRole>;
export const CreateCustomRole = z.strictObject({ name: text(80), permissions });
export type CreateCustomRole = z.infer<typeof CreateCustomRole>;
export const UpdateCustomRole = z.strictObject({ name: text(80).optional(), permissions: permissions.optional(), version: Version });
export type UpdateCustomRole = z.infer<typeof UpdateCustomRole>;
export const RemovedRole = z.object({ id: Id }).meta({ id: 'RemovedRole' });

/** A role that a staff member was given, everywhere or at one location. */
export const RoleAssignment = z
  .object({ id: Id, staffId: Id, role: RoleName, locationId: place, createdAt: Instant })
  .meta({ id: 'RoleAssignment' });
export const AssignRole = z.strictObject({ staffId: Id, role: RoleName, locationId: place.optional() });
export type AssignRole = z.infer<typeof AssignRole>;
export const RoleAssignmentQuery = PageQuery.extend({ staffId: Id.optional() });
export type RoleAssignmentQuery = z.infer<typeof RoleAssignmentQuery>;

/** The same as its holder is told of it. */
export const OwnRole = z.object({
  role: RoleName,
  name: z.string().describe('of a role of the organization its own name'),
  locationId: place,
});
export const HeldPermission = z.object({
  permission: z.enum(PERMISSIONS),
  locationIds: z.array(Id).nullable().describe('where it holds; null is everywhere'),
});

/** Somebody who may choose a password and sign in from then on. */
export const Invitation = z
  .object({ id: Id, staffId: Id, email: Email, invitedBy: Id, delivery: z.enum(['email', 'link']), expiresAt: Instant, createdAt: Instant })
  .meta({ id: 'Invitation' });
export type Invitation = z.infer<typeof Invitation>;
export const Invite = z.strictObject({
  staffId: Id,
  delivery: z
    .enum(['email', 'link'])
    .default('email')
    .describe('`email` sends the link to the address; `link` shows it once to whoever invites, where no e-mail is sent'),
});
export type Invite = z.infer<typeof Invite>;
export const Invited = z
  .object({
    invitation: Invitation,
    link: z.string().nullable().describe('shown this once, where it was asked for; null when it is e-mailed'),
  })
  .meta({ id: 'Invited' });
export const WithdrawnInvitation = z.object({ id: Id }).meta({ id: 'WithdrawnInvitation' });
