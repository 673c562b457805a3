import { createTestDatabase, type TestDatabase } from '@medspa/testing';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { claimsOf, openDesk } from '../../../test/visits.ts';

let t: TestDatabase;
beforeAll(async () => {
  t = await createTestDatabase();
});
afterAll(() => t.drop());

const START = '2026-03-03T15:00:00Z';

describe('what has not come yet is not written down:', () => {
  test('nobody is a no-show before the start, and somebody is from then on', async () => {
    const desk = await openDesk(t);
    const visit = await desk.booked(START);
    const before = [await desk.read(visit), await claimsOf(t, visit)];
    for (const moment of ['2026-03-02T15:00:00Z', '2026-03-03T14:59:59.999Z']) {
      const { status, body } = await desk.at(moment).step(visit, 'mark-no-show');
      expect([status, body.slug, body.errors?.[0]?.pointer]).toEqual([422, 'too-early', '/action']);
    }
    expect([await desk.read(visit), await claimsOf(t, visit)]).toEqual(before);
    expect((await desk.at(START).step(visit, 'mark-no-show')).status).toBe(200);
  });

  // The visit begins at nine in the morning there.
  test.each([
    ['America/New_York', '2026-03-03T14:00:00Z', '2026-03-03T04:59:59Z', '2026-03-03T05:00:00Z'],
    ['Pacific/Auckland', '2026-03-02T20:00:00Z', '2026-03-02T10:59:59Z', '2026-03-02T11:00:00Z'],
  ])('in %s nobody arrives before the day of the visit, as it is there', async (timeZone, startsAt, lastMoment, midnight) => {
    const desk = await openDesk(t, { timeZone }, () => new Date('2026-03-01T12:00:00Z'));
    const visit = await desk.booked(startsAt);
    const early = await desk.at(lastMoment).step(visit, 'arrive');
    expect([early.status, early.body.slug]).toEqual([422, 'too-early']);
    const { body } = await desk.at(midnight).step(visit, 'arrive');
    expect(body.status).toBe('arrived');
    for (const action of ['room', 'numb', 'treat', 'checkout', 'leave'] as const) {
      const now = await desk.read(visit);
      expect((await desk.at(lastMoment).step(now, action)).body.slug, action).toBe('too-early');
      expect((await desk.at(midnight).step(now, action)).status, action).toBe(200);
    }
  });

  test('who came is written down late too, after midnight', async () => {
    const desk = await openDesk(t);
    const visit = await desk.booked(START);
    expect((await desk.at('2026-03-04T16:00:00Z').step(visit, 'arrive')).status).toBe(200);
  });
});

test('a no-show gives the rest of its time back', async () => {
  const desk = await openDesk(t, { rooms: 1 });
  const visit = await desk.booked(START);
  expect((await desk.at(START).step(visit, 'mark-no-show')).body.status).toBe('no_show');
  expect((await desk.book(START)).status).toBe(201);
});

