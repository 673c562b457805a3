import type { Resource } from './board.ts';
import { useOf, type Plan, type Segment } from './plan.ts';

/**
 * What is decided for a whole visit before its services are looked at one by one: who performs services that belong together, and
 * the room of a visit that stays in one. With that decided, what one service needs no longer depends on what another one got.
 */
export type Choice = {
  /** by place of the service; null where any candidate will do */
  providers: readonly (Resource | null)[];
  /** by place of the service: the set of services that the same provider performs */
  together: readonly number[];
  room: Resource | null;
};

/**
 * Every choice there is. Services are together in the ways that the visit asks for: all of them with the same provider; each by
 * itself; and in all ways where gaps of a provider matter, since a gap is before the first and after the last of theirs.
 * `first` performs the first service that is listed.
 */
export function* choicesOf(plan: Plan, areGapsCounted: boolean, first?: Resource): Generator<Choice> {
  const rooms = plan.sameRoom ? commonCandidates(plan.segments, 'room') : [null];
  for (const together of waysTogether(plan, areGapsCounted)) {
    const sets = [...new Set(together)].filter((set) => set !== 0);
    for (const chosen of providersOf(plan, sets, first))
      for (const room of rooms) yield { together, room, providers: together.map((set) => chosen.get(set) ?? null) };
  }
}

/** By place, the set of services of the same provider; 0 for a service that needs none. */
function waysTogether(plan: Plan, areGapsCounted: boolean): number[][] {
  const performed = plan.segments.filter((segment) => useOf(segment, 'provider')).map(({ place }) => place);
  const groupings = plan.sameProvider ? [[performed]] : areGapsCounted ? groupingsOf(performed) : [performed.map((place) => [place])];
  return groupings.map((groups) =>
    plan.segments.map(({ place }) => (groups.find((group) => group.includes(place)) ?? []).reduce((set, one) => set | (1 << one), 0)),
  );
}

/** All ways to put things into groups. */
function groupingsOf(places: number[]): number[][][] {
  const [first, ...rest] = places;
  if (first === undefined) return [[]];
  return groupingsOf(rest).flatMap((groups) => [
    [[first], ...groups],
    ...groups.map((_, joined) => groups.map((group, index) => (index === joined ? [first, ...group] : group))),
  ]);
}

/** Who performs each set, where that is to be decided: a service by itself takes any candidate, unless it is the first and asked about. */
function* providersOf(plan: Plan, sets: number[], first?: Resource): Generator<Map<number, Resource>> {
  const [set, ...rest] = sets;
  if (set === undefined) {
    yield new Map();
    return;
  }
  const isAsked = first !== undefined && (set & 1) === 1;
  const isAlone = (set & (set - 1)) === 0;
  for (const chosen of providersOf(plan, rest, first)) {
    if (isAlone && !isAsked) yield chosen;
    else {
      const segments = plan.segments.filter(({ place }) => set & (1 << place));
      for (const provider of commonCandidates(segments, 'provider'))
        if (!isAsked || provider === first) yield new Map([...chosen, [set, provider]]);
    }
  }
}

/** Candidates of all services that need one of that kind, in the order of the first that does. */
export function commonCandidates(segments: readonly Segment[], kind: 'provider' | 'room'): Resource[] {
  const [first, ...others] = segments.flatMap((segment) => useOf(segment, kind) ?? []);
  return (first?.candidates ?? []).filter((candidate) => others.every(({ candidates }) => candidates.includes(candidate)));
}

/** Whether the services before this one of the same provider, and those after it, are none, when these are still to come. */
export function placeAmong(choice: Choice, place: number, rest: number): { isFirst: boolean; isLast: boolean } {
  const others = (choice.together[place] ?? 0) & ~(1 << place);
  return { isFirst: (others & ~rest) === 0, isLast: (others & rest) === 0 };
}
