/** Whoever missed more of a location than this reads its day again, which is less to send. */
const MOST_TO_CATCH_UP = 1_000;

/**
 * Where somebody begins who has seen everything up to `seen`, null for nothing, at a location whose last event is `last`. A number that
 * there is not yet is of another location, or of a database that was restored.
 */
export function beginningOf(seen: number | null, last: number): { after: number; isToReload: boolean } {
  const canCatchUp = seen !== null && seen <= last && last - seen <= MOST_TO_CATCH_UP;
  return canCatchUp ? { after: seen, isToReload: false } : { after: last, isToReload: true };
}
