// The engine of availability alone, in this process: painting the time of a location, finding the starts of a visit, assigning one,
// explaining one, and how much memory a chain of locations takes. What reads the database and answers requests is measured on top.
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import {
  assign,
  countStarts,
  eachStart,
  findStarts,
  paintBoard,
  whyNot,
  type Board,
  type LocationTime,
  type Rules,
  type Visit,
} from '@medspa/availability';
import { rulesOf, serviceOf, timeOf, visitOf } from './availability-world.ts';
import { interleave, load, tableOf, type Bench, type Contender } from './bench.ts';

/** Providers and days. */
const SIZES: [providers: number, days: number][] = [
  [10, 14],
  [100, 14],
  [1_000, 60],
];
const CHAIN = { locations: 1_000, providers: 10, days: 90 };
/** T6: engine share of a search, and three services in any order, of a location-fortnight of 10 providers. Milliseconds. */
const T6 = { search: 0.3, threeServices: 1 };
/** T12: a chain of locations in memory. */
const T12 = { megabytes: 150, seconds: 2 };

type Job = { name: string; call: (time: LocationTime, board: Board, rules: Rules) => unknown };

const JOBS: Job[] = [
  { name: 'painting', call: (time) => paintBoard(time) },
  { name: 'provider', call: (time, board, rules) => findStarts(board, single(time, false), rules) },
  { name: 'provider, room, laser', call: (time, board, rules) => findStarts(board, single(time, true), rules) },
  { name: 'the same with painting', call: (time, _, rules) => findStarts(paintBoard(time), single(time, true), rules) },
  { name: 'three services, any order', call: (time, board, rules) => findStarts(board, three(time), rules) },
  { name: 'assign the first start', call: (time, board, rules) => assign(board, three(time), rules.days[0]?.from ?? 0) },
  { name: 'why not at midnight', call: (time, board, rules) => whyNot(board, single(time, true), rules, rules.days[1]?.from ?? 0) },
];

export const bench: Bench = async (options) => {
  const rows: string[][] = [];
  const median = new Map<string, number>();
  for (const [providers, days] of SIZES) {
    const time = timeOf(providers, days, 1);
    const [board, rules] = [paintBoard(time), rulesOf(days)];
    if (providers <= 100) expectSame(time, board, rules);
    options.say(`Measuring ${providers} providers x ${days} days ...`);
    const contenders = JOBS.map(({ name, call }): Contender => ({ name, call: async () => void call(time, board, rules) }));
    const starts = countStarts(findStarts(board, single(time, true), rules));
    for (const [name, { p50, p99, max }] of await interleave(contenders, 1, options)) {
      median.set(`${name} ${providers}x${days}`, p50);
      rows.push([
        `${providers} x ${days}: ${name}`,
        p50.toFixed(3),
        p99.toFixed(3),
        max.toFixed(1),
        name.startsWith('provider, room') ? `${starts}` : '',
      ]);
    }
  }
  options.say('Measuring a chain of locations ...');
  const chain = paintChain();
  const search = median.get('provider, room, laser 10x14') ?? Number.NaN;
  const threeServices = median.get('three services, any order 10x14') ?? Number.NaN;
  const ratios = { T6: T6.search / search, T6_three_services: T6.threeServices / threeServices, T12: T12.megabytes / chain.megabytes };
  return {
    table: [
      tableOf(['providers x days, ms', 'p50', 'p99', 'max', 'starts'], rows),
      '',
      `${CHAIN.locations} locations x ${CHAIN.days} days: ${chain.megabytes.toFixed(0)} MB of typed arrays and ${chain.heapMegabytes.toFixed(0)} MB of heap, ` +
        `painted in ${chain.seconds.toFixed(2)} s of CPU; load average ${load()}.`,
    ].join('\n'),
    result: {
      ratios,
      ratio: ratios.T6,
      ok: search <= T6.search && threeServices <= T6.threeServices && chain.megabytes <= T12.megabytes && chain.seconds <= T12.seconds,
      searchMillis: search,
      threeServicesMillis: threeServices,
      chain,
      loadAverage: load(),
    },
  };
};

function single(time: LocationTime, isAll: boolean): Visit {
  return visitOf([serviceOf(time, 60, { room: isAll, laser: isAll })]);
}

/** With pauses of up to half an hour; each service may be performed by half of the providers. */
function three(time: LocationTime): Visit {
  const services = [60, 30, 45].map((minutes, place) => {
    const service = serviceOf(time, minutes, { room: true, laser: minutes === 60 });
    return { ...service, providers: service.providers.filter((_, index) => index % 2 === place % 2) };
  });
  return visitOf(services, { order: 'any', pause: { mostMinutes: 30, stepMinutes: 5 } });
}

/** Throws when the engine's starts are not those that intervals give, looked at one by one. */
function expectSame(time: LocationTime, board: Board, rules: Rules): void {
  const free = (busy: readonly { from: number; until: number }[], from: number, until: number) =>
    busy.every((one) => one.until <= from || one.from >= until);
  const expected: number[] = [];
  for (const { from, until } of rules.days)
    for (let start = from; start < until; start += 15) {
      const isOpen =
        time.providers.some(
          ({ work, busy }) => work.some((one) => one.from <= start - 5 && start + 65 <= one.until) && free(busy, start - 5, start + 65),
        ) &&
        time.rooms.some(({ busy }) => free(busy, start, start + 70)) &&
        time.devices.some(({ busy }) => free(busy, start + 30, start + 60));
      if (isOpen) expected.push(start);
    }
  const found = [...eachStart(findStarts(board, single(time, true), rules))];
  if (found.length === 0 || found.join() !== expected.join()) throw new Error('The engine and the intervals give different starts.');
}

/** Paints a chain of locations and keeps all of it. The intervals of a location are made anew for each and not counted. */
function paintChain() {
  const boards: Board[] = [];
  const heapBefore = heapMegabytes();
  let cpu = 0;
  for (let location = 0; location < CHAIN.locations; location++) {
    const time = timeOf(CHAIN.providers, CHAIN.days, location);
    const before = process.cpuUsage();
    boards.push(paintBoard(time));
    const { user, system } = process.cpuUsage(before);
    cpu += user + system;
  }
  const heap = heapMegabytes() - heapBefore;
  const megabytes = boards.reduce((sum, { rooms }) => sum + (rooms[0]?.busy.buffer.byteLength ?? 0), 0) / 1e6;
  return { megabytes, heapMegabytes: heap, seconds: cpu / 1e6 };
}

/** What is in use on the heap, without what is only not collected yet. Bits are outside of it. */
function heapMegabytes(): number {
  setFlagsFromString('--expose-gc');
  runInNewContext('gc')();
  return process.memoryUsage().heapUsed / 1e6;
}
