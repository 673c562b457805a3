import { createWriteStream } from 'node:fs';
import { chown, mkdir, open, readdir, rename, rm, writeFile } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import pg from 'pg';
import type { Account } from '../account.ts';
import { ADMIN } from '../cluster.ts';
import {
  ArchiveError,
  baseFile,
  baseFolder,
  draftOf,
  readFileSealed,
  syncFolder,
  writeFileSealed,
  type Archive,
  type Base,
} from './archive.ts';

/** What a base copy leaves out: the log, which is archived, and what a server makes anew when it starts. */
const EMPTY_FOLDERS = /^(pg_wal|pg_replslot|pg_dynshmem|pg_notify|pg_serial|pg_snapshots|pg_stat_tmp|pg_subtrans)\//;
const NEVER =
  /^(postmaster\.(pid|opts)|backup_label(\.old)?|tablespace_map(\.old)?|(standby|recovery)\.signal)$|(^|\/)(pgsql_tmp|pg_internal\.init)/;
const KEPT_EMPTY = /^pg_wal\/(archive_status|summaries)$/;
const CHUNK_BYTES = 1_048_576;
/** Reads a running server's files, so one may vanish or be cut meanwhile; the log repairs that. */
const GONE = 'ENOENT';

/** A piece of the copied folder; a file is followed by `size` bytes. */
type Entry = { path: string; size: number } | { path: string; isFolder: true };

/** A running cluster: its folder, and how the administrator signs in. */
export type Source = { cluster: string; port: number; password: string };

/**
 * Copies the running cluster into the archive (low-level backup: pg_backup_start, the files, pg_backup_stop, which waits until
 * the log that the copy needs is archived). It appears in the archive whole or not at all; writers are not held up.
 */
export async function takeBase(source: Source, archive: Archive, signal?: AbortSignal): Promise<Base> {
  const client = new pg.Client({
    host: '127.0.0.1',
    port: source.port,
    user: ADMIN,
    password: source.password,
    database: 'postgres',
    application_name: 'medspa-backup',
  });
  client.on('error', () => {});
  await client.connect();
  try {
    const { rows: settings } = await client.query<{ archives: string; spaces: string }>(
      `SELECT current_setting('archive_mode') AS archives, (SELECT count(*) FROM pg_tablespace)::text AS spaces`,
    );
    if (settings[0]?.archives !== 'on')
      throw new Error('This database does not archive its log, so a copy of it could not be restored. Restart it with backups on.');
    if (settings[0].spaces !== '2') throw new Error('A cluster with tablespaces of its own cannot be copied by this backup.');
    const { rows: begun } = await client.query<{ segment: string; timeline: number; now: Date }>(
      `SELECT pg_walfile_name(lsn) AS segment, ('x' || left(pg_walfile_name(lsn), 8))::bit(32)::int AS timeline, clock_timestamp() AS now
       FROM pg_backup_start('medspa', true) AS lsn`,
    );
    const [start] = begun;
    if (!start) throw new Error('PostgreSQL did not begin the backup.');
    const name = start.now.toISOString().replaceAll(/[-:.]/g, '');
    const draft = draftOf(baseFolder(archive, name));
    const draftName = basename(draft);
    const counted = { files: 0, bytes: 0 };
    let stop: { lsn: string; segment: string; label: string; now: Date } | undefined;
    // One stream: the label and the password follow the files, since they are known only when the copy is complete.
    async function* content(): AsyncGenerator<Buffer> {
      yield* filesOf(source.cluster, counted);
      const { rows } = await client.query<NonNullable<typeof stop>>(
        `SELECT s.lsn, pg_walfile_name(s.lsn) AS segment, s.labelfile AS label, clock_timestamp() AS now FROM pg_backup_stop(wait_for_archive => true) AS s`,
      );
      [stop] = rows;
      yield* textEntry('backup_label', stop?.label ?? '');
      yield* textEntry(PASSWORD_ENTRY, source.password);
    }
    try {
      await writeFileSealed(archive, baseFile(archive, draftName, 'data'), content(), signal ? { signal } : {});
      if (!stop) throw new Error('PostgreSQL did not end the backup.');
      const base: Base = {
        name,
        timeline: start.timeline,
        startSegment: start.segment,
        stopSegment: stop.segment,
        stopLsn: stop.lsn,
        startedAt: start.now.toISOString(),
        finishedAt: stop.now.toISOString(),
        ...counted,
      };
      await writeFileSealed(archive, baseFile(archive, draftName, 'info'), once(Buffer.from(JSON.stringify(base))));
      await rename(draft, baseFolder(archive, name));
      await syncFolder(dirname(draft));
      return base;
    } catch (error) {
      await rm(draft, { recursive: true, force: true });
      throw error;
    }
  } finally {
    await client.end();
  }
}

/** Not a file of the cluster: the administrator's password, without which nobody could sign in to the restored one. */
const PASSWORD_ENTRY = '../admin-password';

