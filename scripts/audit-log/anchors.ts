import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fingerprintOf, readAnchor, type Anchor } from '../../apps/api/src/platform/audit/anchor.ts';
import { PUBLIC_KEYS } from '../../apps/api/src/platform/audit/anchor-store.ts';
import type { Finding } from './findings.ts';

/** The anchors that count, what is wrong with others, and the keys that signed. */
export type Anchors = { anchors: Anchor[]; findings: Finding[]; signedBy: string[] };

/**
 * Reads the lines of a file, or of every `.jsonl` file below a folder (a bucket's `audit-anchors`, copied). The keys that are trusted
 * are those given, or else the file `public-keys` beside the anchors. Throws a sentence when neither is there.
 */
export function readAnchors(place: string, publicKeys: readonly string[]): Anchors {
  if (!existsSync(place)) throw new Error(`There are no anchors at ${place}.`);
  const isFolder = statSync(place).isDirectory();
  const trusted = new Set(publicKeys.length > 0 ? publicKeys : keysBeside(isFolder ? place : dirname(place)));
  const malformed = [...trusted].find((key) => !/^[\w-]{43}$/.test(key));
  if (malformed !== undefined) throw new Error('A public key is 43 characters, as npm run audit-log -- public-key prints it.');
  const findings: Finding[] = [];
  const anchors: Anchor[] = [];
  for (const line of linesOf(place, isFolder)) {
    const read = readAnchor(line, trusted);
    if ('anchor' in read) anchors.push(read.anchor);
    else findings.push({ organization: read.organization, log: read.log, kind: read.refused, sequence: null });
  }
  return { anchors, findings, signedBy: [...new Set(anchors.map(({ key }) => fingerprintOf(key)))] };
}

function keysBeside(folder: string): string[] {
  const path = join(folder, PUBLIC_KEYS);
  if (!existsSync(path))
    throw new Error(
      `Which public keys may have signed? Give --public-key=KEY; there is no ${path}. npm run audit-log -- public-key prints them.`,
    );
  return readFileSync(path, 'utf8').split('\n').filter(Boolean);
}

function linesOf(place: string, isFolder: boolean): string[] {
  const files = isFolder
    ? readdirSync(place, { recursive: true, encoding: 'utf8' })
        .filter((name) => name.endsWith('.jsonl'))
        .toSorted()
        .map((name) => join(place, name))
    : [place];
  return files.flatMap((file) => readFileSync(file, 'utf8').split('\n').filter(Boolean));
}
