import { randomBytes } from 'node:crypto';
import { chmodSync, existsSync, mkdirSync, readFileSync, renameSync, statSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import type { KeyRing } from './codec.ts';

/** A ring of one key given as 64 hex digits (ENCRYPTION_KEY). */
export function keyRingOf(hex: string): KeyRing {
  return { current: 1, keys: new Map([[1, Buffer.from(hex, 'hex')]]) };
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
    const draft = `${path}.new`;
    writeFileSync(draft, `${JSON.stringify({ current: 1, keys: { 1: randomBytes(32).toString('hex') } })}\n`, { mode: 0o600 });
    chmodSync(draft, 0o600);
    renameSync(draft, path);
  }
  if (process.platform !== 'win32' && (statSync(path).mode & 0o077) !== 0)
    throw new Error(`The key file ${path} is readable by others; set its mode to 0600.`);
  try {
    const file = JSON.parse(readFileSync(path, 'utf8')) as { current: number; keys: Record<string, string> };
    const keys = new Map(Object.entries(file.keys).map(([id, hex]) => [Number(id), Buffer.from(hex, 'hex')]));
    if (!keys.has(file.current) || [...keys.values()].some((key) => key.length !== 32)) throw new Error();
    return { current: file.current, keys };
  } catch {
    throw new Error(`The key file ${path} is damaged.`);
  }
}
