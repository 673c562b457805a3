import { PERMISSIONS, type Permission, type ProblemDocument } from '@medspa/contracts';
import { aClinic, createTestDatabase, footprintOf, NOW, type Clinic, type TestDatabase } from '@medspa/testing';
import { v7 as newId } from 'uuid';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { bodyOf, successOf, type Call, type Schema } from '../src/platform/documentation/openapi.ts';
import { testApp, type TestApp } from './harness.ts';
import { fieldPermissionsOf, OPERATIONS, requestOf, validRequests, type ValidRequest } from './requests.ts';

/** The one permission that an operation needs, as it says itself. */
const needsOf = (call: Call) => call['x-permission'];
const table = [...OPERATIONS];

/** A clinic, its app, and its requests by the names of their operations. */
type Side = { clinic: Clinic; app: TestApp; requests: Map<string, ValidRequest> };
let t: TestDatabase;
/** Two clinics alike: requests come from the first, the second's rows are somebody else's. Refusals leave both as they were. */
let own: Side;
let foreign: Side;

beforeAll(async () => {
  t = await createTestDatabase();
  [own, foreign] = [await aSide(), await aSide()];
});
afterAll(() => t.drop());

async function aSide(): Promise<Side> {
  const clinic = await aClinic(t.database);
  return { clinic, app: testApp(t.database, { as: clinic, now: () => NOW }), requests: await validRequests(t.database, clinic) };
}

function requestIn({ requests }: Side, name: string): ValidRequest {
  const request = requests.get(name);
  if (!request) throw new Error(`There is no request for ${name}.`);
  return request;
}

function send(to: TestApp, { method, path, body }: ValidRequest, headers?: Record<string, string>) {
  return to.send<ProblemDocument>(method, path, body, headers);
}

/** A copy of the request with another value at a place such as `body/services/0/serviceId`. */
function withValue({ call, params, query, body }: ValidRequest, place: string, value: unknown): ValidRequest {
  const copy = structuredClone({ params, query, body });
  const keys = place.split('/');
  const last = keys.pop() ?? '';
  let node = copy as Record<string, unknown>;
  for (const key of keys) node = node[key] as Record<string, unknown>;
  if (value === undefined) delete node[last];
  else node[last] = value;
  return requestOf(call, copy);
}

/** The id at a place of the request. */
function idAt(request: ValidRequest, place: string): string {
  const id = place.split('/').reduce<unknown>((node, key) => (node as Record<string, unknown> | undefined)?.[key], request);
  if (typeof id !== 'string') throw new Error(`The request for ${request.call.anchor} has no id at ${place}.`);
  return id;
}

const isId = ({ format, anyOf }: Schema) => format === 'uuid' || (anyOf ?? []).some((one) => one.format === 'uuid');

/** Every place of a request that holds an id, in path, query and body. */
function idPlaces(call: Call): string[] {
  const inParameters = (call.parameters ?? [])
    .filter(({ schema }) => isId(schema))
    .map(({ in: place, name }) => `${place === 'path' ? 'params' : place}/${name}`);
  const body = bodyOf(call);
  return [...inParameters, ...(body ? idsBelow(body, 'body') : [])];
}

function idsBelow(schema: Schema, place: string): string[] {
  if (isId(schema)) return [place];
  return [
    ...Object.entries(schema.properties ?? {}).flatMap(([key, value]) => idsBelow(value, `${place}/${key}`)),
    ...(schema.items ? idsBelow(schema.items, `${place}/0`) : []),
    ...(schema.anyOf ?? []).flatMap((one) => idsBelow(one, place)),
  ];
}

