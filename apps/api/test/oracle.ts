import { Temporal } from 'temporal-polyfill';
import type { ClaimSpec, WorldSpec } from './worlds.ts';

// Availability the slow and obvious way: minute by minute, in JavaScript, knowing nothing of the SQL. Wall time comes from
// Temporal; the clock is watched while it runs, so that skipped and repeated hours need no rule: a time of day has come once
// the clock has shown it.

const DAY = 1_440;
/** Minutes looked at before and after the window: longer than any buffer, service and turnover together. */
const MARGIN = 2 * DAY;

/** Why a start cannot be had, or null when it can. */
export type Verdict = null | 'service-not-offered' | 'provider-not-qualified' | 'room-unsuitable' | 'provider-not-working' | 'slot-taken';

export type Oracle = {
  /** Starts offered for a provider, minutes since 1970. */
  starts(provider: number): number[];
  /** What a booking of that provider at that minute comes to, in any room or in the named one. */
  judge(provider: number, minute: number, room?: number): Verdict;
  /** Every minute of the grid in the window from now on. */
  grid: number[];
  /** The minute from which those of a world count. */
  windowStart: number;
};

export function askOracle(spec: WorldSpec): Oracle {
  const first = Temporal.PlainDate.from(spec.firstDay);
  const start = first.toZonedDateTime(spec.zone).epochMilliseconds / 60_000;
  const clock = watchClock(spec.zone, start - MARGIN, start + spec.days * DAY + MARGIN);
  const dayNumber = (days: number) => Date.parse(first.add({ days }).toString()) / 86_400_000;
  const firstDay = dayNumber(0);
  const now = start + spec.now;

  const isTaken = (claims: ClaimSpec[], minute: number) =>
    claims.some(
      (claim) =>
        claim.isBlocking &&
        !(claim.kind === 'hold' && claim.expires <= 0) &&
        minute >= start + claim.startsAt &&
        minute < start + claim.startsAt + claim.length,
    );

  /** The furthest that the clock on the wall has come by then, in minutes since 1970 of its own. */
  const shown = (minute: number) => clock.shown.get(minute) ?? 0;
  const dayOf = (minute: number) => Math.floor(shown(minute) / DAY);

  const isWorking = (provider: number, minute: number) =>
    (spec.providers[provider]?.rotations ?? []).some(({ weeks, anchorWeeks, from, until, shifts }) => {
      const day = dayOf(minute);
      if (day < firstDay + from || (until !== null && day >= firstDay + until)) return false;
      const monday = firstDay - (first.dayOfWeek - 1) + anchorWeeks * 7;
      const sinceAnchor = day - monday;
      const week = Math.floor(sinceAnchor / 7);
      return shifts.some(
        (shift) =>
          shift.week === ((week % weeks) + weeks) % weeks &&
          shift.weekday === 1 + (((sinceAnchor % 7) + 7) % 7) &&
          shown(minute) - day * DAY >= shift.startsAt &&
          shown(minute) - day * DAY < shift.endsAt,
      );
    });

  const every = (from: number, until: number, holds: (minute: number) => boolean) => {
    for (let minute = from; minute < until; minute++) if (!holds(minute)) return false;
    return true;
  };

  const working = spec.providers.map((_, provider) => remember((minute) => isWorking(provider, minute)));
  const free = spec.providers.map(({ claims }) => remember((minute) => !isTaken(claims, minute)));
  const roomFree = spec.rooms.map(({ claims }) => remember((minute) => !isTaken(claims, minute)));
  const patientFree = remember((minute) => !isTaken(spec.patient ?? [], minute));

  function judge(provider: number, minute: number, room?: number): Verdict {
    const day = dayOf(minute) - firstDay;
    const terms = spec.terms.find(({ from, until }) => day >= from && (until === null || day < until));
    if (!terms) return 'service-not-offered';
    const { isActive, isSkilled } = spec.providers[provider] ?? {};
    if (!isActive || !isSkilled) return 'provider-not-qualified';
    const suits = spec.rooms.map(({ isActive: isInUse, type }) => isInUse && type === terms.roomType);
    if (room !== undefined && !suits[room]) return 'room-unsuitable';
    const [from, until] = [minute - terms.before, minute + terms.duration + terms.after];
    if (!every(from, until, (at) => working[provider]?.(at) ?? false)) return 'provider-not-working';
    const isRoomFree =
      terms.roomType === null ||
      spec.rooms.some(
        (_, index) =>
          suits[index] &&
          (room === undefined || room === index) &&
          every(minute, minute + terms.duration + terms.turnover, (at) => roomFree[index]?.(at) ?? false),
      );
    const isFree = every(from, until, (at) => free[provider]?.(at) ?? false) && every(minute, minute + terms.duration, patientFree);
    return isRoomFree && isFree ? null : 'slot-taken';
  }

  const grid = clock.minutes.filter(
    (minute) =>
      minute >= now &&
      dayOf(minute) >= firstDay &&
      dayOf(minute) < firstDay + spec.days &&
      (clock.local.get(minute) ?? 1) % spec.slotMinutes === 0,
  );
  return { grid, judge, windowStart: start, starts: (provider) => grid.filter((minute) => judge(provider, minute) === null) };
}

/** Local time of every minute, and the furthest that it has come so far. Offsets change on quarters of an hour. */
function watchClock(zone: string, from: number, until: number) {
  const minutes: number[] = [];
  const local = new Map<number, number>();
  const shown = new Map<number, number>();
  let furthest = 0;
  for (let quarter = from - (from % 15); quarter < until; quarter += 15) {
    const offset = offsetAt(zone, quarter);
    for (let minute = quarter; minute < quarter + 15; minute++) {
      minutes.push(minute);
      local.set(minute, minute + offset);
      furthest = Math.max(furthest, minute + offset);
      shown.set(minute, furthest);
    }
  }
  return { minutes, local, shown };
}

const offsets = new Map<string, number>();

function offsetAt(zone: string, minute: number): number {
  const key = `${zone} ${minute}`;
  let offset = offsets.get(key);
  if (offset === undefined) {
    offset = Temporal.Instant.fromEpochMilliseconds(minute * 60_000).toZonedDateTimeISO(zone).offsetNanoseconds / 60e9;
    offsets.set(key, offset);
  }
  return offset;
}

function remember(ask: (minute: number) => boolean): (minute: number) => boolean {
  const known = new Map<number, boolean>();
  return (minute) => {
    let answer = known.get(minute);
    if (answer === undefined) known.set(minute, (answer = ask(minute)));
    return answer;
  };
}
