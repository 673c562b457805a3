import { rmSync } from 'node:fs';
import { parseDatabaseUrl } from '@medspa/database';
import { startLocalDatabase, type LocalDatabase } from '@medspa/local-database';
import { aFolder } from './folder.ts';
import { migrate, signInsOf, type SignIns } from './sign-ins.ts';

/** A PostgreSQL of the test's own, which it may stop, kill and start again, with roles that no other test shares. */
export type OwnServer = SignIns & { server: LocalDatabase; end: () => Promise<void> };

/**
 * Starts it in a temporary folder; `end` it, whatever happens. With the name of a database that one is migrated; without, the
 * server has nothing but its administrator.
 */
export async function startOwnServer(database?: string): Promise<OwnServer> {
  const folder = aFolder();
  const server = await startLocalDatabase({ folder, settings: { max_connections: '60', shared_buffers: '32MB' } });
  const end = async () => {
    await server.close();
    rmSync(folder, { recursive: true, force: true });
  };
  try {
    const { settings } = parseDatabaseUrl(server.adminUrl());
    if (database !== undefined) await migrate(settings, database);
    return { server, ...signInsOf(settings, database ?? settings.database), end };
  } catch (error) {
    await end();
    throw error;
  }
}
