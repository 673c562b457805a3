import { describe, expect, test } from 'vitest';
import {
  assign,
  eachStart,
  findStarts,
  findStartsByProvider,
  paintBoard,
  whyNot,
  type LocationTime,
  type Rules,
  type Service,
  type Visit,
} from '../src/index.ts';
import { beginningOf, changeDays, instantOf, ZONES } from './local-clock.ts';
import { localDay } from './worlds.ts';

/** Minutes of a day in a zone without changes, so that 10:00 is 600. */
const at = (time: string) => Number(time.slice(0, 2)) * 60 + Number(time.slice(3));
const clock = (minute: number) => `${String(Math.floor(minute / 60)).padStart(2, '0')}:${String(minute % 60).padStart(2, '0')}`;
const span = (from: string, until: string) => ({ from: at(from), until: at(until) });

const day = { from: 0, until: 1_440, offsets: [{ from: 0, minutes: 0 }] };
const none = { beforeMinutes: 0, afterMinutes: 0 };
const everyQuarter: Rules = { days: [day], stepMinutes: 15 };

function service(minutes: number, more: Partial<Service> = {}): Service {
  return {
    id: 's',
    phases: [{ minutes, provider: true, room: false, devices: [] }],
    providers: ['ann', 'bob'],
    buffers: { provider: none, room: none, device: none },
    ...more,
  };
}

function visit(services: Service[], more: Partial<Visit> = {}): Visit {
  return {
    services,
    order: 'given',
    pause: { mostMinutes: 0, stepMinutes: 5 },
    sameProvider: false,
    sameRoom: false,
    patientBusy: [],
    ...more,
  };
}

/** Ann alone from 9 to 12, and one room and one laser, unless it is said otherwise. */
function board(more: Partial<LocationTime> = {}) {
  return paintBoard({
    window: { from: -240, until: 1_680 },
    providers: [{ id: 'ann', work: [span('09:00', '12:00')], busy: [] }],
    rooms: [{ id: 'room 1', type: 'treatment', busy: [] }],
    devices: [{ id: 'laser 1', type: 'laser', busy: [] }],
    ...more,
  });
}

const ann = (busy: { from: number; until: number }[]) => ({ id: 'ann', work: [span('09:00', '12:00')], busy });
const bob = (busy: { from: number; until: number }[]) => ({ id: 'bob', work: [span('09:00', '12:00')], busy });

const times = (on: ReturnType<typeof board>, of: Visit, rules = everyQuarter) => [...eachStart(findStarts(on, of, rules))].map(clock);

describe('a start is open', () => {
  test('while shift, buffers and what is booked leave the provider free (3.1)', () => {
    const buffered = service(60, { buffers: { provider: { beforeMinutes: 10, afterMinutes: 5 }, room: none, device: none } });
    expect(times(board(), visit([service(60)]))).toEqual(['09:00', '09:15', '09:30', '09:45', '10:00', '10:15', '10:30', '10:45', '11:00']);
    expect(times(board(), visit([buffered]))).toEqual(['09:15', '09:30', '09:45', '10:00', '10:15', '10:30', '10:45']);
    expect(times(board({ providers: [ann([span('10:00', '10:30')])] }), visit([buffered]))).toEqual(['10:45']);
  });

  test('while numbing takes the room alone: its provider treats somebody else meanwhile (3.5)', () => {
    const numbed = service(60, {
      phases: [
        { minutes: 30, provider: false, room: true, devices: [] },
        { minutes: 30, provider: true, room: true, devices: [] },
      ],
      roomType: 'treatment',
    });
    expect(times(board({ providers: [ann([span('09:00', '10:30')])] }), visit([numbed]))).toEqual([
      '10:00',
      '10:15',
      '10:30',
      '10:45',
      '11:00',
    ]);
    expect(times(board({ rooms: [{ id: 'room 1', type: 'treatment', busy: [span('10:00', '10:30')] }] }), visit([numbed]))).toEqual([
      '08:30',
      '08:45',
      '09:00',
      '10:30',
      '10:45',
      '11:00',
    ]);
  });

  test('for as many at once as a laser has hand-pieces (3.8)', () => {
    const laser = service(60, { phases: [{ minutes: 60, provider: true, room: false, devices: ['laser'] }] });
    const units = (...busy: { from: number; until: number }[][]) =>
      busy.map((taken, index) => ({ id: `laser ${index + 1}`, type: 'laser', busy: taken }));
    const taken = [span('09:00', '12:00')];
    expect(times(board({ devices: units(taken, []) }), visit([laser]))).toHaveLength(9);
    expect(times(board({ devices: units(taken, taken) }), visit([laser]))).toEqual([]);
  });

  test('when a provider can be back from another location in time', () => {
    const elsewhere = [{ ...span('10:00', '10:30'), travelMinutes: 30 }];
    expect(times(board({ providers: [{ ...ann([]), elsewhere }] }), visit([service(30)]))).toEqual(['09:00', '11:00', '11:15', '11:30']);
  });

  test('while the patient is nowhere else, pauses of the visit included', () => {
    const paused = visit([service(30), service(30)], {
      pause: { mostMinutes: 30, stepMinutes: 30 },
      patientBusy: [span('09:30', '11:00')],
    });
    expect(times(board(), paused)).toEqual(['11:00']);
    expect(times(board({ providers: [ann([span('09:30', '10:00')])] }), { ...paused, patientBusy: [] })).toContain('09:00');
    expect(
      times(board({ providers: [ann([span('09:30', '10:00')])] }), { ...paused, patientBusy: [span('09:40', '09:45')] }),
    ).not.toContain('09:00');
  });

  test('from the lead time to the horizon, both to the minute (3.9), and in the hours that are offered', () => {
    const half = visit([service(30)]);
    expect(times(board(), half, { ...everyQuarter, earliest: at('10:00'), latest: at('10:30') })).toEqual(['10:00', '10:15', '10:30']);
    expect(times(board(), half, { ...everyQuarter, earliest: at('10:00') + 1, latest: at('10:30') - 1 })).toEqual(['10:15']);
    expect(times(board(), half, { ...everyQuarter, offered: [span('09:30', '10:00'), span('11:30', '12:00')] })).toEqual([
      '09:30',
      '09:45',
      '11:30',
    ]);
  });
});

