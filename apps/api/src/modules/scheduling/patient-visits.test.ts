import { aClinic, aPatient, createTestDatabase, type TestDatabase } from '@medspa/testing';
import { v7 as newId } from 'uuid';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { openDesk, type Desk, type Visit } from '../../../test/visits.ts';

let t: TestDatabase;
beforeAll(async () => {
  t = await createTestDatabase();
});
afterAll(() => t.drop());

type Page = { items: Visit[]; nextCursor: string | null };
const read = ({ app, patientId }: Desk, query = '', id = patientId) => app.get<Page>(`/v1/patients/${id}/appointments${query}`);
const logged = (desk: Desk) =>
  t.look<{ action: string; patient_ids: string[] }>(
    `SELECT action, patient_ids FROM access_log WHERE organization_id = $1 AND action = 'patient.appointments'`,
    [desk.clinic.organizationId],
  );

describe('the visits of a patient', () => {
  test('are all of theirs and nobody else’s, the latest start first, as each of them is read alone', async () => {
    const desk = await openDesk(t);
    const [second, first, third] = [
      await desk.booked('2026-03-04T15:00:00Z'),
      await desk.booked('2026-03-03T15:00:00Z'),
      await desk.booked('2026-03-05T15:00:00Z'),
    ];
    await desk.booked('2026-03-03T17:00:00Z', { patientId: await desk.aPatient() });
    const cancelled = (await desk.cancel(second, { reason: 'patient_unwell' })).body;
    expect((await read(desk)).body).toEqual({ items: [third, cancelled, first], nextCursor: null });
  });

  test('come page after page, also where two begin at the same moment', async () => {
    const desk = await openDesk(t);
    const ids = new Set<string>();
    for (let round = 0; round < 3; round++) ids.add((await desk.cancel(await desk.booked('2026-03-03T15:00:00Z'))).body.id);
    ids.add((await desk.booked('2026-03-04T15:00:00Z')).id);
    const seen: string[] = [];
    for (let cursor: string | null = null, pages = 0; pages === 0 || cursor !== null; pages++) {
      const { body }: { body: Page } = await read(desk, `?limit=1${cursor === null ? '' : `&cursor=${cursor}`}`);
      seen.push(...body.items.map(({ id }) => id));
      cursor = body.nextCursor;
    }
    expect(seen).toHaveLength(4);
    expect(new Set(seen)).toEqual(ids);
  });

  test('are an access to that patient, written down also when there are none', async () => {
    const desk = await openDesk(t);
    expect((await read(desk)).body).toEqual({ items: [], nextCursor: null });
    expect(await logged(desk)).toEqual([{ action: 'patient.appointments', patient_ids: [desk.patientId] }]);
  });

  test('are not found for a patient of another organization or none, nor after a visit of another patient', async () => {
    const desk = await openDesk(t);
    const foreigner = await aPatient(t.database, await aClinic(t.database));
    for (const id of [foreigner, newId()]) expect(await read(desk, '', id)).toMatchObject({ status: 404, body: { slug: 'not-found' } });
    const other = await desk.booked('2026-03-03T15:00:00Z', { patientId: await desk.aPatient() });
    expect(await read(desk, `?cursor=${other.id}`)).toMatchObject({ status: 404, body: { errors: [{ in: 'query', pointer: 'cursor' }] } });
    expect(await logged(desk)).toEqual([]);
  });
});
