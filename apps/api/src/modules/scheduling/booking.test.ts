import type { ProblemDocument } from '@medspa/contracts';
import { aClinic, aPatient, arrange, createTestDatabase, NOW, type Clinic, type ClinicOptions, type TestDatabase } from '@medspa/testing';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { testApp, type TestApp } from '../../../test/harness.ts';
import type { AppointmentJson } from './queries.ts';

let t: TestDatabase;
beforeAll(async () => {
  t = await createTestDatabase({ poolMax: 20 });
});
afterAll(() => t.drop());

async function open(options: ClinicOptions = {}) {
  const clinic = await aClinic(t.database, options);
  const app = testApp(t.database, { as: clinic, now: () => NOW });
  const patientId = await aPatient(t.database, clinic);
  return { clinic, app, patientId };
}

function booking(clinic: Clinic, patientId: string, startsAt: string, changes: object = {}) {
  return {
    locationId: clinic.locationId,
    patientId,
    startsAt,
    services: [{ serviceId: clinic.serviceId, providerId: clinic.providerId }],
    ...changes,
  };
}

const book = (app: TestApp, body: object, headers?: Record<string, string>) =>
  app.send<AppointmentJson & ProblemDocument>('POST', '/v1/appointments', body, headers);
const countOf = async (table: string, organizationId: string) =>
  Number((await t.look<{ count: string }>(`SELECT count(*) FROM ${table} WHERE organization_id = $1`, [organizationId]))[0]?.count);

/** A room of another kind or elsewhere, unless told otherwise. */
function aRoom(clinic: Clinic, where: { locationId?: string; roomTypeId?: string }): Promise<string> {
  const { organizationId, legalEntityId } = clinic;
  return arrange(t.database, clinic, async (tx) => {
    const location = { organizationId, legalEntityId, name: 'Elsewhere', timeZone: clinic.timeZone };
    const locationId = where.locationId ?? (await tx.location.create({ data: location })).id;
    const roomTypeId = where.roomTypeId ?? (await tx.roomType.create({ data: { organizationId, name: 'Laser' } })).id;
    return (await tx.room.create({ data: { organizationId, locationId, roomTypeId, name: 'Another' } })).id;
  });
}

const statuses = (answers: { status: number }[]) => answers.map(({ status }) => status).toSorted((a, b) => a - b);

