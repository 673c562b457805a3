import { execFile } from 'node:child_process';
import { chmodSync, existsSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { promisify } from 'node:util';
import { afterAll, describe, expect, test } from 'vitest';
import { keyRingFromFile, keyRingOf } from './keys.ts';
import { ringWrapping } from './wrapping.ts';

const folder = mkdtempSync(join(tmpdir(), 'medspa-keys-'));
afterAll(() => rmSync(folder, { recursive: true }));

let count = 0;
const aPath = () => join(folder, `ring-${count++}`, 'keys', 'encryption.json');
const PLACE = { organizationId: 'o', keyId: 1 };
const HEX = '8f1c3a5e7092b4d6f8e1a3c5b7092d4f6e81a3c5d7f90b2e4a6c8d0f1e3b5a79';

const PATTERNS: [string, string][] = [
  ['zeros', '0'.repeat(64)],
  ['few bytes again and again', '0123456789abcdef'.repeat(4)],
  ['bytes in a row', Buffer.from(Array.from({ length: 32 }, (__, index) => index)).toString('hex')],
];

/** A complete file with this content. */
function aFile(content: string): string {
  const path = join(folder, `given-${count++}.json`);
  writeFileSync(path, content, { mode: 0o600 });
  return path;
}

describe('the local key file', () => {
  test('is made on the first run, for its owner alone, and read again as it is', () => {
    const path = aPath();
    const made = keyRingFromFile(path, true);
    expect(statSync(path).mode & 0o777).toBe(0o600);
    expect(statSync(join(path, '..')).mode & 0o777).toBe(0o700);
    expect([...made.keys.values()].map((key) => key.length)).toEqual([32]);
    const again = keyRingFromFile(path, false);
    expect(again).toEqual(made);
  });

  test('holds another key each time', () => {
    const [one, two] = [keyRingFromFile(aPath(), true), keyRingFromFile(aPath(), true)];
    expect(one.keys.get(1)).not.toEqual(two.keys.get(1));
  });

  test('is one for all who begin at once', async () => {
    const path = aPath();
    // Each waits for the same moment, so that all of them find no file.
    const program = `import { keyRingFromFile } from ${JSON.stringify(pathToFileURL(join(import.meta.dirname, 'keys.ts')).href)};
      const [path, at] = process.argv.slice(2);
      while (Date.now() < Number(at));
      process.stdout.write(Buffer.from(keyRingFromFile(path, true).keys.get(1)).toString('hex'));`;
    const file = join(folder, 'begin.mjs');
    writeFileSync(file, program);
    const at = String(Date.now() + 1_500);
    const said = await Promise.all(Array.from({ length: 8 }, () => promisify(execFile)(process.execPath, [file, path, at])));
    expect(new Set(said.map(({ stdout }) => stdout)).size).toBe(1);
  });

  test('is never made anew where it exists, though it might be', () => {
    const path = aPath();
    keyRingFromFile(path, true);
    const before = readFileSync(path, 'utf8');
    keyRingFromFile(path, true);
    expect(readFileSync(path, 'utf8')).toBe(before);
  });

  test('that is missing beside data stops the start, and is not made', () => {
    const path = aPath();
    expect(() => keyRingFromFile(path, false)).toThrow('is missing, and the database has data that only it opens');
    expect(existsSync(path)).toBe(false);
  });

  test.each([0o640, 0o604, 0o666])('that others may read or write (%o) is refused', (mode) => {
    const path = aFile(JSON.stringify({ current: 1, keys: { 1: HEX } }));
    chmodSync(path, mode);
    expect(() => keyRingFromFile(path, false)).toThrow('is readable by others; set its mode to 0600');
  });

  test.each([
    ['empty', ''],
    ['cut', '{"current": 1, "keys": {"1": "8f1c'],
    ['of another form', '[]'],
    ['without its current key', JSON.stringify({ current: 2, keys: { 1: HEX } })],
  ])('that is damaged (%s) is refused without quoting it', (_, content) => {
    const path = aFile(content);
    expect(() => keyRingFromFile(path, false)).toThrow(`The key file ${path} is damaged.`);
    expect(readFileSync(path, 'utf8')).toBe(content);
  });

  test.each([['short', HEX.slice(2)], ['not hex', `zz${HEX.slice(2)}`], ['a longer text that begins like a key', `${HEX}zz`], ...PATTERNS])(
    'with a key that is %s is refused without quoting it, as it is in the environment',
    (_, hex) => {
      const path = aFile(JSON.stringify({ current: 1, keys: { 1: hex } }));
      expect(() => keyRingFromFile(path, false)).toThrow(`A key of the key file ${path} must be 32 random bytes`);
      expect(() => keyRingFromFile(path, false)).not.toThrow(hex);
    },
  );

  test('may hold several keys, of which one is current', () => {
    const path = aFile(JSON.stringify({ current: 2, keys: { 1: HEX, 2: HEX.split('').toReversed().join('') } }));
    const ring = keyRingFromFile(path, false);
    expect([ring.current, [...ring.keys.keys()]]).toEqual([2, [1, 2]]);
  });
});

describe('a key of the environment', () => {
  test('is a ring of one', () => {
    expect(keyRingOf(HEX)).toEqual({ current: 1, keys: new Map([[1, Buffer.from(HEX, 'hex')]]) });
  });

  test('is a ring of several once it was rotated: the first wraps, a key without a number is the first there was', async () => {
    const second = HEX.split('').toReversed().join('');
    const keys = new Map([
      [2, Buffer.from(second, 'hex')],
      [1, Buffer.from(HEX, 'hex')],
    ]);
    expect(keyRingOf(`2:${second}, 1:${HEX}`)).toEqual({ current: 2, keys });
    expect(keyRingOf(`${HEX},2:${second}`)).toEqual({ current: 1, keys });
    const wrapped = await ringWrapping(keyRingOf(HEX)).wrap(PLACE, Buffer.from('old'));
    expect((await ringWrapping(keyRingOf(`2:${second},1:${HEX}`)).unwrap(PLACE, wrapped)).toString()).toBe('old');
    for (const twice of [`${HEX},${second}`, `1:${HEX},${second}`, `2:${HEX},2:${second}`])
      expect(() => keyRingOf(twice)).toThrow('two keys of one number');
  });

  test.each(['', HEX.slice(2), `zz${HEX.slice(2)}`, `${HEX}00`, `0:${HEX}`, `${HEX},`, `two:${HEX}`, ...PATTERNS.map(([, hex]) => hex)])(
    'that is not 64 hex digits of a generator is refused: %#',
    (hex) => {
      expect(() => keyRingOf(hex)).toThrow('64 hex digits');
    },
  );
});
