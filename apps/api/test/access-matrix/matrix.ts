import { isDeepStrictEqual } from 'node:util';
import { grant, PERMISSIONS, type Permission, type ProblemDocument, type Scope } from '@medspa/contracts';
import { footprintOf, NOW, type TestDatabase } from '@medspa/testing';
import { v7 as newId } from 'uuid';
import { bodyOf, successOf, type Call } from '../../src/platform/documentation/openapi.ts';
import { NO_ORGANIZATION } from '../../src/platform/context.ts';
import type { FindActor } from '../../src/platform/edge.ts';
import { testApp, type Answer } from '../harness.ts';
import { errorPlace, idAt, idPlaces, withValue } from '../places.ts';
import { fieldPermissionsOf, type ValidRequest } from '../requests.ts';
import type { ActorClass } from './actors.ts';
import type { Owner, World } from './world.ts';

// The access matrix: every operation, asked for by every kind of actor, about rows in every relation to it. What the answer has to be
// follows from three facts, and from no code of the service: the permission that the operation's documentation names, the actor's
// grants, and whose the rows are that the request names.

/** One request of one actor, and what was wrong with the answer; nothing in most. */
export type Cell = { operation: string; actor: string; relation: string; expected: string; got: string; isWrong: boolean; isLeak: boolean };

type ActorFound = Awaited<ReturnType<FindActor>>;

type Options = {
  world: World;
  actors: readonly ActorClass[];
  operations: ReadonlyMap<string, Call>;
  /** Whether the application demands permissions; otherwise every actor holds each of them, and row-level security is on its own. */
  checks: 'on' | 'off';
  /** Done to each copy of the world before anything is asked. */
  prepare?: (t: TestDatabase) => Promise<unknown>;
};

type Case = {
  operation: string;
  call: Call;
  actor: ActorClass;
  relation: string;
  request: ValidRequest;
  expected: string;
  /** The same with nobody's row, which must be answered alike. */
  twin?: Case;
};

/** Actors that are asked for at once. */
const AT_ONCE = 4;

/** Runs every case and returns one cell for each. Throws where an operation has no valid request. */
export async function runMatrix(options: Options): Promise<Cell[]> {
  const { world, operations, prepare } = options;
  const actors = options.checks === 'on' ? options.actors : unlike(world, options.actors);
  const cases = [...operations].flatMap(([operation, call]) => actors.flatMap((actor) => casesOf(options, operation, call, actor)));
  const cells: Cell[] = [];

  // What must be refused writes nothing, so one copy of the world is enough: its rows are compared after every operation.
  const refused = cases.filter(({ expected }) => expected !== 'done');
  await inCopy(world, prepare, async (t) => {
    const app = appOf(options, t);
    let before = await footprintOf(t);
    for (const [operation, group] of Map.groupBy(refused, (one) => one.operation)) {
      cells.push(...(await atOnce(group, (one) => judge(options, app, one))));
      const after = await footprintOf(t);
      const changed = after.filter((table, index) => !isDeepStrictEqual(table, before[index]));
      if (changed.length > 0) cells.push(written(operation, `by refused requests: ${JSON.stringify(changed)}`));
      before = after;
    }
  });

  // What must succeed changes rows: every actor who writes has a copy of the world, and in it every operation has rows of its own.
  const done = cases.filter(({ expected }) => expected === 'done');
  const writers = new Set(done.flatMap(({ call, actor }) => (call['x-permission'].endsWith(':read') ? [] : [actor])));
  const allowed = Map.groupBy(done, ({ actor }) => (writers.has(actor) ? actor : 'who only reads'));
  const groups = await atOnce([...allowed.values()], (group) =>
    inCopy(world, prepare, async (t) => {
      const app = appOf(options, t);
      const others = await rowsOf(t, world.foreign.clinic.organizationId);
      const own: Cell[] = [];
      for (const one of group) own.push(await judge(options, app, one));
      if ((await rowsOf(t, world.foreign.clinic.organizationId)) !== others) own.push(written('any', 'in another organization'));
      return own;
    }),
  );
  return [...cells, ...groups.flat()];
}

/** Without the application's checks, actors are alike who work at the same places: one of them asks for all. */
function unlike(world: World, actors: readonly ActorClass[]): ActorClass[] {
  const reach = (actor: ActorClass) =>
    actor.grants(world, 'account:read') && JSON.stringify([actor.kind, actor.scope(world), actor.patients?.(world)]);
  return actors.filter((actor, index) => actors.findIndex((other) => reach(other) === reach(actor)) === index);
}

