// The checks that count connections, against what a server answers and a deployment says.
import { createTestDatabase } from '@medspa/testing';
import { expect, test } from 'vitest';
import { audit } from '../src/audit.ts';
import { budget } from '../src/checks/pool/budget.ts';
import { limit } from '../src/checks/pool/limit.ts';
import { tls } from '../src/checks/env/tls.ts';
import type { LiveDatabase } from '../src/live/database.ts';
import type { Deployment } from '../src/project/deployment.ts';
import { memoryFiles } from '../src/project/files.ts';
import { openProject, type Project } from '../src/project/project.ts';

const deployed = (maxInstances: number, role: Deployment['role'] = 'service'): Deployment => ({
  platform: 'cloud-run',
  name: role === 'worker' ? 'clinic-worker' : 'clinic',
  role,
  form: 'definition',
  place: { file: 'service.yaml', line: 1 },
  maxInstances: { value: maxInstances, place: { file: 'service.yaml', line: 9 } },
  env: [],
  probes: [],
});

function projectWith(max: number, deployments: Deployment[], more: Record<string, string> = {}): Project {
  const files = {
    'package.json': '{ "name": "clinic", "dependencies": { "hono": "4.6.0", "pg": "8.23.1" } }',
    'src/db.ts': `import { Pool } from 'pg';\nexport const pool = new Pool({ max: ${max} });\n`,
    'src/health.ts': "import { Pool } from 'pg';\nexport const health = new Pool({ max: 1 });\n",
    'src/jobs.ts':
      "import { run } from 'graphile-worker';\nimport { Pool } from 'pg';\nconst pgPool = new Pool({ max: 2 });\nexport const runner = run({ pgPool });\n",
    ...more,
  };
  return { ...openProject(memoryFiles(files)), deployments: { deployments, dockerfiles: [], steps: [], shared: [], unread: [] } };
}

const answering = (...rows: object[]): LiveDatabase => ({ query: <Row>() => Promise.resolve(rows as Row[]) });
const server = (max: number) => answering({ max, superuser: 3, reserved: 0, agents: 0 });
const SERVER_FILE = { 'infra/main.tf': 'database_flags {\n  name  = "max_connections"\n  value = "250"\n}\n' };

test('the size of the report, corrected, just fits: 10 x 2 x 9 + 22 for a worker + 13 = 215 of 225', async () => {
  const project = projectWith(8, [deployed(10), deployed(1, 'worker')], SERVER_FILE);
  const [result] = await audit(project, [budget]);
  expect(result?.judgement).toMatchObject({ verdict: 'pass' });
  expect(result?.judgement.evidence[0]).toBe(
    '10 x 2 x (8 + 1) + 22 for workers + 13 in reserve = 215; 225 of 250 (infra/main.tf:2) may be used',
  );
  expect(budget.static?.(projectWith(9, [deployed(10), deployed(1, 'worker')], SERVER_FILE)).verdict).toBe('fail');
});

test('a process that serves and runs jobs counts both; the largest safe pool is named', () => {
  const { findings } = budget.static?.(projectWith(10, [deployed(10)], SERVER_FILE)) ?? {};
  expect(findings?.map(({ message }) => message)).toEqual([
    '10 x 2 x (10 + 3) + 13 in reserve = 273; 225 of 250 (infra/main.tf:2) may be used; the largest safe pool of clinic is 7',
  ]);
});

test('the server knows best how many connections it has', async () => {
  const project = projectWith(8, [deployed(10), deployed(1, 'worker')]);
  expect((await budget.database?.(server(250), project))?.verdict).toBe('pass');
  const small = await budget.database?.(server(100), project);
  expect(small).toMatchObject({ verdict: 'fail' });
  expect(small?.findings[0]?.message).toContain('the largest safe pool of clinic is 1');
  expect(budget.static?.(project)).toMatchObject({ verdict: 'could not check' });
});

test('a process holds more connections than its pool is given', async () => {
  const project = projectWith(8, []);
  const holding = (connections: number) => answering({ name: 'api', address: '10.0.0.4', connections });
  expect((await limit.database?.(holding(9), project))?.verdict).toBe('pass');
  expect((await limit.database?.(holding(40), project))?.verdict).toBe('warn');
  expect((await limit.database?.(answering(), project))?.verdict).toBe('could not check');
});

test.each([
  ['could not check', { address: '10.0.0.4', ssl: true, version: 'TLSv1.3', others: 0 }],
  ['pass', { address: null, ssl: false, version: null, others: 0 }],
  ['fail', { address: '10.0.0.4', ssl: false, version: null, others: 0 }],
  ['fail', { address: '127.0.0.1', ssl: false, version: null, others: 3 }],
  ['could not check', { address: '127.0.0.1', ssl: false, version: null, others: 0 }],
])('TLS of live connections: %s', async (verdict, row) => {
  expect((await tls.database?.(answering(row), projectWith(8, [])))?.verdict).toBe(verdict);
});

test('PostgreSQL itself answers what the checks ask', async () => {
  const db = await createTestDatabase();
  try {
    const live: LiveDatabase = { query: <Row>(text: string, values?: unknown[]) => db.look(text, values) as Promise<Row[]> };
    const project = projectWith(8, [deployed(1)]);
    // The server is large enough for one instance.
    expect((await budget.database?.(live, project))?.evidence[0]).toContain('(the server) may be used');
    expect((await limit.database?.(live, project))?.verdict).toMatch(/pass|could not check/);
    // The audit comes over loopback, where TLS tells nothing.
    expect((await tls.database?.(live, project))?.verdict).toBe('could not check');
  } finally {
    await db.drop();
  }
});
