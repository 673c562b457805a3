import { permissionsOf, type Patient, type Permission, type ProblemDocument, type Role } from '@medspa/contracts';
import { aClinic, aPatient, createTestDatabase, NOW, type Clinic, type TestDatabase } from '@medspa/testing';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { testApp, type TestApp } from '../../../test/harness.ts';

let t: TestDatabase;
let clinic: Clinic;
let owner: TestApp;
beforeAll(async () => {
  t = await createTestDatabase();
  clinic = await aClinic(t.database);
  owner = testApp(t.database, { as: clinic, now: () => NOW });
});
afterAll(() => t.drop());

const holding = (permissions: Permission[]) => testApp(t.database, { as: { ...clinic, permissions }, now: () => NOW });
const as = (role: Role) => holding(permissionsOf(role, 'everywhere'));

const KNOWN = { givenName: 'Vera', familyName: 'Voss', birthDate: '1988-04-12', phone: '+12125550142', note: 'Allergic to lidocaine.' };
const add = async (given: object = {}) => (await owner.send<Patient>('POST', '/v1/patients', { ...KNOWN, ...given })).body;

describe('HIP-10, 8.2.3: a field that one may not see', () => {
  test('is not in the card: the desk gets no clinical text, the auditor nobody to call', async () => {
    const { id } = await add();
    const card = async (role: Role) => (await as(role).get<Patient>(`/v1/patients/${id}`)).body;
    expect(await card('provider')).toMatchObject(KNOWN);
    const { note, ...contact } = KNOWN;
    expect(await card('front-desk')).toMatchObject(contact);
    expect(await card('front-desk')).not.toHaveProperty('note');
    const seen = JSON.stringify(await card('auditor'));
    for (const value of [note, KNOWN.phone, KNOWN.birthDate]) expect(seen).not.toContain(value);
  });

  test('is refused with its place when somebody sends it, and then nothing is written', async () => {
    const { id, version } = await add();
    const refused = await as('front-desk').send<ProblemDocument>('PATCH', `/v1/patients/${id}`, {
      pronouns: 'she/her',
      note: null,
      version,
    });
    expect([refused.status, refused.body.slug]).toEqual([403, 'not-permitted']);
    expect(refused.body.errors).toEqual([{ in: 'body', pointer: '/note', detail: 'You may not see this field.' }]);
    expect((await owner.get<Patient>(`/v1/patients/${id}`)).body).toMatchObject({ note: KNOWN.note, pronouns: null, version });
  });

  test('stays as it is when whoever may not see it changes something else', async () => {
    const { id, version } = await add();
    const changed = await as('front-desk').send<Patient>('PATCH', `/v1/patients/${id}`, { pronouns: 'she/her', version });
    expect(changed.status).toBe(200);
    expect(changed.body).not.toHaveProperty('note');
    expect((await owner.get<Patient>(`/v1/patients/${id}`)).body).toMatchObject({ note: KNOWN.note, pronouns: 'she/her' });
  });

  test('cannot be guessed by searching for it: the same refusal whether somebody has it or not, and no access is logged', async () => {
    const { id } = await add({ email: 'vera.voss@example.com' });
    const auditor = as('auditor');
    const accesses = () => t.look('SELECT FROM access_log WHERE $1 = ANY (patient_ids)', [id]);
    const before = (await accesses()).length;
    const guesses = [
      ['/phone', { phone: KNOWN.phone }],
      ['/phone', { phone: '+12125550143' }],
      ['/email', { email: 'vera.voss@example.com' }],
      ['/email', { name: 'voss', email: 'vera.vos@example.com' }],
      ['/birthDate', { birthDate: KNOWN.birthDate }],
      ['/birthDate', { name: 'voss', birthDate: '1988-04-13' }],
      ['/sourceId', { sourceId: 'chart-1' }],
    ] as const;
    for (const [pointer, guess] of guesses) {
      const { status, body } = await auditor.send<ProblemDocument>('POST', '/v1/patients/search', guess);
      expect([status, body.errors?.map((error) => error.pointer)]).toEqual([403, [pointer]]);
    }
    expect(await accesses()).toHaveLength(before);
    expect((await auditor.send('POST', '/v1/patients/search', { name: 'voss' })).status).toBe(200);
  });

  test('is not in an answer that was kept for somebody who could see it then', async () => {
    const key = { 'idempotency-key': 'a-patient-once' };
    const first = await owner.send<Patient>('POST', '/v1/patients', KNOWN, key);
    const again = await holding(['patient:write', 'patient:clinical', 'patient:contact']).send<Patient>('POST', '/v1/patients', KNOWN, key);
    expect(again.text).toBe(first.text);
    const { id } = await add();
    const related = { relatedId: await aPatient(t.database, clinic), kind: 'other' };
    const path = `/v1/patients/${id}/relations`;
    const whole = await owner.send<Patient>('POST', path, related, key);
    const narrowed = await holding(['patient:write']).send<Patient>('POST', path, related, key);
    expect([whole.body.note, narrowed.status, narrowed.body.id]).toEqual([KNOWN.note, 201, id]);
    for (const field of ['note', 'phone', 'birthDate']) expect(narrowed.body).not.toHaveProperty(field);
  });

  test('is in no refusal: a clash names nobody', async () => {
    const { id } = await add();
    const { id: otherId } = await add({ givenName: 'Otto', familyName: 'Olsen' });
    const { locationId, serviceId, providerId } = clinic;
    const visit = { locationId, startsAt: '2026-03-04T15:00:00Z', services: [{ serviceId, providerId }] };
    expect((await owner.send('POST', '/v1/appointments', { ...visit, patientId: id })).status).toBe(201);
    const clash = await as('front-desk').send('POST', '/v1/appointments', { ...visit, patientId: otherId });
    expect(clash.status).toBe(409);
    expect(clash.text).not.toMatch(/Vera|Voss|Otto|Olsen|lidocaine|5550142/);
    expect(clash.text).not.toContain(id);
  });
});
