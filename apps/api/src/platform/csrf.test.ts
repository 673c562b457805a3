import type { ProblemDocument } from '@medspa/contracts';
import { createTestDatabase, footprintOf, TEST_KEY, type TestDatabase } from '@medspa/testing';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { aSecuredOwner, OWN_ORIGIN } from '../../test/browser.ts';
import { OPERATIONS, SIGN_IN_OPERATIONS } from '../../test/requests.ts';
import type { TestApp } from '../../test/harness.ts';
import { loadConfig } from './config.ts';

let t: TestDatabase;
let app: TestApp;
let cookie: string;
beforeAll(async () => {
  t = await createTestDatabase();
  const owner = await aSecuredOwner(t, { config: { corsOrigins: new Set(['https://app.clinic.example']) } });
  app = owner.app;
  cookie = owner.signedIn.cookie ?? '';
});
afterAll(() => t.drop());

const JSON_BODY = JSON.stringify({ name: 'Sauna' });
/** What a page can have a browser send without asking first, and JSON. */
const BODIES: [kind: string, type: string | null, body: string | undefined][] = [
  ['JSON', 'application/json', JSON_BODY],
  ['text that is JSON', 'text/plain', JSON_BODY],
  ['a form', 'application/x-www-form-urlencoded', 'name=Sauna'],
  ['a form of parts', 'multipart/form-data; boundary=x', '--x--'],
  ['no content type', null, JSON_BODY],
  ['no body', null, undefined],
];
/** How a browser says that the page is not ours. */
const FOREIGN: [from: string, headers: Record<string, string>][] = [
  ['another site', { origin: 'https://evil.example', 'sec-fetch-site': 'cross-site' }],
  ['another site, in an old browser', { origin: 'https://evil.example' }],
  ['a sandboxed page', { origin: 'null', 'sec-fetch-site': 'cross-site' }],
  ['a name that begins like ours', { origin: `${OWN_ORIGIN}.evil.example` }],
  ['a subdomain', { origin: 'https://x.app.clinic.example', 'sec-fetch-site': 'same-site' }],
  ['another site that hides its origin', { 'sec-fetch-site': 'cross-site' }],
  ['a sibling host that hides its origin', { 'sec-fetch-site': 'same-site' }],
  ['nowhere, with a session', {}],
];

async function send(method: string, path: string, headers: Record<string, string>, type: string | null, body?: string) {
  const sent = {
    ...headers,
    ...(type === null ? {} : { 'content-type': type }),
    ...(body === undefined ? {} : { 'content-length': String(body.length) }),
  };
  const answer = await app.app.request(path, { method, headers: sent, ...(body === undefined ? {} : { body: Buffer.from(body) }) });
  return { status: answer.status, body: (await answer.json()) as ProblemDocument };
}

/** Every operation that is not a mere read, as the OpenAPI document has them. */
const UNSAFE = [...OPERATIONS, ...SIGN_IN_OPERATIONS].filter(([, { method }]) => method !== 'get');
const ID = '0199e6ea-ea18-7e88-85e1-078829b56df3';

test('WEB-1: there are unsafe operations of every method', () => {
  expect(new Set(UNSAFE.map(([, { method }]) => method))).toEqual(new Set(['post', 'put', 'patch', 'delete']));
  expect(UNSAFE.length).toBeGreaterThan(40);
});

describe('WEB-1: with a session and from a page that is not ours, nothing is done, whatever is sent:', () => {
  test.each(UNSAFE)('%s', async (_name, { method, path }) => {
    const before = await footprintOf(t);
    for (const [from, headers] of FOREIGN)
      for (const [kind, type, body] of BODIES) {
        const answer = await send(method.toUpperCase(), path.replaceAll(/\{\w+\}/g, ID), { ...headers, cookie }, type, body);
        expect([answer.status, answer.body.slug], `${from}, ${kind}`).toEqual([403, 'origin-refused']);
      }
    expect(await footprintOf(t)).toEqual(before);
  });
});

describe('WEB-1: a change that comes with a session', () => {
  test.each<[from: string, headers: Record<string, string>]>([
    ['our own page', { origin: OWN_ORIGIN, 'sec-fetch-site': 'same-origin' }],
    ['our own page, in a browser that says it once', { 'sec-fetch-site': 'same-origin' }],
    ['an app on the list', { origin: 'https://app.clinic.example', 'sec-fetch-site': 'same-site' }],
  ])('from %s is done', async (from, headers) => {
    const answer = await send('POST', '/v1/room-types', { ...headers, cookie }, 'application/json', JSON.stringify({ name: from }));
    expect(answer.status).toBe(201);
  });

  test('is not needed to read: a page elsewhere learns nothing from an answer that its browser keeps from it', async () => {
    expect((await send('GET', '/v1/session', { cookie, 'sec-fetch-site': 'none' }, null)).status).toBe(200);
  });
});

test('WEB-4: staff, portal and kiosk may have a host each beside that of the API, and no other host of the same site is one', async () => {
  const hosts = ['https://staff.clinic.example', 'https://portal.clinic.example', 'https://kiosk.clinic.example'];
  const { corsOrigins, apiUrl } = await loadConfig({
    DATABASE_URL: 'postgresql://app_rw:secret@db.example/medspa',
    ENCRYPTION_KEY: TEST_KEY,
    API_URL: 'https://api.clinic.example',
    CORS_ORIGINS: hosts.join(','),
  });
  const { app: separate, signedIn } = await aSecuredOwner(t, { config: { corsOrigins } });
  // Bound to the host that gave it (`__Host-`), so that no page of another host reads or replaces it.
  const own = signedIn.cookie ?? '';
  expect(own).toMatch(/^__Host-/);
  const rename = (origin: string) =>
    separate.send<ProblemDocument>('POST', '/v1/room-types', { name: origin }, { cookie: own, origin, 'sec-fetch-site': 'same-site' });
  for (const origin of [...hosts, new URL(apiUrl).origin]) {
    const { status, headers } = await rename(origin);
    expect([status, headers.get('access-control-allow-origin')], origin).toEqual([201, origin]);
  }
  for (const origin of ['https://blog.clinic.example', 'https://clinic.example', 'https://staff.clinic.example.evil.example'])
    expect([(await rename(origin)).body.slug, origin]).toEqual(['origin-refused', origin]);
});

test('WEB-1: nobody is signed in or made an owner from a page of another site', async () => {
  for (const path of ['/v1/session', '/v1/setup'])
    for (const headers of FOREIGN.slice(0, 7).map(([, said]) => said)) {
      const answer = await send('POST', path, headers, 'application/json', JSON_BODY);
      expect([answer.status, answer.body.slug]).toEqual([403, 'origin-refused']);
    }
});
