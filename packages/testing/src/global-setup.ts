import { createHash } from 'node:crypto';
import { rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseDatabaseUrl, type DatabaseSettings } from '@medspa/database';
import { readMigrations } from '@medspa/database/migrate';
import { FolderInUse, startLocalDatabase, type LocalDatabase } from '@medspa/local-database';
import type { TestProject } from 'vitest/node';
import { runAs } from './connections.ts';
import { migrate } from './sign-ins.ts';

declare module 'vitest' {
  interface ProvidedContext {
    /** The test cluster: its administrator, and a migrated database that each file clones. */
    cluster: { admin: DatabaseSettings; template: string };
  }
}

/** Starts one PostgreSQL for the whole run and migrates the template, unless an earlier run left it with the same migrations. */
export async function setup({ provide }: TestProject): Promise<() => Promise<void>> {
  const { server, folder } = await startCluster();
  const end = async () => {
    await server.close();
    if (folder) rmSync(folder, { recursive: true, force: true });
  };
  try {
    provide('cluster', await prepareTemplate(server));
  } catch (error) {
    await end();
    throw error;
  }
  return end;
}

async function prepareTemplate(server: LocalDatabase): Promise<{ admin: DatabaseSettings; template: string }> {
  const admin = parseDatabaseUrl(server.adminUrl()).settings;
  const checksums = readMigrations().map((file) => file.checksum);
  const template = `template_${createHash('sha256').update(checksums.join()).digest('hex').slice(0, 12)}`;
  const left = await runAs<{ datname: string }>(
    admin,
    `SELECT datname FROM pg_database WHERE datname LIKE 'test\\_%' OR datname LIKE 'template\\_%'`,
  );
  const old = left.filter(({ datname }) => datname !== template);
  await runAs(admin, ...old.map(({ datname }) => `DROP DATABASE "${datname}" WITH (FORCE)`));
  await migrate(admin, template);
  return { admin, template };
}

/** In the project's folder, where the next run finds it warm; beside a run that is under way, in a folder of its own. */
async function startCluster(): Promise<{ server: LocalDatabase; folder: string | null }> {
  // Nothing here must survive a crash of the machine; faults are tested on servers of their own.
  const settings = {
    fsync: 'off',
    synchronous_commit: 'off',
    full_page_writes: 'off',
    max_connections: '300',
    log_min_duration_statement: '-1',
  };
  const shared = join(import.meta.dirname, '../../../.data/test');
  try {
    return { server: await startLocalDatabase({ folder: shared, settings }), folder: null };
  } catch (error) {
    if (!(error instanceof FolderInUse)) throw error;
    const folder = join(tmpdir(), `medspa-test-${process.pid}`);
    return { server: await startLocalDatabase({ folder, settings }), folder };
  }
}