describe('a visit of several services', () => {
  test('goes from one provider to another, and in any order when the given one is not open (3.6)', () => {
    const on = board({ providers: [ann([span('09:00', '10:00')]), bob([span('10:00', '12:00')])] });
    const [byAnn, byBob] = [service(60, { providers: ['ann'] }), service(60, { providers: ['bob'] })];
    expect(times(on, visit([byAnn, byBob]))).toEqual([]);
    expect(times(on, visit([byAnn, byBob], { order: 'any' }))).toEqual(['09:00']);
    expect(
      assign(on, visit([byAnn, byBob], { order: 'any' }), at('09:00'))?.services.map(({ place, providerId }) => [place, providerId]),
    ).toEqual([
      [1, 'bob'],
      [0, 'ann'],
    ]);
  });

  test('has one provider throughout where that is asked for, though two together could', () => {
    const on = board({ providers: [ann([span('10:00', '12:00')]), bob([span('09:00', '10:00')])] });
    expect(times(on, visit([service(60), service(60)]))).toEqual(['09:00', '10:00']);
    expect(times(on, visit([service(60), service(60)], { sameProvider: true }))).toEqual(['10:00']);
  });

  test('keeps its room through a pause where it stays in one, and else may change it', () => {
    const inRoom = service(30, { phases: [{ minutes: 30, provider: true, room: true, devices: [] }], roomType: 'treatment' });
    const on = board({
      providers: [ann([span('09:30', '10:00'), span('10:30', '12:00')])],
      rooms: [
        { id: 'room 1', type: 'treatment', busy: [span('09:30', '09:45')] },
        { id: 'room 2', type: 'treatment', busy: [span('09:00', '09:30')] },
      ],
    });
    const paused = visit([inRoom, inRoom], { pause: { mostMinutes: 30, stepMinutes: 15 } });
    expect(times(on, paused)).toEqual(['09:00']);
    expect(times(on, { ...paused, sameRoom: true })).toEqual([]);
  });

  test('has its turnover between patients, not between its own services: what meets is one claim (decision 0003)', () => {
    const turned = service(30, {
      phases: [{ minutes: 30, provider: true, room: true, devices: [] }],
      roomType: 'treatment',
      buffers: { provider: { beforeMinutes: 5, afterMinutes: 5 }, room: { beforeMinutes: 0, afterMinutes: 20 }, device: none },
    });
    expect(assign(board(), visit([turned, { ...turned, providers: ['ann'] }]), at('10:00'))).toEqual({
      ...span('10:00', '11:00'),
      services: [
        { place: 0, ...span('10:00', '10:30'), providerId: 'ann', roomId: 'room 1', deviceIds: [] },
        { place: 1, ...span('10:30', '11:00'), providerId: 'ann', roomId: 'room 1', deviceIds: [] },
      ],
      claims: [
        { kind: 'provider', id: 'ann', ...span('09:55', '11:05') },
        { kind: 'room', id: 'room 1', ...span('10:00', '11:20') },
      ],
    });
  });

  test('is had by the first provider of its list and the first free room of the board', () => {
    const on = board({
      providers: [ann([]), bob([])],
      rooms: [
        { id: 'room 1', type: 'treatment', busy: [span('10:00', '10:05')] },
        { id: 'room 2', type: 'treatment', busy: [] },
        { id: 'room 3', type: 'treatment', busy: [] },
      ],
    });
    const inRoom = service(30, {
      phases: [{ minutes: 30, provider: true, room: true, devices: [] }],
      roomType: 'treatment',
      providers: ['bob', 'ann'],
    });
    expect(assign(on, visit([inRoom]), at('10:00'))?.services).toMatchObject([{ providerId: 'bob', roomId: 'room 2' }]);
  });
});

