import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import { openDatabase, parseDatabaseUrl, type Database, type DatabaseSettings } from '@medspa/database';
import { deployMigrations, setUpDatabase } from '@medspa/database/migrate';
import { startLocalDatabase } from '@medspa/local-database';
import { DATA, withClient } from '../scripts/local.ts';

/** A freshly migrated database of a benchmark, on a server of its own that writes to disk as in production (fsync on). */
export type BenchDatabase = { runtime: DatabaseSettings; owner: DatabaseSettings; database: Database; serverPid: number } & AsyncDisposable;

/** Such a server, for benchmarks that compare databases. */
export type BenchServer = { makeDatabase: () => Promise<BenchDatabase> } & AsyncDisposable;

export async function openBenchServer(say: (text: string) => void): Promise<BenchServer> {
  const server = await startLocalDatabase({
    folder: join(DATA, 'bench'),
    settings: { shared_buffers: '1GB', log_min_duration_statement: '-1' },
    say,
  });
  const begun = Date.now();
  const admin = parseDatabaseUrl(server.adminUrl()).settings;
  // One pair for all databases: the roles are the server's.
  const [ownerPassword, runtimePassword] = [randomBytes(24).toString('hex'), randomBytes(24).toString('hex')];
  let made = 0;
  async function makeDatabase(): Promise<BenchDatabase> {
    const name = `bench_${begun}_${made++}`;
    await setUpDatabase(admin, { database: name, ownerPassword, runtimePassword });
    const owner = { ...admin, database: name, user: 'app_owner', password: ownerPassword };
    const runtime = { ...admin, database: name, user: 'app_rw', password: runtimePassword };
    await deployMigrations(owner);
    const database = openDatabase({ ...runtime, applicationName: 'bench' });
    return {
      runtime,
      owner,
      database,
      serverPid: server.pid ?? 0,
      [Symbol.asyncDispose]: async () => {
        await database.disconnectDatabase();
        // Left behind, the databases of all runs would be looked after by autovacuum during the next.
        await withClient(admin, (client) => client.query(`DROP DATABASE ${name} WITH (FORCE)`));
      },
    };
  }
  return { makeDatabase, [Symbol.asyncDispose]: () => server.close() };
}

export async function openBenchDatabase(say: (text: string) => void): Promise<BenchDatabase> {
  const server = await openBenchServer(say);
  const db = await server.makeDatabase();
  return {
    ...db,
    [Symbol.asyncDispose]: async () => {
      await db[Symbol.asyncDispose]();
      await server[Symbol.asyncDispose]();
    },
  };
}
