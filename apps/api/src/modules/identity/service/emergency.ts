import { v7 as newId } from 'uuid';
import {
  EmergencyAccess,
  EMERGENCY_MINUTES,
  grant,
  IN_EMERGENCY,
  REVIEW_HOURS,
  type EmergencyAccessQuery,
  type OpenEmergencyAccess,
  type ReviewEmergencyAccess,
  type ReviewOutcome,
} from '@medspa/contracts';
import type { Tx } from '@medspa/database';
import type { Ctx } from '../../../platform/context.ts';
import { call, mutate, view } from '../../../platform/doors.ts';
import type { FoundActor } from '../../../platform/edge.ts';
import { isEventStream } from '../../../platform/event-stream.ts';
import { Problem } from '../../../platform/problem.ts';
import { existing, pageAfter } from '../../../platform/versioned.ts';
import * as queries from '../queries/emergency.ts';
import { findPerson } from '../queries/sign-in.ts';
import { reviewWords } from '../rules.ts';
import { findGrants } from './access.ts';
import { openEmail } from './address.ts';
import type { LinkParts } from './password-reset.ts';

/** Names the emergency access under which a request reads. */
const EMERGENCY_HEADER = 'emergency-access';
/** The operation that opens one. */
const OPENING = 'POST /v1/emergency-accesses';

const REVIEW = { needs: 'break-glass:review', action: 'emergency-access.review' } as const;
const NOT_OPEN = { in: 'header', pointer: EMERGENCY_HEADER, detail: 'No emergency access of yours that is open.' } as const;

/**
 * Who acts in an emergency (I19): by the session and the access alone, whatever became of roles. Undefined where the request says
 * nothing of an emergency, for the ordinary way to find out; null where there is no session.
 *
 * Under an access that is open they read that one patient, and each read is recorded with its id. Opening one takes no role for
 * somebody who treats patients; others hold `break-glass:use` by the ordinary way. Throws `not-permitted` for an access that is
 * over, somebody else's, or none.
 */
export async function findInEmergency(
  ctx: Ctx,
  request: { tokenHash: Uint8Array; needsSecondFactor: boolean; headers: Headers; operation: string },
): Promise<FoundActor | null | undefined> {
  const { tokenHash, needsSecondFactor, headers, operation } = request;
  const named = headers.get(EMERGENCY_HEADER);
  if (named === null && operation !== OPENING) return undefined;
  const accessId = named !== null && /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/.test(named) ? named : null;
  const { found } = await call(ctx, { needs: 'account:sign-in', action: 'session.find' }, (session) =>
    queries.findInEmergencyVerb(session, tokenHash, accessId, !isEventStream(headers)),
  );
  if (!found) return null;
  const { organizationId } = ctx;
  const mustEnrol = needsSecondFactor && !found.hasSecondFactor;
  const signIn = { sessionId: found.id, steppedUpAt: new Date(found.steppedUpAt), mustEnrol };
  const actor = { kind: 'staff' as const, id: found.staffId };
  if (named === null) {
    if (!found.treatsPatients) return undefined;
    return { organizationId, signIn, actor: { ...actor, grants: grant(['break-glass:use']) } };
  }
  if (accessId === null || found.patientId === null) throw new Problem('not-permitted', { errors: [NOT_OPEN] });
  return { organizationId, signIn, actor: { ...actor, grants: IN_EMERGENCY, patients: [found.patientId] }, reason: accessId };
}

/**
 * Opens one patient's record to the actor for an hour, and has everybody told who reviews. Whoever has it open already gets that
 * access: a second reason would be reviewed by nobody. Throws `not-found` for the patient, `overlaps` when two of one person begin
 * at once.
 */
export function openEmergencyAccess(ctx: Ctx, { patientId, reason }: OpenEmergencyAccess) {
  const { organizationId, actor } = ctx;
  const verb = { needs: 'break-glass:use', action: 'emergency-access.open', reply: EmergencyAccess, patients: () => [patientId] } as const;
  return mutate(ctx, verb, async (tx) => {
    const now = ctx.now();
    const open = await queries.findOpenAccess(tx, organizationId, actor.id, patientId, now);
    if (open) return shown(ctx, open);
    const id = newId();
    const row = await queries.insertAccess(tx, organizationId, {
      id,
      staffId: actor.id,
      patientId,
      reasonSealed: ctx.codec.seal(placeOf(ctx, 'reason_sealed', id), reason),
      beginsAt: now,
      endsAt: new Date(now.getTime() + EMERGENCY_MINUTES * 60_000),
      reviewDueAt: new Date(now.getTime() + REVIEW_HOURS * 3_600_000),
    });
    await queries.enqueueTelling(tx, organizationId, id);
    return shown(ctx, row);
  });
}

