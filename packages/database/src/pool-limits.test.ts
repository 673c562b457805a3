import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { connect, createServer, type AddressInfo } from 'node:net';
import { eventually, runAs, sessionIn } from '@medspa/testing';
import { describe, expect, test } from 'vitest';
import { HTTP_MILLIS } from '../../../apps/api/src/platform/server.ts';
import { openPools } from '../test/pools.ts';
import { openDatabase, type Database } from './database.ts';
import { GuardedPool } from './pool.ts';
import { signInOf, TIMEOUTS } from './settings.ts';
import { sql, SqlText } from './sql.ts';
import { parseDatabaseUrl } from './url.ts';

const pools = openPools();
const { aPool, aDatabase } = pools;
const aSession = () => sessionIn(randomUUID(), randomUUID());

describe('the settings of a fresh connection', () => {
  const LADDER = ['deadlock_timeout', 'lock_timeout', 'idle_in_transaction_session_timeout', 'statement_timeout', 'transaction_timeout'];
  const millisOf = async (pool: Pick<GuardedPool, 'query'>) => {
    const { rows } = await pool.query(
      `SELECT name, (extract(epoch FROM current_setting(name)::interval) * 1000)::int AS millis FROM unnest($1::text[]) name`,
      [LADDER],
    );
    return new Map((rows as { name: string; millis: number }[]).map(({ name, millis }) => [name, millis]));
  };

  test('are the ladder of timeouts, each above the one before, on the server, whatever its own settings are', async () => {
    const { database } = pools.t.admin;
    const others = ['timezone', ...LADDER.slice(1)];
    await runAs(
      pools.t.admin,
      ...others.map((name) => `ALTER ROLE app_rw IN DATABASE ${database} SET ${name} = '${name === 'timezone' ? 'Asia/Tokyo' : '1h'}'`),
    );
    pools.afterTest(() => runAs(pools.t.admin, ...others.map((name) => `ALTER ROLE app_rw IN DATABASE ${database} RESET ${name}`)));
    const { pool } = aPool();
    expect((await pool.query('SHOW TimeZone')).rows).toEqual([{ TimeZone: 'UTC' }]);
    const on = await millisOf(pool);
    const rungs = [
      on.get('deadlock_timeout'),
      on.get('lock_timeout'),
      pools.t.runtime.poolWaitMillis,
      on.get('idle_in_transaction_session_timeout'),
      on.get('statement_timeout'),
      pools.t.runtime.answerMillis,
      TIMEOUTS.prismaTransaction,
      on.get('transaction_timeout'),
      HTTP_MILLIS,
    ] as number[];
    expect(rungs).toEqual([1_000, 2_000, 3_000, 5_000, 8_000, 9_000, 10_000, 12_000, 15_000]);
    expect(rungs).toEqual(rungs.toSorted((a, b) => a - b));
  });

  test('hold for the role as well, since a pooler drops those of the connection', async () => {
    const { default: pg } = await import('pg');
    const plain = new pg.Pool({ ...signInOf(pools.t.runtime), max: 1 });
    pools.afterTest(() => plain.end());
    expect((await plain.query('SHOW TimeZone')).rows).toEqual([{ TimeZone: 'UTC' }]);
    const { pool } = aPool();
    expect(await millisOf(plain as unknown as GuardedPool)).toEqual(await millisOf(pool));
  });

  test('are no timeout of the client side, which would leave the statement running', async () => {
    const { pool } = aPool();
    expect((pool as unknown as { options: object }).options).not.toHaveProperty('query_timeout');
    const client = await pool.connect();
    expect((client as unknown as { connectionParameters: { query_timeout: unknown } }).connectionParameters.query_timeout).toBe(false);
    client.release();
  });
});

