import { randomBytes } from 'node:crypto';
import { launcher, patientsAt, run, runAs, served, startOwnServer, type OwnServer } from '@medspa/testing';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';

const { start, aDataFolder } = launcher();

describe('npm start with a database that somebody else runs', () => {
  let own: OwnServer;
  let data: string;
  const key = randomBytes(32).toString('hex');
  beforeAll(async () => {
    own = await startOwnServer();
    data = aDataFolder();
  });
  afterAll(() => own.end());
  const url = (user: string, password: string, database: string) =>
    `postgresql://${user}:${password}@127.0.0.1:${own.admin.port}/${database}`;
  const asAdmin = (database: string) => url(own.admin.user, own.admin.password, database);
  const startWith = (env: Record<string, string>) => start(data, { ENCRYPTION_KEY: key, ...env });

  test('works in one step for an administrator: roles made, filled, and the service works as app_rw', async () => {
    const started = startWith({ DATABASE_URL: `${asAdmin('clinic')}?connection_limit=4` });
    await served(started);
    expect(started.said()).toContain('Setting up "clinic" with the administrator\'s sign-in; the service works as app_rw.');
    expect(await patientsAt(started)).toBe(100);
    expect((await runAs(own.admin, `SELECT FROM pg_stat_activity WHERE application_name = 'medspa'`)).length).toBeGreaterThan(0);
    expect(await started.end('SIGTERM')).toBe(0);
  });

  test('the second time finds what the first one filled', async () => {
    const started = startWith({ DATABASE_URL: asAdmin('clinic') });
    expect(await patientsAt(started)).toBe(100);
    expect(started.said()).not.toMatch(/Applying|Filling/);
  });

  test('works for app_rw, with the owner for the migrations', async () => {
    await runAs(own.admin, `ALTER ROLE app_rw PASSWORD 'runtime-password'`, `ALTER ROLE app_owner PASSWORD 'owner-password'`);
    const started = startWith({
      DATABASE_URL: url('app_rw', 'runtime-password', 'clinic'),
      DATABASE_OWNER_URL: url('app_owner', 'owner-password', 'clinic'),
    });
    expect(await patientsAt(started)).toBe(100);
  });

  test('says to app_rw alone which migrations are missing, and how to get them', async () => {
    await runAs(own.admin, 'CREATE DATABASE bare OWNER app_owner', 'GRANT CONNECT ON DATABASE bare TO app_rw');
    const started = startWith({ DATABASE_URL: url('app_rw', 'runtime-password', 'bare') });
    expect(await started.ended).toBe(1);
    expect(started.said()).toMatch(/The database lacks \d+ migrations \(\d+_tables \.\.\.\)\. Run npm run db:migrate:deploy first\./);
  });

  test('half filled is not filled over: it says so', async () => {
    await runAs(
      { ...own.admin, database: 'clinic' },
      'ALTER TABLE outbox_event DISABLE TRIGGER append_only',
      `DELETE FROM outbox_event WHERE type = 'practice.filled'`,
      'ALTER TABLE outbox_event ENABLE TRIGGER append_only',
    );
    for (const env of [{ DATABASE_URL: asAdmin('clinic') }, { DATABASE_URL: url('app_rw', 'runtime-password', 'clinic') }]) {
      const started = startWith(env);
      expect(await started.ended).toBe(1);
      expect(started.said()).toContain('The practice clinic in "clinic" is half filled');
    }
  });

  test.each([
    ['with a wrong password', () => url('app_rw', 'wrong', 'clinic'), /No PostgreSQL lets "app_rw" in at 127\.0\.0\.1:\d+ \(28P01\)\./],
    [
      'where nothing listens',
      () => 'postgresql://app_rw:secret-password@localhost:1/clinic',
      /No PostgreSQL lets "app_rw" in at localhost:1\./,
    ],
  ])('%s says so, and not the password', async (_, urlOf, said) => {
    const started = startWith({ DATABASE_URL: urlOf() });
    expect(await started.ended).toBe(1);
    expect(started.said()).toMatch(said);
    expect(started.said()).not.toMatch(/wrong\b|secret-password/);
  });
});

describe('a task of the database', () => {
  const task = (name: string, env: Record<string, string>) =>
    run('scripts/database.ts', { MEDSPA_DATA: '/nowhere', ...env }, { args: [name] });

  test.each([
    ['deploy', { DATABASE_URL: 'postgresql://app_rw:secret-password@db.example/clinic' }, 'DATABASE_URL names a database'],
    ['status', { DATABASE_HOST: 'db.example', DATABASE_PASSWORD: 'secret-password' }, 'DATABASE_HOST names a database'],
    [
      'deploy',
      { DATABASE_OWNER_URL: 'mysql://app_owner:secret-password@db.example/clinic' },
      'DATABASE_OWNER_URL must begin with postgresql://',
    ],
    ['status', { DATABASE_OWNER_URL: 'secret:owner-url' }, 'DATABASE_OWNER_URL: a secret: value needs GCP_PROJECT_ID'],
    ['setup', { DATABASE_ADMIN_URL: 'postgresql://x' }, 'DATABASE_ADMIN_URL needs a user and a database name'],
  ])('%s with %o says what is missing, touches no database and quotes no password', async (name, env, said) => {
    const started = task(name, env);
    expect(await started.ended).toBe(1);
    expect(started.said()).toContain(said);
    expect(started.said()).not.toMatch(/secret-password|Creating/);
  });
});

describe('the entry of a container', () => {
  test('refuses a sign-in whom row-level security does not bind', async () => {
    const own = await startOwnServer();
    try {
      const started = run('apps/api/src/main.ts', { DATABASE_URL: own.server.adminUrl(), ENCRYPTION_KEY: randomBytes(32).toString('hex') });
      expect(await started.ended).toBe(1);
      expect(started.said()).toContain(
        'DATABASE_URL signs in as "postgres", whom row-level security does not bind (superuser or BYPASSRLS). Sign in as app_rw.\n',
      );
    } finally {
      await own.end();
    }
  });
});
