// The database of a task: the embedded one in the project's folder, or the one that the environment names.
import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import { parseDatabaseUrl, type DatabaseSettings } from '@medspa/database';
import { deployMigrations, setUpDatabase } from '@medspa/database/migrate';
import { startLocalDatabase, type LocalDatabase } from '@medspa/local-database';
import { PRACTICE_ORGANIZATION_ID } from '@medspa/practice-data';
import pg from 'pg';

export const ROOT = join(import.meta.dirname, '..');
export const DATA = join(ROOT, '.data');
const DATABASE = 'medspa';

/** A database ready for the service: roles made, migrations applied. */
export type ReadyDatabase = {
  runtime: DatabaseSettings;
  owner: DatabaseSettings;
  /** True when it holds nothing yet: there is no data that could be in the way, and no key that could be lost. */
  isNew: boolean;
  announce: (address: string) => void;
  close: () => Promise<void>;
};

/** Starts the embedded PostgreSQL of the project and brings it up to date. Throws `FolderInUse` beside a living instance. */
export async function openEmbedded(say: (text: string) => void, folder = join(DATA, 'postgres')): Promise<ReadyDatabase> {
  const server = await startLocalDatabase({ folder, supervise: true, say });
  try {
    for (;;) {
      const { runtime, owner } = await signIns(server);
      await deployMigrations(owner, say);
      const state = await practiceState(server);
      if (state !== 'interrupted') return { runtime, owner, isNew: state === 'empty', announce: server.announce, close: server.close };
      say('The first run was interrupted while it filled the practice clinic; beginning anew.');
      await asAdmin(server, 'postgres', (client) => client.query(`DROP DATABASE ${DATABASE} WITH (FORCE)`));
    }
  } catch (error) {
    await server.close();
    throw error;
  }
}

/** Both roles with passwords of this run: nothing to store, nothing to leak. */
export async function signIns(server: LocalDatabase, database = DATABASE): Promise<{ runtime: DatabaseSettings; owner: DatabaseSettings }> {
  const ownerPassword = randomBytes(24).toString('hex');
  const runtimePassword = randomBytes(24).toString('hex');
  const admin = parseDatabaseUrl(server.adminUrl()).settings;
  await setUpDatabase(admin, { database, ownerPassword, runtimePassword });
  return {
    owner: { ...admin, database, user: 'app_owner', password: ownerPassword },
    runtime: { ...admin, database, user: 'app_rw', password: runtimePassword },
  };
}

/**
 * A database that somebody else runs. Where the given sign-in may make roles (a superuser on a development machine) it does so
 * and works through them; otherwise it is the runtime role, and migrations need DATABASE_OWNER_URL.
 */
export async function openExternal(
  given: DatabaseSettings,
  ownerUrl: string | undefined,
  say: (text: string) => void,
): Promise<ReadyDatabase> {
  const isAdministrator = await mayMakeRoles(given);
  let owner = ownerUrl ? parseDatabaseUrl(ownerUrl).settings : given;
  let runtime = given;
  if (isAdministrator) {
    say(`Setting up "${given.database}" with the administrator's sign-in; the service works as app_rw.`);
    await setUpDatabase({ ...given, database: 'postgres' }, { database: given.database });
    owner = { ...given, options: '-c role=app_owner' };
    runtime = { ...given, options: '-c role=app_rw' };
  } else if (!ownerUrl) {
    return { runtime, owner: runtime, isNew: false, announce: () => {}, close: async () => {} };
  }
  const applied = await deployMigrations(owner, say);
  return { runtime, owner, isNew: applied.length > 0, announce: () => {}, close: async () => {} };
}

async function mayMakeRoles(settings: DatabaseSettings): Promise<boolean> {
  const { host, port, user, password, ssl } = settings;
  for (const database of [settings.database, 'postgres']) {
    const client = new pg.Client({ host, port, user, password, ssl, database, connectionTimeoutMillis: 5_000 });
    try {
      await client.connect();
      const { rows } = await client.query('SELECT rolsuper OR rolcreaterole AS may FROM pg_roles WHERE rolname = current_user');
      return rows[0].may;
    } catch (error) {
      // The database may not exist yet.
      if ((error as { code?: string }).code !== '3D000') throw error;
    } finally {
      await client.end();
    }
  }
  return false;
}

/** Whether the embedded database holds nothing, a clinic, or half of the practice clinic (a first run that was killed). */
function practiceState(server: LocalDatabase): Promise<'empty' | 'interrupted' | 'filled'> {
  return asAdmin(server, DATABASE, async (client) => {
    const { rows } = await client.query(
      `SELECT count(*)::int AS organizations, bool_or(id = $1 AND NOT EXISTS (SELECT FROM outbox_event WHERE stream_id = $1 AND type = 'practice.filled')) AS interrupted FROM organization`,
      [PRACTICE_ORGANIZATION_ID],
    );
    if (rows[0].organizations === 0) return 'empty';
    return rows[0].interrupted ? 'interrupted' : 'filled';
  });
}

async function asAdmin<T>(server: LocalDatabase, database: string, work: (client: pg.Client) => Promise<T>): Promise<T> {
  const client = new pg.Client(server.adminUrl(database));
  await client.connect();
  try {
    return await work(client);
  } finally {
    await client.end();
  }
}
