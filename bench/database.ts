import { join } from 'node:path';
import { openDatabase, parseDatabaseUrl, type Database, type DatabaseSettings } from '@medspa/database';
import { deployMigrations } from '@medspa/database/migrate';
import { startLocalDatabase } from '@medspa/local-database';
import { DATA, signIns, withClient } from '../scripts/local.ts';

/** A freshly migrated database of a benchmark, on a server of its own that writes to disk as in production (fsync on). */
export type BenchDatabase = { runtime: DatabaseSettings; owner: DatabaseSettings; database: Database; serverPid: number } & AsyncDisposable;

export async function openBenchDatabase(say: (text: string) => void): Promise<BenchDatabase> {
  const server = await startLocalDatabase({
    folder: join(DATA, 'bench'),
    settings: { shared_buffers: '1GB', log_min_duration_statement: '-1' },
    say,
  });
  const name = `bench_${Date.now()}`;
  const { runtime, owner } = await signIns(server, name);
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
      await withClient(parseDatabaseUrl(server.adminUrl()).settings, (client) => client.query(`DROP DATABASE ${name} WITH (FORCE)`));
      await server.close();
    },
  };
}
