import { createServer, type AddressInfo } from 'node:net';
import { issueSetupCode } from '@medspa/database/migrate';
import { aClinic, createTestDatabase, eventually, type TestDatabase } from '@medspa/testing';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { PASSWORD } from '../../../test/browser.ts';
import { CHROMIUM, startChromium, type ChromiumPage } from '../../../test/chromium.ts';
import { startPost, type Post } from '../../../test/messages.ts';
import { startTestService, type RunningService } from '../../../test/service.ts';

// Passkeys as a real browser makes them, with the virtual authenticator of its developer tools, against the running service.

let t: TestDatabase;
let post: Post;
let service: RunningService;
let page: ChromiumPage;
let origin: string;

beforeAll(async () => {
  if (!CHROMIUM) return;
  t = await createTestDatabase();
  post = await startPost();
  const port = await freePort();
  origin = `http://localhost:${port}`;
  service = await startTestService('chromium', t, await aClinic(t.database), {
    config: {
      isPractice: false,
      port,
      apiUrl: origin,
      corsOrigins: new Set(),
      relyingParty: { id: 'localhost', origins: [origin] },
      mail: post.config.mail,
    },
  });
  page = await startChromium(CHROMIUM);
  await page.command('WebAuthn.enable');
}, 60_000);
afterAll(async () => {
  await page?.close();
  await service?.stop();
  await post?.stop();
  await t?.drop();
});

/** An authenticator that is built in and keeps passkeys; whether it recognises who holds it is the test's to say. */
async function addAuthenticator(isUserVerified = true): Promise<string> {
  const options = { protocol: 'ctap2', transport: 'internal', hasResidentKey: true, hasUserVerification: true, isUserVerified };
  const { authenticatorId } = await page.command<{ authenticatorId: string }>('WebAuthn.addVirtualAuthenticator', {
    options: { ...options, automaticPresenceSimulation: true },
  });
  return authenticatorId;
}

/** A request of the page's own script: the browser adds Origin and cookie by itself. */
const ask = (method: string, path: string, body?: object) =>
  page.evaluate<{ status: number; body: { slug?: string; items?: object[] } }>(`(async () => {
    const answer = await fetch(${JSON.stringify(path)}, { method: '${method}', headers: { 'content-type': 'application/json' }
      ${body ? `, body: ${JSON.stringify(JSON.stringify(body))}` : ''} });
    return { status: answer.status, body: await answer.json() };
  })()`);

/** What an application does with a passkey: asks for options, has the browser answer them, and sends what it says. */
const proveBy = (path: string) =>
  page.evaluate<{ status: number; slug?: string }>(`(async () => {
    const post = (path, body) => fetch(path, { method: 'POST', headers: { 'content-type': 'application/json' }, body: body && JSON.stringify(body) });
    const options = await (await post('${path}/options')).json();
    const publicKey = PublicKeyCredential.parseRequestOptionsFromJSON(options);
    const credential = await navigator.credentials.get({ publicKey });
    const answer = await post('${path}', { passkey: credential.toJSON() });
    return { status: answer.status, slug: (await answer.json()).slug };
  })()`);

const addPasskey = () =>
  page.evaluate<{ status: number; body: { recoveryCodes: string[] } }>(`(async () => {
    const post = (path, body) => fetch(path, { method: 'POST', headers: { 'content-type': 'application/json' }, body: body && JSON.stringify(body) });
    const options = await (await post('/v1/passkeys/options')).json();
    const publicKey = PublicKeyCredential.parseCreationOptionsFromJSON(options);
    const credential = await navigator.credentials.create({ publicKey });
    const answer = await post('/v1/passkeys', { name: 'This browser', credential: credential.toJSON() });
    return { status: answer.status, body: await answer.json() };
  })()`);

