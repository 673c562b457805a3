import { insertRows, type Database } from '@medspa/database';
import { arrange } from '@medspa/testing';
import fc from 'fast-check';
import { Temporal } from 'temporal-polyfill';
import { v7 as newId } from 'uuid';

// Small random clinics around a few days, for properties of the calendar. A world is plain data first, so that fast-check can
// shrink and print it; `buildWorld` writes it to the database.

/** Changes by an hour, by half an hour, by two hours, at midnight, on both hemispheres, none at all, and odd offsets. */
const ZONES = [
  'America/New_York',
  'Europe/London',
  'Australia/Lord_Howe',
  'Pacific/Auckland',
  'Asia/Kolkata',
  'America/Havana',
  'Africa/Cairo',
  'Pacific/Chatham',
  'Antarctica/Troll',
];

const DAY_MINUTES = 1_440;

/** What a service takes, from one day of the window until before another; days count from the window's first. Minutes. */
type TermsSpec = {
  from: number;
  until: number | null;
  duration: number;
  before: number;
  after: number;
  turnover: number;
  roomType: number | null;
};
/** Wall times in minutes of the day. */
type ShiftSpec = { week: number; weekday: number; startsAt: number; endsAt: number };
type RotationSpec = { weeks: number; anchorWeeks: number; from: number; until: number | null; shifts: ShiftSpec[] };
/** Minutes from the start of the window; `expires` in minutes from now. */
export type ClaimSpec = { startsAt: number; length: number; kind: 'block' | 'time_off' | 'hold'; isBlocking: boolean; expires: number };
export type WorldSpec = {
  zone: string;
  firstDay: string;
  days: number;
  /** minutes from the start of the window */
  now: number;
  slotMinutes: number;
  terms: TermsSpec[];
  providers: { isActive: boolean; isSkilled: boolean; rotations: RotationSpec[]; claims: ClaimSpec[] }[];
  rooms: { type: number; isActive: boolean; claims: ClaimSpec[] }[];
  /** claims of the patient who asks; null when nobody is named */
  patient: ClaimSpec[] | null;
};

/** Days of 2026 and 2027 on which the clocks of a zone change. */
export function changeDays(zone: string): Temporal.PlainDate[] {
  const days: Temporal.PlainDate[] = [];
  let at = Temporal.ZonedDateTime.from({ timeZone: zone, year: 2026, month: 1, day: 1 });
  for (;;) {
    const next = at.getTimeZoneTransition('next');
    if (!next || next.year > 2027) return days;
    // The date on which the old clock stood last.
    days.push(next.subtract({ nanoseconds: 1 }).toPlainDate());
    at = next;
  }
}

const fives = (min: number, max: number) => fc.integer({ min: min / 5, max: max / 5 }).map((count) => count * 5);
const mostly = fc.integer({ min: 0, max: 14 }).map((chance) => chance !== 7);

/** A zone and a first day, more often than not close before one on which the clocks change. */
const place = fc
  .record({ zone: fc.constantFrom(...ZONES), pick: fc.nat(7), offset: fc.integer({ min: -2, max: 0 }) })
  .map(({ zone, pick, offset }) => {
    const days = changeDays(zone);
    const base = days[pick] ?? Temporal.PlainDate.from('2026-02-01').add({ days: pick * 83 });
    return { zone, firstDay: base.add({ days: offset }).toString() };
  });

const terms = fc
  .record({
    versions: fc.array(
      fc.record({
        duration: fc.oneof({ weight: 9, arbitrary: fives(5, 120) }, { weight: 1, arbitrary: fives(125, 720) }),
        before: fc.oneof(fc.constant(0), fives(0, 60), fc.constant(240)),
        after: fc.oneof(fc.constant(0), fives(0, 60)),
        turnover: fc.oneof(fc.constant(0), fives(0, 60)),
        roomType: fc.constantFrom(null, null, 0, 0, 0, 1),
      }),
      { minLength: 1, maxLength: 2 },
    ),
    change: fc.integer({ min: 0, max: 2 }),
    gap: fc.constantFrom(0, 0, 1),
  })
  .map(({ versions, change, gap }) =>
    versions.map((version, index) => ({
      ...version,
      from: index === 0 ? -900 : change + gap,
      until: index === versions.length - 1 ? null : change,
    })),
  );

/** The day cut at some places, midnight at either end included. */
const cutDay = fc
  .uniqueArray(fc.oneof(fives(0, DAY_MINUTES), fc.constantFrom(0, 60, 120, 150, 180, 240, 540, 1_020, DAY_MINUTES)), { maxLength: 6 })
  .map((cuts) => cuts.toSorted((a, b) => a - b))
  .map((cuts) => Array.from({ length: Math.floor(cuts.length / 2) }, (_, pair) => shift(cuts[pair * 2], cuts[pair * 2 + 1])));
