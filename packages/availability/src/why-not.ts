import { assign } from './assign.ts';
import { hasBit } from './bits.ts';
import type { Board } from './board.ts';
import { gapsOf, type Gap } from './gaps.ts';
import { impossible, obstaclesOf, type Obstacle } from './obstacles.ts';
import { placeVisit } from './placement.ts';
import { startRules, type Rules, type StartRule } from './rules.ts';
import { slotAt, type Search } from './search.ts';
import { eachStart, findStarts, hasStart, leavesGap, searchFor } from './starts.ts';
import type { Minute } from './time.ts';
import type { Visit } from './visit.ts';

/** What keeps a visit from starting then. No reason at all: it can start. */
export type WhyNot = {
  reasons: readonly Reason[];
  /** what would open it, each by itself, the smallest change first */
  changes: readonly Change[];
};

export type Reason = { kind: 'rule'; rule: StartRule } | Gap | Obstacle;

/** Smallest first: staff set rules aside, the same time in other rooms or with other providers, another time. */
export type Change =
  | { kind: 'without-rules'; rules: readonly (StartRule | 'gap')[] }
  | { kind: 'other-room'; places: readonly number[] }
  | { kind: 'several-rooms' }
  /** services, and who would perform them */
  | { kind: 'other-provider'; places: readonly number[]; ids: readonly string[] }
  | { kind: 'several-providers' }
  | { kind: 'earlier' | 'later'; minutes: number };

/**
 * Why a visit cannot start at that moment, and what would open it. It asks the rows that `findStarts` is made of, so there is a
 * reason exactly where the search has no start. Of a visit with several ways to be had, the reasons are those of the way that
 * fails least. Of a start on none of the days of the rules nothing else is told.
 */
export function whyNot(board: Board, visit: Visit, rules: Rules, start: Minute): WhyNot {
  const search = searchFor(board, visit, rules);
  const slot = slotAt(search, start);
  const isOnDay = rules.days.some(({ from, until }) => start >= from && start < until);
  const broken = isOnDay ? brokenAt(search, rules, slot) : ['day' as const];
  const free = slot === null || !isOnDay ? [] : obstaclesAt(search, rules, start, slot);
  const reasons: Reason[] = [...broken.map((rule) => ({ kind: 'rule' as const, rule })), ...free];
  if (reasons.length === 0) return { reasons, changes: [] };
  const isFree = slot !== null && isOnDay && free.every(({ kind }) => kind === 'gap');
  const set: Change[] = isFree ? [{ kind: 'without-rules', rules: free.length > 0 ? [...broken, 'gap'] : broken }] : [];
  return { reasons, changes: [...set, ...changesAtThatTime(board, visit, rules, start), ...otherTimes(board, visit, rules, start)] };
}

/** A moment that is no multiple of five is on no step, and on no row that could be asked about it. */
function brokenAt(search: Search, rules: Rules, slot: number | null): StartRule[] {
  if (slot === null) return ['step'];
  return startRules(rules, search).flatMap(({ rule, row }) => (hasBit(row, slot) ? [] : [rule]));
}

function obstaclesAt(search: Search, rules: Rules, start: Minute, slot: number): (Obstacle | Gap)[] {
  const placement = placeVisit(search, slot, 'any');
  if (placement?.failures === 0) return leavesGap(search, rules, start) ? gapsOf(search, placement) : [];
  if (placement) return obstaclesOf(search, placement);
  // Nobody serves what belongs together. What else is in the way is told as if it did not.
  const apart = { ...search, plan: { ...search.plan, sameProvider: false, sameRoom: false } };
  const besides = placeVisit(apart, slot, 'any');
  return [...impossible(search.plan), ...(besides ? obstaclesOf(apart, besides) : [])];
}

/** Wishes that would have to be given up for the visit to start then, each of them enough. */
function changesAtThatTime(board: Board, visit: Visit, rules: Rules, start: Minute): Change[] {
  const days = rules.days.filter(({ from, until }) => start >= from && start < until);
  const opens = (changed: Visit) => hasStart(findStarts(board, changed, { ...rules, days }), start);
  const without = (wish: 'askedRoom' | 'askedProvider', places: readonly number[]): Visit => ({
    ...visit,
    services: visit.services.map((service, place) => (places.includes(place) ? { ...service, [wish]: undefined } : service)),
  });
  const given = (wish: 'askedRoom' | 'askedProvider'): { places: number[]; changed: Visit }[] => {
    const asked = visit.services.flatMap((service, place) => (service[wish] === undefined ? [] : [place]));
    const one = asked.map((place) => [place]).filter((places) => opens(without(wish, places)));
    const all = one.length === 0 && asked.length > 1 && opens(without(wish, asked)) ? [asked] : [];
    return [...one, ...all].map((places) => ({ places, changed: without(wish, places) }));
  };
  const performersOf = (changed: Visit, places: number[]): string[] => {
    const services = assign(board, changed, start, rules.shortestGapMinutes)?.services ?? [];
    return places.flatMap((place) => services.find((service) => service.place === place)?.providerId ?? []);
  };
  return [
    ...given('askedRoom').map(({ places }) => ({ kind: 'other-room' as const, places })),
    ...(visit.sameRoom && opens({ ...visit, sameRoom: false }) ? [{ kind: 'several-rooms' as const }] : []),
    ...given('askedProvider').map(({ places, changed }) => ({
      kind: 'other-provider' as const,
      places,
      ids: performersOf(changed, places),
    })),
    ...(visit.sameProvider && opens({ ...visit, sameProvider: false }) ? [{ kind: 'several-providers' as const }] : []),
  ];
}

/** The nearest starts before and after, the nearer one first. */
function otherTimes(board: Board, visit: Visit, rules: Rules, start: Minute): Change[] {
  let [earlier, later]: [number | null, number | null] = [null, null];
  for (const minute of eachStart(findStarts(board, visit, rules))) {
    if (minute < start) earlier = start - minute;
    else if (minute > start) {
      later = minute - start;
      break;
    }
  }
  const changes: { kind: 'earlier' | 'later'; minutes: number }[] = [];
  if (later !== null) changes.push({ kind: 'later', minutes: later });
  if (earlier !== null) changes.push({ kind: 'earlier', minutes: earlier });
  return changes.toSorted((a, b) => a.minutes - b.minutes);
}
