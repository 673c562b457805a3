import { createHash } from 'node:crypto';
import { grant, type ApiKey, type NewApiKey, type ProblemDocument } from '@medspa/contracts';
import { createTestDatabase, testCodec, type TestDatabase } from '@medspa/testing';
import { v7 as newId } from 'uuid';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { OWN_ORIGIN, type Browser } from '../../../test/browser.ts';
import { openPremises } from '../../../test/devices.ts';
import { testApp } from '../../../test/harness.ts';
import { OPERATIONS, validRequests } from '../../../test/requests.ts';
import { createBreaker } from '../../platform/breaker.ts';
import { createKey } from './service/api-keys.ts';

type Reply = NewApiKey & ProblemDocument & { items: ApiKey[] };
let t: TestDatabase;
beforeAll(async () => {
  t = await createTestDatabase();
});
afterAll(() => t.drop());

async function open() {
  const premises = await openPremises(t);
  const owner = await premises.anAccount();
  const maker = await premises.signedIn(owner);
  const make = (changes: object = {}, by: Browser = maker) =>
    by.send<Reply>('POST', '/v1/api-keys', { name: 'Website', permissions: ['schedule:read'], ...changes });
  const get = (key: string, path = '/v1/rooms', headers = {}) =>
    premises.app.get<Reply>(path, { authorization: `Bearer ${key}`, ...headers });
  return { ...premises, owner, maker, make, get };
}

