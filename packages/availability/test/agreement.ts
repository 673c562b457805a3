import {
  assign,
  countStarts,
  eachStart,
  findStarts,
  findStartsByProvider,
  hasStart,
  paintBoard,
  whyNot,
  type Board,
  type Change,
  type Reason,
  type Visit,
} from '../src/index.ts';
import { askOracle, type Oracle } from './oracle.ts';
import type { World } from './worlds.ts';

/** How often what was compared, so that a run of worlds in which nothing is open cannot pass for a proof. */
export type Compared = Map<string, number>;

function count(compared: Compared, what: string, times = 1): void {
  compared.set(what, (compared.get(what) ?? 0) + times);
}

/** In how many ways the clocks changed on a day that was searched. */
export function changesSeen(compared: Compared): number {
  return [...compared.keys()].filter((what) => what.startsWith('clock ')).length;
}

/** How engine and oracle differ about a world: a sentence, or null. What was compared is added up. */
export function differenceIn(world: World, compared: Compared, engineVisit: Visit = world.visit): string | null {
  const { zone, time, visit, rules } = world;
  const oracle = askOracle(zone, time, visit, rules);
  const board = paintBoard(time);
  const starts = findStarts(board, engineVisit, rules);
  const expected = oracle.starts();
  const found = [...eachStart(starts)];
  if (found.join() !== expected.join()) return `starts: engine ${found.join(' ')}, oracle ${expected.join(' ')}`;
  if (countStarts(starts) !== expected.length) return `it counts ${countStarts(starts)} of ${expected.length} starts`;
  count(
    compared,
    'slots',
    rules.days.reduce((sum, { from, until }) => sum + (until - from) / 5, 0),
  );
  for (const { from, until } of rules.days)
    if (until - from !== 1_440) count(compared, `clock ${zone} ${until - from < 1_440 ? 'forward' : 'back'}`);
  count(compared, 'starts', expected.length);
  if (expected.length > 0) count(compared, 'worlds with starts');

  const [first] = visit.services;
  if (first?.phases.some(({ provider }) => provider))
    for (const [provider, { from, row }] of findStartsByProvider(board, engineVisit, rules)) {
      const [byEngine, byOracle] = [[...eachStart({ from, row })].join(), oracle.starts(provider).join()];
      if (byEngine !== byOracle) return `starts of ${provider}: engine ${byEngine}, oracle ${byOracle}`;
    }

  const edges = found.flatMap((start) => [start - 5, start, start + 5]).filter((_, index) => index % 7 === 0);
  for (const start of [...world.asked.slice(0, 1), ...world.asked.map((minute) => minute - (minute % 30)), ...edges.slice(0, 6)]) {
    const wrong = faultAt(world, oracle, board, engineVisit, start, hasStart(starts, start), compared);
    if (wrong) return `at ${start}: ${wrong}`;
  }
  return null;
}

function faultAt(
  { zone, time, rules }: World,
  oracle: Oracle,
  board: Board,
  visit: Visit,
  start: number,
  isOffered: boolean,
  compared: Compared,
): string | null {
  const isFree = start % 5 === 0 && oracle.isFree(start);
  const assigned = assign(board, visit, start, rules.shortestGapMinutes);
  if ((assigned !== null) !== isFree) return `the engine assigns ${JSON.stringify(assigned)}`;
  if (assigned) {
    count(compared, 'assigned visits');
    const fault = oracle.faultOf(assigned, start);
    if (fault) return `${fault}: ${JSON.stringify(assigned)}`;
    if (!rules.shortestGapMinutes && assigned.until - start !== oracle.shortest(start)) return 'it is not the shortest visit';
  }
  const { reasons, changes } = whyNot(board, visit, rules, start);
  if ((reasons.length === 0) !== isOffered) return `offered is ${isOffered}, and reasons are ${JSON.stringify(reasons)}`;
  for (const reason of reasons) count(compared, `reason ${reason.kind === 'rule' ? reason.rule : reason.kind}`);
  for (const { kind } of changes) count(compared, `change ${kind}`);
  if (isOffered && assigned && rules.shortestGapMinutes && oracle.leavesGap(assigned) && !isOnlyGaps(oracle, start, rules.days))
    return 'it leaves a gap that need not be';

  const named = reasons.flatMap((reason) => (reason.kind === 'rule' ? [reason.rule] : []));
  const rulesBroken = oracle.brokenRules(start);
  const broken = start % 5 === 0 || rulesBroken[0] === 'day' ? rulesBroken : ['step'];
  if (named.join() !== broken.join()) return `rules named ${named.join()}, broken ${broken.join()}`;
  const untrue = reasons.find((reason) => !isTrue(reason, oracle, time.window, visit));
  if (untrue) return `not so: ${JSON.stringify(untrue)}`;
  const lacking = visit.services.length === 1 && start % 5 === 0 && !visit.sameRoom && broken[0] !== 'day' ? oracle.lacking(start) : null;
  const told = new Set(reasons.flatMap((reason) => lackingOf(reason, time)));
  if (lacking && lacking.toSorted().join() !== [...told].toSorted().join()) return `lacking ${lacking.join()}, told ${[...told].join()}`;
  for (const change of changes) {
    const idle = isIdle(change, { zone, time, visit, rules, asked: [] }, oracle, start);
    if (idle) return `${JSON.stringify(change)}: ${idle}`;
  }
  const times = expectedTimes(oracle.starts(), start);
  const said = changes.flatMap((change) =>
    change.kind === 'earlier' || change.kind === 'later' ? [`${change.kind} ${change.minutes}`] : [],
  );
  return isOffered || said.toSorted().join() === times.toSorted().join() ? null : `other times ${said.join()}, not ${times.join()}`;
}

