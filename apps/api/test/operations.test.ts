import { PERMISSIONS, type ProblemDocument } from '@medspa/contracts';
import { createTestDatabase, type TestDatabase } from '@medspa/testing';
import { v7 as newId } from 'uuid';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { testApp, type TestApp } from './harness.ts';
import {
  addressOf,
  aFurnishedClinic,
  allOperations,
  NOW,
  RECIPES,
  type Ids,
  type JsonSchema,
  type Operation,
  type Recipe,
  type Request,
} from './operations.ts';

const operations = allOperations();
const table = operations.map((operation) => [operation.name, operation] as const);

let t: TestDatabase;
/** Two clinics alike: requests come from the first, the second's rows are somebody else's. Refusals leave both as they were. */
let own: Ids;
let foreign: Ids;
let app: TestApp;

beforeAll(async () => {
  t = await createTestDatabase();
  await t.look(FOOTPRINT);
  [own, foreign] = [await aFurnishedClinic(t), await aFurnishedClinic(t)];
  app = testApp(t.database, { as: own, now: () => NOW });
});
afterAll(() => t.drop());

/** A digest of every row of every table, the queue's jobs included. */
const FOOTPRINT = `
  CREATE FUNCTION footprint() RETURNS text LANGUAGE plpgsql AS $$
  DECLARE
    v_table regclass;
    v_digest text;
    v_all text := '';
  BEGIN
    FOR v_table IN SELECT oid FROM pg_class WHERE relkind = 'r' AND (relnamespace = 'public'::regnamespace OR relname = '_private_jobs') ORDER BY 1 LOOP
      EXECUTE format('SELECT md5(coalesce(string_agg(r::text, E''\\n'' ORDER BY r::text), '''')) FROM %s r', v_table) INTO v_digest;
      v_all := v_all || v_table || v_digest;
    END LOOP;
    RETURN v_all;
  END $$`;

async function footprint(): Promise<string | undefined> {
  return (await t.look<{ footprint: string }>('SELECT footprint()'))[0]?.footprint;
}

function recipeOf({ name }: Operation): Recipe {
  const recipe = RECIPES[name];
  if (!recipe) throw new Error(`${name} has no recipe in operations.ts.`);
  return recipe;
}

function send(to: TestApp, operation: Operation, request: Request, headers?: Record<string, string>) {
  return to.send<ProblemDocument>(operation.method, addressOf(operation, request), request.body, headers);
}

/** A copy of the request with another value at a place such as `body/services/0/serviceId`. */
function withValue(request: Request, place: string, value: unknown): Request {
  const copy = structuredClone(request);
  const keys = place.split('/');
  const last = keys.pop() ?? '';
  let node = copy as Record<string, unknown>;
  for (const key of keys) node = node[key] as Record<string, unknown>;
  if (value === undefined) delete node[last];
  else node[last] = value;
  return copy;
}

function valueAt(request: Request, place: string): unknown {
  return place.split('/').reduce<unknown>((node, key) => (node as Record<string, unknown> | undefined)?.[key], request);
}

const isId = ({ format, anyOf }: JsonSchema) => format === 'uuid' || (anyOf ?? []).some((one) => one.format === 'uuid');

/** Every place of a request that holds an id, in path, query and body. */
function idPlaces({ parameters, body }: Operation): string[] {
  const inParameters = parameters
    .filter(({ schema }) => isId(schema))
    .map(({ in: place, name }) => `${place === 'path' ? 'params' : place}/${name}`);
  return [...inParameters, ...(body ? idsBelow(body, 'body') : [])];
}

function idsBelow(schema: JsonSchema, place: string): string[] {
  if (isId(schema)) return [place];
  return [
    ...Object.entries(schema.properties ?? {}).flatMap(([key, value]) => idsBelow(value, `${place}/${key}`)),
    ...(schema.items ? idsBelow(schema.items, `${place}/0`) : []),
    ...(schema.anyOf ?? []).flatMap((one) => idsBelow(one, place)),
  ];
}

