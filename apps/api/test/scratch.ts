import { randomUUID } from 'node:crypto';
import { mkdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseDatabaseUrl, type DatabaseSettings } from '@medspa/database';
import { startLocalDatabase, type LocalDatabase } from '@medspa/local-database';
import pg from 'pg';

/** Runs statements on a connection of its own that ends with them; for arranging what the service's role may not. */
export async function runAs(settings: DatabaseSettings, ...statements: string[]): Promise<void> {
  const { host, port, user, password, database } = settings;
  const client = new pg.Client({ host, port, user, password, database });
  await client.connect();
  try {
    for (const statement of statements) await client.query(statement);
  } finally {
    await client.end();
  }
}

/** Asks until the answer is true; throws after ten seconds unless told otherwise. For what another process does in its own time. */
export async function eventually(what: string, isSo: () => Promise<boolean> | boolean, limitMillis = 10_000): Promise<void> {
  for (const deadline = Date.now() + limitMillis; !(await isSo()); await new Promise((resolve) => setTimeout(resolve, 15))) {
    if (Date.now() > deadline) throw new Error(`Within ${limitMillis / 1_000} seconds it did not happen that ${what}.`);
  }
}

/** A PostgreSQL of the test's own, with roles that no other test shares. `end` it, whatever happens. */
export async function aServer(
  settings: Record<string, string> = {},
): Promise<{ server: LocalDatabase; admin: DatabaseSettings; end: () => Promise<void> }> {
  const folder = aFolder();
  const server = await startLocalDatabase({ folder, settings: { fsync: 'off', shared_buffers: '16MB', ...settings } });
  return {
    server,
    admin: parseDatabaseUrl(server.adminUrl()).settings,
    end: async () => {
      await server.close();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

/** A folder that the server's account can enter, which one of `mkdtemp` is not. The caller removes it. */
export function aFolder(): string {
  const folder = join(tmpdir(), `medspa-test-${randomUUID()}`);
  mkdirSync(folder, { mode: 0o755 });
  return folder;
}
