import { setBits, type Row } from './bits.ts';
import { SLOT_MINUTES, slotsOf, type Minute, type Stretch } from './time.ts';

/** When a visit may start, whoever is free: lead time, horizon, step, online hours, and how the day is kept whole. */
export type Rules = {
  /** the local days that are searched, ascending */
  days: readonly LocalDay[];
  /** starts are at multiples of this on the local clock, counted from midnight; it divides a day */
  stepMinutes: number;
  /** lead time: the first moment at which a visit may start */
  earliest?: Minute;
  /** horizon: the last moment at which a visit may start */
  latest?: Minute;
  /** the only times at which a visit may start, where there are such (online rules) */
  offered?: readonly Stretch[];
  /**
   * Starts that leave a provider free for less than this, right before their first service of the visit or right after their last
   * one, are hidden, unless all starts of that local day do. (Time inside of a visit is the visit's, not the start's.)
   */
  shortestGapMinutes?: number;
};

/** A local day: its instants, and what the zone adds to UTC from which of them on. Where the clocks change there are two entries. */
export type LocalDay = Stretch & { offsets: readonly { from: Minute; minutes: number }[] };

/** A rule that a start breaks by itself, whatever is free. */
export type StartRule = 'day' | 'step' | 'lead-time' | 'horizon' | 'offered';

const DAY_MINUTES = 1_440;

/** Where the bits of a search are: slot 0 is at `from`. */
export type Frame = { from: Minute; words: number };

/**
 * The starts that each rule allows, in the order in which they are named to people. Throws `RangeError` for a step that does not
 * divide the day.
 */
export function startRules(rules: Rules, { from, words }: Frame): { rule: StartRule; row: Row }[] {
  if (DAY_MINUTES % slotsOf(rules.stepMinutes, 'A step', SLOT_MINUTES) !== 0 || DAY_MINUTES % rules.stepMinutes !== 0)
    throw new RangeError(`Steps of ${rules.stepMinutes} minutes do not divide a day.`);
  const paint = (stretches: readonly Stretch[]): Row => {
    const row: Row = new Uint32Array(words);
    // A start is in a stretch when its moment is.
    for (const stretch of stretches) setBits(row, firstSlot(stretch.from - from), firstSlot(stretch.until - from));
    return row;
  };
  const stepRow: Row = new Uint32Array(words);
  for (const day of rules.days) paintSteps(stepRow, from, day, rules.stepMinutes);
  const end = Number.MAX_SAFE_INTEGER;
  return [
    { rule: 'day', row: paint(rules.days) },
    { rule: 'step', row: stepRow },
    ...(rules.earliest === undefined ? [] : [{ rule: 'lead-time' as const, row: paint([{ from: rules.earliest, until: end }]) }]),
    ...(rules.latest === undefined ? [] : [{ rule: 'horizon' as const, row: paint([{ from: -end, until: rules.latest + 1 }]) }]),
    ...(rules.offered ? [{ rule: 'offered' as const, row: paint(rules.offered) }] : []),
  ];
}

/** Sets the starts of a day at which the local clock shows a multiple of the step. */
function paintSteps(row: Row, origin: Minute, { until, offsets }: LocalDay, step: number): void {
  offsets.forEach(({ from, minutes }, index) => {
    const end = offsets[index + 1]?.from ?? until;
    const past = (((from + minutes) % step) + step) % step;
    for (let start = past === 0 ? from : from + step - past; start < end; start += step) {
      const slot = (start - origin) / SLOT_MINUTES;
      // Of an offset that is no multiple of five, as before 1970, no step meets a slot.
      if (Number.isInteger(slot)) setBits(row, slot, slot + 1);
    }
  });
}

/** The first slot that does not begin before that many minutes. */
function firstSlot(minutes: number): number {
  return Math.ceil(minutes / SLOT_MINUTES);
}
