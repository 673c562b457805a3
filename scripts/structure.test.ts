import { join } from 'node:path';
import { trees } from '@medspa/testing';
import { describe, expect, test } from 'vitest';
import { findViolations } from './structure.ts';

// Each rule is planted once broken, in a tree of its own, and once nearly broken: a rule that reports nothing, or everything,
// is noticed here.

const aTree = trees();
const SCHEMA = 'packages/database/prisma/schema';
const TREE: Record<string, string> = {
  [`${SCHEMA}/scheduling.prisma`]:
    'model Appointment {\n  id String @id\n  @@map("appointment")\n}\nmodel Shift {\n  id String @id\n  @@map("shift")\n}\n',
  [`${SCHEMA}/patients.prisma`]: 'model Patient {\n  id String @id\n  @@map("patient")\n}\n',
  [`${SCHEMA}/platform.prisma`]:
    'model OutboxEvent {\n  id String @id\n  @@map("outbox_event")\n}\nmodel AuditLog {\n  id String @id\n  @@map("audit_log")\n}\n',
};

const violationsIn = (files: Record<string, string>) => findViolations(aTree({ ...TREE, ...files }));

const M = 'apps/api/src/modules/scheduling';
const P = 'apps/api/src/platform';

/** One file with one line; `said` is part of what is reported, and null where nothing is. */
type Case = [what: string, path: string, line: string, said: string | null];

function check(cases: Case[]): void {
  test.each(cases)('%s', (_, path, line, said) => {
    const found = violationsIn({ [path]: `${line}\n` });
    expect(found.map((told) => told.slice(0, path.length + 1))).toEqual(said === null ? [] : [`${path}:`]);
    expect(found.join('')).toContain(said ?? '');
  });
}

describe('a file of a module', () => {
  check([
    ['is of a module that exists', 'apps/api/src/modules/loyalty/service.ts', 'export const a = 1;', 'there is no module "loyalty"'],
    ['may be of the reports', 'apps/api/src/modules/reports/queries.ts', 'export const a = 1;', null],
    ['is in a module', 'apps/api/src/modules/helpers.ts', 'export const a = 1;', 'a file is in a module'],
    ['has a name of the list', `${M}/utils.ts`, 'export const a = 1;', 'a module has no such file'],
    ['has a name of the list, whatever its language', `${M}/service.js`, 'export const a = 1;', 'a module has no such file'],
    ['has a name of the list, also when it is no code', `${M}/notes.md`, 'Notes', 'a module has no such file'],
    ['is not deeper than the list says', `${M}/service/book/retry.ts`, 'export const a = 1;', 'a module has no such file'],
    ['may be part of a service', `${M}/service/book.ts`, 'export const a = 1;', null],
    ['may be its description', `${M}/README.md`, 'Appointments', null],
    ['may be a test of any name', `${M}/double-booking.test.ts`, 'export const a = 1;', null],
  ]);
});

describe('a file outside of the modules', () => {
  check([
    [
      'is where a rule says what it may import',
      'packages/helpers/src/index.ts',
      'export const a = 1;',
      'no rule says what this may import',
    ],
    ['is so in the service as well', 'apps/api/src/shared/text.ts', 'export const a = 1;', 'no rule says what this may import'],
    ['is so beside the composition root', 'apps/api/src/helpers.ts', 'export const a = 1;', 'no rule says what this may import'],
    ['is so when it is plain JavaScript', 'packages/database/hidden.mjs', 'export const a = 1;', 'no rule says what this may import'],
    ['may be the composition root, which may import anything', 'apps/api/src/compose.ts', `import pg from 'pg';`, null],
    ['may be a task, which may import anything', 'scripts/task.ts', `import('./' + name);`, null],
  ]);

  test('is one thing: 400 lines pass, 401 do not', () => {
    const lines = (count: number) => `${Array.from({ length: count }, () => '// line').join('\n')}\n`;
    expect(violationsIn({ [`${P}/long.ts`]: lines(400) })).toEqual([]);
    expect(violationsIn({ [`${P}/long.ts`]: lines(401) })).toEqual([`${P}/long.ts: has 401 lines; a file is one thing, at most 400`]);
    expect(violationsIn({ [`${P}/long.test.ts`]: lines(401) })).toHaveLength(1);
  });

  test.each([`${P}/documentation/long.css`, 'packages/database/prisma/migrations/20270101000000_long/migration.sql'])(
    'is one thing, also in another language: %s',
    (path) => {
      expect(violationsIn({ [path]: 'a\n'.repeat(400) })).toEqual([]);
      expect(violationsIn({ [path]: 'a\n'.repeat(401) })).toEqual([`${path}: has 401 lines; a file is one thing, at most 400`]);
    },
  );
});

