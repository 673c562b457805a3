import { plainDate } from '@medspa/contracts';

/** The earliest day that it is anywhere at that moment: what is over by then is over at every location (UTC-12 is the last). */
export function earliestToday(now: Date): string {
  return plainDate(new Date(now.getTime() - 12 * 3_600_000));
}
