import type { Assignment, LocationTime, Phase, Rules, Service, Visit } from '../src/index.ts';
import { offsetAt } from './local-clock.ts';

// Availability the slow and obvious way: every minute, every order, every pause, every provider, room and device. It knows the
// types of the engine and nothing else of it; the step is read off the wall.

const DAY = 1_440;

type Kind = 'provider' | 'room' | 'device';
type Thing = { kind: Kind; id: string; type: string | null; free: Uint8Array };
/** A service of a visit at a minute, with what serves it. */
type Performed = { place: number; at: number; provider: Thing | null; room: Thing | null; devices: Thing[] };

export type Oracle = {
  /** the starts that are offered, with that provider for the first service where one is named */
  starts(provider?: string): number[];
  /** whether that start is among them */
  offers(start: number): boolean;
  /** whether resources are free for the visit then, whatever the rules say */
  isFree(start: number): boolean;
  /** the rules that the start breaks, but for gaps */
  brokenRules(start: number): string[];
  /** whether nothing takes the resource in any of these minutes */
  isFreeFor(kind: Kind | 'patient', id: string, from: number, until: number): boolean;
  /** of a visit of one service: what cannot be had then, as kinds with their type */
  lacking(start: number): string[];
  /** whether anybody could ever serve that: a provider, a room, a unit of that type of device */
  hasCandidates(place: number | null, kind: Kind, type: string | null): boolean;
  /** what is wrong with an assignment for that start, or null */
  faultOf(assignment: Assignment, start: number): string | null;
  /** whether an assignment leaves a provider a gap */
  leavesGap(assignment: Assignment): boolean;
  /** whether every start of those minutes that could be offered leaves a gap */
  isOnlyGaps(minutes: { from: number; until: number }): boolean;
  /** the shortest visit at that start, minutes; null when there is none */
  shortest(start: number): number | null;
};