describe('booking a visit', () => {
  test('claims provider, room and patient, and writes history, audit rows, event and job', async () => {
    const { clinic, app, patientId } = await open({ bufferBeforeMinutes: 5, bufferAfterMinutes: 10, roomTurnoverMinutes: 15 });
    const { status, body } = await book(app, booking(clinic, patientId, '2026-03-02T15:00:00Z'));
    expect(status).toBe(201);
    expect(body).toMatchObject({
      status: 'booked',
      version: 1,
      startsAt: '2026-03-02T15:00:00.000Z',
      endsAt: '2026-03-02T15:30:00.000Z',
      channel: 'desk',
    });
    const claims = await t.look(
      'SELECT resource_id, lower(during) AS since, upper(during) AS until FROM claim WHERE appointment_id = $1 ORDER BY since, until',
      [body.id],
    );
    expect(claims).toEqual([
      { resource_id: clinic.providerId, since: new Date('2026-03-02T14:55:00Z'), until: new Date('2026-03-02T15:40:00Z') },
      { resource_id: patientId, since: new Date('2026-03-02T15:00:00Z'), until: new Date('2026-03-02T15:30:00Z') },
      { resource_id: clinic.roomIds[0], since: new Date('2026-03-02T15:00:00Z'), until: new Date('2026-03-02T15:45:00Z') },
    ]);
    expect(await t.look('SELECT action, status, version FROM appointment_history WHERE appointment_id = $1', [body.id])).toEqual([
      { action: 'book', status: 'booked', version: 1 },
    ]);
    expect(
      await t.look(`SELECT action, actor_id, operation FROM audit_log WHERE table_name = 'appointment' AND row_id = $1`, [body.id]),
    ).toEqual([{ action: 'appointment.book', actor_id: clinic.actorId, operation: 'insert' }]);
    expect(await t.look('SELECT type, sequence::int FROM outbox_event WHERE subject_id = $1', [body.id])).toEqual([
      { type: 'appointment.book', sequence: 1 },
    ]);
  });

  test('S1, ASVS 2.3.4, 15.4.2: of fifty people booking one slot at once, exactly one wins; the others are offered three times', async () => {
    const { clinic, app } = await open();
    const patients = await Promise.all(Array.from({ length: 50 }, () => aPatient(t.database, clinic)));
    const deadlocks = () => t.look<{ deadlocks: number }>('SELECT deadlocks::int FROM pg_stat_database WHERE datname = current_database()');
    const before = await deadlocks();
    const answers = await Promise.all(patients.map((patientId) => book(app, booking(clinic, patientId, '2026-03-03T15:00:00Z'))));
    expect(statuses(answers)).toEqual([201, ...Array.from({ length: 49 }, () => 409)]);
    for (const { body } of answers.filter(({ status }) => status === 409)) {
      expect(body.slug).toBe('slot-taken');
      expect(body.busy).toContain('provider');
      expect(body.alternatives).toHaveLength(3);
    }
    expect(await countOf('appointment', clinic.organizationId)).toBe(1);
    expect(await countOf('appointment_history', clinic.organizationId)).toBe(1);
    expect(await countOf('appointment_segment', clinic.organizationId)).toBe(1);
    expect(
      await t.look(`SELECT count(*)::int FROM audit_log WHERE table_name = 'appointment' AND organization_id = $1`, [
        clinic.organizationId,
      ]),
    ).toEqual([{ count: 1 }]);
    expect(await deadlocks()).toEqual(before);
  });

  test('an alternative that is offered can be booked', async () => {
    const { clinic, app, patientId } = await open({ bufferAfterMinutes: 10, rooms: 1 });
    await book(app, booking(clinic, patientId, '2026-03-03T15:00:00Z'));
    const refused = await book(app, booking(clinic, await aPatient(t.database, clinic), '2026-03-03T15:15:00Z'));
    expect(refused.body.alternatives).toHaveLength(3);
    const [alternative] = refused.body.alternatives ?? [];
    const booked = await book(
      app,
      booking(clinic, await aPatient(t.database, clinic), alternative?.startsAt ?? '', { services: alternative?.services }),
    );
    expect(booked.status).toBe(201);
  });

  test('visits back to back do not collide, also with two services in one', async () => {
    const { clinic, app, patientId } = await open();
    const service = { serviceId: clinic.serviceId, providerId: clinic.providerId };
    const { status, body } = await book(app, booking(clinic, patientId, '2026-03-03T15:00:00Z', { services: [service, service] }));
    expect(status).toBe(201);
    expect(body.services.map(({ startsAt }) => startsAt)).toEqual(['2026-03-03T15:00:00.000Z', '2026-03-03T15:30:00.000Z']);
    expect((await book(app, booking(clinic, patientId, '2026-03-03T16:00:00Z'))).status).toBe(201);
  });

  test('gives a room to each of two at once, and refuses the third', async () => {
    const { clinic, app } = await open({ providers: 3, rooms: 2 });
    const patients = await Promise.all(Array.from({ length: 3 }, () => aPatient(t.database, clinic)));
    const { providerIds } = clinic;
    const answers = await Promise.all(
      providerIds.map((providerId, index) =>
        book(
          app,
          booking(clinic, patients[index] ?? '', '2026-03-03T15:00:00Z', { services: [{ serviceId: clinic.serviceId, providerId }] }),
        ),
      ),
    );
    expect(statuses(answers)).toEqual([201, 201, 409]);
    expect(answers.find(({ status }) => status === 409)?.body.busy).toEqual(['room']);
  });

  test('the patient can be in one place only, whoever performs it', async () => {
    const { clinic, app, patientId } = await open({ providers: 2 });
    const [first = '', second = ''] = clinic.providerIds;
    const by = (providerId: string) => ({ services: [{ serviceId: clinic.serviceId, providerId }] });
    expect((await book(app, booking(clinic, patientId, '2026-03-03T15:00:00Z', by(first)))).status).toBe(201);
    const refused = await book(app, booking(clinic, patientId, '2026-03-03T15:15:00Z', by(second)));
    expect(refused.status).toBe(409);
    expect(refused.body.busy).toEqual(['patient']);
  });
});