/** A person of their own in the browser, signed in by password, with an authenticator that has a passkey of theirs. */
async function open(name: string) {
  const email = `${name}@chromium.example`;
  const person = { organizationName: 'Harbor', givenName: 'Olive', familyName: 'Owner', email, password: PASSWORD };
  const authenticatorId = await addAuthenticator();
  await page.open(`${origin}/reset-password`);
  expect((await ask('POST', '/v1/setup', { ...person, code: await issueSetupCode(t.owner) })).status).toBe(201);
  expect((await ask('POST', '/v1/session', { email, password: PASSWORD })).status).toBe(201);
  expect((await ask('GET', '/v1/organization')).body.slug).toBe('enrol-second-factor');
  const added = await addPasskey();
  expect([added.status, added.body.recoveryCodes?.length]).toEqual([201, 10]);
  return { email, authenticatorId, close: () => page.command('WebAuthn.removeVirtualAuthenticator', { authenticatorId }) };
}

describe.skipIf(!CHROMIUM)('AUT-5: in Chromium, a passkey', () => {
  test('is added on http://localhost, signs in without a password, and steps up', async () => {
    const { close } = await open('signs-in');
    expect((await ask('GET', '/v1/organization')).status).toBe(200);
    expect((await ask('DELETE', '/v1/session')).status).toBe(200);
    expect((await ask('GET', '/v1/organization')).status).toBe(401);
    expect(await proveBy('/v1/session/passkey')).toMatchObject({ status: 201 });
    expect((await ask('GET', '/v1/organization')).status).toBe(200);
    expect(await proveBy('/v1/session/step-up/passkey')).toMatchObject({ status: 200 });
    expect((await ask('GET', '/v1/passkeys')).body.items).toMatchObject([{ name: 'This browser' }]);
    await close();
  });

  test('is not shown for a person whom the device does not recognise', async () => {
    const { authenticatorId, close } = await open('not-verified');
    await page.command('WebAuthn.setUserVerified', { authenticatorId, isUserVerified: false });
    await expect(proveBy('/v1/session/step-up/passkey')).rejects.toThrow('NotAllowedError');
    await close();
  });

  test('is not asked for by a page of another host', async () => {
    const { close } = await open('other-host');
    await page.open(`${origin.replace('localhost', '127.0.0.1')}/reset-password`);
    await expect(
      page.evaluate(`navigator.credentials.get({ publicKey: { challenge: new Uint8Array(32), rpId: 'localhost' } })`),
    ).rejects.toThrow('SecurityError');
    await close();
  });

  test('AUT-7: is the second factor of a new password, on the page of the link, which leaves no token in the address', async () => {
    const { email, close } = await open('forgot');
    expect((await ask('POST', '/v1/password-resets', { email })).status).toBe(202);
    await eventually('the link arrives', () => Promise.resolve(post.to(email).length === 1));
    await page.open(/http:\S+/.exec(post.to(email)[0]?.body ?? '')?.[0] ?? '');
    expect(await page.evaluate('location.href')).toBe(`${origin}/reset-password`);
    const said = () => page.evaluate<string>(`document.getElementById('said').textContent`);
    const submit = `document.getElementById('form').requestSubmit()`;
    await page.evaluate(`document.getElementById('password').value = 'another slow green harbour'; ${submit}`);
    await eventually('the page asks for it', async () => /second factor/.test(await said()));
    expect(await page.evaluate(`document.getElementById('factor').hidden`)).toBe(false);
    await page.evaluate(`document.getElementById('passkey').click()`);
    await eventually('it is changed', async () => /password is changed.*left: 10.*passkeys still sign in/.test(await said()));
    expect(await page.evaluate(`document.getElementById('left').textContent`)).toContain('This browser, since ');
    // It signed nobody in, and ended what there was.
    expect((await ask('GET', '/v1/session')).status).toBe(401);
    expect(await proveBy('/v1/session/passkey')).toMatchObject({ status: 201 });
    await close();
  });
});

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return port;
}
