import { withClient } from '../scripts/local.ts';
import { load, quantile, tableOf, type Bench } from './bench.ts';
import { fillWorld, openSlots, sessionOf, wireOf, type Slot, type World } from './booking-world.ts';
import { openBenchDatabase, type BenchDatabase } from './database.ts';
import { watchPace } from './machine.ts';
import { OpenLoad, type Answer } from './open-load.ts';
import { leakedConnections, startBenchService } from './service.ts';

// The service under the load of a busy chain, arriving whether or not it keeps up (an open model): bookings and reads together
// with everything on, then three times as much, which it must shed, and back.

const BOOKINGS_PER_SECOND = 150;
const READS_PER_SECOND = 600;
const OVERLOAD = 3;
const OVERLOAD_SECONDS = 10;
const RECOVERY_SECONDS = 15;
/** At half the rate, and after the plans were made anew at the whole. */
const WARM_SECONDS = [8, 5];
const P99_MILLIS = 100;
const RECOVERS_WITHIN_SECONDS = 10;

export const bench: Bench = async ({ rounds, secondsPerRound, say }) => {
  await using db = await openBenchDatabase(say);
  const world = await fillWorld(db);
  const nextSlot = openSlots(world);
  await using service = await startBenchService(db);
  const arrivals = new OpenLoad(
    service.port,
    (chance) => (chance < BOOKINGS_PER_SECOND / (BOOKINGS_PER_SECOND + READS_PER_SECOND) ? bookingOf(nextSlot()) : readOf(world)),
    world.signedIn,
  );
  const rate = BOOKINGS_PER_SECOND + READS_PER_SECOND;
  const [slowly = 0, fully = 0] = WARM_SECONDS;
  say(`Warming up for ${slowly + fully} s ...`);
  const warm = await arrivals.run(rate / 2, slowly);
  await analyze(db);
  warm.push(...(await arrivals.run(rate, fully)));
  const seconds = rounds * secondsPerRound;
  say(`${BOOKINGS_PER_SECOND} bookings/s and ${READS_PER_SECOND} reads/s for ${seconds} s ...`);
  const endPace = watchPace();
  const held = await arrivals.run(rate, seconds);
  const pace = endPace();
  say(`${OVERLOAD} times as much for ${OVERLOAD_SECONDS} s, and back ...`);
  const over = await arrivals.run(rate * OVERLOAD, OVERLOAD_SECONDS);
  const after = await arrivals.run(rate, RECOVERY_SECONDS);
  arrivals.close();

  const leaked = await leakedConnections(service.metricsPort);
  const lost = await countLost(db, world, [...warm, ...held, ...over, ...after]);
  const recovered = secondsUntilWell(after);
  const inTime = quantile(millisOf(held), 0.99);
  const errors = held.filter(({ status }) => status >= 400 || status === 0).length;
  const failures = over.filter(({ status }) => status === 0 || (status >= 500 && status !== 503)).length;
  const row = (name: string, answers: Answer[], within: number) => {
    const good = millisOf(answers.filter(({ status }) => status < 400 && status > 0));
    const refused = answers.filter(({ status }) => status === 503).length;
    const others = answers.length - good.length - refused;
    const cells = [answers.length / within, quantile(good, 0.5), quantile(good, 0.99), quantile(good, 0.999)].map((value) =>
      value.toFixed(0),
    );
    return [name, ...cells, String(refused), String(others)];
  };
  const isOk = errors === 0 && inTime <= P99_MILLIS && failures === 0 && lost === 0 && leaked === 0 && recovered <= RECOVERS_WITHIN_SECONDS;
  return {
    table: [
      tableOf(
        ['load', 'per s', 'p50 ms', 'p99 ms', 'p99.9 ms', 'shed', 'errors'],
        [row('held', held, seconds), row(`${OVERLOAD} times`, over, OVERLOAD_SECONDS), row('after', after, RECOVERY_SECONDS)],
      ),
      '',
      `Connections still checked out after all ${warm.length + held.length + over.length + after.length} requests: ${leaked}.`,
      `Acknowledged bookings that are not there: ${lost}. Well again ${recovered} s after the overload; load average ${load()}.`,
      `The same loop took the processor ${pace.median.toFixed(1)} ms mostly and ${pace.slow.toFixed(1)} ms in the slowest twentieth of the time.`,
      'Times are from when a request was due, not from when it could be sent. Client, service and database share the processors.',
    ].join('\n'),
    result: {
      ratios: { p99_to_bound: inTime / P99_MILLIS },
      ratio: inTime / P99_MILLIS,
      ok: isOk,
      perSecond: rate,
      seconds,
      p50: quantile(millisOf(held), 0.5),
      p99: inTime,
      p999: quantile(millisOf(held), 0.999),
      errors,
      shed: over.filter(({ status }) => status === 503).length,
      lost,
      leaked,
      recoveredSeconds: recovered,
      loadAverage: load(),
      pace,
    },
  };
};