/** Cases of one operation and one actor: the valid requests of both locations, and each id in them replaced by every other kind. */
function casesOf({ world, checks }: Options, operation: string, call: Call, actor: ActorClass): Case[] {
  const needs = call['x-permission'];
  const [own, elsewhere, foreign] = [world.own, world.elsewhere, world.foreign].map(({ requests }) => {
    const request = requests.get(operation);
    if (!request) throw new Error(`There is no valid request for ${operation}.`);
    return request;
  }) as [ValidRequest, ValidRequest, ValidRequest];
  const granted = actor.grants(world, needs);
  const scope = granted && (checks === 'on' ? granted.get(needs) : actor.scope(world));
  // Fields of what is sent may take a permission of their own, and are refused before the rest is read.
  const isShort = checks === 'on' && fieldPermissionsOf(bodyOf(call)).some((permission) => !granted?.has(permission));
  const sees = (request: ValidRequest) =>
    idPlaces(call).every((place) => isVisible(world, actor, scope ?? [], world.owners.get(idAt(request, place))));
  const verdict = (request: ValidRequest) => {
    if (granted === null) return 'not-authenticated';
    if (scope === undefined || isShort) return 'not-permitted';
    return sees(request) ? 'done' : 'not-found';
  };
  const isElsewhere = (place: string) => world.owners.get(idAt(elsewhere, place))?.locationId === world.elsewhere.clinic.locationId;
  const verdictOfForm = granted === null ? 'not-authenticated' : isShort ? 'not-permitted' : 'invalid-request';
  const base = { operation, call, actor };
  const whole = (relation: string, request: ValidRequest): Case => ({ ...base, relation, request, expected: verdict(request) });
  return [
    whole('own row', own),
    ...(idPlaces(call).some(isElsewhere) ? [whole('other location', elsewhere)] : []),
    ...idPlaces(call).flatMap((place): Case[] => {
      const nobodys = withValue(own, place, newId());
      const missing = { ...base, relation: `missing id, ${place}`, request: nobodys, expected: verdict(nobodys) };
      const theirs = (relation: string, request: ValidRequest): Case => ({
        ...base,
        relation: `${relation}, ${place}`,
        request,
        expected: verdict(request),
        twin: missing,
      });
      const malformed = withValue(own, place, 'not-an-id');
      return [
        missing,
        theirs('other tenant', withValue(own, place, idAt(foreign, place))),
        // Of the actors who work at both, the answer depends on what the operation does with rooms and people of two places.
        ...(isElsewhere(place) && scope !== 'everywhere' ? [theirs('other location', withValue(own, place, idAt(elsewhere, place)))] : []),
        { ...base, relation: `malformed id, ${place}`, request: malformed, expected: verdictOfForm },
      ];
    }),
  ];
}

/** Whether a row is there for an actor who may do the thing at the scope. Nobody's row is there for nobody. */
function isVisible(world: World, actor: ActorClass, scope: Scope, owner: Owner | undefined): boolean {
  if (!owner || owner.organizationId !== world.own.clinic.organizationId) return false;
  const patients = actor.patients?.(world);
  return (
    (scope === 'everywhere' || owner.locationId === null || scope.includes(owner.locationId)) &&
    (!patients || owner.patientId === null || patients.includes(owner.patientId))
  );
}

async function judge({ world, checks }: Options, app: MatrixApp, one: Case): Promise<Cell> {
  const { call, actor, request, twin, relation, operation } = one;
  const answer = await app.answerTo(one);
  const expected = one.expected === 'done' ? successOf(call).status : one.expected;
  const got = answer.status < 300 ? String(answer.status) : (answer.body.slug ?? String(answer.status));
  // What a row elsewhere is answered with, nobody's row is as well: same status, same words, same headers.
  const isTold = twin !== undefined && one.expected === 'not-found' && factsOf(answer) !== factsOf(await app.answerTo(twin));
  const scope = checks === 'on' ? (actor.grants(world, call['x-permission'])?.get(call['x-permission']) ?? []) : actor.scope(world);
  const shown = idsShown(answer, request).filter((id) => world.owners.has(id) && !isVisible(world, actor, scope, world.owners.get(id)));
  const place = relation.split(', ')[1];
  const isUnnamed = one.expected === 'invalid-request' && place !== undefined && !namesPlace(answer.body, place);
  const isLeak = isTold || shown.length > 0 || (one.expected === 'not-found' && answer.status < 300);
  return {
    operation,
    actor: actor.name,
    relation,
    expected,
    got: got + (isTold ? ', told apart from a missing row' : '') + (shown.length > 0 ? `, shows ${shown.length} rows of others` : ''),
    isWrong: isLeak || answer.status >= 500 || (checks === 'on' && (got !== expected || isUnnamed)),
    isLeak,
  };
}

