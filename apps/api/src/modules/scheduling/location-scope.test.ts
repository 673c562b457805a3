import type { ProblemDocument } from '@medspa/contracts';
import { aProvider, arrange, createTestDatabase, NOW, type TestDatabase } from '@medspa/testing';
import { v7 as newId } from 'uuid';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { testApp, type Person } from '../../../test/harness.ts';
import { queue } from '../../../test/messages.ts';
import { openDesk, type Visit } from '../../../test/visits.ts';

// Somebody who works at one of two locations. What is at the other is not there for them, in every way to ask for it.

let t: TestDatabase;
let world: Awaited<ReturnType<typeof twoLocations>>;
beforeAll(async () => {
  t = await createTestDatabase();
  world = await twoLocations();
});
afterAll(() => t.drop());

type Body = ProblemDocument & Visit & { items: { id: string; locationId: string }[]; nextCursor: string | null };

/** A clinic with a second location in another country, where one provider works at both, and a patient is seen at both. */
async function twoLocations() {
  const desk = await openDesk(t);
  const { clinic, patientId } = desk;
  const { organizationId, legalEntityId, roomTypeId, serviceId } = clinic;
  const locationId = newId();
  const there = await arrange(t.database, clinic, async (tx) => {
    await tx.location.create({
      data: { organizationId, id: locationId, legalEntityId, name: 'There', timeZone: 'Europe/London', country: 'GB' },
    });
    const roomId = newId();
    await tx.room.create({ data: { organizationId, id: roomId, locationId, roomTypeId, name: 'Room 1', position: 0 } });
    return { locationId, roomId, ...(await aProvider(tx, { organizationId, locationId, serviceId })) };
  });
  const shifts = [1, 2, 3, 4, 5, 6, 7].map((weekday) => ({ week: 0, weekday, startsAt: '08:00', endsAt: '20:00' }));
  const both = await desk.app.send<Body>('POST', '/v1/shift-rotations', {
    providerId: clinic.providerId,
    locationId,
    weeks: 1,
    effectiveFrom: '2026-03-02',
    shifts,
  });
  const here = await desk.booked('2026-03-03T15:00:00Z');
  const services = [{ serviceId, providerId: there.providerId }];
  const elsewhere = await desk.booked('2026-03-04T15:00:00Z', { locationId, services });
  const words = { kind: 'appointment.reminder', channel: 'email', title: 'Soon', body: 'On {{appointment.date}}.' };
  await desk.app.send('POST', '/v1/message-templates', words);
  for (const at of [clinic.locationId, locationId]) await queue(t, { ...clinic, locationId: at }, patientId);

  const as = (person: Partial<Person>) => testApp(t.database, { as: { ...clinic, ...person }, now: () => NOW });
  const at = [clinic.locationId];
  return {
    desk,
    there: { ...there, rotationAtBoth: both.body.id },
    here,
    elsewhere,
    front: as({ role: 'front-desk', locations: at }),
    manager: as({ role: 'manager', locations: at }),
    atNeither: as({ role: 'front-desk', locations: [] }),
  };
}

