import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { aClinic, createTestDatabase, eventually, lockTable, runAs, type TestDatabase } from '@medspa/testing';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { startTestService, type RunningService } from '../../test/service.ts';
import { openApiDocument } from '../app.ts';

let t: TestDatabase;
let service: RunningService;
beforeAll(async () => {
  t = await createTestDatabase();
  service = await startTestService('metrics', t, await aClinic(t.database), { database: { poolMax: 2, poolWaitMillis: 1_000 } });
});
afterAll(async () => {
  await service.stop();
  await t.drop();
});

type Sample = { name: string; labels: Record<string, string>; value: number };

async function samples(): Promise<Sample[]> {
  const text = await (await fetch(service.metricsUrl)).text();
  return text
    .split('\n')
    .filter((line) => line !== '' && !line.startsWith('#'))
    .map((line) => {
      const [, name = '', labels = '', value] = /^(\w+)(?:\{(.*)\})? (\S+)$/.exec(line) ?? [];
      return {
        name,
        labels: Object.fromEntries([...labels.matchAll(/(\w+)="([^"]*)"/g)].map(([, key, said]) => [key, said])) as Record<string, string>,
        value: Number(value),
      };
    });
}

/** The sum of all samples of this name and these labels. */
async function valueOf(name: string, labels: Record<string, string> = {}): Promise<number> {
  const found = (await samples()).filter(
    (sample) => sample.name === name && Object.entries(labels).every(([key, said]) => sample.labels[key] === said),
  );
  if (found.length === 0) throw new Error(`There is no ${name} ${JSON.stringify(labels)}.`);
  return found.reduce((sum, { value }) => sum + value, 0);
}

const get = (url: string) => fetch(url, { headers: service.signedIn });
const post = (path: string, body: object) =>
  fetch(`${service.url}${path}`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', ...service.signedIn },
    body: JSON.stringify(body),
  });

describe('what is measured moves', () => {
  test('requests, by method, route and status', async () => {
    const of = { method: 'GET', route: '/v1/organization', status: '200' };
    await get(`${service.url}/v1/organization`);
    const before = await valueOf('http_request_duration_seconds_count', of);
    await get(`${service.url}/v1/organization`);
    expect(await valueOf('http_request_duration_seconds_count', of)).toBe(before + 1);
    expect(await valueOf('http_request_duration_seconds_sum', of)).toBeGreaterThan(0);
  });

  test('refusals and failures, by reason and route', async () => {
    await get(`${service.url}/v1/patients/none`);
    await get(`${service.url}/nowhere`);
    expect(await valueOf('http_problems_total', { slug: 'invalid-request', route: '/v1/patients/:id' })).toBe(1);
    expect(await valueOf('http_problems_total', { slug: 'not-found', route: 'unmatched' })).toBe(1);
  });

  test('statements, by outcome, and the wait for a connection', async () => {
    const before = [await valueOf('db_query_duration_seconds_count', { outcome: 'done' }), await valueOf('db_pool_acquire_seconds_count')];
    await post('/v1/room-types', { name: 'Twice' });
    await post('/v1/room-types', { name: 'Twice' });
    expect(await valueOf('db_query_duration_seconds_count', { outcome: 'failed' })).toBe(1);
    expect(await valueOf('db_query_duration_seconds_count', { outcome: 'done' })).toBeGreaterThan(before[0] ?? 0);
    // One each for the session, and one for the work.
    expect(await valueOf('db_pool_acquire_seconds_count')).toBe((before[1] ?? 0) + 4);
    expect(await valueOf('db_pool_connects_total')).toBeGreaterThan(0);
  });

  test('transactions that lost a race and ran again', async () => {
    await t.look(`
      CREATE SEQUENCE tries; GRANT USAGE ON SEQUENCE tries TO app_rw;
      CREATE FUNCTION lose() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
        IF NEW.name = 'Contended' AND nextval('public.tries') < 3 THEN RAISE EXCEPTION 'lost' USING ERRCODE = '40001'; END IF; RETURN NEW; END $$;
      CREATE TRIGGER lose BEFORE INSERT ON room_type FOR EACH ROW EXECUTE FUNCTION lose();`);
    expect((await post('/v1/room-types', { name: 'Contended' })).status).toBe(201);
    expect(await valueOf('db_transaction_retries_total')).toBe(2);
  });

  test('jobs, by name and outcome', async () => {
    await t.look(`SELECT graphile_worker.add_job('drop-expired-replies', '{}')`);
    await t.look(`SELECT graphile_worker.add_job('notice-overdue', '{}')`);
    await eventually('both jobs ran', async () => {
      const counted = (await samples()).filter(({ name }) => name === 'job_duration_seconds_count');
      const jobs = new Set(counted.map(({ labels }) => `${labels['name']} ${labels['outcome']}`));
      return jobs.has('drop-expired-replies done') && jobs.has('notice-overdue failed');
    });
    expect(await valueOf('job_duration_seconds_count', { name: 'drop-expired-replies', outcome: 'done' })).toBe(1);
  });

  test('the event loop and the process', async () => {
    expect(await valueOf('nodejs_eventloop_lag_p99_seconds')).toBeGreaterThan(0);
    expect(await valueOf('process_resident_memory_bytes')).toBeGreaterThan(10_000_000);
  });

  test('the pool while it is full, callers who wait and who gave up', async () => {
    expect(await valueOf('db_pool_connections', { state: 'max' })).toBe(2);
    const { release } = await lockTable(t.admin, 'room_type');
    const asked = Array.from({ length: 40 }, () => get(`${service.url}/v1/room-types`));
    await eventually('callers wait', async () => (await valueOf('db_pool_waiting')) > 0);
    expect(await valueOf('db_pool_connections', { state: 'total' })).toBe(2);
    expect(await valueOf('db_pool_connections', { state: 'idle' })).toBe(0);
    await eventually('they give up', async () => (await valueOf('db_pool_timeouts_total')) >= 20);
    await release();
    expect((await Promise.all(asked)).filter(({ status }) => status === 503).length).toBeGreaterThanOrEqual(20);
    await Promise.all(Array.from({ length: 5 }, () => get(`${service.url}/v1/room-types`)));
    expect(await valueOf('db_queue_wait_seconds_count')).toBeGreaterThan(0);
    await eventually('all is idle', async () => (await valueOf('db_pool_connections', { state: 'idle' })) === 2);
    expect(await valueOf('db_pool_waiting')).toBe(0);
  });

  test('the breaker that opens over a database that is away', async () => {
    expect(await valueOf('db_breaker_state')).toBe(0);
    const { database } = t.runtime;
    const elsewhere = { ...t.admin, database: 'postgres' };
    await runAs(
      elsewhere,
      `ALTER DATABASE "${database}" ALLOW_CONNECTIONS false`,
      `SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE datname = '${database}'`,
      `ALTER DATABASE "${database}" RENAME TO "${database}_away"`,
    );
    await eventually('the breaker opens', async () => {
      await Promise.all(Array.from({ length: 10 }, () => get(`${service.url}/v1/room-types`)));
      return (await valueOf('db_breaker_state')) === 2;
    });
    await runAs(
      elsewhere,
      `ALTER DATABASE "${database}_away" RENAME TO "${database}"`,
      `ALTER DATABASE "${database}" ALLOW_CONNECTIONS true`,
    );
  });
});

