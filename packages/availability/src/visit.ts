import type { Stretch } from './time.ts';

/**
 * What a patient wants: services one after the other, all or none. Add-ons and options are in the services already, as longer
 * phases and more devices. Minutes are multiples of five.
 */
export type Visit = {
  services: readonly Service[];
  /** the services follow each other as they are listed, or in whichever order is open (at most `MOST_IN_ANY_ORDER` services) */
  order: 'given' | 'any';
  /** how long the patient may wait between two services: not at all, one step, two steps, up to most */
  pause: { mostMinutes: number; stepMinutes: number };
  /** one provider performs all of it */
  sameProvider: boolean;
  /** the patient stays in one room from the beginning to the end, pauses included */
  sameRoom: boolean;
  /** when the patient is somewhere else: they are here from the first service to the end of the last one, pauses included */
  patientBusy: readonly Stretch[];
};

/** One service of a visit: what it takes, when, and who may perform it. */
export type Service = {
  id: string;
  /** one after the other, without a pause */
  phases: readonly Phase[];
  /** who performs it, in the order in which they are chosen */
  providers: readonly string[];
  /** only this one of them */
  askedProvider?: string;
  /** the type of its room, where a phase takes place in one */
  roomType?: string;
  /** only this room of that type */
  askedRoom?: string;
  /** time that a resource is taken before its first phase of the service and after its last one */
  buffers: { provider: Buffers; room: Buffers; device: Buffers };
};

export type Buffers = { beforeMinutes: number; afterMinutes: number };

/**
 * A part of a service and what it takes while it lasts. Numbing takes the room alone, treatment the provider and a device as
 * well. One unit of each type of device serves all phases of the service that name it.
 */
export type Phase = { minutes: number; provider: boolean; room: boolean; devices: readonly string[] };

/** Of one visit. */
export const MOST_SERVICES = 16;

/** Of more services there would be too many orders to look at. */
export const MOST_IN_ANY_ORDER = 4;
