import { aClinic, createTestDatabase, type Clinic, type ClinicOptions, type TestDatabase } from '@medspa/testing';
import { Temporal } from 'temporal-polyfill';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { testApp, type TestApp } from '../../../test/harness.ts';
import { changeDays } from '../../../test/worlds.ts';

let t: TestDatabase;
beforeAll(async () => {
  t = await createTestDatabase();
});
afterAll(() => t.drop());

const NOW = new Date('2026-02-20T12:00:00Z');
type Availability = { providers: { providerId: string; starts: string[] }[] };

async function open(options: ClinicOptions = {}, now = NOW) {
  const clinic = await aClinic(t.database, { needsRoom: false, ...options });
  return { clinic, app: testApp(t.database, { as: clinic, now: () => now }) };
}

async function startsOf(app: TestApp, clinic: Clinic, from: string, to = from): Promise<string[]> {
  const query = new URLSearchParams({
    locationId: clinic.locationId,
    serviceId: clinic.serviceId,
    providerId: clinic.providerId,
    from,
    to,
  });
  const { status, body } = await app.get<Availability>(`/v1/availability?${query.toString()}`);
  expect(status).toBe(200);
  return body.providers.flatMap(({ starts }) => starts.map((start) => start.replace(':00.000Z', 'Z')));
}

const firstOf = async (app: TestApp, clinic: Clinic, day: string) => (await startsOf(app, clinic, day))[0];

describe('a wall time', () => {
  test(
    'is the same instant in SQL as by Temporal, in every zone on the days on which its clocks change',
    { timeout: 120_000 },
    async () => {
      const changing = Intl.supportedValuesOf('timeZone').filter((zone) => changeDays(zone).length > 0);
      expect(changing.length).toBeGreaterThan(100);
      const expected = new Map<string, ReturnType<typeof onChangeDays>>();
      const differing: string[] = [];
      // All where that is asked; on a machine in another zone every tenth shows that the machine's own does not matter.
      for (const zone of process.env['TZ'] === 'UTC' ? changing : changing.filter((_, index) => index % 10 === 0)) {
        // Node and PostgreSQL carry time zone data of their own; where one is newer, the rule cannot be compared.
        if (!(await haveSameData(zone))) {
          differing.push(zone);
          continue;
        }
        const key = signatureOf(zone);
        const known = expected.get(key) ?? onChangeDays(zone);
        expected.set(key, known);
        const rows = await t.look<{ instants: number[] }>(
          `SELECT array_agg(extract(epoch FROM app.instant_of(local::timestamp, $2)) * 1000 ORDER BY position)::float8[] AS instants
         FROM unnest($1::text[]) WITH ORDINALITY u(local, position)`,
          [known.locals, zone],
        );
        expect(
          known.locals.filter((_, index) => rows[0]?.instants[index] !== known.instants[index]),
          zone,
        ).toEqual([]);
      }
      expect(differing.length, differing.join()).toBeLessThan(10);
    },
  );

  test('of a shift keeps its hour when the clocks change around it', async () => {
    const { clinic, app } = await open({ shift: { startsAt: '09:00', endsAt: '17:00' } });
    expect(await firstOf(app, clinic, '2026-03-07')).toBe('2026-03-07T14:00Z');
    expect(await firstOf(app, clinic, '2026-03-08')).toBe('2026-03-08T13:00Z');
    expect(await firstOf(app, clinic, '2026-03-15')).toBe('2026-03-15T13:00Z');
    expect(await firstOf(app, clinic, '2026-10-31')).toBe('2026-10-31T13:00Z');
    expect(await firstOf(app, clinic, '2026-11-01')).toBe('2026-11-01T14:00Z');
    expect(await firstOf(app, clinic, '2026-11-08')).toBe('2026-11-08T14:00Z');
  });
});

