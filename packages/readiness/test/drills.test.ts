import { join } from 'node:path';
import { createTestDatabase, type TestDatabase } from '@medspa/testing';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Judgement } from '../src/check.ts';
import { DRILLS } from '../src/drills/all.ts';
import { openDrillGround, type DrillGround } from '../src/drills/ground.ts';
import { memoryFiles } from '../src/project/files.ts';
import { openProject } from '../src/project/project.ts';

const KEY = Buffer.from(Array.from({ length: 32 }, (_, index) => index * 7)).toString('hex');
const SECTION = {
  start: ['node', join(import.meta.dirname, 'planted/service.ts')],
  env: { SECRET_KEY: '${PLANTED_KEY}', BROKEN: '' },
  databaseEnv: 'DATABASE_URL',
  portEnv: 'PORT',
  metricsPortEnv: 'METRICS_PORT',
  ready: '/health/ready',
  live: '/health/live',
  read: { method: 'GET', path: '/notes' },
  write: { method: 'POST', path: '/notes', body: { name: '{{canary}}' } },
  duplicate: { method: 'POST', path: '/notes', body: { name: '{{canary}}' } },
  missing: { path: '/notes/{{uuid}}' },
  weakEnv: { SECRET_KEY: [{ repeat: '0', times: 64 }, 'short'] },
  connections: 5,
  concurrency: 20,
  patienceSeconds: 4,
  audit: { read: 'planted_own_audit', write: 'planted_own_audit' },
};

let t: TestDatabase;
let url: string;
beforeAll(async () => {
  t = await createTestDatabase();
  await t.look(`
    CREATE TABLE planted_note (id uuid PRIMARY KEY, name text NOT NULL UNIQUE);
    CREATE TABLE planted_audit (what text);
    CREATE TABLE planted_own_audit (what text);
    CREATE TABLE planted_silent (what text);
    GRANT SELECT, INSERT ON planted_note, planted_audit, planted_own_audit, planted_silent TO app_rw`);
  const { host, port, user, password, database } = t.runtime;
  url = `postgresql://${user}:${password}@${host}:${port}/${database}`;
});
afterAll(() => t.drop());

async function groundOf(changes: object = {}, environment: Record<string, string> = {}): Promise<DrillGround & AsyncDisposable> {
  const files = memoryFiles({ 'readiness.json': JSON.stringify({ drill: { ...SECTION, ...changes } }) });
  const project = openProject({ ...files, folder: '/' });
  return openDrillGround(project, { environment: { DATABASE_URL: url, PLANTED_KEY: KEY, ...environment } });
}

async function drill(row: string, broken: string, changes: object = {}): Promise<Judgement> {
  // One table that no other service writes into meanwhile.
  const audit = row === 'monitor.audit-log' ? { AUDIT_TABLE: 'planted_own_audit' } : {};
  await using ground = await groundOf({ env: { ...SECTION.env, ...audit, BROKEN: broken }, ...changes });
  const run = DRILLS[row];
  if (!run) throw new Error(`There is no drill ${row}.`);
  return await run(ground);
}

describe.concurrent('a service that does everything right passes', () => {
  test.each(Object.keys(DRILLS))('%s', async (row) => {
    const { verdict, findings, reason, evidence } = await drill(row, '');
    expect({ verdict, findings, reason }).toEqual({ verdict: 'pass', findings: [] });
    expect(evidence.join(' ')).toMatch(/\d/);
  });
});