/** The same kind of row at the other clinic. */
function foreignOf(id: unknown): string {
  const key = (Object.keys(own) as (keyof Ids)[]).find((name) => own[name] === id);
  const found = key && foreign[key];
  if (typeof found !== 'string') throw new Error('A recipe names a row that the furnished clinic does not list.');
  return found;
}

test('every operation has a recipe, and every recipe an operation', () => {
  expect(Object.keys(RECIPES).toSorted()).toEqual(operations.map(({ name }) => name).toSorted());
});

describe('nothing is written, and the request is refused,', () => {
  test.each(table)('with 401 when nobody asks and 403 without the permission: %s', async (_, operation) => {
    const before = await footprint();
    const { needs, request } = recipeOf(operation);
    const nobody = await send(testApp(t.database, { as: null, now: () => NOW }), operation, request(own));
    expect([nobody.status, nobody.body.slug]).toEqual([401, 'not-authenticated']);
    const others = PERMISSIONS.filter((permission) => permission !== needs);
    const refused = await send(testApp(t.database, { as: { ...own, permissions: others }, now: () => NOW }), operation, request(own));
    expect([refused.status, refused.body.slug]).toEqual([403, 'not-permitted']);
    expect(await footprint()).toBe(before);
  });

  const naming = table.filter(([, operation]) => idPlaces(operation).length > 0);

  test.each(naming)('with the same 404 for a row of somebody else and for none: %s', async (_, operation) => {
    const before = await footprint();
    const request = recipeOf(operation).request(own);
    const facts = ({ headers, text }: Awaited<ReturnType<typeof send>>) => ({
      text: text.replace(/"requestId":"[^"]+"/, ''),
      headers: [...headers].filter(([name]) => name !== 'x-request-id'),
    });
    for (const place of idPlaces(operation)) {
      const theirs = await send(app, operation, withValue(request, place, foreignOf(valueAt(request, place))));
      const nobodys = await send(app, operation, withValue(request, place, newId()));
      expect([theirs.status, theirs.body.slug], place).toEqual([404, 'not-found']);
      expect(facts(theirs), place).toEqual(facts(nobodys));
    }
    expect(await footprint()).toBe(before);
  });

  test.each(naming)('with 400 and the place for what is no id: %s', async (_, operation) => {
    for (const place of idPlaces(operation)) {
      const { status, body } = await send(app, operation, withValue(recipeOf(operation).request(own), place, 'not-an-id'));
      const [root, ...path] = place.split('/');
      const where =
        root === 'body'
          ? { in: 'body', pointer: `/${path.join('/')}` }
          : { in: root === 'params' ? 'path' : root, pointer: path.join('.') };
      expect([status, body.errors], place).toEqual([400, [{ ...where, detail: expect.any(String) as string }]]);
    }
  });

  const withBody = table.filter(([, { body }]) => body !== undefined);

  test.each(withBody)('with 400 and the place for a body that is not as documented: %s', async (_, operation) => {
    const before = await footprint();
    const request = recipeOf(operation).request(own);
    const refuse = async (changed: Request, pointer: string) => {
      const { status, body } = await send(app, operation, changed);
      expect([status, body.slug], pointer).toEqual([400, 'invalid-request']);
      expect(
        body.errors?.map((error) => error.pointer),
        pointer,
      ).toContain(pointer);
    };
    await refuse(withValue(request, 'body/surprise', 1), '/surprise');
    for (const name of operation.body?.required ?? []) await refuse(withValue(request, `body/${name}`, undefined), `/${name}`);
    for (const [name, schema] of Object.entries(operation.body?.properties ?? {})) {
      const isObject = schema.properties !== undefined || (schema.anyOf ?? []).some((one) => one.properties);
      await refuse(withValue(request, `body/${name}`, isObject ? 'text' : { an: 'object' }), `/${name}`);
      if (schema.type === 'string' && !schema.enum) await refuse(withValue(request, `body/${name}`, 'N\u0000L'), `/${name}`);
    }
    expect((await send(app, operation, withValue(request, 'body', undefined))).status).toBe(400);
    expect(await footprint()).toBe(before);
  });

  const versioned = table.filter(([, { body }]) => body?.properties?.['version'] !== undefined);

  test.each(versioned)('with 409 and the current version when somebody changed it meanwhile: %s', async (_, operation) => {
    const before = await footprint();
    const { status, body } = await send(app, operation, withValue(recipeOf(operation).request(own), 'body/version', 7));
    expect([status, body.slug, body.version]).toEqual([409, 'stale-version', 1]);
    expect(await footprint()).toBe(before);
  });

  const withQuery = table.filter(([, { parameters }]) => parameters.some((parameter) => parameter.in === 'query'));

  test.each(withQuery)('with 400 for a query that is not as documented: %s', async (_, operation) => {
    const request = recipeOf(operation).request(own);
    const surprised = await send(app, operation, withValue(request, 'query/surprise', '1'));
    expect([surprised.status, surprised.body.errors?.[0]?.pointer]).toEqual([400, 'surprise']);
    for (const { name, required } of operation.parameters.filter((parameter) => parameter.in === 'query')) {
      const wrong = await send(app, operation, withValue(request, `query/${name}`, ' '));
      expect([wrong.status, wrong.body.errors?.[0]?.pointer], name).toEqual([400, name]);
      const left = await send(app, operation, withValue(request, `query/${name}`, undefined));
      expect(left.status, name).toBe(required ? 400 : 200);
    }
  });

  const listing = table.filter(([, { parameters }]) => parameters.some(({ name }) => name === 'limit'));

  test.each(listing)('with 400 for more than a hundred rows: %s', async (_, operation) => {
    const answer = await send(app, operation, withValue(recipeOf(operation).request(own), 'query/limit', '101'));
    expect([answer.status, answer.body.errors?.[0]?.pointer]).toEqual([400, 'limit']);
  });
});

