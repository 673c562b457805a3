import type { Patient, ProblemDocument } from '@medspa/contracts';
import { aClinic, createTestDatabase, NOW, type TestDatabase } from '@medspa/testing';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { testApp } from '../../../test/harness.ts';
import { openDesk } from '../../../test/visits.ts';

// What every operation does is tested in test/operations.test.ts; here is what these alone do.

let t: TestDatabase;
beforeAll(async () => {
  t = await createTestDatabase();
});
afterAll(() => t.drop());

const ADA = {
  givenName: 'Ada',
  familyName: 'Adler',
  preferredName: 'Addie',
  pronouns: 'she/her',
  birthDate: '1984-02-29',
  phone: '+1 (212) 555-0142',
  email: 'Ada.Adler@patients.example',
  address: { street: '7 Secret Lane', city: 'Albany', region: 'NY', postalCode: '12207', country: 'US' },
  note: 'Allergic to lidocaine.\nPrefers mornings.',
};

async function open() {
  const clinic = await aClinic(t.database);
  const app = testApp(t.database, { as: clinic, now: () => NOW });
  const send = (method: string, path: string, body?: object) => app.send<Patient & ProblemDocument>(method, path, body);
  return { clinic, app, send, add: async (changes: object = {}) => (await send('POST', '/v1/patients', { ...ADA, ...changes })).body };
}

/** Everything that the database holds of an organization, as text. */
async function everythingOf(organizationId: string): Promise<string> {
  const rows = await t.look<{ everything: string }>(
    `SELECT string_agg(r, ' ') AS everything FROM (
       SELECT p::text AS r FROM patient p WHERE organization_id = $1
       UNION ALL SELECT encode(birth_date_sealed || phone_sealed || email_sealed || address_sealed || note_sealed, 'escape') FROM patient WHERE organization_id = $1
       UNION ALL SELECT l::text FROM audit_log l WHERE organization_id = $1
       UNION ALL SELECT l::text FROM access_log l WHERE organization_id = $1
       UNION ALL SELECT k::text || encode(reply_sealed, 'escape') FROM idempotency_key k WHERE organization_id = $1
       UNION ALL SELECT e::text FROM outbox_event e WHERE organization_id = $1) rows`,
    [organizationId],
  );
  return rows[0]?.everything ?? '';
}

const SECRETS = /1984-02-29|2125550142|2125550143|ada\.adler@|secret lane|lidocaine|prefers mornings/i;

describe('P1: a patient is stored with everything personal but the names sealed', () => {
  test('in the table, the audit log and the kept answer', async () => {
    const { clinic, app } = await open();
    const { status, body } = await app.send<Patient>('POST', '/v1/patients', ADA, { 'idempotency-key': 'keep-this-answer' });
    expect(status).toBe(201);
    await app.send('PATCH', `/v1/patients/${body.id}`, { note: 'No lidocaine!', phone: '+12125550143', version: 1 });
    const everything = await everythingOf(clinic.organizationId);
    expect(everything).toContain(body.id);
    expect(everything).not.toMatch(SECRETS);
  });

  test('and is read as it was given', async () => {
    const { add, app } = await open();
    const { id } = await add();
    const { body } = await app.get<Patient>(`/v1/patients/${id}`);
    expect(body).toMatchObject({ ...ADA, phone: '+12125550142', isActive: true, deceasedOn: null, mergedIntoId: null, version: 1 });
    const bare = await add({ preferredName: null, birthDate: undefined, phone: null, email: null, address: null, note: undefined });
    expect(bare).toMatchObject({ preferredName: null, birthDate: null, phone: null, email: null, address: null, note: null });
  });

  test('and a change touches what it names, and nothing else', async () => {
    const { add, send } = await open();
    const patient = await add();
    const { body } = await send('PATCH', `/v1/patients/${patient.id}`, { phone: null, note: 'Moved.', version: 1 });
    expect(body).toEqual({ ...patient, phone: null, note: 'Moved.', version: 2 });
  });
});

