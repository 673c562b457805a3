import type { ProblemDocument } from '@medspa/contracts';
import { aClinic, createTestDatabase, NOW, testCodec, type Clinic, type TestDatabase } from '@medspa/testing';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { testApp } from '../../../test/harness.ts';

let t: TestDatabase;
/** Texts of the statements that were sent, newest last. */
const statements: string[] = [];
beforeAll(async () => {
  t = await createTestDatabase({}, { observer: { queried: (text) => statements.push(text) } });
});
afterAll(() => t.drop());

type Report = { imported: number; alreadyThere: number };
type Row = { sourceId: string; givenName: string; familyName: string; [field: string]: unknown };

const rowOf = (index: number): Row => ({
  sourceId: `old-${index}`,
  givenName: `Given${index}`,
  familyName: `Family${index}`,
  birthDate: '1980-01-31',
  phone: '+12125550100',
  email: `p${index}@patients.example`,
  note: 'Imported.',
});

async function open() {
  const clinic = await aClinic(t.database);
  const app = testApp(t.database, { as: clinic, now: () => NOW });
  return { clinic, app, send: (patients: unknown[]) => app.send<Report & ProblemDocument>('POST', '/v1/patients/import', { patients }) };
}

const countOf = async ({ organizationId }: Clinic) =>
  (
    await t.look<{ patients: number; resources: number }>(
      `SELECT (SELECT count(*)::int FROM patient WHERE organization_id = $1) AS patients,
       (SELECT count(*)::int FROM resource WHERE organization_id = $1 AND kind = 'patient') AS resources`,
      [organizationId],
    )
  )[0];

