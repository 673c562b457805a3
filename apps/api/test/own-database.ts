import { randomUUID } from 'node:crypto';
import { rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseDatabaseUrl, type DatabaseSettings } from '@medspa/database';
import { deployMigrations, setUpDatabase } from '@medspa/database/migrate';
import { startLocalDatabase, type LocalDatabase } from '@medspa/local-database';
import { TEST_PASSWORDS } from './global-setup.ts';

/** A migrated database on a PostgreSQL process of the test's own, which it may stop, kill and start again. */
export type OwnDatabase = { server: LocalDatabase; runtime: DatabaseSettings; admin: DatabaseSettings; end: () => Promise<void> };

/** Starts it in a temporary folder; `end` it after all tests of the file. */
export async function startOwnDatabase(): Promise<OwnDatabase> {
  const folder = join(tmpdir(), `medspa-fault-${randomUUID()}`);
  const server = await startLocalDatabase({ folder, settings: { max_connections: '60', shared_buffers: '32MB' } });
  const end = async () => {
    await server.close();
    rmSync(folder, { recursive: true, force: true });
  };
  try {
    const admin = parseDatabaseUrl(server.adminUrl()).settings;
    const own = { ...admin, database: 'medspa' };
    await setUpDatabase(admin, { database: 'medspa', ...TEST_PASSWORDS });
    await deployMigrations({ ...own, user: 'app_owner', password: TEST_PASSWORDS.ownerPassword });
    return { server, admin: own, runtime: { ...own, user: 'app_rw', password: TEST_PASSWORDS.runtimePassword }, end };
  } catch (error) {
    await end();
    throw error;
  }
}

/** Asks again and again until the answer is as wanted; says how long that took. Throws after the limit. */
export async function eventually<T>(
  ask: () => Promise<T>,
  isWanted: (answer: T) => boolean,
  limitMillis = 10_000,
): Promise<{ answer: T; millis: number }> {
  const since = performance.now();
  for (;;) {
    const answer = await ask();
    const millis = performance.now() - since;
    if (isWanted(answer)) return { answer, millis };
    if (millis > limitMillis) throw new Error(`Not within ${limitMillis} ms: ${JSON.stringify(answer)}`);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}
