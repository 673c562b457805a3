import { andShifted, erode, invert, or, orShifted, setBits, WORD, type Row } from './bits.ts';
import type { Board, Resource } from './board.ts';
import { planVisit, type Plan, type Span, type Use } from './plan.ts';
import type { Frame } from './rules.ts';
import { SLOT_MINUTES, slotsOf, type Stretch } from './time.ts';
import type { Visit } from './visit.ts';

/** A visit on the part of a board that can matter for the days that are searched, and the rows that were worked out so far. */
export type Search = Frame & {
  board: Board;
  plan: Plan;
  /** where the part begins on the board, in words */
  firstWord: number;
  /** the whole visit lies on the board */
  patientFree: Row;
  /** a provider's free time that is shorter is a gap; 0: every length can be sold */
  gapSlots: number;
  known: Map<string, Row>;
  knownOfAny: Map<Use, Row>;
  knownTidyOfAny: Map<Use, Row>;
};

/** Starts are looked for in the span. Throws `RangeError` for a visit that cannot be meant. */
export function openSearch(board: Board, visit: Visit, span: Stretch, shortestGapMinutes = 0): Search {
  const plan = planVisit(board, visit);
  const gapSlots = slotsOf(shortestGapMinutes, 'A gap');
  const margin = plan.reach + gapSlots + 1;
  const wordOf = (slot: number) => Math.min(Math.max(Math.floor(slot / WORD), 0), Math.ceil(board.slots / WORD));
  const firstWord = wordOf((span.from - board.from) / SLOT_MINUTES - margin);
  const endWord = wordOf((span.until - board.from) / SLOT_MINUTES + margin + WORD);
  const [from, words] = [board.from + firstWord * WORD * SLOT_MINUTES, endWord - firstWord];
  const frame = { from, words };
  const patientFree = paintFree(frame, board, visit.patientBusy);
  return { ...frame, board, plan, firstWord, gapSlots, patientFree, known: new Map(), knownOfAny: new Map(), knownTidyOfAny: new Map() };
}

/** The slot of a moment in the rows of the search, or null when a start cannot be there. */
export function slotAt(search: Frame, minute: number): number | null {
  const slot = (minute - search.from) / SLOT_MINUTES;
  return Number.isInteger(slot) ? slot : null;
}

/** When a resource is free. */
export function freeTime(search: Search, resource: Resource): Row {
  const free = new Uint32Array(search.words);
  freeInto(free, search, resource);
  return free;
}

/** The starts of a service for which this candidate is free as long as the service takes it. */
export function startsOf(search: Search, use: Use, resource: Resource): Row {
  return remember(search.known, `${keyOf(use)} ${resource.index}`, () => {
    const [starts, scratch] = [new Uint32Array(search.words), new Uint32Array(search.words)];
    startsInto(starts, scratch, search, use, resource);
    return starts;
  });
}

/** The starts of a service for which any candidate is free. Rows of single candidates are not kept: there may be a thousand. */
export function startsOfAny(search: Search, use: Use): Row {
  return remember(search.knownOfAny, use, () => {
    const any = new Uint32Array(search.words);
    const [starts, scratch] = [new Uint32Array(search.words), new Uint32Array(search.words)];
    for (const resource of use.candidates) {
      startsInto(starts, scratch, search, use, resource);
      or(any, starts);
    }
    return any;
  });
}

/** Those that leave the provider no gap before the service, when it is their first one of the visit, and after it, when it is their last. */
export function tidyStartsOf(search: Search, use: Use, provider: Resource, isFirst: boolean, isLast: boolean): Row {
  return remember(search.known, `${keyOf(use)} ${provider.index} ${isFirst} ${isLast}`, () => {
    const starts = startsOf(search, use, provider).slice();
    const [first, last] = [use.spans[0]?.from ?? 0, use.spans.at(-1)?.until ?? 0];
    if (isFirst) andShifted(starts, noGapBefore(search, provider), first);
    if (isLast) andShifted(starts, noGapAfter(search, provider), last - 1);
    return starts;
  });
}

/** The same of any candidate who performs no other service of the visit. */
export function tidyStartsOfAny(search: Search, use: Use): Row {
  return remember(search.knownTidyOfAny, use, () => {
    const any = new Uint32Array(search.words);
    for (const provider of use.candidates) or(any, tidyStartsOf(search, use, provider, true, true));
    return any;
  });
}

/** The starts from which on a resource is free for so many slots; of the patient without one. */
export function freeFrom(search: Search, resource: Resource | null, slots: number): Row {
  return remember(search.known, `free ${resource?.index} ${slots}`, () => {
    const free = resource ? freeTime(search, resource) : search.patientFree.slice();
    erode(free, slots);
    return free;
  });
}

/** Bit i: a claim that begins at i leaves no gap before it. Either nothing is free right before it, or enough is. */
function noGapBefore(search: Search, provider: Resource): Row {
  return remember(search.known, `before ${provider.index}`, () => {
    const row = new Uint32Array(search.words);
    orShifted(row, freeTime(search, provider), -1);
    invert(row);
    orShifted(row, freeFrom(search, provider, search.gapSlots), -search.gapSlots);
    return row;
  });
}

/** Bit i: a claim whose last slot is i leaves no gap after it. */
function noGapAfter(search: Search, provider: Resource): Row {
  return remember(search.known, `after ${provider.index}`, () => {
    const row = new Uint32Array(search.words);
    orShifted(row, freeTime(search, provider), 1);
    invert(row);
    orShifted(row, freeFrom(search, provider, search.gapSlots), 1);
    return row;
  });
}

/** Overwrites `starts`; `scratch` is there so that a thousand candidates need no memory of their own. */
function startsInto(starts: Row, scratch: Row, search: Search, { spans }: Use, resource: Resource): void {
  starts.fill(-1);
  for (const { from, until } of spans) {
    freeInto(scratch, search, resource);
    erode(scratch, until - from);
    andShifted(starts, scratch, from);
  }
}

function freeInto(row: Row, { firstWord }: Search, { work, busy }: Resource): void {
  for (let word = 0; word < row.length; word++)
    row[word] = (work ? (work[firstWord + word] as number) : -1) & ~(busy[firstWord + word] as number);
}

/** The patient's free time, which ends with the board as everybody's does. */
function paintFree({ from, words }: Frame, board: Board, busy: readonly Stretch[]): Row {
  const row: Row = new Uint32Array(words);
  for (const stretch of busy)
    setBits(row, Math.floor((stretch.from - from) / SLOT_MINUTES), Math.ceil((stretch.until - from) / SLOT_MINUTES));
  setBits(row, board.slots - (from - board.from) / SLOT_MINUTES, words * WORD);
  invert(row);
  return row;
}

function keyOf({ spans }: Use): string {
  return spans.map(({ from, until }: Span) => `${from},${until}`).join(' ');
}

/** What is known under the key, or made and known from then on. */
export function remember<Key, Value>(known: Map<Key, Value>, key: Key, make: () => Value): Value {
  let value = known.get(key);
  if (value === undefined) known.set(key, (value = make()));
  return value;
}
