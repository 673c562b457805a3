import { createHmac, randomUUID } from 'node:crypto';
import type { ServerResponse } from 'node:http';
import type { ProblemDocument, SignedIn } from '@medspa/contracts';
import { arrange, createTestDatabase, footprintOf, NOW, type TestDatabase } from '@medspa/testing';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { addApp } from '../../../test/authenticator-app.ts';
import { aBrowser, anOwner, PASSWORD, type Owner } from '../../../test/browser.ts';
import { startIssuer, type Issuer } from '../../../test/fakes/issuer.ts';
import { NO_PROVIDERS } from '../../platform/identity-provider/index.ts';
import { createFirebase } from '../../platform/identity-provider/firebase.ts';

const PROJECT = 'harbor-clinic';
let t: TestDatabase;
let issuer: Issuer;
let owner: Owner;
let now = NOW;
beforeAll(async () => {
  t = await createTestDatabase();
});
afterAll(() => t.drop());

const clock = () => now;
beforeEach(async () => {
  now = NOW;
  issuer = await startIssuer();
  const identityProviders = { ...NO_PROVIDERS, firebase: createFirebase(PROJECT, clock, issuer.keysUrl) };
  owner = await anOwner(t, { now: clock, identityProviders });
  return () => issuer.stop();
});

const seconds = (at: Date = now) => Math.floor(at.getTime() / 1_000);
const claims = (changes: Record<string, unknown> = {}) => ({
  iss: `https://securetoken.google.com/${PROJECT}`,
  aud: PROJECT,
  sub: `uid-${owner.staffId}`,
  iat: seconds() - 10,
  exp: seconds() + 3_590,
  auth_time: seconds() - 60,
  email: owner.email,
  email_verified: true,
  ...changes,
});
const send = (authorization: string | null, body: object = {}) =>
  owner.browser().send<SignedIn & ProblemDocument>('POST', '/v1/session/firebase', body, authorization === null ? {} : { authorization });
const signIn = async (changes: Record<string, unknown> = {}, options = {}) => send(`Bearer ${await issuer.sign(claims(changes), options)}`);
const part = (value: object) => Buffer.from(JSON.stringify(value)).toString('base64url');

describe('an ID token of Firebase', () => {
  test('signs in a person who has an account, gives a session of the usual kind, and binds the subject', async () => {
    const browser = owner.browser();
    const answer = await browser.send('POST', '/v1/session/firebase', {}, { authorization: `Bearer ${await issuer.sign(claims())}` });
    expect(answer.status).toBe(201);
    expect(answer.body).toMatchObject({ staffId: owner.staffId, organizationId: owner.organizationId });
    expect(answer.body.session?.steppedUpAt).toBe(new Date((seconds() - 60) * 1_000).toISOString());
    expect((await aBrowser(owner.app, browser.cookie).send('GET', '/v1/session')).status).toBe(200);
    // From now on the subject decides, whatever address the provider tells.
    expect((await signIn({ email: 'other@clinic.example', email_verified: false })).status).toBe(201);
    expect((await signIn({ sub: 'somebody-else' })).body.slug).toBe('person-unknown');
  });

  test.each<[string, () => Record<string, unknown>]>([
    ['for another audience', () => ({ aud: 'another-project' })],
    ['for us and for others', () => ({ aud: [PROJECT, 'another-project'] })],
    ['of another issuer', () => ({ iss: 'https://securetoken.google.com/another-project' })],
    ['of the same issuer at another place', () => ({ iss: `https://securetoken.google.com/${PROJECT}/` })],
    ['that has run out', () => ({ exp: seconds() - 60 })],
    ['without an end', () => ({ exp: undefined })],
    ['from the future', () => ({ iat: seconds() + 120 })],
    ['of a sign-in that is to come', () => ({ auth_time: seconds() + 120 })],
    ['of a sign-in half an hour ago', () => ({ auth_time: seconds() - 1_800 })],
    ['that does not say when they signed in', () => ({ auth_time: undefined })],
    ['about nobody', () => ({ sub: '' })],
  ])('%s is refused, nothing is said of why, and nothing is written', async (_, changes) => {
    const before = await footprintOf(t);
    const { status, body } = await signIn(changes());
    expect([status, body.slug, body.errors]).toEqual([401, 'wrong-id-token', undefined]);
    expect(await footprintOf(t)).toEqual(before);
  });

  test('that nobody signed, or that is signed with what everybody can read, is refused', async () => {
    const unsigned = `${part({ alg: 'none', kid: 'first' })}.${part(claims())}.`;
    const head = `${part({ alg: 'HS256', kid: 'first' })}.${part(claims())}`;
    const keyed = [JSON.stringify(issuer.keys[0]?.publicJwk), issuer.keys[0]?.publicJwk.n ?? ''].map(
      (publicKey) => `${head}.${createHmac('sha256', publicKey).update(head).digest('base64url')}`,
    );
    for (const token of [unsigned, ...keyed]) expect((await send(`Bearer ${token}`)).body.slug).toBe('wrong-id-token');
    const [first = '', , last = ''] = (await issuer.sign(claims())).split('.');
    expect((await send(`Bearer ${first}.${part(claims({ sub: 'another' }))}.${last}`)).body.slug).toBe('wrong-id-token');
  });

  test.each([null, 'Bearer ', 'Basic abc', `Bearer ${'x'.repeat(20_001)}`, 'Bearer a b'])('as %s is none', async (authorization) => {
    expect((await send(authorization)).body.slug).toBe('wrong-id-token');
  });

  test('with a key that nobody knows is refused, and the issuer is asked once a minute at most', async () => {
    const stranger = await issuer.newKey('stranger');
    expect((await signIn()).status).toBe(201);
    for (let tries = 0; tries < 5; tries++) expect((await signIn({}, { key: stranger })).body.slug).toBe('wrong-id-token');
    expect(issuer.asked['/keys']).toBe(1);
    now = new Date(now.getTime() + 61_000);
    expect((await signIn({}, { key: stranger })).body.slug).toBe('wrong-id-token');
    expect(issuer.asked['/keys']).toBe(2);
    // Another key under a name that is known.
    expect((await signIn({}, { key: stranger, kid: 'first' })).body.slug).toBe('wrong-id-token');
  });

  test('with a key that came by rotation is taken, and one with a key that went is not, once its time is over', async () => {
    const [old] = issuer.keys;
    expect((await signIn()).status).toBe(201);
    issuer.keys.unshift(await issuer.newKey('second'));
    now = new Date(now.getTime() + 61_000);
    expect((await signIn()).status).toBe(201);
    expect((await signIn({}, { key: old })).status).toBe(201);
    issuer.keys.pop();
    now = new Date(now.getTime() + 3_601_000);
    expect((await signIn({}, { key: old })).body.slug).toBe('wrong-id-token');
  });

  test('is good while the issuer is down and its keys are known; without them the answer says who is missing', async () => {
    expect((await signIn()).status).toBe(201);
    const token = await issuer.sign(claims());
    await issuer.stop();
    expect((await send(`Bearer ${token}`)).status).toBe(201);
    now = new Date(now.getTime() + 3_601_000);
    const { status, body } = await signIn();
    expect([status, body.slug]).toEqual([503, 'provider-unavailable']);
    issuer = await startIssuer();
  });

  test.each<[string, (answer: ServerResponse) => void]>([
    ['sends elsewhere', (answer) => answer.writeHead(302, { location: '/elsewhere' }).end()],
    ['answers what is no key set', (answer) => answer.end('{"keys":"none"}')],
    ['answers without end', (answer) => answer.end(`{"keys":[],"x":"${'x'.repeat(300_000)}"}`)],
  ])('is not judged by an issuer that %s (API10)', async (_, other) => {
    issuer.instead.set('/keys', other);
    expect((await signIn()).body.slug).toBe('provider-unavailable');
    expect(issuer.asked['/elsewhere']).toBeUndefined();
  });
});

