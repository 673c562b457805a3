import { Chance } from './random.ts';
import { FAMILY_NAMES, GIVEN_NAMES, ROOMS, SERVICES, TEAM, type Credential, type RoomKind, type ServiceSpec } from './clinic.ts';
import { PRACTICE_TEAM, type PracticePerson } from './people.ts';
import { LOCATIONS, type Place } from './places.ts';
import { SIZES, type Size } from './sizes.ts';
import { daysOf, type Day } from './visits.ts';

/** The same ids in every fill, so that a page or a test can name them. */
export const PRACTICE_ORGANIZATION_ID = '01a00000-0000-7000-8000-000000000001';
const FIRST_OF_PRACTICE = {
  locationId: '01a00000-0000-7000-8000-00000000a001',
  serviceId: '01a00000-0000-7000-8000-00000000a002',
  patientId: '01a00000-0000-7000-8000-00000000a003',
};

export type Location = Place & { id: string };
export type Service = ServiceSpec & { id: string; versionId: string };
export type Provider = {
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
export type Room = { id: string; locationId: string; kind: RoomKind; name: string; position: number };
export type Patient = {
  id: string;
  givenName: string;
  familyName: string;
  preferredName: string | null;
  birthDate: string;
  phone: string;
  email: string;
};

/** What a practice organization is, beside its appointments. */
export type Clinic = {
  /** Terms and shifts hold from this Monday on. */
  since: string;
  legalEntityId: string;
  roomTypes: { id: string; kind: RoomKind }[];
  locations: Location[];
  services: Service[];
  providers: Provider[];
  frontDesk: { id: string; locationId: string; givenName: string; familyName: string; jobTitle: string }[];
  rooms: Room[];
  /** of the locations in their order, as many each */
  patients: Patient[];
};

/**
 * Everything of a practice organization, as plain values; `fillPracticeData` writes it. The appointments come day by day,
 * location by location: those of a chain do not fit in memory. Every iteration gives the same.
 */
export type PracticeData = Clinic & { days: () => Iterable<Day> };

/**
 * A group around `now`: the past weeks happened, the coming ones are partly booked, by the stated distributions. The same
 * seed, size and moment give the same data; ids of the clinic itself depend on seed and size alone.
 */
export function generatePracticeData(size: Size, seed: number, now: Date): PracticeData {
  const chance = new Chance(seed);
  const spec = SIZES[size];
  const sinceMillis = Date.parse(`${spec.since}T00:00:00Z`);
  const id = () => chance.id(sinceMillis);
  const idOf = (known: string, index: number) => (index === 0 ? known : id());
  const roomTypes = ROOMS.map(([kind]) => ({ id: id(), kind }));
  const services = SERVICES.map((service, index) => ({ ...service, id: idOf(FIRST_OF_PRACTICE.serviceId, index), versionId: id() }));
  const locations = LOCATIONS.slice(0, spec.locations).map((location, index) => ({
    ...location,
    id: idOf(FIRST_OF_PRACTICE.locationId, index),
  }));
  const rooms = locations.flatMap(({ id: locationId }) =>
    ROOMS.flatMap(([kind, count], group) =>
      Array.from({ length: Math.round(count * spec.rooms) }, (_, index) => ({
        id: id(),
        locationId,
        kind,
        name: `${kind} ${index + 1}`,
        position: group * 10 + index,
      })),
    ),
  );
  const team = Array.from({ length: spec.providers }, (_, index) => TEAM[index % TEAM.length]).filter((member) => member !== undefined);
  const providers = locations.flatMap(({ id: locationId }, first) =>
    team.map((member, index) => ({
      ...member,
      ...person(chance),
      id: id(),
      staffId: id(),
      ...(first === 0 ? knownAs(PRACTICE_TEAM[index]) : {}),
      locationId,
      rotationId: id(),
      shifts: weeksOf(chance, index, spec.isPartTime, id),
    })),
  );
  const frontDesk = locations.flatMap(({ id: locationId }) =>
    ['Front desk', 'Front desk', 'Office manager'].map((jobTitle) => ({ id: id(), locationId, ...person(chance), jobTitle })),
  );
  const patients = Array.from({ length: spec.patients }, (_, index) => patientOf(chance, idOf(FIRST_OF_PRACTICE.patientId, index), index));
  const legalEntityId = id();
  const clinic: Clinic = {
    since: spec.since,
    legalEntityId,
    roomTypes,
    locations,
    services,
    providers,
    frontDesk,
    rooms,
    patients,
  };
  return { ...clinic, days: () => daysOf(chance.copy(), clinic, spec, now.getTime()) };
}

/** The one who signs in, in the place of a generated person. */
function knownAs(known: PracticePerson | undefined) {
  return known ? { staffId: known.id, givenName: known.givenName, familyName: known.familyName } : {};
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

/** Two alternating weeks of four or five days, part time of three, with a lunch break, early or late. */
function weeksOf(chance: Chance, member: number, isPartTime: boolean, id: () => string): ShiftSpec[] {
  const dayOff = 1 + (member % 5);
  const isLate = member % 3 === 0;
  const [start, lunch, resume, end] = isLate ? ['11:00', '14:30', '15:00', '19:00'] : ['09:00', '12:30', '13:00', '17:00'];
  return [0, 1].flatMap((week) =>
    [1, 2, 3, 4, 5, 6]
      .filter((weekday) =>
        isPartTime ? (weekday + week + member) % 2 === 0 : weekday !== dayOff && (weekday !== 6 || (week + member) % 2 === 0),
      )
      .flatMap((weekday) => [
        { id: id(), week, weekday, startsAt: start, endsAt: lunch },
        { id: id(), week, weekday, startsAt: resume, endsAt: chance.happens(0.2) && !isLate ? '18:00' : end },
      ]),
  );
}