describe('gaps that nobody could sell', () => {
  const rules = { ...everyQuarter, shortestGapMinutes: 30 };

  test('are left by no start that is offered (3.16)', () => {
    expect(times(board({ providers: [ann([span('10:30', '12:00')])] }), visit([service(30)]), rules)).toEqual(['09:00', '09:30', '10:00']);
  });

  test('are left where only such starts are left on a day (3.16)', () => {
    expect(times(board({ providers: [ann([span('09:45', '12:00')])] }), visit([service(30)]), rules)).toEqual(['09:00', '09:15']);
  });

  test('are not those inside of a visit, whose provider is the same or another one', () => {
    const on = board({ providers: [ann([span('10:00', '12:00')]), bob([span('09:00', '12:00')])] });
    expect(times(on, visit([service(45), service(15)]), rules)).toEqual(['09:00']);
  });
});

describe('per provider', () => {
  test('starts are those with that provider for the first service', () => {
    const on = board({ providers: [ann([span('09:00', '11:30')]), bob([span('09:30', '12:00')])] });
    const found = findStartsByProvider(on, visit([service(30)]), everyQuarter);
    expect([...found].map(([id, starts]) => [id, [...eachStart(starts)].map(clock)])).toEqual([
      ['ann', ['11:30']],
      ['bob', ['09:00']],
    ]);
  });
});

describe('why not', () => {
  const asksAnn = service(30, { askedProvider: 'ann' });

  test('names who is busy and when, another provider, and the nearest times', () => {
    const on = board({ providers: [ann([span('10:00', '10:30')]), bob([])] });
    expect(whyNot(on, visit([asksAnn]), { ...everyQuarter, stepMinutes: 5 }, at('10:20'))).toEqual({
      reasons: [{ kind: 'provider', place: 0, id: 'ann', why: 'taken', part: 'service', during: span('10:00', '10:30') }],
      changes: [
        { kind: 'other-provider', places: [0], ids: ['bob'] },
        { kind: 'later', minutes: 10 },
        { kind: 'earlier', minutes: 50 },
      ],
    });
  });

  test('tells a buffer from the service, and the end of a shift from a booking', () => {
    const buffered = { ...asksAnn, buffers: { provider: { beforeMinutes: 0, afterMinutes: 10 }, room: none, device: none } };
    const { reasons } = whyNot(board(), visit([buffered]), everyQuarter, at('11:30'));
    expect(reasons).toEqual([{ kind: 'provider', place: 0, id: 'ann', why: 'shift', part: 'buffer', during: span('12:00', '12:10') }]);
  });

  test('says that the asked-for room is in the way when another one is free', () => {
    const rooms = [
      { id: 'room 1', type: 'treatment', busy: [span('10:00', '11:00')] },
      { id: 'room 2', type: 'treatment', busy: [] },
    ];
    const inRoom = service(30, {
      phases: [{ minutes: 30, provider: true, room: true, devices: [] }],
      roomType: 'treatment',
      askedRoom: 'room 1',
    });
    const { reasons, changes } = whyNot(board({ rooms }), visit([inRoom]), everyQuarter, at('10:00'));
    expect(reasons).toEqual([{ kind: 'room', place: 0, id: 'room 1', why: 'taken', part: 'service', during: span('10:00', '11:00') }]);
    expect(changes[0]).toEqual({ kind: 'other-room', places: [0] });
  });

  test('names skill and equipment that are not there', () => {
    const laser = service(30, {
      askedProvider: 'eve',
      phases: [{ minutes: 30, provider: true, room: true, devices: ['peel'] }],
      roomType: 'wet',
    });
    expect(whyNot(board(), visit([laser]), everyQuarter, at('10:00'))).toEqual({
      reasons: [
        { kind: 'skill', place: 0, asked: 'eve' },
        { kind: 'equipment', place: 0, needs: 'room', type: 'wet', asked: null },
        { kind: 'equipment', place: 0, needs: 'device', type: 'peel', asked: null },
      ],
      changes: [],
    });
  });

  test('names every rule that is broken, and that staff could set them aside', () => {
    const rules = { ...everyQuarter, earliest: at('11:00'), latest: at('09:30'), offered: [span('11:00', '12:00')] };
    const { reasons, changes } = whyNot(board(), visit([service(30)]), rules, at('10:05'));
    expect(reasons.map((reason) => reason.kind === 'rule' && reason.rule)).toEqual(['step', 'lead-time', 'horizon', 'offered']);
    expect(changes).toEqual([{ kind: 'without-rules', rules: ['step', 'lead-time', 'horizon', 'offered'] }]);
  });

  test('names the gap that would be left', () => {
    const { reasons, changes } = whyNot(board(), visit([service(30)]), { ...everyQuarter, shortestGapMinutes: 30 }, at('09:15'));
    expect(reasons).toEqual([{ kind: 'gap', id: 'ann', during: span('09:00', '09:15') }]);
    expect(changes).toEqual([
      { kind: 'without-rules', rules: ['gap'] },
      { kind: 'later', minutes: 15 },
      { kind: 'earlier', minutes: 15 },
    ]);
  });
});

