import { aClinic, arrange, createTestDatabase, type TestDatabase } from '@medspa/testing';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { claimsOf, openDesk, type Desk, type Visit } from '../../../test/visits.ts';

let t: TestDatabase;
beforeAll(async () => {
  t = await createTestDatabase({ poolMax: 20 });
});
afterAll(() => t.drop());

const at = (startsAt: string) => new Date(startsAt).toISOString();
const by = ({ clinic }: Desk, provider: number, roomId?: string) => ({
  services: [{ serviceId: clinic.serviceId, providerId: clinic.providerIds[provider], roomId }],
});
const deadlocks = async () =>
  (await t.look<{ deadlocks: number }>('SELECT deadlocks::int FROM pg_stat_database WHERE datname = current_database()'))[0]?.deadlocks;

/** New terms for the clinic's service from a date on. */
async function revise({ app, clinic }: Desk, changes: object): Promise<void> {
  const terms = { effectiveFrom: '2026-03-02', durationMinutes: 30, roomTypeId: clinic.roomTypeId, ...changes };
  const { status } = await app.send('POST', `/v1/services/${clinic.serviceId}/terms`, terms);
  expect(status).toBe(201);
}

describe('a visit that is moved', () => {
  test('keeps its id, gives the old time back and takes the new one', async () => {
    const desk = await openDesk(t);
    const visit = await desk.booked('2026-03-03T15:00:00Z');
    const { status, body } = await desk.move(visit, '2026-03-04T16:00:00Z');
    expect(status).toBe(200);
    expect(body).toMatchObject({
      id: visit.id,
      status: 'booked',
      version: 2,
      startsAt: at('2026-03-04T16:00:00Z'),
      endsAt: at('2026-03-04T16:30:00Z'),
    });
    expect(await desk.read(visit)).toEqual(body);
    expect(new Set((await claimsOf(t, visit)).map(({ since }) => since.toISOString()))).toEqual(new Set([at('2026-03-04T16:00:00Z')]));
    expect((await desk.book('2026-03-03T15:00:00Z')).status).toBe(201);
  });

  test('may overlap with its own old time', async () => {
    const desk = await openDesk(t, { durationMinutes: 60 });
    const visit = await desk.booked('2026-03-03T15:00:00Z');
    expect((await desk.move(visit, '2026-03-03T15:15:00Z')).status).toBe(200);
  });

  test('keeps the terms that it was booked with, though the service has others by now', async () => {
    const desk = await openDesk(t, { durationMinutes: 30, bufferAfterMinutes: 10 });
    const visit = await desk.booked('2026-03-03T15:00:00Z');
    await revise(desk, { durationMinutes: 90, bufferAfterMinutes: 30 });
    const { body } = await desk.move(visit, '2026-03-04T16:00:00Z');
    expect(body.endsAt).toBe(at('2026-03-04T16:30:00Z'));
    expect((await claimsOf(t, visit)).find(({ resource_id }) => resource_id === desk.clinic.providerId)?.until).toEqual(
      new Date('2026-03-04T16:40:00Z'),
    );
    expect((await desk.booked('2026-03-05T15:00:00Z')).endsAt).toBe(at('2026-03-05T16:30:00Z'));
  });

  test('can be moved though its service is retired', async () => {
    const desk = await openDesk(t);
    const visit = await desk.booked('2026-03-03T15:00:00Z');
    await desk.app.send('PATCH', `/v1/services/${desk.clinic.serviceId}`, { isActive: false, version: 1 });
    expect((await desk.book('2026-03-04T15:00:00Z')).body.slug).toBe('service-not-offered');
    expect((await desk.move(visit, '2026-03-04T15:00:00Z')).status).toBe(200);
  });

  test('keeps its room where that is free, takes another where it is not, and the named one when told', async () => {
    const desk = await openDesk(t, { rooms: 3, providers: 3 });
    const [one, two, three] = desk.clinic.roomIds;
    const visit = await desk.booked('2026-03-03T15:00:00Z', by(desk, 0, two));
    const kept = (await desk.move(visit, '2026-03-03T16:00:00Z')).body;
    expect(kept.services[0]?.roomId).toBe(two);
    await desk.booked('2026-03-03T17:00:00Z', { ...by(desk, 1, two), patientId: await desk.aPatient() });
    const other = (await desk.move(kept, '2026-03-03T17:00:00Z')).body;
    expect(other.services[0]?.roomId).toBe(one);
    const named = await desk.move(other, '2026-03-03T18:00:00Z', { assignments: [{ id: visit.services[0]?.id, roomId: three }] });
    expect(named.body.services[0]?.roomId).toBe(three);
    const taken = await desk.move(named.body, '2026-03-03T17:00:00Z', { assignments: [{ id: visit.services[0]?.id, roomId: two }] });
    expect([taken.status, taken.body.busy]).toEqual([409, ['room']]);
    // Offered is the same time in any room.
    const [offered] = taken.body.alternatives ?? [];
    expect(offered?.startsAt).toBe(at('2026-03-03T17:00:00Z'));
    const assignments = [{ id: visit.services[0]?.id, providerId: offered?.services[0]?.providerId }];
    expect((await desk.move(named.body, offered?.startsAt ?? '', { assignments })).status).toBe(200);
  });

  test('leaves a room that is not in use any more', async () => {
    const desk = await openDesk(t);
    const visit = await desk.booked('2026-03-03T15:00:00Z');
    const [roomId, other] = desk.clinic.roomIds;
    expect(visit.services[0]?.roomId).toBe(roomId);
    await desk.app.send('PATCH', `/v1/rooms/${roomId}`, { isActive: false, version: 1 });
    expect((await desk.move(visit, '2026-03-03T16:00:00Z')).body.services[0]?.roomId).toBe(other);
  });

  test('goes to another provider when told', async () => {
    const desk = await openDesk(t, { providers: 2 });
    const visit = await desk.booked('2026-03-03T15:00:00Z');
    const [, second] = desk.clinic.providerIds;
    const { body } = await desk.move(visit, '2026-03-03T15:00:00Z', { assignments: [{ id: visit.services[0]?.id, providerId: second }] });
    expect(body.services[0]?.providerId).toBe(second);
    expect((await claimsOf(t, visit)).map(({ resource_id }) => resource_id)).not.toContain(desk.clinic.providerId);
  });

  test('keeps the pauses between its services, and who performs them', async () => {
    const desk = await openDesk(t, { providers: 2 });
    const visit = await desk.booked('2026-03-03T15:00:00Z', { services: [0, 1].flatMap((provider) => by(desk, provider).services) });
    // A pause of twenty minutes, as an import brings it.
    const later = visit.services[1]?.id;
    await arrange(t.database, desk.clinic, async (tx) => {
      await tx.$executeRaw`UPDATE appointment_segment SET starts_at = starts_at + interval '20 minutes', ends_at = ends_at + interval '20 minutes' WHERE id = ${later}::uuid`;
      await tx.$executeRaw`UPDATE appointment SET ends_at = ends_at + interval '20 minutes', version = 2 WHERE id = ${visit.id}::uuid`;
    });
    const { body } = await desk.move({ ...visit, version: 2 }, '2026-03-04T15:00:00Z');
    expect(body.services.map(({ startsAt, providerId }) => [startsAt, providerId])).toEqual([
      [at('2026-03-04T15:00:00Z'), desk.clinic.providerIds[0]],
      [at('2026-03-04T15:50:00Z'), desk.clinic.providerIds[1]],
    ]);
    expect(body.endsAt).toBe(at('2026-03-04T16:20:00Z'));
    // The patient stays in between.
    const elsewhere = await desk.book('2026-03-04T15:30:00Z', { ...by(desk, 0), services: by(desk, 0).services });
    expect(elsewhere.body.busy).toEqual(['patient']);
  });

  test('over a change of clocks keeps its length', async () => {
    const desk = await openDesk(t, { shift: { startsAt: '00:00', endsAt: '24:00' }, durationMinutes: 60 });
    const visit = await desk.booked('2026-03-03T15:00:00Z', { services: [0, 0].flatMap((provider) => by(desk, provider).services) });
    const { body } = await desk.move(visit, '2026-03-08T06:30:00Z');
    expect(body.services.map(({ startsAt, endsAt }) => [startsAt, endsAt])).toEqual([
      [at('2026-03-08T06:30:00Z'), at('2026-03-08T07:30:00Z')],
      [at('2026-03-08T07:30:00Z'), at('2026-03-08T08:30:00Z')],
    ]);
  });
});

