import type { ProblemDocument } from '@medspa/contracts';
import { handleDatabaseError, type Tx } from '@medspa/database';
import { aClinic, arrange, createTestDatabase, type TestDatabase } from '@medspa/testing';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { testApp } from '../../../test/harness.ts';
import { openDesk } from '../../../test/visits.ts';

// What every operation does is tested in test/operations.test.ts; here is what these alone do.

let t: TestDatabase;
beforeAll(async () => {
  t = await createTestDatabase();
});
afterAll(() => t.drop());

type Row = { id: string; version: number; isActive: boolean; email: string | null };

async function open() {
  const clinic = await aClinic(t.database);
  const app = testApp(t.database, { as: clinic });
  const send = (method: string, path: string, body: object) => app.send<Row & ProblemDocument>(method, path, body);
  const hire = (changes: object = {}) =>
    send('POST', '/v1/staff', { givenName: 'Nora', familyName: 'New', jobTitle: 'Injector', ...changes });
  const offBoard = (id: string) => app.send('POST', `/v1/staff/${id}/off-boarding`);
  const reinstate = (id: string) => app.send('POST', `/v1/staff/${id}/reinstatement`);
  return { clinic, app, send, hire, offBoard, reinstate };
}

describe('a staff member', () => {
  test('has an e-mail address of their own, however it is spelled', async () => {
    const { send, hire } = await open();
    const first = await hire({ email: 'nora.new@clinic.example' });
    const second = await hire();
    for (const answer of [
      await hire({ email: 'Nora.New@Clinic.example' }),
      await send('PATCH', `/v1/staff/${second.body.id}`, { email: 'NORA.NEW@clinic.example', version: 1 }),
    ]) {
      expect([answer.status, answer.body.slug]).toEqual([409, 'already-exists']);
      expect(answer.body.errors).toMatchObject([{ in: 'body', pointer: '/email' }]);
    }
    expect((await send('PATCH', `/v1/staff/${first.body.id}`, { email: 'Nora.New@clinic.example', version: 1 })).body.email).toBe(
      'Nora.New@clinic.example',
    );
  });

  test('of another organization may have the same address', async () => {
    const [one, other] = [await open(), await open()];
    expect((await one.hire({ email: 'shared@clinic.example' })).status).toBe(201);
    expect((await other.hire({ email: 'shared@clinic.example' })).status).toBe(201);
  });

  test('is stored and logged without a readable address, which only the list and the record open', async () => {
    const { clinic, app, hire } = await open();
    const { body } = await hire({ email: 'secret.address@clinic.example' });
    const stored = await t.look<{ everything: string }>(
      `SELECT (SELECT string_agg(s::text, ' ') FROM staff s WHERE organization_id = $1) || (SELECT string_agg(l::text, ' ') FROM audit_log l WHERE organization_id = $1) AS everything`,
      [clinic.organizationId],
    );
    expect(stored[0]?.everything).toContain(body.id);
    expect(stored[0]?.everything).not.toMatch(/secret\.address/i);
    expect((await app.get<Row>(`/v1/staff/${body.id}`)).body.email).toBe('secret.address@clinic.example');
    expect((await app.get<{ items: Row[] }>('/v1/staff')).body.items.find(({ id }) => id === body.id)?.email).toBe(
      'secret.address@clinic.example',
    );
  });
});

