import { readFileSync } from 'node:fs';
import { parseEnv } from 'node:util';

/** `KEY=` at the beginning of a line, and its value, which within quotes may go over several lines. */
const ENTRY = /^[ \t]*(?:export[ \t]+)?([^\s=#]+)[ \t]*=[ \t]*("[^"]*"|'[^']*'|`[^`]*`|[^\n]*)/gm;

/**
 * Reads an environment file. Throws when a key stands in it twice, since whichever of the two is meant, the other is a trap,
 * and when it holds a key that nothing reads. Names the key and the lines, never a value.
 */
export function readEnvFile(path: string, knownKeys: ReadonlySet<string>): Record<string, string> {
  const text = readFileSync(path, 'utf8')
    .replace(/^\uFEFF/, '')
    .replaceAll('\r\n', '\n');
  const lines = new Map<string, number[]>();
  for (const { 1: key = '', index } of text.matchAll(ENTRY)) {
    lines.set(key, [...(lines.get(key) ?? []), text.slice(0, index).split('\n').length]);
  }
  for (const [key, at] of lines) {
    if (at.length > 1) throw new Error(`${path}: ${key} is set ${at.length} times (lines ${at.join(', ')}). Keep one.`);
    if (!knownKeys.has(key)) throw new Error(`${path}: nothing reads ${key} (line ${at[0]}).`);
  }
  return parseEnv(text) as Record<string, string>;
}