describe('a no-show that was none', () => {
  test('is booked again, with the time, the job and the history that it had', async () => {
    const desk = (await openDesk(t, { bufferBeforeMinutes: 5, bufferAfterMinutes: 10, roomTurnoverMinutes: 15 })).at(
      '2026-03-03T15:10:00Z',
    );
    const service = { serviceId: desk.clinic.serviceId, providerId: desk.clinic.providerId };
    const visit = await desk.booked(START, { services: [service, { ...service, roomId: desk.clinic.roomIds[1] }] });
    const had = await claimsOf(t, visit);
    const missed = (await desk.step(visit, 'mark-no-show')).body;
    const { status, body } = await desk.step(missed, 'undo-no-show', { note: 'Was in the other waiting room.' });
    expect([status, body]).toEqual([200, { ...visit, version: 3 }]);
    expect(await claimsOf(t, visit)).toEqual(had);
    expect(await t.look('SELECT action, status FROM appointment_history WHERE appointment_id = $1 ORDER BY version', [visit.id])).toEqual([
      { action: 'book', status: 'booked' },
      { action: 'mark-no-show', status: 'no_show' },
      { action: 'undo-no-show', status: 'booked' },
    ]);
    expect((await desk.step(body, 'arrive')).status).toBe(200);
  });

  test('takes another room where its own was given away, and its own terms though the service has others', async () => {
    const desk = (await openDesk(t, { providers: 2, rooms: 2 })).at('2026-03-03T15:10:00Z');
    const visit = await desk.booked(START);
    const missed = (await desk.step(visit, 'mark-no-show')).body;
    const [roomId, otherRoomId] = desk.clinic.roomIds;
    const services = [{ serviceId: desk.clinic.serviceId, providerId: desk.clinic.providerIds[1], roomId }];
    await desk.booked(START, { patientId: await desk.aPatient(), services });
    const terms = { effectiveFrom: '2026-03-03', durationMinutes: 90, roomTypeId: desk.clinic.roomTypeId };
    expect((await desk.app.send('POST', `/v1/services/${desk.clinic.serviceId}/terms`, terms)).status).toBe(201);
    const { body } = await desk.step(missed, 'undo-no-show');
    expect(body).toMatchObject({ status: 'booked', endsAt: visit.endsAt, services: [{ roomId: otherRoomId }] });
    expect((await claimsOf(t, visit)).map(({ resource_id }) => resource_id)).toContain(otherRoomId);
  });

  test('is refused when the time is gone, and offered times that can be booked', async () => {
    const desk = (await openDesk(t)).at('2026-03-03T15:10:00Z');
    const missed = (await desk.step(await desk.booked(START), 'mark-no-show')).body;
    await desk.booked('2026-03-03T15:15:00Z', { patientId: await desk.aPatient() });
    const before = await desk.read(missed);
    const { status, body } = await desk.step(missed, 'undo-no-show');
    expect([status, body.slug, body.busy]).toEqual([409, 'slot-taken', ['provider']]);
    expect([await desk.read(missed), await claimsOf(t, missed)]).toEqual([before, []]);
    expect(body.alternatives).toHaveLength(3);
    for (const alternative of body.alternatives ?? []) {
      const booked = await desk.booked(alternative.startsAt, { services: alternative.services });
      await desk.cancel(booked);
    }
  });

  test('of two at the same moment who want the time, one gets it', async () => {
    const desk = (await openDesk(t)).at('2026-03-03T15:10:00Z');
    const other = await desk.aPatient();
    const missed = (await desk.step(await desk.booked(START), 'mark-no-show')).body;
    const answers = await Promise.all([desk.step(missed, 'undo-no-show'), desk.book(START, { patientId: other })]);
    expect(answers.filter(({ status }) => status < 300)).toHaveLength(1);
    expect(answers.filter(({ status }) => status === 409)).toHaveLength(1);
  });

  test('can be taken back days later, when its claims would be long gone', async () => {
    const desk = await openDesk(t);
    const visit = await desk.booked(START);
    const missed = (await desk.at('2026-03-03T15:30:00Z').step(visit, 'mark-no-show')).body;
    const later = desk.at('2026-03-20T15:00:00Z');
    const { body } = await later.step(missed, 'undo-no-show');
    expect((await later.step(body, 'arrive')).body.status).toBe('arrived');
  });
});

describe('a confirmed visit that is moved', () => {
  test('is booked again, since nobody has confirmed the new time', async () => {
    const desk = await openDesk(t);
    const confirmed = (await desk.step(await desk.booked(START), 'confirm')).body;
    const { body } = await desk.move(confirmed, '2026-03-04T15:00:00Z');
    expect([body.status, (await desk.read(body)).status]).toEqual(['booked', 'booked']);
    expect(await t.look('SELECT status FROM appointment_history WHERE appointment_id = $1 AND version = 3', [body.id])).toEqual([
      { status: 'booked' },
    ]);
    expect((await desk.step(body, 'confirm')).body.status).toBe('confirmed');
  });
});
