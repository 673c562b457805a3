// What the clock on the wall shows, from Intl alone.

const DAY = 1_440;
const QUARTER = 15;

/** Six zones: changes by an hour on both hemispheres, by half an hour, at midnight, and none at all. */
export const ZONES = [
  'America/New_York',
  'Europe/London',
  'Australia/Lord_Howe',
  'America/Santiago',
  'Australia/Sydney',
  'America/Phoenix',
] as const;

/** In how many ways their clocks change: five of them forward and back. */
export const CHANGES = 10;

/** What the zone adds to UTC at that minute since 1970; zones change on quarters of an hour. */
export function offsetAt(zone: string, minute: number): number {
  const quarter = Math.floor(minute / QUARTER);
  const known = offsets.get(zone) ?? new Map<number, number>();
  offsets.set(zone, known);
  let offset = known.get(quarter);
  if (offset === undefined) {
    const part = Object.fromEntries(
      formatOf(zone)
        .formatToParts(quarter * QUARTER * 60_000)
        .map(({ type, value }) => [type, Number(value)]),
    );
    const { year = 0, month = 1, day = 1, hour = 0, minute: past = 0 } = part;
    offset = Date.UTC(year, month - 1, day, hour, past) / 60_000 - quarter * QUARTER;
    known.set(quarter, offset);
  }
  return offset;
}

/** The local date at that minute, as days since 1970. */
function dayAt(zone: string, minute: number): number {
  return Math.floor((minute + offsetAt(zone, minute)) / DAY);
}

/** The first minute of a local date. */
export function beginningOf(zone: string, day: number): number {
  let minute = day * DAY - offsetAt(zone, day * DAY) - 2 * 60;
  while (dayAt(zone, minute) < day) minute += QUARTER;
  return minute;
}

/**
 * The instant of a wall time on a local date, which may be past midnight: the first at which the clock has come that far. So a
 * skipped time is the first valid instant and a repeated one the earlier.
 */
export function instantOf(zone: string, day: number, time: number): number {
  // No clock of these zones is put forward by more than an hour, nor begins its day later than at one.
  let minute = beginningOf(zone, day) + Math.max(0, time - 180);
  while (minute + offsetAt(zone, minute) < day * DAY + time) minute += 5;
  return minute;
}

/** The dates of 2026 and 2027 on which the clocks of a zone change. */
export function changeDays(zone: string): number[] {
  let days = changes.get(zone);
  if (!days) {
    const first = Date.UTC(2026, 0, 1) / 86_400_000;
    days = Array.from({ length: 730 }, (_, day) => first + day)
      .filter((day) => offsetAt(zone, (day - 1) * DAY) !== offsetAt(zone, (day + 2) * DAY))
      .filter((day) => beginningOf(zone, day + 1) - beginningOf(zone, day) !== DAY);
    changes.set(zone, days);
  }
  return days;
}

const offsets = new Map<string, Map<number, number>>();
const changes = new Map<string, number[]>();
const formats = new Map<string, Intl.DateTimeFormat>();

function formatOf(zone: string): Intl.DateTimeFormat {
  let format = formats.get(zone);
  if (!format) {
    const numbers = { year: 'numeric', month: 'numeric', day: 'numeric', hour: 'numeric', minute: 'numeric' } as const;
    format = new Intl.DateTimeFormat('en-US', { timeZone: zone, hourCycle: 'h23', ...numbers });
    formats.set(zone, format);
  }
  return format;
}
