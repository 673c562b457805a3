import { openDatabase, signInOf } from '@medspa/database';
import pg from 'pg';
import { load, quantile, tableOf, type Bench } from './bench.ts';
import { fillWorld, type World } from './booking-world.ts';
import { openBenchDatabase, type BenchDatabase } from './database.ts';
import { BenchConnection } from './http-client.ts';
import { startBenchService, type BenchService } from './service.ts';

// The audit's three questions to a connection pool: are connections reused, do callers wait their turn, and do ten processes
// with eighty requests in flight each stay within what the server has.

const PROCESSES = 10;
const IN_FLIGHT = 80;
const SLEEPS = 50;
const SLEEP_POOL = 10;
/** The budget row: ten instances of pool 8 and one health connection, twice while a deployment overlaps, of 250. */
const BUDGET = PROCESSES * 9;
const ACQUIRE_P95_MILLIS = 20;
/** Eighty fresh connections each plan and compile what they run; errors count from the first request on, times do not. */
const WARM_SECONDS = 10;

export const bench: Bench = async (options) => {
  const { say } = options;
  await using db = await openBenchDatabase(say);
  const world = await fillWorld(db);
  const reuse = await reused(db);
  const waiting = await sleepers(db, options.rounds);
  say(`Starting ${PROCESSES} processes ...`);
  const crowd = await crowded(db, world, options.rounds * options.secondsPerRound, say);

  const turns = waiting.limit / waiting.service;
  const isOk =
    reuse <= db.runtime.poolMax &&
    turns > 0.8 &&
    crowd.errors === 0 &&
    crowd.mostConnections <= BUDGET &&
    crowd.acquire.p95 <= ACQUIRE_P95_MILLIS;
  return {
    table: [
      tableOf(
        ['pool', 'is', 'bound'],
        [
          ['20 parallel queries: connections used', String(reuse), `<= ${db.runtime.poolMax}`],
          [`${SLEEPS} x pg_sleep(0.1) on ${SLEEP_POOL} connections, ms`, waiting.service.toFixed(0), `limit ${waiting.limit.toFixed(0)}`],
          [`${PROCESSES} x ${IN_FLIGHT} in flight: requests`, String(crowd.requests), ''],
          ['  per second', crowd.perSecond.toFixed(0), ''],
          ['  errors', String(crowd.errors), '0'],
          ['  most connections of the service', String(crowd.mostConnections), `<= ${BUDGET}`],
          ['  wait for a connection p50, ms', `<= ${crowd.acquire.p50}`, ''],
          ['  wait for a connection p95, ms', `<= ${crowd.acquire.p95}`, `<= ${ACQUIRE_P95_MILLIS}`],
          ['  wait before that for a turn p50 / p95, ms', `<= ${crowd.queue.p50} / ${crowd.queue.p95}`, ''],
          ['  answer p50 / p95, ms', `${crowd.answer.p50.toFixed(0)} / ${crowd.answer.p95.toFixed(0)}`, ''],
        ],
      ),
      '',
      `The whole of clients, ${PROCESSES} processes and server share this machine's processors; load average ${load()}.`,
    ].join('\n'),
    result: { ratios: { sleeps: turns }, ratio: turns, ok: isOk, reuse, waiting, crowd, loadAverage: load() },
  };
};

/** Distinct connections that 20 parallel queries used. */
async function reused({ database }: BenchDatabase): Promise<number> {
  const pids = await Promise.all(
    Array.from({ length: 20 }, async () => (await database.prisma.$queryRaw<{ pid: number }[]>`SELECT pg_backend_pid() AS pid`)[0]?.pid),
  );
  return new Set(pids).size;
}

/** Median milliseconds until all sleepers have slept, by the service's pool and by the driver's own, in turns. */
async function sleepers({ runtime }: BenchDatabase, rounds: number): Promise<{ service: number; limit: number }> {
  const service = openDatabase({ ...runtime, applicationName: 'bench-sleep', poolMax: SLEEP_POOL });
  const driver = new pg.Pool({ ...signInOf(runtime), max: SLEEP_POOL });
  const all = async (sleep: () => Promise<unknown>) => {
    const since = performance.now();
    await Promise.all(Array.from({ length: SLEEPS }, sleep));
    return performance.now() - since;
  };
  const took = { service: [] as number[], limit: [] as number[] };
  for (let round = 0; round < rounds; round++) {
    took.service.push(await all(() => service.prisma.$queryRaw`SELECT pg_sleep(0.1)::text`));
    took.limit.push(await all(() => driver.query('SELECT pg_sleep(0.1)::text')));
  }
  await service.disconnectDatabase();
  await driver.end();
  const median = (of: number[]) =>
    quantile(
      of.toSorted((a, b) => a - b),
      0.5,
    );
  return { service: median(took.service), limit: median(took.limit) };
}

