import { randomUUID } from 'node:crypto';
import { aClinic, createTestDatabase, runAs, sessionIn, type Clinic, type TestDatabase } from '@medspa/testing';
import { expect } from 'vitest';
import { openDatabase, type Database, type Tx } from '../src/database.ts';
import { handleDatabaseError, type DatabaseErrorKind, type DatabaseErrorReport } from '../src/errors.ts';
import type { Session } from '../src/session.ts';
import type { DatabaseSettings } from '../src/settings.ts';
import { sql } from '../src/sql.ts';

/** A database in which every class of error can be provoked, and the ways on which errors reach us. */
export type Provoker = {
  t: TestDatabase;
  clinic: Clinic;
  of: { organizationId: string };
  session: () => Session;
  inTransaction: (work: (tx: Tx) => Promise<unknown>, database?: Database) => Promise<unknown>;
  /** The second door, with any statement for a verb. */
  verb: (statement: string, database?: Database) => Promise<unknown>;
  /** A database with other settings, closed by `close`. */
  aDatabase: (changes?: Partial<DatabaseSettings>) => Database;
  close: () => Promise<void>;
  drop: () => Promise<void>;
};

export async function createProvoker(): Promise<Provoker> {
  const t = await createTestDatabase();
  const clinic = await aClinic(t.database);
  await runAs(
    t.owner,
    'CREATE TABLE parent (id integer PRIMARY KEY)',
    `CREATE TABLE scratch (
       id integer PRIMARY KEY, name text NOT NULL CHECK (name <> 'bad'), code varchar(4), parent_id integer REFERENCES parent ON DELETE RESTRICT,
       during daterange, total integer NOT NULL DEFAULT 0,
       CONSTRAINT scratch_no_overlap EXCLUDE USING gist (name WITH =, during WITH &&),
       CONSTRAINT scratch_code_later UNIQUE (code) DEFERRABLE INITIALLY DEFERRED,
       CONSTRAINT scratch_parent_later FOREIGN KEY (total) REFERENCES parent DEFERRABLE INITIALLY DEFERRED)`,
    'INSERT INTO parent SELECT generate_series(0, 9)',
    `INSERT INTO scratch VALUES (1, 'one', 'aaaa', 1, '[2026-01-01,2026-02-01)'), (2, 'two', 'bbbb', 2, NULL)`,
    'CREATE TABLE counter (id integer PRIMARY KEY, value integer NOT NULL)',
    'INSERT INTO counter VALUES (1, 0), (2, 0)',
    'GRANT SELECT, INSERT, UPDATE, DELETE ON parent, scratch, counter TO app_rw',
    'GRANT DELETE ON room_type TO app_rw',
    'ALTER TABLE patient ALTER pronouns SET NOT NULL',
    `CREATE FUNCTION app.test_verb(p_session jsonb, p_statement text) RETURNS void LANGUAGE plpgsql AS $$
     BEGIN PERFORM app.enter(p_session); EXECUTE p_statement; END $$`,
    'GRANT EXECUTE ON FUNCTION app.test_verb TO app_rw',
  );
  // Of this database only: a deadlock is found in no time.
  await runAs(t.admin, `ALTER ROLE app_rw IN DATABASE ${t.admin.database} SET deadlock_timeout = '20ms'`);

  const toClose: Database[] = [];
  const session = () => sessionIn(clinic.organizationId, clinic.actorId);
  return {
    t,
    clinic,
    of: { organizationId: clinic.organizationId },
    session,
    inTransaction: (work, database = t.database) => database.withTransaction(session(), work),
    verb: (statement, database = t.database) =>
      database.callFunction(session(), (given) => sql`SELECT app.test_verb(${given}::jsonb, ${statement})`),
    aDatabase: (changes = {}) => {
      const database = openDatabase({ ...t.runtime, applicationName: `provoke-${randomUUID().slice(0, 8)}`, ...changes });
      toClose.push(database);
      return database;
    },
    close: async () => {
      for (const database of toClose.splice(0)) await database.disconnectDatabase();
    },
    drop: t.drop,
  };
}

/** What each kind means to a caller: HTTP status, whether the whole may run again, whether the breaker counts it. */
const MEANING: Partial<Record<DatabaseErrorKind, [status: number, retry: boolean, infrastructure: boolean]>> = {
  unique: [409, false, false],
  exclusion: [409, false, false],
  foreignKey: [409, false, false],
  check: [422, false, false],
  notNull: [422, false, false],
  tooLong: [422, false, false],
  badInput: [400, false, false],
  notFound: [404, false, false],
  forbidden: [403, false, false],
  conflict: [503, true, false],
  stalePlan: [503, true, false],
  rolledBack: [500, false, false],
  lockTimeout: [503, false, false],
  statementTimeout: [504, false, false],
  transactionTimeout: [504, false, false],
  poolTimeout: [503, false, true],
  unavailable: [503, false, true],
};

/** The report of the error that the work throws; throws itself when it does not. */
export async function reportOf(work: () => Promise<unknown>): Promise<DatabaseErrorReport | null> {
  try {
    await work();
  } catch (error) {
    return handleDatabaseError(error);
  }
  throw new Error('This was to fail.');
}

/** Expects the work to fail with an error of this kind, and its report to say this and nothing else. */
export async function expectReport(
  work: () => Promise<unknown>,
  kind: DatabaseErrorKind,
  more: Partial<DatabaseErrorReport> = {},
): Promise<void> {
  const [status, retry, infrastructure] = MEANING[kind] ?? [];
  const { message, ...report } = (await reportOf(work)) ?? {};
  expect(report).toEqual({ kind, status, retry, infrastructure, ...more });
  expect(message).toMatch(/^[A-Z][a-z ,;']+\.$/);
}
