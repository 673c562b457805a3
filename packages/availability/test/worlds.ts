import fc from 'fast-check';
import type { Elsewhere, LocalDay, LocationTime, Phase, Rules, Service, Stretch, UnitTime, Visit } from '../src/index.ts';
import { beginningOf, changeDays, instantOf, offsetAt, ZONES } from './local-clock.ts';

// Small random clinics around a few days, and what somebody asks of them. They are plain data, so fast-check can shrink and print them.

export type World = { zone: string; time: LocationTime; visit: Visit; rules: Rules; asked: number[] };

const DAY = 1_440;

const fives = (min: number, max: number) => fc.integer({ min: min / 5, max: max / 5 }).map((count) => count * 5);
const seldom = fc.integer({ min: 0, max: 5 }).map((chance) => chance === 4);
/** In one of so many worlds. */
const oneOf = <T>(worlds: number, arbitrary: fc.Arbitrary<T>): fc.Arbitrary<T | undefined> =>
  fc.oneof({ weight: worlds - 1, arbitrary: fc.constant(undefined) }, { weight: 1, arbitrary });

/** One or two local days, more often than not with or beside one on which the clocks change. */
const place = fc
  .record({ zone: fc.constantFrom(...ZONES), pick: fc.nat(3), beside: fc.integer({ min: -1, max: 1 }), days: fc.constantFrom(1, 1, 2) })
  .map(({ zone, pick, beside, days }) => {
    const changes = changeDays(zone);
    return { zone, day: (changes[pick] ?? 20_500 + pick * 83) + beside, days };
  });

/** The instants of a local day, and the offsets in it. */
export function localDay(zone: string, day: number): LocalDay {
  const [from, until] = [beginningOf(zone, day), beginningOf(zone, day + 1)];
  const offsets: { from: number; minutes: number }[] = [];
  for (let minute = from; minute < until; minute += 15) {
    const minutes = offsetAt(zone, minute);
    if (offsets.at(-1)?.minutes !== minutes) offsets.push({ from: minute, minutes });
  }
  return { from, until, offsets };
}

/** Minutes from the beginning of the window; one after the other, hence not overlapping, or anyhow. */
const stretches = (longest: number) =>
  fc
    .array(fc.record({ after: fives(0, 600), length: fives(5, longest), early: fc.constantFrom(0, 0, 0, 60) }), { maxLength: 7 })
    .map((list) => {
      let at = 0;
      return list.map(({ after, length, early }) => {
        const from = at + after - early;
        at = from + length;
        return { from, until: at };
      });
    });

/** Wall times of a shift: a long day, all of it, a night that ends on the next day, or a piece. */
const shift = fc.oneof(
  { weight: 5, arbitrary: fc.tuple(fives(300, 600), fives(840, 1_260)) },
  { weight: 1, arbitrary: fc.constantFrom([0, DAY], [60, 240], [1_200, 1_560]) },
  { weight: 1, arbitrary: fc.tuple(fives(0, 700), fives(5, 300)).map(([from, length]) => [from, from + length]) },
);

const provider = fc.record({
  shifts: fc.array(shift, { minLength: 1, maxLength: 2 }),
  busy: stretches(180),
  elsewhere: oneOf(4, fc.record({ from: fives(0, 2_000), length: fives(5, 240), travelMinutes: fives(0, 60) })),
});
const unit = fc.record({ type: fc.constantFrom('a', 'a', 'a', 'b'), busy: stretches(180) });

const phase = fc.record({
  minutes: fives(5, 35),
  provider: fc.constantFrom(true, true, true, false),
  room: fc.constantFrom(true, true, true, false),
  devices: oneOf(7, fc.constantFrom<string[]>(['a'], ['a'], ['b'], ['a', 'b'])).map((types = []) => types),
});
const buffer = fc.oneof(
  { weight: 2, arbitrary: fc.constant({ beforeMinutes: 0, afterMinutes: 0 }) },
  { weight: 1, arbitrary: fc.record({ beforeMinutes: fives(0, 20), afterMinutes: fives(0, 30) }) },
);
const service = fc.record({
  phases: fc.array<Phase>(phase, { minLength: 1, maxLength: 3 }),
  able: fc.uniqueArray(fc.nat(3), { minLength: 3, maxLength: 4, size: 'max' }),
  asked: oneOf(5, fc.nat(2)),
  roomType: oneOf(12, fc.constant<string>('b')).map((type = 'a') => type),
  askedRoom: oneOf(10, fc.nat(2)),
  buffers: fc.record({ provider: buffer, room: buffer, device: buffer }),
});