describe('product 1.9: a key of an integration', () => {
  test('does what it was given and nothing else, without a cookie and without an Origin', async () => {
    const { make, app, desk } = await open();
    const made = await make({ permissions: ['appointment:read', 'appointment:write', 'schedule:read'] });
    expect([made.status, made.body]).toMatchObject([
      201,
      {
        name: 'Website',
        locationIds: null,
        seenAt: null,
        revokedAt: null,
        createdBy: desk.clinic.actorId,
        expiresAt: '2027-03-02T12:00:00.000Z',
      },
    ]);
    const requests = await validRequests(t.database, desk.clinic);
    const authorization = { authorization: `Bearer ${made.body.key}` };
    const answered: string[] = [];
    for (const name of OPERATIONS.keys()) {
      const request = requests.get(name);
      if (!request) throw new Error(name);
      const { status } = await app.send(request.method, request.path, request.body, authorization);
      if (status !== 403) answered.push(name);
      expect([200, 201, 403], name).toContain(status);
    }
    expect(answered).toContain('GET /v1/rooms');
    expect(answered).toContain('POST /v1/appointments');
    expect(answered.filter((name) => !/appointments|rooms$|shift-rotations$|availability|day$|events(\/stream)?$/.test(name))).toEqual([]);
    for (const path of ['/v1/session', '/v1/sessions', '/v1/devices', '/v1/device', '/v1/api-keys', '/v1/check-in'])
      expect((await app.get(path, authorization)).status, path).toBe(403);
    const [written] = await t.look(
      'SELECT DISTINCT actor_kind, action FROM audit_log WHERE actor_id = $1 AND table_name = $2 AND operation = $3',
      [made.body.id, 'appointment', 'insert'],
    );
    expect(written).toEqual({ actor_kind: 'integration', action: 'appointment.book' });
  }, 60_000);

  test('has a form that scanners for secrets know, 256 random bits, and is stored as their hash alone', async () => {
    const { make, desk, maker } = await open();
    const { key, id } = (await make()).body;
    const [, secret = '', checksum] = /^medspa_[0-9a-f]{32}_([0-9a-f]{64})([0-9a-f]{8})$/.exec(key) ?? [];
    expect(createHash('sha256').update(key.slice(0, -8)).digest('hex').slice(0, 8)).toBe(checksum);
    expect(key).toContain(desk.clinic.organizationId.replaceAll('-', ''));
    const [row] = await t.look<{ secret_hash: Buffer }>('SELECT secret_hash FROM api_key WHERE id = $1', [id]);
    expect(row?.secret_hash.toString('hex')).toBe(createHash('sha256').update(secret).digest('hex'));
    for (const table of ['api_key', 'audit_log', 'idempotency_key']) {
      const [all] = await t.look<{ text: string | null }>(`SELECT string_agg(r::text, ' ') AS text FROM ${table} r`);
      expect(all?.text ?? '').not.toContain(secret);
    }
    const listed = await maker.send<Reply>('GET', '/v1/api-keys');
    expect(listed.body.items.map((item) => item.id)).toEqual([id]);
    expect(listed.text).not.toContain(secret);
  });

  test('that is wrong in any way has the one answer', async () => {
    const { make, app } = await open();
    const other = await open();
    const { key } = (await make()).body;
    const theirs = (await other.make()).body.key;
    const signed = (body: string) => body + createHash('sha256').update(body).digest('hex').slice(0, 8);
    const wrong = [
      '',
      'Bearer',
      'Bearer ',
      key,
      `Basic ${key}`,
      `Bearer ${key.slice(0, -1)}`,
      `Bearer ${key}0`,
      `Bearer ${key} ${key}`,
      `Bearer ${signed(`${key.slice(0, -9)}${key.at(-9) === '0' ? '1' : '0'}`)}`,
      // A secret of one organization with the name of another, and one of nobody.
      `Bearer ${signed(theirs.slice(0, 40) + key.slice(40, -8))}`,
      `Bearer ${signed(`medspa_${'0'.repeat(32)}_${'0'.repeat(64)}`)}`,
    ];
    const answers = new Set<string>();
    for (const authorization of wrong) {
      const { status, text } = await app.get('/v1/rooms', { authorization });
      expect(status, authorization).toBe(401);
      answers.add(text.replace(/"requestId":"[^"]+"/, ''));
    }
    expect(answers.size).toBe(1);
    expect((await app.get('/v1/rooms', { authorization: `Bearer ${key}` })).status).toBe(200);
  });

  test('is nobody beside a cookie, of a session or of a device', async () => {
    const { make, get, maker, aDevice } = await open();
    const { key } = (await make()).body;
    const { browser } = await aDevice(maker, 'kiosk');
    for (const cookie of [maker.cookie ?? '', browser.device ?? '', '__Host-session=x'])
      expect((await get(key, '/v1/rooms', { cookie })).status).toBe(401);
    expect((await get(key, '/v1/rooms', { cookie: 'theme=dark' })).status).toBe(200);
  });

  test('holds at its locations alone', async () => {
    const { make, get, desk } = await open();
    const { locationId, legalEntityId } = desk.clinic;
    const there = await desk.app.send<{ id: string }>('POST', '/v1/locations', {
      legalEntityId,
      name: 'Elsewhere',
      timeZone: 'America/New_York',
    });
    const { key } = (await make({ permissions: ['organization:read', 'appointment:read'], locationIds: [locationId] })).body;
    const seen = [locationId, there.body.id].map(async (id) => [
      (await get(key, `/v1/locations/${id}`)).status,
      (await get(key, `/v1/locations/${id}/day`)).status,
    ]);
    expect(await Promise.all(seen)).toEqual([
      [200, 200],
      [404, 404],
    ]);
    const { items } = (await get(key, '/v1/locations')).body;
    expect(items.map(({ id }) => id)).toEqual([locationId]);
  });

  test('ends when it is revoked, when its time is over, and with whoever made it, from the next request on', async () => {
    const { make, get, maker, clock, anAccount, signedIn } = await open();
    const [revoked, short] = [(await make()).body, (await make({ expiresInDays: 1 })).body];
    const colleague = await anAccount(newId());
    const theirs = (await make({}, await signedIn(colleague))).body;
    const all = async () => (await Promise.all([revoked, short, theirs].map(({ key }) => get(key)))).map(({ status }) => status);
    expect(await all()).toEqual([200, 200, 200]);
    const first = await maker.send<Reply>('DELETE', `/v1/api-keys/${revoked.id}`);
    expect(first.body.revokedAt).toBe('2026-03-02T12:00:00.000Z');
    clock.pass(1);
    expect((await maker.send<Reply>('DELETE', `/v1/api-keys/${revoked.id}`)).body.revokedAt).toBe(first.body.revokedAt);
    expect(await all()).toEqual([401, 200, 200]);
    await maker.send('POST', `/v1/staff/${colleague.staffId}/off-boarding`);
    expect(await all()).toEqual([401, 200, 401]);
    // Coming back gives nothing back.
    await maker.send('POST', `/v1/staff/${colleague.staffId}/reinstatement`);
    expect(await all()).toEqual([401, 200, 401]);
    clock.pass(86_398);
    expect(await all()).toEqual([401, 200, 401]);
    clock.pass(1);
    expect(await all()).toEqual([401, 401, 401]);
  });

  test('is given no more than its maker may do, nothing that gives access, and no more than two years', async () => {
    const { make, desk, clock } = await open();
    const limited = testApp(t.database, { as: { ...desk.clinic, permissions: ['api-key:write', 'schedule:read'] }, now: () => clock.at });
    const asked = (permissions: string[]) => limited.send<Reply>('POST', '/v1/api-keys', { name: 'Website', permissions });
    expect((await asked(['schedule:read'])).status).toBe(201);
    expect((await asked(['schedule:read', 'schedule:write'])).body.slug).toBe('beyond-own-permissions');
    for (const permission of [
      'account:secure',
      'account:read',
      'device:write',
      'api-key:write',
      'kiosk:check-in',
      'check-in:read',
      'everything',
    ])
      expect((await make({ permissions: [permission] })).status, permission).toBe(400);
    for (const wrong of [
      { permissions: [] },
      { expiresInDays: 731 },
      { expiresInDays: 0 },
      { locationIds: [] },
      { name: '' },
      { surprise: 1 },
    ])
      expect((await make(wrong)).status).toBe(400);
    const mixed = await make({ permissions: ['schedule:read', 'organization:write'], locationIds: [desk.clinic.locationId] });
    expect([mixed.status, mixed.body.errors?.[0]?.pointer]).toEqual([400, '/permissions/1']);
    const nowhere = await make({ locationIds: [desk.clinic.locationId, newId()] });
    expect([nowhere.status, nowhere.body.errors?.[0]?.pointer]).toEqual([404, '/locationIds/1']);
    clock.pass(301);
    expect((await make()).body.slug).toBe('step-up-required');
  });

  test('says when it was last used, to half a minute', async () => {
    const { make, get, maker, clock } = await open();
    const { key } = (await make()).body;
    const seenAt = async () => (await maker.send<Reply>('GET', '/v1/api-keys')).body.items[0]?.seenAt;
    await get(key);
    expect(await seenAt()).toBe('2026-03-02T12:00:00.000Z');
    clock.pass(29);
    await get(key);
    expect(await seenAt()).toBe('2026-03-02T12:00:00.000Z');
    clock.pass(1);
    await get(key);
    expect(await seenAt()).toBe('2026-03-02T12:00:30.000Z');
  });

  test("of another organization is not there; and another site's page may not use one", async () => {
    const [one, other] = [await open(), await open()];
    const { id, key } = (await one.make()).body;
    expect((await other.maker.send<Reply>('DELETE', `/v1/api-keys/${id}`)).body.slug).toBe('not-found');
    expect((await other.maker.send<Reply>('GET', '/v1/api-keys')).body.items).toEqual([]);
    expect((await one.get(key, '/v1/rooms', { origin: 'https://elsewhere.example' })).body.slug).toBe('origin-refused');
    expect((await one.get(key, '/v1/rooms', { origin: OWN_ORIGIN })).status).toBe(200);
  });
});

test('nobody gives a key what they may not do themselves', async () => {
  const { desk, clock } = await open();
  const ctx = {
    database: t.database,
    codec: testCodec(t.database),
    breaker: createBreaker().policy,
    organizationId: desk.clinic.organizationId,
    actor: { kind: 'staff' as const, id: desk.clinic.actorId, grants: grant(['api-key:write', 'schedule:read'], [desk.clinic.locationId]) },
    signIn: { sessionId: newId(), steppedUpAt: clock.at, mustEnrol: false },
    requestId: 'test',
    now: () => clock.at,
  };
  const key = { name: 'Website', expiresInDays: 1 };
  const here = { locationIds: [desk.clinic.locationId] };
  await expect(createKey(ctx, { ...key, ...here, permissions: ['schedule:read', 'patient:read'] })).rejects.toMatchObject({
    slug: 'beyond-own-permissions',
  });
  await expect(createKey(ctx, { ...key, permissions: ['schedule:read'] })).rejects.toMatchObject({ slug: 'beyond-own-permissions' });
  expect((await createKey(ctx, { ...key, ...here, permissions: ['schedule:read'] })).locationIds).toEqual(here.locationIds);
});
