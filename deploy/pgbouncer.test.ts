import { spawn, spawnSync, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { chownSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openDatabase, sql, TIMEOUTS, type Database, type DatabaseSettings } from '@medspa/database';
import { freePort } from '@medspa/local-database';
import { aClinic, createTestDatabase, eventually, runAs, sessionIn, type TestDatabase } from '@medspa/testing';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { readDeploy, service, worker } from './test/definitions.ts';

/** `key = value` of pgbouncer.ini, by section. */
const INI = ((): Record<string, string> => {
  const lines = readDeploy('pgbouncer/pgbouncer.ini').split('\n');
  return Object.fromEntries(
    lines.flatMap((line) => (/^[a-z]/.test(line) ? [[line.split('=')[0]?.trim(), line.slice(line.indexOf('=') + 1).trim()]] : [])),
  );
})();

let t: TestDatabase;
beforeAll(async () => {
  t = await createTestDatabase();
});
afterAll(() => t.drop());

/** What a client asks for when it signs in: the parameters of its startup message. */
async function askedFor(connect: (settings: DatabaseSettings) => Promise<unknown>): Promise<string[]> {
  const names: string[] = [];
  const server = createServer((socket) => {
    socket.once('data', (message) => {
      // Length, version of the protocol, then name and value, each ended by a zero.
      names.push(
        ...message
          .subarray(8)
          .toString('utf8')
          .split('\0')
          .filter((_, index) => index % 2 === 0)
          .filter(Boolean),
      );
      socket.destroy();
    });
  });
  await new Promise<void>((resolve) => void server.listen(0, '127.0.0.1', resolve));
  try {
    await connect({ ...t.runtime, host: '127.0.0.1', port: (server.address() as AddressInfo).port, applicationName: 'asking' }).catch(
      () => {},
    );
    return names;
  } finally {
    server.close();
  }
}

/** What PgBouncer keeps for each client by itself. */
const TRACKED = new Set([
  'user',
  'database',
  'application_name',
  'client_encoding',
  'timezone',
  'datestyle',
  'standard_conforming_strings',
]);

describe('pgbouncer.ini', () => {
  test('is for 1.21 and newer: transactions, named statements, secrets', () => {
    expect(INI).toMatchObject({
      pool_mode: 'transaction',
      auth_type: 'scram-sha-256',
      server_tls_sslmode: 'verify-ca',
      client_tls_sslmode: 'require',
    });
    expect(Number(INI['max_prepared_statements'])).toBeGreaterThanOrEqual(t.runtime.statementCacheSize);
  });

  test('takes every setting that the service asks for at sign-in, and ignores none that it does not ask for', async () => {
    const names = await askedFor(async (settings) => {
      const database = openDatabase(settings);
      await database.assertUsable().catch(() => {});
      await database.checkDatabaseHealth();
      await database.disconnectDatabase();
    });
    const asked = new Set(names.filter((name) => !TRACKED.has(name)));
    expect([...asked].toSorted()).toEqual((INI['ignore_startup_parameters'] ?? '').split(',').toSorted());
  });

  test('loses nothing by that: the role has the timeouts and UTC itself', async () => {
    const plain = { ...t.runtime, options: '' };
    const [shown] = await runAs<Record<string, string>>(
      plain,
      `SELECT current_setting('TimeZone') AS zone, ${Object.entries({
        lock: 'lock_timeout',
        idleInTransaction: 'idle_in_transaction_session_timeout',
        statement: 'statement_timeout',
        transaction: 'transaction_timeout',
      })
        .map(([name, setting]) => `(SELECT setting FROM pg_settings WHERE name = '${setting}') AS "${name}"`)
        .join(', ')}`,
    );
    const { lock, idleInTransaction, statement, transaction } = TIMEOUTS;
    expect(shown).toEqual({
      zone: 'UTC',
      ...Object.fromEntries(
        Object.entries({ lock, idleInTransaction, statement, transaction }).map(([name, millis]) => [name, String(millis)]),
      ),
    });
  });

  test('has room for all clients, and two of it beside the worker fit the budget of the server', () => {
    const pool = (definition: ReturnType<typeof service | typeof worker>) =>
      Number(definition.spec.template.spec.containers[0]?.env?.find(({ name }) => name === 'DATABASE_POOL_MAX')?.value);
    expect(Number(INI['max_client_conn'])).toBeGreaterThan(10 * 2 * (pool(service()) + 1));
    expect(2 * Number(INI['max_db_connections']) + 2 * (pool(worker()) + 1 + 4) + 13).toBe(215);
    expect(INI['medspa']).toContain(`pool_size=${INI['max_db_connections']}`);
  });
});

// Where there is one: `PGBOUNCER=/usr/sbin/pgbouncer npx vitest run deploy/pgbouncer.test.ts`. Debian 13 has 1.24.
const PROGRAM = process.env['PGBOUNCER'] ?? 'pgbouncer';
const [, major = 0, minor = 0] =
  /PgBouncer (\d+)\.(\d+)/.exec(spawnSync(PROGRAM, ['--version'], { encoding: 'utf8' }).stdout ?? '')?.map(Number) ?? [];

describe.runIf(major > 1 || minor >= 21)('behind a PgBouncer with this file', () => {
  let folder: string;
  let pooler: ChildProcess;
  let said = '';
  let through: DatabaseSettings;
  let database: Database;

  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), 'medspa-pgbouncer-'));
    const port = await freePort();
    const { host, port: at, database: name, user, password } = t.runtime;
    const ini = readDeploy('pgbouncer/pgbouncer.ini')
      .replace(/^medspa = .*$/m, `${name} = host=${host} port=${at} dbname=${name} pool_size=4`)
      .replace('listen_addr = *', 'listen_addr = 127.0.0.1')
      .replace('listen_port = 6432', `listen_port = ${port}`)
      .replace('/etc/pgbouncer/userlist.txt', join(folder, 'userlist.txt'))
      .replaceAll(/^(client|server)_tls_.*$/gm, '')
      // Fewer connections than clients, so that they change hands.
      .replace('max_db_connections = 90', 'max_db_connections = 4');
    writeFileSync(join(folder, 'pgbouncer.ini'), ini);
    writeFileSync(join(folder, 'userlist.txt'), `"${user}" "${password}"\n`, { mode: 0o600 });
    // It does not run as root.
    const isRoot = process.getuid?.() === 0;
    for (const path of isRoot ? ['', 'pgbouncer.ini', 'userlist.txt'] : []) chownSync(join(folder, path), 65_534, 65_534);
    pooler = spawn(PROGRAM, [join(folder, 'pgbouncer.ini')], {
      stdio: ['ignore', 'pipe', 'pipe'],
      ...(isRoot ? { uid: 65_534, gid: 65_534 } : {}),
    });
    for (const stream of [pooler.stdout, pooler.stderr]) stream?.setEncoding('utf8').on('data', (chunk: string) => (said += chunk));
    await eventually('it listens', () => said.includes('listening on'));
    through = { ...t.runtime, host: '127.0.0.1', port, poolMax: 8, applicationName: 'through-pooler' };
    database = openDatabase(through, { healthWrites: true });
  });
  afterAll(async () => {
    await database.disconnectDatabase();
    pooler.kill('SIGTERM');
    await once(pooler, 'exit');
    rmSync(folder, { recursive: true });
  });

  test('the service finds it usable and ready', async () => {
    await database.assertUsable();
    expect(await database.checkDatabaseHealth()).toMatchObject({ healthy: true });
  });

  test('two organizations work at once through both doors, and neither sees the other', async () => {
    const [one, other] = [await aClinic(t.database), await aClinic(t.database)];
    await t.look(`
      CREATE FUNCTION public.places_of(p_session jsonb) RETURNS SETOF uuid LANGUAGE plpgsql AS $$
      BEGIN PERFORM app.enter(p_session); RETURN QUERY SELECT organization_id FROM location; END $$;
      GRANT EXECUTE ON FUNCTION public.places_of(jsonb) TO app_rw`);
    const rounds = Array.from({ length: 240 }, (_, index) => (index % 3 === 0 ? one : other));
    const seen = await Promise.all(
      rounds.map(async (clinic, index) => {
        const session = sessionIn(clinic.organizationId, clinic.actorId);
        if (index % 2 === 0)
          return database.withTransaction(session, async (tx) =>
            (await tx.location.findMany()).map(({ organizationId }) => organizationId),
          );
        const rows = await database.callFunction<{ of: string }>(
          session,
          (own) => sql`SELECT of FROM public.places_of(${own}::jsonb) AS of`,
        );
        return rows.map((row) => row.of);
      }),
    );
    for (const [index, organizations] of seen.entries()) expect(new Set(organizations)).toEqual(new Set([rounds[index]?.organizationId]));
    expect(said).not.toMatch(/unsupported startup parameter|prepared statement .* does not exist/);
  });

  test('the server opens no more connections than the file says, for twice as many clients', async () => {
    const [{ open } = { open: 0 }] = await t.look<{ open: number }>(
      `SELECT count(*)::int AS open FROM pg_stat_activity WHERE datname = current_database() AND application_name LIKE 'through-pooler%'`,
    );
    expect(open).toBeGreaterThan(0);
    expect(open).toBeLessThanOrEqual(4);
  });

  test('the timeouts hold: a statement is ended by the server', async () => {
    await runAs({ ...t.admin }, `ALTER ROLE app_rw IN DATABASE "${t.runtime.database}" SET statement_timeout = '200ms'`);
    const fresh = openDatabase({ ...through, applicationName: 'through-pooler-slow' });
    try {
      // Connections that were opened before keep what they had.
      await t.look(`SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name LIKE 'through-pooler%'`);
      await eventually('a statement was ended', () =>
        fresh.prisma.$queryRaw`SELECT 1 FROM pg_sleep(2)`.then(
          () => false,
          (error: Error) => /57014|canceling statement/.test(JSON.stringify(error) + error.message),
        ),
      );
    } finally {
      await fresh.disconnectDatabase();
      await runAs({ ...t.admin }, `ALTER ROLE app_rw IN DATABASE "${t.runtime.database}" RESET statement_timeout`);
    }
  });
});