const rules = fc.record({
  stepMinutes: fc.constantFrom(5, 5, 10, 15, 20, 30, 60),
  earliest: oneOf(3, fc.integer({ min: 0, max: 1_500 })),
  latest: oneOf(3, fc.integer({ min: 600, max: 2_900 })),
  offered: oneOf(5, stretches(500)),
  shortestGapMinutes: oneOf(3, fives(5, 90)),
});

export const worlds: fc.Arbitrary<World> = fc
  .record({
    place,
    margin: fc.constantFrom(0, 120, 360, 360),
    providers: fc.array(provider, { minLength: 1, maxLength: 3, size: 'max' }),
    rooms: fc.array(unit, { minLength: 1, maxLength: 3, size: 'max' }),
    devices: fc.array(unit, { minLength: 1, maxLength: 3, size: 'max' }),
    services: fc.oneof(
      { weight: 8, arbitrary: fc.array(service, { minLength: 1, maxLength: 1 }) },
      { weight: 9, arbitrary: fc.array(service, { minLength: 2, maxLength: 2 }) },
      { weight: 3, arbitrary: fc.array(service, { minLength: 3, maxLength: 3 }) },
      { weight: 1, arbitrary: fc.array(service, { minLength: 4, maxLength: 4 }) },
    ),
    order: fc.constantFrom<Visit['order'][]>('given', 'any'),
    pause: fc.constantFrom({ mostMinutes: 0, stepMinutes: 5 }, { mostMinutes: 20, stepMinutes: 10 }, { mostMinutes: 25, stepMinutes: 5 }),
    sameProvider: seldom,
    sameRoom: seldom,
    patientBusy: oneOf(3, stretches(200)),
    rules,
    /** Not on five minutes, as times at another place may be. */
    uneven: seldom,
    asked: fc.array(fc.nat(DAY * 2), { minLength: 3, maxLength: 3 }),
  })
  .map((spec): World => {
    const { zone, day, days: count } = spec.place;
    const days = Array.from({ length: count }, (_, index) => localDay(zone, day + index));
    const first = days[0]?.from ?? 0;
    const window = { from: first - spec.margin, until: (days.at(-1)?.until ?? 0) + spec.margin };
    const skew = spec.uneven ? 3 : 0;
    const moved = (list: readonly Stretch[], by = skew) =>
      list.map(({ from, until }) => ({ from: window.from + from + by, until: window.from + until + by }));
    const units = (kind: string, list: { type: string; busy: Stretch[] }[]): UnitTime[] =>
      list.map(({ type, busy }, index) => ({ id: `${kind}${index}`, type, busy: moved(busy) }));
    const time: LocationTime = {
      window,
      providers: spec.providers.map(({ shifts, busy, elsewhere }, index) => ({
        id: `p${index}`,
        work: Array.from({ length: count + 2 }, (_, offset) => day - 1 + offset).flatMap((date) =>
          shifts.map(([from = 0, until = 0]) => ({ from: instantOf(zone, date, from), until: instantOf(zone, date, until) })),
        ),
        busy: moved(busy),
        elsewhere: elsewhere ? [away(window.from, elsewhere)] : [],
      })),
      rooms: units('r', spec.rooms),
      devices: units('d', spec.devices),
    };
    const services = spec.services.map(({ phases, able, asked, roomType, askedRoom, buffers }, index): Service => ({
      id: `s${index}`,
      phases,
      // p3 is nobody here.
      providers: able.map((one) => `p${one}`),
      ...(asked === undefined ? {} : { askedProvider: `p${asked}` }),
      roomType,
      ...(askedRoom === undefined ? {} : { askedRoom: `r${askedRoom}` }),
      buffers,
    }));
    const { shortestGapMinutes, offered, earliest, latest, stepMinutes } = spec.rules;
    return {
      zone,
      time,
      visit: {
        services,
        order: spec.order,
        // Every order of four, with every pause, is more than a search that tries everything can do.
        pause: services.length < 4 ? spec.pause : { mostMinutes: 0, stepMinutes: 5 },
        sameProvider: spec.sameProvider,
        sameRoom: spec.sameRoom,
        patientBusy: moved(spec.patientBusy ?? []),
      },
      rules: {
        days,
        stepMinutes,
        ...(earliest === undefined ? {} : { earliest: first + earliest }),
        ...(latest === undefined ? {} : { latest: first + latest }),
        ...(offered === undefined ? {} : { offered: moved(offered, skew) }),
        // The length of a gap is that of its whole slots.
        ...(shortestGapMinutes === undefined || spec.uneven ? {} : { shortestGapMinutes }),
      },
      asked: spec.asked.map((minute) => first + minute),
    };
  });

function away(origin: number, { from, length, travelMinutes }: { from: number; length: number; travelMinutes: number }): Elsewhere {
  return { from: origin + from, until: origin + from + length, travelMinutes };
}
