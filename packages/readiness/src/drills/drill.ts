import { setTimeout as sleep } from 'node:timers/promises';
import { couldNotCheck, type Judgement } from '../check.ts';
import type { DrillGround } from './ground.ts';

/** One drill of a row: it starts what it needs, and all of that is gone when it answers. */
export type Drill = (ground: DrillGround) => Promise<Judgement>;

const MOST_MILLIS = 20_000;
const SETTLE_MILLIS = 3_000;

/** Bounds the work in time, and clears the ground after it, whatever happens. */
export function drill(name: string, work: Drill, mostMillis = MOST_MILLIS): Drill {
  return async (ground) => {
    ground.say(name);
    const done = work(ground);
    const settled = done.then(
      () => {},
      () => {},
    );
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<Judgement>((resolve) => {
      timer = setTimeout(() => resolve(couldNotCheck(`the drill did not end within ${spoken(mostMillis)}`)), mostMillis);
    });
    try {
      return await Promise.race([done, late]);
    } catch (error) {
      // Such as a service that does not start: the project could not be seen, which says nothing of it.
      return couldNotCheck(error instanceof Error ? error.message : 'unknown error');
    } finally {
      clearTimeout(timer);
      await ground.clear();
      // One that is late fails by itself now that its processes are gone; until then it could disturb the next.
      await Promise.race([settled, sleep(SETTLE_MILLIS, undefined, { ref: false })]);
      await ground.clear();
    }
  };
}

/** `3.1 s` or `85 ms`, as a report has it. */
export function spoken(millis: number): string {
  return millis >= 1_000 ? `${(millis / 1_000).toFixed(1)} s` : `${Math.round(millis)} ms`;
}

/** `0.2 s to 3.1 s` of several durations. */
export function spokenRange(millis: number[]): string {
  const [least, most] = [spoken(Math.min(...millis)), spoken(Math.max(...millis))];
  return least === most ? least : `${least} to ${most}`;
}

/** How often each status came, such as `57 x 200, 3 x 503`; what had no answer says how. */
export function spokenStatuses(answers: { status: number; lost: string | null }[]): string {
  const counts = new Map<string, number>();
  for (const { status, lost } of answers) {
    const name = lost === null ? String(status) : `no answer (${lost})`;
    counts.set(name, (counts.get(name) ?? 0) + 1);
  }
  return [...counts].map(([name, count]) => `${count} x ${name}`).join(', ');
}
