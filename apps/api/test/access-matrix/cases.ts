import type { Scope } from '@medspa/contracts';
import { v7 as newId } from 'uuid';
import { bodyOf, type Call } from '../../src/platform/documentation/openapi.ts';
import { idAt, idPlaces, withValue } from '../places.ts';
import { fieldPermissionsOf, type ValidRequest } from '../requests.ts';
import type { ActorClass } from './actors.ts';
import type { Asker } from './askers.ts';
import type { Owner, World } from './world.ts';

/** One request of one actor, and what has to be answered: `done`, or the slug of a refusal. */
export type Case = {
  operation: string;
  call: Call;
  actor: ActorClass;
  asker: Asker;
  relation: string;
  request: ValidRequest;
  expected: string;
  /** The same with nobody's row, which must be answered alike. */
  twin?: Case;
};

/** Whether the application demands permissions; otherwise every actor holds each of them, and row-level security is on its own. */
export type Checks = 'on' | 'off';

/** What says that a row is not there, where that is not `not-found`. */
const NOT_THERE: Record<string, string> = { 'POST /v1/device/unlock': 'full-sign-in-required' };

/** What takes a person, and is refused so to a program that holds the permission. */
const TAKES_A_PERSON: Record<string, string> = {
  'PATCH /v1/staff/{id}': 'beyond-own-access',
  'POST /v1/device/hand-over': 'not-a-shared-device',
};

/** Cases of one operation and one actor: the valid requests of both locations, and each id in them replaced by every other kind. */
export function casesOf({ world, checks }: { world: World; checks: Checks }, operation: string, call: Call, actor: ActorClass): Case[] {
  const needs = call['x-permission'];
  if (Boolean(actor.isInPortal) !== call.path.startsWith('/v1/portal/')) return [];
  // Of what nobody but staff has, an account, there is nothing that row-level security could show a device or a patient.
  if (checks === 'off' && needs.startsWith('account:') && (actor.kind || actor.patients)) return [];
  const [own, elsewhere, foreign] = [world.own, world.elsewhere, world.foreign].map(({ requests, ofChild }) => {
    const request = requests.get(operation);
    if (!request) throw new Error(`There is no valid request for ${operation}.`);
    return actor.isAboutChild ? ofChild.get(operation) : request;
  });
  // Nothing is asked for a child that names no row of it.
  if (!own || !elsewhere || !foreign) return [];
  const asker = askerOf(world, operation, actor, checks);
  const granted = actor.grants(world, needs);
  const scope = granted && (checks === 'on' ? granted.get(needs) : actor.scope(world));
  // Fields of what is sent may take a permission of their own, and are refused before the rest is read.
  const isShort = checks === 'on' && fieldPermissionsOf(bodyOf(call)).some((permission) => !granted?.has(permission));
  const isThere = (id: string, who = asker) => isVisible(world, { actor, asker: who, scope: scope ?? [] }, world.owners.get(id));
  const verdict = (request: ValidRequest, who = asker) => {
    if (granted === null) return 'not-authenticated';
    if (scope === undefined || isShort) return 'not-permitted';
    if (!idPlaces(call).every((place) => isThere(idAt(request, place), who))) return NOT_THERE[operation] ?? 'not-found';
    return (checks === 'on' && actor.kind === 'integration' && TAKES_A_PERSON[operation]) || 'done';
  };
  const isElsewhere = (place: string) => world.owners.get(idAt(elsewhere, place))?.locationId === world.elsewhere.clinic.locationId;
  const verdictOfForm = granted === null ? 'not-authenticated' : isShort ? 'not-permitted' : 'invalid-request';
  const base = { operation, call, actor, asker };
  const elsewhereAs = world.elsewhere.askers.get(operation)?.[actor.as] ?? asker;
  const cases: Case[] = [
    { ...base, relation: 'own row', request: own, expected: verdict(own) },
    ...(idPlaces(call).some(isElsewhere) && !actor.isForeign
      ? [{ ...base, relation: 'other location', request: elsewhere, asker: elsewhereAs, expected: verdict(elsewhere, elsewhereAs) }]
      : []),
    ...idPlaces(call).flatMap((place): Case[] => {
      const nobodys = withValue(own, place, newId());
      const missing = { ...base, relation: `missing id, ${place}`, request: nobodys, expected: verdict(nobodys) };
      const theirs = (relation: string, id: string): Case => {
        const request = withValue(own, place, id);
        return { ...base, relation: `${relation}, ${place}`, request, expected: verdict(request), twin: missing };
      };
      const there = idAt(elsewhere, place);
      const malformed = withValue(own, place, 'not-an-id');
      return [
        missing,
        // To a patient of the other organization those are their own.
        ...(actor.isForeign ? [] : [theirs('other tenant', idAt(foreign, place))]),
        // For whom it is there as well, the answer depends on what the operation does with rooms, people and patients of two places.
        ...(isThere(there) ? [] : [theirs(isElsewhere(place) ? 'other location' : 'other person', there)]),
        // What is no id names no row that could leak.
        ...(checks === 'on' ? [{ ...base, relation: `malformed id, ${place}`, request: malformed, expected: verdictOfForm }] : []),
      ];
    }),
  ];
  // What names no row is about their own, in their organization.
  return actor.isForeign ? cases.filter(({ expected }) => expected !== 'done') : cases;
}

/** Who asks for an operation. Without checks also what only staff can be asks for everything, as the staff who may. */
export function askerOf(
  { own, foreign }: World,
  operation: string,
  { as, isForeign, isInPortal }: ActorClass,
  checks: Checks = 'on',
): Asker {
  const { askers, usual } = isForeign ? foreign : own;
  const known = askers.get(operation);
  return known?.[as] ?? (checks === 'on' || isInPortal ? usual[as] : (known?.staff ?? usual.staff));
}

/** Who asks, and where they may. */
export type Sight = { actor: ActorClass; asker: Asker; scope: Scope };

/** Whether a row is there for them. Nobody's row is there for nobody. */
export function isVisible(world: World, { actor, asker, scope }: Sight, owner: Owner | undefined): boolean {
  const { organizationId } = (actor.isForeign ? world.foreign : world.own).clinic;
  if (!owner || owner.organizationId !== organizationId) return false;
  const patients = actor.patients?.(world, asker);
  return (
    (scope === 'everywhere' || owner.locationId === null || scope.includes(owner.locationId)) &&
    (!patients || owner.patientId === null || patients.includes(owner.patientId)) &&
    (owner.personId === null || owner.personId === asker.id)
  );
}

/** Without the application's checks, actors are alike who work at the same places: one of them asks for all. */
export function unlike(world: World, actors: readonly ActorClass[]): ActorClass[] {
  const reach = (actor: ActorClass) => {
    const { kind, isInPortal, isAboutChild, isForeign } = actor;
    const patients = actor.patients?.(world, world.own.usual[actor.as]);
    return actor.grants(world, 'account:read') && JSON.stringify([kind, isInPortal, isAboutChild, isForeign, actor.scope(world), patients]);
  };
  return actors.filter((actor, index) => actors.findIndex((other) => reach(other) === reach(actor)) === index);
}
