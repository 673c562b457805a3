import { APPOINTMENT_ACTIONS, type AppointmentAction, type AppointmentStatus } from '@medspa/contracts';
import { DISTRIBUTIONS } from './clinic.ts';
import type { Clinic, Location, Patient, Provider, Room, Service } from './generate.ts';
import type { Chance } from './random.ts';
import type { SizeSpec } from './sizes.ts';
import { instantOf, localDate, weekdayOf } from './zone.ts';

type Claim = { resourceId: string; from: number; until: number };
type Step = { action: 'book' | AppointmentAction; status: AppointmentStatus; at: number };
export type Appointment = {
  id: string;
  segmentId: string;
  locationId: string;
  patientId: string;
  service: Service;
  providerId: string;
  roomId: string;
  startsAt: number;
  endsAt: number;
  channel: string;
  /** what happened to it, in order; the last one is its status */
  steps: [Step, ...Step[]];
  claims: Claim[];
};
/** The appointments of a location on a local date, and which share of all such days is reached with it. */
export type Day = { locationId: string; date: string; share: number; appointments: Appointment[] };

const MINUTE = 60_000;
const DAY = 86_400_000;
const GRID = 5 * MINUTE;

/** What is at one location: nobody and nothing of it is ever booked at another. */
type Branch = { location: Location; rooms: Room[]; patients: Patient[]; workers: Worker[] };
/** A provider, and what is booked with them by its weight. */
type Worker = { provider: Provider; offered: [Service, number][] };

/** The days of all locations, one location after the other, each from its first day to its last. */
export function* daysOf(chance: Chance, clinic: Clinic, spec: SizeSpec, now: number): Generator<Day> {
  const days = spec.pastDays + 1 + spec.comingDays;
  for (const [index, location] of clinic.locations.entries()) {
    const branch = branchOf(clinic, location, index);
    const today = localDate(now, location.timeZone);
    for (let day = 0; day < days; day++) {
      const offset = day - spec.pastDays;
      const date = new Date(Date.parse(today) + offset * DAY).toISOString().slice(0, 10);
      const fill =
        offset < 0 ? DISTRIBUTIONS.filledPast : DISTRIBUTIONS.filledToday * (1 - DISTRIBUTIONS.fillDecayPerDay) ** (offset * 1.6);
      const appointments = appointmentsOn(chance, branch, { date, week: weekOfRotation(date, clinic.since), fill, now });
      yield { locationId: location.id, date, share: (index * days + day + 1) / (clinic.locations.length * days), appointments };
    }
  }
}

function branchOf({ rooms, patients, providers, services, locations }: Clinic, location: Location, index: number): Branch {
  const each = patients.length / locations.length;
  return {
    location,
    rooms: rooms.filter((one) => one.locationId === location.id),
    patients: patients.slice(Math.floor(index * each), Math.floor((index + 1) * each)),
    workers: providers
      .filter((one) => one.locationId === location.id)
      .map((provider) => ({
        provider,
        offered: services.filter((service) => service.by.includes(provider.credential)).map((service) => [service, service.share]),
      })),
  };
}

type DaySpec = { date: string; week: number; fill: number; now: number };

function appointmentsOn(chance: Chance, branch: Branch, { date, week, fill, now }: DaySpec): Appointment[] {
  const { timeZone } = branch.location;
  // Nothing lasts beyond its day.
  const booked = new Calendar();
  const made: Appointment[] = [];
  for (const worker of branch.workers) {
    for (const shift of worker.provider.shifts.filter((one) => one.weekday === weekdayOf(date) && one.week === week)) {
      const from = instantOf(date, shift.startsAt, timeZone);
      const until = instantOf(date, shift.endsAt, timeZone);
      for (let at = from; at < until;) {
        const appointment = chance.happens(fill) ? tryAppointment(chance, branch, booked, worker, { at, until, now }) : null;
        if (!appointment) {
          at += 3 * GRID;
          continue;
        }
        made.push(appointment);
        // A cancelled visit left its time open for another.
        if (appointment.claims.length === 0) continue;
        const [{ until: busyUntil } = { until: at + GRID }] = appointment.claims;
        at = busyUntil + (chance.happens(DISTRIBUTIONS.gap) ? chance.pick(DISTRIBUTIONS.gapMinutes) * MINUTE : 0);
      }
    }
  }
  return made;
}