/** Emergency accesses, the one that waits longest for its review first. Reading reasons is an access to their patients. */
export function listEmergencyAccesses(ctx: Ctx, query: EmergencyAccessQuery) {
  const patients = ({ items }: { items: EmergencyAccess[] }) => [...new Set(items.map(({ patientId }) => patientId))];
  return view(ctx, { ...REVIEW, action: 'emergency-access.list', patients }, async (tx) => {
    const found = await queries.listAccesses(tx, ctx.organizationId, query);
    const { items, nextCursor } = await pageAfter(query, found, (id) => queries.findAccess(tx, ctx.organizationId, id));
    return { items: items.map((row) => shown(ctx, row)), nextCursor };
  });
}

/**
 * Writes down what somebody else found about an emergency access. Throws `not-found`, `not-permitted` for one's own (I20),
 * `wrong-status` when it was reviewed.
 */
export function reviewEmergencyAccess(ctx: Ctx, id: string, { outcome, note }: ReviewEmergencyAccess) {
  const { organizationId, actor } = ctx;
  return mutate(ctx, { ...REVIEW, reply: EmergencyAccess, patients: (access) => [access.patientId] }, async (tx) => {
    const { staffId } = existing(await queries.findAccess(tx, organizationId, id));
    if (staffId === actor.id) throw new Problem('not-permitted');
    const reviewNoteSealed = ctx.codec.seal(placeOf(ctx, 'review_note_sealed', id), note);
    const isFirst = await queries.updateReview(tx, organizationId, id, {
      reviewedAt: ctx.now(),
      reviewedById: actor.id,
      outcome,
      reviewNoteSealed,
    });
    if (!isFirst) throw new Problem('wrong-status', { currentStatus: 'reviewed' });
    return shown(ctx, existing(await queries.findAccess(tx, organizationId, id)));
  });
}

/**
 * Enqueues a note to everybody who reviews, in the caller's transaction: also to whoever opened the access, since it may not have been
 * them.
 */
export async function tellReviewers({ organizationId }: Ctx, tx: Tx, accessId: string): Promise<void> {
  const reviewers: string[] = [];
  for (const { id } of await queries.listReachable(tx, organizationId))
    if ((await findGrants(tx, id)).has('break-glass:review')) reviewers.push(id);
  await queries.enqueueNotes(tx, organizationId, accessId, reviewers);
}

/**
 * Tells one person by e-mail that there is something to review: who read, when and until when, nothing of the patient. Throws when
 * the mail server has not taken it, for the queue to try again; it is the same message then.
 */
export async function tellReviewer(ctx: Ctx, { mail, apiUrl }: LinkParts, accessId: string, staffId: string): Promise<void> {
  if (!mail) return;
  const { organizationId } = ctx;
  const { reader, reviewer, row } = await view(ctx, { ...REVIEW, action: 'emergency-access.tell' }, async (tx) => {
    const access = existing(await queries.findAccess(tx, organizationId, accessId));
    return {
      row: access,
      reader: existing(await findPerson(tx, organizationId, access.staffId)),
      reviewer: existing(await findPerson(tx, organizationId, staffId)),
    };
  });
  if (!reviewer.emailSealed) return;
  const to = openEmail(ctx, staffId, reviewer.emailSealed);
  const words = reviewWords({
    ...row,
    organizationName: reader.organization.name,
    readerName: `${reader.givenName} ${reader.familyName}`,
    link: `${apiUrl}/v1/emergency-accesses?state=to-review`,
  });
  const handover = await mail.send({ organizationId, id: `${accessId}.${staffId}`, to, ...words });
  if (handover.outcome === 'later' || handover.outcome === 'unknown') throw new Error('The note was not taken.');
}

/** How many reviews are overdue, whosever they are. */
export async function countOverdueReviews(ctx: Ctx): Promise<number> {
  const { count } = await call(ctx, { ...REVIEW, action: 'upkeep.reviews' }, (session) => queries.countOverdueVerb(session));
  return Number(count);
}

function placeOf({ organizationId }: Ctx, column: 'reason_sealed' | 'review_note_sealed', rowId: string) {
  return { organizationId, table: 'emergency_access', column, rowId };
}

function shown(ctx: Ctx, row: queries.AccessRow): EmergencyAccess {
  const { id, staffId, patientId, beginsAt, endsAt, reviewDueAt, reviewedAt, reviewedById, outcome, reviewNoteSealed } = row;
  const review =
    reviewedAt && reviewedById && reviewNoteSealed
      ? {
          at: reviewedAt,
          staffId: reviewedById,
          outcome: outcome as ReviewOutcome,
          note: ctx.codec.open(placeOf(ctx, 'review_note_sealed', id), reviewNoteSealed),
        }
      : null;
  const reason = ctx.codec.open(placeOf(ctx, 'reason_sealed', id), row.reasonSealed);
  return { id, staffId, patientId, reason, beginsAt, endsAt, reviewDueAt, isOverdue: !review && ctx.now() > reviewDueAt, review };
}
