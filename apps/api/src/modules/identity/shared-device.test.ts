import { createTestDatabase, type TestDatabase } from '@medspa/testing';
import { v7 as newId } from 'uuid';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { aBrowser, type Browser } from '../../../test/browser.ts';
import { openPremises, type Account, type Premises, type Reply } from '../../../test/devices.ts';
import { isCommonPin } from './rules.ts';

let t: TestDatabase;
beforeAll(async () => {
  t = await createTestDatabase();
});
afterAll(() => t.drop());

const PIN = '907316';

/** A shared tablet; the owner, who has a PIN, is signed in on it. */
async function aTablet() {
  const premises = await openPremises(t);
  const owner = await premises.anAccount();
  const manager = await premises.signedIn(owner);
  const { id, browser: tablet } = await premises.aDevice(manager, 'shared-device');
  await premises.signedIn(owner, tablet);
  expect((await tablet.send<Reply>('PUT', '/v1/session/pin', { pin: PIN })).status).toBe(200);
  const unlock = ({ staffId }: Pick<Account, 'staffId'>, pin = PIN) => tablet.send<Reply>('POST', '/v1/device/unlock', { staffId, pin });
  const lock = () => tablet.send<Reply>('POST', '/v1/device/lock');
  return { ...premises, owner, manager, tabletId: id, tablet, unlock, lock };
}
const slugOf = async (answer: Promise<{ status: number; body: Reply }>) => {
  const { status, body } = await answer;
  return [status, body.slug];
};
const whoIs = async (browser: Browser) => {
  const { status, body } = await browser.send<Reply>('GET', '/v1/session');
  return status === 200 ? body.staffId : status;
};
/** Somebody else who has a PIN and signed in fully on the tablet. */
async function another({ anAccount, signedIn }: Premises, tablet: Browser): Promise<Account> {
  const person = await anAccount(newId());
  await signedIn(person, tablet);
  expect((await tablet.send('PUT', '/v1/session/pin', { pin: PIN })).status).toBe(200);
  return person;
}