/** One appointment of a provider that fits at that time, or null when no room or patient of a few tries is free. */
function tryAppointment(
  chance: Chance,
  { location, rooms, patients }: Branch,
  booked: Calendar,
  { provider, offered }: Worker,
  { at, until, now }: { at: number; until: number; now: number },
): Appointment | null {
  const service = chance.weighted(offered);
  const startsAt = at + service.before * MINUTE;
  const endsAt = startsAt + service.minutes * MINUTE;
  const providerClaim = { resourceId: provider.id, from: at, until: endsAt + service.after * MINUTE };
  if (providerClaim.until > until) return null;
  const room = rooms.find(
    (one) => one.kind === service.room && booked.isFree({ resourceId: one.id, from: startsAt, until: endsAt + service.turnover * MINUTE }),
  );
  const patient = [chance.pick(patients), chance.pick(patients), chance.pick(patients)].find((one) =>
    booked.isFree({ resourceId: one.id, from: startsAt, until: endsAt }),
  );
  if (!room || !patient) return null;
  const claims = [
    providerClaim,
    { resourceId: room.id, from: startsAt, until: endsAt + service.turnover * MINUTE },
    { resourceId: patient.id, from: startsAt, until: endsAt },
  ];
  const bookedAt = Math.min(startsAt - chance.integer(1, 30) * DAY + chance.integer(0, 8) * 3_600_000, now - MINUTE);
  const steps = stepsOf(chance, startsAt, endsAt, bookedAt, now);
  const holdsTime = !APPOINTMENT_FREED.has(steps.at(-1)?.status ?? 'booked');
  if (holdsTime) for (const claim of claims) booked.take(claim);
  return {
    id: chance.id(bookedAt),
    segmentId: chance.id(bookedAt),
    locationId: location.id,
    patientId: patient.id,
    service,
    providerId: provider.id,
    roomId: room.id,
    startsAt,
    endsAt,
    channel: chance.weighted(DISTRIBUTIONS.channels),
    steps,
    claims: holdsTime ? claims : [],
  };
}

const APPOINTMENT_FREED: ReadonlySet<AppointmentStatus> = new Set(
  Object.values(APPOINTMENT_ACTIONS).flatMap(({ to, claims }) => (claims === 'freed' ? [to] : [])),
);

/** What has happened to an appointment by now, each step allowed by the state table. */
function stepsOf(chance: Chance, startsAt: number, endsAt: number, bookedAt: number, now: number): [Step, ...Step[]] {
  const steps: [Step, ...Step[]] = [{ action: 'book', status: 'booked', at: bookedAt }];
  const add = (action: AppointmentAction, at: number) => {
    const { to } = APPOINTMENT_ACTIONS[action];
    if (at <= now) steps.push({ action, status: to, at });
  };
  const isSoon = startsAt < now + 3 * DAY;
  if (chance.happens(DISTRIBUTIONS.cancelled) && startsAt < now) {
    add('cancel', Math.max(bookedAt + MINUTE, startsAt - chance.integer(2, 72) * 3_600_000));
    return steps;
  }
  if (isSoon && chance.happens(DISTRIBUTIONS.confirmed)) add('confirm', Math.max(bookedAt + MINUTE, startsAt - 2 * DAY));
  if (chance.happens(DISTRIBUTIONS.noShow / (1 - DISTRIBUTIONS.cancelled))) {
    add('mark-no-show', startsAt + 30 * MINUTE);
    return steps;
  }
  add('arrive', startsAt - chance.integer(-4, 12) * MINUTE);
  add('room', startsAt + chance.integer(4, 6) * MINUTE);
  add('treat', startsAt + chance.integer(6, 9) * MINUTE);
  add('checkout', endsAt);
  add('leave', endsAt + chance.integer(3, 10) * MINUTE);
  return steps;
}

/** Claims of one day, for the generator's own choices; the database checks them again. */
class Calendar {
  private readonly taken = new Map<string, Claim[]>();

  isFree({ resourceId, from, until }: Claim): boolean {
    return !(this.taken.get(resourceId) ?? []).some((claim) => claim.from < until && from < claim.until);
  }

  take(claim: Claim): void {
    const claims = this.taken.get(claim.resourceId);
    if (claims) claims.push(claim);
    else this.taken.set(claim.resourceId, [claim]);
  }
}

/** Rotations have two weeks, the first of which begins on the Monday since which there are any. */
function weekOfRotation(date: string, since: string): number {
  const weeks = Math.floor((Date.parse(date) - Date.parse(since)) / (7 * DAY));
  return ((weeks % 2) + 2) % 2;
}
