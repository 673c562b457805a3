import { hasBit } from './bits.ts';
import type { Board, Resource, ResourceKind } from './board.ts';
import type { Need, Tidiness } from './chain.ts';
import { placeVisit, type Placement } from './placement.ts';
import { openSearch, slotAt, startsOf, tidyStartsOf, type Search } from './search.ts';
import { merge, SLOT_MINUTES, type Minute, type Stretch } from './time.ts';
import type { Visit } from './visit.ts';

/** A visit with everything that it takes. */
export type Assignment = Stretch & {
  /** in time; `place` is that in the visit, in which it may be listed elsewhere */
  services: readonly AssignedService[];
  /** what to claim beside the patient's time: with buffers, and what meets on a resource joined. By kind and id, then in time */
  claims: readonly Claim[];
};

export type AssignedService = Stretch & { place: number; providerId: string | null; roomId: string | null; deviceIds: readonly string[] };

export type Claim = Stretch & { kind: ResourceKind; id: string };

/**
 * Who performs the visit at that start and with what, or null when it cannot be had. Of several ways it is the shortest visit;
 * then services in the order in which they are listed, then the earliest pauses; then for each service the first provider of its
 * list, and the first room and device of the board, as a desk gives them out. So the same question has the same answer. With a
 * shortest gap it is a way that leaves no shorter one, if there is one.
 */
export function assign(board: Board, visit: Visit, start: Minute, shortestGapMinutes = 0): Assignment | null {
  const search = openSearch(board, visit, { from: start, until: start + 1 }, shortestGapMinutes);
  const slot = slotAt(search, start);
  if (slot === null) return null;
  if (search.gapSlots > 0) {
    const tidy = placeVisit(search, slot, 'tidy');
    if (tidy?.failures === 0) return assignment(search, tidy, 'tidy');
  }
  const placement = placeVisit(search, slot, 'any');
  return placement?.failures === 0 ? assignment(search, placement, 'any') : null;
}

/** What a placement that fails nowhere comes to. */
export function assignment(search: Search, { choice, steps, end }: Placement, tidiness: Tidiness): Assignment {
  const minute = (slot: number) => search.from + slot * SLOT_MINUTES;
  const claimed = new Map<Resource, Stretch[]>();
  const claim = (resource: Resource, from: number, until: number) => {
    claimed.set(resource, [...(claimed.get(resource) ?? []), { from: minute(from), until: minute(until) }]);
  };
  const services = steps.map(({ segment, slot, needs }) => {
    const taken = needs.map((need) => {
      const resource = servantOf(search, need, slot, tidiness);
      for (const { from, until } of need.use.spans) claim(resource, slot + from, slot + until);
      return resource;
    });
    const idOf = (kind: ResourceKind) => taken.find((resource) => resource.kind === kind)?.id ?? null;
    return {
      place: segment.place,
      from: minute(slot),
      until: minute(slot + segment.slots),
      providerId: idOf('provider'),
      roomId: idOf('room'),
      deviceIds: taken.filter(({ kind }) => kind === 'device').map(({ id }) => id),
    };
  });
  const start = steps[0]?.slot ?? end;
  if (choice.room) claim(choice.room, start, end);
  const claims = [...claimed].flatMap(([{ kind, id }, stretches]) => merge(stretches).map((stretch) => ({ kind, id, ...stretch })));
  return {
    from: minute(start),
    until: minute(end),
    services,
    claims: claims.toSorted((a, b) => compare(a.kind, b.kind) || compare(a.id, b.id) || a.from - b.from),
  };
}

/** Who was chosen for the visit, else the first candidate who is free and, where that is asked for, left without a gap. */
function servantOf(search: Search, { use, chosen }: Need, slot: number, tidiness: Tidiness): Resource {
  const isTidy = tidiness === 'tidy' && use.kind === 'provider';
  const rowOf = (one: Resource) => (isTidy ? tidyStartsOf(search, use, one, true, true) : startsOf(search, use, one));
  const found = chosen ?? use.candidates.find((one) => hasBit(rowOf(one), slot));
  if (!found) throw new Error('A need that holds is served by somebody.');
  return found;
}

function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
