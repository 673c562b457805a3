import { aFullClinic, aPatient, createTestDatabase, sessionIn, type Clinic, type TestDatabase } from '@medspa/testing';
import { v7 as newId } from 'uuid';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Session } from './session.ts';

// A session may be confined to locations and to patients. Every table is counted through the first door, as the runtime role.

let t: TestDatabase;
let clinic: Clinic;
let tables: { name: string; hasLocation: boolean; hasPatient: boolean }[];
beforeAll(async () => {
  t = await createTestDatabase();
  clinic = await aFullClinic(t.database);
  tables = await t.look(
    `SELECT c.relname AS name, bool_or(a.attname = 'location_id') AS "hasLocation", bool_or(a.attname = 'patient_id') AS "hasPatient"
     FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0
     WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'p') AND NOT c.relispartition AND c.relrowsecurity
       AND has_table_privilege('app_rw', c.oid, 'SELECT') GROUP BY 1 ORDER BY 1`,
  );
});
afterAll(() => t.drop());

async function countsIn(scope: Partial<Session>): Promise<Record<string, number>> {
  const session = { ...sessionIn(clinic.organizationId, clinic.actorId), ...scope };
  return t.database.withTransaction(session, async (tx) => {
    const counts: Record<string, number> = {};
    for (const { name } of tables) {
      const [row] = await tx.$queryRawUnsafe<{ count: number }[]>(`SELECT count(*)::int AS count FROM ${name}`);
      counts[name] = row?.count ?? -1;
    }
    return counts;
  });
}

const namesOf = (which: 'hasLocation' | 'hasPatient') => tables.filter((table) => table[which]).map(({ name }) => name);

describe('a session that is confined', () => {
  test('to no location sees no row of a table that has one, nor what hangs on such rows', async () => {
    const [all, none] = [await countsIn({}), await countsIn({ locations: [] })];
    const hidden = [
      ...namesOf('hasLocation'),
      'location',
      'shift',
      'appointment_segment',
      'appointment_history',
      'outbox_event',
      'outbox_stream',
    ];
    for (const name of hidden) expect([name, none[name], (all[name] ?? 0) > 0]).toEqual([name, 0, true]);
    const rest = tables.map(({ name }) => name).filter((name) => !hidden.includes(name));
    for (const name of rest) expect([name, none[name]]).toEqual([name, all[name]]);
  });

  test('to its location sees as much as one that is not, where there is no other', async () => {
    const [own, all] = [await countsIn({ locations: [clinic.locationId, newId()] }), await countsIn({})];
    // The owner's role was given everywhere, and so it is at no location.
    expect(own).toEqual({ ...all, staff_role: (all['staff_role'] ?? 0) - 1 });
  });

  test('to no patient sees no row of one, nor who did what', async () => {
    const [all, none] = [await countsIn({}), await countsIn({ patients: [] })];
    const hidden = [
      ...namesOf('hasPatient'),
      'patient',
      'appointment_segment',
      'appointment_history',
      'outbox_event',
      'audit_log',
      'access_log',
      'message_consent',
      'staff_account',
      'staff_identity',
      'staff_secret',
      'staff_session',
      'patient_sign_in',
      'patient_session_use',
      'staff_pin',
      'device',
      'api_key',
    ];
    for (const name of hidden) expect([name, none[name], (all[name] ?? 0) > 0]).toEqual([name, 0, true]);
  });

  test('to a patient sees theirs and nobody else', async () => {
    const id = await aPatient(t.database, clinic);
    const own = await countsIn({ patients: [id] });
    expect([own['patient'], own['patient_relation'], own['appointment']]).toEqual([1, 0, 0]);
  });

  test('writes nothing outside of it', async () => {
    const session = { ...sessionIn(clinic.organizationId, clinic.actorId), locations: [newId()] };
    const { organizationId, locationId, roomTypeId } = clinic;
    const writing = t.database.withTransaction(session, (tx) =>
      tx.room.create({
        data: { organizationId, locationId, roomTypeId, name: 'Elsewhere', position: 9 },
        select: { organizationId: true },
      }),
    );
    await expect(writing).rejects.toThrow(/row-level security|42501/);
  });
});

test('a session that does not say what it is confined to sees nothing', async () => {
  const { locations: _l, patients: _p, ...silent } = sessionIn(clinic.organizationId, clinic.actorId);
  const counts = await t.database.withTransaction(silent as Session, async (tx) => [await tx.location.count(), await tx.patient.count()]);
  expect(counts).toEqual([0, 0]);
});
