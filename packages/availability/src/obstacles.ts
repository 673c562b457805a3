import { hasBit, WORD, type Row } from './bits.ts';
import type { Resource, ResourceKind } from './board.ts';
import { stayOf, type Need } from './chain.ts';
import { commonCandidates } from './choices.ts';
import type { Plan, Span, Use } from './plan.ts';
import type { Placement } from './placement.ts';
import { startsOf, type Search } from './search.ts';
import { SLOT_MINUTES, type Stretch } from './time.ts';

/** Why a resource cannot be had: it does not work then, it is taken, it is elsewhere or on the way, or the board ends before. */
export type Why = 'shift' | 'taken' | 'elsewhere' | 'unknown';

/** What is in the way of a visit at a start. A service is told by its place in the visit. */
export type Obstacle =
  /** nobody performs it, not who was asked for, or with `place: null` nobody performs all of it */
  | { kind: 'skill'; place: number | null; asked: string | null }
  /** there is no such room or device, the room that was asked for is of another type, or with `place: null` no room suits all of it */
  | { kind: 'equipment'; place: number | null; needs: 'room' | 'device'; type: string | null; asked: string | null }
  /** a candidate is not free, in the time of the service itself or only in the buffer around it; `place: null` is a stay in one room */
  | { kind: ResourceKind; place: number | null; id: string; why: Why; part: 'service' | 'buffer'; during: Stretch }
  | { kind: 'patient'; why: 'taken' | 'unknown'; during: Stretch };

/** What nobody can change by choosing another time: what belongs together and has no common candidate. */
export function impossible({ segments, sameProvider, sameRoom }: Plan): Obstacle[] {
  const obstacles: Obstacle[] = [];
  const isLacking = (kind: 'provider' | 'room') => commonCandidates(segments, kind).length === 0;
  if (sameProvider && isLacking('provider')) obstacles.push({ kind: 'skill', place: null, asked: null });
  if (sameRoom && isLacking('room')) obstacles.push({ kind: 'equipment', place: null, needs: 'room', type: null, asked: null });
  return obstacles;
}

/** Everything that fails where a placement fails: of each need that nobody can serve, what is in the way of every candidate. */
export function obstaclesOf(search: Search, { choice, steps }: Placement): Obstacle[] {
  return steps.flatMap(({ segment: { place, service }, slot, stay, needs }): Obstacle[] => [
    ...needs
      .filter(({ row }) => !hasBit(row, slot))
      .flatMap((need): Obstacle[] => {
        const candidates = need.chosen ? [need.chosen] : need.use.candidates;
        if (candidates.length === 0) return [lacking(need, place, service.askedProvider ?? null, service.askedRoom ?? null)];
        return candidates.flatMap((candidate) => inTheWayOf(search, need.use, candidate, slot, place));
      }),
    ...stayOf(search, choice, stay)
      .filter(({ row }) => !hasBit(row, slot))
      .flatMap(({ who }) => inTheStay(search, who, { from: slot, until: slot + stay })),
  ]);
}

function lacking({ use }: Need, place: number, askedProvider: string | null, askedRoom: string | null): Obstacle {
  if (use.kind === 'provider') return { kind: 'skill', place, asked: askedProvider };
  return { kind: 'equipment', place, needs: use.kind, type: use.type, asked: use.kind === 'room' ? askedRoom : null };
}

function inTheWayOf(search: Search, use: Use, candidate: Resource, slot: number, place: number): Obstacle[] {
  if (hasBit(startsOf(search, use, candidate), slot)) return [];
  const bare = use.bare.map((span) => moved(span, slot));
  return use.spans
    .map((span) => moved(span, slot))
    .flatMap((span) =>
      blockedIn(search, candidate, span).map(({ why, hit, during }) => ({
        kind: candidate.kind,
        place,
        id: candidate.id,
        why,
        part: bare.some((own) => hit.from < own.until && own.from < hit.until) ? ('service' as const) : ('buffer' as const),
        during,
      })),
    );
}

function inTheStay(search: Search, who: Resource | null, span: Span): Obstacle[] {
  if (who)
    return blockedIn(search, who, span).map(({ why, during }) => ({
      kind: who.kind,
      place: null,
      id: who.id,
      why,
      part: 'service',
      during,
    }));
  const isTaken = (slot: number) => isOnBoard(search, slot) && !hasBit(search.patientFree, slot) && slot >= 0 && slot < search.words * WORD;
  return [
    ...runsIn(span, (slot) => !isOnBoard(search, slot)).map((run) => ({
      kind: 'patient' as const,
      why: 'unknown' as const,
      during: stretchOf(search, run),
    })),
    ...runsIn(span, isTaken).map((run) => ({
      kind: 'patient' as const,
      why: 'taken' as const,
      during: stretchOf(search, wholeRun(run, isTaken)),
    })),
  ];
}

/** What blocks a resource within a span: `hit` is within it, `during` is all of what is in the way, as far as the search looks. */
function blockedIn(search: Search, { work, busy, away }: Resource, span: Span): { why: Why; hit: Span; during: Stretch }[] {
  const offset = search.firstWord * WORD;
  const bit = (row: Row, slot: number) => hasBit(row, slot + offset);
  const isKnown = (slot: number) => isOnBoard(search, slot);
  const reasons: [Why, (slot: number) => boolean][] = [
    ['unknown', (slot) => !isKnown(slot)],
    ['shift', (slot) => isKnown(slot) && work !== null && !bit(work, slot)],
    ['elsewhere', (slot) => isKnown(slot) && away !== null && bit(away, slot)],
    ['taken', (slot) => isKnown(slot) && bit(busy, slot) && !(away !== null && bit(away, slot))],
  ];
  return reasons.flatMap(([why, isBlocked]) =>
    runsIn(span, isBlocked).map((hit) => ({
      why,
      hit,
      during: stretchOf(search, why === 'taken' || why === 'elsewhere' ? wholeRun(hit, isBlocked) : hit),
    })),
  );
}

function runsIn({ from, until }: Span, holds: (slot: number) => boolean): Span[] {
  const runs: Span[] = [];
  for (let slot = from; slot < until; slot++) {
    const last = runs.at(-1);
    if (!holds(slot)) continue;
    if (last?.until === slot) last.until++;
    else runs.push({ from: slot, until: slot + 1 });
  }
  return runs;
}

/** A run with what continues it on either side. */
function wholeRun({ from, until }: Span, holds: (slot: number) => boolean): Span {
  let [first, end] = [from, until];
  while (holds(first - 1)) first--;
  while (holds(end)) end++;
  return { from: first, until: end };
}

function isOnBoard({ board, from }: Search, slot: number): boolean {
  const first = (board.from - from) / SLOT_MINUTES;
  return slot >= first && slot < first + board.slots;
}

function moved({ from, until }: Span, slots: number): Span {
  return { from: from + slots, until: until + slots };
}

function stretchOf({ from }: Search, span: Span): Stretch {
  return { from: from + span.from * SLOT_MINUTES, until: from + span.until * SLOT_MINUTES };
}
