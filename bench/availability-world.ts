import type { LocationTime, Rules, Service, Stretch, Visit } from '@medspa/availability';
import { Chance } from '@medspa/practice-data';

// A location as large as it is asked for, as intervals: what the database would hand over.

const DAY = 1_440;
/** 6 March 2027 in New York: the clocks change on the 14th. */
const FIRST_MIDNIGHT = Date.UTC(2027, 2, 6, 5) / 60_000;
const CHANGE = Date.UTC(2027, 2, 14, 7) / 60_000;
/** Visits of a provider on a day. */
const VISITS = 6;

const midnight = (day: number) => FIRST_MIDNIGHT + day * DAY - (FIRST_MIDNIGHT + day * DAY > CHANGE ? 60 : 0);

/** Providers who work from 9 to 18, as many rooms, 3 devices for 10 of them, each with its visits. */
export function timeOf(providers: number, days: number, seed: number): LocationTime {
  const chance = new Chance(seed);
  const visits = (on: number): Stretch[] =>
    Array.from({ length: days }, (_, day) =>
      Array.from({ length: on }, () => {
        const from = midnight(day) + 9 * 60 + chance.integer(0, 33) * 15;
        return { from, until: from + chance.pick([30, 45, 60, 75]) };
      }),
    ).flat();
  const work = Array.from({ length: days }, (_, day) => ({ from: midnight(day) + 9 * 60, until: midnight(day) + 18 * 60 }));
  const devices = Math.max(1, Math.round(providers * 0.3));
  return {
    window: { from: midnight(0), until: midnight(days) },
    providers: Array.from({ length: providers }, (_, index) => ({ id: `p${index}`, work, busy: visits(VISITS) })),
    rooms: Array.from({ length: providers }, (_, index) => ({ id: `r${index}`, type: 'treatment', busy: visits(VISITS) })),
    devices: Array.from({ length: devices }, (_, index) => ({ id: `d${index}`, type: 'laser', busy: visits(VISITS) })),
  };
}

export function rulesOf(days: number, stepMinutes = 15): Rules {
  return {
    stepMinutes,
    days: Array.from({ length: days }, (_, day) => {
      const [from, until] = [midnight(day), midnight(day + 1)];
      const before = { from, minutes: from > CHANGE ? -240 : -300 };
      return { from, until, offsets: from < CHANGE && until > CHANGE ? [before, { from: CHANGE, minutes: -240 }] : [before] };
    }),
  };
}

/** Provider with buffers, room with turnover, and a laser in the second half of an hour. */
export function serviceOf(time: LocationTime, minutes: number, needs: { room: boolean; laser: boolean }): Service {
  const none = { beforeMinutes: 0, afterMinutes: 0 };
  const phase = (length: number, devices: string[]) => ({ minutes: length, provider: true, room: needs.room, devices });
  return {
    id: `${minutes}`,
    phases: needs.laser ? [phase(minutes / 2, []), phase(minutes / 2, ['laser'])] : [phase(minutes, [])],
    providers: time.providers.map(({ id }) => id),
    roomType: 'treatment',
    buffers: { provider: { beforeMinutes: 5, afterMinutes: 5 }, room: { beforeMinutes: 0, afterMinutes: 10 }, device: none },
  };
}

export function visitOf(services: Service[], more: Partial<Visit> = {}): Visit {
  return {
    services,
    order: 'given',
    pause: { mostMinutes: 0, stepMinutes: 5 },
    sameProvider: false,
    sameRoom: false,
    patientBusy: [],
    ...more,
  };
}