describe('a hold', () => {
  const hold = (clinic: Clinic, resourceId: string | undefined, expiresAt: string) =>
    arrange(t.database, clinic, async (tx) => {
      await tx.$executeRaw`INSERT INTO claim (organization_id, resource_id, during, kind, expires_at)
        VALUES (${clinic.organizationId}::uuid, ${resourceId}::uuid, '[2026-03-03 15:00Z,2026-03-03 16:00Z)', 'hold', ${new Date(expiresAt)})`;
    });

  test('takes the time while it lasts', async () => {
    const { clinic, app, patientId } = await open({ rooms: 1 });
    await hold(clinic, clinic.roomIds[0], '2026-03-02T12:00:01Z');
    expect((await book(app, booking(clinic, patientId, '2026-03-03T15:15:00Z'))).body.busy).toEqual(['room']);
    await hold(clinic, clinic.providerId, '2026-03-02T12:00:01Z');
    expect((await book(app, booking(clinic, patientId, '2026-03-03T15:15:00Z'))).status).toBe(409);
  });

  test('that has run out gives way, whether it held provider, room or patient, also to many at once', async () => {
    const { clinic, app, patientId } = await open({ providers: 2, rooms: 2 });
    for (const resourceId of [...clinic.providerIds, ...clinic.roomIds, patientId]) await hold(clinic, resourceId, '2026-03-02T12:00:00Z');
    const patients = [patientId, await aPatient(t.database, clinic)];
    const [first = '', second = ''] = clinic.roomIds;
    // Two visits of two services each, that want the rooms in opposite order.
    const answers = await Promise.all(
      clinic.providerIds.map((providerId, index) => {
        const rooms = index === 0 ? [first, second] : [second, first];
        const services = rooms.map((roomId) => ({ serviceId: clinic.serviceId, providerId, roomId }));
        return book(app, booking(clinic, patients[index] ?? '', '2026-03-03T15:00:00Z', { services }));
      }),
    );
    expect(statuses(answers)).toEqual([201, 201]);
    expect(await t.look(`SELECT 1 FROM claim WHERE organization_id = $1 AND kind = 'hold'`, [clinic.organizationId])).toEqual([]);
  });
});

describe('a repeated booking', () => {
  test('with the same key and body gives the same answer and one effect, also at the same moment', async () => {
    const { clinic, app, patientId } = await open();
    const body = booking(clinic, patientId, '2026-03-04T15:00:00Z');
    const headers = { 'idempotency-key': 'retry-0001' };
    const answers = await Promise.all(Array.from({ length: 8 }, () => book(app, body, headers)));
    expect(answers.map(({ status }) => status)).toEqual(Array.from({ length: 8 }, () => 201));
    expect(new Set(answers.map(({ text }) => text)).size).toBe(1);
    expect(await countOf('appointment', clinic.organizationId)).toBe(1);
    expect((await book(app, body, headers)).text).toBe(answers[0]?.text);
  });

  test('with the same key and another body is refused', async () => {
    const { clinic, app, patientId } = await open();
    const headers = { 'idempotency-key': 'retry-0002' };
    await book(app, booking(clinic, patientId, '2026-03-04T15:00:00Z'), headers);
    const other = await book(app, booking(clinic, patientId, '2026-03-04T17:00:00Z'), headers);
    expect(other.status).toBe(422);
    expect(other.body.slug).toBe('idempotency-key-reused');
  });

  test('that was refused may succeed later under the same key', async () => {
    const { clinic, app, patientId } = await open();
    const first = await book(app, booking(clinic, patientId, '2026-03-04T15:00:00Z'));
    const headers = { 'idempotency-key': 'retry-0003' };
    const wanted = booking(clinic, await aPatient(t.database, clinic), '2026-03-04T15:00:00Z');
    expect((await book(app, wanted, headers)).status).toBe(409);
    await app.send('POST', `/v1/appointments/${first.body.id}/cancel`, { reason: 'patient_request', version: 1 });
    expect((await book(app, wanted, headers)).status).toBe(201);
  });
});

