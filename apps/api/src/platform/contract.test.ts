import { aClinic, createTestDatabase, footprintOf, NOW, type Clinic, type TestDatabase } from '@medspa/testing';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { aSignedInOwner } from '../../test/browser.ts';
import { testApp, type TestApp } from '../../test/harness.ts';
import { OPERATIONS, PORTAL_OPERATIONS, SIGN_IN_OPERATIONS } from '../../test/requests.ts';

// What holds for every operation because it is an operation, read from the OpenAPI document: one that somebody adds is judged by the
// same rules without being named here.

let t: TestDatabase;
let clinic: Clinic;
let app: TestApp;
beforeAll(async () => {
  t = await createTestDatabase();
  clinic = await aClinic(t.database);
  app = testApp(t.database, { as: clinic, now: () => NOW });
  // The first request of an organization makes its keys.
  await app.get('/v1/organization');
});
afterAll(() => t.drop());

type Described = {
  method: string;
  path: string;
  requestBody?: { required?: boolean; content: object };
  'x-rate-class'?: string;
};
const operations = [...OPERATIONS, ...SIGN_IN_OPERATIONS, ...PORTAL_OPERATIONS].map(([name, call]) => [name, call as Described] as const);
/** Ways to say that nothing is sent, or not to say it. */
const NO_BODY: Record<string, string>[] = [
  {},
  { 'content-type': 'application/json' },
  { 'content-length': '0' },
  { 'transfer-encoding': 'chunked' },
];
const ID = '0199e6ea-ea18-7e88-85e1-078829b56df3';

describe('API9', () => {
  test('what is served under /v1 is what is documented, and the other way round', () => {
    const served = app.app.routes
      .filter(({ method, path }) => method !== 'ALL' && path.startsWith('/v1/') && !path.includes('*'))
      .map(({ method, path }) => `${method} ${path.replaceAll(/:(\w+)(?:\{[^}]*\})?/g, '{$1}')}`);
    expect([...new Set(served)].toSorted()).toEqual(operations.map(([name]) => name).toSorted());
  });

  test('ASVS 13.4.5: what is served beside it is on the list', () => {
    const addressesOf = ({ app: { routes } }: TestApp) =>
      [...new Set(routes.filter(({ method, path }) => method !== 'ALL' && !path.startsWith('/v1/')).map(({ path }) => path))].toSorted();
    const always = addressesOf(testApp(t.database));
    expect(always).toEqual(
      [
        '/',
        '/docs',
        '/docs/icon.svg',
        '/docs/style.css',
        '/feeds/:address',
        '/health',
        '/health/live',
        '/health/ready',
        '/hooks/twilio/:organizationId/inbound',
        '/hooks/twilio/:organizationId/status',
        '/invitation',
        '/invitation/invitation.js',
        '/live',
        '/openapi.json',
        '/portal/sign-in',
        '/portal/sign-in.css',
        '/portal/sign-in.js',
        '/ready',
        '/reset-password',
        '/reset-password/reset.js',
        '/reset-password/style.css',
        '/setup',
        '/sign-in',
        '/sign-in/form.js',
        '/sign-in/page.css',
        '/sign-in/setup.js',
        '/sign-in/sign-in.js',
      ].toSorted(),
    );
    const inPractice = addressesOf(testApp(t.database, { config: { isPractice: true }, received: () => [] }));
    expect(inPractice.filter((path) => !always.includes(path))).toEqual([
      '/mailbox',
      '/mailbox/list',
      '/mailbox/refresh.js',
      '/mailbox/style.css',
    ]);
  });
});

describe('API4: every operation says how often one caller may ask for it', () => {
  test.each(operations)('%s', (_, operation) => {
    const possible = operation.method === 'get' ? ['read', 'search', 'bulk'] : ['write', 'search', 'bulk', 'sign-in', 'message'];
    expect(possible).toContain(operation['x-rate-class']);
  });
});

test('ASVS 14.2.1: no address takes what a person is known by, nor what gives access', () => {
  const inAddresses = [...OPERATIONS.values(), ...SIGN_IN_OPERATIONS.values()].flatMap(({ parameters = [] }) =>
    parameters.filter((parameter) => parameter.in !== 'header').map(({ name }) => name),
  );
  expect(new Set(inAddresses).size).toBeGreaterThan(8);
  expect(inAddresses.filter((name) => /name|mail|phone|birth|address|note|token|code|password|secret|search/i.test(name))).toEqual([]);
});

describe('WEB-7: a body that is documented is required, and a request without one is refused:', () => {
  const unsafe = operations.filter(([, { method }]) => method !== 'get');

  test('there are such operations, and their bodies are JSON', () => {
    const withBody = unsafe.filter(([, { requestBody }]) => requestBody);
    expect(withBody.length).toBeGreaterThan(30);
    for (const [name, { requestBody }] of withBody) expect(Object.keys(requestBody?.content ?? {}), name).toEqual(['application/json']);
  });

  test.each(unsafe.filter(([, { requestBody }]) => requestBody))('%s', async (name, operation) => {
    expect(operation.requestBody?.required).toBe(true);
    const isSignIn = SIGN_IN_OPERATIONS.has(name);
    const { signedIn } = isSignIn ? await aSignedInOwner(t) : { signedIn: null };
    const before = await footprintOf(t);
    const path = operation.path.replaceAll(/\{\w+\}/g, ID);
    for (const headers of NO_BODY) {
      const method = operation.method.toUpperCase();
      const { status } = await (signedIn ? signedIn.send(method, path, undefined, headers) : app.send(method, path, undefined, headers));
      expect(status, JSON.stringify(headers)).toBeGreaterThanOrEqual(400);
      expect(status, JSON.stringify(headers)).toBeLessThan(500);
    }
    expect(await footprintOf(t)).toEqual(before);
  });
});
