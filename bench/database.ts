import { join } from 'node:path';
import { openDatabase, type Database, type DatabaseSettings } from '@medspa/database';
import { deployMigrations } from '@medspa/database/migrate';
import { startLocalDatabase } from '@medspa/local-database';
import { DATA, signIns } from '../scripts/local.ts';

/** A freshly migrated database of a benchmark, on a server of its own that writes to disk as in production (fsync on). */
export type BenchDatabase = { runtime: DatabaseSettings; owner: DatabaseSettings; database: Database; serverPid: number } & AsyncDisposable;

export async function openBenchDatabase(say: (text: string) => void): Promise<BenchDatabase> {
  const server = await startLocalDatabase({
    folder: join(DATA, 'bench'),
    settings: { shared_buffers: '1GB', log_min_duration_statement: '-1' },
    say,
  });
  const { runtime, owner } = await signIns(server, `bench_${Date.now()}`);
  await deployMigrations(owner);
  const database = openDatabase({ ...runtime, applicationName: 'bench' });
  return {
    runtime,
    owner,
    database,
    serverPid: server.pid ?? 0,
    [Symbol.asyncDispose]: async () => {
      await database.disconnectDatabase();
      await server.close();
    },
  };
}
