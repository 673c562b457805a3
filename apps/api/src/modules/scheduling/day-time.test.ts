import { createTestDatabase, type TestDatabase } from '@medspa/testing';
import { Temporal } from 'temporal-polyfill';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { openDesk, type Desk } from '../../../test/visits.ts';

let t: TestDatabase;
beforeAll(async () => {
  t = await createTestDatabase();
});
afterAll(() => t.drop());

type Day = {
  timeZone: string;
  date: string;
  sequence: number;
  appointments: {
    id: string;
    status: string;
    cancelReason: string | null;
    hasNote: boolean;
    startsAt: string;
    patient: { id: string; name: string; pronouns: string | null };
    services: { id: string; serviceName: string; providerName: string; roomName: string | null }[];
  }[];
};

type Week = { from: string; to: string; providers: { starts: string[] }[] };

const dayOf = async ({ app, clinic }: Desk, date: string) =>
  (await app.get<Day>(`/v1/locations/${clinic.locationId}/day?date=${date}`)).body;

describe('the day of a location', () => {
  // A day of 23 hours, one of 25, one of 23.5, and ordinary ones as far from UTC as there are.
  test.each([
    ['America/New_York', '2026-03-08', 23],
    ['America/New_York', '2026-11-01', 25],
    ['Europe/London', '2026-03-29', 23],
    ['Australia/Lord_Howe', '2026-10-04', 23.5],
    ['Pacific/Auckland', '2026-04-05', 25],
    ['Pacific/Kiritimati', '2026-06-10', 24],
    ['Pacific/Niue', '2026-06-10', 24],
    ['Asia/Kolkata', '2026-06-10', 24],
  ])('in %s, %s, holds what begins on it and nothing else', async (timeZone, date, hours) => {
    const desk = await openDesk(
      t,
      { timeZone, durationMinutes: 15, shift: { startsAt: '00:00', endsAt: '24:00' } },
      () => new Date('2026-02-01T12:00:00Z'),
    );
    const midnight = Temporal.PlainDate.from(date).toZonedDateTime(timeZone);
    const starts = [-30, 0, 15, hours * 60 - 15, hours * 60].map((minutes) => midnight.add({ minutes }).toInstant().toString());
    // Booked from the last to the first, so that the order is not that of booking.
    for (const startsAt of starts.toReversed()) await desk.booked(startsAt);
    const { timeZone: said, appointments } = await dayOf(desk, date);
    expect(said).toBe(timeZone);
    expect(appointments.map(({ startsAt }) => Date.parse(startsAt))).toEqual(starts.slice(1, 4).map((start) => Date.parse(start)));
    const next = Temporal.PlainDate.from(date).add({ days: 1 }).toString();
    expect((await dayOf(desk, next)).appointments.map(({ startsAt }) => Date.parse(startsAt))).toEqual([Date.parse(starts[4] ?? '')]);
  });

  test.each([
    ['Pacific/Auckland', '2026-03-03'],
    ['America/New_York', '2026-03-02'],
  ])('is today in %s when no date is given, whatever the date elsewhere', async (timeZone, today) => {
    const desk = await openDesk(t, { timeZone, shift: { startsAt: '00:00', endsAt: '24:00' } }, () => new Date('2026-03-02T11:30:00Z'));
    const noon = Temporal.PlainDateTime.from(`${today}T20:00`).toZonedDateTime(timeZone).toInstant().toString();
    await desk.booked(noon);
    const { clinic, app } = desk;
    const { body } = await app.get<Day>(`/v1/locations/${clinic.locationId}/day`);
    expect(body.date).toBe(today);
    expect(body.appointments.map(({ startsAt }) => Date.parse(startsAt))).toEqual([Date.parse(noon)]);
    const asked = `/v1/availability?locationId=${clinic.locationId}&serviceId=${clinic.serviceId}`;
    const week = (await app.get<Week>(asked)).body;
    expect([week.from, week.to]).toEqual([today, Temporal.PlainDate.from(today).add({ days: 6 }).toString()]);
    expect(week.providers).toEqual((await app.get<Week>(`${asked}&from=${week.from}&to=${week.to}`)).body.providers);
    const starts = week.providers.flatMap((provider) => provider.starts.map((start) => Date.parse(start)));
    expect(Math.max(...starts)).toBeGreaterThan(Date.parse(noon) + 5 * 86_400_000);
    expect((await app.get<Week>(`${asked}&to=${week.to}`)).body).toEqual(week);
    const errors = { errors: [{ in: 'query', pointer: 'to' }] };
    for (const dates of ['&to=2026-03-01', '&from=2026-03-10&to=2026-03-09', '&from=2026-03-10&to=2026-05-11'])
      expect(await app.get(`${asked}${dates}`)).toMatchObject({ status: 400, body: errors });
    expect((await app.get(`${asked}&from=2026-03-10&to=2026-05-10`)).status).toBe(200);
  });

  test('calls people as they wish to be called, and says who does what where', async () => {
    const desk = await openDesk(t);
    const { body } = await desk.app.send<{ id: string }>('POST', '/v1/patients', {
      givenName: 'Margaret',
      familyName: 'Moss',
      preferredName: 'Peggy',
      pronouns: 'she/her',
    });
    const { clinic } = desk;
    const service = { serviceId: clinic.serviceId, providerId: clinic.providerId };
    await desk.booked('2026-03-03T15:00:00Z', { patientId: body.id, services: [service, service] });
    await desk.booked('2026-03-03T14:00:00Z');
    const { appointments } = await dayOf(desk, '2026-03-03');
    expect(appointments.map(({ patient }) => patient.name)).toEqual([expect.stringMatching(/^Paula Patient-/), 'Peggy Moss']);
    expect(appointments[1]?.patient).toEqual({ id: body.id, name: 'Peggy Moss', pronouns: 'she/her' });
    expect(appointments[1]?.services).toMatchObject([
      { serviceName: 'Toxin', providerName: 'Pat Provider', roomName: 'Room 1' },
      { serviceName: 'Toxin', providerName: 'Pat Provider', roomName: 'Room 1' },
    ]);
  });

  test('shows cancelled visits and no-shows too, with their status', async () => {
    const desk = await openDesk(t);
    await desk.cancel(await desk.booked('2026-03-03T15:00:00Z'));
    await desk.at('2026-03-03T15:15:00Z').step(await desk.booked('2026-03-03T15:00:00Z'), 'mark-no-show');
    const { appointments } = await dayOf(desk, '2026-03-03');
    expect(appointments.map(({ status }) => status).toSorted()).toEqual(['cancelled', 'no_show']);
  });

  test('says what a client needs to act on it: the services to move, why a visit was cancelled, and whether there is a note', async () => {
    const desk = await openDesk(t);
    const [cancelled, noted, plain] = [
      await desk.booked('2026-03-03T15:00:00Z'),
      await desk.booked('2026-03-03T16:00:00Z', { note: 'Prefers the window.' }),
      await desk.booked('2026-03-03T17:00:00Z'),
    ];
    await desk.cancel(cancelled, { reason: 'patient_unwell', note: 'Flu.' });
    const { appointments } = await dayOf(desk, '2026-03-03');
    expect(appointments.map(({ cancelReason, hasNote }) => [cancelReason, hasNote])).toEqual([
      ['patient_unwell', true],
      [null, true],
      [null, false],
    ]);
    expect(JSON.stringify(appointments)).not.toMatch(/window|Flu/);
    expect(appointments.flatMap(({ services }) => services.map(({ id }) => id))).toEqual(
      [cancelled, noted, plain].map(({ services }) => services[0]?.id),
    );
    const assignments = [{ id: appointments[2]?.services[0]?.id, roomId: desk.clinic.roomIds[1] }];
    expect((await desk.move(plain, '2026-03-03T18:00:00Z', { assignments })).status).toBe(200);
  });

  test('without visits is an empty list, and no access to anybody', async () => {
    const desk = await openDesk(t);
    expect((await dayOf(desk, '2026-03-03')).appointments).toEqual([]);
    expect(await t.look('SELECT 1 FROM access_log WHERE organization_id = $1', [desk.clinic.organizationId])).toEqual([]);
  });
});