describe.concurrent('a service that does this wrong does not', () => {
  test.each([
    ['pool.wait-timeout', 'no-wait-limit', 'fail', 'had no answer within 4 s'],
    ['pool.wait-timeout', '500-for-timeout', 'fail', 'x 500'],
    ['pool.wait-timeout', 'no-retry-after', 'warn', 'without Retry-After'],
    ['pool.connect-timeout', 'no-wait-limit,no-breaker', 'fail', '5 of 5 callers had no answer within 4 s'],
    ['pool.connect-timeout', '500-for-timeout', 'warn', '500 instead of 503'],
    ['pool.shutdown', 'drops', 'fail', '20 of 20 requests in flight at SIGTERM were lost'],
    ['pool.shutdown', 'no-handler', 'fail', 'it was ended by SIGTERM'],
    ['pool.shutdown', 'exit-3', 'fail', 'exit code 3'],
    ['pool.shutdown', 'never-ends', 'fail', 'still ran 10.0 s after SIGTERM'],
    ['env.weak-secret', 'weak-start', 'fail', 'starts with SECRET_KEY = "0" 64 times'],
    ['env.weak-secret', 'tells-key', 'fail', 'repeats the value'],
    ['env.weak-secret', 'exit-0', 'fail', 'ends with exit code 0'],
    ['env.weak-secret', 'silent-start', 'warn', 'does not name SECRET_KEY'],
    ['log.levels', 'logs-values', 'fail', 'stands in the log'],
    ['log.error-format', 'echoes', 'warn', 'repeats what was sent'],
    ['log.error-format', 'tells-driver', 'fail', 'duplicate key value'],
    ['health.readiness', 'ready-lies', 'fail', 'does not ask'],
    ['health.readiness', 'ready-tells', 'fail', 'ECONNREFUSED'],
    ['health.liveness', 'live-asks', 'fail', 'would be restarted'],
    ['monitor.metrics', 'no-metrics', 'fail', '404'],
    ['monitor.metrics', 'still-metrics', 'fail', 'do not move'],
    ['monitor.metrics', 'no-pool-metrics', 'warn', 'pool'],
    ['cloud.concurrency', '500-when-full,', 'fail', 'x 500', { concurrency: 60 }],
    ['cloud.concurrency', 'breaks-when-full', 'fail', 'no answer (broken)', { concurrency: 60 }],
    ['cloud.concurrency', 'no-retry-after', 'warn', 'without Retry-After', { concurrency: 60 }],
    ['monitor.audit-log', '', 'fail', 'leaves no row in planted_silent', { audit: { read: 'planted_silent' } }],
    ['resilience.error-map', '500-for-duplicate', 'fail', 'answered 500'],
    ['resilience.error-map', '500-for-bad-json', 'fail', 'no JSON is answered 500'],
    ['resilience.error-map', '500-for-timeout', 'fail', 'without a database is answered 500'],
    ['resilience.error-map', 'varying-words', 'warn', 'another one for another id'],
    ['resilience.circuit-breaker', 'no-breaker', 'warn', 'Nothing stops callers'],
    ['resilience.circuit-breaker', 'breaker-counts-duplicates', 'fail', 'count as failures'],
    ['test.pool', 'large-pool', 'fail', 'were announced'],
    ['test.health', 'no-shape', 'warn', 'is not "healthy"'],
  ] as [string, string, string, string, object?][])('%s: %s', async (row, broken, wanted, says, changes) => {
    const { verdict, findings, reason } = await drill(row, broken, changes);
    expect({ verdict, reason }, JSON.stringify(findings)).toEqual({ verdict: wanted });
    expect(findings.map(({ message }) => message).join('\n')).toContain(says);
  });
});

describe.concurrent('what the ground lacks is said, and is no pass', () => {
  test.each([
    ['env.weak-secret', { weakEnv: undefined }, 'drill.weakEnv'],
    ['log.levels', { write: undefined, duplicate: undefined }, '{{canary}}'],
    ['log.error-format', { write: { ...SECTION.write, body: {} }, duplicate: undefined }, '{{canary}}'],
    ['monitor.audit-log', { audit: undefined }, 'drill.audit'],
    ['test.pool', { connections: undefined }, 'drill.connections'],
    ['resilience.error-map', { write: undefined, duplicate: undefined, missing: undefined }, 'drill.duplicate'],
    ['monitor.metrics', { metricsPortEnv: undefined }, 'drill.metrics'],
    ['pool.wait-timeout', { read: { path: '/health' } }, 'give a path that asks'],
    ['health.readiness', { start: ['node', '-e', 'throw new Error("no " + process.env.SECRET_KEY)'] }, 'did not start (exit code 1)'],
  ])('%s', async (row, changes, says) => {
    const { verdict, reason } = await drill(row, '', changes);
    expect({ verdict, reason }).toEqual({ verdict: 'could not check', reason: expect.stringContaining(says) });
    expect(reason).not.toContain(KEY);
  });
});
