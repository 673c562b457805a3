import type { CreateCustomRole, GivenRole, PageQuery, RoleAssignmentQuery, UpdateCustomRole } from '@medspa/contracts';
import { keyset, toPage, type Tx } from '@medspa/database';

const byId = (organizationId: string, id: string) => ({ organizationId_id: { organizationId, id } });

/** A role that somebody was given, with what it allows where it is the organization's own. */
export type GivenRoleRow = GivenRole & { customRoleId: string | null; name: string | null };

/** The roles of a person of the session's organization. */
export async function listGivenRoles(tx: Tx, staffId: string): Promise<GivenRoleRow[]> {
  const rows = await tx.$queryRaw<{ roles: GivenRoleRow[] }[]>`SELECT app.roles_of(${staffId}::uuid) AS roles`;
  return rows[0]?.roles ?? [];
}

/** Holds the organization until the transaction ends: whatever changes who may do what in it comes one after the other. */
export async function lockAccess(tx: Tx, organizationId: string): Promise<void> {
  await tx.$queryRaw`SELECT FROM organization WHERE id = ${organizationId}::uuid FOR NO KEY UPDATE`;
}

// ── roles of the organization's own ──────────────────────────────────────────────────────────────────────────────────

const CUSTOM_ROLE = { id: true, name: true, permissions: true, version: true } as const;

export async function listCustomRoles(tx: Tx, organizationId: string, page: PageQuery) {
  return toPage(
    await tx.customRole.findMany({
      where: { organizationId },
      orderBy: { id: 'asc' },
      select: CUSTOM_ROLE,
      ...keyset(page, organizationId),
    }),
    page,
  );
}

export function findCustomRole(tx: Tx, organizationId: string, id: string) {
  return tx.customRole.findUnique({ where: byId(organizationId, id), select: CUSTOM_ROLE });
}

export function insertCustomRole(tx: Tx, organizationId: string, data: CreateCustomRole) {
  return tx.customRole.create({ data: { organizationId, ...data }, select: CUSTOM_ROLE });
}

export function updateCustomRole(tx: Tx, organizationId: string, id: string, { version, ...data }: UpdateCustomRole) {
  return tx.customRole.updateManyAndReturn({
    where: { organizationId, id, version },
    data: { ...data, version: { increment: 1 } },
    select: CUSTOM_ROLE,
  });
}

export async function deleteCustomRole(tx: Tx, organizationId: string, id: string): Promise<void> {
  await tx.customRole.delete({ where: byId(organizationId, id), select: { id: true } });
}

// ── who has which ────────────────────────────────────────────────────────────────────────────────────────────────────

const ASSIGNMENT = { id: true, staffId: true, role: true, customRoleId: true, locationId: true, createdAt: true } as const;
export type AssignmentRow = NonNullable<Awaited<ReturnType<typeof findAssignment>>>;

export async function listAssignments(tx: Tx, organizationId: string, { staffId, ...page }: RoleAssignmentQuery) {
  const where = { organizationId, ...(staffId === undefined ? {} : { staffId }) };
  return toPage(await tx.staffRole.findMany({ where, orderBy: { id: 'asc' }, select: ASSIGNMENT, ...keyset(page, organizationId) }), page);
}

export function findAssignment(tx: Tx, organizationId: string, id: string) {
  return tx.staffRole.findUnique({ where: byId(organizationId, id), select: ASSIGNMENT });
}

type NewAssignment = { staffId: string; role: string | null; customRoleId: string | null; locationId: string | null };

export function insertAssignment(tx: Tx, organizationId: string, data: NewAssignment) {
  return tx.staffRole.create({ data: { organizationId, ...data }, select: ASSIGNMENT });
}

export async function deleteAssignment(tx: Tx, organizationId: string, id: string): Promise<void> {
  await tx.staffRole.delete({ where: byId(organizationId, id), select: { id: true } });
}

/** Takes every role back. */
export async function deleteAssignmentsOf(tx: Tx, organizationId: string, staffId: string): Promise<void> {
  await tx.staffRole.deleteMany({ where: { organizationId, staffId } });
}

/** Whether anybody else is owner everywhere, and active. */
export async function hasOtherOwner(tx: Tx, organizationId: string, staffId: string): Promise<boolean> {
  const where = { organizationId, role: 'owner', locationId: null, staffId: { not: staffId }, staff: { isActive: true } };
  return (await tx.staffRole.count({ where })) > 0;
}
