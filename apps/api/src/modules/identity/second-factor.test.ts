import { createTestDatabase, NOW, type TestDatabase } from '@medspa/testing';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { aDevice } from '../../../test/authenticator.ts';
import { aBrowser, addPasskey, aSignedInOwner, fromBase32, PASSWORD } from '../../../test/browser.ts';
import { testApp } from '../../../test/harness.ts';
import { totpCode, totpStep } from '../../platform/totp.ts';

let t: TestDatabase;
beforeAll(async () => {
  t = await createTestDatabase();
});
afterAll(() => t.drop());

/** An owner with a clock, signed in. */
async function open() {
  const clock = { now: NOW };
  const owner = await aSignedInOwner(t, { now: () => clock.now });
  const wait = (seconds: number) => {
    clock.now = new Date(clock.now.getTime() + seconds * 1_000);
  };
  const signIn = (given: object) => owner.browser().send('POST', '/v1/session', { email: owner.email, password: PASSWORD, ...given });
  return { ...owner, clock, wait, signIn };
}

/** The same with an authenticator app. */
async function openWithApp() {
  const owner = await open();
  const { signedIn, clock } = owner;
  const { body } = await signedIn.send<{ secret: string; uri: string }>('POST', '/v1/session/totp');
  const secret = fromBase32(body.secret);
  const code = (steps = 0) => totpCode(secret, totpStep(clock.now) + steps);
  const confirmed = await signedIn.send<{ codes: string[] }>('POST', '/v1/session/totp/confirmation', { code: code() });
  if (confirmed.status !== 200) throw new Error(confirmed.text);
  owner.wait(60);
  return { ...owner, secret, shown: body, code, recoveryCodes: confirmed.body.codes };
}

