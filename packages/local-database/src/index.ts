import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { canRun, serverAccount, type Account } from './account.ts';
import { findBinaries } from './binaries.ts';
import { ADMIN, createCluster } from './cluster.ts';
import { FolderInUse, ownFolder } from './owner.ts';
import { freePort, Server } from './server.ts';

export { ageNotice } from './age.ts';
export { freePort } from './server.ts';
export { FolderInUse };

/** A running local PostgreSQL, owned by this process. */
export type LocalDatabase = {
  host: string;
  port: number;
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
  /** Folder of the cluster, its password and its log; made when missing. */
  folder: string;
  /** Server settings beside the defaults, for example `{ fsync: 'off' }` in tests. */
  settings?: Record<string, string>;
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
    const layout = { cluster: join(folder, 'cluster'), password: join(folder, 'admin-password'), log: join(folder, 'server.log') };
    const binaries = findBinaries(account, folder);
    if (!existsSync(layout.cluster)) say('Creating a PostgreSQL 18 cluster ...');
    await createCluster(layout, binaries, account);
    const server = new Server(layout, binaries, account, await freePort(), options.settings ?? {});
    await server.start();
    if (options.supervise) server.supervise(say);
    return {
      host: '127.0.0.1',
      port: server.port,
      get pid() {
        return server.pid;
      },
      admin: { user: ADMIN, password: server.password },
      adminUrl: (database = 'postgres') => `postgresql://${ADMIN}:${server.password}@127.0.0.1:${server.port}/${database}`,
      announce: owner.announce,
      start: () => server.start(),
      halt: (how) => server.stop(how),
      close: async () => {
        await server.stop();
        owner.release();
      },
    };
  } catch (error) {
    owner.release();
    throw error;
  }
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
