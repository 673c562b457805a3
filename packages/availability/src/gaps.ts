import { hasBit, type Row } from './bits.ts';
import { assignment } from './assign.ts';
import { useOf } from './plan.ts';
import type { Placement } from './placement.ts';
import { freeTime, type Search } from './search.ts';
import { SLOT_MINUTES, type Stretch } from './time.ts';

/** Free time of a provider that a visit would leave and nobody could sell. */
export type Gap = { kind: 'gap'; id: string; during: Stretch };

/** The gaps that a placement which fails nowhere leaves, before the first service of each provider and after their last one. */
export function gapsOf(search: Search, placement: Placement): Gap[] {
  const claimed = new Map<string, { from: number; until: number }>();
  const { services } = assignment(search, placement, 'any');
  placement.steps.forEach(({ segment, slot }, index) => {
    const [id, spans] = [services[index]?.providerId, useOf(segment, 'provider')?.spans];
    const [first, last] = [spans?.[0], spans?.at(-1)];
    if (id && first && last) claimed.set(id, { from: claimed.get(id)?.from ?? slot + first.from, until: slot + last.until });
  });
  return [...claimed].flatMap(([id, { from, until }]) => {
    const provider = search.board.providers.get(id);
    if (!provider) return [];
    const free = freeTime(search, provider);
    const gaps = [
      { from: from - lengthOf(free, from - 1, -1), until: from },
      { from: until, until: until + lengthOf(free, until, 1) },
    ];
    return gaps
      .filter((gap) => gap.until > gap.from && gap.until - gap.from < search.gapSlots)
      .map((gap) => ({ kind: 'gap' as const, id, during: { from: minuteOf(search, gap.from), until: minuteOf(search, gap.until) } }));
  });
}

/** How many free slots there are in one direction. */
function lengthOf(free: Row, slot: number, direction: 1 | -1): number {
  let length = 0;
  while (hasBit(free, slot + length * direction)) length++;
  return length;
}

function minuteOf({ from }: Search, slot: number): number {
  return from + slot * SLOT_MINUTES;
}