describe('product 1.6: a shared device', () => {
  test('HIP-4: locks after five minutes without use, and a PIN goes on for twelve hours after signing in', async () => {
    const { owner, tablet, unlock, clock } = await aTablet();
    for (let minute = 0; minute < 12; minute += 4) {
      clock.pass(4 * 60);
      expect(await whoIs(tablet)).toBe(owner.staffId);
    }
    clock.pass(5 * 60);
    expect(await slugOf(tablet.send<Reply>('GET', '/v1/session'))).toEqual([403, 'not-permitted']);
    expect((await tablet.send<Reply>('GET', '/v1/device')).body.people).toEqual([
      { staffId: owner.staffId, givenName: 'Olive', familyName: 'Owner' },
    ]);
    expect((await unlock(owner)).body).toEqual({ staffId: owner.staffId });
    expect(await whoIs(tablet)).toBe(owner.staffId);
    clock.pass(11 * 3_600);
    expect((await unlock(owner)).status).toBe(200);
    clock.pass(3_600);
    expect(await slugOf(unlock(owner))).toEqual([403, 'full-sign-in-required']);
    expect((await tablet.send<Reply>('GET', '/v1/device')).body.people).toEqual([]);
  });

  test('is locked by hand, after which the old cookie opens nothing, and unlocking gives a new one', async () => {
    const { owner, tablet, unlock, lock } = await aTablet();
    const old = tablet.cookie;
    const locked = await lock();
    expect([locked.status, locked.body, locked.headers.get('set-cookie')]).toEqual([
      200,
      { isLocked: true },
      '__Host-session=; Max-Age=0; Path=/; Secure; HttpOnly; SameSite=Strict',
    ]);
    tablet.cookie = old;
    expect(await whoIs(tablet)).toBe(403);
    await unlock(owner);
    expect(tablet.cookie).not.toBe(old);
    expect(await whoIs(tablet)).toBe(owner.staffId);
    tablet.cookie = old;
    expect(await whoIs(tablet)).toBe(403);
  });

  test('switches to another person who signed in fully on it, and to nobody else', async () => {
    const premises = await aTablet();
    const { owner, tablet, unlock, lock, anAccount, signedIn } = premises;
    const ofOwner = tablet.cookie;
    const colleague = await another(premises, tablet);
    expect(await whoIs(tablet)).toBe(colleague.staffId);
    // Signing in locked who was there before.
    const thief = aBrowser(premises.app, ofOwner);
    expect(await whoIs(thief)).toBe(401);
    await lock();
    expect((await tablet.send<Reply>('GET', '/v1/device')).body.people.map(({ staffId }) => staffId)).toEqual([
      owner.staffId,
      colleague.staffId,
    ]);
    await unlock(owner);
    expect(await whoIs(tablet)).toBe(owner.staffId);
    await lock();

    // With a PIN, and signed in elsewhere only: on another tablet, or in a browser of their own.
    const stranger = await anAccount(newId());
    const own = await signedIn(stranger);
    await own.send('PUT', '/v1/session/pin', { pin: PIN });
    for (const who of [stranger, { staffId: newId() }]) expect(await slugOf(unlock(who))).toEqual([403, 'full-sign-in-required']);
  });

  test('is not gone on with by somebody who signed out of it', async () => {
    const { owner, tablet, unlock } = await aTablet();
    await tablet.send('DELETE', '/v1/session');
    expect(await slugOf(unlock(owner))).toEqual([403, 'full-sign-in-required']);
  });

  test('lets nobody unlock from a browser that is not it', async () => {
    const { owner, app, manager } = await aTablet();
    const pinOf = { staffId: owner.staffId, pin: PIN };
    expect((await aBrowser(app).send('POST', '/v1/device/unlock', pinOf)).status).toBe(401);
    expect(await slugOf(manager.send<Reply>('POST', '/v1/device/lock'))).toEqual([409, 'not-a-shared-device']);
  });

  test('that is revoked ends whoever is signed in on it', async () => {
    const { tablet, manager, tabletId } = await aTablet();
    await manager.send('DELETE', `/v1/devices/${tabletId}`);
    expect(await whoIs(tablet)).toBe(401);
    expect(await t.look('SELECT FROM staff_session WHERE device_id = $1', [tabletId])).toEqual([]);
  });
});

