import { randomBytes, randomUUID } from 'node:crypto';
import { existsSync, linkSync, mkdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';

/** Wrapping keys by number, 32 bytes each. New data keys are wrapped with `current`; the others still unwrap. */
export type KeyRing = { current: number; keys: ReadonlyMap<number, Uint8Array> };

/**
 * The ring given as text (ENCRYPTION_KEY): one key as 64 hex digits, or, once it was rotated, all of them with their numbers,
 * `2:key,1:key`, of which the first wraps. Throws for anything else, and for keys that no generator makes.
 */
export function keyRingOf(text: string): KeyRing {
  const entries = text.split(',').map((entry): [number, Buffer] => {
    const [, number = '1', hex = ''] = /^(?:([1-9]\d{0,8}):)?(.*)$/.exec(entry.trim()) ?? [];
    return [Number(number), keyOf(hex)];
  });
  const keys = new Map(entries);
  if (keys.size < entries.length) throw new Error('has two keys of one number; a key without a number is key 1.');
  return { current: entries[0]?.[0] ?? 1, keys };
}

class UnfitKey extends Error {
  override readonly name = 'UnfitKey';
  constructor() {
    super('must be 32 random bytes as 64 hex digits (openssl rand -hex 32); this one is too short, not hex, or not random.');
  }
}

/** Node reads as much of a text as is hex and drops the rest, so a damaged key would be a short one, silently. */
function keyOf(hex: string): Buffer {
  if (!/^[0-9a-f]{64}$/i.test(hex) || isWeak(Buffer.from(hex, 'hex'))) throw new UnfitKey();
  return Buffer.from(hex, 'hex');
}

/** True for bytes that no generator makes: few distinct ones, or a pattern that repeats. */
function isWeak(key: Buffer): boolean {
  const bytes = [...key];
  if (new Set(bytes).size < 16) return true;
  const steps = bytes.map((byte, index) => (byte - (bytes[index - 1] ?? byte) + 256) % 256).slice(1);
  return new Set(steps).size < 8;
}

/**
 * The ring of a local key file (mode 0600, JSON `{current, keys: {id: hex}}`), made on the first run.
 *
 * Losing the file loses every sealed value, so a missing file is made only when `mayCreate` says that there is no data yet.
 * Throws when it is missing otherwise, damaged, readable by others, or holds a key that is not random.
 */
export function keyRingFromFile(path: string, mayCreate: boolean): KeyRing {
  if (!existsSync(path)) {
    if (!mayCreate)
      throw new Error(`The key file ${path} is missing, and the database has data that only it opens. Put it back from your backup.`);
    mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
    const draft = `${path}.${randomUUID()}`;
    // On the disk before it is used: a key that a power cut takes away is a key lost.
    writeFileSync(draft, `${JSON.stringify({ current: 1, keys: { 1: randomBytes(32).toString('hex') } })}\n`, { mode: 0o600, flush: true });
    // Linked, since a link takes nobody's place: of two that begin at once, both read the first one's key.
    try {
      linkSync(draft, path);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
    } finally {
      rmSync(draft, { force: true });
    }
  }
  if (process.platform !== 'win32' && (statSync(path).mode & 0o077) !== 0)
    throw new Error(`The key file ${path} is readable by others; set its mode to 0600.`);
  try {
    const file = JSON.parse(readFileSync(path, 'utf8')) as { current: number; keys: Record<string, string> };
    const keys = new Map(Object.entries(file.keys).map(([id, hex]) => [Number(id), keyOf(hex)]));
    if (!keys.has(file.current)) throw new Error();
    return { current: file.current, keys };
  } catch (error) {
    throw new Error(error instanceof UnfitKey ? `A key of the key file ${path} ${error.message}` : `The key file ${path} is damaged.`, {
      cause: error,
    });
  }
}
