import type { Passkey, PasskeyCreation, PasskeyRequest, ProblemDocument, SignedIn } from '@medspa/contracts';
import { createTestDatabase, NOW, sessionIn, type TestDatabase } from '@medspa/testing';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { aDevice, type Device, type Quirks } from '../../../test/authenticator.ts';
import { addPasskey, aSecuredOwner, aSignedInOwner, PASSWORD, type Browser, leave } from '../../../test/browser.ts';
import { RELYING_PARTY } from '../../../test/harness.ts';
import { handleOf, holderOf } from './rules.ts';

let t: TestDatabase;
beforeAll(async () => {
  t = await createTestDatabase();
});
afterAll(() => t.drop());

const ORIGIN = RELYING_PARTY.origins[0] ?? '';

/** An owner with a clock and a passkey, signed in. */
async function open() {
  const clock = { now: NOW };
  const owner = await aSecuredOwner(t, { now: () => clock.now });
  const wait = (seconds: number) => void (clock.now = new Date(clock.now.getTime() + seconds * 1_000));
  return { ...owner, clock, wait };
}

const optionsFor = async (browser: Browser, path = '/v1/session/passkey/options') =>
  (await browser.send<PasskeyRequest>('POST', path)).body;
const show = (browser: Browser, passkey: object, path = '/v1/session/passkey') =>
  browser.send<SignedIn & ProblemDocument>('POST', path, { passkey });
const listOf = async (browser: Browser) => (await browser.send<{ items: Passkey[] }>('GET', '/v1/passkeys')).body.items;

