// The database of a task: the embedded one in the project's folder, or the one that the environment names.
import { randomBytes } from 'node:crypto';
import { existsSync, readdirSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { handleDatabaseError, keyRingFromFile, parseDatabaseUrl, signInOf, type DatabaseSettings } from '@medspa/database';
import { deployMigrations, setUpDatabase } from '@medspa/database/migrate';
import { startLocalDatabase, type BackupPlace, type LocalDatabase } from '@medspa/local-database';
import { PRACTICE_ORGANIZATION_ID } from '@medspa/practice-data';
import pg from 'pg';
import { readEnvironment } from '../apps/api/src/platform/config.ts';
import { ownerOf } from '../apps/api/src/platform/database-tasks.ts';

export const ROOT = join(import.meta.dirname, '..');
/** Everything that tasks keep on this machine: databases, keys, logs. MEDSPA_DATA puts it elsewhere. */
export const DATA = resolve(process.env['MEDSPA_DATA'] || join(ROOT, '.data'));
/** The wrapping key of this machine, where the environment names nothing. */
export const KEY_FILE = join(DATA, 'keys/encryption.json');
const DATABASE = 'medspa';

/** A database ready for the service: roles made, migrations applied. */
export type ReadyDatabase = {
  runtime: DatabaseSettings;
  owner: DatabaseSettings;
  /** True when it holds nothing yet: there is no data that could be in the way, and no key that could be lost. */
  isNew: boolean;
  /** True when what it holds is the practice clinic. */
  isPractice: boolean;
  /** Where an embedded one keeps its files. */
  folder: string | null;
  announce: (address: string) => void;
  close: () => Promise<void>;
};

export type EmbeddedOptions = {
  /** Folder of the cluster; the project's own, which alone is backed up, unless told. */
  folder?: string;
  /** Settings of the server for this run. */
  settings?: Record<string, string>;
  /** Drop what the database holds. */
  anew?: boolean;
};

/**
 * Where the embedded database's backup goes (MEDSPA_BACKUP, best on another disk) and the key that encrypts it; null when it is
 * `off`. The key is made with the first backup and never again: what was written with another one could not be read.
 */
export function backupPlace(): (BackupPlace & { keyFile: string }) | null {
  const wanted = process.env['MEDSPA_BACKUP'] || join(DATA, 'backup');
  // The archive command is for a POSIX shell.
  if (wanted === 'off' || process.platform === 'win32') return null;
  const folder = resolve(wanted);
  const keyFile = resolve(process.env['MEDSPA_BACKUP_KEY_FILE'] || join(DATA, 'keys/backup.json'));
  const isNew = !existsSync(folder) || readdirSync(folder).length === 0;
  if (!isNew && !existsSync(keyFile))
    throw new Error(
      `The backup in ${folder} was made with a key that is not at ${keyFile}. Put the key back, or move that backup away to begin a new one.`,
    );
  return { folder, keyFile, keys: keyRingFromFile(keyFile, isNew) };
}

/** Starts an embedded PostgreSQL and brings it up to date. Throws `FolderInUse` beside a living instance. */
export async function openEmbedded(
  say: (text: string) => void,
  { folder, settings = {}, anew = false }: EmbeddedOptions = {},
): Promise<ReadyDatabase> {
  const backup = folder === undefined ? backupPlace() : null;
  const server = await startLocalDatabase({
    folder: folder ?? join(DATA, 'postgres'),
    settings,
    supervise: true,
    say,
    ...(backup ? { backup } : {}),
  });
  const drop = () =>
    withClient(parseDatabaseUrl(server.adminUrl()).settings, (client) => client.query(`DROP DATABASE IF EXISTS ${DATABASE} WITH (FORCE)`));
  try {
    if (anew) await drop();
    for (;;) {
      const { runtime, owner } = await signIns(server);
      await deployMigrations(owner, say);
      const state = await practiceState({ ...parseDatabaseUrl(server.adminUrl()).settings, database: DATABASE });
      if (state !== 'interrupted')
        return {
          runtime,
          owner,
          isNew: state === 'empty',
          isPractice: state === 'practice',
          folder: server.folder,
          announce: server.announce,
          close: server.close,
        };
      say('The first run was interrupted while it filled the practice clinic; beginning anew.');
      await drop();
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
  let owner = ownerUrl ? parseDatabaseUrl(ownerUrl, 'DATABASE_OWNER_URL').settings : given;
  let runtime = given;
  if (await mayMakeRoles(given)) {
    say(`Setting up "${given.database}" with the administrator's sign-in; the service works as app_rw.`);
    await setUpDatabase({ ...given, database: 'postgres' }, { database: given.database });
    owner = { ...given, options: '-c role=app_owner' };
    runtime = { ...given, options: '-c role=app_rw' };
    await deployMigrations(owner, say);
  } else if (ownerUrl) {
    await deployMigrations(owner, say);
  }
  const state = await practiceState(given);
  if (state === 'interrupted')
    throw new Error(
      `The practice clinic in "${given.database}" is half filled, since an earlier start was interrupted. Drop that database, or name another one, and start again.`,
    );
  return {
    runtime,
    owner,
    isNew: state === 'empty',
    isPractice: state === 'practice',
    folder: null,
    announce: () => {},
    close: async () => {},
  };
}

/** True for the owner of the migrated tables, and for an administrator who may act as that. */
export function ownsTables(settings: DatabaseSettings): Promise<boolean> {
  return withClient(settings, async (client) => {
    const { rows } = await client.query(
      `SELECT pg_has_role(current_user, relowner, 'MEMBER') AS owns FROM pg_class WHERE oid = to_regclass('public.organization')`,
    );
    return rows[0]?.owns ?? false;
  });
}

async function mayMakeRoles(settings: DatabaseSettings): Promise<boolean> {
  for (const database of [settings.database, 'postgres']) {
    try {
      return await withClient({ ...settings, database }, async (client) => {
        const { rows } = await client.query('SELECT rolsuper OR rolcreaterole AS may FROM pg_roles WHERE rolname = current_user');
        return rows[0].may;
      });
    } catch (error) {
      // The database may not exist yet.
      if ((error as { code?: string }).code === '3D000') continue;
      const report = handleDatabaseError(error);
      if (report?.kind !== 'unavailable') throw error;
      throw new Error(
        `No PostgreSQL lets "${settings.user}" in at ${settings.host}:${settings.port}${report.code ? ` (${report.code})` : ''}. Is it running, and is the password right?`,
        { cause: error },
      );
    }
  }
  return false;
}

/**
 * Whether the database holds nothing, the practice clinic or half of it (a first run that was killed), or something else. Whoever is bound
 * by row-level security cannot count organizations; that the table never had a row, everybody can see. A database without
 * our tables counts as filled: it is not ours to fill.
 */
function practiceState(settings: DatabaseSettings): Promise<'empty' | 'interrupted' | 'practice' | 'filled'> {
  return withClient(settings, async (client) => {
    const { rows: found } = await client.query(`SELECT to_regclass('public.organization') IS NOT NULL AS is_there`);
    if (!found[0].is_there) return 'filled';
    await client.query('BEGIN');
    await client.query('SELECT app.enter($1)', [
      JSON.stringify({ organizationId: PRACTICE_ORGANIZATION_ID, actorId: PRACTICE_ORGANIZATION_ID, locations: null, patients: null }),
    ]);
    const { rows } = await client.query(
      `SELECT CASE WHEN (SELECT rolsuper FROM pg_roles WHERE rolname = current_user) THEN NOT EXISTS (SELECT FROM organization)
                   ELSE pg_relation_size('public.organization') = 0 END AS "isEmpty",
         EXISTS (SELECT FROM organization WHERE id = $1) AS "isPractice",
         EXISTS (SELECT FROM outbox_event WHERE organization_id = $1 AND stream_id = $1 AND type = 'practice.filled') AS "isWhole"`,
      [PRACTICE_ORGANIZATION_ID],
    );
    if (rows[0].isEmpty) return 'empty';
    if (!rows[0].isPractice) return 'filled';
    return rows[0].isWhole ? 'practice' : 'interrupted';
  });
}

/** A connection for a piece of work, past every pool. */
export async function withClient<T>(settings: DatabaseSettings, work: (client: pg.Client) => Promise<T>): Promise<T> {
  const client = new pg.Client({ ...signInOf(settings), connectionTimeoutMillis: 5_000 });
  client.on('error', () => {});
  await client.connect();
  try {
    return await work(client);
  } finally {
    await client.end();
  }
}

/**
 * The owner's sign-in: DATABASE_OWNER_URL, or the embedded database of the project where no database is named. Refuses to take
 * the one for the other: whoever named a database must not be told of another one.
 */
export async function withOwner<T>(work: (owner: DatabaseSettings) => Promise<T>): Promise<T> {
  const given = await readEnvironment(process.env, { envFile: join(ROOT, '.env') });
  if (given['DATABASE_OWNER_URL']) return work(ownerOf(given));
  const named = ['DATABASE_URL', 'DATABASE_HOST'].find((key) => given[key]);
  if (named)
    throw new Error(
      `${named} names a database, but its owner's sign-in is missing: set DATABASE_OWNER_URL (the service's own sign-in may not change tables).`,
    );
  const ready = await openEmbedded(console.log);
  try {
    return await work(ready.owner);
  } finally {
    await ready.close();
  }
}
