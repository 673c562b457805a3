import { randomUUID } from 'node:crypto';
import type { ServerResponse } from 'node:http';
import { createTestDatabase, footprintOf, NOW, type TestDatabase } from '@medspa/testing';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { addApp } from '../../../test/authenticator-app.ts';
import { aBrowser, anOwner, PASSWORD, type Browser, type Owner } from '../../../test/browser.ts';
import { startIssuer, type Issuer } from '../../../test/fakes/issuer.ts';
import { createOidc } from '../../platform/identity-provider/oidc.ts';
import { NO_PROVIDERS } from '../../platform/identity-provider/index.ts';

let t: TestDatabase;
let issuer: Issuer;
let owner: Owner;
let now = NOW;
const clock = () => now;
beforeAll(async () => {
  t = await createTestDatabase();
});
afterAll(() => t.drop());
beforeEach(async () => {
  now = NOW;
  issuer = await startIssuer();
  const settings = {
    issuer: issuer.url,
    clientId: 'medspa',
    clientSecret: 'a secret of the client',
    redirectUri: 'http://127.0.0.1:8080/sign-in',
    secondFactorAmr: new Set(['mfa']),
    secondFactorAcr: new Set(['urn:two-factors']),
  };
  owner = await anOwner(t, { now: clock, identityProviders: { ...NO_PROVIDERS, oidc: createOidc(settings, clock) } });
  return () => issuer.stop();
});

/** What the provider does with a browser that is sent to it: it lets its person sign in, and sends them back with a code. */
function atProvider(authorizationUrl: string, claims: Record<string, unknown>) {
  const asked = new URL(authorizationUrl).searchParams;
  const seconds = Math.floor(now.getTime() / 1_000);
  const told = {
    iss: issuer.url,
    aud: 'medspa',
    sub: `sub-${owner.staffId}`,
    iat: seconds - 1,
    exp: seconds + 300,
    auth_time: seconds - 20,
    nonce: asked.get('nonce'),
    email: owner.email,
    email_verified: true,
    ...claims,
  };
  const code = randomUUID();
  issuer.codes.set(code, { challenge: asked.get('code_challenge') ?? '', idToken: () => issuer.sign(told) });
  return { code, state: asked.get('state') ?? '' };
}

async function goThere(browser: Browser, claims: Record<string, unknown> = {}) {
  const begun = await browser.send<{ authorizationUrl: string }>('POST', '/v1/session/provider');
  expect(begun.status).toBe(201);
  return { ...atProvider(begun.body.authorizationUrl, claims), authorizationUrl: begun.body.authorizationUrl };
}
const comeBack = (browser: Browser, returned: { code: string; state: string } | undefined, more: object = {}) =>
  browser.send('POST', '/v1/session/provider/return', { ...(returned ? { returned } : {}), ...more });

async function signIn(claims: Record<string, unknown> = {}, browser = owner.browser()) {
  const { code, state } = await goThere(browser, claims);
  return { browser, answer: await comeBack(browser, { code, state }) };
}

