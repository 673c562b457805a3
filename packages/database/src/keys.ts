import { randomBytes, randomUUID } from 'node:crypto';
import { existsSync, linkSync, mkdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import type { KeyRing } from './codec.ts';

/** A ring of one key given as 64 hex digits (ENCRYPTION_KEY). Throws for anything else. */
export function keyRingOf(hex: string): KeyRing {
  return { current: 1, keys: new Map([[1, keyOf(hex)]]) };
}

/** Node reads as much of a text as is hex and drops the rest, so a damaged key would be a short one, silently. */
function keyOf(hex: string): Buffer {
  if (!/^[0-9a-f]{64}$/i.test(hex)) throw new Error('A key is 32 bytes, written as 64 hex digits.');
  return Buffer.from(hex, 'hex');
}

/**
 * The ring of a local key file (mode 0600, JSON `{current, keys: {id: hex}}`), made on the first run.
 *
 * Losing the file loses every sealed value, so a missing file is made only when `mayCreate` says that there is no data yet.
 * Throws when it is missing otherwise, damaged, or readable by others.
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
  } catch {
    throw new Error(`The key file ${path} is damaged.`);
  }
}
