/** UTC midnight, as `date` columns come, to the day it stands for. */
export function plainDate(date: Date): string;
export function plainDate(date: Date | null): string | null;
export function plainDate(date: Date | null): string | null {
  return date?.toISOString().slice(0, 10) ?? null;
}

/** The earliest day that it is anywhere at that moment: what is over by then is over at every location (UTC-12 is the last). */
export function earliestToday(now: Date): string {
  return plainDate(new Date(now.getTime() - 12 * 3_600_000));
}
