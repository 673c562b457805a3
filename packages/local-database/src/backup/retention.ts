import { rename, rm } from 'node:fs/promises';
import { baseFolder, draftOf, listBases, logFile, logNames, removeDrafts, type Archive, type Base } from './archive.ts';
import { segmentOf } from './segments.ts';

const DAYS_KEPT = 7;
const BASE_EVERY_MILLIS = 24 * 3_600_000;

/**
 * The copies to keep: the first one of each of the last seven days that have one, and the newest. The first, since whatever
 * came after it on its day can be restored from it; the newest, since from it restoring is quickest.
 */
export function basesToKeep(bases: Base[]): Base[] {
  const ascending = bases.toSorted((a, b) => a.finishedAt.localeCompare(b.finishedAt));
  const firstOfDay = new Map<string, Base>();
  for (const base of ascending) {
    const day = base.finishedAt.slice(0, 10);
    if (!firstOfDay.has(day)) firstOfDay.set(day, base);
  }
  const kept = new Set([...firstOfDay.values()].slice(-DAYS_KEPT));
  const newest = ascending.at(-1);
  if (newest) kept.add(newest);
  return ascending.filter((base) => kept.has(base));
}

/** Removes the copies that are not kept, then the log that no kept copy needs. Histories of timelines stay: they are tiny. */
export async function prune(archive: Archive, now: Date): Promise<void> {
  const bases = await listBases(archive);
  const kept = basesToKeep(bases);
  for (const base of bases) if (!kept.includes(base)) await removeBase(archive, base);
  const needed = Math.min(...kept.map((base) => numberOf(base.startSegment)));
  for (const name of await logNames(archive)) {
    // The partial last segment of a timeline that was left is of no use to a restore.
    const number = numberOf(name.replace(/\.partial$/, ''));
    if (number < needed) await rm(logFile(archive, name), { force: true });
  }
  await removeDrafts(archive, now);
}

/** Under another name first: a copy that is half gone would be taken for a whole one. */
async function removeBase(archive: Archive, { name }: Base): Promise<void> {
  const draft = draftOf(baseFolder(archive, name));
  await rename(baseFolder(archive, name), draft);
  await rm(draft, { recursive: true, force: true });
}

/** True when there is no copy yet, the newest is a day old, or the log after it has a gap that no copy bridges. */
export async function needsBase(archive: Archive, now: Date): Promise<boolean> {
  const newest = (await listBases(archive)).at(-1);
  if (!newest || now.getTime() - Date.parse(newest.finishedAt) >= BASE_EVERY_MILLIS) return true;
  const from = numberOf(newest.startSegment);
  const numbers = new Set((await logNames(archive)).map(numberOf).filter((number) => number >= from && number < Infinity));
  const last = Math.max(from, ...numbers);
  return numbers.size > 0 && numbers.size < last - from + 1;
}

/** Infinity for what is no segment. */
function numberOf(name: string): number {
  return segmentOf(name)?.number ?? Infinity;
}
