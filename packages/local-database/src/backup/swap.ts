import { closeSync, copyFileSync, existsSync, fsyncSync, openSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import type { Layout } from '../cluster.ts';

type Intent = { draft: string; kept: string };

/** Where a restored cluster's password lies until the cluster is in its place. */
export function passwordOf(cluster: string): string {
  return `${cluster}-password`;
}

/**
 * Puts the restored cluster in the place of the one that is there, which stays beside it under the name `kept`. The intent is on the
 * disk first, and `finishSwap` carries it out at the next start if this process is killed: at no moment does a start find
 * no cluster and make an empty one.
 */
export function swapClusters(folder: string, layout: Layout, intent: Intent): void {
  const file = intentFile(folder);
  writeFileSync(`${file}.new`, JSON.stringify({ draft: basename(intent.draft), kept: basename(intent.kept) } satisfies Intent), {
    flush: true,
  });
  renameSync(`${file}.new`, file);
  syncFolderNow(folder);
  finishSwap(folder, layout);
}

/** Carries out a swap that was decided and not finished. Whoever owns the folder calls it before anything else. */
export function finishSwap(folder: string, layout: Layout): void {
  const file = intentFile(folder);
  if (!existsSync(file)) return;
  const intent = JSON.parse(readFileSync(file, 'utf8')) as Intent;
  const [draft, kept] = [join(folder, intent.draft), join(folder, intent.kept)];
  if (existsSync(draft)) {
    if (existsSync(layout.cluster)) renameSync(layout.cluster, kept);
    renameSync(draft, layout.cluster);
  } else if (!existsSync(layout.cluster)) {
    throw new Error(
      `The restored database ${draft} is gone, and so is ${layout.cluster}. What was there before the restore is in ${kept}.`,
    );
  }
  if (existsSync(passwordOf(draft))) {
    if (existsSync(layout.password) && !existsSync(passwordOf(kept))) copyFileSync(layout.password, passwordOf(kept));
    renameSync(passwordOf(draft), layout.password);
  }
  syncFolderNow(folder);
  rmSync(file);
}

/** Whether a swap was decided and is not finished: until then the draft is all there is. */
export function isSwapping(folder: string): boolean {
  return existsSync(intentFile(folder));
}

function intentFile(folder: string): string {
  return join(folder, 'swap.json');
}

function syncFolderNow(folder: string): void {
  const handle = openSync(folder, 'r');
  try {
    fsyncSync(handle);
  } finally {
    closeSync(handle);
  }
}
