import { and, isEmpty, or, orShifted, type Row } from './bits.ts';
import type { Resource } from './board.ts';
import { choicesOf, placeAmong, type Choice } from './choices.ts';
import { allOf, nextOf, type Segment, type Use } from './plan.ts';
import { freeFrom, startsOf, startsOfAny, tidyStartsOf, tidyStartsOfAny, type Search } from './search.ts';

// When a visit can start. The search asks these rows for all slots at once; what explains a start and what assigns its resources
// (placement.ts) ask the same rows about single slots, and so can never say otherwise.

/** What is asked of the day beside free resources: nothing, or that no provider is left with a gap that cannot be sold. */
export type Tidiness = 'any' | 'tidy';

/** A condition of one service at its start. */
export type Need = { use: Use; chosen: Resource | null; row: Row };

/** What a service needs, when these others are still to come. */
export function needsOf(search: Search, choice: Choice, segment: Segment, rest: number, tidiness: Tidiness): Need[] {
  return segment.uses.map((use) => {
    const chosen = chosenFor(choice, segment, use);
    return {
      use,
      chosen,
      row: tidiness === 'tidy' && use.kind === 'provider' ? tidyRow(search, choice, segment, rest, use) : startsFor(search, use, chosen),
    };
  });
}

/** From when on patient and kept room are free for so many slots: the time of a service and the pause after it. */
export function stayOf(search: Search, choice: Choice, slots: number): { who: Resource | null; row: Row }[] {
  return [null, ...(choice.room ? [choice.room] : [])].map((who) => ({ who, row: freeFrom(search, who, slots) }));
}

/** The starts of a visit for which resources are free, and tidy ones of them where that is asked for. `first` performs its first service. */
export function startsOfVisit(search: Search, tidiness: Tidiness, first?: Resource): Row {
  const starts = new Uint32Array(search.words);
  for (const choice of choicesOf(search.plan, tidiness === 'tidy', first))
    or(starts, startsOfRest(search, choice, tidiness, allOf(search.plan), new Map()));
  return starts;
}

/** The starts of the services that are still to come, by the set of them: in which order the set was reached does not matter. */
function startsOfRest(search: Search, choice: Choice, tidiness: Tidiness, rest: number, known: Map<number, Row>): Row {
  const before = known.get(rest);
  if (before) return before;
  const starts = new Uint32Array(search.words);
  for (const segment of nextOf(search.plan, rest)) {
    const after = rest & ~(1 << segment.place);
    const begins = new Uint32Array(search.words).fill(-1);
    for (const { row } of needsOf(search, choice, segment, after, tidiness)) and(begins, row);
    if (isEmpty(begins)) continue;
    if (after === 0) for (const { row } of stayOf(search, choice, segment.slots)) and(begins, row);
    else and(begins, goesOn(search, choice, segment, startsOfRest(search, choice, tidiness, after, known)));
    or(starts, begins);
  }
  known.set(rest, starts);
  return starts;
}

/** The starts of a service after which, with one of the pauses, what follows can begin. */
function goesOn(search: Search, choice: Choice, { slots }: Segment, following: Row): Row {
  const starts = new Uint32Array(search.words);
  if (isEmpty(following)) return starts;
  for (const pause of search.plan.pauses) {
    const one = new Uint32Array(search.words);
    orShifted(one, following, slots + pause);
    for (const { row } of stayOf(search, choice, slots + pause)) and(one, row);
    or(starts, one);
  }
  return starts;
}

function chosenFor(choice: Choice, { place }: Segment, { kind }: Use): Resource | null {
  if (kind === 'provider') return choice.providers[place] ?? null;
  return kind === 'room' ? choice.room : null;
}

function startsFor(search: Search, use: Use, chosen: Resource | null): Row {
  return chosen ? startsOf(search, use, chosen) : startsOfAny(search, use);
}

function tidyRow(search: Search, choice: Choice, segment: Segment, rest: number, use: Use): Row {
  const chosen = chosenFor(choice, segment, use);
  const { isFirst, isLast } = placeAmong(choice, segment.place, rest);
  // Nobody is chosen for a service that its provider performs alone, so it is their first one and their last.
  return chosen ? tidyStartsOf(search, use, chosen, isFirst, isLast) : tidyStartsOfAny(search, use);
}