describe('moving is refused, and everything stays as it was,', () => {
  const refusals: [
    name: string,
    ask: (desk: Desk, visit: Visit) => Promise<Awaited<ReturnType<Desk['move']>>>,
    status: number,
    body: object,
  ][] = [
    [
      'to a time that is taken, with alternatives',
      async (desk, visit) => {
        await desk.booked('2026-03-04T15:00:00Z', { patientId: await desk.aPatient() });
        return desk.move(visit, '2026-03-04T15:15:00Z');
      },
      409,
      { slug: 'slot-taken', busy: ['provider'], alternatives: expect.any(Array) as unknown },
    ],
    [
      'by somebody who read an earlier version',
      (desk, visit) => desk.move({ ...visit, version: 9 }, '2026-03-04T15:00:00Z'),
      409,
      { slug: 'stale-version', version: 1 },
    ],
    [
      'to a day that is over',
      (desk, visit) => desk.move(visit, '2026-03-01T15:00:00Z'),
      422,
      { slug: 'in-the-past', errors: [{ in: 'body', pointer: '/startsAt' }] },
    ],
    [
      'outside of the shift',
      (desk, visit) => desk.move(visit, '2026-03-04T03:00:00Z'),
      422,
      { slug: 'provider-not-working', errors: [{ pointer: '/startsAt' }], alternatives: expect.any(Array) as unknown },
    ],
    [
      'to a provider who does not work then',
      async (desk, visit) => {
        const { body } = await desk.app.send<{ id: string }>('POST', '/v1/staff', {
          givenName: 'New',
          familyName: 'Hire',
          jobTitle: 'Injector',
        });
        const provider = await desk.app.send<{ id: string }>('POST', '/v1/providers', {
          staffId: body.id,
          displayName: 'New Hire',
          credential: 'RN',
        });
        await desk.app.send('PUT', `/v1/services/${desk.clinic.serviceId}/providers/${provider.body.id}`);
        return desk.move(visit, '2026-03-04T15:00:00Z', { assignments: [{ id: visit.services[0]?.id, providerId: provider.body.id }] });
      },
      422,
      { slug: 'provider-not-working', errors: [{ pointer: '/assignments/0/providerId' }] },
    ],
    [
      'when the provider lost the skill and nobody else is named',
      async (desk, visit) => {
        await desk.app.send('DELETE', `/v1/services/${desk.clinic.serviceId}/providers/${desk.clinic.providerId}`);
        return desk.move(visit, '2026-03-04T15:00:00Z');
      },
      422,
      { slug: 'provider-not-qualified', errors: [{ pointer: '/assignments' }] },
    ],
    [
      'to a room of another kind',
      async (desk, visit) => {
        const type = await desk.app.send<{ id: string }>('POST', '/v1/room-types', { name: 'Laser' });
        const room = await desk.app.send<{ id: string }>('POST', '/v1/rooms', {
          locationId: desk.clinic.locationId,
          roomTypeId: type.body.id,
          name: 'Laser 1',
        });
        return desk.move(visit, '2026-03-04T15:00:00Z', { assignments: [{ id: visit.services[0]?.id, roomId: room.body.id }] });
      },
      422,
      { slug: 'room-unsuitable', errors: [{ pointer: '/assignments/0/roomId' }] },
    ],
    [
      'of a service that the visit does not have',
      async (desk, visit) => {
        const other = await desk.booked('2026-03-05T15:00:00Z');
        return desk.move(visit, '2026-03-04T15:00:00Z', { assignments: [{ id: other.services[0]?.id }] });
      },
      404,
      { slug: 'not-found', errors: [{ pointer: '/assignments/0/id' }] },
    ],
    [
      'of one service named twice',
      (desk, visit) =>
        desk.move(visit, '2026-03-04T15:00:00Z', { assignments: [visit, visit].map(({ services }) => ({ id: services[0]?.id })) }),
      400,
      { slug: 'invalid-request', errors: [{ pointer: '/assignments/1/id' }] },
    ],
    [
      'at a location that closed',
      async (desk, visit) => {
        await desk.app.send('PATCH', `/v1/locations/${desk.clinic.locationId}`, { isActive: false, version: 1 });
        return desk.move(visit, '2026-03-04T15:00:00Z');
      },
      422,
      { slug: 'location-inactive' },
    ],
    [
      'of a patient who died',
      async (desk, visit) => {
        await desk.app.send('PATCH', `/v1/patients/${desk.patientId}`, { deceasedOn: '2026-03-01', version: 1 });
        return desk.move(visit, '2026-03-04T15:00:00Z');
      },
      422,
      { slug: 'patient-inactive' },
    ],
    [
      'to a local time that does not exist',
      (desk, visit) => desk.move(visit, '2026-03-08T02:30'),
      422,
      { slug: 'local-time-skipped', errors: [{ pointer: '/startsAt' }] },
    ],
  ];

  test.each(refusals)('%s', async (_, ask, status, said) => {
    const desk = await openDesk(t);
    const visit = await desk.booked('2026-03-03T15:00:00Z');
    const before = [await desk.read(visit), await claimsOf(t, visit)];
    const answer = await ask(desk, visit);
    expect(answer.status).toBe(status);
    expect(answer.body).toMatchObject(said);
    expect([await desk.read(visit), await claimsOf(t, visit)]).toEqual(before);
  });

  test('and its alternatives count its own time as free, on the terms that it was booked with', async () => {
    const desk = await openDesk(t, { durationMinutes: 60, shift: { startsAt: '10:00', endsAt: '12:00' } });
    const visit = await desk.booked('2026-03-03T15:00:00Z');
    await revise(desk, { durationMinutes: 120 });
    const { body } = await desk.move(visit, '2026-03-03T14:00:00Z');
    const starts = body.alternatives?.map(({ startsAt }) => startsAt.slice(11, 16));
    expect(starts).toEqual(['15:15', '15:30', '15:45']);
  });
});