describe('ASVS 2.3.3: a booking is refused, and nothing is written,', () => {
  const refusals: [
    name: string,
    change: (clinic: Clinic, other: Clinic, patientId: string) => Promise<object> | object,
    status: number,
    slug: string,
    pointer: string,
  ][] = [
    [
      'of a patient of another organization',
      async (_, other) => ({ patientId: await aPatient(t.database, other) }),
      404,
      'not-found',
      '/patientId',
    ],
    ['at a location of another organization', (_, other) => ({ locationId: other.locationId }), 404, 'not-found', '/locationId'],
    [
      'of a service of another organization',
      (clinic, other) => ({ services: [{ serviceId: other.serviceId, providerId: clinic.providerId }] }),
      404,
      'not-found',
      '/services/0/serviceId',
    ],
    [
      'with a provider of another organization',
      (clinic, other) => ({ services: [{ serviceId: clinic.serviceId, providerId: other.providerId }] }),
      404,
      'not-found',
      '/services/0/providerId',
    ],
    [
      'in a room of another organization',
      (clinic, other) => ({ services: [{ serviceId: clinic.serviceId, providerId: clinic.providerId, roomId: other.roomIds[0] }] }),
      404,
      'not-found',
      '/services/0/roomId',
    ],
    [
      'of an inactive patient',
      async (clinic) => ({ patientId: await aPatient(t.database, clinic, { isActive: false }) }),
      422,
      'patient-inactive',
      '/patientId',
    ],
    ['on a day that is over', () => ({ startsAt: '2026-03-01T15:00:00Z' }), 422, 'in-the-past', '/startsAt'],
    ['outside of the shift', () => ({ startsAt: '2026-03-03T03:00:00Z' }), 422, 'provider-not-working', '/services/0/providerId'],
    ['that reaches beyond the shift', () => ({ startsAt: '2026-03-04T00:45:00Z' }), 422, 'provider-not-working', '/services/0/providerId'],
    ['at a local time that does not exist', () => ({ startsAt: '2026-03-08T02:30' }), 422, 'local-time-skipped', '/startsAt'],
    ['at a local time that exists twice', () => ({ startsAt: '2026-11-01T01:30' }), 422, 'local-time-repeated', '/startsAt'],
    [
      'at a location that is closed',
      async (clinic) => {
        await arrange(t.database, clinic, (tx) =>
          tx.location.updateMany({ where: { id: clinic.locationId }, data: { isActive: false, version: 2 } }),
        );
        return {};
      },
      422,
      'location-inactive',
      '/locationId',
    ],
    [
      'of a service that was retired in between',
      async (clinic) => {
        await arrange(t.database, clinic, (tx) =>
          tx.service.updateMany({ where: { id: clinic.serviceId }, data: { isActive: false, version: 2 } }),
        );
        return {};
      },
      422,
      'service-not-offered',
      '/services/0/serviceId',
    ],
    [
      'with a provider who is not active',
      async (clinic) => {
        await arrange(t.database, clinic, (tx) =>
          tx.provider.updateMany({ where: { id: clinic.providerId }, data: { isActive: false, version: 2 } }),
        );
        return {};
      },
      422,
      'provider-not-qualified',
      '/services/0/providerId',
    ],
    [
      'with a provider who lost the skill',
      async (clinic) => {
        await arrange(t.database, clinic, (tx) => tx.providerService.deleteMany({ where: { serviceId: clinic.serviceId } }));
        return {};
      },
      422,
      'provider-not-qualified',
      '/services/0/providerId',
    ],
    [
      'in a room that is not in use',
      async (clinic) => {
        await arrange(t.database, clinic, (tx) =>
          tx.room.updateMany({ where: { id: clinic.roomIds[0] ?? '' }, data: { isActive: false, version: 2 } }),
        );
        return { services: [{ serviceId: clinic.serviceId, providerId: clinic.providerId, roomId: clinic.roomIds[0] }] };
      },
      422,
      'room-unsuitable',
      '/services/0/roomId',
    ],
    [
      'in a room of another kind',
      async (clinic) => {
        const roomId = await aRoom(clinic, { locationId: clinic.locationId });
        return { services: [{ serviceId: clinic.serviceId, providerId: clinic.providerId, roomId }] };
      },
      422,
      'room-unsuitable',
      '/services/0/roomId',
    ],
    [
      'in a room of another location',
      async (clinic) => {
        const roomId = await aRoom(clinic, { roomTypeId: clinic.roomTypeId });
        return { services: [{ serviceId: clinic.serviceId, providerId: clinic.providerId, roomId }] };
      },
      422,
      'room-unsuitable',
      '/services/0/roomId',
    ],
    ['off the five-minute grid', () => ({ startsAt: '2026-03-03T15:02:00Z' }), 400, 'invalid-request', '/startsAt'],
    ['with an unknown key', () => ({ price: 0 }), 400, 'invalid-request', '/price'],
  ];

  test.each(refusals)('%s', async (_name, change, status, slug, pointer) => {
    const { clinic, app, patientId } = await open();
    const other = await aClinic(t.database);
    const answer = await book(app, { ...booking(clinic, patientId, '2026-03-03T15:00:00Z'), ...(await change(clinic, other, patientId)) });
    expect(answer.status).toBe(status);
    expect(answer.body.slug).toBe(slug);
    expect(answer.body.errors?.map((error) => error.pointer)).toContain(pointer);
    for (const table of ['appointment', 'claim', 'appointment_history', 'outbox_event', 'idempotency_key'])
      expect(await countOf(table, clinic.organizationId), table).toBe(0);
  });

  test('without the permission', async () => {
    const { clinic, patientId } = await open();
    const app = testApp(t.database, { as: { ...clinic, permissions: ['appointment:read', 'schedule:read'] }, now: () => NOW });
    const answer = await book(app, booking(clinic, patientId, '2026-03-03T15:00:00Z'));
    expect(answer.status).toBe(403);
    expect(await countOf('appointment', clinic.organizationId)).toBe(0);
  });
});
