import type { Passkey, PasskeyCreation, PasskeyRequest, ProblemDocument, Role, SignedIn } from '@medspa/contracts';
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

/** What a person's browser does: it keeps the cookies of session and device, and says where its requests come from. */
export type Browser = {
  cookie: string | null;
  device: string | null;
  send: <Reply = Body>(method: string, path: string, body?: object, headers?: Record<string, string>) => Promise<Answer<Reply>>;
};

export function aBrowser(app: TestApp, cookie: string | null = null): Browser {
  const browser: Browser = {
    cookie,
    device: null,
    send: async <Reply = Body>(method: string, path: string, body?: object, headers: Record<string, string> = {}) => {
      const cookies = [browser.cookie, browser.device].filter((one) => one !== null).join('; ');
      const kept: Record<string, string> = cookies === '' ? {} : { cookie: cookies };
      const answer = await app.send<Reply>(method, path, body, { origin: OWN_ORIGIN, 'user-agent': FIREFOX, ...kept, ...headers });
      const given = answer.headers.get('set-cookie')?.split(';')[0];
      if (given) browser[given.startsWith('__Host-device=') ? 'device' : 'cookie'] = given.endsWith('=') ? null : given;
      return answer;
    },
  };
  return browser;
}

/** Somebody who made an organization, and has yet to sign in. */
export type Owner = { app: TestApp; email: string; organizationId: string; staffId: string; browser: () => Browser };

/** Makes an organization as its first person does: with a code of the operator. */
export async function anOwner(
  t: TestDatabase,
  options: TestAppOptions = {},
  email = `owner-${randomUUID()}@clinic.example`,
): Promise<Owner> {
  const app = testApp(t.database, { as: 'session', ...options });
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

/** With a passkey, which lets people work. `signIn` signs in with it in another browser. */
type Secured = { signedIn: Browser; device: Device; recoveryCodes: string[]; signIn: () => Promise<Browser> };

/** The owner with a passkey. */
export type SecuredOwner = Owner & Secured;

export async function aSecuredOwner(t: TestDatabase, options: TestAppOptions = {}): Promise<SecuredOwner> {
  const owner = await aSignedInOwner(t, options);
  return { ...owner, ...(await secure(owner.app, owner.signedIn)) };
}

async function secure(app: TestApp, signedIn: Browser): Promise<Secured> {
  const device = aDevice(RELYING_PARTY.origins[0] ?? '');
  const { recoveryCodes } = await addPasskey(signedIn, device);
  const signIn = async () => {
    const browser = aBrowser(app);
    const { body } = await browser.send<PasskeyRequest>('POST', '/v1/session/passkey/options');
    const { status, text } = await browser.send('POST', '/v1/session/passkey', { passkey: device.get(body) });
    if (status !== 201) throw new Error(`Nobody is signed in: ${text}`);
    return browser;
  };
  return { signedIn, device, recoveryCodes, signIn };
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

/** Somebody whom a signed-in person hired, gave roles and invited, signed in and with a passkey. */
export type Colleague = Secured & { staffId: string; email: string };
export type Given = { role: Role | (string & {}); locationId?: string };

export async function aColleague({ app, signedIn }: { app: TestApp; signedIn: Browser }, ...roles: Given[]): Promise<Colleague> {
  const { staffId, email } = await aHired(signedIn, ...roles);
  const invited = await signedIn.send<{ link: string }>('POST', '/v1/invitations', { staffId, delivery: 'link' });
  const accepted = await app.send('POST', '/v1/invitations/acceptance', { ...linkIn(invited.body.link), password: PASSWORD });
  if (accepted.status !== 201) throw new Error(`Nobody was invited: ${invited.text}, ${accepted.text}`);
  const browser = aBrowser(app);
  const { status, text } = await browser.send('POST', '/v1/session', { email, password: PASSWORD });
  if (status !== 201) throw new Error(`The colleague is not signed in: ${text}`);
  return { staffId, email, ...(await secure(app, browser)) };
}

/** Somebody with an address and roles, who has no account yet. */
export async function aHired(by: Browser, ...roles: Given[]): Promise<{ staffId: string; email: string }> {
  const email = `colleague-${randomUUID()}@clinic.example`;
  const person = { givenName: 'Cole', familyName: 'League', jobTitle: 'Colleague', email };
  const { id: staffId } = (await by.send<{ id: string }>('POST', '/v1/staff', person)).body;
  for (const given of roles) {
    const { status, text } = await by.send('POST', '/v1/role-assignments', { staffId, ...given });
    if (status !== 201) throw new Error(`The role was not given: ${text}`);
  }
  return { staffId, email };
}

/** Has an owner leave, once somebody else is one too. */
export async function leave(owner: { app: TestApp; signedIn: Browser; staffId: string }): Promise<Answer<Body>> {
  await aColleague(owner, { role: 'owner' });
  return owner.signedIn.send('POST', `/v1/staff/${owner.staffId}/off-boarding`);
}

/** What is behind the # of a link. */
export function linkIn(link: string): { organizationId: string; token: string } {
  const [organizationId = '', token = ''] = link.split('#')[1]?.split('.') ?? [];
  return { organizationId, token };
}