describe('prepared statements', () => {
  const countPrepared = async (database: Database, like: string) =>
    (
      await database.prisma.$queryRaw<
        { count: number }[]
      >`SELECT count(*)::int AS count FROM pg_prepared_statements WHERE statement LIKE ${like} AND statement NOT LIKE '%pg_prepared%'`
    )[0]?.count;

  test('the same text is prepared once per connection, through both doors', async () => {
    const database = aDatabase();
    for (let round = 0; round < 3; round++) {
      await database.prisma.healthProbe.findMany();
      await database.withTransaction(aSession(), (tx) => tx.healthProbe.findMany());
      await database.callFunction(aSession(), (session) => sql`SELECT app.test_whose(${session}::jsonb)`);
    }
    expect(await countPrepared(database, '%"health_probe"%')).toBe(1);
    expect(await countPrepared(database, '%test_whose%')).toBe(1);
    expect(await countPrepared(database, 'BEGIN%')).toBe(0);
  });

  test('stay below statement_cache_size with any number of texts', async () => {
    const database = aDatabase({ statementCacheSize: 20 });
    for (let n = 0; n < 60; n++) await database.prisma.$queryRawUnsafe(`SELECT ${n} AS "distinct_${n}"`);
    for (let n = 0; n < 60; n++) {
      await database.callFunction(aSession(), (session) => new SqlText(`SELECT $1::jsonb AS d${n}`, [session]));
    }
    expect(await countPrepared(database, '%')).toBe(20);
  });

  test('are none with statement_cache_size 0, and none for a long list of parameters', async () => {
    const database = aDatabase({ statementCacheSize: 0 });
    await database.prisma.healthProbe.findMany();
    await database.prisma.healthProbe.findMany();
    expect(await countPrepared(database, '%')).toBe(0);
    const caching = aDatabase();
    await caching.prisma.healthProbe.findMany({ where: { id: { in: Array.from({ length: 50 }, (_, n) => n) } } });
    expect(await countPrepared(caching, '%"health_probe"%')).toBe(0);
  });

  test('broken by a schema change are dropped on every connection, also when a transaction met the first', async () => {
    await runAs(
      pools.t.owner,
      'CREATE TABLE shifting (id integer)',
      'INSERT INTO shifting VALUES (1)',
      'GRANT SELECT ON shifting TO app_rw',
    );
    const database = aDatabase({ poolMax: 4 });
    const read = () => database.prisma.$queryRawUnsafe('SELECT id FROM shifting, pg_sleep(0.05)');
    await Promise.all(Array.from({ length: 4 }, read));
    await runAs(pools.t.owner, 'ALTER TABLE shifting ALTER id TYPE bigint');
    const first: unknown = await database.withTransaction(aSession(), (tx) =>
      tx.$queryRawUnsafe('SELECT id FROM shifting, pg_sleep(0.05)'),
    );
    expect(first).toEqual([{ id: 1n }]);
    expect(await Promise.all(Array.from({ length: 4 }, read))).toEqual(Array.from({ length: 4 }, () => [{ id: 1n }]));
  });
});

