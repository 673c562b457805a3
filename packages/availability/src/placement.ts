import { hasBit } from './bits.ts';
import { needsOf, stayOf, type Need, type Tidiness } from './chain.ts';
import { choicesOf, type Choice } from './choices.ts';
import { allOf, nextOf, type Segment } from './plan.ts';
import type { Search } from './search.ts';

/** A service at a slot: what it needs there, and how long its patient stays with the pause that follows. */
type Step = { segment: Segment; slot: number; stay: number; needs: Need[] };

/** A visit at a start: its services in time, and how many conditions fail there. It can be had when none does. */
export type Placement = { choice: Choice; steps: readonly Step[]; end: number; failures: number };

type Placed = { steps: readonly Step[]; end: number; failures: number };

/**
 * How the visit fits best at a slot, or fails least: the fewest conditions that fail, then the shortest visit, then services in the
 * order in which they are listed, then the earliest pauses. Null when nobody could ever be chosen for what belongs together.
 */
export function placeVisit(search: Search, slot: number, tidiness: Tidiness): Placement | null {
  let best: Placement | null = null;
  const shortest = search.plan.segments.reduce((sum, { slots }) => sum + slots, slot);
  for (const choice of choicesOf(search.plan, tidiness === 'tidy')) {
    const placed = placeRest({ search, choice, tidiness, known: new Map() }, allOf(search.plan), slot);
    if (!best || isBetter(placed, best)) best = { choice, ...placed };
    if (best.failures === 0 && best.end === shortest) break;
  }
  return best;
}

type Placing = { search: Search; choice: Choice; tidiness: Tidiness; known: Map<string, Placed> };

function placeRest(placing: Placing, rest: number, slot: number): Placed {
  if (rest === 0) return { steps: [], end: slot, failures: 0 };
  const key = `${rest} ${slot}`;
  const before = placing.known.get(key);
  if (before) return before;
  const { search, choice, tidiness } = placing;
  let best: Placed | null = null;
  for (const segment of nextOf(search.plan, rest)) {
    const after = rest & ~(1 << segment.place);
    const needs = needsOf(search, choice, segment, after, tidiness);
    const failing = needs.filter(({ row }) => !hasBit(row, slot)).length;
    for (const pause of after === 0 ? [0] : search.plan.pauses) {
      const stay = segment.slots + pause;
      const away = stayOf(search, choice, stay).filter(({ row }) => !hasBit(row, slot)).length;
      const { steps, end, failures } = placeRest(placing, after, slot + stay);
      const placed = { steps: [{ segment, slot, stay, needs }, ...steps], end, failures: failures + failing + away };
      if (!best || isBetter(placed, best)) best = placed;
    }
  }
  const found = best ?? { steps: [], end: slot, failures: 0 };
  placing.known.set(key, found);
  return found;
}

function isBetter(one: Placed, other: Placed): boolean {
  return one.failures < other.failures || (one.failures === other.failures && one.end < other.end);
}
