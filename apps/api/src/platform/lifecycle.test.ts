import { connect as connectTo } from 'node:net';
import { randomBytes, randomUUID } from 'node:crypto';
import { beginPracticeSession, type SessionHeaders } from '@medspa/practice-data';
import {
  aClinic,
  aPatient,
  createTestDatabase,
  eventually,
  lockTable,
  run,
  runAs,
  served,
  type Clinic,
  type Started,
  type TestDatabase,
} from '@medspa/testing';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { SERVICE, serviceEnv } from '../../test/service.ts';
import { createLog } from './log.ts';
import { Lifecycle } from './lifecycle.ts';

let t: TestDatabase;
let clinic: Clinic;
let signedIn: SessionHeaders;
beforeAll(async () => {
  t = await createTestDatabase();
  clinic = await aClinic(t.database);
  signedIn = await beginPracticeSession(t.database, clinic);
});
afterAll(() => t.drop());

/** Connections of a process, and so the requests that can wait in the database at once. */
const POOL = 30;

type Running = Started & { name: string; url: string };
const running: Started[] = [];
afterEach(async () => {
  await Promise.all(running.splice(0).map(({ end }) => end('SIGKILL')));
});

async function start(...node: string[]): Promise<Running> {
  const name = `process-${randomUUID().slice(0, 8)}`;
  const env = serviceEnv(t.runtime, name);
  const service = run(SERVICE, { ...env, DATABASE_URL: `${env.DATABASE_URL}&connection_limit=${POOL}` }, { node });
  running.push(service);
  return { ...service, name, url: await served(service) };
}

/** How many sessions of the process wait for a lock, and how many it has at all. */
async function sessionsOf(name: string): Promise<{ waiting: number; all: number }> {
  const [row] = await t.look<{ waiting: number; all: number }>(
    `SELECT count(*) FILTER (WHERE wait_event_type = 'Lock')::int AS waiting, count(*)::int AS all FROM pg_stat_activity WHERE application_name LIKE $1 || '%'`,
    [name],
  );
  return row ?? { waiting: 0, all: 0 };
}

/** True when a new connection is taken. */
function isOpen(url: string): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connectTo(Number(new URL(url).port), '127.0.0.1');
    socket.once('connect', () => (socket.destroy(), resolve(true)));
    socket.once('error', () => resolve(false));
  });
}

/** Requests that wait for a lock which the test holds; `release` lets them go on. */
async function slowRequests(service: Running, count: number) {
  const { release } = await lockTable(t.admin, 'room_type');
  const answers = Array.from({ length: count }, () =>
    fetch(`${service.url}/v1/room-types`, { headers: signedIn }).then(({ status, headers }) => ({
      status,
      connection: headers.get('connection'),
    })),
  );
  await eventually('they wait', async () => (await sessionsOf(service.name)).waiting === count);
  return { answers: Promise.allSettled(answers), release };
}

describe('a process that is told to stop', () => {
  test.each(['SIGTERM', 'SIGINT'] as const)(
    'by %s answers every request that it accepted, takes no more, and leaves nothing behind',
    async (signal) => {
      const service = await start();
      expect((await fetch(`${service.url}/health/ready`)).status).toBe(200);
      const { answers, release } = await slowRequests(service, POOL);
      const since = performance.now();
      service.child.kill(signal);
      await eventually('it takes no more', async () => !(await isOpen(service.url)));
      await release();
      expect((await answers).map((answer) => (answer.status === 'fulfilled' ? answer.value.status : String(answer.reason)))).toEqual(
        Array.from({ length: POOL }, () => 200),
      );
      expect(await service.ended).toBe(0);
      expect(performance.now() - since).toBeLessThan(10_000);
      await eventually('the server has let its sessions go', async () => (await sessionsOf(service.name)).all === 0);
      expect(service.said()).toMatch(new RegExp(`stopping {2}signal=${signal}[\\s\\S]*stopped`));
    },
  );

  test('twice ends at once', async () => {
    const service = await start();
    const { answers, release } = await slowRequests(service, 2);
    service.child.kill('SIGTERM');
    await eventually('it stops', () => service.said().includes('stopping'));
    service.child.kill('SIGTERM');
    expect(await service.ended).toBe(1);
    await release();
    expect((await answers).map(({ status }) => status)).toEqual(['rejected', 'rejected']);
  });

  test('has one handler for each signal', async () => {
    const told = `process.on('SIGUSR2', () => console.error('handlers', process.listenerCount('SIGTERM'), process.listenerCount('SIGINT'), process.listenerCount('uncaughtException')))`;
    const service = await start(`--import=data:text/javascript,${encodeURIComponent(told)}`);
    await fetch(`${service.url}/v1/organization`, { headers: signedIn });
    service.child.kill('SIGUSR2');
    await eventually('it says how many', () => service.said().includes('handlers'));
    expect(service.said()).toContain('handlers 1 1 1');
  });
});

