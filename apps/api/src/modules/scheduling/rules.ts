import { Temporal } from 'temporal-polyfill';
import { APPOINTMENT_ACTIONS, type AppointmentAction, type PlainDate, type When } from '@medspa/contracts';

/** S4: past this many days a claim protects nothing and is dropped; bookings begin today at the earliest. */
export const CLAIMS_KEPT_DAYS = 7;

/** A patient who is this late is reported to the desk. */
export const OVERDUE_MINUTES = 15;

/** Other times that a refused booking is offered. */
const MAX_ALTERNATIVES = 3;

/** How far before and after the wanted day they are looked for. The day before covers zones ahead of UTC. */
const ALTERNATIVES_WINDOW_DAYS = { before: 1, after: 7 };

/** Another provider counts as this much later, so that the wanted one is offered first where times are close. */
const OTHER_PROVIDER_MINUTES = 60;

/**
 * The instant that was meant. A wall time is read in the zone: one that spring skips or autumn repeats is not guessed.
 */
export function resolveWhen(when: When, timeZone: string): { instant: Date } | { slug: 'local-time-skipped' | 'local-time-repeated' } {
  if ('instant' in when) return when;
  const local = Temporal.PlainDateTime.from(when.local);
  const earlier = local.toZonedDateTime(timeZone, { disambiguation: 'earlier' });
  const later = local.toZonedDateTime(timeZone, { disambiguation: 'later' });
  if (earlier.epochMilliseconds === later.epochMilliseconds) return { instant: new Date(earlier.epochMilliseconds) };
  return { slug: earlier.toPlainDateTime().equals(local) ? 'local-time-repeated' : 'local-time-skipped' };
}

/** The Monday of the week that a date lies in: where week 0 of a rotation begins unless it is told otherwise. */
export function mondayOf(date: PlainDate): PlainDate {
  const day = Temporal.PlainDate.from(date);
  return day.subtract({ days: day.dayOfWeek - 1 }).toString();
}

export function dayAfter(date: PlainDate): PlainDate {
  return Temporal.PlainDate.from(date).add({ days: 1 }).toString();
}

/** The day that it is in the zone at that moment. */
export function localDateOf(instant: Date, timeZone: string): PlainDate {
  return Temporal.Instant.fromEpochMilliseconds(instant.getTime()).toZonedDateTimeISO(timeZone).toPlainDate().toString();
}

/** The dates around an instant between which alternatives are looked for: [from, until). */
export function alternativesWindow(wanted: Date): { from: PlainDate; until: PlainDate } {
  const day = Temporal.PlainDate.from(wanted.toISOString().slice(0, 10));
  return {
    from: day.subtract({ days: ALTERNATIVES_WINDOW_DAYS.before }).toString(),
    until: day.add({ days: ALTERNATIVES_WINDOW_DAYS.after + 1 }).toString(),
  };
}

/** Open starts of one service, in minutes since 1970, per provider. */
type OpenStarts = { providerId: string; starts: number[] }[];

/** One service of a wanted visit: who was asked for, how long it takes, when it is open. */
export type WantedService = { serviceId: string; providerId: string; durationMinutes: number; open: OpenStarts };

export type Alternative = { startsAt: Date; services: { serviceId: string; providerId: string }[] };

/**
 * Up to three other times for a visit, nearest first: every service is open at its place in the visit, with the provider that
 * was asked for or, where none of theirs is close, with another one.
 */
export function findAlternatives(services: WantedService[], wanted: Date): Alternative[] {
  const [first] = services;
  if (!first) return [];
  const wantedMinute = wanted.getTime() / 60_000;
  const candidates = new Map<number, { providers: string[]; distance: number }>();
  for (const { providerId, starts } of first.open) {
    for (const start of starts) {
      const rest = followingProviders(services, start);
      if (!rest) continue;
      const providers = [providerId, ...rest];
      const changes = providers.filter((id, index) => id !== services[index]?.providerId).length;
      const distance = Math.abs(start - wantedMinute) + changes * OTHER_PROVIDER_MINUTES;
      if (start !== wantedMinute || changes > 0) {
        const known = candidates.get(start);
        if (!known || distance < known.distance) candidates.set(start, { providers, distance });
      }
    }
  }
  return [...candidates]
    .toSorted(([a, x], [b, y]) => x.distance - y.distance || a - b)
    .slice(0, MAX_ALTERNATIVES)
    .map(([start, { providers }]) => ({
      startsAt: new Date(start * 60_000),
      services: services.map(({ serviceId }, index) => ({ serviceId, providerId: providers[index] ?? '' })),
    }));
}

/** Who would perform the second and later services of a visit that starts then, or null when one of them is not open. */
function followingProviders(services: WantedService[], start: number): string[] | null {
  const providers: string[] = [];
  let at = start;
  for (const [index, service] of services.entries()) {
    if (index > 0) {
      const free = service.open.filter(({ starts }) => starts.includes(at)).map(({ providerId }) => providerId);
      const provider = free.includes(service.providerId) ? service.providerId : free[0];
      if (provider === undefined) return null;
      providers.push(provider);
    }
    at += service.durationMinutes;
  }
  return providers;
}

/** What a SQL verb is told about an action of the state table. */
export function transitionOf(action: AppointmentAction) {
  const { from, to, freesTime } = APPOINTMENT_ACTIONS[action];
  return { action, from, to, freesTime };
}
