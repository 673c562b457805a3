// The backend that the report audited, rebuilt from what the report shows: what it found must be found here.
import { join } from 'node:path';
import { beforeAll, describe, expect, test } from 'vitest';
import { audit, type Result } from '../src/audit.ts';
import { CHECKS } from '../src/checks/all.ts';
import { projectOf, readPage } from './fixtures.ts';

/** The summary checklist of the report, line by line: what it says, the row that answers, and what the row must say. */
const LINES: [said: 'fail' | 'warn' | 'pass', line: string, id: string, verdict: 'fail' | 'warn' | 'pass', wrong?: string][] = [
  ['pass', 'Singleton pattern implemented', 'pool.singleton', 'pass'],
  ['fail', 'Missing connection_limit parameter', 'pool.limit', 'fail'],
  ['fail', 'Missing pool_timeout parameter', 'pool.wait-timeout', 'fail'],
  ['fail', 'Missing connect_timeout parameter', 'pool.connect-timeout', 'fail'],
  ['fail', 'Duplicate PrismaClient instantiation in routes', 'pool.duplicate-client', 'fail'],
  ['pass', 'Graceful shutdown handlers', 'pool.shutdown', 'warn', 'it ends the process while requests are in flight: 10 of 10 were lost'],
  ['warn', 'Duplicate/incomplete shutdown in index.ts', 'pool.duplicate-shutdown', 'fail'],
  ['fail', 'Duplicate DATABASE_URL in .env', 'env.duplicate-keys', 'fail'],
  ['fail', 'Hardcoded credentials in version control', 'env.secrets-committed', 'fail'],
  ['pass', 'SSL enabled', 'env.tls', 'warn', 'sslmode=require encrypts on 5.22 and verifies nothing'],
  ['fail', 'Missing Cloud Run socket configuration', 'env.socket', 'fail'],
  ['warn', 'No separate .env files for environments', 'env.files', 'warn'],
  ['pass', 'Environment-based logging levels', 'log.levels', 'pass'],
  ['warn', "errorFormat='pretty' in production", 'log.error-format', 'warn'],
  ['warn', 'Incomplete database health check implementation', 'health.readiness', 'fail'],
  [
    'pass',
    'Health check function available in db.ts',
    'health.liveness',
    'pass',
    'a function that nobody calls is worth nothing: health.readiness says so; liveness without I/O is right',
  ],
  ['pass', 'Docker healthcheck configured', 'health.container', 'pass'],
  ['pass', 'Multiple health endpoints (/health, /ready, /live)', 'health.endpoints', 'pass'],
  ['fail', 'No connection limit configured', 'pool.limit', 'fail'],
  ['warn', 'No connection pooler (acceptable for MVP)', 'practice.pooler', 'warn'],
  ['pass', 'Transaction configuration', 'practice.transactions', 'pass'],
  ['warn', 'No query timeout', 'practice.query-timeout', 'warn'],
  [
    'warn',
    'No prepared statement cache',
    'practice.statements',
    'pass',
    'the engine of 5.22 keeps 100 statements by itself, and the parameter that the report names never existed',
  ],
  ['pass', 'Pagination helpers', 'practice.pagination', 'pass'],
  ['pass', 'Batch operation utilities', 'practice.batch', 'pass'],
  ['fail', 'Credentials in version control (CRITICAL)', 'env.secrets-committed', 'fail'],
  ['warn', 'Public IP connection (should use socket)', 'security.public-ip', 'warn'],
  ['pass', 'SSL enforcement', 'env.tls', 'warn', 'as above'],
  ['fail', 'Missing Secret Manager integration', 'security.secret-manager', 'fail'],
  ['warn', 'No min instances (cold starts)', 'cloud.min-instances', 'warn'],
  ['warn', '300s timeout (too long)', 'cloud.timeout', 'warn'],
  ['fail', 'Missing Cloud SQL instance configuration', 'cloud.sql-instances', 'fail'],
  ['fail', 'Missing secret management', 'security.secret-manager', 'fail'],
  ['pass', 'Resource limits defined', 'cloud.resources', 'pass'],
  ['warn', 'No APM/metrics', 'monitor.metrics', 'warn'],
  ['warn', 'No slow query logging', 'monitor.slow-query', 'warn'],
  ['pass', 'Audit logging implemented', 'monitor.audit-log', 'pass'],
  ['warn', 'No connection pool metrics', 'monitor.metrics', 'warn'],
  ['pass', 'Database error utilities', 'resilience.error-map', 'pass'],
  ['pass', 'Prisma error mapping', 'resilience.error-map', 'pass'],
  ['warn', 'No circuit breaker', 'resilience.circuit-breaker', 'warn'],
];

let results: Result[];

beforeAll(async () => {
  const { cases } = readPage(join(import.meta.dirname, 'projects/report-backend.md'));
  const [backend] = cases;
  if (!backend) throw new Error('the page has no project');
  results = await audit(projectOf(backend), CHECKS);
});

describe('the backend of the report', () => {
  test('has the 12 fails, 14 warnings and 15 passes of its checklist in this table', () => {
    const count = (said: string) => LINES.filter(([one]) => one === said).length;
    expect([count('fail'), count('warn'), count('pass')]).toEqual([12, 14, 15]);
  });

  test.each(LINES)('%s: %s', (_said, _line, id, verdict) => {
    const found = results.find(({ check }) => check.id === id);
    expect({ id, ...found?.judgement }).toMatchObject({ verdict });
  });

  test('is judged differently only where the table says why the report is wrong, or harder', () => {
    const softer = { fail: 2, warn: 1, pass: 0 };
    const unexplained = LINES.filter(([said, , , verdict, wrong]) => !wrong && softer[verdict] < softer[said]);
    const passesThatFail = LINES.filter(([said, , , verdict, wrong]) => said === 'pass' && verdict !== 'pass' && !wrong);
    expect([...unexplained, ...passesThatFail]).toEqual([]);
  });

  test('is not judged by what it does not have', () => {
    const secrets = JSON.stringify(results.map(({ judgement }) => judgement));
    expect(secrets).not.toMatch(/34\.122\.18\.7:5432\/medical_spa\?sslmode=require.*@/);
  });
});
