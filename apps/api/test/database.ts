import { randomUUID } from 'node:crypto';
import { dirname, join } from 'node:path';
import { openDatabase, type Database, type DatabaseOptions, type DatabaseSettings } from '@medspa/database';
import pg from 'pg';
import { inject } from 'vitest';
import { TEST_PASSWORDS } from './global-setup.ts';

/** A migrated database of a test file's own. */
export type TestDatabase = {
  database: Database;
  runtime: DatabaseSettings;
  owner: DatabaseSettings;
  admin: DatabaseSettings;
  /** Rows as the administrator sees them, past row-level security: for asserting, never for arranging. */
  look: <Row extends object>(text: string, values?: unknown[]) => Promise<Row[]>;
  /** PostgreSQL's own log, which all tests of the run share. */
  serverLog: () => Promise<string>;
  drop: () => Promise<void>;
};

/** Clones the template; `drop` it after all tests of the file. */
export async function createTestDatabase(changes: Partial<DatabaseSettings> = {}, options: DatabaseOptions = {}): Promise<TestDatabase> {
  const { admin, template } = inject('cluster');
  const name = `test_${randomUUID().replaceAll('-', '')}`;
  await once(admin, `CREATE DATABASE ${name} TEMPLATE ${template} OWNER app_owner`);
  // A clone has everything of its template but the privileges on the database itself.
  await once(admin, `REVOKE ALL ON DATABASE ${name} FROM PUBLIC; GRANT CONNECT ON DATABASE ${name} TO app_owner, app_rw`);
  const own = { ...admin, database: name };
  const runtime = { ...own, user: 'app_rw', password: TEST_PASSWORDS.runtimePassword, ...changes };
  const database = openDatabase(runtime, options);
  const watcher = new pg.Pool({ host: own.host, port: own.port, user: own.user, password: own.password, database: name, max: 2 });
  watcher.on('error', () => {});
  return {
    database,
    runtime,
    owner: { ...own, user: 'app_owner', password: TEST_PASSWORDS.ownerPassword },
    admin: own,
    look: async (text, values) => (await watcher.query(text, values)).rows,
    serverLog: async () =>
      join(
        dirname((await watcher.query<{ folder: string }>(`SELECT current_setting('data_directory') AS folder`)).rows[0]?.folder ?? ''),
        'server.log',
      ),
    drop: async () => {
      await database.disconnectDatabase();
      await watcher.end();
      await once(admin, `DROP DATABASE ${name} WITH (FORCE)`);
    },
  };
}

async function once({ host, port, user, password, database }: DatabaseSettings, text: string): Promise<void> {
  const client = new pg.Client({ host, port, user, password, database });
  await client.connect();
  try {
    await client.query(text);
  } finally {
    await client.end();
  }
}
