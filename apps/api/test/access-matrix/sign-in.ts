import type { PasskeyRequest } from '@medspa/contracts';
import { NOW, type Clinic, type TestDatabase } from '@medspa/testing';
import { totpCode, totpStep } from '../../src/platform/totp.ts';
import { aDevice as anAuthenticator } from '../authenticator.ts';
import { aBrowser, addPasskey, PASSWORD } from '../browser.ts';
import { RELYING_PARTY, testApp } from '../harness.ts';
import { exampleRequest, requestOf, SIGN_IN_OPERATIONS, type ValidRequest } from '../requests.ts';
import { deskOf } from '../visits.ts';
import type { Asker, AskerFactory, StaffAsker } from './askers.ts';

/** Of an operation, such as `GET /v1/session`. */
export type Name = `${string} ${string}`;
/** What one operation is asked with: its parts that differ from the documentation's example, and who asks it. */
type Asked = Partial<Pick<ValidRequest, 'params' | 'query' | 'body'>>;
/** By the names of `Askers`, who asks an operation that is about who asks. */
type OwnAskers = { staff?: StaffAsker; sharedDevice?: Asker; kiosk?: Asker; handedDevice?: Asker };

const PIN = '907316';

/**
 * A request for every operation about who asks that is not open to anybody. Each is asked by a person and by devices of its own, so that
 * none misses what another ends. `visit` is of the patient in whose hands devices are.
 */