function bookingOf(slot: Slot) {
  return { method: 'POST' as const, path: '/v1/appointments', body: wireOf(slot) };
}

/** What a desk asks for, and how often: the day of a location, a patient, the services, open times of a day. */
const READS: [share: number, path: (world: World, pick: (from: string[]) => string, day: string) => string][] = [
  [0.4, ({ locationIds }, pick, day) => `/v1/locations/${pick(locationIds)}/day?date=${day}`],
  [0.3, ({ patientIds }, pick) => `/v1/patients/${pick(patientIds)}`],
  [0.2, () => '/v1/services?limit=20'],
  [
    0.1,
    ({ locationIds, providerIds, serviceId }, pick, day) =>
      `/v1/availability?locationId=${pick(locationIds)}&serviceId=${serviceId}&providerId=${pick(providerIds)}&from=${day}&to=${day}`,
  ],
];

function readOf(world: World) {
  const pick = (from: string[]) => from[Math.floor(Math.random() * from.length)] ?? '';
  const day = new Date(Date.now() + Math.ceil(Math.random() * 14) * 86_400_000).toISOString().slice(0, 10);
  let rest = Math.random();
  const path = READS.find(([share]) => (rest -= share) < 0)?.[1](world, pick, day) ?? '/v1/services';
  return { method: 'GET' as const, path };
}

function millisOf(answers: Answer[]): number[] {
  return answers.map(({ millis }) => millis).toSorted((a, b) => a - b);
}

/** The first second from which on nothing is refused and the slowest of a hundred is in time. */
function secondsUntilWell(after: Answer[]): number {
  const isWell = (second: number) => {
    const answers = after.filter(({ dueAt }) => Math.floor(dueAt / 1_000) === second);
    return answers.every(({ status }) => status > 0 && status < 400) && quantile(millisOf(answers), 0.99) <= P99_MILLIS;
  };
  for (let second = 0; second < RECOVERY_SECONDS - 1; second++)
    if (Array.from({ length: RECOVERY_SECONDS - 1 - second }, (_, ahead) => second + ahead).every(isWell)) return second;
  return Number.POSITIVE_INFINITY;
}

/**
 * What autovacuum does once a minute. Before its first look at a new database, plans made while the tables were empty read more
 * than they need; what is measured is a service that has been running.
 */
async function analyze({ owner }: BenchDatabase): Promise<void> {
  await withClient(owner, (client) => client.query('ANALYZE'));
}

/** Bookings that were acknowledged and are not in the table. */
async function countLost({ database }: BenchDatabase, world: World, answers: Answer[]): Promise<number> {
  const acknowledged = answers.flatMap(({ status, id }) => (status === 201 && id ? [id] : []));
  if (acknowledged.length === 0) throw new Error('Nothing was booked, so nothing could be lost.');
  const rows = await database.withTransaction(
    sessionOf(world, 'bench.load'),
    (tx) => tx.$queryRaw<{ count: number }[]>`SELECT count(*)::int AS count FROM appointment WHERE id = ANY (${acknowledged}::uuid[])`,
  );
  return acknowledged.length - (rows[0]?.count ?? 0);
}
