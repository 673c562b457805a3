import { randomUUID } from 'node:crypto';
import { EVERYTHING } from '@medspa/contracts';
import { createCodec, keyRingOf, ringWrapping, signInOf, type Codec } from '@medspa/database';
import pg from 'pg';
import { bookAppointment } from '../apps/api/src/modules/scheduling/index.ts';
import { createBreaker } from '../apps/api/src/platform/breaker.ts';
import type { Ctx } from '../apps/api/src/platform/context.ts';
import { Problem } from '../apps/api/src/platform/problem.ts';
import { hashBody } from '../apps/api/src/platform/repeatable.ts';
import { interleave, load, tableOf, type Bench, type Contender, type Measured } from './bench.ts';
import { breakClaims, contend, type Race } from './booking-race.ts';
import { fillWorld, inputOf, openSlots, parametersOf, wireOf, type Slot, type World } from './booking-world.ts';
import { openBenchDatabase, type BenchDatabase } from './database.ts';
import { BenchConnection } from './http-client.ts';
import { BENCH_KEY, startBenchService } from './service.ts';

// T8: booking commits per second of the service call and through HTTP, against node-postgres sending the same SQL. Row-level
// security, audit triggers, idempotency row, outbox event and job are inside that SQL, so on all sides.

const CONCURRENCIES = [1, 8, 32];
const TARGETS = { service: 0.8, http: 0.5 };
const SQL = 'SELECT app.book_appointment($1::jsonb, $2::jsonb) AS result';

export const bench: Bench = async (options) => {
  const { say } = options;
  await using db = await openBenchDatabase(say);
  say('Filling 10 locations, 100 providers, 100 rooms, 500 patients ...');
  const world = await fillWorld(db);
  const nextSlot = openSlots(world);
  await using limit = poolOf(db, 'app_rw', db.runtime.poolMax);
  await using server = await startBenchService(db);
  let connections = [await BenchConnection.open(server.port, world.signedIn)];

  const byLimit = (slot: Slot) => bookWithDriver(limit, world, slot);
  const codec = createCodec(db.database, ringWrapping(keyRingOf(BENCH_KEY)));
  const byService = (slot: Slot) => bookWithService(db, codec, world, slot);
  const byHttp = (slot: Slot, caller: number) => bookThroughHttp(connections[caller], slot);
  await assertSameAnswers([byLimit, byService, (slot) => byHttp(slot, 0)], nextSlot);

  const contenders: Contender[] = [
    { name: 'limit', call: async () => mustWin(await byLimit(nextSlot())) },
    { name: 'service', call: async () => mustWin(await byService(nextSlot())) },
    { name: 'http', call: async (caller) => mustWin(await byHttp(nextSlot(), caller)) },
  ];
  const measured = new Map<number, Map<string, Measured>>();
  for (const concurrency of CONCURRENCIES) {
    say(`Measuring ${concurrency} caller${concurrency === 1 ? '' : 's'} ...`);
    // Opened when they are needed: the server drops a connection that brings no request for five seconds.
    for (const connection of connections) connection.close();
    connections = await Promise.all(Array.from({ length: concurrency }, () => BenchConnection.open(server.port, world.signedIn)));
    measured.set(concurrency, await interleave(contenders, concurrency, options));
  }

  say('50 people want one slot ...');
  await using owner = poolOf(db, 'app_owner', 2);
  const patientOf = (slot: Slot, caller: number) => ({ ...slot, patientId: world.patientIds[caller] ?? '' });
  const race = await contend(
    owner,
    50,
    options.rounds * 4,
    nextSlot,
    async (slot, caller) => (await byService(patientOf(slot, caller))) !== null,
  );
  say('The same with plain inserts, which must fail ...');
  await breakClaims(owner);
  // As many connections as contenders: they must really meet.
  await using crowd = poolOf(db, 'app_rw', 32);
  const control = await contend(
    owner,
    32,
    12,
    nextSlot,
    async (slot, caller) => (await bookWithDriver(crowd, world, patientOf(slot, caller))) !== null,
  );
  for (const connection of connections) connection.close();
  return report(measured, race, control);
};

/** The booked interval, or null when the slot was taken (or, in the control, the writer was killed). */
type Booked = { startsAt: string; endsAt: string } | null;

async function bookWithDriver(pool: pg.Pool, world: World, slot: Slot): Promise<Booked> {
  try {
    const { rows } = await pool.query({ name: 'book', text: SQL, values: parametersOf(world, slot) });
    return rows[0].result.appointment ?? null;
  } catch (error) {
    if ((error as { code?: string }).code === '40P01' || (error as { code?: string }).code === '55P03') return null;
    throw error;
  }
}

