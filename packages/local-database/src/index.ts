import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { canRun, serverAccount, type Account } from './account.ts';
import {
  archiveOf,
  ArchiveError,
  archivesIn,
  listBases,
  systemIdOf,
  wasCutOff,
  hasUnarchived,
  type Archive,
  type BackupPlace,
  type Base,
} from './backup/archive.ts';
import { Archiver, archiveSettings } from './backup/archiver.ts';
import { takeBase, type Source } from './backup/base.ts';
import type { Target } from './backup/plan.ts';
import { restoreCluster, type Restored } from './backup/restore.ts';
import { prune } from './backup/retention.ts';
import { keepBases } from './backup/schedule.ts';
import { finishSwap } from './backup/swap.ts';
import { findBinaries } from './binaries.ts';
import { ADMIN, createCluster, type Layout } from './cluster.ts';
import { FolderInUse, ownFolder } from './owner.ts';
import { freePort, Server } from './server.ts';

export { ageNotice } from './age.ts';
export { freePort } from './server.ts';
export { ArchiveError, FolderInUse };
export type { BackupPlace };

/** A running local PostgreSQL, owned by this process. */
export type LocalDatabase = {
  host: string;
  port: number;
  /** Where cluster, password and log are; see `LocalDatabaseOptions.folder`. */
  folder: string;
  /** Process id of the server, for fault tests. */
  readonly pid: number | undefined;
  admin: { user: string; password: string };
  /** The administrator's connection string for a database of the cluster. */
  adminUrl(database?: string): string;
  /** What another start in the same folder is told about this one, for example its address. */
  announce(about: string): void;
  start(): Promise<void>;
  /** Ends the server and keeps the folder; `kill` ends it as a crash would. */
  halt(how?: 'fast' | 'kill'): Promise<void>;
  /** Ends the server and gives the folder up. */
  close(): Promise<void>;
};

export type LocalDatabaseOptions = {
  /** Folder of the cluster, its password and its log; made when missing. Another one where the server's account cannot enter it. */
  folder: string;
  /** Server settings beside the defaults, for example `{ fsync: 'off' }` in tests. */
  settings?: Record<string, string>;
  /** Archive every change there, and take a base copy each day. */
  backup?: BackupPlace;
  /** Start the server again when it dies. */
  supervise?: boolean;
  /** Told one line per step that a person would wait for. */
  say?: (text: string) => void;
};

/**
 * Starts PostgreSQL on the folder, creating the cluster on the first run.
 *
 * Throws `FolderInUse` when a living process owns the folder, and an error with a sentence for the reader when the folder
 * belongs to another user or the server does not start.
 */
export async function startLocalDatabase(options: LocalDatabaseOptions): Promise<LocalDatabase> {
  const say = options.say ?? (() => {});
  const account = serverAccount();
  const folder = placeFor(options.folder, account, say);
  refuseForeignFolder(folder);
  const owner = await ownFolder(folder);
  try {
    const layout = layoutOf(folder);
    finishSwap(folder, layout);
    const binaries = findBinaries(account, folder);
    if (!existsSync(layout.cluster)) say('Creating a PostgreSQL 18 cluster ...');
    await createCluster(layout, binaries, account);
    const receipts = join(folder, 'archived');
    const settings = { ...(options.backup ? archiveSettings(receipts) : {}), ...options.settings };
    const server = new Server(layout, binaries, account, await freePort(), settings);
    const archive = options.backup ? archiveOf(options.backup, systemIdOf(layout.cluster)) : null;
    // Before the server: one that a killed owner left hands over its last segment while it is stopped.
    const archiver = archive && new Archiver(layout.cluster, receipts, archive, say);
    archiver?.start();
    try {
      await server.start();
    } catch (error) {
      await archiver?.stop();
      throw error;
    }
    if (options.supervise) server.supervise(say);
    const endBases = archive && keepBases({ cluster: layout.cluster, port: server.port, password: server.password }, archive, say);
    return {
      host: '127.0.0.1',
      port: server.port,
      folder,
      get pid() {
        return server.pid;
      },
      admin: { user: ADMIN, password: server.password },
      adminUrl: (database = 'postgres') => `postgresql://${ADMIN}:${server.password}@127.0.0.1:${server.port}/${database}`,
      announce: owner.announce,
      start: () => server.start(),
      halt: (how) => server.stop(how),
      close: async () => {
        await endBases?.();
        await server.stop();
        await archiver?.stop();
        owner.release();
      },
    };
  } catch (error) {
    owner.release();
    throw error;
  }
}

/**
 * Takes a base copy now, of a running database as well as of one that stands still, and removes what is no longer kept.
 * Throws when there is no database yet.
 */