describe('on days on which the clocks change (B2)', () => {
  const changing = ZONES.flatMap((zone) =>
    changeDays(zone).map((date) => ({ zone, date, name: `${zone} ${new Date(date * 86_400_000).toISOString().slice(0, 10)}` })),
  );

  test.each(changing)('$name: a day is as long as it is, and starts are on the hours of the wall', ({ zone, date }) => {
    const local = localDay(zone, date);
    const on = paintBoard({
      window: { from: local.from - 120, until: local.until + 120 },
      providers: [{ id: 'ann', work: [{ from: instantOf(zone, date, 60), until: instantOf(zone, date, 240) }], busy: [] }],
      rooms: [],
      devices: [],
    });
    const change = local.until - local.from - 1_440;
    // From one to four o'clock: two hours, four, or half an hour less or more. Where midnight is skipped, three.
    const isInside = instantOf(zone, date, 60) > beginningOf(zone, date) && instantOf(zone, date, 240) - instantOf(zone, date, 60) !== 180;
    const open = [...eachStart(findStarts(on, visit([service(5)]), { days: [local], stepMinutes: 5 }))];
    expect(open).toHaveLength((180 + (isInside ? change : 0)) / 5);
    const hours = [...eachStart(findStarts(on, visit([service(5)]), { days: [local], stepMinutes: 60 }))];
    const wall = new Intl.DateTimeFormat('en-GB', { timeZone: zone, timeStyle: 'short' });
    for (const start of hours) expect(wall.format(start * 60_000)).toMatch(/^0[1-3]:00$/);
    expect(hours.length).toBeGreaterThan(1);
  });
});

describe('what cannot be meant is refused', () => {
  test.each<[string, () => unknown]>([
    ['no service', () => findStarts(board(), visit([]), everyQuarter)],
    ['a phase of 7 minutes', () => findStarts(board(), visit([service(7)]), everyQuarter)],
    [
      'a buffer of 3 minutes',
      () =>
        findStarts(
          board(),
          visit([
            service(30, {
              buffers: { provider: none, room: { beforeMinutes: 3, afterMinutes: 0 }, device: none },
              phases: [{ minutes: 30, provider: true, room: true, devices: [] }],
            }),
          ]),
          everyQuarter,
        ),
    ],
    [
      'five services in any order',
      () =>
        findStarts(
          board(),
          visit(
            Array.from({ length: 5 }, () => service(5)),
            { order: 'any' },
          ),
          everyQuarter,
        ),
    ],
    ['a step that does not divide the day', () => findStarts(board(), visit([service(30)]), { ...everyQuarter, stepMinutes: 50 })],
    [
      'a pause without a step',
      () => findStarts(board(), visit([service(30)], { pause: { mostMinutes: 10, stepMinutes: 0 } }), everyQuarter),
    ],
    ['a window that begins between slots', () => board({ window: { from: 3, until: 1_440 } })],
  ])('%s', (_, ask) => {
    expect(ask).toThrow(RangeError);
  });
});
