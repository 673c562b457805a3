import { randomUUID } from 'node:crypto';
import { createTestDatabase, runAs, type TestDatabase } from '@medspa/testing';
import { afterAll, afterEach, beforeAll } from 'vitest';
import { openDatabase, type Database, type DatabaseOptions } from '../src/database.ts';
import { GuardedPool } from '../src/pool.ts';
import type { DatabaseSettings } from '../src/settings.ts';

/** A database of the test file's own, and what a test opens on it: closed after the test. */
export type Pools = {
  t: TestDatabase;
  aPool: (changes?: Partial<DatabaseSettings>) => { pool: GuardedPool; seen: { connected: number; discarded: number; timedOut: number } };
  aDatabase: (changes?: Partial<DatabaseSettings>, options?: DatabaseOptions) => Database;
  afterTest: (close: () => Promise<unknown>) => void;
};

/** For a whole test file; `t` is there from its first test on. */
export function openPools(): Pools {
  const toClose: (() => Promise<unknown>)[] = [];
  const afterTest: Pools['afterTest'] = (close) => void toClose.push(close);
  const pools = {
    afterTest,
    aPool: (changes = {}) => {
      const seen = { connected: 0, discarded: 0, timedOut: 0 };
      const pool = new GuardedPool(
        { ...pools.t.runtime, poolMax: 1, ...changes },
        { connected: () => seen.connected++, discardedDirty: () => seen.discarded++, timedOut: () => seen.timedOut++ },
      );
      afterTest(() => pool.end());
      return { pool, seen };
    },
    aDatabase: (changes = {}, options = {}) => {
      const settings = { ...pools.t.runtime, poolMax: 1, applicationName: `pool-${randomUUID().slice(0, 8)}`, ...changes };
      const database = openDatabase(settings, options);
      afterTest(database.disconnectDatabase);
      return database;
    },
  } as Pools;
  beforeAll(async () => {
    pools.t = await createTestDatabase();
    await runAs(
      pools.t.owner,
      `CREATE TABLE scratch (id integer PRIMARY KEY, name text NOT NULL CHECK (name <> 'bad'))`,
      'GRANT SELECT, INSERT, UPDATE, DELETE ON scratch TO app_rw',
      'GRANT INSERT ON health_probe TO app_rw',
      `CREATE FUNCTION app.test_whose(p_session jsonb) RETURNS text LANGUAGE plpgsql AS $$
       BEGIN PERFORM app.enter(p_session); RETURN app.organization_id(); END $$`,
      'GRANT EXECUTE ON FUNCTION app.test_whose TO app_rw',
    );
  });
  afterEach(async () => {
    for (const close of toClose.splice(0)) await close();
  });
  afterAll(() => pools.t.drop());
  return pools;
}