async function bookWithService(db: BenchDatabase, codec: Codec, world: World, slot: Slot): Promise<Booked> {
  await codec.prepare(world.organizationId);
  const input = inputOf(slot);
  const ctx: Ctx = {
    database: db.database,
    codec,
    breaker,
    organizationId: world.organizationId,
    actor: { kind: 'staff', id: world.actorId, grants: EVERYTHING },
    requestId: randomUUID(),
    now: () => new Date(),
    repeatable: {
      route: 'POST /v1/appointments',
      key: randomUUID(),
      bodyHash: hashBody({ codec, organizationId: world.organizationId }, input),
    },
  };
  try {
    return await bookAppointment(ctx, input);
  } catch (error) {
    if (error instanceof Problem && error.slug === 'slot-taken') return null;
    throw error;
  }
}

const breaker = createBreaker().policy;

async function bookThroughHttp(connection: BenchConnection | undefined, slot: Slot): Promise<Booked> {
  const { status, body } = (await connection?.post('/v1/appointments', wireOf(slot), { 'idempotency-key': randomUUID() })) ?? {
    status: 0,
    body: '',
  };
  if (status === 409) return null;
  if (status !== 201) throw new Error(`HTTP ${status}: ${body.slice(0, 200)}`);
  return JSON.parse(body) as Booked;
}

function mustWin(booked: Booked): void {
  if (!booked) throw new Error('An open slot was refused.');
}

/** Before anything is timed: all ways book the same interval, and all refuse a slot that is taken. */
async function assertSameAnswers(ways: ((slot: Slot) => Promise<Booked>)[], nextSlot: () => Slot): Promise<void> {
  for (const way of ways) {
    const slot = nextSlot();
    const booked = await way(slot);
    if (booked?.startsAt !== slot.startsAt.toISOString() || booked.endsAt !== new Date(slot.startsAt.getTime() + 1_800_000).toISOString())
      throw new Error('A way books something else.');
    for (const other of ways) if ((await other(slot)) !== null) throw new Error('A way books what is taken.');
  }
}

function poolOf({ runtime, owner }: BenchDatabase, role: 'app_rw' | 'app_owner', max: number): pg.Pool & AsyncDisposable {
  const pool = new pg.Pool({ ...signInOf(role === 'app_rw' ? runtime : owner), max });
  return Object.assign(pool, { [Symbol.asyncDispose]: () => pool.end() });
}

function report(measured: Map<number, Map<string, Measured>>, race: Race, control: Race) {
  const ratio = (concurrency: number, name: string) =>
    round((measured.get(concurrency)?.get(name)?.perSecond ?? 0) / (measured.get(concurrency)?.get('limit')?.perSecond ?? Number.NaN));
  const rows = CONCURRENCIES.flatMap((concurrency) =>
    [...(measured.get(concurrency) ?? [])].map(([name, { perSecond, p50, p99, max }]) => [
      `${name}, ${concurrency} caller${concurrency === 1 ? '' : 's'}`,
      perSecond.toFixed(0),
      ratio(concurrency, name).toFixed(2),
      p50.toFixed(1),
      p99.toFixed(1),
      max.toFixed(0),
    ]),
  );
  const service = Math.min(...CONCURRENCIES.map((concurrency) => ratio(concurrency, 'service')));
  const http = Math.min(...CONCURRENCIES.map((concurrency) => ratio(concurrency, 'http')));
  const raceRow = (name: string, { contenders, rounds, oneWinnerEach, deadlocks, worstMillis }: Race) => [
    name,
    `${contenders} x ${rounds}`,
    oneWinnerEach ? 'yes' : 'NO',
    String(deadlocks),
    `${worstMillis}`,
  ];
  const controlFailed = control.deadlocks > 0;
  return {
    table: [
      tableOf(['booking commits', 'per s', 'of limit', 'p50 ms', 'p99 ms', 'max ms'], rows),
      '',
      tableOf(
        ['one slot', 'contenders x rounds', 'one winner each', 'deadlocks', 'worst ms'],
        [raceRow('the service', race), raceRow('control: plain inserts', control)],
      ),
      '',
      `T8: service ${service.toFixed(2)} (at least ${TARGETS.service}), HTTP ${http.toFixed(2)} (at least ${TARGETS.http}); load average ${load()}.`,
      controlFailed ? 'The control deadlocks, as it must.' : 'THE CONTROL DID NOT FAIL: the race proves nothing.',
    ].join('\n'),
    result: {
      ratios: { T8: service, T8_http: http },
      ratio: service,
      ok:
        service >= TARGETS.service &&
        http >= TARGETS.http &&
        race.oneWinnerEach &&
        race.deadlocks === 0 &&
        race.worstMillis < 1_000 &&
        controlFailed,
      race,
      control,
      perSecond: Object.fromEntries(
        CONCURRENCIES.map((concurrency) => [
          concurrency,
          Object.fromEntries([...(measured.get(concurrency) ?? [])].map(([name, { perSecond }]) => [name, Math.round(perSecond)])),
        ]),
      ),
      loadAverage: load(),
    },
  };
}

function round(value: number): number {
  return Math.round(value * 1_000) / 1_000;
}