/** What a reason says cannot be had. */
function lackingOf(reason: Reason, { devices }: World['time']): string[] {
  if (reason.kind === 'rule' || reason.kind === 'gap') return [];
  if (reason.kind === 'skill') return ['provider'];
  if (reason.kind === 'equipment') return [reason.needs === 'device' ? `device ${reason.type}` : 'room'];
  return [reason.kind === 'device' ? `device ${devices.find(({ id }) => id === reason.id)?.type}` : reason.kind];
}

/** Whether a day's starts are offered although they leave gaps. */
function isOnlyGaps(oracle: Oracle, start: number, days: World['rules']['days']): boolean {
  const day = days.find(({ from, until }) => start >= from && start < until);
  return day !== undefined && oracle.isOnlyGaps(day);
}

/** What a reason says is so, minute by minute. */
function isTrue(reason: Reason, oracle: Oracle, window: { from: number; until: number }, { services }: Visit): boolean {
  switch (reason.kind) {
    case 'rule':
      return true;
    case 'gap':
      return oracle.isFreeFor('provider', reason.id, reason.during.from, reason.during.until);
    case 'skill':
      return (
        !oracle.hasCandidates(reason.place, 'provider', null) &&
        (reason.place === null || services[reason.place]?.askedProvider === (reason.asked ?? undefined))
      );
    case 'equipment':
      return !oracle.hasCandidates(reason.place, reason.needs, reason.type);
    case 'patient':
    case 'provider':
    case 'room':
    case 'device': {
      const { from, until } = reason.during;
      if (from >= until) return false;
      if (reason.why === 'unknown') return from < window.from || until > window.until;
      const id = reason.kind === 'patient' ? '' : reason.id;
      for (let minute = from; minute < until; minute += 5) if (oracle.isFreeFor(reason.kind, id, minute, minute + 5)) return false;
      return true;
    }
  }
}

/** Why a change would not open the start, or null when it does. */
function isIdle(change: Change, world: World, oracle: Oracle, start: number): string | null {
  const { zone, time, visit, rules } = world;
  const without = (wish: 'askedRoom' | 'askedProvider', places: readonly number[]): Visit => ({
    ...visit,
    services: visit.services.map((service, place) => (places.includes(place) ? { ...service, [wish]: undefined } : service)),
  });
  const opens = (changed: Visit) => (askOracle(zone, time, changed, rules).offers(start) ? null : 'it opens nothing');
  switch (change.kind) {
    case 'without-rules':
      return oracle.isFree(start) ? null : 'resources are taken';
    case 'other-room':
      return opens(without('askedRoom', change.places));
    case 'several-rooms':
      return opens({ ...visit, sameRoom: false });
    case 'several-providers':
      return opens({ ...visit, sameProvider: false });
    case 'other-provider': {
      const [place, ...more] = change.places;
      const [id] = change.ids;
      if (place === undefined || more.length > 0) return opens(without('askedProvider', change.places));
      const changed = without('askedProvider', change.places);
      const services = changed.services.map((service, index) =>
        index === place && id !== undefined ? { ...service, askedProvider: id } : service,
      );
      return opens({ ...changed, services });
    }
    case 'earlier':
    case 'later':
      return null;
  }
}

function expectedTimes(starts: number[], start: number): string[] {
  const [before, after] = [starts.findLast((one) => one < start), starts.find((one) => one > start)];
  return [...(before === undefined ? [] : [`earlier ${start - before}`]), ...(after === undefined ? [] : [`later ${after - start}`])];
}
