import type { ProblemDocument } from '@medspa/contracts';
import { createTestDatabase, footprintOf, type TestDatabase } from '@medspa/testing';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { aSecuredOwner, OWN_ORIGIN } from '../../test/browser.ts';
import type { TestApp } from '../../test/harness.ts';

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

describe('WEB-1: a change that comes with a session', () => {
  describe.each(FOREIGN)('from %s', (_, headers) => {
    test.each(BODIES)('is refused and not done: %s', async (_kind, type, body) => {
      const before = await footprintOf(t);
      for (const [method, path] of [
        ['POST', '/v1/room-types'],
        ['PUT', '/v1/session/password'],
        ['PATCH', '/v1/organization'],
        ['DELETE', '/v1/sessions'],
      ] as const) {
        const answer = await send(method, path, { ...headers, cookie }, type, body);
        expect([answer.status, answer.body.slug], method).toEqual([403, 'origin-refused']);
      }
      expect(await footprintOf(t)).toEqual(before);
    });
  });

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

test('WEB-1: nobody is signed in or made an owner from a page of another site', async () => {
  for (const path of ['/v1/session', '/v1/setup'])
    for (const headers of FOREIGN.slice(0, 7).map(([, said]) => said)) {
      const answer = await send('POST', path, headers, 'application/json', JSON_BODY);
      expect([answer.status, answer.body.slug]).toEqual([403, 'origin-refused']);
    }
});