export async function backUpLocalDatabase(options: Required<Pick<LocalDatabaseOptions, 'folder' | 'backup' | 'say'>>): Promise<Base> {
  const { backup, say } = options;
  const layout = layoutOf(placeFor(options.folder, serverAccount(), () => {}));
  if (!existsSync(layout.cluster)) throw new Error(`There is no database in ${options.folder} yet.`);
  const archive = archiveOf(backup, systemIdOf(layout.cluster));
  let server: LocalDatabase | null = null;
  try {
    server = await startLocalDatabase({ folder: options.folder, backup, say });
  } catch (error) {
    if (!(error instanceof FolderInUse)) throw error;
  }
  try {
    const base = await takeBase(server ? sourceOf(layout, server.port) : sourceOf(layout, portOfRunning(layout.cluster)), archive);
    await prune(archive, new Date());
    return base;
  } finally {
    await server?.close();
  }
}

/**
 * Restores the cluster of the folder as it was at the target. Throws `FolderInUse` while a service uses it, and `ArchiveError` with
 * a sentence when the backup does not have what is needed; then nothing has changed.
 */
export async function restoreLocalDatabase(
  options: Required<Pick<LocalDatabaseOptions, 'folder' | 'backup' | 'say'>> &
    Pick<LocalDatabaseOptions, 'settings'> & { target: Target; database?: string | undefined },
): Promise<Restored> {
  const account = serverAccount();
  const folder = placeFor(options.folder, account, options.say);
  refuseForeignFolder(folder);
  const { cluster } = layoutOf(folder);
  if (wasCutOff(cluster) || hasUnarchived(cluster)) await handOverRest(options);
  const owner = await ownFolder(folder);
  try {
    const layout = layoutOf(folder);
    finishSwap(folder, layout);
    const machine = {
      folder,
      layout,
      binaries: findBinaries(account, folder),
      account,
      settings: options.settings ?? {},
      database: options.database,
    };
    return await restoreCluster(machine, options.backup, options.target, options.say);
  } finally {
    owner.release();
  }
}

/** After a crash, or a stop while the archive could not be written, the backup lacks the end of the log, which is there still: a start and a stop archive it. */
async function handOverRest({ folder, backup, settings, say }: Parameters<typeof restoreLocalDatabase>[0]): Promise<void> {
  try {
    await (await startLocalDatabase({ folder, backup, say, ...(settings ? { settings } : {}) })).close();
  } catch (error) {
    if (error instanceof FolderInUse) throw error;
    say('The database that is there does not start; what it had not archived yet is not in the backup.');
  }
}

/** The base copies of a backup, by cluster, oldest first. */
export async function listBackups(place: BackupPlace): Promise<{ archive: Archive; bases: Base[] }[]> {
  const archives = await archivesIn(place);
  return Promise.all(archives.map(async (archive) => ({ archive, bases: await listBases(archive) })));
}

function layoutOf(folder: string): Layout {
  return { cluster: join(folder, 'cluster'), password: join(folder, 'admin-password'), log: join(folder, 'server.log') };
}

function sourceOf(layout: Layout, port: number): Source {
  return { cluster: layout.cluster, port, password: readFileSync(layout.password, 'utf8') };
}

/** The fourth line of the file that a running server keeps. */
function portOfRunning(cluster: string): number {
  const port = Number(readFileSync(join(cluster, 'postmaster.pid'), 'utf8').split('\n')[3]);
  if (!(port > 0)) throw new Error('The running database does not say its port yet; try again in a moment.');
  return port;
}

/**
 * The folder itself, or, when the server's account cannot enter it (root working below a closed home), one of its own
 * below /var/lib that is named after it.
 */
function placeFor(folder: string, account: Account, say: (text: string) => void): string {
  makeFolder(folder);
  // By the account itself: a process of its name is put into any folder before it becomes that account.
  if (!account.isBorrowed || canRun(account, '/bin/sh', ['-c', 'cd "$1"', 'sh', folder])) return folder;
  const place = join('/var/lib/medspa', createHash('sha256').update(folder).digest('hex').slice(0, 12));
  makeFolder(place);
  say(`PostgreSQL runs as "${account.name}", which cannot enter ${folder}; its data is in ${place}.`);
  return place;
}

function makeFolder(folder: string): void {
  try {
    mkdirSync(folder, { recursive: true, mode: 0o755 });
  } catch (error) {
    throw new Error(`The folder ${folder} cannot be made: ${(error as Error).message}`, { cause: error });
  }
}

function refuseForeignFolder(folder: string): void {
  const me = process.getuid?.();
  const holder = statSync(folder).uid;
  if (me === undefined || me === holder) return;
  const who = holder === 0 ? 'root' : `user ${holder}`;
  throw new Error(
    `${folder} was made by ${who}, and this is ${me === 0 ? 'root' : `user ${me}`}. Start as the same user, or remove the folder to begin anew.`,
  );
}
