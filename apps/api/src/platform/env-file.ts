import { readFileSync } from 'node:fs';
import { parseEnv } from 'node:util';

/**
 * Reads an environment file. Throws when a key stands in it twice, since whichever of the two is meant, the other is a trap,
 * and when it holds a key that nothing reads. Names the key and the lines, never a value.
 */
export function readEnvFile(path: string, knownKeys: ReadonlySet<string>): Record<string, string> {
  const text = readFileSync(path, 'utf8');
  const lines = new Map<string, number[]>();
  for (const [index, line] of text.split(/\r?\n/).entries()) {
    const key = /^\s*(?:export\s+)?([A-Za-z_]\w*)\s*=/.exec(line)?.[1];
    if (key) lines.set(key, [...(lines.get(key) ?? []), index + 1]);
  }
  for (const [key, at] of lines) {
    if (at.length > 1) throw new Error(`${path}: ${key} is set ${at.length} times (lines ${at.join(', ')}). Keep one.`);
    if (!knownKeys.has(key)) throw new Error(`${path}: nothing reads ${key} (line ${at[0]}).`);
  }
  return parseEnv(text) as Record<string, string>;
}