export async function signInRequests(
  t: TestDatabase,
  clinic: Clinic,
  make: AskerFactory,
  visit: { appointmentId: string; patientId: string },
): Promise<{ requests: Map<string, ValidRequest>; askers: Map<string, OwnAskers> }> {
  const requests = new Map<string, ValidRequest>();
  const askers = new Map<string, OwnAskers>();
  const app = testApp(t.database, { as: 'session', now: () => NOW });
  const book = async (patientId: string, hour: number) =>
    (await deskOf(t, { ...clinic, providerIds: [] }, patientId, () => NOW).booked(`2026-03-02T${hour}:00:00Z`)).id;

  function ask(name: Name, asked: Asked, by: OwnAskers): void {
    const call = SIGN_IN_OPERATIONS.get(name);
    if (!call) throw new Error(`There is no operation ${name}.`);
    const example = exampleRequest(call);
    const body = example.body && { ...example.body, ...asked.body };
    requests.set(name, requestOf(call, { params: asked.params ?? {}, query: asked.query ?? {}, body }));
    askers.set(name, by);
  }

  /** Asked by staff, each about what is theirs. */
  async function byOwner(name: Name, asked: (owner: StaffAsker) => Asked | Promise<Asked> = () => ({})): Promise<void> {
    const owner = await make.anOwner();
    ask(name, await asked(owner), { staff: owner });
  }

  await byOwner('GET /v1/session');
  await byOwner('DELETE /v1/session');
  await byOwner('POST /v1/session/step-up', ({ recoveryCode }) => ({ body: { password: PASSWORD, code: recoveryCode } }));
  await byOwner('PUT /v1/session/password');
  await byOwner('PUT /v1/session/pin');
  await byOwner('POST /v1/session/totp');
  await byOwner('DELETE /v1/session/totp');
  await byOwner('POST /v1/session/totp/confirmation', () => ({ body: { code: totpCode(Buffer.alloc(20), totpStep(NOW)) } }));
  await byOwner('POST /v1/session/recovery-codes');
  await byOwner('GET /v1/sessions', ({ sessionId }) => ({ query: { cursor: sessionId } }));
  await byOwner('DELETE /v1/sessions');
  await byOwner('DELETE /v1/sessions/{id}', async ({ id }) => ({ params: { id: (await make.anotherSession(id)).sessionId } }));
  await byOwner('POST /v1/session/step-up/passkey/options');
  await byOwner('POST /v1/session/step-up/passkey', async ({ headers }) => {
    const [browser, authenticator] = [aBrowser(app, headers['cookie']), anAuthenticator(RELYING_PARTY.origins[0] ?? '')];
    await addPasskey(browser, authenticator);
    const { body } = await browser.send<PasskeyRequest>('POST', '/v1/session/step-up/passkey/options');
    return { body: { passkey: authenticator.get(body) } };
  });
  await byOwner('GET /v1/passkeys', ({ passkeyId }) => ({ query: { cursor: passkeyId } }));
  await byOwner('POST /v1/passkeys/options');
  await byOwner('POST /v1/passkeys', async ({ headers }) => ({ body: { credential: await aCredential(app, headers, '/v1') } }));
  await byOwner('PATCH /v1/passkeys/{id}', ({ passkeyId }) => ({ params: { id: passkeyId } }));
  await byOwner('DELETE /v1/passkeys/{id}', ({ passkeyId }) => ({ params: { id: passkeyId } }));

  const { locationId } = clinic;
  await byOwner('GET /v1/devices', async () => ({ query: { cursor: (await make.aDevice('kiosk')).id } }));
  await byOwner('POST /v1/devices', () => ({ body: { locationId } }));
  await byOwner('DELETE /v1/devices/{id}', async () => ({ params: { id: (await make.aDevice('kiosk')).id } }));
  const aKey = () => make.aKey(['organization:read']);
  await byOwner('GET /v1/api-keys', async () => ({ query: { cursor: (await aKey()).id } }));
  await byOwner('POST /v1/api-keys', () => ({ body: { locationIds: [locationId] } }));
  await byOwner('DELETE /v1/api-keys/{id}', async () => ({ params: { id: (await aKey()).id } }));

  /** Staff who signed in on a shared device. */
  const onDevice = async () => make.anOwner({ deviceId: (await make.aDevice('shared-device')).id });
  ask('POST /v1/device/lock', {}, { staff: await onDevice() });
  const handedOver = { appointmentId: await book(visit.patientId, 15) };
  ask('POST /v1/device/hand-over', { body: handedOver }, { staff: await onDevice() });

  /** Devices of each kind, which may all be asked for the same. */
  const devices = async (handed = visit) => ({
    sharedDevice: await make.aDevice('shared-device'),
    kiosk: await make.aDevice('kiosk'),
    handedDevice: await make.aDevice('kiosk', handed),
  });
  const unlocked = await devices();
  const back = await make.anOwner();
  await aBrowser(app, back.headers['cookie']).send('PUT', '/v1/session/pin', { pin: PIN });
  for (const { id } of Object.values(unlocked)) await make.anotherSession(back.id, id);
  ask('GET /v1/device', {}, await devices());
  ask('POST /v1/device/unlock', { body: { staffId: back.id, pin: PIN } }, unlocked);
  const guest = { givenName: 'Kira', familyName: 'Kiosk', birthDate: '1990-05-01', phone: '+12125550147' };
  const known = await testApp(t.database, { as: clinic, now: () => NOW }).send<{ id: string }>('POST', '/v1/patients', guest);
  await book(known.body.id, 16);
  ask('POST /v1/kiosk/check-in', { body: guest }, await devices());
  ask('GET /v1/check-in', {}, await devices());
  ask('DELETE /v1/check-in', {}, await devices());
  const arriving = { ...visit, appointmentId: await book(visit.patientId, 17) };
  ask('POST /v1/check-in/arrival', {}, await devices(arriving));
  return { requests, askers };
}

/** A new passkey for whoever has these headers, on a challenge that was issued to them. */
export async function aCredential(app: ReturnType<typeof testApp>, headers: Asker['headers'], below: '/v1' | '/v1/portal') {
  const { body } = await app.send<Parameters<ReturnType<typeof anAuthenticator>['create']>[0]>(
    'POST',
    `${below}/passkeys/options`,
    undefined,
    headers,
  );
  return anAuthenticator(RELYING_PARTY.origins[0] ?? '').create(body);
}