describe('a shift in the night of the change', () => {
  test('from 01:00 to 04:00 lasts two hours in spring and four in autumn', async () => {
    const { clinic, app } = await open({ shift: { startsAt: '01:00', endsAt: '04:00' } });
    // Half-hour service, offered every quarter: hours * 4 - 1 starts.
    expect(await startsOf(app, clinic, '2026-03-07')).toHaveLength(11);
    const spring = await startsOf(app, clinic, '2026-03-08');
    expect([spring.length, spring[0], spring.at(-1)]).toEqual([7, '2026-03-08T06:00Z', '2026-03-08T07:30Z']);
    const autumn = await startsOf(app, clinic, '2026-11-01');
    expect([autumn.length, autumn[0], autumn.at(-1)]).toEqual([15, '2026-11-01T05:00Z', '2026-11-01T08:30Z']);
  });

  test('that begins in the hour that is skipped begins when it is over', async () => {
    const { clinic, app } = await open({ shift: { startsAt: '02:30', endsAt: '05:00' } });
    expect(await firstOf(app, clinic, '2026-03-08')).toBe('2026-03-08T07:00Z');
    expect(await startsOf(app, clinic, '2026-03-08')).toHaveLength(7);
  });

  test('that lies in the hour that is skipped does not take place', async () => {
    const { clinic, app } = await open({ shift: { startsAt: '02:00', endsAt: '03:00' } });
    expect(await startsOf(app, clinic, '2026-03-08')).toEqual([]);
    expect(await startsOf(app, clinic, '2026-03-09')).toHaveLength(3);
  });

  test('that begins in the hour that is repeated begins the first time', async () => {
    const { clinic, app } = await open({ shift: { startsAt: '01:30', endsAt: '03:00' } });
    expect(await firstOf(app, clinic, '2026-11-01')).toBe('2026-11-01T05:30Z');
    expect(await startsOf(app, clinic, '2026-11-01')).toHaveLength(9);
  });

  test('offers full hours of the local clock before and after, where the clocks move by half an hour', async () => {
    const { clinic, app } = await open({ timeZone: 'Australia/Lord_Howe', shift: { startsAt: '00:00', endsAt: '05:00' } });
    await app.send('PATCH', `/v1/locations/${clinic.locationId}`, { slotMinutes: 60, version: 1 });
    const local = (starts: string[]) =>
      starts.map((start) => Temporal.Instant.from(start).toZonedDateTimeISO('Australia/Lord_Howe').toPlainTime().toString().slice(0, 5));
    expect(local(await startsOf(app, clinic, '2026-10-04'))).toEqual(['00:00', '01:00', '03:00', '04:00']);
    expect(local(await startsOf(app, clinic, '2026-04-05'))).toEqual(['00:00', '01:00', '02:00', '03:00', '04:00']);
  });
});

describe('a shift until midnight', () => {
  test('ends at 24:00, and goes on where the next day begins at 00:00', async () => {
    const late = await open({ shift: { startsAt: '20:00', endsAt: '24:00' } });
    expect((await startsOf(late.app, late.clinic, '2026-03-02')).at(-1)).toBe('2026-03-03T04:30Z');
    const always = await open({ shift: { startsAt: '00:00', endsAt: '24:00' } });
    expect((await startsOf(always.app, always.clinic, '2026-03-02')).at(-1)).toBe('2026-03-03T04:45Z');
    expect(await startsOf(always.app, always.clinic, '2026-03-08')).toHaveLength(23 * 4);
    expect(await startsOf(always.app, always.clinic, '2026-11-01')).toHaveLength(25 * 4);
  });

  test('is answered as it was given', async () => {
    const { clinic, app } = await open({ shift: { startsAt: '20:00', endsAt: '24:00' } });
    const { body } = await app.get<{ items: { shifts: object[] }[] }>(`/v1/shift-rotations?providerId=${clinic.providerId}`);
    expect(body.items[0]?.shifts[0]).toEqual({ week: 0, weekday: 1, startsAt: '20:00', endsAt: '24:00' });
  });
});

