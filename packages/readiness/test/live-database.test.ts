// The parts of checks that ask a database, on a real one: as our runtime role, as the owner, as the administrator.
import { connect, createTestDatabase, runAs, type TestDatabase } from '@medspa/testing';
import type pg from 'pg';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { Judgement } from '../src/check.ts';
import { auditLog } from '../src/checks/monitor/audit-log.ts';
import { slowQuery } from '../src/checks/monitor/slow-query.ts';
import { queryTimeout } from '../src/checks/practice/query-timeout.ts';
import { roles } from '../src/checks/security/roles.ts';
import { memoryFiles } from '../src/project/files.ts';
import { openProject } from '../src/project/project.ts';

const project = openProject(
  memoryFiles({ 'package.json': '{ "name": "clinic", "dependencies": { "hono": "4.6.0", "@prisma/client": "5.22.0" } }' }),
);
const setsItself = openProject(
  memoryFiles({
    'package.json': '{ "name": "clinic", "dependencies": { "hono": "4.6.0", "pg": "8.23.1" } }',
    'src/pool.ts': "import pg from 'pg';\nexport const pool = new pg.Pool({ statement_timeout: 8_000, lock_timeout: 2_000 });\n",
  }),
);

let t: TestDatabase;
const clients: pg.Client[] = [];
let as: Record<'runtime' | 'owner' | 'admin', pg.Client>;
beforeAll(async () => {
  t = await createTestDatabase();
  as = { runtime: await connect(t.runtime), owner: await connect(t.owner), admin: await connect(t.admin) };
  clients.push(...Object.values(as));
});
afterAll(async () => {
  await Promise.all(clients.map((client) => client.end()));
  await t.drop();
});

type Checked = { database?: typeof roles.database };
async function look({ database }: Checked, client: pg.Client, of = project): Promise<Judgement> {
  if (!database) throw new Error('The check asks no database.');
  return database({ query: async <Row>(text: string, values?: unknown[]) => (await client.query(text, values)).rows as Row[] }, of);
}
const messages = ({ findings }: Judgement) => findings.map(({ message }) => message).join('\n');

test('roles: the runtime role passes, the owner of the tables and the administrator fail', async () => {
  expect(await look(roles, as.runtime)).toMatchObject({ verdict: 'pass', evidence: [expect.stringContaining('app_rw')] });
  const owner = await look(roles, as.owner);
  expect(owner.verdict).toBe('fail');
  expect(messages(owner)).toMatch(/app_owner owns \d+ of the tables[^]*may create objects in/);
  const administrator = await look(roles, as.admin);
  expect(administrator).toMatchObject({ verdict: 'fail', findings: [{ message: expect.stringContaining('is a superuser') }] });
});

test('roles: a right to create in a schema is found, also one that everybody has', async () => {
  await runAs(t.admin, 'CREATE SCHEMA playground', 'GRANT CREATE ON SCHEMA playground TO PUBLIC');
  const judgement = await look(roles, as.runtime);
  await runAs(t.admin, 'DROP SCHEMA playground');
  expect(judgement.verdict).toBe('fail');
  expect(messages(judgement)).toContain('may create objects in playground');
});

test('timeouts: the ladder of the runtime role passes', async () => {
  const judgement = await look(queryTimeout, as.runtime);
  expect(judgement).toMatchObject({ verdict: 'pass', evidence: [expect.stringContaining('statement_timeout 8000 ms')] });
});

test('timeouts: what is off is named, unless the pool of the project sends it', async () => {
  const bare = await look(queryTimeout, as.admin);
  expect(bare.verdict).toBe('warn');
  expect(messages(bare)).toContain('statement_timeout is 0');
  const sent = messages(await look(queryTimeout, as.admin, setsItself));
  expect(sent).not.toContain('statement_timeout');
  expect(sent).not.toContain('lock_timeout');
  expect(sent).toContain('transaction_timeout is 0');
});

test('timeouts: a step that is not below the next is named', async () => {
  await runAs(t.admin, `ALTER ROLE app_rw IN DATABASE ${t.admin.database} SET lock_timeout = '20s'`);
  const client = await connect(t.runtime);
  clients.push(client);
  const judgement = await look(queryTimeout, client);
  expect(judgement.verdict).toBe('warn');
  expect(messages(judgement)).toContain('lock_timeout (20000 ms) is not below idle_in_transaction_session_timeout (5000 ms)');
});

test('slow statements: logged without their parameters, or it is said', async () => {
  await as.admin.query("SET log_min_duration_statement = '500ms'");
  expect((await look(slowQuery, as.admin)).verdict).toBe('pass');
  await as.admin.query('SET log_parameter_max_length = -1');
  const tells = await look(slowQuery, as.admin);
  expect(tells.verdict).toBe('warn');
  expect(messages(tells)).toContain('with their parameters');
  await as.admin.query('SET log_min_duration_statement = -1');
  await runAs(t.admin, 'DROP EXTENSION IF EXISTS pg_stat_statements CASCADE');
  expect(messages(await look(slowQuery, as.admin))).toContain('neither pg_stat_statements nor');
});

test('audit log: the runtime role cannot change it, the owner can', async () => {
  const runtime = await look(auditLog, as.runtime);
  expect(runtime).toMatchObject({ verdict: 'pass' });
  expect(runtime.evidence.join('\n')).toContain('public.audit_log cannot be changed');
  await runAs(t.owner, 'GRANT DELETE ON audit_log TO app_rw');
  const loose = await look(auditLog, as.runtime);
  await runAs(t.owner, 'REVOKE DELETE ON audit_log FROM app_rw');
  expect(loose.verdict).toBe('fail');
  expect(messages(loose)).toContain('may delete on public.audit_log');
});