describe('a request that is sent again with its Idempotency-Key', () => {
  const repeatable = table.filter(([, { parameters }]) => parameters.some(({ name }) => name === 'idempotency-key'));

  test.each(repeatable)('is answered alike and done once: %s', async (_, operation) => {
    const ids = await aFurnishedClinic(t);
    const mine = testApp(t.database, { as: ids, now: () => NOW });
    const request = recipeOf(operation).request(ids);
    const headers = { 'idempotency-key': 'again-and-again' };
    const first = await send(mine, operation, request, headers);
    expect(first.status).toBe(operation.success);
    const before = await footprint();
    const second = await send(mine, operation, request, headers);
    expect([second.status, second.text]).toEqual([first.status, first.text]);
    expect(await footprint()).toBe(before);
  });
});

describe('with the one permission that it needs, and no other, the request', () => {
  test.each(table)('%s succeeds, and is written down under who asked', async (_, operation) => {
    const { needs, request } = recipeOf(operation);
    const isWrite = !needs.endsWith(':read');
    const ids = isWrite ? await aFurnishedClinic(t) : own;
    const allowed = testApp(t.database, { as: { ...ids, permissions: [needs] }, now: () => NOW });
    const { status, headers, text } = await send(allowed, operation, request(ids));
    expect(status, text).toBe(operation.success);
    const requestId = headers.get('x-request-id');
    const written = await t.look<{ organization_id: string; actor_id: string; action: string }>(
      'SELECT organization_id, actor_id, action FROM audit_log WHERE request_id = $1',
      [requestId],
    );
    expect(written.length > 0).toBe(isWrite);
    for (const row of written) expect(row).toMatchObject({ organization_id: ids.organizationId, actor_id: ids.actorId });
    expect(new Set(written.map(({ action }) => action)).size).toBe(isWrite ? 1 : 0);
  });
});
