// Writes patches, all or none.
import { existsSync, lstatSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import type { Patch } from './patch.ts';

export type Refusal = { file: string; reason: string };

/** Nothing is written unless every file still is what it was when it was read. */
export function applyPatches(folder: string, patches: Patch[]): Refusal[] {
  const refused = patches.flatMap(({ file, before }) => {
    const reason = refusalOf(join(folder, file), before);
    return reason ? [{ file, reason }] : [];
  });
  if (refused.length > 0) return refused;
  for (const { file, after } of patches) {
    const path = join(folder, file);
    if (after === null) rmSync(path);
    else {
      mkdirSync(dirname(path), { recursive: true });
      writeFileSync(path, after);
    }
  }
  return [];
}

function refusalOf(path: string, before: string | null): string | null {
  if (!existsSync(path)) return before === null ? null : 'is gone since it was read';
  if (before === null) return 'was made by somebody else since';
  if (!lstatSync(path).isFile()) return 'is not a plain file';
  return readFileSync(path, 'utf8') === before ? null : 'has changed since it was read';
}