describe('P3: a patient who died', () => {
  test('is inactive in the same transaction, cannot be booked, and is not made active by mistake', async () => {
    const desk = await openDesk(t);
    const patch = (body: object) => desk.app.send<Patient & ProblemDocument>('PATCH', `/v1/patients/${desk.patientId}`, body);
    const { body, headers } = await patch({ deceasedOn: '2026-03-01', version: 1 });
    expect(body).toMatchObject({ isActive: false, deceasedOn: '2026-03-01' });
    const [audit] = await t.look<{ after: object }>('SELECT after FROM audit_log WHERE request_id = $1', [headers.get('x-request-id')]);
    expect(audit?.after).toMatchObject({ is_active: false, deceased_on: '2026-03-01' });
    expect((await desk.book('2026-03-03T15:00:00Z')).body).toMatchObject({ slug: 'patient-inactive', errors: [{ pointer: '/patientId' }] });
    const revived = await patch({ isActive: true, version: 2 });
    expect([revived.status, revived.body.slug, revived.body.errors?.[0]?.pointer]).toEqual([422, 'rule-violated', '/isActive']);
    const both = await patch({ isActive: true, deceasedOn: '2026-03-01', version: 2 });
    expect([both.status, both.body.errors?.[0]?.pointer]).toEqual([400, '/isActive']);
    expect((await patch({ isActive: true, deceasedOn: null, version: 2 })).body).toMatchObject({ isActive: true, deceasedOn: null });
  });
});

describe('a date that nobody can know yet', () => {
  test('is refused for births and deaths, and today is not one, wherever it is today already', async () => {
    const { add, send } = await open();
    const { id } = await add();
    const late = await send('POST', '/v1/patients', { ...ADA, birthDate: '2026-03-04' });
    expect([late.status, late.body.slug, late.body.errors?.[0]?.pointer]).toEqual([422, 'in-the-future', '/birthDate']);
    for (const [field, pointer] of [
      ['birthDate', '/birthDate'],
      ['deceasedOn', '/deceasedOn'],
    ] as const) {
      const { status, body } = await send('PATCH', `/v1/patients/${id}`, { [field]: '2026-03-04', version: 1 });
      expect([status, body.slug, body.errors?.[0]?.pointer]).toEqual([422, 'in-the-future', pointer]);
    }
    // Noon in UTC: at UTC+14 it is the third already.
    expect((await add({ birthDate: '2026-03-03' })).birthDate).toBe('2026-03-03');
  });
});

test('nobody dies before they were born, whichever date comes second', async () => {
  const { add, send } = await open();
  const { id } = await add({ birthDate: '1984-02-29' });
  const refused = await send('PATCH', `/v1/patients/${id}`, { deceasedOn: '1984-02-28', version: 1 });
  expect([refused.status, refused.body.slug, refused.body.errors?.[0]?.pointer]).toEqual([422, 'rule-violated', '/deceasedOn']);
  expect((await send('PATCH', `/v1/patients/${id}`, { deceasedOn: '1984-02-29', version: 1 })).status).toBe(200);
  const later = await send('PATCH', `/v1/patients/${id}`, { birthDate: '1984-03-01', version: 2 });
  expect([later.status, later.body.slug, later.body.errors?.[0]?.pointer]).toEqual([422, 'rule-violated', '/birthDate']);
});

