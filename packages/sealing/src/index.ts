import { createCipheriv, createDecipheriv, createHash, hkdfSync, randomBytes } from 'node:crypto';

// Encryption of whole files: backups and blobs. Columns of the database have their own codec, which binds a value to its row.

/** Keys of 32 bytes by id, as a key file holds them. New files take `current`; the others still open old ones. */
export type SealingKeys = { current: number; keys: ReadonlyMap<number, Uint8Array> };

/** Thrown instead of giving out a byte that was not sealed here: `key` when no key of ours fits, else the file is not what was written. */
export class UnreadableFile extends Error {
  override readonly name = 'UnreadableFile';
  readonly reason: 'key' | 'damaged';
  constructor(reason: 'key' | 'damaged', detail: string) {
    super(reason === 'key' ? `It was encrypted with another key (${detail}).` : `It is damaged: ${detail}.`);
    this.reason = reason;
  }
}

const MAGIC = Buffer.from('MSF1');
const FRAME_BYTES = 65_536;
const TAG_BYTES = 16;
const LONGEST_HEADER_BYTES = 65_536;

type Header = { key: string; salt: string; about: unknown };

/**
 * AES-256-GCM in frames of 64 KiB, so that a file of any size passes in little memory and no plain byte is given out unproven.
 *
 * `magic | header length (4) | header | frame...`, a frame being `ciphertext | tag (16)`. The file's key is derived (HKDF-SHA-256)
 * with a salt of its own, hence a counter can be the iv; it says which frame is the last, so that a file cut at a frame is
 * found out, and the header is part of what every tag proves. `about` is readable without a key: no personal data in it.
 */
export async function* seal(plain: AsyncIterable<Uint8Array>, keys: SealingKeys, about: unknown): AsyncGenerator<Buffer> {
  const master = keys.keys.get(keys.current);
  if (!master) throw new Error('The keys do not hold their current one.');
  const salt = randomBytes(32);
  const header = Buffer.from(JSON.stringify({ key: fingerprint(master), salt: salt.toString('hex'), about } satisfies Header));
  if (header.length > LONGEST_HEADER_BYTES) throw new Error('What is said about a sealed file is too long.');
  const length = Buffer.alloc(4);
  length.writeUInt32BE(header.length);
  yield Buffer.concat([MAGIC, length, header]);

  const key = keyOf(master, salt);
  const proof = digest(header);
  const queue = new Bytes();
  let count = 0;
  const frame = (bytes: Buffer, isLast: boolean): Buffer => {
    const cipher = createCipheriv('aes-256-gcm', key, ivOf(count++, isLast)).setAAD(proof);
    return Buffer.concat([cipher.update(bytes), cipher.final(), cipher.getAuthTag()]);
  };
  for await (const chunk of plain) {
    queue.push(chunk);
    // The last frame is known only when nothing follows, so one byte more than a frame has to be there.
    while (queue.length > FRAME_BYTES) yield frame(queue.take(FRAME_BYTES), false);
  }
  yield frame(queue.take(queue.length), true);
}

/**
 * What the file says about itself, and its content as it is read. `about` is proven by the content's first bytes, not before.
 * Throws `UnreadableFile`, also while the content is read; what was given out until then is genuine.
 */
