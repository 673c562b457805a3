import { setTimeout as sleep } from 'node:timers/promises';
import type { Archive } from './archive.ts';
import { takeBase, type Source } from './base.ts';
import { needsBase, prune } from './retention.ts';

const FIRST_AFTER_MILLIS = 30_000;
const LOOKS_EVERY_MILLIS = 600_000;

/**
 * Takes a base copy when one is due, and removes what is no longer kept, until it is stopped. The first look comes a while after
 * the start, when the service has other things to do and short runs have ended.
 */
export function keepBases(
  source: Source,
  archive: Archive,
  say: (text: string) => void,
  firstAfterMillis = FIRST_AFTER_MILLIS,
): () => Promise<void> {
  const ending = new AbortController();
  const { signal } = ending;
  const work = async (): Promise<void> => {
    for (let waitMillis = firstAfterMillis; !signal.aborted; waitMillis = LOOKS_EVERY_MILLIS) {
      await sleep(waitMillis, undefined, { signal, ref: false }).catch(() => {});
      if (signal.aborted) return;
      try {
        if (!(await needsBase(archive, new Date()))) continue;
        await takeBase(source, archive, signal);
        await prune(archive, new Date());
      } catch (error) {
        if (!signal.aborted) say(`The daily backup failed: ${(error as Error).message}`);
      }
    }
  };
  const done = work();
  return () => {
    ending.abort();
    return done;
  };
}