describe('packages and platform', () => {
  check([
    ['availability imports nothing', 'packages/availability/src/a.ts', `import 'node:path';`, 'may not import node:path'],
    ['availability asks no clock', 'packages/availability/src/a.ts', 'export const a = Date.now();', 'does not ask Date.now'],
    ['contracts import zod', 'packages/contracts/src/a.ts', `import { z } from 'zod';`, null],
    ['contracts import nothing of Node', 'packages/contracts/src/a.ts', `import { join } from 'node:path';`, 'may not import node:path'],
    [
      'contracts import nothing of the database',
      'packages/contracts/src/a.ts',
      `import type { Tx } from '@medspa/database';`,
      'may not import @medspa/database',
    ],
    [
      'contracts import nothing by a path',
      'packages/contracts/src/a.ts',
      `import '../../database/src/pool.ts';`,
      'may not import ../../database/src/pool.ts',
    ],
    ['contracts import themselves', 'packages/contracts/src/a.ts', `import './b.ts';`, null],
    ['the database imports its drivers', 'packages/database/src/a.ts', `import pg from 'pg';`, null],
    ['the database imports no contract', 'packages/database/src/a.ts', `import '@medspa/contracts';`, 'may not import @medspa/contracts'],
    [
      'the local database imports no service',
      'packages/local-database/src/a.ts',
      `import '@medspa/database';`,
      'may not import @medspa/database',
    ],
    ['practice data imports no driver', 'packages/practice-data/src/a.ts', `import pg from 'pg';`, 'may not import pg'],
    ['the platform imports the database package', `${P}/a.ts`, `import { sql } from '@medspa/database';`, null],
    ['the platform imports no driver', `${P}/a.ts`, `import pg from 'pg';`, 'may not import pg'],
    ['the platform imports no Prisma', `${P}/a.ts`, `import { PrismaClient } from '@prisma/client';`, 'may not import @prisma/client'],
    [
      'the platform imports no module',
      `${P}/a.ts`,
      `import '../modules/scheduling/index.ts';`,
      'may not import ../modules/scheduling/index.ts',
    ],
    ['the platform imports no practice data', `${P}/a.ts`, `import '@medspa/practice-data';`, 'may not import @medspa/practice-data'],
    ['a test imports what it needs', `${P}/a.test.ts`, `import pg from 'pg';`, null],
    ['tools of tests import the database', 'packages/testing/src/a.ts', `import '@medspa/database/migrate';`, null],
    ['tools of tests import no service', 'packages/testing/src/a.ts', `import '../../../apps/api/src/app.ts';`, 'may not import'],
  ]);
});

describe('what exists for tests', () => {
  const said = 'only tests import';
  check([
    ["is for the service's own tools", 'apps/api/test/a.ts', `import '@medspa/testing';`, null],
    ['is not for the composition root', 'apps/api/src/compose.ts', `import '@medspa/testing';`, said],
    ['nor by a path', 'apps/api/src/main.ts', `import '../../../packages/testing/src/keys.ts';`, said],
    ['nor from its own tests', 'apps/api/src/app.ts', `import '../test/harness.ts';`, said],
    ['nor for a task', 'scripts/start.ts', `import type { Started } from '@medspa/testing';`, said],
  ]);
});