describe('relations', () => {
  test('are seen from both sides', async () => {
    const { add, send } = await open();
    const [child, mother] = [await add({ givenName: 'Tom' }), await add({ givenName: 'Mary' })];
    const { body } = await send('POST', `/v1/patients/${child.id}/relations`, { relatedId: mother.id, kind: 'parent' });
    expect(body).toMatchObject({ relations: [{ relatedId: mother.id, kind: 'parent' }], relationOf: [] });
    await send('POST', `/v1/patients/${child.id}/relations`, { relatedId: mother.id, kind: 'payer' });
    const kinds = [
      { patientId: child.id, kind: 'parent' },
      { patientId: child.id, kind: 'payer' },
    ];
    expect((await send('GET', `/v1/patients/${mother.id}`)).body).toMatchObject({ relations: [], relationOf: kinds });
    expect((await send('POST', `/v1/patients/${mother.id}/relations`, { relatedId: child.id, kind: 'child' })).status).toBe(201);
    expect((await send('DELETE', `/v1/patients/${child.id}/relations/${mother.id}`)).body).toMatchObject({
      relations: [],
      relationOf: [{ patientId: mother.id, kind: 'child' }],
    });
  });

  test('are said once, and to somebody else', async () => {
    const { add, send } = await open();
    const [one, other] = [await add(), await add()];
    const say = (relatedId: string) => send('POST', `/v1/patients/${one.id}/relations`, { relatedId, kind: 'spouse' });
    expect((await say(other.id)).status).toBe(201);
    const twice = await say(other.id);
    expect([twice.status, twice.body.slug, twice.body.errors?.[0]?.pointer]).toEqual([409, 'already-exists', '/relatedId']);
    const oneself = await say(one.id);
    expect([oneself.status, oneself.body.slug, oneself.body.errors?.[0]?.pointer]).toEqual([422, 'rule-violated', '/relatedId']);
  });
});

describe('P4: whoever reads a patient is written down, with exactly the patients shown', () => {
  test('for every way to read', async () => {
    const desk = await openDesk(t);
    const { app, clinic } = desk;
    const [spouse, stranger] = [await desk.aPatient(), await desk.aPatient()];
    await app.send('POST', `/v1/patients/${desk.patientId}/relations`, { relatedId: spouse, kind: 'spouse' });
    const visit = await desk.booked('2026-03-03T15:00:00Z');
    await desk.booked('2026-03-03T16:00:00Z', { patientId: spouse });
    await desk.booked('2026-03-04T16:00:00Z', { patientId: stranger });
    const everyone = [desk.patientId, spouse, stranger];
    const reads: [path: string, action: string, shown: string[], body?: object][] = [
      ['/v1/patients', 'patient.list', everyone],
      [`/v1/patients?limit=2`, 'patient.list', []],
      [`/v1/patients/${desk.patientId}`, 'patient.read', [desk.patientId]],
      ['/v1/patients/search', 'patient.search', [spouse], { name: `patient-${spouse.slice(-6)}` }],
      [`/v1/appointments/${visit.id}`, 'appointment.read', [desk.patientId]],
      [`/v1/appointments/${visit.id}/history`, 'appointment.history', [desk.patientId]],
      [`/v1/locations/${clinic.locationId}/day?date=2026-03-03`, 'location.day', [desk.patientId, spouse]],
    ];
    for (const [path, action, known, body] of reads) {
      const { status, headers, text } = await app.send<{ items: { id: string }[] }>(body ? 'POST' : 'GET', path, body);
      expect(status, path).toBe(200);
      const rows = await t.look<{ patient_ids: string[] }>(
        'SELECT action, actor_id, organization_id, patient_ids FROM access_log WHERE request_id = $1',
        [headers.get('x-request-id')],
      );
      // Of the short page, whoever is on it.
      const shown = known.length > 0 ? known : (JSON.parse(text) as { items: { id: string }[] }).items.map(({ id }) => id);
      expect(
        rows.map(({ patient_ids: ids, ...row }) => ({ ...row, ids: ids.toSorted() })),
        path,
      ).toEqual([{ action, actor_id: clinic.actorId, organization_id: clinic.organizationId, ids: shown.toSorted() }]);
    }
  });

  test('and a read that shows nobody, or is refused, writes nobody down', async () => {
    const { app, send } = await open();
    const none = await send('POST', '/v1/patients/search', { name: 'Nobody' });
    const missing = await app.get('/v1/patients/01a00000-0000-7000-8000-000000000009');
    for (const { headers } of [none, missing])
      expect(await t.look('SELECT 1 FROM access_log WHERE request_id = $1', [headers.get('x-request-id')])).toEqual([]);
  });
});
