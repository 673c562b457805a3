import { randomBytes } from 'node:crypto';
import { createReadStream, createWriteStream, existsSync, readdirSync, readFileSync } from 'node:fs';
import { mkdir, open, readdir, rename, rm, stat } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { createGunzip, createGzip } from 'node:zlib';
import { openSealed, seal, UnreadableFile, type SealingKeys } from '@medspa/sealing';

/**
 * The backup of one cluster: base copies and the write-ahead log, each file compressed, encrypted, and on the disk before it has its name.
 * It stands in a folder named after the cluster, so that a new cluster never mixes with an old one's backup.
 */
export type Archive = { folder: string; systemId: string; keys: SealingKeys };

/** Where backups go and what encrypts them. */
export type BackupPlace = { folder: string; keys: SealingKeys };

/** Thrown when a file of the archive is not what was written, cannot be opened or is missing; the message names it. */
export class ArchiveError extends Error {
  override readonly name = 'ArchiveError';
}

/** One base copy. It can be restored from `finishedAt` on, with the log from `startSegment` on. */
export type Base = {
  name: string;
  timeline: number;
  startSegment: string;
  stopSegment: string;
  stopLsn: string;
  startedAt: string;
  finishedAt: string;
  files: number;
  bytes: number;
};

const SUFFIX = '.sealed';
const DRAFT = '.draft-';
const DRAFT_LIVES_MILLIS = 24 * 3_600_000;

export function archiveOf({ folder, keys }: BackupPlace, systemId: string): Archive {
  return { folder: join(folder, systemId), systemId, keys };
}

/** What identifies the cluster, also after a restore. */
export function systemIdOf(cluster: string): string {
  return readFileSync(join(cluster, 'global/pg_control')).readBigUInt64LE(0).toString();
}

/** True when there is a cluster that was not shut down, by its control file (state `shut down` is 1). */
export function wasCutOff(cluster: string): boolean {
  const file = join(cluster, 'global/pg_control');
  return existsSync(file) && readFileSync(file).readInt32LE(16) !== 1;
}

/** True when the log has segments that the server wanted to hand over and could not: it stops cleanly all the same. */
export function hasUnarchived(cluster: string): boolean {
  const status = join(cluster, 'pg_wal/archive_status');
  return existsSync(status) && readdirSync(status).some((name) => name.endsWith('.ready'));
}

/** The backups that the folder holds, of whichever clusters. */
export async function archivesIn(place: BackupPlace): Promise<Archive[]> {
  return (await namesIn(place.folder)).filter((name) => /^\d+$/.test(name)).map((name) => archiveOf(place, name));
}

/** Names of the log's files: segments, histories, partial segments. Ascending. */
export function logNames(archive: Archive): Promise<string[]> {
  return sealedIn(join(archive.folder, 'wal'));
}

export function logFile(archive: Archive, name: string): string {
  return join(archive.folder, 'wal', name + SUFFIX);
}

export function hasLogFile(archive: Archive, name: string): boolean {
  return existsSync(logFile(archive, name));
}

export function baseFolder(archive: Archive, name: string): string {
  return join(archive.folder, 'base', name);
}

/** A file of a base copy: what it is (`info`) or the copied folder (`data`). */
export function baseFile(archive: Archive, name: string, part: 'info' | 'data'): string {
  return join(baseFolder(archive, name), part + SUFFIX);
}

/** Complete base copies, oldest first. */
export async function listBases(archive: Archive): Promise<Base[]> {
  const names = (await namesIn(join(archive.folder, 'base'))).filter((name) => !name.includes(DRAFT));
  const bases = await Promise.all(
    names.map(async (name) => JSON.parse((await readWhole(archive, baseFile(archive, name, 'info'))).toString('utf8')) as Base),
  );
  return bases.toSorted((a, b) => a.finishedAt.localeCompare(b.finishedAt));
}