const bare = ({ status, text }: { status: number; text: string }) => [status, text.replace(/"requestId":"[^"]+"/, '')];

describe('HIP-2: who works at one location', () => {
  test('finds nothing of another one: it is as if it were not there', async () => {
    const { front, manager, there, elsewhere, desk } = world;
    const { serviceId } = desk.clinic;
    const booking = (locationId: string, services: object) => ({
      locationId,
      patientId: desk.patientId,
      startsAt: '2026-03-06T15:00',
      services,
    });
    const own = [{ serviceId, providerId: desk.clinic.providerId }];
    const week = [{ week: 0, weekday: 1, startsAt: '09:00', endsAt: '12:00' }];
    const weeks = { providerId: desk.clinic.providerId, weeks: 1, effectiveFrom: '2026-03-09', shifts: week };
    const step = { version: 1, channel: 'desk' };
    type Asked = [app: typeof front, method: string, path: (id: string) => string, id: string, body?: (id: string) => object];
    const asked: Asked[] = [
      [front, 'GET', (id) => `/v1/locations/${id}`, there.locationId],
      [front, 'GET', (id) => `/v1/locations/${id}/day?date=2026-03-04`, there.locationId],
      [front, 'GET', (id) => `/v1/locations/${id}/events?after=0`, there.locationId],
      [front, 'GET', (id) => `/v1/availability?locationId=${id}&serviceId=${serviceId}`, there.locationId],
      [front, 'GET', (id) => `/v1/shift-rotations?locationId=${id}`, there.locationId],
      [front, 'GET', (id) => `/v1/appointments/${id}`, elsewhere.id],
      [front, 'GET', (id) => `/v1/appointments/${id}/history`, elsewhere.id],
      [front, 'GET', (id) => `/v1/patients/${desk.patientId}/appointments?cursor=${id}`, elsewhere.id],
      [front, 'GET', (id) => `/v1/rooms?cursor=${id}`, there.roomId],
      [front, 'GET', (id) => `/v1/locations?cursor=${id}`, there.locationId],
      [front, 'POST', () => '/v1/appointments', there.locationId, (id) => booking(id, own)],
      [front, 'POST', () => '/v1/appointments', there.roomId, (roomId) => booking(desk.clinic.locationId, [{ ...own[0], roomId }])],
      [
        front,
        'POST',
        (id) => `/v1/appointments/${id}/reschedule`,
        elsewhere.id,
        () => ({ ...step, startsAt: '2026-03-05T15:00:00Z', reason: 'other' }),
      ],
      [
        front,
        'POST',
        (id) => `/v1/appointments/${id}/reschedule`,
        elsewhere.id,
        () => ({ ...step, startsAt: '2026-03-05T15:00', reason: 'other' }),
      ],
      [front, 'POST', (id) => `/v1/appointments/${id}/cancel`, elsewhere.id, () => ({ ...step, reason: 'other' })],
      [front, 'POST', (id) => `/v1/appointments/${id}/transitions`, elsewhere.id, () => ({ ...step, action: 'confirm' })],
      [
        manager,
        'POST',
        () => '/v1/rooms',
        there.locationId,
        (id) => ({ locationId: id, roomTypeId: desk.clinic.roomTypeId, name: 'Room 9', position: 9 }),
      ],
      [manager, 'PATCH', (id) => `/v1/rooms/${id}`, there.roomId, () => ({ name: 'Mine', version: 1 })],
      [manager, 'POST', () => '/v1/shift-rotations', there.locationId, (locationId) => ({ ...weeks, locationId })],
      [
        manager,
        'POST',
        (id) => `/v1/shift-rotations/${id}/end`,
        there.rotationAtBoth,
        () => ({ effectiveUntil: '2026-03-20', version: 1 }),
      ],
      [manager, 'POST', (id) => `/v1/shift-rotations/${id}/end`, there.rotationId, () => ({ effectiveUntil: '2026-03-20', version: 1 })],
    ];
    const before = await t.look('SELECT (SELECT count(*) FROM audit_log) AS written, (SELECT count(*) FROM outbox_event) AS told');
    for (const [app, method, path, id, body] of asked) {
      const send = (which: string) => app.send<ProblemDocument>(method, path(which), body?.(which));
      const [theirs, nobodys] = [await send(id), await send(newId())];
      expect([theirs.status, theirs.body.slug], `${method} ${path(id)}: ${theirs.text}`).toEqual([404, 'not-found']);
      expect(bare(theirs), path(id)).toEqual(bare(nobodys));
    }
    expect(await t.look('SELECT (SELECT count(*) FROM audit_log) AS written, (SELECT count(*) FROM outbox_event) AS told')).toEqual(before);
  });

  test('has lists of their own location alone', async () => {
    const { front, there, here, elsewhere, desk } = world;
    const items = async (path: string) => (await front.get<Body>(path)).body.items;
    for (const [path, own] of [
      ['/v1/locations', desk.clinic.locationId],
      [`/v1/patients/${desk.patientId}/appointments`, here.id],
      [`/v1/providers/${desk.clinic.providerId}/appointments`, here.id],
    ] as const)
      expect(
        (await items(path)).map(({ id }) => id),
        path,
      ).toEqual([own]);
    for (const path of ['/v1/rooms', '/v1/shift-rotations', `/v1/shift-rotations?providerId=${desk.clinic.providerId}`]) {
      const places = new Set((await items(path)).map(({ locationId }) => locationId));
      expect([...places], path).toEqual([desk.clinic.locationId]);
    }
    expect(await items(`/v1/providers/${there.providerId}/appointments`)).toEqual([]);
    expect(await items(`/v1/patients/${desk.patientId}/messages`)).toHaveLength(1);
    expect((await desk.app.get<Body>(`/v1/patients/${desk.patientId}/messages`)).body.items).toHaveLength(2);
    // No event of the other location is among those of their own.
    const events = (await front.get<{ items: { subjectId: string }[] }>(`/v1/locations/${desk.clinic.locationId}/events?after=0`)).body
      .items;
    expect(events.map(({ subjectId }) => subjectId)).not.toContain(elsewhere.id);
    expect(events.length).toBeGreaterThan(0);
  });

  test('does at their own location what everybody does there', async () => {
    const { front, manager, desk } = world;
    const { locationId, serviceId, providerId, roomTypeId } = desk.clinic;
    const visit = { locationId, patientId: await desk.aPatient(), startsAt: '2026-03-09T15:00:00Z', services: [{ serviceId, providerId }] };
    const booked = await front.send<Body>('POST', '/v1/appointments', visit);
    expect(booked.status, booked.text).toBe(201);
    const moved = await front.send<Body>('POST', `/v1/appointments/${booked.body.id}/reschedule`, {
      startsAt: '2026-03-09T17:00',
      reason: 'other',
      version: 1,
    });
    expect(moved.status, moved.text).toBe(200);
    expect((await front.send('POST', '/v1/appointments', { ...visit, patientId: desk.patientId })).status).toBe(201);
    const refused = await front.send<ProblemDocument>('POST', '/v1/appointments', visit);
    expect([refused.status, refused.body.slug]).toEqual([409, 'slot-taken']);
    expect(refused.body.alternatives?.length).toBeGreaterThan(0);
    expect((await front.send('POST', `/v1/appointments/${booked.body.id}/cancel`, { reason: 'other', version: 2 })).status).toBe(200);
    expect((await manager.send('POST', '/v1/rooms', { locationId, roomTypeId, name: 'Room 7', position: 7 })).status).toBe(201);
  });

  test('finds a provider busy who is with somebody at the other location', async () => {
    const { front, desk, there } = world;
    const { locationId, serviceId, providerId } = desk.clinic;
    const services = [{ serviceId, providerId }];
    const startsAt = '2026-03-10T15:00:00Z';
    await desk.booked(startsAt, { locationId: there.locationId, services, patientId: await desk.aPatient() });
    const { body } = await front.send<ProblemDocument>('POST', '/v1/appointments', {
      locationId,
      patientId: await desk.aPatient(),
      startsAt,
      services,
    });
    expect([body.slug, body.busy]).toEqual(['slot-taken', ['provider']]);
  });

  test('is told of a visit no more by repeating a request from when they worked there', async () => {
    const { desk, front, there } = world;
    const visit = {
      locationId: there.locationId,
      patientId: await desk.aPatient(),
      startsAt: '2026-03-11T15:00:00Z',
      services: [{ serviceId: desk.clinic.serviceId, providerId: there.providerId }],
    };
    const key = { 'idempotency-key': 'booked-when-i-was-there' };
    expect((await desk.app.send('POST', '/v1/appointments', visit, key)).status).toBe(201);
    const again = await front.send<ProblemDocument>('POST', '/v1/appointments', visit, key);
    expect([again.status, again.body.slug]).toEqual([404, 'not-found']);
  });

  test('reads a phone number as everybody does, whichever country their location is in', async () => {
    const { desk, there } = world;
    const inLondon = testApp(t.database, { as: { ...desk.clinic, role: 'front-desk', locations: [there.locationId] }, now: () => NOW });
    const { body } = await desk.app.send<{ id: string }>('POST', '/v1/patients', {
      givenName: 'Pho',
      familyName: 'Ne',
      phone: '(212) 555-0177',
    });
    const found = await inLondon.send<Body>('POST', '/v1/patients/search', { phone: '(212) 555-0177' });
    expect(found.body.items.map(({ id }) => id)).toEqual([body.id]);
  });

  test('may not do at all what their role does nowhere, nor anything who works nowhere', async () => {
    const { front, atNeither, desk } = world;
    const refused = await front.send<ProblemDocument>('POST', '/v1/rooms', {
      locationId: desk.clinic.locationId,
      roomTypeId: desk.clinic.roomTypeId,
      name: 'X',
      position: 1,
    });
    expect([refused.status, refused.body.slug]).toEqual([403, 'not-permitted']);
    expect((await atNeither.get('/v1/locations')).status).toBe(403);
  });
});
