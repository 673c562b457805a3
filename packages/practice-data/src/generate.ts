import { APPOINTMENT_ACTIONS, type AppointmentAction, type AppointmentStatus } from '@medspa/contracts';
import { Chance } from './random.ts';
import {
  DISTRIBUTIONS,
  FAMILY_NAMES,
  GIVEN_NAMES,
  LOCATIONS,
  ROOMS,
  SERVICES,
  TEAM,
  type Credential,
  type RoomKind,
  type ServiceSpec,
} from './clinic.ts';
import { instantOf, localDate, weekdayOf } from './zone.ts';

/** How much is generated. `small` fills the first run. */
const SIZES = { small: { locations: 1, patients: 240, pastDays: 60, comingDays: 30 } } as const;
export type Size = keyof typeof SIZES;

/** The same ids in every fill, so that a page or a test can name them. */
export const PRACTICE_ORGANIZATION_ID = '01a00000-0000-7000-8000-000000000001';
export const PRACTICE_OWNER_ID = '01a00000-0000-7000-8000-000000000002';
const FIRST_OF_PRACTICE = {
  locationId: '01a00000-0000-7000-8000-00000000a001',
  serviceId: '01a00000-0000-7000-8000-00000000a002',
  patientId: '01a00000-0000-7000-8000-00000000a003',
};

type Claim = { resourceId: string; from: number; until: number };
type Location = { id: string; timeZone: string; name: string; street: string; city: string; region: string; postalCode: string };
type Service = ServiceSpec & { id: string; versionId: string };
type Provider = {
  id: string;
  staffId: string;
  locationId: string;
  givenName: string;
  familyName: string;
  credential: Credential;
  jobTitle: string;
  shifts: ShiftSpec[];
  rotationId: string;
};
type ShiftSpec = { id: string; week: number; weekday: number; startsAt: string; endsAt: string };
type Room = { id: string; locationId: string; kind: RoomKind; name: string; position: number };
type Patient = {
  id: string;
  givenName: string;
  familyName: string;
  preferredName: string | null;
  birthDate: string;
  phone: string;
  email: string;
};
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

/** Everything of a practice organization, as plain values; `fillPracticeData` writes it. */
export type PracticeData = {
  legalEntityId: string;
  roomTypes: { id: string; kind: RoomKind }[];
  locations: Location[];
  services: Service[];
  providers: Provider[];
  frontDesk: { id: string; givenName: string; familyName: string; jobTitle: string }[];
  rooms: Room[];
  patients: Patient[];
  appointments: Appointment[];
};

const MINUTE = 60_000;
const DAY = 86_400_000;
const GRID = 5 * MINUTE;
/** Terms, shifts and ids of what does not move with the calendar begin here. */
export const EPOCH = '2026-01-05';
const EPOCH_MILLIS = Date.parse(`${EPOCH}T00:00:00Z`);

/**
 * A group around `now`: the past weeks happened, the coming ones are partly booked, by the stated distributions. The same
 * seed, size and day give the same data; ids of the clinic itself depend on the seed alone.
 */
export function generatePracticeData(size: Size, seed: number, now: Date): PracticeData {
  const chance = new Chance(seed);
  const spec = SIZES[size];
  const id = () => chance.id(EPOCH_MILLIS);
  const idOf = (known: string, index: number) => (index === 0 ? known : id());
  const roomTypes = ROOMS.map(([kind]) => ({ id: id(), kind }));
  const services = SERVICES.map((service, index) => ({ ...service, id: idOf(FIRST_OF_PRACTICE.serviceId, index), versionId: id() }));
  const locations = LOCATIONS.slice(0, spec.locations).map((location, index) => ({
    ...location,
    id: idOf(FIRST_OF_PRACTICE.locationId, index),
  }));
  const rooms = locations.flatMap(({ id: locationId }) =>
    ROOMS.flatMap(([kind, count], group) =>
      Array.from({ length: count }, (_, index) => ({
        id: id(),
        locationId,
        kind,
        name: `${kind} ${index + 1}`,
        position: group * 10 + index,
      })),
    ),
  );
  const providers = locations.flatMap(({ id: locationId }) =>
    TEAM.map((member, index) => ({
      ...member,
      ...person(chance),
      id: id(),
      staffId: id(),
      locationId,
      rotationId: id(),
      shifts: weeksOf(chance, index, id),
    })),
  );
  const frontDesk = locations.flatMap(() =>
    ['Front desk', 'Front desk', 'Office manager'].map((jobTitle) => ({ id: id(), ...person(chance), jobTitle })),
  );
  const patients = Array.from({ length: spec.patients }, (_, index) => patientOf(chance, idOf(FIRST_OF_PRACTICE.patientId, index), index));
  const legalEntityId = id();
  const data: PracticeData = { legalEntityId, roomTypes, locations, services, providers, frontDesk, rooms, patients, appointments: [] };
  for (const location of locations) data.appointments.push(...appointmentsOf(chance, data, location, spec, now.getTime()));
  return data;
}

