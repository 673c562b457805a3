import { createHash, randomBytes } from 'node:crypto';
import { mkdir, mkdtemp, open, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Anchor } from './anchor.ts';

/** Keeps anchors outside of the database. Resolves when they are on the disk or in the bucket. */
export type AnchorStore = (anchors: Anchor[]) => Promise<void>;

const ANCHORS = 'anchors.jsonl';
/** Public keys of the anchors beside them, one a line: what a verifier trusts unless it is told. */
export const PUBLIC_KEYS = 'public-keys';

/**
 * Appends to a file of a folder that this user alone may enter, and writes the public key down there. Enough against somebody who
 * has the database and not this machine; against whoever has both, copy the file to where they cannot write.
 */
export async function openAnchorFolder(folder: string, publicKey: string): Promise<AnchorStore> {
  await mkdir(folder, { recursive: true, mode: 0o700 });
  const known = await readFile(join(folder, PUBLIC_KEYS), 'utf8').catch(() => '');
  if (!known.split('\n').includes(publicKey)) await append(join(folder, PUBLIC_KEYS), `${publicKey}\n`);
  return (anchors) => append(join(folder, ANCHORS), linesOf(anchors));
}

async function append(path: string, lines: string): Promise<void> {
  const file = await open(path, 'a', 0o600);
  try {
    // In one write, so that two processes do not write into each other's lines.
    await file.writeFile(lines);
    await file.sync();
  } finally {
    await file.close();
  }
}

/** What a bucket does, as `s3Place` of @medspa/files does it. */
type Bucket = { write: (key: string, file: { path: string; bytes: number; sha256: string }) => Promise<void> };

/**
 * An object for each time, below `audit-anchors/`, under a name that is used once: a bucket with a retention lock takes them and gives
 * none up. Not encrypted, so that a verifier needs no key: an anchor has ids, counts and hashes.
 */
export function anchorBucket(bucket: Bucket): AnchorStore {
  return async (anchors) => {
    const folder = await mkdtemp(join(tmpdir(), 'medspa-anchors-'));
    try {
      const path = join(folder, ANCHORS);
      const content = linesOf(anchors);
      await writeFile(path, content, { mode: 0o600 });
      const time = anchors[0]?.time ?? '';
      const name = `${time.replaceAll(/\D/g, '')}-${randomBytes(4).toString('hex')}.jsonl`;
      const sha256 = createHash('sha256').update(content).digest('hex');
      await bucket.write(`audit-anchors/${time.slice(0, 10)}/${name}`, { path, bytes: Buffer.byteLength(content), sha256 });
    } finally {
      await rm(folder, { recursive: true, force: true });
    }
  };
}

function linesOf(anchors: Anchor[]): string {
  return anchors.map((anchor) => `${JSON.stringify(anchor)}\n`).join('');
}
