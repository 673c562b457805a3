import { createServer, type AddressInfo, type Server, type Socket } from 'node:net';
import { once } from 'node:events';
import { openDatabase, type Database } from '@medspa/database';
import { createTestDatabase, eventually, sessionIn, startOwnServer, type OwnServer, type TestDatabase } from '@medspa/testing';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { testApp, type Answer, type TestApp } from './harness.ts';

type Ready = { status: string; checks: { database: { status: string; latency?: number; error?: string } }; timestamp: string };

const LIVE = ['/health', '/health/live', '/live'];
const READY = ['/health/ready', '/ready'];
const aTimestamp = expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/) as string;
const healthy = {
  status: 'ready',
  checks: { database: { status: 'healthy', latency: expect.any(Number) as number } },
  timestamp: aTimestamp,
};
const ready = (app: TestApp) => app.get<Ready>('/health/ready');
/** Asks until the answer has this status; says how long that took. */
async function until(app: TestApp, status: number): Promise<{ answer: Answer<Ready>; millis: number }> {
  const since = performance.now();
  const answer = await eventually(`it answers ${status}`, async () => {
    const given = await ready(app);
    return given.status === status && given;
  });
  return { answer, millis: performance.now() - since };
}

describe('a healthy service', () => {
  let t: TestDatabase;
  beforeAll(async () => {
    t = await createTestDatabase({ poolMax: 2 });
  });
  afterAll(() => t.drop());

  test('answers /health with 200 and healthy', async () => {
    const { status, body, headers } = await testApp(t.database).get('/health');
    expect([status, headers.get('content-type')]).toEqual([200, 'application/json']);
    expect(body).toEqual({ status: 'healthy', timestamp: aTimestamp });
  });

  test.each(['/health/live', '/live'])('answers %s with 200 and alive', async (path) => {
    const { status, body } = await testApp(t.database).get(path);
    expect(status).toBe(200);
    expect(body).toEqual({ status: 'alive', timestamp: aTimestamp });
  });

  test.each(READY)('answers %s with what the database says, and how long it took', async (path) => {
    const { status, body } = await testApp(t.database).get<Ready>(path);
    expect(status).toBe(200);
    expect(body).toEqual(healthy);
    expect(body.checks.database.latency).toBeGreaterThan(0);
  });

  test('needs nobody to be signed in', async () => {
    const app = testApp(t.database, { as: null });
    for (const path of [...LIVE, ...READY]) expect((await app.get(path)).status, path).toBe(200);
  });

  test('is ready also while every connection of the pool is held', async () => {
    const database = openDatabase({ ...t.runtime, applicationName: 'held' });
    const gate = Promise.withResolvers<void>();
    const session = sessionIn('0199e6ea-ea18-7e88-85e1-078829b56df3', '0199e6ea-ea18-7e88-85e1-078829b56df3');
    const held = [1, 2].map(() => database.withTransaction(session, () => gate.promise));
    await eventually('both are held', () => database.pool.total === 2 && database.pool.idle === 0);
    expect((await ready(testApp(database))).status).toBe(200);
    expect(database.pool).toMatchObject({ total: 2, idle: 0 });
    gate.resolve();
    await Promise.all(held);
    await database.disconnectDatabase();
  });

  test('that drains is alive and not ready', async () => {
    const app = testApp(t.database, { isStopping: () => true });
    for (const path of LIVE) expect((await app.get(path)).status, path).toBe(200);
    for (const path of READY) {
      const { status, body, headers } = await app.get<Ready>(path);
      expect([status, body.status, body.checks.database.status]).toEqual([503, 'not_ready', 'healthy']);
      expect(headers.get('connection')).toBe('close');
    }
  });
});