describe('I3: whoever is not active any more', () => {
  test('takes no bookings from the same moment on, and visits that they have stay', async () => {
    const desk = await openDesk(t);
    const visit = await desk.booked('2026-03-03T15:00:00Z');
    const { body: provider } = await desk.app.get<{ staffId: string }>(`/v1/providers/${desk.clinic.providerId}`);
    const { status, headers } = await desk.app.send('POST', `/v1/staff/${provider.staffId}/off-boarding`);
    expect(status).toBe(200);
    expect((await desk.app.get<Row>(`/v1/providers/${desk.clinic.providerId}`)).body).toMatchObject({ isActive: false, version: 2 });
    expect(await t.look('SELECT table_name FROM audit_log WHERE request_id = $1 ORDER BY id', [headers.get('x-request-id')])).toEqual([
      { table_name: 'provider' },
      { table_name: 'staff' },
    ]);
    expect((await desk.book('2026-03-04T15:00:00Z')).body.slug).toBe('provider-not-qualified');
    expect((await desk.read(visit)).status).toBe('booked');
  });

  test('does not become bookable before they are active again', async () => {
    const { clinic, app, send, hire, offBoard, reinstate } = await open();
    const { body: provider } = await app.get<{ staffId: string }>(`/v1/providers/${clinic.providerId}`);
    await offBoard(provider.staffId);
    const refused = await send('PATCH', `/v1/providers/${clinic.providerId}`, { isActive: true, version: 2 });
    expect([refused.status, refused.body.slug, refused.body.errors?.[0]?.pointer]).toEqual([422, 'staff-inactive', '/isActive']);
    await reinstate(provider.staffId);
    expect((await app.get<Row>(`/v1/providers/${clinic.providerId}`)).body.isActive).toBe(false);
    expect((await send('PATCH', `/v1/providers/${clinic.providerId}`, { isActive: true, version: 2 })).body.isActive).toBe(true);

    const left = (await hire()).body;
    await offBoard(left.id);
    const made = await send('POST', '/v1/providers', { staffId: left.id, displayName: 'Gone', credential: 'RN' });
    expect([made.status, made.body.slug, made.body.errors?.[0]?.pointer]).toEqual([422, 'staff-inactive', '/staffId']);
  });

  test('does not slip through when both are changed at the same moment', async () => {
    const { clinic, app, send, offBoard, reinstate } = await open();
    const { body: provider } = await app.get<{ staffId: string }>(`/v1/providers/${clinic.providerId}`);
    let providerVersion = 1;
    for (let round = 0; round < 10; round++) {
      const [left] = await Promise.all([
        offBoard(provider.staffId),
        send('PATCH', `/v1/providers/${clinic.providerId}`, { isActive: true, version: providerVersion }),
      ]);
      expect(left.status).toBe(200);
      const now = (await app.get<Row>(`/v1/providers/${clinic.providerId}`)).body;
      expect(now.isActive).toBe(false);
      await reinstate(provider.staffId);
      const back = await send('PATCH', `/v1/providers/${clinic.providerId}`, { isActive: true, version: now.version });
      providerVersion = back.body.version;
    }
  });
});

test('a staff member is a provider once', async () => {
  const { clinic, app, send } = await open();
  const { body: provider } = await app.get<{ staffId: string }>(`/v1/providers/${clinic.providerId}`);
  const { status, body } = await send('POST', '/v1/providers', { staffId: provider.staffId, displayName: 'Twice', credential: 'RN' });
  expect([status, body.slug, body.errors?.[0]?.pointer]).toEqual([409, 'already-exists', '/staffId']);
});

describe('a location', () => {
  test('has a time zone that exists', async () => {
    const { clinic, send } = await open();
    for (const timeZone of ['Mars/Olympus', 'EST5EDT', 'utc', '+02:00', 'America/Nowhere', ' ']) {
      const { status, body } = await send('POST', '/v1/locations', { legalEntityId: clinic.legalEntityId, name: 'X', timeZone });
      expect([status, body.errors?.[0]?.pointer], timeZone).toEqual([400, '/timeZone']);
    }
    for (const timeZone of ['UTC', 'Asia/Kolkata', 'America/Argentina/Buenos_Aires', 'America/Port-au-Prince', 'Etc/GMT+5'])
      expect((await send('POST', '/v1/locations', { legalEntityId: clinic.legalEntityId, name: 'X', timeZone })).status, timeZone).toBe(
        201,
      );
  });

  test('keeps its time zone, as a legal entity keeps its currency', async () => {
    const { clinic, send } = await open();
    const location = await send('PATCH', `/v1/locations/${clinic.locationId}`, { timeZone: 'UTC', version: 1 });
    expect([location.status, location.body.errors?.[0]?.pointer]).toEqual([400, '/timeZone']);
    const entity = await send('PATCH', `/v1/legal-entities/${clinic.legalEntityId}`, { currency: 'EUR', version: 1 });
    expect([entity.status, entity.body.errors?.[0]?.pointer]).toEqual([400, '/currency']);
  });

  test('keeps it in PostgreSQL too', async () => {
    const { clinic } = await open();
    const version = { increment: 1 };
    const change = (work: (tx: Tx) => Promise<unknown>) => arrange(t.database, clinic, work).catch((error: unknown) => error);
    for (const error of [
      await change((tx) => tx.location.updateMany({ data: { timeZone: 'UTC', version } })),
      await change((tx) => tx.legalEntity.updateMany({ data: { currency: 'EUR', version } })),
    ])
      expect(handleDatabaseError(error)?.kind).toBe('forbidden');
  });
});

test('of two changes of one version at the same moment, one is made and the other is told the new version', async () => {
  const { clinic, app, send } = await open();
  const answers = await Promise.all(['One', 'Other'].map((name) => send('PATCH', '/v1/organization', { name, version: 1 })));
  expect(answers.map(({ status }) => status).toSorted((a, b) => a - b)).toEqual([200, 409]);
  expect(answers.find(({ status }) => status === 409)?.body).toMatchObject({ slug: 'stale-version', version: 2 });
  expect((await app.get<{ id: string; version: number }>('/v1/organization')).body).toMatchObject({
    id: clinic.organizationId,
    version: 2,
  });
});
