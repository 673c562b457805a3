import { createTestDatabase, type TestDatabase } from '@medspa/testing';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { openDesk, type Desk } from '../../../test/visits.ts';

let t: TestDatabase;
beforeAll(async () => {
  t = await createTestDatabase({ poolMax: 20 });
});
afterAll(() => t.drop());

type Event = { sequence: number; type: string; subjectId: string; payload: Record<string, unknown>; at: string };

const read = async ({ app, clinic }: Desk, query = '') =>
  (await app.get<{ items: Event[] }>(`/v1/locations/${clinic.locationId}/events${query}`)).body.items;

describe('what happened at a location', () => {
  test('is told without gaps and in order while thirty book at once, and whoever reads meanwhile misses nothing', async () => {
    const desk = await openDesk(t, { providers: 10, rooms: 10 });
    const patients = await Promise.all(Array.from({ length: 30 }, () => desk.aPatient()));
    const bookings = Promise.all(
      patients.map((patientId, index) =>
        desk.book(`2026-03-03T${String(14 + Math.floor(index / 10)).padStart(2, '0')}:00:00Z`, {
          patientId,
          services: [{ serviceId: desk.clinic.serviceId, providerId: desk.clinic.providerIds[index % 10] }],
        }),
      ),
    );
    let isBooking = true;
    void bookings.finally(() => (isBooking = false));
    const followed: Event[] = [];
    const follow = async () => {
      const news = await read(desk, `?after=${followed.at(-1)?.sequence ?? 0}&limit=7`);
      followed.push(...news);
      return news.length;
    };
    while (isBooking) await follow();
    const answers = await bookings;
    while ((await follow()) > 0);
    expect(answers.every(({ status }) => status === 201)).toBe(true);
    expect(followed.map(({ sequence }) => sequence)).toEqual(Array.from({ length: 30 }, (_, index) => index + 1));
    expect(new Set(followed.map(({ subjectId }) => subjectId))).toEqual(new Set(answers.map(({ body }) => body.id)));
    expect(await read(desk)).toEqual(followed);
  });

  test('goes on where the day of the location ends, though others book meanwhile', async () => {
    const desk = await openDesk(t, { providers: 4, rooms: 4 });
    const url = `/v1/locations/${desk.clinic.locationId}/day?date=2026-03-03`;
    type Day = { sequence: number; appointments: { id: string }[] };
    const readDay = async () => (await desk.app.get<Day>(url)).body;
    const days = [await readDay()];
    const patients = await Promise.all(desk.clinic.providerIds.map(() => desk.aPatient()));
    const bookings = desk.clinic.providerIds.map(async (providerId, index) => {
      const services = [{ serviceId: desk.clinic.serviceId, providerId }];
      for (let hour = 14; hour < 24; hour++) await desk.booked(`2026-03-03T${hour}:00:00Z`, { patientId: patients[index], services });
    });
    let isBooking = true;
    const booked = Promise.all(bookings).finally(() => (isBooking = false));
    while (isBooking) days.push(...(await Promise.all([readDay(), readDay()])));
    await booked;
    days.push(await readDay());
    const events = await read(desk);
    for (const { sequence, appointments } of days) {
      const told = events.filter((event) => event.sequence <= sequence).map(({ subjectId }) => subjectId);
      expect(appointments.map(({ id }) => id).toSorted()).toEqual(told.toSorted());
    }
    expect([days[0]?.sequence, days.at(-1)?.sequence]).toEqual([0, 40]);
    expect(new Set(days.map(({ sequence }) => sequence)).size).toBeGreaterThan(5);
  });

  test('begins after the number that is asked for, at most as many as are asked for', async () => {
    const desk = await openDesk(t);
    const visit = await desk.booked('2026-03-03T15:00:00Z');
    await desk.cancel((await desk.step(visit, 'confirm')).body);
    expect((await read(desk)).map(({ type }) => type)).toEqual(['appointment.book', 'appointment.confirm', 'appointment.cancel']);
    expect((await read(desk, '?after=1&limit=1')).map(({ type, sequence }) => [type, sequence])).toEqual([['appointment.confirm', 2]]);
    expect(await read(desk, '?after=3')).toEqual([]);
    expect(await read(desk, `?after=${Number.MAX_SAFE_INTEGER}`)).toEqual([]);
  });

  test('tells ids, times and statuses, and nothing of a person', async () => {
    const desk = await openDesk(t);
    await desk.booked('2026-03-03T15:00:00Z', { note: 'Nervous.' });
    const [event] = await read(desk);
    expect(event?.payload).toEqual({
      version: 1,
      status: 'booked',
      startsAt: '2026-03-03T15:00:00.000Z',
      endsAt: '2026-03-03T15:30:00.000Z',
    });
    expect(event?.at).toBe('2026-03-02T12:00:00.000Z');
  });

  test('is of that location only', async () => {
    const desk = await openDesk(t);
    const { body } = await desk.app.send<{ id: string }>('POST', '/v1/locations', {
      legalEntityId: desk.clinic.legalEntityId,
      name: 'Elsewhere',
      timeZone: 'America/Chicago',
    });
    await desk.booked('2026-03-03T15:00:00Z');
    expect((await desk.app.get<{ items: Event[] }>(`/v1/locations/${body.id}/events`)).body.items).toEqual([]);
  });

  test('that is refused is not told of', async () => {
    const desk = await openDesk(t);
    await desk.booked('2026-03-03T15:00:00Z');
    expect((await desk.book('2026-03-03T15:00:00Z')).status).toBe(409);
    expect(await read(desk)).toHaveLength(1);
  });
});
