import type { CancelAppointment, EventsQuery, HistoryQuery, MoveAppointmentOn, PageQuery, PlainDate } from '@medspa/contracts';
import { MAX_PAGE, type Tx } from '@medspa/database';
import type { Ctx } from '../../../platform/context.ts';
import { call, view } from '../../../platform/doors.ts';
import { Problem } from '../../../platform/problem.ts';
import { repeatableArgument } from '../../../platform/repeatable.ts';
import { existing, pageAfter } from '../../../platform/versioned.ts';
import { getLocationZone } from '../../identity/index.ts';
import { hasPatient } from '../../patients/index.ts';
import * as queries from '../queries.ts';
import { transitionOf } from '../rules.ts';
import { appointmentOf, notePlace, offerAnew, sealNote } from './book.ts';

/** Throws `not-found`. */
export function getAppointment(ctx: Ctx, id: string): Promise<queries.AppointmentJson> {
  return view(
    ctx,
    { needs: 'appointment:read', action: 'appointment.read', patients: (found: queries.AppointmentJson) => [found.patientId] },
    async (tx) => existing(await queries.findAppointment(tx, id)),
  );
}

/** The visits of a patient, whatever became of them, the latest start first. Throws `not-found`. */
export function listPatientAppointments(ctx: Ctx, patientId: string, page: PageQuery) {
  return view(ctx, { needs: 'appointment:read', action: 'patient.appointments', patients: () => [patientId] }, async (tx) => {
    if (!(await hasPatient(tx, ctx.organizationId, patientId))) throw new Problem('not-found');
    return pageAfter(page, await queries.listAppointments(tx, ctx.organizationId, patientId, page), async (id) => {
      const visit = await queries.findAppointment(tx, id);
      return visit?.patientId === patientId ? visit : null;
    });
  });
}

/** The visits of a patient as they see them, the latest start first. Throws `not-found`. Inside the caller's transaction. */
export async function listVisitsOfPatient(ctx: Ctx, tx: Tx, patientId: string, page: PageQuery) {
  if (!(await hasPatient(tx, ctx.organizationId, patientId))) throw new Problem('not-found');
  return pageAfter(page, await queries.listVisitsOfPatient(tx, ctx.organizationId, patientId, page), (id) =>
    findVisitOfPatient(tx, patientId, id),
  );
}

/** A visit of this patient as they see it, or null. Inside the caller's transaction. */
export async function findVisitOfPatient(tx: Tx, patientId: string, id: string) {
  const visit = await queries.findVisitOfPatient(tx, id);
  return visit?.patientId === patientId ? visit : null;
}

/** Cancels a visit and gives provider, room and patient back. Throws `not-found`, `stale-version`, `wrong-status`. */
export async function cancelAppointment(
  ctx: Ctx,
  id: string,
  { reason, note, channel, version }: CancelAppointment,
): Promise<queries.AppointmentJson> {
  const { result } = await call(ctx, { needs: 'appointment:write', action: 'appointment.cancel' }, (session) =>
    queries.changeStatusVerb(session, {
      ...transitionOf('cancel'),
      appointmentId: id,
      version,
      channel,
      reason,
      noteSealed: sealNote(ctx, id, version + 1, note),
      idempotency: repeatableArgument(ctx),
    }),
  );
  return appointmentOf(result);
}

/**
 * Takes a visit one step on: confirmed, arrived, ... left, or marked as no-show; or takes a no-show back, who then has their time
 * again. Throws `not-found`, `stale-version`, `wrong-status`, `too-early`, and `slot-taken` when somebody else has the time by
 * now, with times for a new booking.
 */
export async function moveAppointmentOn(
  ctx: Ctx,
  id: string,
  { action, note, channel, version }: MoveAppointmentOn,
): Promise<queries.AppointmentJson> {
  const { result } = await call(ctx, { needs: 'appointment:write', action: `appointment.${action}` }, (session) =>
    queries.changeStatusVerb(session, {
      ...transitionOf(action),
      appointmentId: id,
      version,
      channel,
      noteSealed: sealNote(ctx, id, version + 1, note),
      idempotency: repeatableArgument(ctx),
    }),
  );
  return appointmentOf(result, () => offerAnew(ctx, id));
}

/** What happened to an appointment after a version of it, oldest first. Throws `not-found`. */
export async function getAppointmentHistory(ctx: Ctx, id: string, page: HistoryQuery) {
  type Result = { patientId: string; items: ReturnType<typeof present>[] };
  const present = ({
    noteSealed,
    organizationId: _,
    appointmentId,
    segments,
    ...row
  }: Awaited<ReturnType<typeof queries.listHistory>>[number]) => ({
    ...row,
    services: segments as queries.AppointmentJson['services'],
    note: noteSealed ? ctx.codec.open(notePlace(ctx, appointmentId, row.version), noteSealed) : null,
  });
  const { items } = await view(
    ctx,
    { needs: 'appointment:read', action: 'appointment.history', patients: (result: Result) => [result.patientId] },
    async (tx): Promise<Result> => {
      const { patientId } = existing(await queries.findAppointment(tx, id));
      return { patientId, items: (await queries.listHistory(tx, ctx.organizationId, id, page)).map(present) };
    },
  );
  return { items };
}

/** One local day of a location, today unless told, in order of time. Throws `not-found`. */
export async function getLocationDay(ctx: Ctx, locationId: string, date?: PlainDate): Promise<object> {
  const { result } = await call(ctx, { needs: 'appointment:read', action: 'location.day' }, (session) =>
    queries.dayVerb(session, locationId, date ?? null),
  );
  if (!result) throw new Problem('not-found');
  return result;
}

/** What happened at a location after a sequence number, in order and without gaps. Throws `not-found`. */
export function listLocationEvents(ctx: Ctx, locationId: string, { after, limit = MAX_PAGE }: EventsQuery) {
  return view(ctx, { needs: 'appointment:read', action: 'location.events' }, async (tx) => {
    existing(await getLocationZone(tx, ctx.organizationId, locationId));
    return { items: await queries.listEvents(tx, ctx.organizationId, locationId, after, limit) };
  });
}