describe('inside a module', () => {
  check([
    ['routes import the service', `${M}/routes.ts`, `import { book } from './service.ts';`, null],
    ['routes import a part of the service', `${M}/routes.ts`, `import { book } from './service/book.ts';`, null],
    ['routes import no queries', `${M}/routes.ts`, `import { find } from './queries.ts';`, 'routes may not import queries of its module'],
    ['routes import no rules', `${M}/routes.ts`, `import { endOf } from './rules.ts';`, 'routes may not import rules of its module'],
    [
      'routes import no database',
      `${M}/routes.ts`,
      `import type { Tx } from '@medspa/database';`,
      'routes may not import @medspa/database',
    ],
    ['a service imports queries and rules', `${M}/service.ts`, `import './queries.ts'; import './rules.ts';`, null],
    ['a service imports no routes', `${M}/service.ts`, `import './routes.ts';`, 'service may not import routes of its module'],
    ['a service imports no driver', `${M}/service.ts`, `import pg from 'pg';`, 'service may not import pg'],
    ['a service imports no web framework', `${M}/service.ts`, `import { Hono } from 'hono';`, 'service may not import hono'],
    ['queries import rules', `${M}/queries.ts`, `import './rules.ts';`, null],
    ['queries import no service', `${M}/queries.ts`, `import './service.ts';`, 'queries may not import service of its module'],
    ['rules import rules', `${M}/rules/money.ts`, `import { zone } from '../rules.ts';`, null],
    ['rules import no queries', `${M}/rules.ts`, `import './queries.ts';`, 'rules may not import queries of its module'],
    [
      'rules import no platform',
      `${M}/rules.ts`,
      `import { Problem } from '../../platform/problem.ts';`,
      'rules may not import the platform',
    ],
    ['rules import nothing of Node', `${M}/rules.ts`, `import { randomUUID } from 'node:crypto';`, 'rules may not import node:crypto'],
    ['jobs import the service', `${M}/jobs.ts`, `import './service.ts';`, null],
    ['jobs import no routes', `${M}/jobs.ts`, `import './routes.ts';`, 'jobs may not import routes of its module'],
    ['the index gives the service', `${M}/index.ts`, `export { book } from './service.ts';`, null],
    ['the index gives no queries', `${M}/index.ts`, `export { find } from './queries.ts';`, 'index may not import queries of its module'],
    [
      'nobody imports the composition root',
      `${M}/service.ts`,
      `import '../../compose.ts';`,
      'a module may not import apps/api/src/compose.ts',
    ],
  ]);
});

describe('between modules', () => {
  check([
    ['an arrow to the left passes', `${M}/service.ts`, `import { zoneOf } from '../identity/index.ts';`, null],
    [
      'an arrow to the right does not',
      'apps/api/src/modules/patients/service.ts',
      `import { book } from '../scheduling/index.ts';`,
      'patients may not import scheduling; arrows go to the left',
    ],
    [
      'the index is the only door',
      `${M}/service.ts`,
      `import { zoneOf } from '../identity/service.ts';`,
      'through its index.ts, not service.ts',
    ],
    [
      'queries use no other module',
      `${M}/queries.ts`,
      `import { zoneOf } from '../identity/index.ts';`,
      'queries may not import another module',
    ],
    [
      'routes use no other module',
      `${M}/routes.ts`,
      `import { zoneOf } from '../identity/index.ts';`,
      'routes may not import another module',
    ],
    [
      'reports use nobody',
      'apps/api/src/modules/reports/service.ts',
      `import { zoneOf } from '../identity/index.ts';`,
      'reports may not import identity',
    ],
  ]);
});

