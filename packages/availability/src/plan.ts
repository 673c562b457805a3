import type { Board, Resource, ResourceKind } from './board.ts';
import { SLOT_MINUTES, slotsOf } from './time.ts';
import { MOST_IN_ANY_ORDER, MOST_SERVICES, type Buffers, type Phase, type Service, type Visit } from './visit.ts';

/** Slots, counted from the start of a service; half open. */
export type Span = { from: number; until: number };

/** What a service takes of one kind of resource: one of the candidates, over all of the spans. */
export type Use = {
  kind: ResourceKind;
  /** of room or device */
  type: string | null;
  /** ascending, with buffers */
  spans: readonly Span[];
  /** the same without buffers */
  bare: readonly Span[];
  /** in the order in which they are chosen */
  candidates: readonly Resource[];
};

/** A service of a visit on a board: how long the patient is there for it, and what it takes. Its place is that in the visit. */
export type Segment = { place: number; service: Service; slots: number; uses: readonly Use[] };

/** A visit in slots, on one board. Sets of segments are numbers in which bit i is segment i. */
export type Plan = {
  segments: readonly Segment[];
  inAnyOrder: boolean;
  /** how many slots the patient may wait between two services, ascending */
  pauses: readonly number[];
  sameProvider: boolean;
  sameRoom: boolean;
  /** no claim of the visit begins more slots before its start or ends more after it */
  reach: number;
};

/** Throws `RangeError` for a visit that cannot be meant: nothing in it, no multiples of five, too many services in any order. */
export function planVisit(board: Board, visit: Visit): Plan {
  const segments = visit.services.map((service, place) => planService(board, service, place));
  if (segments.length === 0 || segments.length > MOST_SERVICES) throw new RangeError(`A visit has 1 to ${MOST_SERVICES} services.`);
  if (visit.order === 'any' && segments.length > MOST_IN_ANY_ORDER)
    throw new RangeError(`At most ${MOST_IN_ANY_ORDER} services come in any order.`);
  const most = slotsOf(visit.pause.mostMinutes, 'A pause');
  const step = slotsOf(visit.pause.stepMinutes, 'A step between pauses', SLOT_MINUTES);
  const pauses = Array.from({ length: Math.floor(most / step) + 1 }, (_, count) => count * step);
  const longest = segments.reduce((sum, { slots }) => sum + slots, 0) + most * (segments.length - 1);
  const buffer = Math.max(
    ...segments.flatMap(({ slots, uses }) => uses.flatMap(({ spans }) => spans.map((span) => reachOf(span, slots)))),
    0,
  );
  return {
    segments,
    inAnyOrder: visit.order === 'any',
    pauses,
    sameProvider: visit.sameProvider && segments.some(({ uses }) => uses.some(({ kind }) => kind === 'provider')),
    sameRoom: visit.sameRoom && segments.some(({ uses }) => uses.some(({ kind }) => kind === 'room')),
    reach: longest + buffer,
  };
}

export function useOf(segment: Segment, kind: ResourceKind): Use | undefined {
  return segment.uses.find((use) => use.kind === kind);
}

/** The set of all segments. */
export function allOf({ segments }: Plan): number {
  return 2 ** segments.length - 1;
}

/** Which segments may come next when these are still to come. */
export function nextOf({ segments, inAnyOrder }: Plan, rest: number): Segment[] {
  const left = segments.filter(({ place }) => rest & (1 << place));
  return inAnyOrder ? left : left.slice(0, 1);
}

/** How far a span leaves the time of its service. */
function reachOf({ from, until }: Span, slots: number): number {
  return Math.max(-from, until - slots);
}

function planService(board: Board, service: Service, place: number): Segment {
  const { phases, buffers, providers, askedProvider, roomType, askedRoom } = service;
  const slots = phases.reduce((sum, { minutes }) => sum + slotsOf(minutes, 'A phase', SLOT_MINUTES), 0);
  if (slots === 0) throw new RangeError('A service has a phase.');
  const uses: Use[] = [];
  const add = (
    kind: ResourceKind,
    type: string | null,
    buffer: Buffers,
    candidates: readonly Resource[],
    takes: (phase: Phase) => boolean,
  ) => {
    const bare = spansOf(phases, takes);
    if (bare.length > 0) uses.push({ kind, type, bare, spans: withBuffers(bare, buffer), candidates });
  };
  const able = providers.filter((id) => askedProvider === undefined || id === askedProvider);
  const performers = able.flatMap((id) => board.providers.get(id) ?? []);
  add('provider', null, buffers.provider, performers, ({ provider }) => provider);
  const rooms = board.rooms.filter(({ id, type }) => type === roomType && (askedRoom === undefined || id === askedRoom));
  add('room', roomType ?? null, buffers.room, rooms, ({ room }) => room);
  for (const device of new Set(phases.flatMap(({ devices }) => devices))) {
    const units = board.devices.filter(({ type }) => type === device);
    add('device', device, buffers.device, units, ({ devices }) => devices.includes(device));
  }
  return { place, service, slots, uses };
}

/** Where the phases take it, joined where one follows the other. */
function spansOf(phases: readonly Phase[], takes: (phase: Phase) => boolean): Span[] {
  const spans: Span[] = [];
  let from = 0;
  for (const phase of phases) {
    const until = from + phase.minutes / SLOT_MINUTES;
    const last = spans.at(-1);
    if (takes(phase) && last?.until === from) last.until = until;
    else if (takes(phase)) spans.push({ from, until });
    from = until;
  }
  return spans;
}

function withBuffers(spans: readonly Span[], { beforeMinutes, afterMinutes }: Buffers): Span[] {
  const [before, after] = [slotsOf(beforeMinutes, 'A buffer'), slotsOf(afterMinutes, 'A buffer')];
  return spans.map(({ from, until }, index) => ({
    from: index === 0 ? from - before : from,
    until: index === spans.length - 1 ? until + after : until,
  }));
}
