import { CheckIn, CheckInEnded, type AppointmentStatus, type BeginCheckIn } from '@medspa/contracts';
import { sessionOf, type Ctx } from '../../../platform/context.ts';
import { call, mutate, view } from '../../../platform/doors.ts';
import { Problem } from '../../../platform/problem.ts';
import { existing } from '../../../platform/versioned.ts';
import { lockOwnDevice } from '../../identity/index.ts';
import { contactIndexes } from '../../patients/index.ts';
import * as queries from '../queries.ts';
import * as checkIns from '../queries/check-in.ts';
import { CHECK_IN, transitionOf } from '../rules.ts';
import { appointmentOf } from './book.ts';

const after = (ctx: Ctx, minutes: number) => new Date(ctx.now().getTime() + minutes * 60_000);

/**
 * Hands a kiosk to the patient whose name and birth date or phone these are and who has one visit there today. Throws `no-such-visit`
 * for everybody else, whatever is wrong, and `too-many-tries` after five of those in a quarter of an hour.
 */
export async function beginCheckIn(ctx: Ctx, { givenName, familyName, ...contact }: BeginCheckIn): Promise<CheckIn> {
  const verb = { needs: 'kiosk:check-in', action: 'check-in.begin' } as const;
  const indexes = await view(ctx, verb, (tx) => contactIndexes(ctx, tx, contact));
  const endsAt = after(ctx, CHECK_IN.kioskMinutes);
  const { result } = await call(ctx, verb, (session) =>
    checkIns.beginCheckInVerb(session, { givenName, familyName, ...indexes, statuses: transitionOf('arrive').from, endsAt }),
  );
  if (result.outcome === 'wait') throw new Problem('too-many-tries', { retryAfterSeconds: result.seconds });
  if (result.outcome === 'miss') throw new Problem('no-such-visit');
  return { startsAt: new Date(result.startsAt), status: result.status, endsAt, idleSeconds: CHECK_IN.idleSeconds };
}

/** The visit of the patient in whose hands the device is. Throws `not-found` when that ended meanwhile. */
export function getCheckIn(ctx: Ctx): Promise<CheckIn> {
  const patients = () => [...(ctx.actor.patients ?? [])];
  return view(ctx, { needs: 'check-in:read', action: 'check-in.read', patients }, async (tx) => ({
    ...existing(await checkIns.findCheckIn(tx, ctx.organizationId, ctx.actor.id)),
    idleSeconds: CHECK_IN.idleSeconds,
  }));
}

/**
 * Says that the patient in whose hands the device is has come, and ends the check-in: nothing of them is reachable from there any more.
 * Throws `not-found` when it ended meanwhile, and what the transition does.
 */
export function arrive(ctx: Ctx) {
  const verb = { needs: 'check-in:write', action: 'check-in.arrive' } as const;
  return mutate(ctx, { ...verb, reply: CheckInEnded }, async (tx) => {
    const appointmentId = existing(await checkIns.endCheckIn(tx, ctx.organizationId, ctx.actor.id));
    const { version } = existing(await queries.findAppointment(tx, appointmentId));
    const change = { ...transitionOf('arrive'), appointmentId, version, channel: ctx.actor.kind };
    await appointmentOf(await queries.changeStatus(tx, sessionOf(ctx, verb), change));
    return { isArrived: true };
  });
}

/** Ends the check-in as it is: the screen goes back to its beginning. Throws `not-found` when it ended meanwhile. */
export function endCheckIn(ctx: Ctx) {
  return mutate(ctx, { needs: 'check-in:write', action: 'check-in.end', reply: CheckInEnded }, async (tx) => {
    existing(await checkIns.endCheckIn(tx, ctx.organizationId, ctx.actor.id));
    return { isArrived: false };
  });
}

/**
 * Hands the shared device of the session to the patient of a visit at its location: it is locked for staff until somebody's PIN, and
 * opens that patient's check-in alone. Throws `not-found` for the visit, `not-a-shared-device`.
 */
export function handOver(ctx: Ctx, appointmentId: string): Promise<CheckIn> {
  return mutate(ctx, { needs: 'appointment:write', action: 'device.hand-over', reply: CheckIn }, async (tx) => {
    const visit = existing(await queries.findAppointment(tx, appointmentId));
    const device = await lockOwnDevice(ctx, tx);
    if (visit.locationId !== device.locationId) throw new Problem('not-found');
    const checkIn = { deviceId: device.id, appointmentId, patientId: visit.patientId, endsAt: after(ctx, CHECK_IN.handedOverMinutes) };
    await checkIns.insertCheckIn(tx, ctx.organizationId, checkIn);
    const status = visit.status as AppointmentStatus;
    return { startsAt: new Date(visit.startsAt), status, endsAt: checkIn.endsAt, idleSeconds: CHECK_IN.idleSeconds };
  });
}
