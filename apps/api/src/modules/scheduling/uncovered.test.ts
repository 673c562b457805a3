import { createTestDatabase, type TestDatabase } from '@medspa/testing';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { openDesk, type Desk } from '../../../test/visits.ts';

let t: TestDatabase;
beforeAll(async () => {
  t = await createTestDatabase();
});
afterAll(() => t.drop());

type Ended = { version: number; effectiveUntil: string; uncovered: number; uncoveredAppointmentIds: string[] };

const end = async ({ app, clinic }: Desk, effectiveUntil: string, version = 1) => {
  const answer = await app.send<Ended>('POST', `/v1/shift-rotations/${clinic.rotationId}/end`, { effectiveUntil, version });
  expect(answer.status, answer.text).toBe(200);
  return answer.body;
};

describe('ending the weeks of a provider', () => {
  test('tells of the visits that nobody works for any more, the earliest first, and leaves them as they are', async () => {
    const desk = await openDesk(t, { providers: 2 });
    const by = (provider: number) => ({ serviceId: desk.clinic.serviceId, providerId: desk.clinic.providerIds[provider] });
    await desk.booked('2026-03-09T20:00:00Z');
    const [late, early, half] = [
      await desk.booked('2026-04-01T15:00:00Z'),
      await desk.booked('2026-03-10T13:00:00Z'),
      // Two services of one visit, of which the provider has the second and the third.
      await desk.booked('2026-03-11T15:00:00Z', { services: [by(1), by(0), by(0)] }),
    ];
    const confirmed = (await desk.step(early, 'confirm')).body;
    await desk.cancel(await desk.booked('2026-03-12T15:00:00Z'));
    await desk.booked('2026-03-13T15:00:00Z', { services: [by(1)] });
    const ended = await end(desk, '2026-03-10');
    expect(ended).toMatchObject({ uncovered: 3, uncoveredAppointmentIds: [early.id, half.id, late.id], effectiveUntil: '2026-03-10' });
    expect([await desk.read(early), await desk.read(late)]).toEqual([confirmed, late]);
  });

  test('counts from midnight at the location, and what reaches over it', async () => {
    const desk = await openDesk(t, {
      timeZone: 'Pacific/Auckland',
      durationMinutes: 60,
      bufferAfterMinutes: 30,
      shift: { startsAt: '00:00', endsAt: '24:00' },
    });
    // Midnight there is 11:00 of the day before in UTC; the first one ends then with its buffer.
    const [, midnight, after] = [
      await desk.booked('2026-03-09T09:30:00Z'),
      await desk.booked('2026-03-09T11:00:00Z', { patientId: await desk.aPatient() }),
      await desk.booked('2026-03-09T12:30:00Z'),
    ];
    expect((await end(desk, '2026-03-10')).uncoveredAppointmentIds).toEqual([midnight.id, after.id]);
    const other = await openDesk(t, {
      timeZone: 'Pacific/Auckland',
      bufferAfterMinutes: 30,
      shift: { startsAt: '00:00', endsAt: '24:00' },
    });
    const across = await other.booked('2026-03-09T10:15:00Z');
    expect((await end(other, '2026-03-10')).uncoveredAppointmentIds).toEqual([across.id]);
  });

  test('later than before covers them again, as do the weeks that come next', async () => {
    const desk = await openDesk(t);
    const { providerId, locationId, legalEntityId } = desk.clinic;
    const monday = await desk.booked('2026-03-16T15:00:00Z');
    const tuesday = await desk.booked('2026-03-17T15:00:00Z');
    expect((await end(desk, '2026-03-10')).uncoveredAppointmentIds).toEqual([monday.id, tuesday.id]);
    expect((await end(desk, '2026-03-17', 2)).uncoveredAppointmentIds).toEqual([tuesday.id]);
    const weeks = (at: string, weekday: number) =>
      desk.app.send('POST', '/v1/shift-rotations', {
        providerId,
        locationId: at,
        weeks: 1,
        effectiveFrom: '2026-03-17',
        shifts: [{ week: 0, weekday, startsAt: '09:00', endsAt: '17:00' }],
      });
    const elsewhere = { legalEntityId, name: 'Elsewhere', timeZone: 'America/New_York' };
    const { body: location } = await desk.app.send<{ id: string }>('POST', '/v1/locations', elsewhere);
    expect((await weeks(location.id, 2)).status).toBe(201);
    expect((await end(desk, '2026-03-17', 3)).uncovered).toBe(1);
    expect((await weeks(locationId, 2)).status).toBe(201);
    expect(await end(desk, '2026-03-17', 4)).toMatchObject({ uncovered: 0, uncoveredAppointmentIds: [] });
  });

  test('names a hundred of them at most, and counts all', async () => {
    const desk = await openDesk(t, { durationMinutes: 5, rooms: 1 });
    const starts = Array.from({ length: 104 }, (_, index) => new Date(Date.parse('2026-03-10T14:00:00Z') + index * 300_000).toISOString());
    for (const startsAt of starts) await desk.booked(startsAt);
    const { uncovered, uncoveredAppointmentIds } = await end(desk, '2026-03-10');
    expect([uncovered, uncoveredAppointmentIds.length]).toEqual([104, 100]);
  });
});