test('a process that nobody expected to fail says of what kind and where, without the message, and ends with 1', async () => {
  const bomb = `process.on('SIGUSR2', () => void Promise.reject(new RangeError('canary words')))`;
  const service = await start(`--import=data:text/javascript,${encodeURIComponent(bomb)}`);
  service.child.kill('SIGUSR2');
  expect(await service.ended).toBe(1);
  expect(service.said()).toMatch(/error {2}unhandled {2}kind=RangeError/);
  expect(service.said()).not.toContain('canary');
  await eventually('the server has let its sessions go', async () => (await sessionsOf(service.name)).all === 0);
});

test('a process that is killed leaves whole visits or none, and everyone who had an answer has a visit', async () => {
  const service = await start();
  const patients = await Promise.all(Array.from({ length: 40 }, () => aPatient(t.database, clinic)));
  const noon = (Math.floor(Date.now() / 86_400_000) + 3) * 86_400_000 + 17 * 3_600_000;
  const acknowledged: string[] = [];
  const attempts = patients.map(async (patientId, index) => {
    const answer = await fetch(`${service.url}/v1/appointments`, {
      method: 'POST',
      headers: { ...signedIn, 'content-type': 'application/json', 'idempotency-key': `killed-${index}-${patientId}` },
      body: JSON.stringify({
        locationId: clinic.locationId,
        patientId,
        startsAt: new Date(noon + (index % 20) * 86_400_000 + Math.floor(index / 20) * 3_600_000).toISOString(),
        services: [{ serviceId: clinic.serviceId, providerId: clinic.providerId }],
      }),
    });
    const { id } = (await answer.json()) as { id: string };
    acknowledged.push(id);
    if (acknowledged.length === 5) service.child.kill('SIGKILL');
  });
  const outcomes = await Promise.allSettled(attempts);
  expect(await service.ended).toBe('SIGKILL');
  expect(outcomes.filter(({ status }) => status === 'rejected').length).toBeGreaterThan(0);
  await eventually('its sessions are gone', async () => (await sessionsOf(service.name)).all === 0);
  const visits = await t.look<Record<string, number | string>>(
    `SELECT a.id, (SELECT count(*)::int FROM appointment_segment s WHERE s.appointment_id = a.id) AS segments,
      (SELECT count(*)::int FROM appointment_history h WHERE h.appointment_id = a.id) AS history,
      (SELECT count(*)::int FROM claim c WHERE c.appointment_id = a.id) AS claims,
      (SELECT count(*)::int FROM outbox_event e WHERE e.subject_id = a.id) AS events,
      (SELECT count(*)::int FROM audit_log l WHERE l.row_id = a.id) AS audited,
      (SELECT count(*)::int FROM idempotency_key k WHERE k.outcome::text LIKE '%' || a.id || '%') AS replies
    FROM appointment a WHERE organization_id = $1`,
    [clinic.organizationId],
  );
  for (const visit of visits) expect(visit).toMatchObject({ segments: 1, history: 1, claims: 3, events: 1, audited: 1, replies: 1 });
  expect(visits.map(({ id }) => id)).toEqual(expect.arrayContaining(acknowledged));
  const [orphans] = await t.look<{ count: number }>(
    `SELECT (SELECT count(*) FROM claim c WHERE NOT EXISTS (SELECT FROM appointment a WHERE a.id = c.appointment_id))::int
      + (SELECT count(*) FROM idempotency_key)::int AS count`,
  );
  expect(orphans?.count).toBe(visits.length);
});