describe('AUT-5: a passkey', () => {
  test('signs in by itself, as both factors, and its session may do what the person may', async () => {
    const { browser, device, staffId } = await open();
    const other = browser();
    const options = await optionsFor(other);
    expect(options).toMatchObject({ rpId: RELYING_PARTY.id, userVerification: 'required', allowCredentials: [] });
    const { status, body } = await show(other, device.get(options));
    expect([status, body]).toMatchObject([201, { staffId, hasSecondFactor: true, session: { isCurrent: true } }]);
    expect((await other.send('GET', '/v1/organization')).status).toBe(200);
    // Freshly proved: what gives access is open.
    expect((await other.send('POST', '/v1/session/recovery-codes')).status).toBe(201);
  });

  test('is asked for one that is found without a name and asks who holds it', async () => {
    const { signedIn, organizationId, staffId } = await open();
    const { body } = await signedIn.send<PasskeyCreation>('POST', '/v1/passkeys/options');
    expect(body).toMatchObject({
      rp: { id: RELYING_PARTY.id, name: 'Harbor Aesthetics' },
      authenticatorSelection: { residentKey: 'required', userVerification: 'required' },
      attestation: 'none',
    });
    expect(holderOf(body.user.id)).toEqual({ organizationId, personId: staffId });
    expect(body.excludeCredentials).toHaveLength(1);
    expect(Buffer.from(body.challenge, 'base64url')).toHaveLength(32);
  });

  // Signing in, and what goes wrong with it: by page, by domain, by challenge, by what the device asked, by signature.
  const WRONG: [name: string, quirks: Quirks][] = [
    ['of another origin', { origin: 'https://clinic.example.evil.example' }],
    ['of an origin on another port', { origin: `${ORIGIN}:8443` }],
    ['of an origin without TLS', { origin: ORIGIN.replace('https', 'http') }],
    ['of another domain', { rpId: 'evil.example' }],
    ['of a subdomain', { rpId: `app.${RELYING_PARTY.id}` }],
    ['for a challenge that was never given', { challenge: Buffer.alloc(32, 7).toString('base64url') }],
    ['within a frame of another page', { crossOrigin: true }],
    ['for something else', { type: 'webauthn.create' }],
    ['without asking who holds the device', { isVerified: false }],
    ['without anybody there', { isPresent: false }],
    ['with another signature', { signature: 'MEUCIQDx'.repeat(9) }],
    ['of nobody', { userHandle: Buffer.alloc(32).toString('base64url') }],
    ['that says no person', { userHandle: 'short' }],
  ];

  test.each(WRONG)('does not sign in %s', async (_, quirks) => {
    const { browser, device } = await open();
    const other = browser();
    const refused = await show(other, device.get(await optionsFor(other), quirks));
    expect([refused.status, refused.body.slug, other.cookie]).toEqual([401, 'passkey-refused', null]);
    expect((await show(other, device.get(await optionsFor(other)))).status).toBe(201);
  });

  test.each(WRONG.slice(0, 10))('is not kept %s', async (_, quirks) => {
    const { signedIn } = await aSignedInOwner(t);
    const { body: options } = await signedIn.send<PasskeyCreation>('POST', '/v1/passkeys/options');
    const wrong = quirks.type ? { ...quirks, type: 'webauthn.get' } : quirks;
    const refused = await signedIn.send('POST', '/v1/passkeys', { name: 'Phone', credential: aDevice(ORIGIN).create(options, wrong) });
    expect([refused.status, refused.body.slug]).toEqual([422, 'passkey-unusable']);
    expect(await listOf(signedIn)).toEqual([]);
  });

  test('signs a challenge once, also when two show it at the same moment', async () => {
    const { browser, device } = await open();
    const options = await optionsFor(browser());
    // Two signatures of one challenge, so that the count of the device is not what decides.
    const answers = await Promise.all([device.get(options), device.get(options), device.get(options)].map((one) => show(browser(), one)));
    expect(answers.map(({ status }) => status).toSorted((a, b) => a - b)).toEqual([201, 401, 401]);
    expect((await show(browser(), device.get(options))).body.slug).toBe('passkey-refused');
  });

  test('signs within five minutes', async () => {
    const { browser, device, wait } = await open();
    const [early, late] = [await optionsFor(browser()), await optionsFor(browser())];
    wait(299);
    expect((await show(browser(), device.get(early))).status).toBe(201);
    wait(1);
    expect((await show(browser(), device.get(late))).status).toBe(401);
  });

  test('signs for what it was asked, and for whom', async () => {
    const { browser, device, signedIn } = await open();
    const other = await open();
    const [signIn, stepUp, theirs] = [
      () => optionsFor(browser()),
      () => optionsFor(signedIn, '/v1/session/step-up/passkey/options'),
      () => optionsFor(other.signedIn, '/v1/session/step-up/passkey/options'),
    ];
    expect((await show(browser(), device.get(await stepUp()))).status).toBe(401);
    expect((await show(signedIn, device.get(await signIn()), '/v1/session/step-up/passkey')).status).toBe(401);
    expect((await show(signedIn, device.get(await theirs()), '/v1/session/step-up/passkey')).status).toBe(401);
    const { body: adding } = await signedIn.send<PasskeyCreation>('POST', '/v1/passkeys/options');
    const credential = aDevice(ORIGIN).create({ ...adding, challenge: (await signIn()).challenge });
    expect((await signedIn.send('POST', '/v1/passkeys', { name: 'X', credential })).body.slug).toBe('passkey-unusable');
    const foreign = aDevice(ORIGIN).create((await other.signedIn.send<PasskeyCreation>('POST', '/v1/passkeys/options')).body);
    expect((await signedIn.send('POST', '/v1/passkeys', { name: 'X', credential: foreign })).body.slug).toBe('passkey-unusable');
  });

  test("is its person's: another's neither steps up nor signs in under their name", async () => {
    const [mine, theirs] = [await open(), await open()];
    const path = '/v1/session/step-up/passkey';
    const options = await optionsFor(mine.signedIn, `${path}/options`);
    expect(options.allowCredentials).toHaveLength(1);
    expect((await show(mine.signedIn, theirs.device.get(options), path)).body.slug).toBe('passkey-refused');
    const userHandle = Buffer.from(handleOf({ ...mine, personId: mine.staffId })).toString('base64url');
    expect((await show(mine.browser(), theirs.device.get(await optionsFor(mine.browser()), { userHandle }))).status).toBe(401);
  });

  test('that counts backwards is refused, noted, and in the audit log; one that counts on goes on', async () => {
    const { browser, device, signedIn, organizationId } = await open();
    const tryWith = async (quirks: Quirks) => (await show(browser(), device.get(await optionsFor(browser()), quirks))).status;
    expect(await tryWith({ counter: 40 })).toBe(201);
    expect((await listOf(signedIn))[0]?.regressedAt).toBeNull();
    expect([await tryWith({ counter: 40 }), await tryWith({ counter: 39 }), await tryWith({ counter: 0 })]).toEqual([401, 401, 401]);
    expect((await listOf(signedIn))[0]).toMatchObject({ regressedAt: NOW.toISOString() });
    const noted = await t.look(
      `SELECT FROM audit_log WHERE organization_id = $1 AND action = 'passkey.try' AND table_name = 'staff_passkey' AND after ? 'regressed_at'`,
      [organizationId],
    );
    expect(noted).toHaveLength(1);
    expect(await tryWith({ counter: 41 })).toBe(201);
  });

  test('of a device that does not count signs in again and again', async () => {
    const { signedIn, browser } = await open();
    const device = aDevice(ORIGIN, { counts: false });
    await addPasskey(signedIn, device, 'Cloud');
    for (let round = 0; round < 3; round++) expect((await show(browser(), device.get(await optionsFor(browser())))).status).toBe(201);
  });

  test('with the same count shown twice at once signs in one', async () => {
    const { browser, device } = await open();
    const passkeys = await Promise.all([1, 2, 3].map(async () => device.get(await optionsFor(browser()), { counter: 77 })));
    const answers = await Promise.all(passkeys.map((passkey) => show(browser(), passkey)));
    expect(answers.map(({ status }) => status).toSorted((a, b) => a - b)).toEqual([201, 401, 401]);
  });

  test('of somebody who left signs nobody in', async () => {
    const owner = await open();
    const { browser, device } = owner;
    const options = await optionsFor(browser());
    expect((await leave(owner)).status).toBe(200);
    expect((await show(browser(), device.get(options))).body.slug).toBe('passkey-refused');
  });

  test('is in the audit log with each try, kept by its public half, and its challenges by their hash (HIP-6)', async () => {
    const { browser, device, organizationId } = await open();
    const options = await optionsFor(browser());
    await show(browser(), device.get(options, { isVerified: false }));
    const tries = await t.look(
      `SELECT actor_kind, operation FROM audit_log WHERE organization_id = $1 AND action = 'passkey.try' AND table_name = 'staff_account'`,
      [organizationId],
    );
    expect(tries).toEqual([{ actor_kind: 'anybody', operation: 'update' }]);
    const pending = await optionsFor(browser());
    const kept = await t.look<{ text: string }>(`SELECT string_agg(c::text, ' ') AS text FROM webauthn_challenge c`);
    expect(kept[0]?.text).toMatch(/\\x[0-9a-f]{64}/);
    for (const form of [pending.challenge, Buffer.from(pending.challenge, 'base64url').toString('hex')])
      expect(kept[0]?.text).not.toContain(form);
  });
});

