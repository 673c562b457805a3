import { randomUUID } from 'node:crypto';
import { eventually, sessionIn } from '@medspa/testing';
import { describe, expect, test } from 'vitest';
import { openPools } from '../test/pools.ts';
import type { Database } from './database.ts';
import { handleDatabaseError } from './errors.ts';
import { GuardedPool } from './pool.ts';
import { sessionOfBegin } from './session.ts';
import { sql } from './sql.ts';

const pools = openPools();
const { aPool, aDatabase } = pools;
const aSession = () => sessionIn(randomUUID(), randomUUID());
const pidOf = async (pool: GuardedPool): Promise<number> => (await pool.query('SELECT pg_backend_pid() AS pid')).rows[0].pid;
const pidThrough = async ({ prisma }: Database) => (await prisma.$queryRaw<{ pid: number }[]>`SELECT pg_backend_pid() AS pid`)[0]?.pid;
const isThere = async (id: number) => (await pools.t.look('SELECT FROM scratch WHERE id = $1', [id])).length === 1;

describe('a connection after an error', () => {
  test('survives an ordinary SQL error of the pool', async () => {
    const { pool, seen } = aPool();
    await pool.query(`INSERT INTO scratch VALUES (1, 'one')`);
    const before = await pidOf(pool);
    for (let round = 0; round < 5; round++) {
      await expect(pool.query(`INSERT INTO scratch VALUES (1, 'again')`)).rejects.toMatchObject({ code: '23505' });
    }
    expect(await pidOf(pool)).toBe(before);
    expect(seen).toEqual({ connected: 1, discarded: 0, timedOut: 0 });
  });

  test('survives an ordinary SQL error of Prisma, raw and by model', async () => {
    const database = aDatabase();
    const before = await pidThrough(database);
    await expect(database.prisma.$executeRaw`INSERT INTO scratch VALUES (2, 'bad')`).rejects.toMatchObject({ code: 'P2010' });
    await expect(database.prisma.healthProbe.create({ data: { id: 1, at: new Date() } })).rejects.toMatchObject({ code: 'P2002' });
    expect(await pidThrough(database)).toBe(before);
  });

  test('is replaced when it was lost', async () => {
    const { pool, seen } = aPool();
    const before = await pidOf(pool);
    const asleep = pool.query('SELECT pg_sleep(30)').catch((error: unknown) => error);
    await pools.t.look('SELECT pg_terminate_backend($1)', [before]);
    expect(await asleep).toMatchObject({ code: '57P01' });
    expect(await pidOf(pool)).not.toBe(before);
    expect(seen).toEqual({ connected: 2, discarded: 0, timedOut: 0 });
  });
});

describe('a connection that comes back dirty', () => {
  test('inside a transaction is thrown away and counted, and its work with it', async () => {
    const { pool, seen } = aPool();
    const client = await pool.connect();
    await sessionOfBegin.run(aSession(), () => client.query('BEGIN'));
    const { rows } = await client.query(`INSERT INTO scratch VALUES (10, 'lost') RETURNING pg_backend_pid() AS pid`);
    client.release();
    expect(await pidOf(pool)).not.toBe(rows[0].pid);
    expect(await isThere(10)).toBe(false);
    expect(seen.discarded).toBe(1);
  });

  test('while a statement runs is thrown away and counted', async () => {
    const { pool, seen } = aPool();
    const before = await pidOf(pool);
    const client = await pool.connect();
    const running = client.query('SELECT pg_sleep(30)').catch((error: unknown) => error);
    client.release();
    expect(await running).toMatchObject({ message: 'Connection terminated' });
    expect(await pidOf(pool)).not.toBe(before);
    expect(seen.discarded).toBe(1);
  });

  test('while a statement waits to be sent is thrown away and counted', async () => {
    const { pool, seen } = aPool();
    const client = await pool.connect();
    const first = client.query('SELECT 1');
    const waiting = client.query('SELECT pg_sleep(30)').catch((error: unknown) => error);
    await first;
    client.release();
    expect(await waiting).toMatchObject({ message: expect.stringMatching(/^(Client was closed|Connection terminated)/) as string });
    expect(seen.discarded).toBe(1);
  });

  test('ended by the server is replaced without being counted: the caller did nothing wrong', async () => {
    const { pool, seen } = aPool();
    const client = await pool.connect();
    await sessionOfBegin.run(aSession(), () => client.query('BEGIN'));
    const { rows } = await client.query('SELECT pg_backend_pid() AS pid');
    await pools.t.look('SELECT pg_terminate_backend($1)', [rows[0].pid]);
    await eventually('the connection notices', () =>
      client.query('SELECT 1').then(
        () => false,
        () => true,
      ),
    );
    client.release();
    expect(await pidOf(pool)).not.toBe(rows[0].pid);
    expect(seen.discarded).toBe(0);
  });
});

