import { ArchiveError, hasLogFile, listBases, logFile, logNames, readFileSealed, readWhole, type Archive, type Base } from './archive.ts';
import { historyName, nameOf, numberAt, placeOf, segmentOf, wayTo, type Stretch } from './segments.ts';

/** How far to restore: to an instant (everything committed until then), or all that the backup has. */
export type Target = Date | 'latest';

/** From which copy to restore along which timelines. */
export type Plan = { base: Base; way: Stretch[]; timeline: number };

/**
 * The newest copy before the target, and the timeline on which the database lived at that instant. A restore begins a new
 * timeline, so the instants between what it went back to and when it was made belong to the old one: they can be restored too.
 */
export async function planRestore(archive: Archive, target: Target): Promise<Plan> {
  const bases = await listBases(archive);
  const [oldest] = bases;
  if (!oldest) throw new ArchiveError(`There is no base copy in ${archive.folder}.`);
  const timeline = await timelineAt(archive, target);
  const way =
    timeline === 1 ? wayTo(1, '') : wayTo(timeline, (await readWhole(archive, logFile(archive, historyName(timeline)))).toString('utf8'));
  const base = bases.findLast((one) => (target === 'latest' || Date.parse(one.finishedAt) <= target.getTime()) && isOn(way, one));
  if (!base) throw new ArchiveError(`The backup reaches back to ${oldest.finishedAt}; there is no base copy before the instant you named.`);
  return { base, way, timeline };
}

async function timelineAt(archive: Archive, target: Target): Promise<number> {
  let found = 1;
  for (const name of await logNames(archive)) {
    const timeline = Number.parseInt(/^([0-9A-F]{8})\.history$/.exec(name)?.[1] ?? '', 16);
    if (!(timeline > found)) continue;
    // It was archived when the restored database was first used.
    const { at } = await readFileSealed(archive, logFile(archive, name));
    if (target === 'latest' || at <= target) found = timeline;
  }
  return found;
}

/** True when the copy was complete before its timeline was left. */
function isOn(way: Stretch[], base: Base): boolean {
  const stretch = way.find(({ timeline }) => timeline === base.timeline);
  return stretch !== undefined && (stretch.leftAt === null || placeOf(base.stopLsn) <= stretch.leftAt);
}

/**
 * A sentence when a segment that PostgreSQL asked for is missing although it must be there: the copy needs it, or later ones
 * exist. Null when the log simply ends there, or another timeline's file serves.
 */
export async function gapAt(archive: Archive, plan: Plan, asked: string): Promise<string | null> {
  const segment = segmentOf(asked);
  if (!segment) return null;
  const timelines = plan.way.map(({ timeline }) => timeline);
  if (timelines.some((timeline) => hasLogFile(archive, nameOf({ timeline, number: segment.number })))) return null;
  const stop = segmentOf(plan.base.stopSegment)?.number ?? 0;
  const later = (await logNames(archive)).some((name) => {
    const one = segmentOf(name);
    return one !== null && one.number > segment.number && holds(plan.way, one.timeline, one.number);
  });
  if (segment.number > stop && !later) return null;
  return `The segment ${asked} of the log is missing in the backup (${logFile(archive, asked)}); without it nothing after it can be restored.`;
}

/** True when the way passes through this segment of the timeline. */
function holds(way: Stretch[], timeline: number, number: number): boolean {
  const stretch = way.find((one) => one.timeline === timeline);
  return stretch !== undefined && (stretch.leftAt === null || number <= numberAt(stretch.leftAt));
}