describe('AUT-5: passkeys of a person', () => {
  test('are listed, renamed and removed, and nobody else sees them', async () => {
    const [mine, theirs] = [await open(), await open()];
    const { passkey } = await addPasskey(mine.signedIn, aDevice(ORIGIN), 'Key');
    expect((await listOf(mine.signedIn)).map(({ name }) => name)).toEqual(['Phone', 'Key']);
    const path = `/v1/passkeys/${passkey.id}`;
    expect((await mine.signedIn.send<Passkey>('PATCH', path, { name: 'Blue key' })).body.name).toBe('Blue key');
    for (const [method, body] of [
      ['PATCH', { name: 'Mine now' }],
      ['DELETE', undefined],
    ] as const)
      expect((await theirs.signedIn.send(method, path, body)).body.slug).toBe('not-found');
    expect((await theirs.signedIn.send('GET', `/v1/passkeys?cursor=${passkey.id}`)).status).toBe(404);
    expect((await mine.signedIn.send('DELETE', path)).body).toMatchObject({ hasSecondFactor: true });
    expect((await listOf(mine.signedIn)).map(({ name }) => name)).toEqual(['Phone']);
    expect((await mine.signedIn.send('DELETE', path)).status).toBe(404);
  });

  test('end every other session when one comes or goes', async () => {
    const { signedIn, signIn } = await open();
    const [first, second] = [await signIn(), await signIn()];
    const { passkey } = await addPasskey(first, aDevice(ORIGIN));
    expect([(await second.send('GET', '/v1/session')).status, (await signedIn.send('GET', '/v1/session')).status]).toEqual([401, 401]);
    const third = await signIn();
    expect((await first.send('DELETE', `/v1/passkeys/${passkey.id}`)).status).toBe(200);
    expect((await third.send('GET', '/v1/session')).status).toBe(401);
  });

  test('are kept once each, and twenty at most', async () => {
    const { signedIn, device } = await open();
    const again = device.create((await signedIn.send<PasskeyCreation>('POST', '/v1/passkeys/options')).body);
    expect((await signedIn.send('POST', '/v1/passkeys', { name: 'Twice', credential: again })).body.slug).toBe('already-exists');
    for (let count = 1; count < 20; count++) await addPasskey(signedIn, aDevice(ORIGIN), `Key ${count}`);
    await expect(addPasskey(signedIn, aDevice(ORIGIN))).rejects.toThrow('rule-violated');
  });

  test('are a second factor: a password alone is no longer enough, a recovery code beside it is', async () => {
    const { browser, email, recoveryCodes } = await open();
    const signIn = (code?: string) => browser().send('POST', '/v1/session', { email, password: PASSWORD, ...(code ? { code } : {}) });
    expect(recoveryCodes).toHaveLength(10);
    expect((await signIn()).body.slug).toBe('second-factor-required');
    expect((await signIn('123456')).body.slug).toBe('wrong-credentials');
    expect((await signIn(recoveryCodes[0])).status).toBe(201);
    expect((await signIn(recoveryCodes[0])).status).toBe(401);
  });

  test('let a short password be (AUT-2), and the last of them stays with it, in PostgreSQL too', async () => {
    const { signedIn, staffId, organizationId } = await open();
    expect((await signedIn.send('PUT', '/v1/session/password', { password: 'mo0n-riv' })).status).toBe(200);
    const [passkey] = await listOf(signedIn);
    expect((await signedIn.send('DELETE', `/v1/passkeys/${passkey?.id}`)).body.slug).toBe('password-too-short');
    const enter = JSON.stringify({ ...sessionIn(organizationId, staffId), now: NOW });
    await expect(
      t.look(`WITH entered AS MATERIALIZED (SELECT app.enter($1::jsonb)) DELETE FROM staff_passkey USING entered WHERE staff_id = $2`, [
        enter,
        staffId,
      ]),
    ).rejects.toThrow('staff_secret_short_not_alone');
  });

  test('take their recovery codes with them when the last one goes, also of two at once', async () => {
    const { signedIn, staffId } = await open();
    await addPasskey(signedIn, aDevice(ORIGIN));
    const all = await listOf(signedIn);
    await Promise.all(all.map(({ id }) => signedIn.send('DELETE', `/v1/passkeys/${id}`)));
    const { body } = await signedIn.send('GET', '/v1/session');
    expect(body).toMatchObject({ hasSecondFactor: false, recoveryCodesLeft: 0 });
    expect(await t.look('SELECT passkeys FROM staff_secret WHERE staff_id = $1', [staffId])).toEqual([{ passkeys: 0 }]);
  });
});