/** Ids in an answer that the request did not name. */
function idsShown({ text }: Answer, { path, body }: ValidRequest): string[] {
  const sent = path + JSON.stringify(body ?? null);
  return [...new Set(text.match(/[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}/g))].filter((id) => !sent.includes(id));
}

function namesPlace({ errors }: ProblemDocument, place: string): boolean {
  const wanted = errorPlace(place);
  return errors?.length === 1 && errors[0]?.in === wanted.in && errors[0].pointer === wanted.pointer;
}

/** All of an answer but the id of its request. */
function factsOf({ status, headers, text }: Answer): string {
  const told = [...headers].filter(([name]) => name !== 'x-request-id');
  return JSON.stringify([status, told, text.replace(/"requestId":"[^"]+"/, '')]);
}

type MatrixApp = { answerTo: (one: Case) => Promise<Answer<ProblemDocument>> };

/** The service on a copy of the world. Making an app takes longer than asking it: there is one, and who asks is said with each request. */
function appOf({ world, checks }: Options, { database }: TestDatabase): MatrixApp {
  const asking = new Map<string, ActorFound>();
  const app = testApp(database, { as: (headers) => Promise.resolve(asking.get(headers.get('x-asking') ?? '') ?? null), now: () => NOW });
  const bySession = testApp(database, { as: 'session', now: () => NOW });
  const answers = new Map<Case, Promise<Answer<ProblemDocument>>>();

  async function send({ actor, call, request }: Case): Promise<Answer<ProblemDocument>> {
    const { method, path, body } = request;
    if (actor.headers && checks === 'on') return bySession.send(method, path, body, actor.headers(world));
    const key = newId();
    asking.set(key, found(actor, call['x-permission']));
    return app.send(method, path, body, { 'x-asking': key });
  }

  function found(actor: ActorClass, needs: Permission): ActorFound {
    const held = actor.grants(world, needs);
    if (!held) return null;
    const { organizationId, actorId } = world.own.clinic;
    const patients = actor.patients?.(world);
    return {
      organizationId,
      signIn: { sessionId: NO_ORGANIZATION, steppedUpAt: NOW, mustEnrol: false },
      actor: {
        kind: actor.kind ?? 'staff',
        id: actorId,
        grants: checks === 'on' ? held : grant(PERMISSIONS, actor.scope(world)),
        ...(patients ? { patients } : {}),
      },
    };
  }

  /** Asks once, however often the answer is looked at. */
  function answerTo(one: Case): Promise<Answer<ProblemDocument>> {
    const answer = answers.get(one) ?? send(one);
    answers.set(one, answer);
    return answer;
  }
  return { answerTo };
}

async function inCopy<T>(world: World, prepare: Options['prepare'], work: (t: TestDatabase) => Promise<T>): Promise<T> {
  const t = await world.copy();
  try {
    await prepare?.(t);
    return await work(t);
  } finally {
    await t.drop();
  }
}

/** A digest of the rows of one organization. */
async function rowsOf(t: TestDatabase, organizationId: string): Promise<string> {
  const tables = await t.look<{ name: string }>(
    `SELECT c.relname AS name FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid AND a.attname = 'organization_id'
     WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'p') AND NOT c.relispartition ORDER BY 1`,
  );
  const digests = tables.map(
    ({ name }) =>
      `SELECT '${name}' AS name, md5(string_agg(r::text, E'\\n' ORDER BY r::text)) AS digest FROM ${name} r WHERE organization_id = $1`,
  );
  return JSON.stringify(await t.look(`${digests.join(' UNION ALL ')} ORDER BY name`, [organizationId]));
}

function written(operation: string, got: string): Cell {
  return { operation, actor: 'any', relation: 'any', expected: 'nothing written', got, isWrong: true, isLeak: true };
}

/** Works on all, a few at a time. */
async function atOnce<T, R>(items: readonly T[], work: (item: T) => Promise<R>): Promise<R[]> {
  const results: R[] = [];
  const rest = items.entries();
  const worker = async () => {
    for (const [index, item] of rest) results[index] = await work(item);
  };
  await Promise.all(Array.from({ length: AT_ONCE }, worker));
  return results;
}