export async function openSealed(
  source: AsyncIterable<Uint8Array>,
  keys: SealingKeys,
): Promise<{ about: unknown; content: AsyncGenerator<Buffer> }> {
  const input = source[Symbol.asyncIterator]();
  const queue = new Bytes();
  const fill = async (wanted: number): Promise<boolean> => {
    while (queue.length < wanted) {
      const next = await input.next();
      if (next.done) return false;
      queue.push(next.value);
    }
    return true;
  };
  const readHeader = async (): Promise<Buffer> => {
    const start = MAGIC.length + 4;
    if (!(await fill(start))) throw new UnreadableFile('damaged', 'it ends before it begins');
    const head = queue.take(start);
    const headerBytes = head.readUInt32BE(MAGIC.length);
    if (!head.subarray(0, MAGIC.length).equals(MAGIC) || headerBytes > LONGEST_HEADER_BYTES || !(await fill(headerBytes)))
      throw new UnreadableFile('damaged', 'it does not begin like a sealed file');
    return queue.take(headerBytes);
  };
  const masterOf = (print: string): Uint8Array => {
    const master = [...keys.keys.values()].find((one) => fingerprint(one) === print);
    if (!master) throw new UnreadableFile('key', `fingerprint ${print}`);
    return master;
  };
  let header: Buffer;
  let parsed: Header;
  let master: Uint8Array;
  try {
    header = await readHeader();
    parsed = parse(header);
    master = masterOf(parsed.key);
  } catch (error) {
    // Whoever gave the source cannot close it.
    await input.return?.();
    throw error;
  }
  const { salt, about } = parsed;
  const key = keyOf(master, Buffer.from(salt, 'hex'));
  const proof = digest(header);

  async function* content(): AsyncGenerator<Buffer> {
    try {
      for (let count = 0; ; count++) {
        const isLast = !(await fill(FRAME_BYTES + TAG_BYTES + 1));
        if (queue.length < TAG_BYTES) throw new UnreadableFile('damaged', 'its end is missing');
        const frame = queue.take(isLast ? queue.length : FRAME_BYTES + TAG_BYTES);
        const decipher = createDecipheriv('aes-256-gcm', key, ivOf(count, isLast), { authTagLength: TAG_BYTES })
          .setAAD(proof)
          .setAuthTag(frame.subarray(-TAG_BYTES));
        const plain = decipher.update(frame.subarray(0, -TAG_BYTES));
        try {
          decipher.final();
        } catch {
          throw new UnreadableFile('damaged', `frame ${count} was altered, or the end is missing`);
        }
        yield plain;
        if (isLast) return;
      }
    } finally {
      await input.return?.();
    }
  }
  return { about, content: content() };
}

function keyOf(master: Uint8Array, salt: Uint8Array): Buffer {
  return Buffer.from(hkdfSync('sha256', master, salt, 'medspa sealed file', 32));
}

/** Names a key without telling anything of it. */
function fingerprint(master: Uint8Array): string {
  return Buffer.from(hkdfSync('sha256', master, '', 'medspa key fingerprint', 8)).toString('hex');
}

function digest(header: Buffer): Buffer {
  return createHash('sha256').update(header).digest();
}

function ivOf(count: number, isLast: boolean): Buffer {
  const iv = Buffer.alloc(12);
  iv.writeUInt8(isLast ? 1 : 0, 7);
  iv.writeUInt32BE(count, 8);
  return iv;
}

function parse(header: Buffer): Header {
  try {
    const { key, salt, about } = JSON.parse(header.toString('utf8')) as Header;
    if (typeof key === 'string' && typeof salt === 'string') return { key, salt, about };
  } catch {
    // Said below.
  }
  throw new UnreadableFile('damaged', 'its header cannot be read');
}

/** Chunks as they come, taken in the lengths that are wanted. */
class Bytes {
  length = 0;
  private chunks: Uint8Array[] = [];

  push(chunk: Uint8Array): void {
    if (chunk.length === 0) return;
    this.chunks.push(chunk);
    this.length += chunk.length;
  }

  take(count: number): Buffer {
    const taken: Uint8Array[] = [];
    for (let left = count; left > 0;) {
      const [first] = this.chunks;
      if (!first) throw new Error('More bytes were asked for than there are.');
      if (first.length <= left) this.chunks.shift();
      else this.chunks[0] = first.subarray(left);
      taken.push(first.subarray(0, left));
      left -= Math.min(left, first.length);
    }
    this.length -= count;
    return Buffer.concat(taken);
  }
}
