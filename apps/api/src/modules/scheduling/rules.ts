import { Temporal } from 'temporal-polyfill';
import { APPOINTMENT_ACTIONS, plainDate, type AppointmentAction, type PlainDate, type When } from '@medspa/contracts';

/** S4: past this many days a claim protects nothing and is dropped; bookings begin today at the earliest. */
export const CLAIMS_KEPT_DAYS = 7;

/** A patient who is this late is reported to the desk. */
export const OVERDUE_MINUTES = 15;

/** How long before a visit its patient is reminded. */
const REMINDED_HOURS = 24;

/** How long a device is a patient's: HIP-4 for a kiosk, which its screen leaves after the seconds; longer where staff hand it over. */
export const CHECK_IN = { kioskMinutes: 5, idleSeconds: 90, handedOverMinutes: 30 };

/** What a provider's feed shows: thirty days ahead, and what is just over, so that today is whole in every zone. */
export function feedWindow(now: Date): { from: Date; until: Date } {
  return { from: new Date(now.getTime() - 86_400_000), until: new Date(now.getTime() + 30 * 86_400_000) };
}

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
  const day = Temporal.PlainDate.from(plainDate(wanted));
  return {
    from: day.subtract({ days: ALTERNATIVES_WINDOW_DAYS.before }).toString(),
    until: day.add({ days: ALTERNATIVES_WINDOW_DAYS.after + 1 }).toString(),
  };
}

/** Minutes since 1970 between which a service may start, both included, and how many minutes it takes then. */
type Opening = [first: number, last: number, durationMinutes: number];

/** When one service of a visit could start, per provider, and the pause before it. Those of a first service are single starts. */
export type ServiceOpenings = { gapMinutes: number; providers: { providerId: string; openings: Opening[] }[] };

type Assigned = { serviceId: string; providerId: string };
export type Alternative = { startsAt: Date; services: Assigned[] };

/**
 * Up to three times for a visit that could not be had as it was asked for, nearest first: every service is open at its place in
 * the visit, with the provider that was asked for or, where none of theirs is close, with another one, and in any room. So the
 * wanted time is among them when only the named room was in the way. A visit about to be moved is not offered the time that it has.
 */
export function findAlternatives(wanted: Assigned[], openings: ServiceOpenings[], wantedAt: Date, movedFrom?: Date): Alternative[] {
  const [first, ...rest] = openings;
  const wantedMinute = wantedAt.getTime() / 60_000;
  const movedFromMinute = movedFrom && movedFrom.getTime() / 60_000;
  const nearest = new Map<number, { providers: string[]; distance: number }>();
  for (const { providerId, openings: starts } of first?.providers ?? []) {
    for (const [start, , duration] of starts) {
      const following = whoFollows(rest, wanted.slice(1), start + duration);
      if (!following) continue;
      const providers = [providerId, ...following];
      const changes = providers.filter((id, index) => id !== wanted[index]?.providerId).length;
      const distance = Math.abs(start - wantedMinute) + changes * OTHER_PROVIDER_MINUTES;
      const isNoChange = changes === 0 && start === movedFromMinute;
      const known = nearest.get(start);
      if (!isNoChange && (!known || distance < known.distance)) nearest.set(start, { providers, distance });
    }
  }
  return [...nearest]
    .toSorted(([a, x], [b, y]) => x.distance - y.distance || a - b)
    .slice(0, MAX_ALTERNATIVES)
    .map(([start, { providers }]) => ({
      startsAt: new Date(start * 60_000),
      services: wanted.map(({ serviceId }, index) => ({ serviceId, providerId: providers[index] ?? '' })),
    }));
}

/** Who would perform the services that follow, the first of which may begin at `at`; null when one of them is not open. */
function whoFollows(openings: ServiceOpenings[], wanted: Assigned[], at: number): string[] | null {
  const [next, ...rest] = openings;
  if (!next) return [];
  const start = at + next.gapMinutes;
  const free = next.providers.flatMap(({ providerId, openings: stretches }) => {
    const stretch = stretches.find(([first, last]) => first <= start && start <= last);
    return stretch ? [{ providerId, until: start + stretch[2] }] : [];
  });
  const chosen = free.find(({ providerId }) => providerId === wanted[0]?.providerId) ?? free[0];
  if (!chosen) return null;
  const following = whoFollows(rest, wanted.slice(1), chosen.until);
  return following && [chosen.providerId, ...following];
}

/** What a SQL verb is told about an action of the state table. */
export function transitionOf(action: AppointmentAction) {
  return { action, ...APPOINTMENT_ACTIONS[action] };
}

/** A change of a visit, and the visit as it stands now. */
export type ToldChange = {
  action: string;
  channel: string;
  status: string;
  cancelReason: string | null;
  /** whether a later change is told in its place */
  isSuperseded: boolean;
  startsAt: Date;
  /** whether a confirmation has left, and a reminder of this very start */
  isConfirmed: boolean;
  isReminded: boolean;
};

type Note = {
  kind: 'appointment.confirmation' | 'appointment.reminder' | 'appointment.cancellation';
  isUrgent: boolean;
  sendAfter: Date;
};

/**
 * What the patient is told of a change. Nothing of a visit that has begun, or that has moved on since: the later change tells
 * it. A move by itself is not told, since whoever moves it speaks with the patient; but who was never told of the visit is.
 */
export function notesOf(change: ToldChange, now: Date): Note[] {
  const { action, channel, status, cancelReason, isSuperseded, startsAt, isConfirmed, isReminded } = change;
  if (startsAt <= now || isSuperseded) return [];
  if (action === 'cancel') {
    const isWorthIt = status === 'cancelled' && (isConfirmed || cancelReason !== 'booked_in_error');
    return isWorthIt ? [{ kind: 'appointment.cancellation', isUrgent: true, sendAfter: now }] : [];
  }
  if (!['booked', 'confirmed'].includes(status)) return [];
  const remindAt = new Date(startsAt.getTime() - REMINDED_HOURS * 3_600_000);
  return [
    // Who books online is awake and waits for the answer.
    ...(isConfirmed ? [] : [{ kind: 'appointment.confirmation' as const, isUrgent: channel === 'online', sendAfter: now }]),
    ...(isReminded || remindAt <= now ? [] : [{ kind: 'appointment.reminder' as const, isUrgent: false, sendAfter: remindAt }]),
  ];
}
