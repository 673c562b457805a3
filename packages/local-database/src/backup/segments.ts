// Names and places in the write-ahead log, as PostgreSQL writes them.

/** Segments are 16 MiB; a name is timeline, high and low number in hex. */
const SEGMENT = /^([0-9A-F]{8})([0-9A-F]{8})([0-9A-F]{8})$/;
const PER_HIGH_NUMBER = 256;
const SEGMENT_BYTES = 16n * 1024n * 1024n;

export type Segment = { timeline: number; number: number };

/** Null for what is not a whole segment: history files, partial ones. */
export function segmentOf(name: string): Segment | null {
  const [, timeline = '', high = '', low = ''] = SEGMENT.exec(name) ?? [];
  if (!timeline) return null;
  return { timeline: Number.parseInt(timeline, 16), number: Number.parseInt(high, 16) * PER_HIGH_NUMBER + Number.parseInt(low, 16) };
}

export function nameOf({ timeline, number }: Segment): string {
  return [timeline, Math.floor(number / PER_HIGH_NUMBER), number % PER_HIGH_NUMBER].map(hex8).join('');
}

export function historyName(timeline: number): string {
  return `${hex8(timeline)}.history`;
}

function hex8(value: number): string {
  return value.toString(16).toUpperCase().padStart(8, '0');
}

/** A place as PostgreSQL says it (`0/3000028`), as a number. */
export function placeOf(lsn: string): bigint {
  const [high = '', low = ''] = lsn.split('/');
  return (BigInt(`0x${high}`) << 32n) | BigInt(`0x${low}`);
}

/** The segment that holds the place. */
export function numberAt(place: bigint): number {
  return Number(place / SEGMENT_BYTES);
}

/** A timeline and where it was left for the next; null for the last one. */
export type Stretch = { timeline: number; leftAt: bigint | null };

/** The way through the timelines to this one, oldest first, by its history file (empty for timeline 1, which has none). */
export function wayTo(timeline: number, history: string): Stretch[] {
  const before = [...history.matchAll(/^\s*(\d+)\s+([0-9A-F]+\/[0-9A-F]+)/gm)].map(([, past = '', lsn = '']) => ({
    timeline: Number(past),
    leftAt: placeOf(lsn),
  }));
  return [...before, { timeline, leftAt: null }];
}
