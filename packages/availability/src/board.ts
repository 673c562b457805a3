import { setBits, WORD, type Row } from './bits.ts';
import { merge, SLOT_MINUTES, slotsOf, type Minute, type Stretch } from './time.ts';

/**
 * The time of a location, as the caller reads it: wall times are instants already, so daylight saving is behind us. The window
 * begins and ends on five minutes. Nothing is known outside of it, and nothing is open there: it reaches further than the days
 * that are searched by what a visit may take.
 */
export type LocationTime = {
  window: Stretch;
  providers: readonly ProviderTime[];
  /** in the order in which they are given out */
  rooms: readonly UnitTime[];
  /** in the order in which they are given out; a device with two hand-pieces is two units */
  devices: readonly UnitTime[];
};

/** A provider: when they work here, and what takes them then (visits with their buffers, time off, breaks, blocks, holds). */
export type ProviderTime = { id: string; work: readonly Stretch[]; busy: readonly Stretch[]; elsewhere?: readonly Elsewhere[] };

/** Time that a provider has at another location, and how long they travel there and back. */
export type Elsewhere = Stretch & { travelMinutes: number };

/** A room or a unit of a device: which type it is of, and when it is taken (visits with turnover, repairs). */
export type UnitTime = { id: string; type: string; busy: readonly Stretch[] };

export type ResourceKind = 'provider' | 'room' | 'device';

/** What can be in one place at a time. Whoever has no `work` row may be used at any hour. */
export type Resource = {
  kind: ResourceKind;
  id: string;
  /** of a room or a device */
  type: string | null;
  /** its place on the board; no two are alike */
  index: number;
  work: Row | null;
  busy: Row;
  /** at another location or on the way; also in `busy` */
  away: Row | null;
};

/** The time of a location in bits: 36 bytes per day for a room or a device, twice that for a provider. It is never written again. */
export type Board = {
  from: Minute;
  slots: number;
  providers: ReadonlyMap<string, Resource>;
  rooms: readonly Resource[];
  devices: readonly Resource[];
};

/**
 * Paints the board of a location. Work is rounded inwards to five minutes, busy time outwards: nothing is open that is not.
 * Throws `RangeError` for a window that does not begin and end on five minutes.
 */
export function paintBoard({ window, providers, rooms, devices }: LocationTime): Board {
  const from = window.from;
  slotsOf(Math.abs(from), 'A window that begins at the minute');
  const slots = slotsOf(window.until - from, 'A window', SLOT_MINUTES);
  const words = Math.ceil(slots / WORD);
  const travels = (provider: ProviderTime) => (provider.elsewhere ?? []).length > 0;
  const rows = 2 * providers.length + providers.filter(travels).length + rooms.length + devices.length;
  // One piece of memory for all of them.
  const memory = new ArrayBuffer(rows * words * Uint32Array.BYTES_PER_ELEMENT);
  let taken = 0;
  const row = (): Row => new Uint32Array(memory, taken++ * words * Uint32Array.BYTES_PER_ELEMENT, words);
  /** Time past the window is taken, so that the last word of a row opens nothing. */
  const paintBusy = (stretches: readonly Stretch[]): Row => {
    const busy = row();
    for (const stretch of stretches) paintOutwards(busy, from, stretch.from, stretch.until);
    setBits(busy, slots, words * WORD);
    return busy;
  };
  let index = 0;

  const paintProvider = (provider: ProviderTime): Resource => {
    const work = row();
    for (const stretch of merge(provider.work))
      setBits(work, Math.ceil((stretch.from - from) / SLOT_MINUTES), Math.min(slots, Math.floor((stretch.until - from) / SLOT_MINUTES)));
    const busy = paintBusy(provider.busy);
    const away = travels(provider) ? row() : null;
    for (const { from: begins, until, travelMinutes } of provider.elsewhere ?? [])
      for (const painted of [busy, away]) if (painted) paintOutwards(painted, from, begins - travelMinutes, until + travelMinutes);
    return { kind: 'provider', id: provider.id, type: null, index: index++, work, busy, away };
  };
  const paintUnit =
    (kind: ResourceKind) =>
    ({ id, type, busy }: UnitTime): Resource => ({ kind, id, type, index: index++, work: null, busy: paintBusy(busy), away: null });

  return {
    from,
    slots,
    providers: new Map(providers.map((provider) => [provider.id, paintProvider(provider)])),
    rooms: rooms.map(paintUnit('room')),
    devices: devices.map(paintUnit('device')),
  };
}

function paintOutwards(row: Row, origin: Minute, from: Minute, until: Minute): void {
  if (until > from) setBits(row, Math.floor((from - origin) / SLOT_MINUTES), Math.ceil((until - origin) / SLOT_MINUTES));
}
