import {
  covers,
  CustomRole,
  grantsOf,
  isOrganizationWide,
  permissionsOf,
  RemovedRole,
  RoleAssignment,
  ROLES,
  type AssignRole,
  type CreateCustomRole,
  type Grants,
  type PageQuery,
  type Role,
  type RoleAssignmentQuery,
  type UpdateCustomRole,
} from '@medspa/contracts';
import type { Tx } from '@medspa/database';
import { demand, type Ctx } from '../../../platform/context.ts';
import { mutate, view } from '../../../platform/doors.ts';
import { Problem, problemAt } from '../../../platform/problem.ts';
import { changed, existing, pageAfter } from '../../../platform/versioned.ts';
import { findLocation, findStaff } from '../queries.ts';
import * as queries from '../queries/access.ts';

const READ = 'access:read';
const WRITE = 'access:write';

// ── the one rule ─────────────────────────────────────────────────────────────────────────────────────────────────────

/**
 * What the actor may do now, and not when the request began, held until the transaction ends: changes of who may do what come one
 * after the other, so that nobody gives away what is being taken from them. Throws `not-permitted` for whoever has lost it meanwhile.
 */
export async function holdAccess(ctx: Ctx, tx: Tx): Promise<Grants> {
  await queries.lockAccess(tx, ctx.organizationId);
  const own = await findGrants(tx, ctx.actor.id);
  if (!own.has(WRITE)) throw new Problem('not-permitted');
  return own;
}

/** What a person may do now. */
export async function findGrants(tx: Tx, staffId: string): Promise<Grants> {
  return grantsOf(await queries.listGivenRoles(tx, staffId));
}

/** I14: nobody gives, takes or decides over more than they may do themselves, where they may. Throws `beyond-own-access`. */
export function refuseBeyond(own: Grants, wanted: Grants, pointer?: string): void {
  if (covers(own, wanted)) return;
  throw pointer === undefined ? new Problem('beyond-own-access') : problemAt('beyond-own-access', pointer);
}

/** I13: throws `last-owner` for the only active owner. PostgreSQL refuses it as well (`app.keep_an_owner`). */
export async function refuseLastOwner(tx: Tx, organizationId: string, staffId: string): Promise<void> {
  const roles = await queries.listGivenRoles(tx, staffId);
  const isOwner = roles.some(({ role, locationId }) => role === 'owner' && locationId === null);
  if (isOwner && !(await queries.hasOtherOwner(tx, organizationId, staffId))) throw new Problem('last-owner');
}

// ── roles ────────────────────────────────────────────────────────────────────────────────────────────────────────────

/** The roles that every organization has, as the policy table says. */
export function listRoles(ctx: Ctx) {
  demand(ctx, READ);
  const items = ROLES.map((role) => {
    const all = permissionsOf(role, 'everywhere');
    return {
      role,
      permissions: all.filter((permission) => !isOrganizationWide(permission)),
      organizationWide: all.filter(isOrganizationWide),
    };
  });
  return { items };
}

/** What a role of the organization's own gives everywhere. */
const everywhere = (permissions: readonly string[]) => grantsOf([{ role: null, permissions, locationId: null }]);

/** Stored permissions are those of the contract: the schema lets no other in. */
type CustomRoleRow = NonNullable<Awaited<ReturnType<typeof queries.findCustomRole>>>;
const shown = (row: CustomRoleRow) => row as CustomRole;

export function listCustomRoles(ctx: Ctx, page: PageQuery) {
  return view(ctx, { needs: READ, action: 'role.list' }, async (tx) => {
    const found = await queries.listCustomRoles(tx, ctx.organizationId, page);
    const { items, nextCursor } = await pageAfter(page, found, (id) => queries.findCustomRole(tx, ctx.organizationId, id));
    return { items: items.map(shown), nextCursor };
  });
}

/** Throws `beyond-own-access`, and `already-exists` for the name. */
export function createCustomRole(ctx: Ctx, input: CreateCustomRole) {
  return mutate(ctx, { needs: WRITE, action: 'role.create', reply: CustomRole }, async (tx) => {
    refuseBeyond(await holdAccess(ctx, tx), everywhere(input.permissions), '/permissions');
    return shown(await queries.insertCustomRole(tx, ctx.organizationId, input));
  });
}

/**
 * Changes a role for everybody who has it, from their next request on. Throws `beyond-own-access` for what it holds as well as for what
 * it is to hold, `not-found`, `stale-version`, and `already-exists` for the name.
 */
