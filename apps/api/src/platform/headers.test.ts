import { aClinic, createTestDatabase, NOW, type Clinic, type TestDatabase } from '@medspa/testing';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { aSignedInOwner, type Browser } from '../../test/browser.ts';
import { testApp, type TestApp } from '../../test/harness.ts';
import { OPERATIONS, SIGN_IN_OPERATIONS, validRequests, type ValidRequest } from '../../test/requests.ts';

const TLS = { apiUrl: 'https://api.clinic.example' };

let t: TestDatabase;
let clinic: Clinic;
let app: TestApp;
let nobody: TestApp;
let requests: Map<string, ValidRequest>;
let owner: Browser;
beforeAll(async () => {
  t = await createTestDatabase();
  clinic = await aClinic(t.database);
  app = testApp(t.database, { as: clinic, config: TLS, now: () => NOW });
  nobody = testApp(t.database, { as: null, config: TLS });
  requests = await validRequests(t.database, clinic);
  owner = (await aSignedInOwner(t)).signedIn;
});
afterAll(() => t.drop());

/** What stands on every answer, of whatever kind. */
const EVERYWHERE = {
  'x-content-type-options': 'nosniff',
  'x-frame-options': 'DENY',
  'referrer-policy': 'no-referrer',
  'cross-origin-opener-policy': 'same-origin',
  'cross-origin-resource-policy': 'same-site',
  'permissions-policy': expect.stringContaining('camera=(), ') as string,
  vary: expect.stringMatching(/^Origin/) as string,
  'x-request-id': expect.stringMatching(/^[0-9a-f-]{36}$/) as string,
};
const OVER_TLS = { 'strict-transport-security': expect.stringMatching(/^max-age=\d{8,}; includeSubDomains$/) as string };
/** And on what holds data: it loads nothing, is shown nowhere and is kept by nobody. */
const DATA = { 'content-security-policy': "default-src 'none'; frame-ancestors 'none'; base-uri 'none'", 'cache-control': 'no-store' };

function expectHeaders(headers: Headers, wanted: object, about?: string): void {
  expect(Object.fromEntries(headers), about).toMatchObject(wanted);
  for (const telling of ['server', 'x-powered-by', 'via']) expect(headers.get(telling), about).toBeNull();
}

describe('WEB-3, API8, ASVS 14.3.2: security headers stand on the answer and on the refusal', () => {
  test.each([...OPERATIONS.keys()])('of %s', async (name) => {
    const { method, path, body } = requests.get(name) as ValidRequest;
    const done = await app.send(method, path, body);
    expect(done.status, done.text).toBeLessThan(300);
    expectHeaders(done.headers, { ...EVERYWHERE, ...OVER_TLS, ...DATA }, 'done');
    const refused = await nobody.send(method, path, body);
    expect(refused.status).toBe(401);
    expectHeaders(refused.headers, { ...EVERYWHERE, ...OVER_TLS, ...DATA }, 'refused');
  });

  test.each([...SIGN_IN_OPERATIONS])('of %s', async (_, { method, path, requestBody }) => {
    const address = path.replace('{id}', crypto.randomUUID());
    const { headers } = await owner.send(method.toUpperCase(), address, requestBody ? {} : undefined);
    expectHeaders(headers, { ...EVERYWHERE, ...DATA });
    expectHeaders((await nobody.send(method.toUpperCase(), address, requestBody ? {} : undefined)).headers, {
      ...EVERYWHERE,
      ...OVER_TLS,
      ...DATA,
    });
  });

  test.each([
    ['a malformed id', 'GET', '/v1/patients/none', 400],
    ['nothing there', 'GET', '/nowhere', 404],
    ['another method', 'PUT', '/v1/organization', 405],
    ['a foreign origin', 'POST', '/v1/room-types', 415],
    ['health', 'GET', '/health', 200],
    ['liveness', 'GET', '/health/live', 200],
    ['readiness', 'GET', '/health/ready', 200],
    ['a redirect', 'GET', '/', 302],
    ['a report of a provider', 'POST', '/hooks/twilio/0199e6ea-ea18-7e88-85e1-078829b56df3/status', 404],
  ])('of %s', async (_name, method, path, status) => {
    const answer = await app.send(method, path, status === 415 ? 'x' : undefined, status === 415 ? { 'content-type': 'text/plain' } : {});
    expect(answer.status).toBe(status);
    expectHeaders(answer.headers, { ...EVERYWHERE, ...OVER_TLS, ...DATA });
  });

  test('ASVS 16.5.1: of a failure, which says nothing but its id', async () => {
    const broken = testApp(
      { ...t.database, withTransaction: () => Promise.reject(new Error('secret words')) },
      { as: clinic, config: TLS },
    );
    const { status, headers, text } = await broken.get('/v1/organization');
    expect(status).toBe(500);
    expectHeaders(headers, { ...EVERYWHERE, ...OVER_TLS, ...DATA });
    expect(text).not.toContain('secret');
    expect(JSON.parse(text)).toMatchObject({ slug: 'internal', requestId: headers.get('x-request-id') });
  });
});

describe('WEB-3: a page for people', () => {
  test.each([
    '/docs',
    '/docs/style.css',
    '/docs/icon.svg',
    '/openapi.json',
    '/mailbox',
    '/mailbox/style.css',
    '/mailbox/refresh.js',
    '/invitation',
    '/invitation/invitation.js',
    '/reset-password',
    '/reset-password/style.css',
    '/reset-password/reset.js',
    '/setup',
    '/sign-in',
    '/sign-in/form.js',
    '/sign-in/page.css',
    '/sign-in/setup.js',
    '/sign-in/sign-in.js',
  ])('%s loads what is its own, and nothing that stands in its text', async (path) => {
    const local = testApp(t.database, { as: clinic, config: { ...TLS, isPractice: true }, received: () => [] });
    const { status, headers, text } = await local.get(path);
    expect(status).toBe(200);
    expectHeaders(headers, { ...EVERYWHERE, ...OVER_TLS, 'cache-control': expect.stringMatching(/^no-(store|cache)$/) as string });
    const policy = headers.get('content-security-policy') ?? '';
    expect(policy).toMatch(/^default-src 'none'; .*frame-ancestors 'none'$/);
    const sources = [...policy.matchAll(/-src ([^;]+)/g)].map(([, source]) => source);
    expect(new Set(sources)).toEqual(new Set(["'none'", "'self'"]));
    const isPage = /html/.test(headers.get('content-type') ?? '');
    expect(isPage ? text : '').not.toMatch(/<style|<script(?![^>]*\ssrc=)|\sstyle=|\son\w+=|javascript:/i);
  });
});

describe('WEB-3, HIP-9: browsers are told to use TLS alone', () => {
  test('for at least a year and every name below', async () => {
    const said = (await app.get('/v1/organization')).headers.get('strict-transport-security') ?? '';
    expect(Number(/max-age=(\d+)/.exec(said)?.[1])).toBeGreaterThanOrEqual(365 * 86_400);
  });

  test.each(['http://127.0.0.1:8080', 'http://localhost:8080'])('but not by %s, whose other services have none', async (apiUrl) => {
    const local = testApp(t.database, { as: clinic, config: { apiUrl } });
    const { headers } = await local.get('/v1/organization');
    expectHeaders(headers, { ...EVERYWHERE, ...DATA });
    expect(headers.get('strict-transport-security')).toBeNull();
  });
});