type Crowd = {
  requests: number;
  perSecond: number;
  errors: number;
  mostConnections: number;
  /** Wait for one of the pool's connections, and before that for a place among those who work: milliseconds. */
  acquire: { p50: number; p95: number };
  queue: { p50: number; p95: number };
  answer: { p50: number; p95: number };
};

/** Ten processes, each with eighty requests in flight all the time: a search or a list, whose answers must be whole. */
async function crowded(db: BenchDatabase, world: World, seconds: number, say: (text: string) => void): Promise<Crowd> {
  const services: BenchService[] = [];
  try {
    for (let index = 0; index < PROCESSES; index++) services.push(await startBenchService(db));
    const sockets = await Promise.all(
      services.flatMap(({ port }) => Array.from({ length: IN_FLIGHT }, () => BenchConnection.open(port, world.signedIn))),
    );
    say(`${PROCESSES} x ${IN_FLIGHT} requests in flight, ${WARM_SECONDS} s to warm up and ${seconds} s measured ...`);
    const paths = [
      '/v1/services?limit=20',
      `/v1/availability?locationId=${world.locationIds[0]}&serviceId=${world.serviceId}&providerId=${world.providerIds[0]}`,
    ];
    const latencies: number[] = [];
    let errors = 0;
    let isOver = false;
    const watched = watchConnections(db, () => isOver);
    const since = performance.now() + WARM_SECONDS * 1_000;
    const warm = new Promise((resolve) => setTimeout(resolve, WARM_SECONDS * 1_000)).then(() => allCounts(services));
    await Promise.all(
      sockets.map(async (socket, caller) => {
        for (let turn = caller; performance.now() - since < seconds * 1_000; turn++) {
          const begun = performance.now();
          const { status } = await socket.get(paths[turn % paths.length] ?? '');
          if (begun >= since) latencies.push(performance.now() - begun);
          if (status !== 200) errors++;
        }
      }),
    );
    const took = (performance.now() - since) / 1_000;
    isOver = true;
    const mostConnections = await watched;
    for (const socket of sockets) socket.close();
    const [before, after] = [await warm, await allCounts(services)];
    const sorted = latencies.toSorted((a, b) => a - b);
    return {
      requests: latencies.length,
      perSecond: latencies.length / took,
      errors,
      mostConnections,
      acquire: quantilesOf(before.acquire, after.acquire),
      queue: quantilesOf(before.queue, after.queue),
      answer: { p50: quantile(sorted, 0.5), p95: quantile(sorted, 0.95) },
    };
  } finally {
    for (const service of services) await service[Symbol.asyncDispose]();
  }
}

/** Looks every 50 ms how many connections the service has. */
async function watchConnections({ owner }: BenchDatabase, isOver: () => boolean): Promise<number> {
  const client = new pg.Client(signInOf(owner));
  await client.connect();
  let most = 0;
  while (!isOver()) {
    const { rows } = await client.query(`SELECT count(*)::int AS count FROM pg_stat_activity WHERE application_name LIKE 'medspa%'`);
    most = Math.max(most, rows[0].count);
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  await client.end();
  return most;
}

/** How many waits took at most so many milliseconds, of all processes. */
async function waitCounts(services: BenchService[], metric: string): Promise<Map<number, number>> {
  const counts = new Map<number, number>();
  for (const { metricsPort } of services) {
    const text = await (await fetch(`http://127.0.0.1:${metricsPort}/metrics`)).text();
    for (const [, bound = '', count = ''] of text.matchAll(new RegExp(`^${metric}_bucket\\{le="([^"]+)"\\} (\\d+)`, 'gm'))) {
      const millis = bound === '+Inf' ? Number.POSITIVE_INFINITY : Number(bound) * 1_000;
      counts.set(millis, (counts.get(millis) ?? 0) + Number(count));
    }
  }
  return counts;
}

async function allCounts(services: BenchService[]) {
  return { acquire: await waitCounts(services, 'db_pool_acquire_seconds'), queue: await waitCounts(services, 'db_queue_wait_seconds') };
}

/** Upper bounds, milliseconds, of the buckets that hold the quantiles of what was counted in between. */
function quantilesOf(before: Map<number, number>, after: Map<number, number>): { p50: number; p95: number } {
  const counted = [...after].map(([bound, count]) => [bound, count - (before.get(bound) ?? 0)] as const).toSorted(([a], [b]) => a - b);
  const total = counted.at(-1)?.[1] ?? 0;
  const at = (share: number) => counted.find(([, count]) => count >= total * share)?.[0] ?? Number.NaN;
  return { p50: at(0.5), p95: at(0.95) };
}