export function askOracle(zone: string, time: LocationTime, visit: Visit, rules: Rules): Oracle {
  const { from: begin, until: end } = time.window;
  const paint = (free: number, ...ranges: (readonly { from: number; until: number }[])[]): Uint8Array => {
    const minutes = new Uint8Array(end - begin).fill(free);
    for (const { from, until } of ranges.flat())
      for (let minute = Math.max(from, begin); minute < Math.min(until, end); minute++) minutes[minute - begin] = 1 - free;
    return minutes;
  };
  const things: Thing[] = [
    ...time.providers.map(({ id, work, busy, elsewhere = [] }): Thing => {
      const works = paint(0, work);
      const away = elsewhere.map(({ from, until, travelMinutes }) => ({ from: from - travelMinutes, until: until + travelMinutes }));
      const free = paint(1, busy, away);
      return { kind: 'provider', id, type: null, free: works.map((isWorking, minute) => isWorking & (free[minute] ?? 0)) };
    }),
    ...time.rooms.map(({ id, type, busy }): Thing => ({ kind: 'room', id, type, free: paint(1, busy) })),
    ...time.devices.map(({ id, type, busy }): Thing => ({ kind: 'device', id, type, free: paint(1, busy) })),
  ];
  const patient: Thing = { kind: 'provider', id: 'patient', type: null, free: paint(1, visit.patientBusy) };

  const isFreeAt = (thing: Thing, minute: number) => minute >= begin && minute < end && thing.free[minute - begin] === 1;
  const isFreeIn = (thing: Thing, from: number, until: number) => {
    for (let minute = from; minute < until; minute++) if (!isFreeAt(thing, minute)) return false;
    return true;
  };
  const services = visit.services.map(minutesOf);
  const canServe = (thing: Thing, taken: number[] | null, at: number) => (taken ?? []).every((minute) => isFreeAt(thing, at + minute));

  const providersFor = ({ providers, askedProvider }: Service) =>
    things.filter(({ kind, id }) => kind === 'provider' && providers.includes(id) && (askedProvider ?? id) === id);
  const roomsFor = ({ roomType, askedRoom }: Service) =>
    things.filter(({ kind, id, type }) => kind === 'room' && type === roomType && (askedRoom ?? id) === id);
  const unitsOf = (device: string) => things.filter(({ kind, type }) => kind === 'device' && type === device);

  /** Whether some way to have the visit at that start is as it should be. */
  function someWay(start: number, isWanted: (performed: Performed[], end: number) => boolean): boolean {
    const go = (at: number, done: Performed[]): boolean => {
      const left = services.filter(({ place }) => done.every((one) => one.place !== place));
      return (visit.order === 'any' ? left : left.slice(0, 1)).some(({ place, service, takes, minutes }) => {
        const earlier = done.find(({ provider }) => provider)?.provider;
        const performers = !takes.provider ? [null] : providersFor(service).filter((one) => canServe(one, takes.provider, at));
        const kept = done.find(({ room }) => room)?.room;
        const rooms = !takes.room ? [null] : roomsFor(service).filter((one) => canServe(one, takes.room, at));
        const units = [...takes.devices].map(([device, taken]) => unitsOf(device).find((unit) => canServe(unit, taken, at)));
        if (units.some((unit) => !unit)) return false;
        const devices = units.flatMap((unit) => unit ?? []);
        return performers
          .filter((provider) => !visit.sameProvider || !provider || !earlier || provider === earlier)
          .some((provider) =>
            // Which of several free rooms it is matters only to a visit that stays in one.
            (visit.sameRoom ? rooms.filter((room) => !room || !kept || room === kept) : rooms.slice(0, 1)).some((room) => {
              const performed = [...done, { place, at, provider, room, devices }];
              const over = at + minutes;
              if (left.length === 1) return isFreeIn(patient, at, over) && staysIn(performed, start, over) && isWanted(performed, over);
              for (let pause = 0; pause <= visit.pause.mostMinutes; pause += visit.pause.stepMinutes)
                if (isFreeIn(patient, at, over + pause) && go(over + pause, performed)) return true;
              return false;
            }),
          );
      });
    };
    return go(start, []);
  }

  const staysIn = (performed: Performed[], from: number, until: number) => {
    const room = performed.find((one) => one.room)?.room;
    return !visit.sameRoom || !room || isFreeIn(room, from, until);
  };

  /** Minutes that a provider is free right before their first service and right after their last one. */
  const leftBeside = (provider: Thing, mine: Performed[]) => {
    const inTime = mine.toSorted((a, b) => a.at - b.at);
    const [first, last] = [inTime[0], inTime.at(-1)];
    let before = (first?.at ?? 0) + (services[first?.place ?? 0]?.takes.provider?.at(0) ?? 0);
    let after = (last?.at ?? 0) + (services[last?.place ?? 0]?.takes.provider?.at(-1) ?? 0) + 1;
    const [claimed, over] = [before, after];
    while (isFreeAt(provider, before - 1)) before--;
    while (isFreeAt(provider, after)) after++;
    return [claimed - before, after - over];
  };
  const isTidy = (performed: Performed[]) =>
    things
      .filter((thing) => performed.some(({ provider }) => provider === thing))
      .every((thing) =>
        leftBeside(
          thing,
          performed.filter(({ provider }) => provider === thing),
        ).every((left) => left === 0 || left >= (rules.shortestGapMinutes ?? 0)),
      );

  function brokenRules(start: number): string[] {
    const isIn = ({ from, until }: { from: number; until: number }) => start >= from && start < until;
    const local = (((start + offsetAt(zone, start)) % DAY) + DAY) % DAY;
    if (!rules.days.some(isIn)) return ['day'];
    return [
      ...(local % rules.stepMinutes === 0 ? [] : ['step']),
      ...(rules.earliest !== undefined && start < rules.earliest ? ['lead-time'] : []),
      ...(rules.latest !== undefined && start > rules.latest ? ['horizon'] : []),
      ...(rules.offered && !rules.offered.some(isIn) ? ['offered'] : []),
    ];
  }

  const isBy = (performed: Performed[], provider?: string) =>
    provider === undefined || performed.some((one) => one.place === 0 && one.provider?.id === provider);

  function openIn({ from, until }: { from: number; until: number }, provider?: string): number[] {
    const open: number[] = [];
    for (let start = from; start < until; start++)
      if (start % 5 === 0 && brokenRules(start).length === 0 && someWay(start, (performed) => isBy(performed, provider))) open.push(start);
    return open;
  }
  const tidyIn = (open: number[], provider?: string) =>
    open.filter((start) => someWay(start, (performed) => isBy(performed, provider) && isTidy(performed)));

  const offered = new Map<string, number[]>();
  /** The starts of a day; where no start keeps another one from being offered, only the one that is asked about. */
  function offeredOn(day: { from: number; until: number }, provider?: string, asked?: number): number[] {
    if (!rules.shortestGapMinutes) return openIn(asked === undefined ? day : { from: asked, until: asked + 1 }, provider);
    const open = openIn(day, provider);
    const tidy = tidyIn(open, provider);
    return tidy.length > 0 ? tidy : open;
  }

  return {
    brokenRules,
    isFree: (start) => someWay(start, () => true),
    isFreeFor: (kind, id, from, until) =>
      kind === 'patient'
        ? isFreeIn(patient, from, until)
        : isFreeIn(things.find((thing) => thing.kind === kind && thing.id === id) ?? patient, from, until),
    isOnlyGaps: (minutes) => tidyIn(openIn(minutes)).length === 0,
    starts: (provider = '') => {
      const known = offered.get(provider) ?? rules.days.flatMap((day) => offeredOn(day, provider || undefined));
      offered.set(provider, known);
      return known;
    },
    offers: (start) => rules.days.some((day) => start >= day.from && start < day.until && offeredOn(day, undefined, start).includes(start)),
    shortest: (start) => {
      let shortest: number | null = null;
      someWay(start, (_, over) => {
        shortest = Math.min(shortest ?? Number.POSITIVE_INFINITY, over - start);
        return false;
      });
      return shortest;
    },
    lacking: (start) => {
      const [only] = services;
      if (!only) return [];
      const { service, takes, minutes } = only;
      const isLacking = (candidates: Thing[], taken: number[] | null) =>
        taken !== null && !candidates.some((one) => canServe(one, taken, start));
      return [
        ...(isLacking(providersFor(service), takes.provider) ? ['provider'] : []),
        ...(isLacking(roomsFor(service), takes.room) ? ['room'] : []),
        ...[...takes.devices].flatMap(([device, taken]) => (isLacking(unitsOf(device), taken) ? [`device ${device}`] : [])),
        ...(isFreeIn(patient, start, start + minutes) ? [] : ['patient']),
      ];
    },
    hasCandidates: (place, kind, type) => {
      const of = services.filter((one) =>
        place === null ? one.takes[kind === 'room' ? 'room' : 'provider'] !== null : one.place === place,
      );
      const able = of.map(({ service }) =>
        kind === 'provider' ? providersFor(service) : kind === 'room' ? roomsFor(service) : unitsOf(type ?? ''),
      );
      return (able[0] ?? []).some((one) => able.every((candidates) => candidates.includes(one)));
    },
    faultOf,
    leavesGap: (assignment) => !isTidy(performedIn(assignment)),
  };

  function performedIn(assignment: Assignment): Performed[] {
    const named = (kind: Kind, id: string | null) => things.find((thing) => thing.kind === kind && thing.id === id) ?? null;
    return assignment.services.map(({ place, from, providerId, roomId, deviceIds }) => ({
      place,
      at: from,
      provider: named('provider', providerId),
      room: named('room', roomId),
      devices: deviceIds.flatMap((id) => named('device', id) ?? []),
    }));
  }

  function faultOf(assignment: Assignment, start: number): string | null {
    const performed = performedIn(assignment);
    const places = performed.map(({ place }) => place);
    if (assignment.from !== start || performed[0]?.at !== start) return 'it begins at another time';
    if (places.toSorted((a, b) => a - b).join() !== services.map(({ place }) => place).join()) return 'not every service is in it once';
    if (visit.order === 'given' && places.join() !== places.toSorted((a, b) => a - b).join()) return 'another order than the given one';
    let over = start;
    const wanted = new Set<string>();
    for (const [index, { place, at, provider, room, devices }] of performed.entries()) {
      const { service, takes, minutes } = services[place] as ServiceMinutes;
      const pause = at - over;
      if (index > 0 && (pause < 0 || pause > visit.pause.mostMinutes || pause % visit.pause.stepMinutes !== 0))
        return `a pause of ${pause}`;
      over = at + minutes;
      if (takes.provider && !(provider && providersFor(service).includes(provider)))
        return `service ${place} has nobody who may perform it`;
      if (takes.room && !(room && roomsFor(service).includes(room))) return `service ${place} is in no suitable room`;
      if (devices.map(({ type }) => type).join() !== [...takes.devices.keys()].join()) return `service ${place} has other devices`;
      for (const minute of takes.provider ?? []) wanted.add(`provider ${provider?.id} ${at + minute}`);
      for (const minute of takes.room ?? []) wanted.add(`room ${room?.id} ${at + minute}`);
      for (const device of devices)
        for (const minute of takes.devices.get(device.type ?? '') ?? []) wanted.add(`device ${device.id} ${at + minute}`);
    }
    if (assignment.until !== over) return 'it ends at another time';
    if (!isFreeIn(patient, start, over)) return 'the patient is taken';
    const kept = performed.find(({ room }) => room)?.room;
    if (visit.sameRoom && kept) for (let minute = start; minute < over; minute++) wanted.add(`room ${kept.id} ${minute}`);
    const alike = (pick: (one: Performed) => Thing | null) => new Set(performed.flatMap((one) => pick(one) ?? [])).size <= 1;
    if (visit.sameProvider && !alike(({ provider }) => provider)) return 'several providers';
    if (visit.sameRoom && !alike(({ room }) => room)) return 'several rooms';
    for (const { kind, id, from, until } of assignment.claims)
      for (let minute = from; minute < until; minute++) {
        if (!wanted.delete(`${kind} ${id} ${minute}`)) return `${kind} ${id} is claimed at ${minute} for nothing, or twice`;
        const thing = things.find((one) => one.kind === kind && one.id === id);
        if (!thing || !isFreeAt(thing, minute)) return `${kind} ${id} is not free at ${minute}`;
      }
    return wanted.size > 0 ? `not claimed: ${[...wanted][0]}` : null;
  }
}

