import { setTimeout as sleep } from 'node:timers/promises';
import { handleDatabaseError } from './errors.ts';

const MAX_ATTEMPTS = 4;

/**
 * Runs the work again when it lost a race (serialization failure, deadlock, a plan that a migration broke): at most four
 * times, with full jitter. The work must be one whole transaction without effects outside the database.
 */
export async function retryLostRaces<T>(work: () => Promise<T>, onRetry: () => void = () => {}): Promise<T> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await work();
    } catch (error) {
      if (attempt === MAX_ATTEMPTS || !handleDatabaseError(error)?.retry) throw error;
      onRetry();
      await sleep(pauseAfter(attempt));
    }
  }
}

/** Milliseconds to wait after a lost attempt, the first being 1: at random below a bound that grows, so that two losers do not meet again. */
export function pauseAfter(attempt: number): number {
  return Math.random() * Math.min(250, 15 * 4 ** attempt);
}