describe('a PIN', () => {
  test('is no proof: what wants one asks for the password after it, however fresh the last one is', async () => {
    const { owner, tablet, unlock, lock } = await aTablet();
    await lock();
    await unlock(owner);
    expect(await slugOf(tablet.send<Reply>('PUT', '/v1/session/pin', { pin: '264813' }))).toEqual([403, 'step-up-required']);
    expect((await tablet.send('POST', '/v1/session/step-up', owner.proof())).status).toBe(200);
    expect((await tablet.send('PUT', '/v1/session/pin', { pin: '264813' })).status).toBe(200);
  });

  test('is tried five times in a row; then its person signs in fully on that device, and begins anew', async () => {
    const { owner, tablet, unlock, lock, signedIn } = await aTablet();
    await lock();
    for (let wrong = 0; wrong < 4; wrong++) expect(await slugOf(unlock(owner, '111112'))).toEqual([401, 'wrong-pin']);
    expect((await unlock(owner)).status).toBe(200);
    await lock();
    for (let wrong = 0; wrong < 5; wrong++) expect(await slugOf(unlock(owner, '111112'))).toEqual([401, 'wrong-pin']);
    expect(await slugOf(unlock(owner))).toEqual([403, 'full-sign-in-required']);
    expect((await tablet.send<Reply>('GET', '/v1/device')).body.people).toEqual([]);
    await signedIn(owner, tablet);
    await lock();
    expect((await unlock(owner)).status).toBe(200);
  });

  test('that is wrong forty times at once is tried five times', async () => {
    const { owner, unlock, lock } = await aTablet();
    await lock();
    const answers = await Promise.all(Array.from({ length: 40 }, () => unlock(owner, '111112')));
    const count = (status: number) => answers.filter((answer) => answer.status === status).length;
    expect({ tried: count(401), refused: count(403) }).toEqual({ tried: 5, refused: 35 });
    // HIP-6: each that was tried is on record, with the device that it was tried on.
    const tried = await t.look(
      `SELECT FROM audit_log WHERE table_name = 'staff_account' AND action = 'device.unlock' AND row_id::text LIKE $1`,
      [`%${owner.staffId}%`],
    );
    expect(tried).toHaveLength(5);
  }, 30_000);

  test('is kept as argon2id over a hash with our key, and neither it nor the hash is in the audit log', async () => {
    const { owner } = await aTablet();
    const [row] = await t.look<{ pin_hash: string }>('SELECT pin_hash FROM staff_pin WHERE staff_id = $1', [owner.staffId]);
    expect(row?.pin_hash).toMatch(/^\$argon2id\$v=19\$m=19456,t=2,p=1\$/);
    const { verify } = await import('@node-rs/argon2');
    expect(await verify(row?.pin_hash ?? '', PIN)).toBe(false);
    const written = await t.look<{ table_name: string; text: string }>(
      `SELECT table_name, (before, after)::text AS text FROM audit_log WHERE organization_id = (SELECT organization_id FROM staff_pin WHERE staff_id = $1) AND action = 'account.pin'`,
      [owner.staffId],
    );
    expect(written.map(({ table_name }) => table_name)).toEqual(['staff_account']);
    expect(written[0]?.text).not.toMatch(/argon2id|907316/);
  });

  test('that many people choose is refused', async () => {
    const { tablet } = await aTablet();
    const { status, body } = await tablet.send<Reply>('PUT', '/v1/session/pin', { pin: '123456' });
    expect([status, body.slug, body.errors?.[0]?.pointer]).toEqual([422, 'pin-too-common', '/pin']);
    const common = '000000 123456 654321 789012 121212 123123 112233 111222 123321 123789 120487 870412 041287 198704 041987 147258 007007';
    for (const pin of common.split(' ')) expect(isCommonPin(pin), pin).toBe(true);
    for (const pin of ['907316', '264813', '583960', '730952']) expect(isCommonPin(pin), pin).toBe(false);
    for (const pin of ['12345', '1234567', '12345a', '１２３４５６'])
      expect((await tablet.send('PUT', '/v1/session/pin', { pin })).status, pin).toBe(400);
  });

  test('ends with its person: off-boarding ends PIN, sessions on every device and unused codes, from the next request on', async () => {
    const premises = await aTablet();
    const { tablet, unlock, manager, owner, aDevice } = premises;
    const leaver = await another(premises, tablet);
    const { browser: second } = await aDevice(manager, 'shared-device');
    await premises.signedIn(leaver, second);
    const made = await second.send<Reply>('POST', '/v1/devices', {
      locationId: premises.desk.clinic.locationId,
      kind: 'kiosk',
      name: 'Home',
    });
    expect(made.status).toBe(201);
    expect((await manager.send('POST', `/v1/staff/${leaver.staffId}/off-boarding`)).status).toBe(200);
    expect([await whoIs(tablet), await whoIs(second)]).toEqual([403, 403]);
    expect(await slugOf(unlock(leaver))).toEqual([403, 'full-sign-in-required']);
    expect((await unlock(owner)).status).toBe(200);
    expect((await aBrowser(premises.app).send('POST', '/v1/device', { code: made.body.code })).status).toBe(403);
    expect(await t.look('SELECT FROM staff_pin WHERE staff_id = $1', [leaver.staffId])).toEqual([]);
  });
});

