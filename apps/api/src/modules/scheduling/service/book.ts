import { v7 as newId } from 'uuid';
import type { BookAppointment, ProblemSlug, RescheduleAppointment, When } from '@medspa/contracts';
import type { Place } from '@medspa/database';
import type { Ctx } from '../../../platform/context.ts';
import { call, view } from '../../../platform/doors.ts';
import { Problem, problemAt } from '../../../platform/problem.ts';
import { repeatableArgument } from '../../../platform/repeatable.ts';
import { getLocationZone } from '../../identity/index.ts';
import * as queries from '../queries.ts';
import { alternativesWindow, findAlternatives, resolveWhen, transitionOf } from '../rules.ts';

const BOOK = { needs: 'appointment:write', action: 'appointment.book' } as const;
const RESCHEDULE = { needs: 'appointment:write', action: 'appointment.reschedule' } as const;

/**
 * Books a visit or nothing: services back to back, each with its provider, a room where one is needed, and the patient.
 *
 * One round trip (a local time without offset costs one more, to ask for the zone). PostgreSQL decides whether the time is
 * free (S1). Throws `slot-taken` with up to three times in any room, `not-found` and the rules' refusals with the place in the
 * body, `local-time-skipped` and `local-time-repeated`.
 */
export async function bookAppointment(ctx: Ctx, input: BookAppointment): Promise<queries.AppointmentJson> {
  const startsAt = await instantOf(ctx, input.startsAt, input.locationId);
  const appointmentId = newId();
  const { result } = await call(ctx, BOOK, (session) =>
    queries.bookVerb(session, {
      appointmentId,
      locationId: input.locationId,
      patientId: input.patientId,
      startsAt,
      channel: input.channel,
      noteSealed: sealNote(ctx, appointmentId, 1, input.note),
      idempotency: repeatableArgument(ctx),
      services: input.services.map((service) => ({ segmentId: newId(), ...service })),
    }),
  );
  return appointmentOf(result, () => offer(ctx, { ...input, startsAt, appointmentId: null }));
}

/**
 * Moves a visit with all its services by the same amount. It keeps its id, its history, the terms it was booked with, and
 * its rooms where they are free. Throws what booking throws, `stale-version` and `wrong-status`.
 */
export async function rescheduleAppointment(ctx: Ctx, id: string, input: RescheduleAppointment): Promise<queries.AppointmentJson> {
  const startsAt =
    'instant' in input.startsAt
      ? input.startsAt.instant
      : await instantOf(ctx, input.startsAt, (await readAppointment(ctx, id)).locationId);
  const { result } = await call(ctx, RESCHEDULE, (session) =>
    queries.rescheduleVerb(session, {
      ...transitionOf('reschedule'),
      appointmentId: id,
      version: input.version,
      startsAt,
      channel: input.channel,
      reason: input.reason,
      noteSealed: sealNote(ctx, id, input.version + 1, input.note),
      idempotency: repeatableArgument(ctx),
      assignments: input.assignments,
    }),
  );
  return appointmentOf(result, async () => {
    const { locationId, patientId, services, startsAt: movedFrom } = await readAppointment(ctx, id);
    const providerOf = new Map(input.assignments.map((assigned) => [assigned.id, assigned.providerId]));
    const wanted = services.map((one) => ({ serviceId: one.serviceId, providerId: providerOf.get(one.id) ?? one.providerId }));
    return offer(ctx, { locationId, patientId, startsAt, movedFrom: new Date(movedFrom), appointmentId: id, services: wanted });
  });
}

/** The appointment of a verb that did its work; otherwise the problem that the verb's answer amounts to. */
export async function appointmentOf(
  outcome: queries.VerbOutcome,
  alternatives: () => Promise<Offer> = () => Promise.resolve([]),
): Promise<queries.AppointmentJson> {
  switch (outcome.outcome) {
    case 'done':
      return outcome.appointment;
    case 'not-found':
      throw outcome.pointer === undefined ? new Problem('not-found') : problemAt('not-found', outcome.pointer);
    case 'refused': {
      const slug = outcome.slug as ProblemSlug;
      const problem = outcome.pointer === undefined ? new Problem(slug) : problemAt(slug, outcome.pointer);
      if (slug !== 'provider-not-working') throw problem;
      throw new Problem(slug, { ...problem.extension, alternatives: await alternatives() });
    }
    case 'slot-taken':
      throw new Problem('slot-taken', { busy: outcome.busy, alternatives: await alternatives() });
    case 'stale':
      throw new Problem('stale-version', { version: outcome.version });
    case 'wrong-status':
      throw new Problem('wrong-status', { currentStatus: outcome.status });
    case 'key-reused':
      throw new Problem('idempotency-key-reused');
  }
}

/** A note is sealed for the version of the appointment that it leads to, in hex since it travels in JSON. */
export function sealNote(ctx: Ctx, appointmentId: string, version: number, note: string | undefined): string | null {
  return note === undefined ? null : Buffer.from(ctx.codec.seal(notePlace(ctx, appointmentId, version), note)).toString('hex');
}

/** Where the note of a row of an appointment's history is sealed. */
export function notePlace({ organizationId }: Ctx, appointmentId: string, version: number): Place {
  return { organizationId, table: 'appointment_history', column: 'note_sealed', rowId: `${appointmentId}|${version}` };
}

async function instantOf(ctx: Ctx, when: When, locationId: string): Promise<Date> {
  if ('instant' in when) return when.instant;
  const timeZone = await view(ctx, BOOK, (tx) => getLocationZone(tx, ctx.organizationId, locationId));
  if (timeZone === null) throw problemAt('not-found', '/locationId');
  const resolved = resolveWhen(when, timeZone);
  if ('slug' in resolved) throw problemAt(resolved.slug, '/startsAt');
  return resolved.instant;
}

async function readAppointment(ctx: Ctx, id: string): Promise<queries.AppointmentJson> {
  const appointment = await view(ctx, RESCHEDULE, (tx) => queries.findAppointment(tx, id));
  if (!appointment) throw new Problem('not-found');
  return appointment;
}

type Service = { serviceId: string; providerId: string };
type Offer = { startsAt: string; services: Service[] }[];
type Wanted = {
  locationId: string;
  patientId: string;
  startsAt: Date;
  movedFrom?: Date;
  appointmentId: string | null;
  services: Service[];
};

/** Times at which the services of a visit could be booked anew. */
export async function offerAnew(ctx: Ctx, id: string): Promise<Offer> {
  const visit = await readAppointment(ctx, id);
  return offer(ctx, { ...visit, startsAt: new Date(visit.startsAt), appointmentId: null });
}

/** Times for a visit that could not be had, in any room, by the same search as availability. */
async function offer(ctx: Ctx, { startsAt, movedFrom, services, locationId, patientId, appointmentId }: Wanted): Promise<Offer> {
  const wanted = services.map(({ serviceId, providerId }) => ({ serviceId, providerId }));
  const { result } = await call(ctx, BOOK, (session) =>
    queries.openingsVerb(session, { locationId, patientId, appointmentId, services: wanted, ...alternativesWindow(startsAt) }),
  );
  return findAlternatives(wanted, result.services, startsAt, movedFrom).map((found) => ({
    ...found,
    startsAt: found.startsAt.toISOString(),
  }));
}