describe('signing in with an identity provider', () => {
  test('goes there with state, nonce and a PKCE challenge, comes back with a session, and leaves no cookie of the way', async () => {
    const browser = owner.browser();
    const { code, state, authorizationUrl } = await goThere(browser);
    const asked = Object.fromEntries(new URL(authorizationUrl).searchParams);
    expect(asked).toMatchObject({
      response_type: 'code',
      client_id: 'medspa',
      redirect_uri: 'http://127.0.0.1:8080/sign-in',
      scope: 'openid email',
      code_challenge_method: 'S256',
      acr_values: 'urn:two-factors',
    });
    const secret = /secret\.(.+)/.exec(browser.cookie ?? '')?.[1] ?? '';
    expect(secret).toHaveLength(43);
    for (const shown of [asked['state'], asked['nonce'], asked['code_challenge']]) expect(shown).toHaveLength(43);
    expect(authorizationUrl).not.toContain(secret);
    const answer = await comeBack(browser, { code, state });
    expect([answer.status, answer.body.staffId]).toEqual([201, owner.staffId]);
    expect(answer.headers.getSetCookie().map((cookie) => cookie.split(';').slice(0, 2).join(';'))).toEqual([
      expect.stringMatching(/^__Host-session=[^;]+; Path=\/$/),
      '__Host-sign-in=; Max-Age=0',
    ]);
    for (const cookie of answer.headers.getSetCookie()) expect(cookie).toMatch(/Secure; HttpOnly; SameSite=Strict$/);
    expect((await browser.send('GET', '/v1/session')).status).toBe(200);
  });

  test('is of one browser: the way of another one, a made-up state and a code that was used lead nowhere', async () => {
    const [mine, other] = [owner.browser(), owner.browser()];
    const [ours, theirs] = await Promise.all(
      [mine, other].map(async (browser) => {
        const { code, state } = await goThere(browser);
        return { code, state };
      }),
    );
    if (!ours || !theirs) throw new Error('Two went there.');
    const wrong = async (browser: Browser, returned: { code: string; state: string }) => (await comeBack(browser, returned)).body.slug;
    expect(await wrong(mine, { code: theirs.code, state: theirs.state })).toBe('wrong-id-token');
    expect(await wrong(mine, { code: ours.code, state: 'x'.repeat(43) })).toBe('wrong-id-token');
    // The state of this browser with the code of another: the verifier does not fit.
    expect(await wrong(mine, { code: theirs.code, state: ours.state })).toBe('wrong-id-token');
    expect(await wrong(owner.browser(), { code: ours.code, state: ours.state })).toBe('wrong-id-token');
    const cookie = mine.cookie;
    expect((await comeBack(mine, ours)).status).toBe(201);
    expect(await wrong(aBrowser(owner.app, cookie), ours)).toBe('wrong-id-token');
  });

  test.each<[string, Record<string, unknown>]>([
    ['for another client', { aud: 'another' }],
    ['for several clients', { aud: ['medspa', 'another'] }],
    ['of another issuer', { iss: 'https://issuer.example' }],
    ['of another attempt', { nonce: 'another' }],
    ['without a nonce', { nonce: undefined }],
    ['that has run out', { exp: 1 }],
    ['that says of its address what is no answer', { email_verified: 'true' }],
  ])('an ID token %s is refused, and nothing is written', async (_, claims) => {
    const before = await footprintOf(t);
    const { answer } = await signIn(claims);
    expect([answer.status, answer.body.slug]).toEqual([401, 'wrong-id-token']);
    expect(await footprintOf(t)).toEqual(before);
  });

  test('nobody is made by it, and the first sign-in binds: afterwards the subject decides', async () => {
    expect((await signIn({ email: 'stranger@clinic.example' })).answer.body.slug).toBe('person-unknown');
    expect((await signIn({ email_verified: false })).answer.body.slug).toBe('person-unknown');
    expect((await signIn()).answer.status).toBe(201);
    expect((await signIn({ email: undefined })).answer.status).toBe(201);
    expect((await signIn({ sub: 'another' })).answer.body.slug).toBe('person-unknown');
    const rows = await t.look<{ subject_key: Buffer }>(`SELECT subject_key FROM staff_identity WHERE staff_id = '${owner.staffId}'`);
    expect(rows.map(({ subject_key: key }) => key.length)).toEqual([16]);
    expect(rows[0]?.subject_key.toString('utf8')).not.toContain('sub');
  });

  test('a sign-in that the provider remembers from before is no fresh proof', async () => {
    const { browser } = await signIn({ auth_time: undefined });
    expect((await browser.send('POST', '/v1/session/totp')).body.slug).toBe('step-up-required');
    expect((await browser.send('POST', '/v1/session/step-up', { password: PASSWORD })).status).toBe(200);
    expect((await browser.send('POST', '/v1/session/totp')).status).toBe(201);
  });
});

describe('HIP-8: the second factor beside an identity provider', () => {
  async function withApp() {
    const browser = owner.browser();
    await browser.send('POST', '/v1/session', { email: owner.email, password: PASSWORD });
    const code = await addApp(browser, now);
    now = new Date(now.getTime() + 60_000);
    return () => code(now);
  }

  test('is our own, asked for after coming back, once and from this browser', async () => {
    const code = await withApp();
    const { browser, answer } = await signIn();
    expect([answer.status, answer.body.slug]).toEqual([401, 'second-factor-required']);
    expect(browser.cookie).toMatch(/^__Host-sign-in=vouched\.[\w-]+$/);
    const kept = browser.cookie ?? '';
    expect(Buffer.from(kept.split('.')[1] ?? '', 'base64url').toString('latin1')).not.toContain(owner.email);
    expect((await comeBack(browser, undefined)).body.slug).toBe('second-factor-required');
    expect((await comeBack(browser, undefined, { code: '000000' })).body.slug).toBe('wrong-credentials');
    const done = await comeBack(browser, undefined, { code: code() });
    expect([done.status, done.body.staffId]).toEqual([201, owner.staffId]);
    expect((await comeBack(aBrowser(owner.app, kept), undefined, { code: code() })).body.slug).toBe('wrong-credentials');
  });

  test('AUT-3: wrong codes are counted as wrong passwords are', async () => {
    await withApp();
    const { browser } = await signIn();
    const slugs: (string | undefined)[] = [];
    for (let tries = 0; tries < 7; tries++) slugs.push((await comeBack(browser, undefined, { code: '000000' })).body.slug);
    expect(slugs).toEqual([...Array.from({ length: 5 }, () => 'wrong-credentials'), 'sign-in-paused', 'sign-in-paused']);
  });

  test('cannot be brought to what another sealed, altered or left lying', async () => {
    const code = await withApp();
    const { browser } = await signIn();
    const kept = browser.cookie ?? '';
    const altered = `${kept.slice(0, -4)}${kept.endsWith('AAAA') ? 'BBBB' : 'AAAA'}`;
    for (const cookie of [altered, kept.replace('vouched.', 'secret.'), null])
      expect((await comeBack(aBrowser(owner.app, cookie), undefined, { code: code() })).body.slug).toBe('wrong-id-token');
    now = new Date(now.getTime() + 301_000);
    expect((await comeBack(browser, undefined, { code: code() })).body.slug).toBe('wrong-id-token');
  });

  test('who has none of their own works where the provider asked for one that counts, and sets one up where it did not', async () => {
    const without = (await signIn({ amr: ['pwd'] })).browser;
    expect((await without.send('GET', '/v1/staff')).body.slug).toBe('enrol-second-factor');
    const withOne = (await signIn({ amr: ['pwd', 'mfa'] })).browser;
    expect((await withOne.send('GET', '/v1/staff')).status).toBe(200);
  });

  test("is the provider's where the configuration says that this way of it counts, and no other", async () => {
    await withApp();
    expect((await signIn({ amr: ['pwd'] })).answer.body.slug).toBe('second-factor-required');
    expect((await signIn({ acr: 'urn:one-factor' })).answer.body.slug).toBe('second-factor-required');
    expect((await signIn({ amr: ['pwd', 'mfa'] })).answer.status).toBe(201);
    expect((await signIn({ acr: 'urn:two-factors' })).answer.status).toBe(201);
  });
});