describe('the number of connections', () => {
  test('connection_limit=3 in the URL opens three backends under 40 parallel queries, and no more', async () => {
    const { host, port, user, password, database: name } = pools.t.runtime;
    const { settings } = parseDatabaseUrl(
      `postgresql://${user}:${password}@${host}:${port}/${name}?connection_limit=3&pool_timeout=60&application_name=limited`,
    );
    const database = openDatabase(settings);
    pools.afterTest(database.disconnectDatabase);
    const counts: number[] = [];
    let done = false;
    const watch = (async () => {
      while (!done) {
        const [row] = await pools.t.look<{ count: number }>(
          `SELECT count(*)::int AS count FROM pg_stat_activity WHERE application_name = 'limited' AND datname = current_database()`,
        );
        counts.push(row?.count ?? 0);
      }
    })();
    const work = Array.from({ length: 40 }, (_, n) =>
      n % 2
        ? database.prisma.$queryRaw`SELECT 1 FROM pg_sleep(0.03)`
        : database.withTransaction(aSession(), (tx) => tx.$queryRaw`SELECT 1 FROM pg_sleep(0.03)`),
    );
    await Promise.all(work);
    done = true;
    await watch;
    expect(Math.max(...counts)).toBe(3);
  });

  test('opening the same database twice gives one pool, also when the module is loaded twice', async () => {
    const settings = { ...pools.t.runtime, applicationName: `twice-${randomUUID()}` };
    const first = openDatabase(settings);
    pools.afterTest(first.disconnectDatabase);
    expect(openDatabase(settings)).toBe(first);
    const path = './database.ts';
    const reloaded = (await import(/* @vite-ignore */ `${path}?again`)) as { openDatabase: typeof openDatabase };
    expect(reloaded.openDatabase).not.toBe(openDatabase);
    expect(reloaded.openDatabase(settings)).toBe(first);
  });

  test('after 1,000 mixed calls, failures included, no connection is checked out and none is inside a transaction', async () => {
    let discarded = 0;
    const database = aDatabase({ poolMax: 5, poolWaitMillis: 60_000 }, { observer: { discardedDirty: () => discarded++ } });
    const { prisma } = database;
    const calls: (() => Promise<unknown>)[] = [
      () => prisma.healthProbe.findMany(),
      () => prisma.healthProbe.create({ data: { id: 1, at: new Date() } }),
      () => prisma.$executeRaw`INSERT INTO scratch VALUES (1, 'bad')`,
      () => prisma.$transaction(() => Promise.resolve()),
      () => database.withTransaction(aSession(), (tx) => tx.$queryRaw`SELECT 1`),
      () => database.withTransaction(aSession(), () => Promise.reject(new Error('no'))),
      () => database.withTransaction(aSession(), (tx) => tx.$executeRaw`SELECT 1 / 0`),
      () => database.withTransaction(aSession(), async (tx) => void (await tx.$executeRaw`SELECT 1 / 0`.catch(() => {}))),
      () =>
        database.withTransaction(aSession(), (tx) =>
          Promise.all([tx.$queryRaw`SELECT 1`, tx.$executeRaw`SELECT 1 / 0`, tx.$queryRaw`SELECT 2`]),
        ),
      () => database.withTransaction({ ...aSession(), organizationId: 'nobody' }, (tx) => tx.$queryRaw`SELECT 1`),
      () => database.callFunction(aSession(), (session) => sql`SELECT app.test_whose(${session}::jsonb)`),
      () => database.callFunction(aSession(), (session) => sql`SELECT app.test_whose(${session}::jsonb), 1 / 0`),
    ];
    const settled = await Promise.allSettled(Array.from({ length: 1_000 }, async (_, n) => calls[n % calls.length]?.()));
    expect(settled.filter(({ status }) => status === 'rejected').length).toBeGreaterThan(400);
    await eventually('every connection is back', () => database.pool.total === database.pool.idle);
    expect(database.pool.waiting).toBe(0);
    expect(database.pool.total).toBeLessThanOrEqual(5);
    const states = await pools.t.look('SELECT DISTINCT state FROM pg_stat_activity WHERE application_name LIKE $1', ['pool-%']);
    expect(states).toEqual([{ state: 'idle' }]);
    expect(discarded).toBe(0);
  });
});

test('a connection that swallows a statement is given up, and the next caller gets another one', async () => {
  let isHole = false;
  const { host, port } = pools.t.runtime;
  const network = createServer((client) => {
    const server = connect(port, host);
    const isLost = () => isHole;
    client.on('data', (chunk) => isLost() || server.write(chunk)).on('close', () => server.destroy());
    server.on('data', (chunk) => isLost() || client.write(chunk)).on('close', () => client.destroy());
    for (const socket of [client, server]) socket.on('error', () => {});
  });
  network.listen(0, '127.0.0.1');
  await once(network, 'listening');
  pools.afterTest(async () => network.close());
  const { pool } = aPool({ host: '127.0.0.1', port: (network.address() as AddressInfo).port, answerMillis: 400 });
  await pool.query('SELECT 1');
  isHole = true;
  const since = performance.now();
  await expect(pool.query('SELECT 1')).rejects.toThrow(/terminated/);
  expect(performance.now() - since).toBeLessThan(2_500);
  isHole = false;
  expect((await pool.query('SELECT 7 AS answer')).rows).toEqual([{ answer: 7 }]);
});
