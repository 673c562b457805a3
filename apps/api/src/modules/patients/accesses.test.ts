import type { PatientAccesses } from '@medspa/contracts';
import { aClinic, aPatient, createTestDatabase, NOW, type Clinic, type TestDatabase } from '@medspa/testing';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { testApp, type TestApp } from '../../../test/harness.ts';

let t: TestDatabase;
let clinic: Clinic;
let app: TestApp;
beforeAll(async () => {
  t = await createTestDatabase();
  clinic = await aClinic(t.database);
  app = testApp(t.database, { as: clinic, now: () => NOW });
});
afterAll(() => t.drop());

const accessesOf = async (id: string, query = '') => (await app.get<PatientAccesses>(`/v1/patients/${id}/accesses${query}`)).body;

describe('who looked at a patient', () => {
  test('is told with name, action, request and time, the latest first, and looking is an access itself', async () => {
    const id = await aPatient(t.database, clinic);
    await aPatient(t.database, clinic);
    const shown = await app.get(`/v1/patients/${id}`);
    await app.get('/v1/patients');
    const first = await accessesOf(id);
    expect(first.items.map(({ action }) => action)).toEqual(['patient.list', 'patient.read']);
    expect(first.items[1]).toEqual({
      at: expect.stringMatching(/^\d{4}-.*Z$/),
      actorKind: 'staff',
      actorId: clinic.actorId,
      actorName: 'Olive Owner',
      action: 'patient.read',
      reason: null,
      emergencyAccessId: null,
      requestId: shown.headers.get('x-request-id'),
    });
    expect(first.nextBefore).toBe(null);
    expect((await accessesOf(id)).items.map(({ action }) => action)).toEqual(['patient.accesses', 'patient.list', 'patient.read']);
  });

  test('comes in pages that miss none and repeat none, also where times are equal and others look meanwhile', async () => {
    const id = await aPatient(t.database, clinic);
    await t.look(
      `INSERT INTO access_log (organization_id, at, actor_kind, actor_id, request_id, action, patient_ids)
       SELECT $1, timestamptz '2026-03-02 12:00:00Z' + interval '1 ms' * (n / 3), 'job', $2, n::text, 'test', ARRAY[$3::uuid] FROM generate_series(1, 25) n`,
      [clinic.organizationId, clinic.serviceId, id],
    );
    const seen: string[] = [];
    for (let query = '?limit=4'; query !== '';) {
      const { items, nextBefore } = await accessesOf(id, query);
      seen.push(...items.filter(({ action }) => action === 'test').map(({ requestId }) => requestId));
      query = nextBefore === null ? '' : `?limit=4&before=${nextBefore}`;
    }
    expect(seen).toEqual(Array.from({ length: 25 }, (_, index) => String(25 - index)));
  });

  test('is not told of somebody else, though an access row of theirs names the same id', async () => {
    const foreign = await aClinic(t.database);
    const theirs = await aPatient(t.database, foreign);
    await t.look(
      `INSERT INTO access_log (organization_id, at, actor_kind, actor_id, request_id, action, patient_ids) VALUES ($1, now(), 'job', $2, 'x', 'x', ARRAY[$3::uuid])`,
      [clinic.organizationId, clinic.actorId, theirs],
    );
    expect((await app.get(`/v1/patients/${theirs}/accesses`)).status).toBe(404);
  });
});