describe('AUT-4: a second factor', () => {
  test('is asked for once a code showed that the app has the secret, and other sessions end then', async () => {
    const { signedIn, signIn, browser, email, clock } = await open();
    const other = browser();
    await other.send('POST', '/v1/session', { email, password: PASSWORD });
    const begun = await signedIn.send<{ secret: string; uri: string }>('POST', '/v1/session/totp');
    expect(begun.body.uri).toBe(
      `otpauth://totp/Harbor%20Aesthetics:${encodeURIComponent(email)}?secret=${begun.body.secret}&issuer=Harbor%20Aesthetics`,
    );
    expect((await signIn({})).status).toBe(201);
    const wrong = await signedIn.send('POST', '/v1/session/totp/confirmation', { code: '000000' });
    expect([wrong.status, wrong.body.slug, wrong.body.errors?.[0]?.pointer]).toEqual([422, 'wrong-code', '/code']);
    expect((await signIn({})).status).toBe(201);
    const code = totpCode(fromBase32(begun.body.secret), totpStep(clock.now));
    expect((await signedIn.send<{ codes: string[] }>('POST', '/v1/session/totp/confirmation', { code })).body.codes).toHaveLength(10);
    const asked = await signIn({});
    expect([asked.status, asked.body.slug]).toEqual([401, 'second-factor-required']);
    expect((await other.send('GET', '/v1/session')).status).toBe(401);
    expect((await signedIn.send('GET', '/v1/session')).body).toMatchObject({ hasSecondFactor: true, recoveryCodesLeft: 10 });
  });

  test('whose code was used is refused, and so is that of an earlier step', async () => {
    const { signIn, code, wait } = await openWithApp();
    const used = code();
    expect((await signIn({ code: used })).status).toBe(201);
    expect([(await signIn({ code: used })).status, (await signIn({ code: code(-1) })).status]).toEqual([401, 401]);
    wait(30);
    expect((await signIn({ code: used })).status).toBe(401);
    expect((await signIn({ code: code() })).status).toBe(201);
  });

  test('used by many at once signs in one', async () => {
    const { signIn, code } = await openWithApp();
    const same = { code: code() };
    const answers = await Promise.all(Array.from({ length: 5 }, () => signIn(same)));
    const statuses = answers.map(({ status }) => status).toSorted((a, b) => a - b);
    expect(statuses.filter((status) => status === 201)).toHaveLength(1);
    expect(statuses.filter((status) => status === 401)).toHaveLength(4);
  });

  test('is not used twice in PostgreSQL either, whoever asks it', async () => {
    const { staffId, organizationId } = await openWithApp();
    const enter = JSON.stringify({ organizationId, actorId: staffId, actorKind: 'staff', requestId: 'x', action: 'x', now: NOW });
    for (const step of ['totp_last_step', 'totp_last_step - 1', 'NULL'])
      await expect(
        t.look(
          `WITH entered AS MATERIALIZED (SELECT app.enter($1::jsonb)) UPDATE staff_secret SET totp_last_step = ${step} FROM entered WHERE staff_id = $2`,
          [enter, staffId],
        ),
      ).rejects.toThrow('used up');
  });

  test('counts wrong codes like wrong passwords (AUT-3), and a password without a code counts for nothing', async () => {
    const { signIn, code } = await openWithApp();
    for (let round = 0; round < 8; round++) expect((await signIn({})).body.slug).toBe('second-factor-required');
    for (let round = 0; round < 5; round++) expect((await signIn({ code: '000000' })).body.slug).toBe('wrong-credentials');
    expect((await signIn({ code: code() })).body.slug).toBe('sign-in-paused');
  });

  test('that is lost is replaced by a recovery code, each of which works once', async () => {
    const { signIn, recoveryCodes, signedIn } = await openWithApp();
    const [first = '', second = ''] = recoveryCodes;
    expect(first).toMatch(/^[A-Z2-7]{4}(-[A-Z2-7]{4}){3}$/);
    expect((await signIn({ code: first.toLowerCase().replaceAll('-', ' ') })).status).toBe(201);
    expect((await signIn({ code: first })).status).toBe(401);
    const answers = await Promise.all([signIn({ code: second }), signIn({ code: second })]);
    expect(answers.map(({ status }) => status).toSorted((a, b) => a - b)).toEqual([201, 401]);
    expect((await signedIn.send('GET', '/v1/session')).body.recoveryCodesLeft).toBe(8);
  });

  test('gets new recovery codes, and the old ones work no more', async () => {
    const { signIn, signedIn, recoveryCodes } = await openWithApp();
    const renewed = await signedIn.send<{ codes: string[] }>('POST', '/v1/session/recovery-codes');
    expect(renewed.body.codes).toHaveLength(10);
    expect((await signIn({ code: recoveryCodes[0] })).status).toBe(401);
    expect((await signIn({ code: renewed.body.codes[0] })).status).toBe(201);
  });

  test('is kept sealed, its codes as keyed hashes', async () => {
    const { secret, shown, recoveryCodes, staffId } = await openWithApp();
    const stored = await t.look<{ text: string }>(
      `SELECT (SELECT string_agg(s::text, ' ') FROM staff_secret s WHERE staff_id = $1) || (SELECT string_agg(l::text, ' ') FROM audit_log l)
         || (SELECT string_agg(c::text, ' ') FROM staff_recovery_code c) AS text`,
      [staffId],
    );
    const text = stored[0]?.text ?? '';
    expect(text).toContain(staffId);
    for (const plain of [secret.toString('hex'), Buffer.from(secret.toString('hex')).toString('hex'), shown.secret, ...recoveryCodes])
      expect(text).not.toContain(plain);
  });

  test('may go only where the password may stand alone (AUT-2)', async () => {
    const { signedIn, signIn, code } = await openWithApp();
    expect((await signedIn.send('PUT', '/v1/session/password', { password: 'mo0n-riv' })).status).toBe(200);
    const kept = await signedIn.send('DELETE', '/v1/session/totp');
    expect([kept.status, kept.body.slug]).toEqual([422, 'password-too-short']);
    expect((await signIn({ password: 'mo0n-riv', code: code() })).status).toBe(201);
    expect((await signedIn.send('PUT', '/v1/session/password', { password: PASSWORD })).status).toBe(200);
    expect((await signedIn.send('DELETE', '/v1/session/totp')).body.hasSecondFactor).toBe(false);
    expect((await signIn({})).status).toBe(201);
    expect((await signedIn.send('DELETE', '/v1/session/totp')).body.slug).toBe('second-factor-missing');
    expect((await signedIn.send('PUT', '/v1/session/password', { password: 'mo0n-riv' })).body.slug).toBe('password-too-short');
  });

  test('and a short password go together in PostgreSQL too', async () => {
    const { staffId, organizationId } = await open();
    const enter = JSON.stringify({ organizationId, actorId: staffId, actorKind: 'staff', requestId: 'x', action: 'x', now: NOW });
    await expect(
      t.look(
        `WITH entered AS MATERIALIZED (SELECT app.enter($1::jsonb)) UPDATE staff_secret SET password_is_long = false FROM entered WHERE staff_id = $2`,
        [enter, staffId],
      ),
    ).rejects.toThrow('staff_secret_short_not_alone');
  });
});

