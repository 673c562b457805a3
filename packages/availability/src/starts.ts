import { and, bitsOf, countBits, hasBit, isEmpty, or, setBits, type Row } from './bits.ts';
import type { Board, Resource } from './board.ts';
import { startsOfVisit } from './chain.ts';
import { useOf } from './plan.ts';
import { startRules, type Rules } from './rules.ts';
import { openSearch, slotAt, type Search } from './search.ts';
import { SLOT_MINUTES, type Minute, type Stretch } from './time.ts';
import type { Visit } from './visit.ts';

/** Starts as bits: bit i is the start `from + 5 i`. */
export type Starts = { from: Minute; row: Row };

/**
 * When the visit can start on the days of the rules: exactly the starts for which providers, rooms, devices and the patient are
 * free, in some order of its services and with some pauses that the visit allows. Throws `RangeError` for a visit or rules that
 * cannot be meant.
 */
export function findStarts(board: Board, visit: Visit, rules: Rules): Starts {
  return searchStarts(searchFor(board, visit, rules), rules);
}

/**
 * The same for each provider who may perform the first service that is listed, as if they had been asked for, in the order of the
 * service. Empty for a service that takes no provider.
 */
export function findStartsByProvider(board: Board, visit: Visit, rules: Rules): Map<string, Starts> {
  const search = searchFor(board, visit, rules);
  const [first] = search.plan.segments;
  const providers = (first && useOf(first, 'provider')?.candidates) ?? [];
  return new Map(providers.map((provider) => [provider.id, searchStarts(search, rules, provider)]));
}

export function hasStart({ from, row }: Starts, minute: Minute): boolean {
  const slot = (minute - from) / SLOT_MINUTES;
  return Number.isInteger(slot) && hasBit(row, slot);
}

export function countStarts({ row }: Starts): number {
  return countBits(row);
}

/** Ascending. */
export function* eachStart({ from, row }: Starts): Generator<Minute> {
  for (const bit of bitsOf(row)) yield from + bit * SLOT_MINUTES;
}

/** A search on the days of the rules. */
export function searchFor(board: Board, visit: Visit, rules: Rules): Search {
  return openSearch(board, visit, spanOf(rules.days), rules.shortestGapMinutes);
}

function searchStarts(search: Search, rules: Rules, first?: Resource): Starts {
  const starts = startsOfVisit(search, 'any', first);
  for (const { row } of startRules(rules, search)) and(starts, row);
  if (search.gapSlots > 0 && !isEmpty(starts)) hideGaps(search, rules, starts, startsOfVisit(search, 'tidy', first));
  return { from: search.from, row: starts };
}

/** On each local day that has tidy starts, the others are hidden. */
function hideGaps(search: Search, { days }: Rules, starts: Row, tidy: Row): void {
  and(tidy, starts);
  const keep = new Uint32Array(search.words);
  for (const day of days) {
    const [from, until] = [slotFrom(search, day.from), slotFrom(search, day.until)];
    const ofDay = new Uint32Array(search.words);
    setBits(ofDay, from, until);
    and(ofDay, tidy);
    if (isEmpty(ofDay)) setBits(keep, from, until);
  }
  or(keep, tidy);
  and(starts, keep);
}

/** The first slot that begins no earlier. */
function slotFrom(search: Search, minute: Minute): number {
  return Math.ceil((minute - search.from) / SLOT_MINUTES);
}

function spanOf(days: readonly Stretch[]): Stretch {
  return { from: days[0]?.from ?? 0, until: days.at(-1)?.until ?? 0 };
}

/** Whether a start breaks the gap rule: free, but it leaves a gap on a day that has starts which leave none. */
export function leavesGap(search: Search, rules: Rules, minute: Minute): boolean {
  const slot = slotAt(search, minute);
  const day = rules.days.find(({ from, until }) => minute >= from && minute < until);
  if (slot === null || !day || search.gapSlots === 0) return false;
  const tidy = startsOfVisit(search, 'tidy');
  if (hasBit(tidy, slot)) return false;
  for (const { row } of startRules(rules, search)) and(tidy, row);
  const ofDay = new Uint32Array(search.words);
  setBits(ofDay, slotFrom(search, day.from), slotFrom(search, day.until));
  and(ofDay, tidy);
  return !isEmpty(ofDay);
}
