import type { Passkey, PasskeyCreation, PasskeyRequest, ProblemDocument, SignedInPatient } from '@medspa/contracts';
import { createTestDatabase, type TestDatabase } from '@medspa/testing';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { aDevice, type Device, type Quirks } from '../../../test/authenticator.ts';
import { addPasskey as addStaffPasskey, aSignedInOwner, type Browser } from '../../../test/browser.ts';
import { RELYING_PARTY } from '../../../test/harness.ts';
import { startPost, type Post } from '../../../test/messages.ts';
import { openPortal, type Portal } from '../../../test/portal.ts';

let t: TestDatabase;
let post: Post;
let portal: Portal;
beforeAll(async () => {
  t = await createTestDatabase();
  post = await startPost();
});
beforeEach(async () => {
  portal = await openPortal(t, post);
});
afterAll(async () => {
  await post.stop();
  await t.drop();
});

const ORIGIN = RELYING_PARTY.origins[0] ?? '';

async function addPasskey(browser: Browser, device: Device = aDevice(ORIGIN)) {
  const { body } = await browser.send<PasskeyCreation>('POST', '/v1/portal/passkeys/options');
  const credential = device.create(body);
  return browser.send<Passkey & ProblemDocument>('POST', '/v1/portal/passkeys', { name: 'Phone', credential });
}

/** A patient with a passkey, signed in. */
async function open(changes: object = {}) {
  const { browser, ...patient } = await portal.aSignedInPatient(changes);
  const device = aDevice(ORIGIN);
  const { status, body, text } = await addPasskey(browser, device);
  if (status !== 201) throw new Error(text);
  return { patient, browser, device, passkey: body };
}

const optionsFor = async (browser: Browser) => (await browser.send<PasskeyRequest>('POST', '/v1/portal/session/passkey/options')).body;
const show = (browser: Browser, passkey: object) =>
  browser.send<SignedInPatient & ProblemDocument>('POST', '/v1/portal/session/passkey', { passkey });
/** Asks, and shows what the device says. */
async function signInWith(device: Device, quirks: Quirks = {}) {
  const browser = portal.browser();
  return { browser, ...(await show(browser, device.get(await optionsFor(browser), quirks))) };
}

describe('AUT-5: a passkey of a patient', () => {
  test('6.6.1: signs in without an address and a message, beside the codes by text', async () => {
    const { patient, device } = await open();
    const { status, body, browser } = await signInWith(device);
    expect([status, body.patient.id]).toEqual([201, patient.id]);
    expect(browser.cookie).toMatch(/^__Host-patient-session=/);
    expect((await browser.send('GET', `/v1/portal/patients/${patient.id}`)).status).toBe(200);
  });

  test.each<[string, Quirks]>([
    ['of another origin', { origin: 'https://clinic.example.evil.example' }],
    ['of another domain', { rpId: 'evil.example' }],
    ['for a challenge that was never given', { challenge: Buffer.alloc(32, 7).toString('base64url') }],
    ['within a frame of another page', { crossOrigin: true }],
    ['without asking who holds the device', { isVerified: false }],
    ['with another signature', { signature: 'MEUCIQDx'.repeat(9) }],
    ['of nobody', { userHandle: Buffer.alloc(32).toString('base64url') }],
    ['that says no person', { userHandle: 'short' }],
  ])('does not sign in %s, and each try with a known one is in the audit log', async (_, quirks) => {
    const { device, passkey } = await open();
    const refused = await signInWith(device, quirks);
    expect([refused.status, refused.body.slug, refused.browser.cookie]).toEqual([401, 'passkey-refused', null]);
    expect((await signInWith(device)).status).toBe(201);
    const tries = await t.look(`SELECT FROM audit_log WHERE row_id = $1 AND action = 'portal.passkey-try'`, [passkey.id]);
    expect(tries).toHaveLength(quirks.userHandle || quirks.challenge || quirks.crossOrigin ? 1 : 2);
  });

  test('signs a challenge once, also when several show it at the same moment', async () => {
    const { device } = await open();
    const options = await optionsFor(portal.browser());
    const answers = await Promise.all([1, 2, 3].map(() => show(portal.browser(), device.get(options))));
    expect(answers.map(({ status }) => status).toSorted((a, b) => a - b)).toEqual([201, 401, 401]);
  });

  test('that counts backwards is refused and noted', async () => {
    const { device, browser } = await open();
    expect((await signInWith(device, { counter: 40 })).status).toBe(201);
    expect((await signInWith(device, { counter: 40 })).status).toBe(401);
    const { body } = await browser.send<{ items: Passkey[] }>('GET', '/v1/portal/passkeys');
    expect(body.items).toMatchObject([{ name: 'Phone', regressedAt: portal.clock.now.toISOString() }]);
  });

  test("is no staff member's, and a staff member's is no patient's", async () => {
    const owner = await aSignedInOwner(t);
    const staffDevice = aDevice(ORIGIN);
    await addStaffPasskey(owner.signedIn, staffDevice);
    expect((await signInWith(staffDevice)).status).toBe(401);
    const { device } = await open();
    const staffOptions = (await owner.browser().send<PasskeyRequest>('POST', '/v1/session/passkey/options')).body;
    expect((await owner.browser().send('POST', '/v1/session/passkey', { passkey: device.get(staffOptions) })).status).toBe(401);
    // Nor does the challenge of one door open the other.
    expect((await show(portal.browser(), device.get(staffOptions))).status).toBe(401);
  });

  test('7.5.1: is added and removed within five minutes of signing in, and signs in no more when it is gone', async () => {
    const { browser, device, passkey } = await open();
    portal.pass(5.01);
    for (const [method, path] of [
      ['POST', '/v1/portal/passkeys/options'],
      ['DELETE', `/v1/portal/passkeys/${passkey.id}`],
    ] as const) {
      const { status, body } = await browser.send(method, path);
      expect([status, body.slug]).toEqual([403, 'step-up-required']);
    }
    const again = (await signInWith(device)).browser;
    expect((await again.send('DELETE', `/v1/portal/passkeys/${passkey.id}`)).status).toBe(200);
    expect((await signInWith(device)).body.slug).toBe('passkey-refused');
  });

  test('is not kept twice, not made for another session, and there are twenty at most, also at once', async () => {
    const { browser, device, patient } = await open();
    expect((await addPasskey(browser, device)).body.slug).toBe('already-exists');
    const other = await portal.signIn(patient.email);
    const { body } = await other.send<PasskeyCreation>('POST', '/v1/portal/passkeys/options');
    const foreign = { name: 'X', credential: aDevice(ORIGIN).create(body) };
    expect((await browser.send('POST', '/v1/portal/passkeys', foreign)).body.slug).toBe('passkey-unusable');
    const added = await Promise.all(Array.from({ length: 22 }, () => addPasskey(browser)));
    expect(added.filter(({ status }) => status === 201)).toHaveLength(19);
    expect(added.find(({ status }) => status !== 201)?.body.slug).toBe('rule-violated');
  }, 30_000);

  test('signs in neither who is no longer active nor who is found not to be of age', async () => {
    const [gone, young] = [await open(), await open()];
    await portal.desk.send('PATCH', `/v1/patients/${gone.patient.id}`, { isActive: false, version: 1 });
    expect((await signInWith(gone.device)).body.slug).toBe('passkey-refused');
    await portal.desk.send('PATCH', `/v1/patients/${young.patient.id}`, { birthDate: '2015-01-01', version: 1 });
    const { status, body } = await signInWith(young.device);
    expect([status, body.slug]).toEqual([403, 'not-of-age']);
  });
});