describe('an import is seen in any form', () => {
  const said = 'rules may not import queries of its module';
  check([
    ['import', `${M}/rules.ts`, `import { find } from './queries.ts';`, said],
    ['import for its effect', `${M}/rules.ts`, `import './queries.ts';`, said],
    ['import type', `${M}/rules.ts`, `import type { Row } from './queries.ts';`, said],
    ['import(...) as a type', `${M}/rules.ts`, `export type Row = import('./queries.ts').Row;`, said],
    ['typeof import(...)', `${M}/rules.ts`, `export type All = typeof import('./queries.ts');`, said],
    ['dynamic import', `${M}/rules.ts`, `export const load = () => import('./queries.ts');`, said],
    ['dynamic import of a template', `${M}/rules.ts`, 'export const load = () => import(`./queries.ts`);', said],
    [
      'dynamic import of something computed',
      `${M}/rules.ts`,
      'export const load = (name: string) => import(name);',
      'an import says what it imports',
    ],
    ['export from', `${M}/rules.ts`, `export { find } from './queries.ts';`, said],
    ['export * from', `${M}/rules.ts`, `export * from './queries.ts';`, said],
    ['export {} from', `${M}/rules.ts`, `export {} from './queries.ts';`, said],
    ['export type from', `${M}/rules.ts`, `export type { Row } from './queries.ts';`, said],
    ['import = require', `${M}/rules.ts`, `import queries = require('./queries.ts');`, said],
    ['require', `${M}/rules.ts`, `export const queries = require('./queries.ts');`, said],
    ['but not in a comment or a text', `${M}/rules.ts`, `// import './queries.ts'\nexport const text = "import './queries.ts'";`, null],
  ]);
});

describe('the database', () => {
  const elsewhere = 'only queries.ts speaks to the database';
  check([
    [
      'is spoken to by queries, about tables of the module',
      `${M}/queries.ts`,
      'export const a = (tx: Tx) => tx.appointment.findMany();',
      null,
    ],
    [
      'and about no table of another module',
      `${M}/queries.ts`,
      'export const a = (tx: Tx) => tx.patient.findMany();',
      'table of "patient" belongs to patients',
    ],
    [
      'nor about one that nobody declares',
      `${M}/queries.ts`,
      'export const a = (tx: Tx) => tx.nothing.findMany();',
      'table of "nothing" belongs to nobody',
    ],
    [
      'nor about one of the platform',
      `${M}/queries.ts`,
      'export const a = (tx: Tx) => tx.auditLog.findMany();',
      'table of "auditLog" belongs to platform',
    ],
    [
      'whatever the transaction is called',
      `${M}/queries.ts`,
      'export const a = (db: Tx) => db.patient.findMany();',
      'table of "patient" belongs to patients',
    ],
    [
      'in SQL about tables of the module',
      `${M}/queries.ts`,
      'export const a = (tx: Tx) => tx.$queryRaw`SELECT id FROM shift s JOIN appointment a USING (id)`;',
      null,
    ],
    [
      'in SQL about no table of another module',
      `${M}/queries.ts`,
      'export const a = (tx: Tx) => tx.$queryRaw<Row[]>`SELECT id FROM shift JOIN patient USING (id)`;',
      'table "patient" belongs to patients',
    ],
    [
      'in SQL of the second door neither',
      `${M}/queries.ts`,
      'export const a = (id: string) => sql<Row>`UPDATE "patient" SET id = ${id}`;',
      'table "patient" belongs to patients',
    ],
    [
      'in SQL about what happened, which all read',
      `${M}/queries.ts`,
      'export const a = (tx: Tx) => tx.$queryRaw`SELECT id FROM outbox_event`;',
      null,
    ],
    ['by inserting rows of the module', `${M}/queries.ts`, `export const a = (tx: Tx) => insertRows(tx, 'shift', []);`, null],
    [
      'by inserting rows of another module neither',
      `${M}/queries.ts`,
      `export const a = (tx: Tx) => insertRows(tx, 'patient', []);`,
      'table "patient" belongs to patients',
    ],
    [
      'nor of a table that is not named',
      `${M}/queries.ts`,
      'export const a = (tx: Tx, name: string) => insertRows(tx, name, []);',
      'a query names the table',
    ],
    [
      'not under another name',
      `${M}/queries.ts`,
      'export const a = (tx: Tx) => { const t = tx; return t.patient.findMany(); };',
      'a query names the table',
    ],
    [
      'not taken apart',
      `${M}/queries.ts`,
      'export const a = (tx: Tx) => { const { patient } = tx; return patient.findMany(); };',
      'a query names the table',
    ],
    ['not by a computed name', `${M}/queries.ts`, `export const a = (tx: Tx) => tx['patient'].findMany();`, 'a query names the table'],
    ['is not spoken to by a service', `${M}/service.ts`, 'export const a = (tx: Tx) => tx.appointment.findMany();', elsewhere],
    ['nor by a part of one', `${M}/service/book.ts`, 'export const a = (tx: Tx) => tx.appointment.findMany();', elsewhere],
    ['nor by jobs', `${M}/jobs.ts`, 'export const a = (tx: Tx) => tx.$executeRaw`SELECT 1`;', elsewhere],
    [
      'nor in the callback of a door, whatever it calls its argument',
      `${M}/service.ts`,
      'export const a = () => mutate(ctx, verb, (db) => db.appointment.findMany());',
      elsewhere,
    ],
    [
      'nor when the argument is taken apart at once',
      `${M}/service.ts`,
      'export const a = () => mutate(ctx, verb, ({ appointment }) => appointment.findMany());',
      elsewhere,
    ],
    [
      'nor past the doors',
      `${M}/service.ts`,
      'export const a = () => ctx.database.withTransaction(session, (db) => db.appointment.count());',
      elsewhere,
    ],
    [
      'but a service passes the transaction on',
      `${M}/service.ts`,
      'export const a = () => mutate(ctx, verb, (tx) => findAppointment(tx, id, { ...ctx, tx }));',
      null,
    ],
    ['reports read every table', 'apps/api/src/modules/reports/queries.ts', 'export const a = (tx: Tx) => tx.patient.findMany();', null],
  ]);

  check([
    [
      'what speaks to it is for queries alone: sql',
      `${M}/service.ts`,
      `import { sql } from '@medspa/database';`,
      'only queries.ts may import sql',
    ],
    [
      'what speaks to it is for queries alone: everything',
      `${M}/service.ts`,
      `import * as database from '@medspa/database';`,
      'only queries.ts may import *',
    ],
    ['its types are for services too', `${M}/service.ts`, `import type { Tx } from '@medspa/database';`, null],
    [
      'its types are for services too, beside a value that is offered',
      `${M}/service.ts`,
      `import { MAX_PAGE, type Tx } from '@medspa/database';`,
      null,
    ],
  ]);
});

