import { hasBit, type Row } from './bits.ts';
import { needsOf, stayOf, type Need, type Tidiness } from './chain.ts';
import { choicesOf, type Choice } from './choices.ts';
import { allOf, nextOf, type Plan, type Segment } from './plan.ts';
import { remember, type Search } from './search.ts';
import { MOST_SERVICES } from './visit.ts';

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
    const placed = placeRest(beginPlacing(search, choice, tidiness), allOf(search.plan), slot);
    if (!best || isBetter(placed, best)) best = { choice, ...placed };
    if (best.failures === 0 && best.end === shortest) break;
  }
  return best;
}

/** One choice being placed: what was found so far, by set of services and slot, and its conditions, which are asked often. */
type Placing = {
  plan: Plan;
  needs: (segment: Segment, rest: number) => Need[];
  stays: (slots: number) => { row: Row }[];
  known: Map<number, Placed>;
};

function beginPlacing(search: Search, choice: Choice, tidiness: Tidiness): Placing {
  const needs = new Map<number, Need[]>();
  const stays = new Map<number, { row: Row }[]>();
  return {
    plan: search.plan,
    needs: (segment, rest) => remember(needs, rest * MOST_SERVICES + segment.place, () => needsOf(search, choice, segment, rest, tidiness)),
    stays: (slots) => remember(stays, slots, () => stayOf(search, choice, slots)),
    known: new Map(),
  };
}

function placeRest(placing: Placing, rest: number, slot: number): Placed {
  if (rest === 0) return { steps: [], end: slot, failures: 0 };
  return remember(placing.known, slot * 2 ** MOST_SERVICES + rest, () => {
    let best: Placed | null = null;
    for (const segment of nextOf(placing.plan, rest)) {
      const after = rest & ~(1 << segment.place);
      const needs = placing.needs(segment, after);
      const failing = failuresOf(needs, slot);
      for (const pause of after === 0 ? [0] : placing.plan.pauses) {
        const stay = segment.slots + pause;
        const { steps, end, failures } = placeRest(placing, after, slot + stay);
        const all = failures + failing + failuresOf(placing.stays(stay), slot);
        if (!best || isBetter({ failures: all, end }, best))
          best = { steps: [{ segment, slot, stay, needs }, ...steps], end, failures: all };
      }
    }
    return best ?? { steps: [], end: slot, failures: 0 };
  });
}

function failuresOf(conditions: { row: Row }[], slot: number): number {
  let failures = 0;
  for (const { row } of conditions) if (!hasBit(row, slot)) failures++;
  return failures;
}

function isBetter(one: Omit<Placed, 'steps'>, other: Omit<Placed, 'steps'>): boolean {
  return one.failures < other.failures || (one.failures === other.failures && one.end < other.end);
}