describe('a transaction', () => {
  test('that failed and is committed all the same throws, and nothing is written', async () => {
    const database = aDatabase();
    const swallowed = database.withTransaction(aSession(), async (tx) => {
      await tx.$executeRaw`INSERT INTO scratch VALUES (20, 'lost')`;
      await tx.$executeRaw`INSERT INTO scratch VALUES (20, 'twice')`.catch(() => {});
      return 'done';
    });
    const error: unknown = await swallowed.catch((thrown: unknown) => thrown);
    expect(handleDatabaseError(error)).toMatchObject({ kind: 'rolledBack', code: '25P02', status: 500 });
    expect(await isThere(20)).toBe(false);
  });

  test('does not begin without a session, neither on a connection nor through Prisma', async () => {
    const { pool } = aPool();
    const client = await pool.connect();
    await expect(client.query('BEGIN')).rejects.toThrow('begins without a session');
    client.release();
    const database = aDatabase();
    let ran = false;
    await expect(
      database.prisma.$transaction(() => {
        ran = true;
        return Promise.resolve();
      }),
    ).rejects.toThrow('begins without a session');
    expect(ran).toBe(false);
  });

  test('does not begin with a session that names no organization or no actor', async () => {
    const database = aDatabase();
    for (const part of ['organizationId', 'actorId']) {
      const error: unknown = await database
        .withTransaction({ ...aSession(), [part]: null }, (tx) => tx.$queryRaw`SELECT 1`)
        .catch((thrown: unknown) => thrown);
      expect(handleDatabaseError(error)?.kind).toBe('forbidden');
    }
    expect(database.pool.total - database.pool.idle).toBe(0);
  });

  test('may read several things at once on its one connection, which takes them one after the other', async () => {
    const warnings: string[] = [];
    const hear = (warning: Error) => warnings.push(warning.message);
    process.on('warning', hear);
    const { pool } = aPool();
    const client = await pool.connect();
    const answers = await Promise.allSettled([
      client.query('SELECT 1 AS n'),
      client.query('SELECT 1 / 0'),
      client.query('SELECT 3 AS n'),
      client.query('SELECT 4 AS n'),
    ]);
    client.release();
    await new Promise(setImmediate);
    process.off('warning', hear);
    expect(answers.map((answer) => (answer.status === 'fulfilled' ? (answer.value.rows as unknown[])[0] : 'failed'))).toEqual([
      { n: 1 },
      'failed',
      { n: 3 },
      { n: 4 },
    ]);
    expect(warnings).toEqual([]);
  });
});

describe('the session of a transaction', () => {
  test('never survives it and never reaches the next user of the connection: two organizations, 200 rounds on one connection', async () => {
    const database = aDatabase({ poolWaitMillis: 60_000 });
    const [a, b] = [aSession(), aSession()];
    const inside = async (session: typeof a) =>
      database.withTransaction(session, async (tx) => {
        const rows = await tx.$queryRaw<{ whose: string }[]>`SELECT app.organization_id()::text AS whose`;
        return rows[0]?.whose === session.organizationId;
      });
    const called = async (session: typeof a) => {
      const rows = await database.callFunction(session, (given) => sql<{ whose: string }>`SELECT app.test_whose(${given}::jsonb) AS whose`);
      return rows[0]?.whose === session.organizationId;
    };
    const outside = async () => {
      const rows = await database.prisma.$queryRaw<
        { left: string }[]
      >`SELECT concat(current_setting('app.organization_id', true), current_setting('app.session', true)) AS left`;
      return rows[0]?.left === '';
    };
    const rounds = Array.from({ length: 200 }, (_, round) => (round % 2 ? a : b)).flatMap((session) => [
      inside(session),
      called(session),
      outside(),
    ]);
    const answers = await Promise.all(rounds);
    expect(answers.filter((isRight) => !isRight)).toEqual([]);
  });

  test('is gone after a transaction that failed', async () => {
    const database = aDatabase();
    await expect(database.withTransaction(aSession(), (tx) => tx.$executeRaw`SELECT 1 / 0`)).rejects.toThrow('22012');
    const rows = await database.prisma.$queryRaw<
      { left: string | null }[]
    >`SELECT nullif(current_setting('app.session', true), '') AS left`;
    expect(rows).toEqual([{ left: null }]);
  });
});

describe('waiting for a connection', () => {
  test('ends with the named timeout, whoever waits, and not before the bound nor long after it', async () => {
    const seen = { timedOut: 0 };
    const database = aDatabase({ poolWaitMillis: 250 }, { observer: { timedOut: () => seen.timedOut++ } });
    let free = () => {};
    const held = new Promise<void>((resolve) => (free = resolve));
    const holder = database.withTransaction(aSession(), () => held);
    await eventually('the one connection is taken', () => database.pool.total === 1 && database.pool.idle === 0);
    const since = performance.now();
    const waiters = await Promise.allSettled([
      database.prisma.healthProbe.findMany(),
      database.prisma.$queryRaw`SELECT 1`,
      database.callFunction(aSession(), (session) => sql`SELECT app.test_whose(${session}::jsonb)`),
      database.withTransaction(aSession(), (tx) => tx.$queryRaw`SELECT 1`),
    ]);
    const waited = performance.now() - since;
    expect(waiters.map((waiter) => waiter.status === 'rejected' && handleDatabaseError(waiter.reason))).toEqual(
      waiters.map(() => expect.objectContaining({ kind: 'poolTimeout', status: 503, retry: false, infrastructure: true }) as object),
    );
    expect(waiters[2]).toMatchObject({ reason: { name: 'PoolTimeout', code: 'P2024' } });
    expect(waited).toBeGreaterThan(240);
    expect(waited).toBeLessThan(5_000);
    expect(seen.timedOut).toBeGreaterThanOrEqual(3);
    free();
    await holder;
    expect(await database.prisma.$queryRaw`SELECT 1 AS one`).toEqual([{ one: 1 }]);
  });
});