describe('weeks that repeat', () => {
  const rotation = (clinic: Clinic, changes: object) => ({
    providerId: clinic.providerId,
    locationId: clinic.locationId,
    weeks: 3,
    effectiveFrom: '2026-02-20',
    shifts: [
      { week: 0, weekday: 1, startsAt: '09:00', endsAt: '10:00' },
      { week: 2, weekday: 3, startsAt: '09:00', endsAt: '10:00' },
    ],
    ...changes,
  });
  const end = (app: TestApp, id: string, effectiveUntil: string, version = 1) =>
    app.send('POST', `/v1/shift-rotations/${id}/end`, { effectiveUntil, version });
  const daysOf = async (app: TestApp, clinic: Clinic, from: string, to: string) => [
    ...new Set((await startsOf(app, clinic, from, to)).map((start) => start.slice(0, 10))),
  ];

  test('count from the anchor, forwards and backwards', async () => {
    for (const anchorDate of ['2026-03-02', '2026-05-04', '2025-12-29']) {
      const { clinic, app } = await open();
      await end(app, clinic.rotationId, '2026-02-20');
      expect((await app.send('POST', '/v1/shift-rotations', rotation(clinic, { anchorDate }))).status).toBe(201);
      expect(await daysOf(app, clinic, '2026-02-20', '2026-04-10'), anchorDate).toEqual([
        '2026-02-25',
        '2026-03-02',
        '2026-03-18',
        '2026-03-23',
        '2026-04-08',
      ]);
    }
  });

  test('begin with the week of their first day unless told otherwise', async () => {
    const { clinic, app } = await open();
    await end(app, clinic.rotationId, '2026-02-20');
    await app.send('POST', '/v1/shift-rotations', rotation(clinic, { effectiveFrom: '2026-02-26' }));
    expect(await daysOf(app, clinic, '2026-02-20', '2026-04-10')).toEqual(['2026-03-11', '2026-03-16', '2026-04-01', '2026-04-06']);
  });

  test('S6: are changed from today on, and past days stay as they were', async () => {
    const { clinic, app } = await open();
    const past = () =>
      t.look('SELECT work::text FROM app.provider_work($1, $2, $3, $4, $5, ARRAY[$6::uuid])', [
        clinic.organizationId,
        clinic.locationId,
        clinic.timeZone,
        '2026-01-01',
        '2026-02-20',
        clinic.providerId,
      ]);
    const before = await past();
    expect(before).toHaveLength(1);
    expect((await end(app, clinic.rotationId, '2026-02-20')).status).toBe(200);
    expect((await app.send('POST', '/v1/shift-rotations', rotation(clinic, {}))).status).toBe(201);
    expect(await past()).toEqual(before);
    const refused = [
      await end(app, clinic.rotationId, '2026-02-19', 2),
      await app.send('POST', '/v1/shift-rotations', rotation(clinic, { effectiveFrom: '2026-02-19' })),
    ];
    expect(refused.map(({ status, body }) => [status, (body as { slug: string }).slug])).toEqual([
      [422, 'in-the-past'],
      [422, 'in-the-past'],
    ]);
    expect(await past()).toEqual(before);
  });

  test('S6: that ended on a day that is over are not taken up again', async () => {
    const { clinic, app } = await open();
    await end(app, clinic.rotationId, '2026-02-20');
    const later = testApp(t.database, { as: clinic, now: () => new Date('2026-03-01T12:00:00Z') });
    expect((await end(later, clinic.rotationId, '2026-06-01', 2)).body).toMatchObject({ slug: 'in-the-past' });
  });

  test('are not extended over those that come after', async () => {
    const { clinic, app } = await open();
    await end(app, clinic.rotationId, '2026-03-01');
    await app.send('POST', '/v1/shift-rotations', rotation(clinic, { effectiveFrom: '2026-03-01' }));
    const answer = await end(app, clinic.rotationId, '2026-03-02', 2);
    expect(answer.body).toMatchObject({ slug: 'overlaps', errors: [{ pointer: '/effectiveUntil' }] });
    expect((await end(app, clinic.rotationId, '2026-02-25', 2)).status).toBe(200);
  });
});

/** Equal for zones whose clocks change at the same moments by the same amounts. */
function signatureOf(zone: string): string {
  const parts: string[] = [];
  let at = Temporal.ZonedDateTime.from({ timeZone: zone, year: 2026, month: 1, day: 1 });
  for (;;) {
    parts.push(at.offset, at.toInstant().toString());
    const next = at.getTimeZoneTransition('next');
    if (!next || next.year > 2027) return parts.join(' ');
    at = next;
  }
}

/** Whether Node and PostgreSQL know the same offsets of a zone, a day before and after each change. */
async function haveSameData(zone: string): Promise<boolean> {
  const moments = changeDays(zone).flatMap((day) => [-1, 2].map((days) => day.add({ days }).toZonedDateTime(zone)));
  const rows = await t.look<{ minutes: number }>(
    `SELECT (extract(epoch FROM (at AT TIME ZONE $2) - (at AT TIME ZONE 'UTC')) / 60)::float8 AS minutes
     FROM unnest($1::timestamptz[]) WITH ORDINALITY u(at, position) ORDER BY position`,
    [moments.map((moment) => moment.toInstant().toString()), zone],
  );
  return moments.every(({ offsetNanoseconds }, index) => rows[index]?.minutes === offsetNanoseconds / 60e9);
}

/** The quarters of the hours of the days around each change, and the instants that they stand for. */
function onChangeDays(zone: string) {
  const locals: string[] = [];
  const instants: number[] = [];
  for (const day of changeDays(zone)) {
    for (let quarter = 0; quarter < 2 * 96; quarter++) {
      const local = day.toPlainDateTime().add({ minutes: quarter * 15 });
      const zoned = local.toZonedDateTime(zone, { disambiguation: 'earlier' });
      // Skipped: Temporal's "earlier" lies before the gap, whose end is the first valid instant.
      const meant = zoned.toPlainDateTime().equals(local) ? zoned : zoned.getTimeZoneTransition('next');
      locals.push(local.toString());
      instants.push(meant?.epochMilliseconds ?? Number.NaN);
    }
  }
  return { locals, instants };
}
