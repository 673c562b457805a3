import { isDeepStrictEqual } from 'node:util';
import { grant, PERMISSIONS, type ProblemDocument } from '@medspa/contracts';
import { footprintOf, NOW, type TestDatabase } from '@medspa/testing';
import { v7 as newId } from 'uuid';
import { successOf, type Call } from '../../src/platform/documentation/openapi.ts';
import { NO_ORGANIZATION } from '../../src/platform/context.ts';
import type { FindActor, FoundActor } from '../../src/platform/edge.ts';
import { testApp, type Answer, type TestApp } from '../harness.ts';
import { errorPlace } from '../places.ts';
import type { ValidRequest } from '../requests.ts';
import type { ActorClass } from './actors.ts';
import { casesOf, isVisible, unlike, type Case, type Checks } from './cases.ts';
import type { World } from './world.ts';

// The access matrix: every operation, asked for by every kind of actor, about rows in every relation to it. What the answer has to be
// follows from three facts, and from no code of the service: the permission that the operation's documentation names, the actor's
// grants, and whose the rows are that the request names.

/** One request of one actor, and what was wrong with the answer; nothing in most. */
export type Cell = { operation: string; actor: string; relation: string; expected: string; got: string; isWrong: boolean; isLeak: boolean };

type Options = {
  world: World;
  actors: readonly ActorClass[];
  operations: ReadonlyMap<string, Call>;
  checks: Checks;
  /** Done to each copy of the world before anything is asked. */
  prepare?: (t: TestDatabase) => Promise<unknown>;
};

/** Actors that are asked for at once. */
const AT_ONCE = 4;
/** Operations after which what is written is looked at: a look reads all rows, and takes as long as fifty requests. */
const OPERATIONS_AT_ONCE = 10;

/** Runs every case and returns one cell for each. Throws where an operation has no valid request. */
export async function runMatrix(options: Options): Promise<Cell[]> {
  const { world, operations, prepare } = options;
  const actors = options.checks === 'on' ? options.actors : unlike(world, options.actors);
  const cases = [...operations].flatMap(([operation, call]) => actors.flatMap((actor) => casesOf(options, operation, call, actor)));
  const cells: Cell[] = [];

  // What must be refused writes nothing, so one copy of the world is enough: its rows are compared after every few operations.
  const refused = Map.groupBy(
    cases.filter(({ expected }) => expected !== 'done'),
    ({ operation }) => operation,
  );
  await inCopy(world, prepare, async (t) => {
    const app = appOf(options, t);
    let before = await footprintOf(t);
    for (const some of inGroups([...refused], OPERATIONS_AT_ONCE)) {
      const group = some.flatMap(([, ofOperation]) => ofOperation);
      cells.push(...(await atOnce(group, (one) => judge(options, app, one))));
      const after = await footprintOf(t);
      const changed = after.filter((table, index) => !isDeepStrictEqual(table, before[index]));
      const names = some.map(([operation]) => operation).join(', ');
      if (changed.length > 0) cells.push(written(names, `by refused requests: ${JSON.stringify(changed)}`));
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

async function judge({ world, checks }: Options, app: MatrixApp, one: Case): Promise<Cell> {
  const { call, actor, asker, request, twin, relation, operation } = one;
  const answer = await app.answerTo(one);
  const expected = one.expected === 'done' ? successOf(call).status : one.expected;
  const got = answer.status < 300 ? String(answer.status) : (answer.body.slug ?? String(answer.status));
  // What a row elsewhere is answered with, nobody's row is as well: same status, same words, same headers.
  const isTold = twin !== undefined && one.expected === twin.expected && factsOf(answer) !== factsOf(await app.answerTo(twin));
  const scope = checks === 'on' ? (actor.grants(world, call['x-permission'])?.get(call['x-permission']) ?? []) : actor.scope(world);
  const shown = idsShown(answer, request).filter(
    (id) => world.owners.has(id) && !isVisible(world, { actor, asker, scope }, world.owners.get(id)),
  );
  const place = relation.split(', ')[1];
  const isUnnamed = one.expected === 'invalid-request' && place !== undefined && !namesPlace(answer.body, place);
  const isLeak = isTold || shown.length > 0 || (one.expected !== 'done' && answer.status < 300);
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
export function idsShown({ text }: Answer, { path, body }: ValidRequest): string[] {
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

/**
 * The service on a copy of the world. Making an app takes longer than asking it: there is one that finds by itself who asks, and one that
 * is told with each request, when somebody needs it.
 */
function appOf({ world, checks }: Options, { database }: TestDatabase): MatrixApp {
  const asking = new Map<string, FoundActor>();
  const apps = new Map<string, TestApp>();
  const answers = new Map<Case, Promise<Answer<ProblemDocument>>>();

  function appThat(name: 'finds' | 'is told'): TestApp {
    const told: FindActor = (headers) => Promise.resolve(asking.get(headers.get('x-asking') ?? '') ?? null);
    const app = apps.get(name) ?? testApp(database, { as: name === 'finds' ? 'session' : told, now: () => NOW });
    apps.set(name, app);
    return app;
  }

  async function send(one: Case): Promise<Answer<ProblemDocument>> {
    const { method, path, body } = one.request;
    // Patients hold all that the portal asks for: there is no permission to do without, and their own session says who they are.
    if (one.actor.isFound && (checks === 'on' || one.actor.isInPortal)) return appThat('finds').send(method, path, body, one.asker.headers);
    const key = newId();
    const told = actorOf(one);
    if (told) asking.set(key, told);
    return appThat('is told').send(method, path, body, { 'x-asking': key });
  }

  function actorOf({ actor, asker, call }: Case): FoundActor | null {
    const held = actor.grants(world, call['x-permission']);
    const patients = actor.patients?.(world, asker);
    return (
      held && {
        organizationId: world.own.clinic.organizationId,
        signIn: { sessionId: asker.sessionId ?? NO_ORGANIZATION, steppedUpAt: NOW, mustEnrol: false },
        actor: {
          kind: actor.kind ?? 'staff',
          id: asker.id,
          grants: checks === 'on' ? held : grant(PERMISSIONS, actor.scope(world)),
          ...(patients ? { patients } : {}),
        },
      }
    );
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

function inGroups<T>(items: readonly T[], size: number): T[][] {
  return Array.from({ length: Math.ceil(items.length / size) }, (_, index) => items.slice(index * size, (index + 1) * size));
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