describe('HIP-8, ASVS 6.3.3: staff without a second factor', () => {
  test('find nothing open but their own account, until they have an authenticator app', async () => {
    const { signedIn, clock } = await open();
    const work = () => signedIn.send('GET', '/v1/staff');
    for (const [method, path, body] of [
      ['GET', '/v1/organization', undefined],
      ['GET', '/v1/patients', undefined],
      ['POST', '/v1/room-types', { name: 'Sauna' }],
      ['PATCH', '/v1/organization', { name: 'Mine', version: 1 }],
    ] as const) {
      const refused = await signedIn.send(method, path, body);
      expect([refused.status, refused.body.slug], path).toEqual([403, 'enrol-second-factor']);
    }
    expect((await signedIn.send('GET', '/v1/session')).body).toMatchObject({ hasSecondFactor: false });
    expect((await signedIn.send('GET', '/v1/sessions')).status).toBe(200);
    const { body } = await signedIn.send<{ secret: string }>('POST', '/v1/session/totp');
    expect((await work()).body.slug).toBe('enrol-second-factor');
    const code = totpCode(fromBase32(body.secret), totpStep(clock.now));
    expect((await signedIn.send('POST', '/v1/session/totp/confirmation', { code })).status).toBe(200);
    expect((await work()).status).toBe(200);
    // And again from the next request on, when they give it up.
    expect((await signedIn.send('DELETE', '/v1/session/totp')).status).toBe(200);
    expect((await work()).body.slug).toBe('enrol-second-factor');
  });

  test('or a passkey', async () => {
    const { signedIn } = await open();
    await addPasskey(signedIn, aDevice('https://clinic.example'));
    expect((await signedIn.send('GET', '/v1/staff')).status).toBe(200);
  });

  test('are let work in practice mode', async () => {
    const { email } = await open();
    const app = testApp(t.database, { as: 'session', now: () => NOW, config: { isPractice: true } });
    const real = aBrowser(testApp(t.database, { as: 'session', now: () => NOW }));
    await real.send('POST', '/v1/session', { email, password: PASSWORD });
    expect((await real.send('GET', '/v1/staff')).status).toBe(403);
    expect((await aBrowser(app, real.cookie).send('GET', '/v1/staff')).status).toBe(200);
  });
});

describe('HIP-8: what gives access', () => {
  const SECURE = [
    ['PUT', '/v1/session/password', { password: 'another slow green harbour' }],
    ['POST', '/v1/session/totp', undefined],
    ['POST', '/v1/session/totp/confirmation', { code: '123456' }],
    ['DELETE', '/v1/session/totp', undefined],
    ['POST', '/v1/session/recovery-codes', undefined],
  ] as const;

  test.each(SECURE)('wants a proof of the last five minutes: %s %s', async (method, path, body) => {
    const { signedIn, wait } = await open();
    wait(301);
    const refused = await signedIn.send(method, path, body);
    expect([refused.status, refused.body.slug]).toEqual([403, 'step-up-required']);
    expect((await signedIn.send('POST', '/v1/session/step-up', { password: PASSWORD })).status).toBe(200);
    wait(300);
    expect((await signedIn.send(method, path, body)).body.slug).not.toBe('step-up-required');
  });

  test('is proved by password and second factor, and counts like a sign-in', async () => {
    const { signedIn, code, wait } = await openWithApp();
    const prove = (given: object) => signedIn.send('POST', '/v1/session/step-up', given);
    expect((await prove({ password: PASSWORD })).body.slug).toBe('second-factor-required');
    expect((await prove({ password: 'something else entirely', code: code() })).body.slug).toBe('wrong-credentials');
    const done = await prove({ password: PASSWORD, code: code() });
    expect([done.status, done.body]).toMatchObject([200, { isCurrent: true }]);
    expect((await prove({ password: PASSWORD, code: code() })).status).toBe(401);
    wait(1);
    for (let round = 0; round < 4; round++) await prove({ password: 'something else entirely', code: code() });
    expect((await prove({ password: PASSWORD, code: code(1) })).body.slug).toBe('sign-in-paused');
  });

  test('ends every other session when the password changes', async () => {
    const { signedIn, browser, email } = await open();
    const other = browser();
    await other.send('POST', '/v1/session', { email, password: PASSWORD });
    const password = 'another slow green harbour';
    expect((await signedIn.send('PUT', '/v1/session/password', { password })).status).toBe(200);
    expect([(await other.send('GET', '/v1/session')).status, (await signedIn.send('GET', '/v1/session')).status]).toEqual([401, 200]);
    expect((await browser().send('POST', '/v1/session', { email, password: PASSWORD })).status).toBe(401);
    expect((await browser().send('POST', '/v1/session', { email, password })).status).toBe(201);
  });
});
