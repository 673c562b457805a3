/** UTC, in minutes since 1970-01-01T00:00Z. */
export type Minute = number;

/** Half open: [from, until). */
export type Stretch = { from: Minute; until: Minute };

/** What time is counted in: starts, lengths, buffers and pauses are multiples of it. */
export const SLOT_MINUTES = 5;

/** Minutes as slots. Throws `RangeError` for what is no multiple of five, or less than `least`. */
export function slotsOf(minutes: number, what: string, least = 0): number {
  const slots = minutes / SLOT_MINUTES;
  if (!Number.isInteger(slots) || minutes < least)
    throw new RangeError(`${what} of ${minutes} minutes: at least ${least}, a multiple of five.`);
  return slots;
}

/** Stretches as one: sorted, and joined where they meet or overlap. */
export function merge(stretches: readonly Stretch[]): Stretch[] {
  const merged: Stretch[] = [];
  for (const { from, until } of stretches.toSorted((a, b) => a.from - b.from)) {
    const last = merged.at(-1);
    if (last && from <= last.until) last.until = Math.max(last.until, until);
    else merged.push({ from, until });
  }
  return merged;
}