/** A name beside the final one; what a killed process leaves there is removed later by `removeDrafts`. */
export function draftOf(path: string): string {
  return `${path}${DRAFT}${randomBytes(4).toString('hex')}`;
}

/** Writes the file whole or not at all; it has reached the disk when this resolves. */
export async function writeFileSealed(
  archive: Archive,
  path: string,
  plain: AsyncIterable<Uint8Array>,
  options: { at?: Date; signal?: AbortSignal } = {},
): Promise<void> {
  const draft = draftOf(path);
  await mkdir(dirname(path), { recursive: true, mode: 0o700 });
  // What a file is for is proven with it: a segment that was given another's name does not pass as that one.
  const about = { for: labelOf(archive, path), at: (options.at ?? new Date()).toISOString() };
  try {
    await pipeline(
      plain,
      createGzip({ level: 1 }),
      (bytes: AsyncIterable<Uint8Array>) => seal(bytes, archive.keys, about),
      createWriteStream(draft, { mode: 0o600, flush: true }),
      options.signal ? { signal: options.signal } : {},
    );
    await rename(draft, path);
  } catch (error) {
    await rm(draft, { force: true });
    throw error;
  }
  await syncFolder(dirname(path));
}

/** The file's content as it was written, and when. Throws `ArchiveError`, at the latest while the content is read. */
export async function readFileSealed(archive: Archive, path: string): Promise<{ at: Date; content: AsyncIterable<Buffer> }> {
  const label = labelOf(archive, path);
  if (!existsSync(path)) throw new ArchiveError(`${label} is missing in the backup (${path}).`);
  const said = (error: unknown): unknown =>
    error instanceof UnreadableFile ? new ArchiveError(`${label} cannot be used. ${error.message} (${path})`, { cause: error }) : error;
  try {
    const { about, content } = await openSealed(createReadStream(path), archive.keys);
    const { for: written, at } = about as { for: string; at: string };
    if (written !== label) throw new UnreadableFile('damaged', `it is ${written} under another name`);
    return { at: new Date(at), content: readOn(content, said) };
  } catch (error) {
    throw said(error);
  }
}

async function* readOn(sealed: AsyncIterable<Buffer>, said: (error: unknown) => unknown): AsyncGenerator<Buffer> {
  const gunzip = createGunzip();
  // The pipeline's failure reaches the reader through the stream it destroys.
  pipeline(sealed, gunzip).catch(() => {});
  try {
    for await (const chunk of gunzip) yield chunk as Buffer;
  } catch (error) {
    throw said(error);
  }
}

export async function readWhole(archive: Archive, path: string): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of (await readFileSealed(archive, path)).content) chunks.push(chunk);
  return Buffer.concat(chunks);
}

/** Removes what killed processes left half-written. Young ones may be another process's work. */
export async function removeDrafts(archive: Archive, now: Date): Promise<void> {
  for (const folder of [join(archive.folder, 'wal'), join(archive.folder, 'base')]) {
    for (const name of (await namesIn(folder)).filter((one) => one.includes(DRAFT))) {
      const path = join(folder, name);
      const { mtimeMs } = await stat(path);
      if (now.getTime() - mtimeMs > DRAFT_LIVES_MILLIS) await rm(path, { recursive: true, force: true });
    }
  }
}

/** A name that was given or taken away outlives a power cut once its folder is on the disk. */
export async function syncFolder(folder: string): Promise<void> {
  const handle = await open(folder, 'r');
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}

function labelOf(archive: Archive, path: string): string {
  const parent = basename(dirname(path)).replace(new RegExp(`${DRAFT}[0-9a-f]+$`), '');
  return `${archive.systemId}/${parent}/${basename(path, SUFFIX)}`;
}

async function sealedIn(folder: string): Promise<string[]> {
  return (await namesIn(folder)).filter((name) => name.endsWith(SUFFIX)).map((name) => name.slice(0, -SUFFIX.length));
}

async function namesIn(folder: string): Promise<string[]> {
  return existsSync(folder) ? (await readdir(folder)).toSorted() : [];
}