describe('product 1.6: a device in the hands of a patient', () => {
  async function handedOver() {
    const premises = await aTablet();
    const { aPatient, aVisit, tablet } = premises;
    const [patient, other] = [await aPatient(), await aPatient()];
    const [visit, ofOther] = [await aVisit(patient), await aVisit(other)];
    const ofStaff = tablet.cookie;
    const given = await tablet.send<Reply>('POST', '/v1/device/hand-over', { appointmentId: visit.id });
    return { ...premises, patient, other, visit, ofOther, ofStaff, given };
  }

  test('opens their check-in and nothing else, not even with the cookie that staff had, and leaving takes a PIN', async () => {
    const { owner, tablet, unlock, patient, visit, ofOther, ofStaff, given, desk } = await handedOver();
    expect([given.status, given.body]).toEqual([
      201,
      { startsAt: visit.startsAt, status: 'booked', endsAt: '2026-03-02T12:30:00.000Z', idleSeconds: 90 },
    ]);
    expect(tablet.cookie).toBeNull();
    for (const cookie of [null, ofStaff]) {
      tablet.cookie = cookie;
      expect((await tablet.send<Reply>('GET', '/v1/check-in')).body).toEqual(given.body);
      for (const path of [
        '/v1/session',
        '/v1/patients',
        `/v1/patients/${patient.id}`,
        `/v1/appointments/${ofOther.id}`,
        `/v1/locations/${desk.clinic.locationId}/day`,
      ])
        expect((await tablet.send('GET', path)).status, path).toBe(403);
      expect((await tablet.send('POST', '/v1/kiosk/check-in', { givenName: 'A', familyName: 'B', birthDate: '1990-01-01' })).status).toBe(
        403,
      );
    }
    expect((await tablet.send<Reply>('GET', '/v1/device')).body.isWithPatient).toBe(true);
    expect(await slugOf(unlock(owner, '111112'))).toEqual([401, 'wrong-pin']);
    expect((await tablet.send('GET', '/v1/check-in')).status).toBe(200);
    expect((await unlock(owner)).status).toBe(200);
    expect(await whoIs(tablet)).toBe(owner.staffId);
    expect((await tablet.send('GET', '/v1/check-in')).status).not.toBe(200);
    expect(await t.look('SELECT FROM check_in WHERE patient_id = $1', [patient.id])).toEqual([]);
  });

  test('takes their arrival, and is locked after it', async () => {
    const { tablet, visit, desk, tabletId } = await handedOver();
    expect((await tablet.send<Reply>('POST', '/v1/check-in/arrival')).status).toBe(201);
    expect((await desk.read(visit)).status).toBe('arrived');
    const [change] = await t.look('SELECT actor_kind, actor_id FROM appointment_history WHERE appointment_id = $1 AND version = 2', [
      visit.id,
    ]);
    expect(change).toEqual({ actor_kind: 'shared-device', actor_id: tabletId });
    expect([(await tablet.send('GET', '/v1/check-in')).status, await whoIs(tablet)]).toEqual([403, 403]);
  });

  test('is theirs for half an hour', async () => {
    const { tablet, clock } = await handedOver();
    clock.pass(1_799);
    expect((await tablet.send('GET', '/v1/check-in')).status).toBe(200);
    clock.pass(1);
    expect((await tablet.send('GET', '/v1/check-in')).status).toBe(403);
  });

  test('is given by staff on a shared device, for a visit that is there', async () => {
    const { manager, tablet, aPatient, aVisit } = await aTablet();
    const visit = await aVisit(await aPatient());
    expect(await slugOf(manager.send<Reply>('POST', '/v1/device/hand-over', { appointmentId: visit.id }))).toEqual([
      409,
      'not-a-shared-device',
    ]);
    expect(await slugOf(tablet.send<Reply>('POST', '/v1/device/hand-over', { appointmentId: newId() }))).toEqual([404, 'not-found']);
    // Nothing was locked by what was refused.
    expect(await whoIs(tablet)).not.toBe(403);
  });
});