describe('the clock, chance and the network', () => {
  const asked = 'what it needs comes in ctx or as an argument';
  check([
    ['new Date() is not asked in a rule', `${M}/rules.ts`, 'export const a = () => new Date();', asked],
    ['a date of an argument is made', `${M}/rules.ts`, 'export const a = (at: number) => new Date(at);', null],
    ['Date.now is not asked in a service', `${M}/service.ts`, 'export const a = () => Date.now();', asked],
    ['Temporal.Now is not asked', `${M}/rules.ts`, 'export const a = () => Temporal.Now.instant();', asked],
    ['ctx.now is', `${M}/service.ts`, 'export const a = (ctx: Ctx) => ctx.now();', null],
    ['chance is not asked', `${M}/rules.ts`, 'export const a = () => Math.random();', asked],
    ['other arithmetic is', `${M}/rules.ts`, 'export const a = (n: number) => Math.round(n);', null],
    ['the environment is not asked', `${M}/service.ts`, 'export const a = () => process.env;', asked],
    ['a member that is called alike is', `${M}/service.ts`, 'export const a = (job: Job) => job.process({ fetch: 1 });', null],
    ['the network is not asked', `${M}/service.ts`, `export const a = () => fetch('https://example.com');`, asked],
    ['the platform asks what it needs', `${P}/a.ts`, 'export const a = () => Date.now();', null],
  ]);
});

test('a file that cannot be parsed is not passed over', () => {
  expect(() => violationsIn({ [`${M}/service.ts`]: 'import {' })).toThrow(`${M}/service.ts cannot be parsed`);
});

test('this repository has no violation', () => {
  expect(findViolations(join(import.meta.dirname, '..'))).toEqual([]);
});