function person(chance: Chance): { givenName: string; familyName: string } {
  return { givenName: chance.pick(GIVEN_NAMES), familyName: chance.pick(FAMILY_NAMES) };
}

function patientOf(chance: Chance, id: string, index: number): Patient {
  const { givenName, familyName } = person(chance);
  const year =
    2026 -
    chance.weighted([
      [chance.integer(18, 29), 18],
      [chance.integer(30, 44), 42],
      [chance.integer(45, 59), 28],
      [chance.integer(60, 78), 12],
    ]);
  const birthDate = `${year}-${String(chance.integer(1, 12)).padStart(2, '0')}-${String(chance.integer(1, 28)).padStart(2, '0')}`;
  return {
    id,
    givenName,
    familyName,
    preferredName: chance.happens(0.08) ? chance.pick(GIVEN_NAMES) : null,
    birthDate,
    // Numbers reserved for fiction, addresses that cannot receive mail.
    phone: `+1212555${String(index % 10_000).padStart(4, '0')}`,
    email: `${givenName}.${familyName}.${index}@patients.example`.toLowerCase(),
  };
}

/** Two alternating weeks of four or five days, with a lunch break, early or late. */
function weeksOf(chance: Chance, member: number, id: () => string): ShiftSpec[] {
  const dayOff = 1 + (member % 5);
  const isLate = member % 3 === 0;
  const [start, lunch, resume, end] = isLate ? ['11:00', '14:30', '15:00', '19:00'] : ['09:00', '12:30', '13:00', '17:00'];
  return [0, 1].flatMap((week) =>
    [1, 2, 3, 4, 5, 6]
      .filter((weekday) => weekday !== dayOff && (weekday !== 6 || (week + member) % 2 === 0))
      .flatMap((weekday) => [
        { id: id(), week, weekday, startsAt: start, endsAt: lunch },
        { id: id(), week, weekday, startsAt: resume, endsAt: chance.happens(0.2) && !isLate ? '18:00' : end },
      ]),
  );
}

function appointmentsOf(chance: Chance, data: PracticeData, location: Location, spec: (typeof SIZES)[Size], now: number): Appointment[] {
  const booked = new Calendar();
  const made: Appointment[] = [];
  const today = localDate(now, location.timeZone);
  for (let offset = -spec.pastDays; offset <= spec.comingDays; offset++) {
    const date = new Date(Date.parse(`${today}T00:00:00Z`) + offset * DAY).toISOString().slice(0, 10);
    const fill = offset < 0 ? DISTRIBUTIONS.filledPast : DISTRIBUTIONS.filledToday * (1 - DISTRIBUTIONS.fillDecayPerDay) ** (offset * 1.6);
    for (const provider of data.providers.filter((one) => one.locationId === location.id)) {
      const offered = data.services.filter((service) => service.by.includes(provider.credential));
      for (const shift of provider.shifts.filter((one) => one.weekday === weekdayOf(date) && one.week === weekOfRotation(date))) {
        const from = instantOf(date, shift.startsAt, location.timeZone);
        const until = instantOf(date, shift.endsAt, location.timeZone);
        for (let at = from; at < until;) {
          const appointment = chance.happens(fill)
            ? tryAppointment(chance, data, location, booked, provider, offered, { at, until, now })
            : null;
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
  }
  return made;
}

/** One appointment of a provider that fits at that time, or null when no room or patient of a few tries is free. */
function tryAppointment(
  chance: Chance,
  data: PracticeData,
  location: Location,
  booked: Calendar,
  provider: Provider,
  offered: Service[],
  { at, until, now }: { at: number; until: number; now: number },
): Appointment | null {
  const service = chance.weighted(offered.map((one) => [one, one.share] as const));
  const startsAt = at + service.before * MINUTE;
  const endsAt = startsAt + service.minutes * MINUTE;
  const providerClaim = { resourceId: provider.id, from: at, until: endsAt + service.after * MINUTE };
  if (providerClaim.until > until) return null;
  const room = data.rooms.find(
    (one) =>
      one.locationId === location.id &&
      one.kind === service.room &&
      booked.isFree({ resourceId: one.id, from: startsAt, until: endsAt + service.turnover * MINUTE }),
  );
  const patient = [chance.pick(data.patients), chance.pick(data.patients), chance.pick(data.patients)].find((one) =>
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

/** Claims made so far, for the generator's own choices; the database checks them again. */
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

/** Rotations have two weeks, the first of which begins on EPOCH, a Monday. */
function weekOfRotation(date: string): number {
  const weeks = Math.floor((Date.parse(`${date}T00:00:00Z`) - EPOCH_MILLIS) / (7 * DAY));
  return ((weeks % 2) + 2) % 2;
}