export function updateCustomRole(ctx: Ctx, id: string, input: UpdateCustomRole) {
  return mutate(ctx, { needs: WRITE, action: 'role.update', reply: CustomRole }, async (tx) => {
    const own = await holdAccess(ctx, tx);
    const { permissions } = existing(await queries.findCustomRole(tx, ctx.organizationId, id));
    refuseBeyond(own, everywhere([...permissions, ...(input.permissions ?? [])]), '/permissions');
    const find = () => queries.findCustomRole(tx, ctx.organizationId, id);
    return shown(await changed(await queries.updateCustomRole(tx, ctx.organizationId, id, input), find));
  });
}

/** Throws `not-found`, `beyond-own-access`, and `still-referred-to` while somebody has it. */
export function deleteCustomRole(ctx: Ctx, id: string) {
  return mutate(ctx, { needs: WRITE, action: 'role.delete', reply: RemovedRole }, async (tx) => {
    const own = await holdAccess(ctx, tx);
    const { permissions } = existing(await queries.findCustomRole(tx, ctx.organizationId, id));
    refuseBeyond(own, everywhere(permissions));
    await queries.deleteCustomRole(tx, ctx.organizationId, id);
    return { id };
  });
}

// ── who has which ────────────────────────────────────────────────────────────────────────────────────────────────────

const isBuiltIn = (role: string): role is Role => (ROLES as readonly string[]).includes(role);

function assignmentOf({ role, customRoleId, ...row }: queries.AssignmentRow) {
  return { ...row, role: (role ?? customRoleId) as Role };
}

/** Who has which roles, of everybody or of one person. Throws `not-found` for a person who is not there. */
export function listAssignments(ctx: Ctx, query: RoleAssignmentQuery) {
  return view(ctx, { needs: READ, action: 'role-assignment.list' }, async (tx) => {
    const { organizationId } = ctx;
    if (query.staffId !== undefined && !(await findStaff(tx, organizationId, query.staffId)))
      throw problemAt('not-found', 'staffId', 'query');
    const found = await queries.listAssignments(tx, organizationId, query);
    const { items, nextCursor } = await pageAfter(query, found, (id) => queries.findAssignment(tx, organizationId, id));
    return { items: items.map(assignmentOf), nextCursor };
  });
}

/**
 * Gives somebody a role, everywhere or at one location, from their next request on. Throws `not-found` for person, role and location,
 * `staff-inactive`, `beyond-own-access`, `already-exists`.
 */
export function assignRole(ctx: Ctx, { staffId, role, locationId = null }: AssignRole) {
  const { organizationId } = ctx;
  return mutate(ctx, { needs: WRITE, action: 'role.assign', reply: RoleAssignment }, async (tx) => {
    const own = await holdAccess(ctx, tx);
    const staff = await findStaff(tx, organizationId, staffId);
    if (!staff) throw problemAt('not-found', '/staffId');
    if (!staff.isActive) throw problemAt('staff-inactive', '/staffId');
    if (locationId !== null && !(await findLocation(tx, organizationId, locationId))) throw problemAt('not-found', '/locationId');
    const custom = isBuiltIn(role) ? null : await queries.findCustomRole(tx, organizationId, role);
    const builtIn = isBuiltIn(role) ? role : null;
    if (builtIn === null && custom === null) throw problemAt('not-found', '/role');
    refuseBeyond(own, grantsOf([{ role: builtIn, permissions: custom?.permissions ?? null, locationId }]), '/role');
    const given = { staffId, role: builtIn, customRoleId: custom?.id ?? null, locationId };
    return assignmentOf(await queries.insertAssignment(tx, organizationId, given));
  });
}

/** Takes a role back, from the next request on. Throws `not-found`, `beyond-own-access`, `last-owner`. */
export function takeRoleBack(ctx: Ctx, id: string) {
  const { organizationId } = ctx;
  return mutate(ctx, { needs: WRITE, action: 'role.take-back', reply: RoleAssignment }, async (tx) => {
    const own = await holdAccess(ctx, tx);
    const row = existing(await queries.findAssignment(tx, organizationId, id));
    const { staffId, customRoleId, locationId } = row;
    const role = row.role as Role | null;
    const custom = customRoleId === null ? null : await queries.findCustomRole(tx, organizationId, customRoleId);
    refuseBeyond(own, grantsOf([{ role, permissions: custom?.permissions ?? null, locationId }]));
    if (role === 'owner' && locationId === null) await refuseLastOwner(tx, organizationId, staffId);
    await queries.deleteAssignment(tx, organizationId, id);
    return assignmentOf(row);
  });
}
