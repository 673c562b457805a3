import { quantile } from './bench.ts';

/** How long the same piece of work took the processor, in milliseconds: mostly, and in the slowest twentieth of the samples. */
export type Pace = { median: number; slow: number };

const STEPS = 3_000_000;
/** Until the loop is compiled it is slower by itself. */
const WARM_UPS = 20;
const EVERY_MILLIS = 1_000;

/**
 * Watches how fast the machine itself is while something else is measured. Counted is processor time, so that waiting for a
 * turn does not count, and only a machine that is slower than a moment before does (a neighbour on the same host).
 * Call what it returns to end it.
 */
export function watchPace(): () => Pace {
  for (let time = 0; time < WARM_UPS; time++) work();
  const samples: number[] = [];
  const timer = setInterval(() => samples.push(work()), EVERY_MILLIS);
  return () => {
    clearInterval(timer);
    const sorted = samples.toSorted((a, b) => a - b);
    return { median: quantile(sorted, 0.5), slow: quantile(sorted, 0.95) };
  };
}

function work(): number {
  const before = process.cpuUsage();
  let sum = 0;
  for (let step = 0; step < STEPS; step++) sum = (sum * 31 + step) | 0;
  const { user, system } = process.cpuUsage(before);
  // The sum is used, or the loop would be removed.
  return sum === 0.5 ? 0 : (user + system) / 1_000;
}