describe('at the same moment', () => {
  test("two visits that want each other's place never wait for each other in a circle", async () => {
    const desk = await openDesk(t, { providers: 2, rooms: 2 });
    const [first, second] = [
      await desk.booked('2026-03-03T15:00:00Z', by(desk, 0)),
      await desk.booked('2026-03-03T15:00:00Z', { ...by(desk, 1), patientId: await desk.aPatient() }),
    ];
    const before = await deadlocks();
    for (let round = 0; round < 100; round++) {
      const answers = await Promise.all([
        desk.move(first, '2026-03-03T15:00:00Z', { assignments: [{ id: first.services[0]?.id, providerId: desk.clinic.providerIds[1] }] }),
        desk.move(second, '2026-03-03T15:00:00Z', {
          assignments: [{ id: second.services[0]?.id, providerId: desk.clinic.providerIds[0] }],
        }),
      ]);
      expect(answers.map(({ status }) => status)).toEqual([409, 409]);
    }
    expect(await deadlocks()).toBe(before);
  });

  test('two moves of one visit: one is made, the other is told that it read an earlier version', async () => {
    const desk = await openDesk(t);
    const visit = await desk.booked('2026-03-03T15:00:00Z');
    const answers = await Promise.all([desk.move(visit, '2026-03-04T15:00:00Z'), desk.move(visit, '2026-03-05T15:00:00Z')]);
    expect(answers.map(({ status }) => status).toSorted((a, b) => a - b)).toEqual([200, 409]);
    expect(answers.find(({ status }) => status === 409)?.body).toMatchObject({ slug: 'stale-version', version: 2 });
  });

  test('a move and bookings into one slot have one winner', async () => {
    const desk = await openDesk(t, { rooms: 8 });
    const patients = await Promise.all(Array.from({ length: 8 }, () => desk.aPatient()));
    for (let round = 0; round < 10; round++) {
      const slot = `2026-03-${String(10 + round).padStart(2, '0')}T15:00:00Z`;
      const visit = await desk.booked(slot.replace('T15', 'T18'));
      const answers = await Promise.all([desk.move(visit, slot), ...patients.map((patientId) => desk.book(slot, { patientId }))]);
      expect(answers.filter(({ status }) => status === 200 || status === 201)).toHaveLength(1);
      expect(answers.filter(({ status }) => status === 409)).toHaveLength(8);
    }
  });

  test('visits of two organizations do not disturb each other', async () => {
    const desk = await openDesk(t);
    const other = await aClinic(t.database);
    const visit = await desk.booked('2026-03-03T15:00:00Z');
    const answer = await desk.move(visit, '2026-03-04T15:00:00Z', {
      assignments: [{ id: visit.services[0]?.id, providerId: other.providerId }],
    });
    expect(answer.body).toMatchObject({ slug: 'not-found', errors: [{ pointer: '/assignments/0/providerId' }] });
  });
});