describe('the question to the database', () => {
  let t: TestDatabase;
  beforeAll(async () => {
    t = await createTestDatabase({}, { healthWrites: true });
    await t.look(`
      CREATE TABLE probe_seen (at timestamptz DEFAULT clock_timestamp());
      CREATE FUNCTION see_probe() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER AS $$ BEGIN INSERT INTO public.probe_seen DEFAULT VALUES; RETURN NULL; END $$;
      CREATE TRIGGER see_probe AFTER UPDATE ON health_probe FOR EACH ROW EXECUTE FUNCTION see_probe();`);
  });
  afterAll(() => t.drop());
  const asked = async () => Number((await t.look<{ count: string }>('SELECT count(*) FROM probe_seen'))[0]?.count);

  test('is put once for everyone who asks at the same time, and again when its answer is old', async () => {
    const app = testApp(t.database);
    const answers = await Promise.all(Array.from({ length: 100 }, () => ready(app)));
    expect(new Set(answers.map(({ status }) => status))).toEqual(new Set([200]));
    expect(await asked()).toBe(1);
    await ready(app);
    expect(await asked()).toBe(1);
    await eventually('it is put again', async () => (await ready(app), (await asked()) === 2));
  });

  test('writes in production: a database that only reads is not ready, where reading alone would call it so, until it writes again', async () => {
    const [writing, reading] = [true, false].map((healthWrites) =>
      openDatabase({ ...t.runtime, applicationName: `writes-${healthWrites}` }, { healthWrites }),
    ) as [Database, Database];
    try {
      await t.look(`ALTER DATABASE ${t.admin.database} SET default_transaction_read_only = on`);
      const refused = await ready(testApp(writing));
      expect([refused.status, refused.body.checks.database]).toEqual([503, { status: 'unhealthy', error: 'unavailable' }]);
      expect((await ready(testApp(reading))).status).toBe(200);
      await t.look(`ALTER DATABASE ${t.admin.database} RESET default_transaction_read_only`);
      const { millis } = await until(testApp(writing), 200);
      expect(millis).toBeLessThan(3_000);
    } finally {
      await Promise.all([writing.disconnectDatabase(), reading.disconnectDatabase()]);
    }
  });

  test('takes space in production: where the tables have none left, changing a row in its place still works, and is not enough', async () => {
    // As many bytes as a disk that is full leaves to a query.
    await t.look(`ALTER ROLE app_rw IN DATABASE ${t.admin.database} SET temp_file_limit = '64kB'`);
    const database = openDatabase({ ...t.runtime, applicationName: 'no-space' }, { healthWrites: true });
    try {
      expect((await ready(testApp(database))).status).toBe(503);
    } finally {
      await t.look(`ALTER ROLE app_rw IN DATABASE ${t.admin.database} RESET temp_file_limit`);
      await database.disconnectDatabase();
    }
  });
});

describe('a database that is away', () => {
  let own: OwnServer;
  let database: Database;
  let app: TestApp;
  beforeAll(async () => {
    own = await startOwnServer('medspa');
    database = openDatabase(own.runtime);
    app = testApp(database);
  });
  afterAll(async () => {
    await database.disconnectDatabase();
    await own.end();
  });

  test.each(['fast', 'kill'] as const)(
    '(%s) leaves the service alive, not ready within 2 s, and ready again within 3 s of its return',
    async (how) => {
      expect((await ready(app)).status).toBe(200);
      await own.server.halt(how);
      const down = await until(app, 503);
      expect(down.millis).toBeLessThan(2_000);
      expect(down.answer.body).toEqual({
        status: 'not_ready',
        checks: { database: { status: 'unhealthy', error: 'unavailable' } },
        timestamp: aTimestamp,
      });
      expect(down.answer.text + JSON.stringify([...down.answer.headers])).not.toMatch(
        new RegExp(`127\\.0\\.0\\.1|${own.runtime.port}|ECONN|app_rw|medspa"|at \\/`),
      );
      for (const path of LIVE) expect((await app.get(path)).status, path).toBe(200);

      await own.server.start();
      const up = await until(app, 200);
      expect(up.millis).toBeLessThan(3_000);
      expect(up.answer.body).toEqual(healthy);
    },
  );
});

describe('a database that takes connections and says nothing', () => {
  let hole: Server;
  const sockets = new Set<Socket>();
  let database: Database;
  beforeAll(async () => {
    hole = createServer((socket) => sockets.add(socket));
    hole.listen(0, '127.0.0.1');
    await once(hole, 'listening');
    const { port } = hole.address() as AddressInfo;
    database = openDatabase({
      host: '127.0.0.1',
      port,
      user: 'app_rw',
      password: 'x',
      database: 'medspa',
      ssl: false,
      poolMax: 1,
      poolWaitMillis: 500,
      connectMillis: 500,
      answerMillis: 9_000,
      statementCacheSize: 0,
      applicationName: 'hole',
      options: '',
    });
  });
  afterEach(() => {
    for (const socket of sockets) socket.destroy();
  });
  afterAll(async () => {
    await database.disconnectDatabase();
    hole.close();
  });

  test('is not ready within 2 s', async () => {
    const { answer, millis } = await until(testApp(database), 503);
    expect(millis).toBeLessThan(2_000);
    expect(answer.body.checks.database.status).toBe('unhealthy');
  });
});