test('HIP-8: asks for our own second factor beside an ID token, which may be sent again with it', async () => {
  const browser = owner.browser();
  await browser.send('POST', '/v1/session', { email: owner.email, password: PASSWORD });
  const code = await addApp(browser, now);
  now = new Date(now.getTime() + 60_000);
  const token = await issuer.sign(claims());
  expect((await send(`Bearer ${token}`)).body.slug).toBe('second-factor-required');
  expect((await send(`Bearer ${token}`, { code: '000000' })).body.slug).toBe('wrong-credentials');
  expect((await send(`Bearer ${token}`, { code: code(now) })).status).toBe(201);
  expect((await send(`Bearer ${token}`, { code: code(now) })).body.slug).toBe('wrong-credentials');
});

describe('nobody is made by it:', () => {
  const refused = async (changes: Record<string, unknown>) => {
    const { status, body } = await signIn(changes);
    return [status, body.slug];
  };

  test('an address that nobody has, one that is not verified, and none at all', async () => {
    expect(await refused({ email: `${randomUUID()}@clinic.example` })).toEqual([403, 'person-unknown']);
    expect(await refused({ email_verified: false })).toEqual([403, 'person-unknown']);
    expect(await refused({ email_verified: undefined })).toEqual([403, 'person-unknown']);
    expect(await refused({ email: undefined })).toEqual([403, 'person-unknown']);
  });

  test('somebody who left, bound or not', async () => {
    const { organizationId, staffId: id } = owner;
    // An organization keeps an owner.
    await arrange(t.database, { organizationId, actorId: id }, async (tx) => {
      const other = await tx.staff.create({ data: { organizationId, givenName: 'Oda', familyName: 'Owner', jobTitle: 'Owner' } });
      await tx.staffRole.create({ data: { organizationId, staffId: other.id, role: 'owner' } });
    });
    const setActive = (isActive: boolean) =>
      arrange(t.database, { organizationId, actorId: id }, (tx) =>
        tx.staff.update({ where: { organizationId_id: { organizationId, id } }, data: { isActive, version: { increment: 1 } } }),
      );
    await setActive(false);
    expect(await refused({})).toEqual([403, 'person-unknown']);
    await setActive(true);
    expect((await signIn()).status).toBe(201);
    await setActive(false);
    expect(await refused({})).toEqual([403, 'person-unknown']);
  });

  test('of two subjects with one address at once, one is bound', async () => {
    const answers = await Promise.all(['one', 'two'].map((sub) => signIn({ sub: `${sub}-${owner.staffId}` })));
    expect(answers.map(({ status }) => status).toSorted((a, b) => a - b)).toEqual([201, 403]);
  });

  test('and it is off unless a project is named', async () => {
    const off = await anOwner(t, { now: clock });
    const { status, body } = await off.browser().send('POST', '/v1/session/firebase', {}, { authorization: 'Bearer a.b.c' });
    expect([status, body.slug]).toEqual([404, 'not-found']);
  });
});
