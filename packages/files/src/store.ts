import { createHash, randomBytes } from 'node:crypto';
import { createReadStream, createWriteStream } from 'node:fs';
import { mkdir, mkdtemp, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { openSealed, seal, UnreadableFile, type SealingKeys } from '@medspa/sealing';
import { bytesNeeded, typeOf, type BlobType } from './types.ts';

export type { BlobType };

/** A stored file. Its hash is of the content and belongs into the database row that names the key. */
export type Blob = { key: string; type: BlobType; bytes: number; sha256: string };

/**
 * Files, encrypted before they leave this process, wherever they are kept. A key is used once: content never changes under it.
 * Nothing here knows who may see a file; who hands out content has asked for the permission.
 */
export type BlobStore = {
  /**
   * Stores the content and reads it back before it resolves. Throws `BlobRefused` when it is longer than `maxBytes` (counted, not
   * declared), or its first bytes are of none of `types`; then, and after any other failure, nothing is kept under the key.
   */
  put(key: string, content: AsyncIterable<Uint8Array>, limits: { maxBytes: number; types: readonly BlobType[] }): Promise<Blob>;
  /** Throws `BlobMissing`, and while it is read `UnreadableFile` when a byte is not what was stored. */
  get(key: string): Promise<{ type: BlobType; bytes: number; content: AsyncIterable<Buffer> }>;
  /** Type and length as the file says them, proven only by reading it; null when there is none. */
  stat(key: string): Promise<{ type: BlobType; bytes: number } | null>;
  /** Also when there is none. */
  delete(key: string): Promise<void>;
};

/** Where sealed bytes are kept. `write` shows the whole file or none of it; it may take the file away from its path. */
export type Place = {
  write(key: string, file: { path: string; bytes: number; sha256: string }): Promise<void>;
  /** The whole, or the first bytes of it; null when there is none. */
  read(key: string, firstBytes?: number): Promise<AsyncIterable<Uint8Array> | null>;
  remove(key: string): Promise<void>;
};

export class BlobRefused extends Error {
  override readonly name = 'BlobRefused';
  readonly reason: 'too-large' | 'type';
  constructor(reason: 'too-large' | 'type') {
    super(reason === 'type' ? 'This is not a file of a kind that is taken here.' : 'The file is too large.');
    this.reason = reason;
  }
}

export class BlobMissing extends Error {
  override readonly name = 'BlobMissing';
  constructor() {
    super('There is no such file.');
  }
}

const KEY = /^[0-9a-f-]{36}\/[0-9a-f]{32}$/;
/** More than a sealed file's header is long. */
const HEADER_BYTES = 2_048;

/** Not to be guessed, and nothing of the file's own name in it. */
export function newBlobKey(organizationId: string): string {
  return `${organizationId}/${randomBytes(16).toString('hex')}`;
}

/** `spool` is a folder on a local disk for what is under way; on the disk of the files themselves where they are kept locally. */
export function createBlobStore(place: Place, keys: SealingKeys, spool: string): BlobStore {
  async function get(key: string) {
    const source = await place.read(check(key));
    if (!source) throw new BlobMissing();
    const { about, content } = await openSealed(source, keys);
    return { ...saidBy(about), content: ofKey(key, about, content) };
  }

  return {
    get,

    async stat(key) {
      const source = await place.read(check(key), HEADER_BYTES);
      if (!source) return null;
      const chunks: Uint8Array[] = [];
      for await (const chunk of source) chunks.push(chunk);
      async function* start() {
        yield* chunks;
      }
      return saidBy((await openSealed(start(), keys)).about);
    },

    delete: (key) => place.remove(check(key)),

    async put(key, content, { maxBytes, types }) {
      check(key);
      await mkdir(spool, { recursive: true, mode: 0o700 });
      const folder = await mkdtemp(join(spool, 'put-'));
      try {
        // What a file is stands before its content, and is known after it: hence twice, sealed both times.
        const draft = join(folder, 'draft');
        const measured = measure(content, maxBytes);
        await pipeline(
          measured.content,
          (plain: AsyncIterable<Uint8Array>) => seal(plain, keys, {}),
          createWriteStream(draft, { mode: 0o600 }),
        );
        const type = typeOf(measured.start());
        if (type === null || !types.includes(type)) throw new BlobRefused('type');
        const blob: Blob = { key, type, bytes: measured.bytes(), sha256: measured.sha256() };

        const path = join(folder, 'sealed');
        const sealed = createHash('sha256');
        await pipeline(
          createReadStream(draft),
          async function* again(bytes: AsyncIterable<Uint8Array>) {
            for await (const chunk of seal((await openSealed(bytes, keys)).content, keys, { key, type, bytes: blob.bytes })) {
              sealed.update(chunk);
              yield chunk;
            }
          },
          createWriteStream(path, { mode: 0o600, flush: true }),
        );
        try {
          await place.write(key, { path, bytes: (await stat(path)).size, sha256: sealed.digest('hex') });
          await proveStored(blob);
        } catch (error) {
          await place.remove(key).catch(() => {});
          throw error;
        }
        return blob;
      } finally {
        await rm(folder, { recursive: true, force: true });
      }
    },
  };

  async function proveStored(blob: Blob): Promise<void> {
    const hash = createHash('sha256');
    for await (const chunk of (await get(blob.key)).content) hash.update(chunk);
    if (hash.digest('hex') !== blob.sha256) throw new UnreadableFile('damaged', 'what was stored is not what was given');
  }
}

function saidBy(about: unknown): { type: BlobType; bytes: number } {
  const { type, bytes } = about as { type: BlobType; bytes: number };
  return { type, bytes };
}

/** Another file under this key is as bad as an altered one. */
async function* ofKey(key: string, about: unknown, content: AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
  for await (const chunk of content) {
    if ((about as { key: string }).key !== key) throw new UnreadableFile('damaged', 'it belongs to another key');
    yield chunk;
  }
}

/** A key becomes a path and an address, so nothing but a key may pass. */
function check(key: string): string {
  if (!KEY.test(key)) throw new Error('This is not the key of a file.');
  return key;
}

/** Passes the content on and knows afterwards what it was. */
function measure(source: AsyncIterable<Uint8Array>, maxBytes: number) {
  const hash = createHash('sha256');
  let bytes = 0;
  let start = Buffer.alloc(0);
  async function* content(): AsyncGenerator<Uint8Array> {
    for await (const chunk of source) {
      bytes += chunk.length;
      if (bytes > maxBytes) throw new BlobRefused('too-large');
      if (start.length < bytesNeeded) start = Buffer.concat([start, chunk.subarray(0, bytesNeeded)]);
      hash.update(chunk);
      yield chunk;
    }
  }
  return { content: content(), bytes: () => bytes, start: () => start, sha256: () => hash.digest('hex') };
}