describe('an import', () => {
  test('of a thousand rows is one statement, and each row is found, sealed and bookable like any other', async () => {
    const { clinic, app, send } = await open();
    statements.length = 0;
    const { status, body } = await send(Array.from({ length: 1_000 }, (_, index) => rowOf(index)));
    expect([status, body]).toEqual([200, { imported: 1_000, alreadyThere: 0 }]);
    expect(statements.filter((text) => text.includes('INSERT INTO')).length).toBe(1);
    expect(await countOf(clinic)).toEqual({ patients: 1_000, resources: 1_000 });
    const found = await app.send<{ items: { id: string }[] }>('POST', '/v1/patients/search', { email: 'P731@patients.example' });
    const id = found.body.items[0]?.id ?? '';
    expect((await app.get(`/v1/patients/${id}`)).body).toMatchObject({
      givenName: 'Given731',
      birthDate: '1980-01-31',
      phone: '+12125550100',
      note: 'Imported.',
      isActive: true,
    });
    const visit = {
      locationId: clinic.locationId,
      patientId: id,
      startsAt: '2026-03-03T15:00:00Z',
      services: [{ serviceId: clinic.serviceId, providerId: clinic.providerId }],
    };
    expect((await app.send('POST', '/v1/appointments', visit)).status).toBe(201);
    expect(
      await t.look(`SELECT count(*)::int FROM audit_log WHERE organization_id = $1 AND action = 'patient.import'`, [clinic.organizationId]),
    ).toEqual([{ count: 1_000 }]);
  });

  test('sent again changes nothing, and sent half known adds the other half', async () => {
    const { clinic, app, send } = await open();
    await send([rowOf(1), rowOf(2)]);
    expect((await send([rowOf(1), rowOf(2)])).body).toEqual({ imported: 0, alreadyThere: 2 });
    expect((await send([{ ...rowOf(2), givenName: 'Changed' }, rowOf(3), rowOf(4)])).body).toEqual({ imported: 2, alreadyThere: 1 });
    expect(await countOf(clinic)).toEqual({ patients: 4, resources: 4 });
    const { body } = await app.get<{ items: { givenName: string }[] }>('/v1/patients');
    expect(body.items.map(({ givenName }) => givenName)).toEqual(['Given1', 'Given2', 'Given3', 'Given4']);
  });

  test('of the same rows twice at the same moment adds them once', async () => {
    const { clinic, send } = await open();
    const rows = Array.from({ length: 50 }, (_, index) => rowOf(index));
    const answers = await Promise.all([send(rows), send(rows), send(rows.toReversed())]);
    expect(answers.map(({ status }) => status)).toEqual([200, 200, 200]);
    expect(answers.reduce((sum, { body }) => sum + body.imported, 0)).toBe(50);
    expect(await countOf(clinic)).toEqual({ patients: 50, resources: 50 });
  });

  test.each<[name: string, row: (good: Row) => unknown, status: number, pointer: string]>([
    ['without a name', ({ givenName: _, ...row }) => row, 400, '/patients/1/givenName'],
    ['with an impossible birth date', (row) => ({ ...row, birthDate: '1999-02-29' }), 400, '/patients/1/birthDate'],
    ['with a birth date to come', (row) => ({ ...row, birthDate: '2030-01-01' }), 422, '/patients/1/birthDate'],
    ['with a death to come', (row) => ({ ...row, deceasedOn: '2030-01-01' }), 422, '/patients/1/deceasedOn'],
    ['with a death before the birth', (row) => ({ ...row, deceasedOn: '1980-01-30' }), 422, '/patients/1/deceasedOn'],
    ['active after a death', (row) => ({ ...row, deceasedOn: '2020-01-01', isActive: true }), 400, '/patients/1/isActive'],
    ['with a phone that is none', (row) => ({ ...row, phone: '555-0100' }), 400, '/patients/1/phone'],
    ['with an unknown key', (row) => ({ ...row, ssn: '000-00-0000' }), 400, '/patients/1/ssn'],
    ['with the source id of another row', (row) => ({ ...row, sourceId: 'old-0' }), 400, '/patients/1/sourceId'],
    ['with a NUL byte', (row) => ({ ...row, note: 'a\u0000b' }), 400, '/patients/1/note'],
  ])('writes nothing when one row is bad: %s', async (_, bad, status, pointer) => {
    const { clinic, send } = await open();
    const answer = await send([rowOf(0), bad(rowOf(1)), rowOf(2)]);
    expect([answer.status, answer.body.errors?.map((error) => error.pointer)]).toEqual([status, [pointer]]);
    expect(await countOf(clinic)).toEqual({ patients: 0, resources: 0 });
  });

  test('holds at least one row and at most a thousand', async () => {
    const { send } = await open();
    for (const count of [0, 1_001])
      expect(
        (await send(Array.from({ length: count }, (_, index) => ({ sourceId: String(index), givenName: 'A', familyName: 'B' })))).status,
      ).toBe(400);
  });

  test('keeps the number of the other system sealed, in the table, the audit log and the kept answer', async () => {
    const { clinic, app, send } = await open();
    const chart = 'CHART-4711-SECRET';
    await app.send('POST', '/v1/patients/import', { patients: [{ ...rowOf(1), sourceId: chart }] }, { 'idempotency-key': 'an-import' });
    const [everything] = await t.look<{ text: string }>(
      `SELECT string_agg(r, ' ') AS text FROM (
         SELECT p::text || encode(source_id_sealed || source_id_index, 'escape') AS r FROM patient p WHERE organization_id = $1
         UNION ALL SELECT l::text FROM audit_log l WHERE organization_id = $1
         UNION ALL SELECT k::text || encode(reply_sealed, 'escape') FROM idempotency_key k WHERE organization_id = $1) rows`,
      [clinic.organizationId],
    );
    expect(everything?.text).toContain('Given1');
    expect(everything?.text).not.toContain(chart);
    const [row] = await t.look<{ id: string; sealed: Uint8Array }>(
      'SELECT id, source_id_sealed AS sealed FROM patient WHERE organization_id = $1',
      [clinic.organizationId],
    );
    const place = { organizationId: clinic.organizationId, table: 'patient', column: 'source_id_sealed', rowId: row?.id ?? '' };
    await testCodec(t.database).prepare(clinic.organizationId);
    expect(testCodec(t.database).open(place, row?.sealed ?? new Uint8Array())).toBe(chart);
    expect((await send([{ ...rowOf(2), sourceId: chart }])).body).toEqual({ imported: 0, alreadyThere: 1 });
  });

  test('says who has died or is not active any more, and they cannot be booked', async () => {
    const { app, clinic, send } = await open();
    await send([{ ...rowOf(1), deceasedOn: '2026-01-31' }, { ...rowOf(2), isActive: false }, rowOf(3)]);
    const { body } = await app.get<{ items: { id: string; isActive: boolean }[] }>('/v1/patients');
    expect(body.items.map(({ isActive }) => isActive)).toEqual([false, false, true]);
    const dead = body.items[0]?.id;
    expect((await app.get(`/v1/patients/${dead}`)).body).toMatchObject({ deceasedOn: '2026-01-31', isActive: false });
    const visit = {
      locationId: clinic.locationId,
      patientId: dead,
      startsAt: '2026-03-03T15:00:00Z',
      services: [{ serviceId: clinic.serviceId, providerId: clinic.providerId }],
    };
    expect((await app.send<ProblemDocument>('POST', '/v1/appointments', visit)).body.slug).toBe('patient-inactive');
  });

  test('is found again by the number of the other system, and the record shows it', async () => {
    const { app, send } = await open();
    await send([rowOf(1), rowOf(12)]);
    const { body } = await app.send<{ items: { id: string }[] }>('POST', '/v1/patients/search', { sourceId: 'old-1' });
    expect(body.items).toHaveLength(1);
    expect((await app.get(`/v1/patients/${body.items[0]?.id}`)).body).toMatchObject({ givenName: 'Given1', sourceId: 'old-1' });
  });

  test('reads national phone numbers in the country of the clinic', async () => {
    const { app, send } = await open();
    await send([{ ...rowOf(1), phone: '(212) 555-0142' }]);
    const { body } = await app.send<{ items: unknown[] }>('POST', '/v1/patients/search', { phone: '+12125550142' });
    expect(body.items).toHaveLength(1);
  });

  test('belongs to its organization: another one may have the same source ids', async () => {
    const [one, other] = [await open(), await open()];
    await one.send([rowOf(1)]);
    expect((await other.send([rowOf(1)])).body).toEqual({ imported: 1, alreadyThere: 0 });
  });
});
