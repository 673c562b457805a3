import type { EmergencyAccessQuery, ReviewOutcome } from '@medspa/contracts';
import { keyset, sql, toPage, type Session, type Tx } from '@medspa/database';

type Bytes = Uint8Array<ArrayBuffer>;

const byId = (organizationId: string, id: string) => ({ organizationId_id: { organizationId, id } });

/** The session of a request by the hash of its token, and the patient whose record this access opens to it. Asks for no role. */
export function findInEmergencyVerb(session: Session, tokenHash: Uint8Array, accessId: string | null, isUse: boolean) {
  type Found = {
    id: string;
    staffId: string;
    steppedUpAt: string;
    hasSecondFactor: boolean;
    treatsPatients: boolean;
    patientId: string | null;
  };
  return sql<{ found: Found | null }>`
    SELECT app.find_in_emergency(${session}::jsonb, ${tokenHash}::bytea, ${accessId}::uuid, ${isUse}::boolean) AS found`;
}

export type NewAccess = {
  id: string;
  staffId: string;
  patientId: string;
  reasonSealed: Bytes;
  beginsAt: Date;
  endsAt: Date;
  reviewDueAt: Date;
};

export function insertAccess(tx: Tx, organizationId: string, data: NewAccess) {
  return tx.emergencyAccess.create({ data: { organizationId, ...data } });
}
export type AccessRow = Awaited<ReturnType<typeof insertAccess>>;

/** The access that is open for this person and patient at that moment, or null. */
export function findOpenAccess(tx: Tx, organizationId: string, staffId: string, patientId: string, now: Date) {
  return tx.emergencyAccess.findFirst({ where: { organizationId, staffId, patientId, beginsAt: { lte: now }, endsAt: { gt: now } } });
}

export function findAccess(tx: Tx, organizationId: string, id: string) {
  return tx.emergencyAccess.findUnique({ where: byId(organizationId, id) });
}

/** The one that waits longest first. */
export async function listAccesses(tx: Tx, organizationId: string, { state, ...page }: EmergencyAccessQuery) {
  const ofState = { 'to-review': { reviewedAt: null }, reviewed: { reviewedAt: { not: null } } };
  const where = { organizationId, ...(state === undefined ? {} : ofState[state]) };
  return toPage(await tx.emergencyAccess.findMany({ where, orderBy: { id: 'asc' }, ...keyset(page, organizationId) }), page);
}

/** Writes down a review; false when there was one. */
export async function updateReview(
  tx: Tx,
  organizationId: string,
  id: string,
  review: { reviewedAt: Date; reviewedById: string; outcome: ReviewOutcome; reviewNoteSealed: Bytes },
): Promise<boolean> {
  const { count } = await tx.emergencyAccess.updateMany({ where: { organizationId, id, reviewedAt: null }, data: review });
  return count === 1;
}

/** Has everybody told who reviews: at once, and beside the transaction, so that nothing about them stands in the way. */
export async function enqueueTelling(tx: Tx, organizationId: string, accessId: string): Promise<void> {
  const payload = JSON.stringify({ organizationId, accessId });
  await tx.$executeRaw`SELECT graphile_worker.add_job('tell-reviewers', ${payload}::json)`;
}

/** A job for each of them, so that one whose address is refused keeps no other from being told; again is the same as once. */
export async function enqueueNotes(tx: Tx, organizationId: string, accessId: string, staffIds: string[]): Promise<void> {
  for (const staffId of staffIds) {
    const payload = JSON.stringify({ organizationId, accessId, staffId });
    await tx.$executeRaw`SELECT graphile_worker.add_job('tell-reviewer', ${payload}::json, job_key := ${`review:${accessId}:${staffId}`})`;
  }
}

/** Active staff who have an account and an address. */
export function listReachable(tx: Tx, organizationId: string) {
  return tx.staff.findMany({
    where: { organizationId, isActive: true, emailSealed: { not: null }, account: { isNot: null } },
    select: { id: true },
  });
}

/** How many reviews of all organizations are overdue. */
export function countOverdueVerb(session: Session) {
  return sql<{ count: string }>`SELECT app.count_overdue_reviews(${session}::jsonb) AS count`;
}