const longDay = fc.tuple(fives(0, 600), fives(600, 840), fives(0, 60), fives(900, DAY_MINUTES));
const shiftsOfDay = fc
  .oneof(
    { weight: 3, arbitrary: longDay.map(([start, lunch, pause, end]) => [shift(start, lunch), shift(lunch + pause, end)]) },
    { weight: 1, arbitrary: fc.constant([shift(0, DAY_MINUTES)]) },
    { weight: 2, arbitrary: cutDay },
  )
  .map((shifts) => shifts.filter(({ startsAt, endsAt }) => startsAt < endsAt));

function shift(startsAt = 0, endsAt = 0) {
  return { startsAt, endsAt };
}

const rotations = fc
  .record({
    patterns: fc.array(
      fc.record({
        weeks: fc.integer({ min: 1, max: 3 }),
        anchorWeeks: fc.integer({ min: -3, max: 3 }),
        days: fc.array(shiftsOfDay, { minLength: 1, maxLength: 4 }),
        step: fc.integer({ min: 1, max: 3 }),
      }),
      { minLength: 1, maxLength: 2 },
    ),
    from: fc.constantFrom(-800, -800, -30, 0, 1),
    change: fc.integer({ min: 1, max: 2 }),
    until: fc.constantFrom(null, null, null, 2, 3),
  })
  .map(({ patterns, from, change, until }) =>
    patterns.map(({ weeks, anchorWeeks, days, step }, index) => ({
      weeks,
      anchorWeeks,
      from: index === 0 ? from : change,
      until: index === patterns.length - 1 ? until : change,
      shifts: Array.from({ length: weeks * 7 }, (_, day) =>
        (days[(day * step) % days.length] ?? []).map((times) => ({ week: Math.floor(day / 7), weekday: 1 + (day % 7), ...times })),
      ).flat(),
    })),
  );

/** One after the other, so that no two that block overlap. */
const claims = fc
  .array(
    fc.record({
      gap: fives(0, 800),
      length: fc.oneof({ weight: 4, arbitrary: fives(5, 120) }, { weight: 1, arbitrary: fives(120, DAY_MINUTES + 60) }),
      kind: fc.constantFrom<ClaimSpec['kind']>('block', 'time_off', 'hold'),
      isBlocking: mostly,
      expires: fives(-60, 60),
    }),
    { maxLength: 6 },
  )
  .map((stretches) => {
    let at = -DAY_MINUTES - 120;
    return stretches.map(({ gap, ...claim }) => {
      const startsAt = at + gap;
      at = startsAt + claim.length;
      return { startsAt, ...claim };
    });
  });

export const worlds: fc.Arbitrary<WorldSpec> = fc
  .record({
    place,
    days: fc.integer({ min: 1, max: 3 }),
    now: fc.oneof(fc.constant(-3_000), fives(-DAY_MINUTES, 2 * DAY_MINUTES)),
    slotMinutes: fc.constantFrom(5, 10, 15, 20, 30, 60),
    terms,
    providers: fc.array(fc.record({ isActive: mostly, isSkilled: mostly, rotations, claims }), { minLength: 1, maxLength: 3, size: 'max' }),
    rooms: fc.array(fc.record({ type: fc.constantFrom(0, 0, 0, 1), isActive: mostly, claims }), { maxLength: 3, size: 'max' }),
    patient: fc.option(claims),
  })
  .map(({ place: { zone, firstDay }, ...rest }) => ({ zone, firstDay, ...rest }));

/** Where a world's rows are, and the moments that its minutes count from. */
export type World = {
  organizationId: string;
  actorId: string;
  locationId: string;
  serviceId: string;
  providerIds: string[];
  roomIds: string[];
  patientId: string;
  windowStart: Date;
  now: Date;
};

