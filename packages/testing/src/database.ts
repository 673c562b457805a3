import { randomUUID } from 'node:crypto';
import { dirname, join } from 'node:path';
import { openDatabase, type Database, type DatabaseOptions, type DatabaseSettings } from '@medspa/database';
import pg from 'pg';
import { inject } from 'vitest';
import { runAs } from './connections.ts';
import { startOwnServer } from './own-server.ts';
import { signInsOf, type SignIns } from './sign-ins.ts';

/** A migrated database of a test file's own. */
export type TestDatabase = SignIns & {
  database: Database;
  /** Rows as the administrator sees them, past row-level security: for asserting, never for arranging. */
  look: <Row extends object>(text: string, values?: unknown[]) => Promise<Row[]>;
  /** PostgreSQL's own log, which all tests of the run share. */
  serverLog: () => Promise<string>;
  /** Ends its connections; the database stays. */
  disconnect: () => Promise<void>;
  drop: () => Promise<void>;
};

/** Clones the template; `drop` it after all tests of the file. */
export async function createTestDatabase(changes: Partial<DatabaseSettings> = {}, options: DatabaseOptions = {}): Promise<TestDatabase> {
  const { admin, template } = inject('cluster');
  return cloneOf(admin, template, changes, options);
}

/**
 * Ends what is connected to the database and gives out copies of it as it is now, each of its own and each to be dropped. The original
 * goes with `drop`.
 */
export async function copiesOf(t: TestDatabase): Promise<{ copy: () => Promise<TestDatabase>; drop: () => Promise<void> }> {
  const { admin } = inject('cluster');
  await t.disconnect();
  const { database } = t.admin;
  return {
    copy: () => cloneOf(admin, database),
    drop: async () => {
      await runAs(admin, `DROP DATABASE ${database} WITH (FORCE)`);
    },
  };
}

async function cloneOf(
  admin: DatabaseSettings,
  template: string,
  changes: Partial<DatabaseSettings> = {},
  options: DatabaseOptions = {},
): Promise<TestDatabase> {
  const name = `test_${randomUUID().replaceAll('-', '')}`;
  await runAs(
    admin,
    `CREATE DATABASE ${name} TEMPLATE ${template} STRATEGY FILE_COPY OWNER app_owner`,
    // A clone has everything of its template but the privileges on the database itself.
    `REVOKE ALL ON DATABASE ${name} FROM PUBLIC`,
    `GRANT CONNECT ON DATABASE ${name} TO app_owner, app_rw`,
  );
  return testDatabaseOf(signInsOf(admin, name), () => runAs(admin, `DROP DATABASE ${name} WITH (FORCE)`), changes, options);
}

/**
 * The same on a server of its own, which takes seconds: for what depends on every transaction of the server, such as sealing, which
 * waits for the oldest.
 */
export async function createLoneDatabase(): Promise<TestDatabase> {
  const own = await startOwnServer('lone');
  return testDatabaseOf(own, own.end);
}

function testDatabaseOf(
  signIns: SignIns,
  drop: () => Promise<unknown>,
  changes: Partial<DatabaseSettings> = {},
  options: DatabaseOptions = {},
): TestDatabase {
  const runtime = { ...signIns.runtime, ...changes };
  const database = openDatabase(runtime, options);
  const { host, port, user, password } = signIns.admin;
  const watcher = new pg.Pool({ host, port, user, password, database: signIns.admin.database, max: 2 });
  watcher.on('error', () => {});
  const disconnect = async () => {
    await database.disconnectDatabase();
    await watcher.end();
  };
  return {
    admin: signIns.admin,
    owner: signIns.owner,
    database,
    runtime,
    look: async (text, values) => (await watcher.query(text, values)).rows,
    serverLog: async () =>
      join(
        dirname((await watcher.query<{ folder: string }>(`SELECT current_setting('data_directory') AS folder`)).rows[0]?.folder ?? ''),
        'server.log',
      ),
    disconnect,
    drop: async () => {
      await disconnect();
      await drop();
    },
  };
}