describe('HIP-8: by passkey', () => {
  const path = '/v1/session/step-up/passkey';
  const isSecure = async (browser: Browser) => (await browser.send('POST', '/v1/session/recovery-codes')).status === 201;

  test('somebody proves again who they are', async () => {
    const { signedIn, device, wait } = await open();
    wait(301);
    expect(await isSecure(signedIn)).toBe(false);
    const done = await show(signedIn, device.get(await optionsFor(signedIn, `${path}/options`)), path);
    expect([done.status, done.body]).toMatchObject([200, { isCurrent: true }]);
    expect(await isSecure(signedIn)).toBe(true);
  });

  test.each<[string, (device: Device, options: PasskeyRequest) => object]>([
    ['without asking who holds the device', (device, options) => device.get(options, { isVerified: false })],
    ['on another page', (device, options) => device.get(options, { origin: 'https://evil.example' })],
  ])('nobody does %s', async (_, passkeyOf) => {
    const { signedIn, device, wait } = await open();
    wait(301);
    expect((await show(signedIn, passkeyOf(device, await optionsFor(signedIn, `${path}/options`)), path)).status).toBe(401);
    expect(await isSecure(signedIn)).toBe(false);
  });

  test.each([
    ['POST', '/v1/passkeys/options', false],
    ['POST', '/v1/passkeys', true],
    ['DELETE', '/v1/passkeys/{id}', false],
  ] as const)('what gives access wants a proof of the last five minutes: %s %s', async (method, pattern, withBody) => {
    const { signedIn, wait } = await open();
    const [passkey] = await listOf(signedIn);
    const { body: options } = await signedIn.send<PasskeyCreation>('POST', '/v1/passkeys/options');
    wait(301);
    const added = { name: 'X', credential: aDevice(ORIGIN).create(options) };
    const { status, body: refused } = await signedIn.send(method, pattern.replace('{id}', passkey?.id ?? ''), withBody ? added : undefined);
    expect([status, refused.slug]).toEqual([403, 'step-up-required']);
    expect(await listOf(signedIn)).toHaveLength(1);
  });
});