describe('HIP-8: whoever has a second factor with the provider alone', () => {
  const byPassword = (more: object = {}) =>
    owner.browser().send('POST', '/v1/session', { email: owner.email, password: PASSWORD, ...more });

  test('is let in by a password alone until the provider has asked for that factor once, and never after', async () => {
    expect((await signIn({ amr: ['pwd'] })).answer.status).toBe(201);
    expect((await byPassword()).status).toBe(201);
    expect((await signIn({ amr: ['pwd', 'mfa'] })).answer.status).toBe(201);
    for (let tries = 0; tries < 7; tries++) expect((await byPassword({ code: '000000' })).body.slug).toBe('provider-sign-in-required');
    expect((await signIn({ amr: ['pwd', 'mfa'] })).answer.status).toBe(201);
    const { browser } = await signIn({ amr: ['pwd', 'mfa'] });
    expect((await browser.send('POST', '/v1/session/step-up', { password: PASSWORD })).body.slug).toBe('provider-sign-in-required');
  });

  test('has a wrong password refused and counted as everybody has', async () => {
    await signIn({ amr: ['pwd', 'mfa'] });
    expect((await byPassword({ password: `${PASSWORD}!` })).body.slug).toBe('wrong-credentials');
  });

  test('signs in by password and a factor of their own as soon as they have one', async () => {
    const { browser } = await signIn({ amr: ['pwd', 'mfa'] });
    const code = await addApp(browser, now);
    now = new Date(now.getTime() + 60_000);
    expect((await byPassword()).body.slug).toBe('second-factor-required');
    expect((await byPassword({ code: code(now) })).status).toBe(201);
  });
});

describe('API10: what an identity provider answers', () => {
  const json = (document: object) => (answer: ServerResponse) => void answer.end(JSON.stringify(document));
  const endpoints = () => ({
    issuer: issuer.url,
    authorization_endpoint: `${issuer.url}/authorize`,
    token_endpoint: `${issuer.url}/token`,
    jwks_uri: `${issuer.url}/keys`,
  });

  test.each<[string, () => (answer: ServerResponse) => void]>([
    ['that is of another issuer', () => json({ ...endpoints(), issuer: `${issuer.url}/` })],
    ['that lacks what is promised', () => json({ issuer: issuer.url })],
    ['that sends elsewhere', () => (answer) => void answer.writeHead(302, { location: '/other' }).end()],
    ['that is no JSON', () => (answer) => void answer.end('<html>')],
    ['that is too large', () => json({ ...endpoints(), more: 'x'.repeat(300_000) })],
  ])('in a discovery document %s is not believed; the next one is asked for anew', async (_, other) => {
    issuer.instead.set('/.well-known/openid-configuration', other());
    const begin = () => owner.browser().send('POST', '/v1/session/provider');
    const refused = await begin();
    expect([refused.status, refused.body.slug]).toEqual([503, 'provider-unavailable']);
    issuer.instead.clear();
    expect((await begin()).status).toBe(201);
    expect(issuer.asked['/other']).toBeUndefined();
  });

  test.each<[string, (answer: ServerResponse) => void]>([
    ['sends elsewhere', (answer) => answer.writeHead(307, { location: '/other' }).end()],
    ['has no ID token', (answer) => answer.end('{"access_token":"x"}')],
  ])('at the token endpoint %s is not believed, and the client secret goes nowhere else', async (_, other) => {
    issuer.instead.set('/token', other);
    const { answer } = await signIn();
    expect(answer.body.slug).toBe('provider-unavailable');
    expect(issuer.asked['/other']).toBeUndefined();
  });

  test('is not there where none is configured', async () => {
    const off = (await anOwner(t, { now: clock })).browser();
    expect((await off.send('POST', '/v1/session/provider')).status).toBe(404);
    expect((await comeBack(off, { code: 'x', state: 'y' })).status).toBe(404);
  });
});