/** Minutes from the start of a service in which it takes what, buffers included. */
type ServiceMinutes = {
  place: number;
  service: Service;
  minutes: number;
  takes: { provider: number[] | null; room: number[] | null; devices: Map<string, number[]> };
};

function minutesOf(service: Service, place: number): ServiceMinutes {
  const { phases, buffers } = service;
  const during: Phase[] = phases.flatMap((phase) => Array.from({ length: phase.minutes }, () => phase));
  const taken = (takes: (phase: Phase) => boolean, { beforeMinutes, afterMinutes }: { beforeMinutes: number; afterMinutes: number }) => {
    const own = during.flatMap((phase, minute) => (takes(phase) ? [minute] : []));
    const [first, last] = [own[0], own.at(-1)];
    if (first === undefined || last === undefined) return null;
    const before = Array.from({ length: beforeMinutes }, (_, minute) => first - beforeMinutes + minute);
    return [...before, ...own, ...Array.from({ length: afterMinutes }, (_, minute) => last + 1 + minute)];
  };
  const devices = new Set(phases.flatMap((phase) => phase.devices));
  return {
    place,
    service,
    minutes: during.length,
    takes: {
      provider: taken(({ provider }) => provider, buffers.provider),
      room: taken(({ room }) => room, buffers.room),
      devices: new Map([...devices].map((device) => [device, taken((phase) => phase.devices.includes(device), buffers.device) ?? []])),
    },
  };
}
