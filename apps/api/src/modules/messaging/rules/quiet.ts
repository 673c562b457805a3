import { Temporal } from 'temporal-polyfill';

/** Wall times `HH:MM` of the recipient between which what is not urgent waits; from before until, or over midnight. */
export type QuietHours = { from: string; until: string };

/** Where an organization has set nothing else. */
export const DEFAULT_QUIET_HOURS: QuietHours = { from: '21:00', until: '08:00' };

/**
 * When the quiet hours that `at` falls into end, or null outside of them. The zone is the recipient's. Where the clocks skip
 * the end it is the first moment after the gap; where they repeat it, the first one that is still to come.
 */
export function endOfQuiet(at: Date, timeZone: string, { from, until }: QuietHours): Date | null {
  const [begin, end] = [Temporal.PlainTime.from(from), Temporal.PlainTime.from(until)];
  const here = Temporal.Instant.fromEpochMilliseconds(at.getTime()).toZonedDateTimeISO(timeZone);
  const time = here.toPlainTime();
  const isFrom = Temporal.PlainTime.compare(time, begin) >= 0;
  const isBefore = Temporal.PlainTime.compare(time, end) < 0;
  const overMidnight = Temporal.PlainTime.compare(begin, end) > 0;
  if (overMidnight ? !isFrom && !isBefore : !isFrom || !isBefore) return null;
  const day = isBefore ? here.toPlainDate() : here.toPlainDate().add({ days: 1 });
  const [earlier, later] = (['earlier', 'later'] as const).map((disambiguation) =>
    day.toPlainDateTime(end).toZonedDateTime(timeZone, { disambiguation }),
  ) as [Temporal.ZonedDateTime, Temporal.ZonedDateTime];
  const isSkipped = !earlier.toPlainTime().equals(end);
  const ends = isSkipped ? (earlier.getTimeZoneTransition('next') ?? later) : earlier;
  return new Date(ends.epochMilliseconds > at.getTime() ? ends.epochMilliseconds : later.epochMilliseconds);
}