test('labels are patterns and classes: no id, no address, nothing that somebody typed', async () => {
  await get(`${service.url}/v1/patients/0199e6ea-ea18-7e88-85e1-078829b56df3?canaria=1`);
  await get(`${service.url}/canaria/0199e6ea-ea18-7e88-85e1-078829b56df3`);
  await fetch(`${service.url}/v1/canaria`, { method: 'PROPFIND' });
  const own = [
    '/',
    '/docs',
    '/docs/style.css',
    '/docs/icon.svg',
    '/openapi.json',
    '/health',
    '/health/live',
    '/live',
    '/health/ready',
    '/ready',
  ];
  const documented = Object.keys(openApiDocument('').paths).map((path) => path.replaceAll(/\{(\w+)\}/g, ':$1'));
  const patterns = new Set([...documented, ...own, 'unmatched']);
  const all = await samples();
  for (const route of new Set(all.map(({ labels }) => labels['route']).filter((said) => said !== undefined)))
    expect(patterns).toContain(route);
  expect(JSON.stringify(all.map(({ labels }) => labels))).not.toMatch(/canaria|[0-9a-f]{8}-[0-9a-f]{4}/);
});

test('the public port has no metrics', async () => {
  for (const path of ['/metrics', '/v1/metrics', '/metrics/', '/health/metrics'])
    expect([401, 404], path).toContain((await fetch(`${service.url}${path}`)).status);
});

const read = (path: string) => readFileSync(join(import.meta.dirname, '../../../..', path), 'utf8');

describe('what people look at names what there is:', () => {
  // Names of histograms stand for their series, as Prometheus makes them.
  const known = async () => new Set((await samples()).flatMap(({ name }) => [name, name.replace(/_(?:bucket|count|sum)$/, '')]));

  // What only the process knows that has sealed, and that has counted.
  beforeAll(async () => {
    await runAs(t.admin, `SELECT graphile_worker.add_job('seal-logs'), graphile_worker.add_job('watch-reviews')`);
    await eventually('the logs are sealed', async () => (await known()).has('audit_seal_age_seconds'));
    await eventually('reviews are counted', async () => (await known()).has('emergency_reviews_overdue'));
  });

  test('the dashboard', async () => {
    const { panels } = JSON.parse(read('deploy/grafana/medspa.json')) as { panels: { title: string; targets?: { expr: string }[] }[] };
    const asked = panels.flatMap(({ targets = [] }) =>
      targets.flatMap(({ expr }) => [...expr.matchAll(/\b(\w+)\{instance/g)].map(([, name]) => name)),
    );
    expect(asked.length).toBeGreaterThan(20);
    const names = await known();
    expect(asked.filter((name = '') => !names.has(name))).toEqual([]);
  });

  test('the page on monitoring, which leaves out none of ours', async () => {
    const told = [...read('docs/monitoring.md').matchAll(/^\| `(\w+)`/gm)].map(([, name = '']) => name);
    const names = await known();
    expect(told.filter((name) => !names.has(name))).toEqual([]);
    const ours = [...names].filter((name) => /^(http|db|job|audit|emergency|live)_/.test(name) && !/_(bucket|count|sum)$/.test(name));
    expect(ours.filter((name) => !told.includes(name))).toEqual([]);
  });
});