describe('nothing is written, and the request is refused,', () => {
  test.each(table)('with 401 when nobody asks and 403 without the permission: %s', async (name, call) => {
    const before = await footprintOf(t);
    const request = requestIn(own, name);
    const nobody = await send(testApp(t.database, { as: null, now: () => NOW }), request);
    expect([nobody.status, nobody.body.slug]).toEqual([401, 'not-authenticated']);
    const others = PERMISSIONS.filter((permission) => permission !== needsOf(call));
    const refused = await send(testApp(t.database, { as: { ...own.clinic, permissions: others }, now: () => NOW }), request);
    expect([refused.status, refused.body.slug]).toEqual([403, 'not-permitted']);
    expect(await footprintOf(t)).toEqual(before);
  });

  const naming = table.filter(([, call]) => idPlaces(call).length > 0);

  test.each(naming)('with the same 404 for a row of somebody else and for none: %s', async (name, call) => {
    const before = await footprintOf(t);
    const request = requestIn(own, name);
    const facts = ({ headers, text }: Awaited<ReturnType<typeof send>>) => ({
      text: text.replace(/"requestId":"[^"]+"/, ''),
      headers: [...headers].filter(([header]) => header !== 'x-request-id'),
    });
    for (const place of idPlaces(call)) {
      expect(idAt(request, place)).not.toBe(idAt(requestIn(foreign, name), place));
      const theirs = await send(own.app, withValue(request, place, idAt(requestIn(foreign, name), place)));
      const nobodys = await send(own.app, withValue(request, place, newId()));
      expect([theirs.status, theirs.body.slug], place).toEqual([404, 'not-found']);
      expect(facts(theirs), place).toEqual(facts(nobodys));
    }
    expect(await footprintOf(t)).toEqual(before);
  });

  test.each(naming)('with 400 and the place for what is no id: %s', async (name, call) => {
    for (const place of idPlaces(call)) {
      const { status, body } = await send(own.app, withValue(requestIn(own, name), place, 'not-an-id'));
      const [root, ...path] = place.split('/');
      const where =
        root === 'body'
          ? { in: 'body', pointer: `/${path.join('/')}` }
          : { in: root === 'params' ? 'path' : root, pointer: path.join('.') };
      expect([status, body.errors], place).toEqual([400, [{ ...where, detail: expect.any(String) as string }]]);
    }
  });

  const withBody = table.filter(([, call]) => bodyOf(call) !== undefined);

  test.each(withBody)('with 400 and the place for a body that is not as documented: %s', async (operation, call) => {
    const before = await footprintOf(t);
    const request = requestIn(own, operation);
    const refuse = async (changed: ValidRequest, pointer: string) => {
      const { status, body } = await send(own.app, changed);
      expect([status, body.slug], pointer).toEqual([400, 'invalid-request']);
      expect(
        body.errors?.map((error) => error.pointer),
        pointer,
      ).toContain(pointer);
    };
    await refuse(withValue(request, 'body/surprise', 1), '/surprise');
    for (const name of bodyOf(call)?.required ?? []) await refuse(withValue(request, `body/${name}`, undefined), `/${name}`);
    for (const [name, schema] of Object.entries(bodyOf(call)?.properties ?? {})) {
      const isObject = schema.properties !== undefined || (schema.anyOf ?? []).some((one) => one.properties);
      await refuse(withValue(request, `body/${name}`, isObject ? 'text' : { an: 'object' }), `/${name}`);
      if (schema.type === 'string' && !schema.enum) await refuse(withValue(request, `body/${name}`, 'N\u0000L'), `/${name}`);
    }
    expect((await send(own.app, withValue(request, 'body', undefined))).status).toBe(400);
    expect(await footprintOf(t)).toEqual(before);
  });

  const versioned = table.filter(([, call]) => bodyOf(call)?.properties?.['version'] !== undefined);

  test.each(versioned)('with 409 and the current version when somebody changed it meanwhile: %s', async (name) => {
    const before = await footprintOf(t);
    const { status, body } = await send(own.app, withValue(requestIn(own, name), 'body/version', 7));
    expect([status, body.slug, body.version]).toEqual([409, 'stale-version', 1]);
    expect(await footprintOf(t)).toEqual(before);
  });

  const withQuery = table.filter(([, { parameters }]) => parameters?.some((parameter) => parameter.in === 'query'));

  test.each(withQuery)('with 400 for a query that is not as documented: %s', async (operation, call) => {
    const request = requestIn(own, operation);
    const surprised = await send(own.app, withValue(request, 'query/surprise', '1'));
    expect([surprised.status, surprised.body.errors?.[0]?.pointer]).toEqual([400, 'surprise']);
    for (const { name, required } of (call.parameters ?? []).filter((parameter) => parameter.in === 'query')) {
      const wrong = await send(own.app, withValue(request, `query/${name}`, ' '));
      expect([wrong.status, wrong.body.errors?.[0]?.pointer], name).toEqual([400, name]);
      const left = await send(own.app, withValue(request, `query/${name}`, undefined));
      expect(left.status, name).toBe(required ? 400 : 200);
    }
  });

  const listing = table.filter(([, { parameters }]) => parameters?.some(({ name }) => name === 'limit'));

  test.each(listing)('with 400 for more than a hundred rows: %s', async (name) => {
    const answer = await send(own.app, withValue(requestIn(own, name), 'query/limit', '101'));
    expect([answer.status, answer.body.errors?.[0]?.pointer]).toEqual([400, 'limit']);
  });
});

describe('a request that is sent again with its Idempotency-Key', () => {
  const repeatable = table.filter(([, { parameters }]) => parameters?.some(({ name }) => name === 'idempotency-key'));
  let side: Side;
  beforeAll(async () => {
    side = await aSide();
  });

  test.each(repeatable)('is answered alike and done once: %s', async (name, call) => {
    const request = requestIn(side, name);
    const headers = { 'idempotency-key': 'again-and-again' };
    const first = await send(side.app, request, headers);
    expect(first.status).toBe(Number(successOf(call).status));
    const before = await footprintOf(t);
    const second = await send(side.app, request, headers);
    expect([second.status, second.text]).toEqual([first.status, first.text]);
    expect(await footprintOf(t)).toEqual(before);
  });
});

describe('with the one permission that it needs, those of the fields that it sends, and no other, the request', () => {
  let side: Side;
  beforeAll(async () => {
    side = await aSide();
  });

  test.each(table)('%s succeeds, and is written down under who asked', async (name, call) => {
    const { organizationId, actorId } = side.clinic;
    const ofFields: Permission[] = fieldPermissionsOf(bodyOf(call));
    const permissions = PERMISSIONS.filter((permission) => permission === needsOf(call) || ofFields.includes(permission));
    const allowed = testApp(t.database, { as: { organizationId, actorId, permissions }, now: () => NOW });
    const { status, headers, text } = await send(allowed, requestIn(side, name));
    expect(status, text).toBe(Number(successOf(call).status));
    const written = await t.look<{ organization_id: string; actor_id: string; action: string }>(
      'SELECT organization_id, actor_id, action FROM audit_log WHERE request_id = $1',
      [headers.get('x-request-id')],
    );
    const isWrite = !needsOf(call).endsWith(':read') && name !== 'GET /v1/emergency-accesses';
    expect(written.length > 0).toBe(isWrite);
    for (const row of written) expect(row).toMatchObject({ organization_id: organizationId, actor_id: actorId });
    expect(new Set(written.map(({ action }) => action)).size).toBe(isWrite ? 1 : 0);
  });
});
