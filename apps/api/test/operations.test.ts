import { PERMISSIONS, type Permission, type ProblemDocument } from '@medspa/contracts';
import { aClinic, createTestDatabase, footprintOf, NOW, writesOf, type Clinic, type TestDatabase } from '@medspa/testing';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { bodyOf, successOf, type Call } from '../src/platform/documentation/openapi.ts';
import { testApp, type TestApp } from './harness.ts';
import { errorPlace, objectPlaces, withValue } from './places.ts';
import { fieldPermissionsOf, OPERATIONS, validRequests, type ValidRequest } from './requests.ts';

/** The one permission that an operation needs, as it says itself. */
const needsOf = (call: Call) => call['x-permission'];
const table = [...OPERATIONS];

/** What nobody may set by sending it along: columns, fields of other operations, and what JavaScript objects inherit. */
const SURPRISES = ['surprise', 'role', 'organizationId', 'price', 'isActive', 'createdAt', '__proto__', 'constructor'];

/** A clinic, its app, and its requests by the names of their operations. */
type Side = { clinic: Clinic; app: TestApp; requests: Map<string, ValidRequest> };
let t: TestDatabase;
/** A clinic that refusals leave as it was. */
let own: Side;

beforeAll(async () => {
  t = await createTestDatabase();
  own = await aSide();
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

describe('nothing is written, and the request is refused,', () => {
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
    for (const name of bodyOf(call)?.required ?? []) await refuse(withValue(request, `body/${name}`, undefined), `/${name}`);
    for (const [name, schema] of Object.entries(bodyOf(call)?.properties ?? {})) {
      const isObject = schema.properties !== undefined || (schema.anyOf ?? []).some((one) => one.properties);
      await refuse(withValue(request, `body/${name}`, isObject ? 'text' : { an: 'object' }), `/${name}`);
      if (schema.type === 'string' && !schema.enum) await refuse(withValue(request, `body/${name}`, 'N\u0000L'), `/${name}`);
    }
    expect((await send(own.app, withValue(request, 'body', undefined))).status).toBe(400);
    expect(await footprintOf(t)).toEqual(before);
  });

  test.each(withBody)(
    'API-3: with 400 and the place for a key that is not documented, in each object of the body: %s',
    async (operation, call) => {
      const before = await footprintOf(t);
      for (const [place, keys] of objectPlaces(call)) {
        for (const key of SURPRISES.filter((one) => !keys.has(one))) {
          const { status, body } = await send(own.app, withValue(requestIn(own, operation), `${place}/${key}`, 1));
          const pointer = errorPlace(`${place}/${key}`).pointer;
          expect([status, body.errors?.[0]?.pointer], pointer).toEqual([400, pointer]);
        }
      }
      expect(await footprintOf(t)).toEqual(before);
    },
  );

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
    const before = await writesOf(t);
    const second = await send(side.app, request, headers);
    expect([second.status, second.text]).toEqual([first.status, first.text]);
    expect(await writesOf(t)).toEqual(before);
  });
});

describe('HIP-1: with the one permission that it needs, those of the fields that it sends, and no other, the request', () => {
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
