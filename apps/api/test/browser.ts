import type { Passkey, PasskeyCreation, PasskeyRequest, ProblemDocument, SignedIn } from '@medspa/contracts';
import { issueSetupCode } from '@medspa/database/migrate';
import type { TestDatabase } from '@medspa/testing';
import { randomUUID } from 'node:crypto';
import { aDevice, type Device } from './authenticator.ts';
import { RELYING_PARTY, testApp, type Answer, type TestApp, type TestAppOptions } from './harness.ts';

/** Where the pages of the test's service come from. */
export const OWN_ORIGIN = 'http://127.0.0.1:8080';
export const PASSWORD = 'slow green harbour morning';
const FIREFOX = 'Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0';

type Body = SignedIn & ProblemDocument;

/** What a person's browser does: it keeps the cookie, and says where its requests come from. */
export type Browser = {
  cookie: string | null;
  send: <Reply = Body>(method: string, path: string, body?: object, headers?: Record<string, string>) => Promise<Answer<Reply>>;
};

export function aBrowser(app: TestApp, cookie: string | null = null): Browser {
  const browser: Browser = {
    cookie,
    send: async <Reply = Body>(method: string, path: string, body?: object, headers: Record<string, string> = {}) => {
      const kept: Record<string, string> = browser.cookie === null ? {} : { cookie: browser.cookie };
      const answer = await app.send<Reply>(method, path, body, { origin: OWN_ORIGIN, 'user-agent': FIREFOX, ...kept, ...headers });
      const given = answer.headers.get('set-cookie')?.split(';')[0];
      if (given) browser.cookie = given.endsWith('=') ? null : given;
      return answer;
    },
  };
  return browser;
}

/** Somebody who made an organization, and has yet to sign in. */
export type Owner = { app: TestApp; email: string; organizationId: string; staffId: string; browser: () => Browser };

/** Makes an organization as its first person does: with a code of the operator. */
export async function anOwner(t: TestDatabase, options: TestAppOptions = {}): Promise<Owner> {
  const app = testApp(t.database, { as: 'session', ...options });
  const email = `owner-${randomUUID()}@clinic.example`;
  const person = { givenName: 'Olive', familyName: 'Owner', email, password: PASSWORD, organizationName: 'Harbor Aesthetics' };
  const made = await app.send<{ organizationId: string; staffId: string }>('POST', '/v1/setup', {
    ...person,
    code: await issueSetupCode(t.owner),
  });
  if (made.status !== 201) throw new Error(`No organization was made: ${made.text}`);
  return { app, email, ...made.body, browser: () => aBrowser(app) };
}

/** The owner in a browser, signed in by password alone: nothing but their account is open (HIP-8). */
export async function aSignedInOwner(t: TestDatabase, options: TestAppOptions = {}): Promise<Owner & { signedIn: Browser }> {
  const owner = await anOwner(t, options);
  const signedIn = owner.browser();
  const { status, text } = await signedIn.send('POST', '/v1/session', { email: owner.email, password: PASSWORD });
  if (status !== 201) throw new Error(`The owner is not signed in: ${text}`);
  return { ...owner, signedIn };
}

/** The same with a passkey, which lets them work. `signIn` signs in with it in another browser. */
export type SecuredOwner = Owner & { signedIn: Browser; device: Device; recoveryCodes: string[]; signIn: () => Promise<Browser> };

export async function aSecuredOwner(t: TestDatabase, options: TestAppOptions = {}): Promise<SecuredOwner> {
  const owner = await aSignedInOwner(t, options);
  const device = aDevice(RELYING_PARTY.origins[0] ?? '');
  const { recoveryCodes } = await addPasskey(owner.signedIn, device);
  const signIn = async () => {
    const browser = owner.browser();
    const { body } = await browser.send<PasskeyRequest>('POST', '/v1/session/passkey/options');
    const { status, text } = await browser.send('POST', '/v1/session/passkey', { passkey: device.get(body) });
    if (status !== 201) throw new Error(`The owner is not signed in: ${text}`);
    return browser;
  };
  return { ...owner, device, recoveryCodes, signIn };
}

/** Adds the passkey of a device for whoever is signed in. */
export async function addPasskey(signedIn: Browser, device: Device, name = 'Phone') {
  const { body: options } = await signedIn.send<PasskeyCreation>('POST', '/v1/passkeys/options');
  const added = await signedIn.send<{ passkey: Passkey; recoveryCodes: string[] }>('POST', '/v1/passkeys', {
    name,
    credential: device.create(options),
  });
  if (added.status !== 201) throw new Error(`No passkey was added: ${added.text}`);
  return added.body;
}

const ALPHABET = 'ABCDEFGHIJKLMNOPQRSTUVWXYZ234567';
/** What an app does with the secret that it is shown. */
export function fromBase32(text: string): Buffer {
  const bits = Array.from(text, (sign) => ALPHABET.indexOf(sign).toString(2).padStart(5, '0')).join('');
  return Buffer.from((bits.match(/.{8}/g) ?? []).map((byte) => Number.parseInt(byte, 2)));
}