/** Lays the base copy down in an empty folder, for the server's account, and returns the administrator's password. */
export async function layBase(archive: Archive, base: Base, folder: string, account: Account): Promise<string> {
  const { content } = await readFileSealed(archive, baseFile(archive, base.name, 'data'));
  const reader = new EntryReader(content);
  let password = '';
  for (let entry = await reader.next(); entry; entry = await reader.next()) {
    if (entry.path === PASSWORD_ENTRY) {
      password = (await reader.whole(entry)).toString('utf8');
      continue;
    }
    const path = join(folder, entry.path);
    if ('isFolder' in entry) {
      await mkdir(path, { mode: 0o700 });
    } else {
      if (entry.size <= CHUNK_BYTES) await writeFile(path, await reader.whole(entry), { mode: 0o600 });
      else await pipeline(reader.content(entry), createWriteStream(path, { mode: 0o600 }));
    }
    if ('uid' in account.ids) await chown(path, account.ids.uid, account.ids.gid);
  }
  if (!password) throw new ArchiveError(`The base copy ${base.name} is incomplete.`);
  return password;
}

async function* filesOf(cluster: string, counted: { files: number; bytes: number }): AsyncGenerator<Buffer> {
  for (const entry of (await readdir(cluster, { recursive: true, withFileTypes: true })).toSorted(byPath)) {
    const path = join(entry.parentPath, entry.name).slice(cluster.length + 1);
    if (NEVER.test(path) || (EMPTY_FOLDERS.test(path) && !KEPT_EMPTY.test(path))) continue;
    if (entry.isDirectory()) yield head({ path, isFolder: true });
    else if (entry.isFile()) yield* fileEntry(cluster, path, counted);
  }
}

function byPath(a: { parentPath: string; name: string }, b: { parentPath: string; name: string }): number {
  return join(a.parentPath, a.name) < join(b.parentPath, b.name) ? -1 : 1;
}

async function* fileEntry(cluster: string, path: string, counted: { files: number; bytes: number }): AsyncGenerator<Buffer> {
  const file = await open(join(cluster, path)).catch((error: NodeJS.ErrnoException) => {
    if (error.code === GONE) return null;
    throw error;
  });
  if (!file) return;
  try {
    const { size } = await file.stat();
    yield head({ path, size });
    let left = size;
    while (left > 0) {
      const { bytesRead, buffer } = await file.read(Buffer.alloc(Math.min(CHUNK_BYTES, left)), 0, Math.min(CHUNK_BYTES, left), size - left);
      // Cut while it was copied: the promised length is kept, and the log says what belongs there.
      const bytes = bytesRead === 0 ? Buffer.alloc(Math.min(CHUNK_BYTES, left)) : buffer.subarray(0, bytesRead);
      yield bytes;
      left -= bytes.length;
    }
    counted.files++;
    counted.bytes += size;
  } finally {
    await file.close();
  }
}

function* textEntry(path: string, text: string): Generator<Buffer> {
  const bytes = Buffer.from(text);
  yield head({ path, size: bytes.length });
  yield bytes;
}

function head(entry: Entry): Buffer {
  const text = Buffer.from(JSON.stringify(entry));
  const length = Buffer.alloc(4);
  length.writeUInt32BE(text.length);
  return Buffer.concat([length, text]);
}

async function* once(bytes: Buffer): AsyncGenerator<Buffer> {
  yield bytes;
}

/** Reads the entries one after the other; the content of a file is read before the next entry is asked for. */
class EntryReader {
  private readonly input: AsyncIterator<Buffer>;
  private rest: Buffer = Buffer.alloc(0);

  constructor(input: AsyncIterable<Buffer>) {
    this.input = input[Symbol.asyncIterator]();
  }

  /** Null at the end. */
  async next(): Promise<Entry | null> {
    const length = await this.exactly(4);
    if (!length) return null;
    const text = await this.exactly(length.readUInt32BE());
    return text ? (JSON.parse(text.toString('utf8')) as Entry) : null;
  }

  async *content(entry: { size: number }): AsyncGenerator<Buffer> {
    for (let left = entry.size; left > 0;) {
      if (this.rest.length === 0 && !(await this.more())) throw new ArchiveError('The base copy ends within a file.');
      const chunk = this.rest.subarray(0, left);
      this.rest = this.rest.subarray(chunk.length);
      left -= chunk.length;
      yield chunk;
    }
  }

  async whole(entry: Entry): Promise<Buffer> {
    const bytes = 'size' in entry ? await this.exactly(entry.size) : null;
    if (!bytes) throw new ArchiveError('The base copy ends within a file.');
    return bytes;
  }

  private async exactly(count: number): Promise<Buffer | null> {
    while (this.rest.length < count) if (!(await this.more())) return null;
    const taken = this.rest.subarray(0, count);
    this.rest = this.rest.subarray(count);
    return taken;
  }

  private async more(): Promise<boolean> {
    const next = await this.input.next();
    if (next.done) return false;
    this.rest = this.rest.length === 0 ? next.value : Buffer.concat([this.rest, next.value]);
    return true;
  }
}