describe('a process that cannot work refuses to start with a sentence:', () => {
  async function refusal(changes: Record<string, string>): Promise<string> {
    const service = run(SERVICE, { ...serviceEnv(t.runtime, 'refused'), ...changes });
    running.push(service);
    expect(await service.ended, service.said()).toBe(1);
    return service.said();
  }

  test('every weak or missing setting is named, and no value is repeated', async () => {
    const said = await refusal({ NODE_ENV: 'production', PRACTICE: 'on', ENCRYPTION_KEY: '0'.repeat(64), CORS_ORIGINS: '*' });
    for (const key of ['ENCRYPTION_KEY', 'CORS_ORIGINS', 'API_URL', 'PRACTICE:', 'DATABASE_URL']) expect(said).toContain(key);
    expect(said).not.toMatch(/0000|test-runtime|at file:/);
  });

  test.each<[name: string, url: (runtime: TestDatabase['runtime']) => string, says: RegExp]>([
    [
      'the database is down',
      ({ user, password }) => `postgresql://${user}:${password}@127.0.0.1:1/medspa`,
      /The database "medspa" at 127\.0\.0\.1:1 does not let app_rw in/,
    ],
    [
      'the password is wrong',
      ({ host, port, user, database }) => `postgresql://${user}:wrong-words@${host}:${port}/${database}`,
      /does not let app_rw in: .*password/,
    ],
    [
      'there is no such database',
      ({ host, port, user, password }) => `postgresql://${user}:${password}@${host}:${port}/nothing`,
      /"nothing".* does not let app_rw in/,
    ],
  ])('%s', async (_name, url, says) => {
    const said = await refusal({ DATABASE_URL: url(t.runtime) });
    expect(said).toMatch(says);
    expect(said).not.toMatch(/wrong-words|test-runtime|at file:/);
  });

  test('the sign-in is one that row-level security does not bind', async () => {
    const { host, port, user, password, database } = t.owner;
    expect(await refusal({ DATABASE_URL: `postgresql://${user}:${password}@${host}:${port}/${database}` })).toMatch(
      /row-level security does not bind .*Sign in as app_rw/,
    );
  });

  test('migrations are missing', async () => {
    const name = `test_${randomUUID().replaceAll('-', '')}`;
    await runAs(t.admin, `CREATE DATABASE ${name} OWNER app_owner`);
    const { host, port, user, password } = t.runtime;
    const said = await refusal({ DATABASE_URL: `postgresql://${user}:${password}@${host}:${port}/${name}` });
    await runAs(t.admin, `DROP DATABASE ${name} WITH (FORCE)`);
    expect(said).toMatch(/The database lacks \d+ migrations .*db:migrate:deploy/);
  });

  test.each([
    ['the service', SERVICE],
    ['the worker', 'apps/api/src/worker.ts'],
  ])('the encryption key is another one than the data was sealed with: %s', async (_, program) => {
    const first = run(SERVICE, serviceEnv(t.runtime, 'first'));
    running.push(first);
    await served(first);
    const ENCRYPTION_KEY = randomBytes(32).toString('hex');
    const second = run(program, { ...serviceEnv(t.runtime, 'second'), ENCRYPTION_KEY });
    running.push(second);
    expect(await second.ended, second.said()).toBe(1);
    expect(second.said()).toContain('Key 1 of the encryption is not the one that this database was filled with.');
    expect(second.said()).not.toContain(ENCRYPTION_KEY);
  });

  test('the port is taken', async () => {
    const service = await start();
    expect(await refusal({ PORT: new URL(service.url).port })).toMatch(/EADDRINUSE/);
  });
});

describe('the order of ending', () => {
  test('is stage by stage, the parts of one at the same time, and a part that fails stops nobody', async () => {
    const lines: string[] = [];
    const lifecycle = new Lifecycle(createLog('info', { write: (line) => void lines.push(line) }));
    const order: string[] = [];
    const gate = Promise.withResolvers<void>();
    const part = (name: string, work: () => Promise<void> = () => Promise.resolve()) => ({
      name,
      stop: async () => {
        order.push(`${name} begins`);
        await work();
        order.push(`${name} ends`);
      },
    });
    lifecycle.add([
      part('http', () => gate.promise),
      part('jobs', () => Promise.resolve(gate.resolve())),
      part('bad', () => Promise.reject(new TypeError('canary'))),
    ]);
    lifecycle.add([part('database')]);
    expect(lifecycle.isStopping).toBe(false);
    const [first, second] = [lifecycle.stop(), lifecycle.stop()];
    expect(lifecycle.isStopping).toBe(true);
    expect(first).toBe(second);
    await first;
    expect(order.slice(0, 3)).toEqual(['http begins', 'jobs begins', 'bad begins']);
    expect(order.slice(-2)).toEqual(['database begins', 'database ends']);
    expect(lines.join('')).toMatch(/"state":"bad","kind":"TypeError"/);
    expect(lines.join('')).not.toContain('canary');
  });
});