/** Writes a world as an organization of its own. */
export async function buildWorld(database: Database, spec: WorldSpec): Promise<World> {
  const first = Temporal.PlainDate.from(spec.firstDay);
  const windowStart = new Date(first.toZonedDateTime(spec.zone).epochMilliseconds);
  const at = (minutes: number) => new Date(windowStart.getTime() + minutes * 60_000);
  const date = (days: number | null) => (days === null ? null : first.add({ days }).toString());
  const [organizationId, actorId, locationId, serviceId, legalEntityId, patientId] = [newId(), newId(), newId(), newId(), newId(), newId()];
  const [providerIds, roomIds, typeIds] = [spec.providers.map(() => newId()), spec.rooms.map(() => newId()), [newId(), newId()]];
  const of = { organization_id: organizationId };
  const now = at(spec.now);
  const staffIds = spec.providers.map(() => newId());
  const named = { given_name: 'Pat', family_name: 'Provider', job_title: 'Injector' };
  const claimsOf = (resourceId: string | undefined, specs: ClaimSpec[]) =>
    specs.map(({ startsAt, length, kind, isBlocking, expires }) => ({
      ...of,
      resource_id: resourceId,
      during: `[${at(startsAt).toISOString()},${at(startsAt + length).toISOString()})`,
      kind,
      is_blocking: isBlocking,
      expires_at: kind === 'hold' ? new Date(now.getTime() + expires * 60_000) : null,
    }));
  const time = (minutes: number) => `${String(Math.floor(minutes / 60)).padStart(2, '0')}:${String(minutes % 60).padStart(2, '0')}`;
  const monday = first.subtract({ days: first.dayOfWeek - 1 });

  await arrange(database, { organizationId, actorId }, async (tx) => {
    await tx.organization.create({ data: { id: organizationId, name: 'World' } });
    await insertRows(tx, 'legal_entity', [{ ...of, id: legalEntityId, name: 'World LLC', currency: 'USD' }]);
    await insertRows(tx, 'location', [
      { ...of, id: locationId, legal_entity_id: legalEntityId, name: 'Here', time_zone: spec.zone, slot_minutes: spec.slotMinutes },
    ]);
    await insertRows(tx, 'staff', [{ ...of, id: actorId, ...named }, ...staffIds.map((id) => ({ ...of, id, ...named }))]);
    await insertRows(
      tx,
      'provider',
      spec.providers.map(({ isActive }, index) => ({
        ...of,
        id: providerIds[index],
        staff_id: staffIds[index],
        display_name: 'Pat',
        credential: 'RN',
        is_active: isActive,
      })),
    );
    await insertRows(
      tx,
      'room_type',
      typeIds.map((id, index) => ({ ...of, id, name: `Type ${index}` })),
    );
    await insertRows(
      tx,
      'room',
      spec.rooms.map(({ type, isActive }, index) => ({
        ...of,
        id: roomIds[index],
        location_id: locationId,
        room_type_id: typeIds[type],
        name: `Room ${index}`,
        position: index,
        is_active: isActive,
      })),
    );
    await insertRows(tx, 'service', [{ ...of, id: serviceId, name: 'Toxin', category: 'Injectables' }]);
    await insertRows(
      tx,
      'service_version',
      spec.terms.flatMap(({ from, until, duration, before, after, turnover, roomType }) =>
        until !== null && until <= from
          ? []
          : [
              {
                ...of,
                id: newId(),
                service_id: serviceId,
                effective_from: date(from),
                effective_until: date(until),
                duration_minutes: duration,
                buffer_before_minutes: before,
                buffer_after_minutes: after,
                room_type_id: roomType === null ? null : typeIds[roomType],
                room_turnover_minutes: turnover,
              },
            ],
      ),
    );
    await insertRows(
      tx,
      'provider_service',
      spec.providers.flatMap(({ isSkilled }, index) =>
        isSkilled ? [{ ...of, provider_id: providerIds[index], service_id: serviceId }] : [],
      ),
    );
    await insertRows(tx, 'patient', [{ ...of, id: patientId, given_name: 'Paula', family_name: 'Patient' }]);
    const planned = spec.providers.flatMap(({ rotations: list }, index) =>
      list
        .filter(({ from, until }) => until === null || until > from)
        .map((rotation) => ({ ...rotation, id: newId(), providerId: providerIds[index] })),
    );
    await insertRows(
      tx,
      'shift_rotation',
      planned.map(({ id, providerId, weeks, anchorWeeks, from, until }) => ({
        ...of,
        id,
        provider_id: providerId,
        location_id: locationId,
        weeks,
        anchor_date: monday.add({ weeks: anchorWeeks }).toString(),
        effective_from: date(from),
        effective_until: date(until),
      })),
    );
    await insertRows(
      tx,
      'shift',
      planned.flatMap(({ id, weeks, shifts }) =>
        shifts.map(({ week, weekday, startsAt, endsAt }) => ({
          ...of,
          id: newId(),
          rotation_id: id,
          weeks,
          week,
          weekday,
          starts_at: time(startsAt),
          ends_at: time(endsAt),
        })),
      ),
    );
    await insertRows(tx, 'claim', [
      ...spec.providers.flatMap((provider, index) => claimsOf(providerIds[index], provider.claims)),
      ...spec.rooms.flatMap((room, index) => claimsOf(roomIds[index], room.claims)),
      ...claimsOf(patientId, spec.patient ?? []),
    ]);
  });
  return { organizationId, actorId, locationId, serviceId, providerIds, roomIds, patientId, windowStart, now };
}
