import { createTestDatabase, type TestDatabase } from '@medspa/testing';
import { v7 as newId } from 'uuid';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { aBrowser } from '../../../test/browser.ts';
import { openPremises, type Reply } from '../../../test/devices.ts';
import { testApp } from '../../../test/harness.ts';

let t: TestDatabase;
beforeAll(async () => {
  t = await createTestDatabase();
});
afterAll(() => t.drop());

async function open() {
  const premises = await openPremises(t);
  const manager = await premises.signedIn(await premises.anAccount());
  const { locationId } = premises.desk.clinic;
  const make = (changes = {}) => manager.send<Reply>('POST', '/v1/devices', { locationId, kind: 'kiosk', name: 'Entrance', ...changes });
  const enrol = (code: string, browser = aBrowser(premises.app)) => browser.send<Reply>('POST', '/v1/device', { code });
  return { ...premises, manager, locationId, make, enrol };
}

describe('AUT-9: a device', () => {
  test('is enrolled with a code that a manager made, once, in any spelling, within ten minutes', async () => {
    const { make, enrol, manager, clock, app, locationId } = await open();
    const made = await make();
    expect([made.status, made.body]).toMatchObject([201, { kind: 'kiosk', enrolledAt: null, codeExpiresAt: '2026-03-02T12:10:00.000Z' }]);
    expect(made.body.code).toMatch(/^[A-Z2-7]{4}(-[A-Z2-7]{4}){3}$/);
    const tablet = aBrowser(app);
    const { status, body, headers } = await enrol(` ${made.body.code.toLowerCase().replaceAll('-', ' ')}`, tablet);
    const own = {
      id: made.body.id,
      locationId,
      kind: 'kiosk',
      name: 'Entrance',
      locationName: 'Main Street',
      people: [],
      isWithPatient: false,
    };
    expect([status, body]).toEqual([201, own]);
    expect(headers.get('set-cookie')).toMatch(
      /^__Host-device=[0-9a-f-]{36}\.[\w-]{43}; Max-Age=34560000; Path=\/; Secure; HttpOnly; SameSite=Strict$/,
    );
    expect((await tablet.send<Reply>('GET', '/v1/device')).body).toEqual(own);
    expect((await enrol(made.body.code)).body.slug).toBe('enrolment-refused');

    const late = await make();
    clock.pass(600);
    expect([(await enrol(late.body.code)).status, (await enrol('AAAA-AAAA-AAAA-AAAA')).status]).toEqual([403, 403]);
    const { items } = (await manager.send<Reply>('GET', '/v1/devices')).body;
    expect(items.map(({ enrolledAt, seenAt }) => [enrolledAt, seenAt])).toEqual([
      ['2026-03-02T12:00:00.000Z', '2026-03-02T12:00:00.000Z'],
      [null, null],
    ]);
    await tablet.send('GET', '/v1/device');
    expect((await manager.send<Reply>('GET', '/v1/devices')).body.items[0]?.seenAt).toBe('2026-03-02T12:10:00.000Z');
  });

  test('ends the session of whoever enrols it in their own browser: it is a device and nobody', async () => {
    const { make, manager, enrol, app } = await open();
    const { body } = await make();
    const session = manager.cookie;
    const { status, headers } = await enrol(body.code, manager);
    const [key, ended] = headers.getSetCookie();
    expect([status, ended]).toEqual([201, '__Host-session=; Max-Age=0; Path=/; Secure; HttpOnly; SameSite=Strict']);
    expect((await aBrowser(app, key?.split(';')[0]).send<Reply>('GET', '/v1/session')).body.slug).toBe('not-permitted');
    expect((await aBrowser(app, session).send<Reply>('GET', '/v1/session')).body.slug).toBe('not-authenticated');
  });

  test('is one: of ten at once with the same code one is enrolled', async () => {
    const { make, enrol } = await open();
    const { code } = (await make()).body;
    const answers = await Promise.all(Array.from({ length: 10 }, () => enrol(code)));
    expect(answers.map(({ status }) => status).toSorted((a, b) => a - b)).toEqual([201, ...Array.from({ length: 9 }, () => 403)]);
  });

  test('is nothing any more once it is revoked, from its next request on, and so is a code', async () => {
    const { make, enrol, manager, aDevice, clock } = await open();
    const { id, browser } = await aDevice(manager, 'kiosk');
    const unused = (await make()).body;
    clock.pass(1);
    for (const one of [id, unused.id])
      expect((await manager.send<Reply>('DELETE', `/v1/devices/${one}`)).body).toMatchObject({
        id: one,
        revokedAt: '2026-03-02T12:00:01.000Z',
      });
    clock.pass(1);
    expect((await manager.send<Reply>('DELETE', `/v1/devices/${id}`)).body.revokedAt).toBe('2026-03-02T12:00:01.000Z');
    expect((await browser.send('GET', '/v1/device')).status).toBe(401);
    expect((await enrol(unused.code)).status).toBe(403);
  });

  test('leaves neither its key nor its code in the database', async () => {
    const { manager, aDevice } = await open();
    const { browser } = await aDevice(manager, 'kiosk');
    const key = browser.device?.split('.').at(-1) ?? '';
    const tables = ['device', 'device_use', 'audit_log'];
    for (const table of tables) {
      const [row] = await t.look<{ text: string }>(`SELECT string_agg(r::text, ' ') AS text FROM ${table} r`);
      expect(key).toHaveLength(43);
      expect(row?.text).not.toContain(key);
    }
  });

  test('is made by whoever may, at their location, with a proof of the last five minutes', async () => {
    const { make, manager, clock, desk, locationId } = await open();
    const device = { locationId, kind: 'kiosk', name: 'Entrance' };
    const refusedTo = async (as: Parameters<typeof testApp>[1]) => {
      const { status, body } = await testApp(t.database, as).send<Reply>('POST', '/v1/devices', device);
      return [status, body.slug];
    };
    expect(await refusedTo({ as: { ...desk.clinic, permissions: ['device:read'] } })).toEqual([403, 'not-permitted']);
    expect(await refusedTo({ as: null })).toEqual([401, 'not-authenticated']);
    expect((await make({ locationId: newId() })).body.slug).toBe('not-found');
    const other = await open();
    expect((await make({ locationId: other.locationId })).body.slug).toBe('not-found');
    expect((await make({ kind: 'spaceship' })).status).toBe(400);
    expect((await make({ surprise: true })).status).toBe(400);
    clock.pass(301);
    expect((await make()).body.slug).toBe('step-up-required');
    expect((await manager.send<Reply>('DELETE', `/v1/devices/${newId()}`)).body.slug).toBe('step-up-required');
    expect(await t.look('SELECT FROM device WHERE organization_id = $1', [desk.clinic.organizationId])).toEqual([]);
  });

  test('of another organization is not there, for its list and for revoking', async () => {
    const [one, other] = [await open(), await open()];
    const { id, browser } = await one.aDevice(one.manager, 'kiosk');
    expect((await other.manager.send<Reply>('DELETE', `/v1/devices/${id}`)).body.slug).toBe('not-found');
    expect((await other.manager.send<Reply>('GET', '/v1/devices')).body.items).toEqual([]);
    expect((await other.manager.send<Reply>('GET', `/v1/devices?cursor=${id}`)).status).toBe(404);
    // Its key beside the name of another organization opens nothing.
    const foreign = aBrowser(one.app);
    foreign.device = `__Host-device=${other.desk.clinic.organizationId}.${browser.device?.split('.').at(-1) ?? ''}`;
    expect((await foreign.send('GET', '/v1/device')).status).toBe(401);
  });

  test("is not led by another site's page (WEB-1)", async () => {
    const { manager, aDevice } = await open();
    const { browser } = await aDevice(manager, 'kiosk');
    const headers = { cookie: browser.device ?? '' };
    const { app } = await open();
    for (const more of [undefined, { 'sec-fetch-site': 'cross-site' }, { 'sec-fetch-site': 'same-site' }]) {
      const { body } = await app.send<Reply>(
        'POST',
        '/v1/kiosk/check-in',
        { givenName: 'A', familyName: 'B', phone: '+12125550147' },
        { ...headers, ...more },
      );
      expect(body.slug).toBe('origin-refused');
    }
  });
});
