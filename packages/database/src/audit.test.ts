import {
  aFullClinic,
  arrange,
  connect,
  createTestDatabase,
  runAs,
  sessionIn,
  testCodec,
  type Clinic,
  type TestDatabase,
} from '@medspa/testing';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Tx } from './database.ts';
import { handleDatabaseError } from './errors.ts';
import { sql } from './sql.ts';

type AuditRow = { organization_id: string; operation: string; row_id: string; before: object | null; after: object | null };

let t: TestDatabase;
let clinic: Clinic;
let of: { organizationId: string };
beforeAll(async () => {
  t = await createTestDatabase();
  clinic = await aFullClinic(t.database);
  of = { organizationId: clinic.organizationId };
});
afterAll(() => t.drop());

const auditOf = (rowId: string) =>
  t.look<AuditRow>('SELECT organization_id, operation, row_id, before, after FROM audit_log WHERE row_id = $1 ORDER BY id', [rowId]);
const kindOf = (error: unknown) => handleDatabaseError(error)?.kind;

describe('the audit trail', () => {
  test('has the whole row of an insert, the changed columns of an update, the whole row of a delete', async () => {
    const { id } = await arrange(t.database, clinic, (tx) => tx.roomType.create({ data: { ...of, name: 'Laser' } }));
    const where = { organizationId_id: { ...of, id } };
    await arrange(t.database, clinic, (tx) => tx.roomType.update({ where, data: { name: 'Laser room', version: { increment: 1 } } }));
    const [made, changed, ...rest] = await auditOf(id);
    expect(made).toMatchObject({ organization_id: clinic.organizationId, operation: 'insert', before: null });
    expect(made?.after).toMatchObject({ id, name: 'Laser', version: 1, organization_id: clinic.organizationId });
    expect(changed).toMatchObject({
      operation: 'update',
      before: { name: 'Laser', version: 1 },
      after: { name: 'Laser room', version: 2 },
    });
    expect(rest).toEqual([]);

    const [relation] = await t.look<{ patient_id: string }>('SELECT patient_id FROM patient_relation WHERE organization_id = $1', [
      clinic.organizationId,
    ]);
    await arrange(t.database, clinic, (tx) => tx.patientRelation.deleteMany({ where: of }));
    const [deleted] = await t.look<AuditRow>(`SELECT * FROM audit_log WHERE table_name = 'patient_relation' AND operation = 'delete'`);
    expect(deleted).toMatchObject({
      row_id: relation?.patient_id,
      before: { patient_id: relation?.patient_id, kind: 'sibling' },
      after: null,
    });
  });

  test('says why, where the session says it, of what was done and of what was read', async () => {
    const session = { ...sessionIn(clinic.organizationId, clinic.actorId), reason: 'because' };
    const id = await t.database.withTransaction(session, async (tx) => {
      await tx.$executeRaw`SELECT app.log_access(${[clinic.actorId]}::uuid[])`;
      return (await tx.roomType.create({ data: { ...of, name: 'Why' }, select: { id: true } })).id;
    });
    expect(await t.look('SELECT reason FROM audit_log WHERE row_id = $1', [id])).toEqual([{ reason: 'because' }]);
    expect(await t.look('SELECT reason FROM access_log WHERE request_id = $1', [session.requestId])).toEqual([{ reason: 'because' }]);
  });

  test('names the row that each audit row is about, also where rows have no id of their own', async () => {
    const nameless = await t.look(`SELECT DISTINCT table_name FROM audit_log WHERE row_id IS NULL`);
    expect(nameless).toEqual([]);
    const skills = await t.look(
      `SELECT DISTINCT l.row_id = s.provider_id AS "isProvider" FROM audit_log l JOIN provider_service s ON s.organization_id = l.organization_id
       WHERE l.table_name = 'provider_service' AND l.after ->> 'provider_id' = s.provider_id::text`,
    );
    expect(skills).toEqual([{ isProvider: true }]);
  });

  test("says who, in which request, doing what, and when by the server's clock", async () => {
    const session = sessionIn(clinic.organizationId, clinic.actorId, 'room-type.create', new Date('2001-01-01'));
    const { id } = await t.database.withTransaction(session, (tx) => tx.roomType.create({ data: { ...of, name: 'Peel' } }));
    const rows = await t.look(
      `SELECT actor_kind, actor_id, request_id, action, table_name, abs(extract(epoch FROM clock_timestamp() - at)) < 60 AS "isNow" FROM audit_log WHERE row_id = $1`,
      [id],
    );
    expect(rows).toEqual([
      {
        actor_kind: 'staff',
        actor_id: clinic.actorId,
        request_id: session.requestId,
        action: 'room-type.create',
        table_name: 'room_type',
        isNow: true,
      },
    ]);
  });

  test('is written for changes by raw SQL and through the second door alike', async () => {
    await runAs(
      t.owner,
      `CREATE FUNCTION app.test_add(p_session jsonb, p_name text) RETURNS uuid LANGUAGE plpgsql AS $$
       DECLARE v_id uuid;
       BEGIN PERFORM app.enter(p_session); INSERT INTO room_type VALUES (app.organization_id(), gen_random_uuid(), p_name) RETURNING id INTO v_id; RETURN v_id; END $$`,
      'GRANT EXECUTE ON FUNCTION app.test_add TO app_rw',
    );
    const [row] = await t.database.callFunction(
      sessionIn(clinic.organizationId, clinic.actorId),
      (given) => sql<{ id: string }>`SELECT app.test_add(${given}::jsonb, ${'Door'}) AS id`,
    );
    await arrange(
      t.database,
      clinic,
      (tx) => tx.$executeRaw`UPDATE room_type SET name = 'Second', version = version + 1 WHERE id = ${row?.id}::uuid`,
    );
    expect((await auditOf(row?.id ?? '')).map(({ operation }) => operation)).toEqual(['insert', 'update']);
  });

  test('keeps what is sealed sealed', async () => {
    const place = { organizationId: clinic.organizationId, table: 'patient', column: 'phone_sealed', rowId: 'x' };
    const codec = testCodec(t.database);
    await codec.prepare(clinic.organizationId);
    const [first, second] = [codec.seal(place, '+1 555 0100 canary'), codec.seal(place, '+1 555 0199 canary')];
    const { id } = await arrange(t.database, clinic, (tx) =>
      tx.patient.create({ data: { ...of, givenName: 'Sela', familyName: 'Seal', phoneSealed: first } }),
    );
    await arrange(t.database, clinic, (tx) =>
      tx.patient.update({ where: { organizationId_id: { ...of, id } }, data: { phoneSealed: second, version: { increment: 1 } } }),
    );
    const hex = (bytes: Uint8Array) => `\\x${Buffer.from(bytes).toString('hex')}`;
    const [, changed] = await auditOf(id);
    expect(changed?.before).toEqual({ phone_sealed: hex(first), version: 1 });
    expect(changed?.after).toEqual({ phone_sealed: hex(second), version: 2 });
    expect(JSON.stringify(await auditOf(id))).not.toContain('555 01');
  });

  test('has nothing of a write that was rolled back', async () => {
    const ids: string[] = [];
    const undone = arrange(t.database, clinic, async (tx) => {
      ids.push((await tx.roomType.create({ data: { ...of, name: 'Never' } })).id);
      throw new Error('changed my mind');
    });
    await expect(undone).rejects.toThrow('changed my mind');
    expect(await auditOf(ids[0] ?? '')).toEqual([]);
  });

  test('has nothing of an update that changed nothing', async () => {
    const before = await t.look('SELECT FROM audit_log');
    await runAs(
      t.admin,
      `BEGIN; SELECT app.enter('${JSON.stringify(sessionIn(clinic.organizationId, clinic.actorId))}'); UPDATE provider_service SET created_at = created_at; COMMIT`,
    );
    expect(await t.look('SELECT FROM audit_log')).toHaveLength(before.length);
  });

  test('cannot be left out: a write without a session is refused even where row-level security does not bind', async () => {
    await expect(runAs(t.admin, `UPDATE provider SET version = version + 1`)).rejects.toThrow('no session was entered');
  });
});

describe('what is append-only', () => {
  test('refuses every change, also of the owner and the administrator, in each of its parts', async () => {
    const tables = await t.look<{ name: string }>(
      `SELECT unnest(ARRAY['audit_log', 'access_log', 'appointment_history', 'outbox_event']) AS name
       UNION ALL SELECT inhrelid::regclass::text FROM pg_inherits WHERE inhparent IN ('audit_log'::regclass, 'access_log'::regclass)`,
    );
    expect(tables.length).toBeGreaterThan(20);
    const wrong: string[] = [];
    for (const role of ['owner', 'admin'] as const) {
      const client = await connect(t[role]);
      for (const { name } of tables) {
        for (const statement of [`UPDATE ${name} SET organization_id = organization_id`, `DELETE FROM ${name}`, `TRUNCATE ${name}`]) {
          await client.query('BEGIN');
          await client.query('SELECT app.enter($1)', [JSON.stringify(sessionIn(clinic.organizationId, clinic.actorId))]);
          const said = await client.query(statement).then(
            () => 'nothing',
            (error: Error) => error.message,
          );
          if (!said.endsWith('is append-only')) wrong.push(`${statement}: ${said}`);
          await client.query('ROLLBACK');
        }
      }
      await client.end();
    }
    expect(wrong).toEqual([]);
  });
});

describe('a version', () => {
  const rename = (change: (tx: Tx) => Promise<unknown>) => arrange(t.database, clinic, change).catch((error: unknown) => error);

  test.each([0, 2, -1])('steps by one, not by %i', async (step) => {
    const error = await rename(
      (tx) => tx.$executeRaw`UPDATE room_type SET name = 'x', version = version + ${step}::int WHERE id = ${clinic.roomTypeId}::uuid`,
    );
    expect(kindOf(error)).toBe('check');
    expect(handleDatabaseError(error)?.constraint).toBe('room_type_version_steps');
  });

  test('lets one of two stale writers through', async () => {
    const [row] = await t.look<{ version: number }>('SELECT version FROM room_type WHERE id = $1', [clinic.roomTypeId]);
    const version = row?.version ?? 0;
    const write = (name: string) =>
      arrange(t.database, clinic, (tx) =>
        tx.roomType.updateMany({ where: { ...of, id: clinic.roomTypeId, version }, data: { name, version: version + 1 } }),
      );
    const counts = (await Promise.all([write('One'), write('Two')])).map(({ count }) => count);
    expect(counts.toSorted((a, b) => a - b)).toEqual([0, 1]);
  });
});

describe('the months of the logs', () => {
  const ensure = () =>
    t.database.callFunction(
      sessionIn(clinic.organizationId, clinic.actorId),
      (given) => sql`SELECT app.ensure_log_months(${given}::jsonb, 12)`,
    );
  const months = async () =>
    (
      await t.look<{ name: string }>(
        `SELECT inhrelid::regclass::text AS name FROM pg_inherits WHERE inhparent = 'audit_log'::regclass AND inhrelid::regclass::text <> 'audit_log_default' ORDER BY 1`,
      )
    ).map(({ name }) => name);

  test('reach a year ahead, and what is missing is made by the runtime role, protected', async () => {
    const all = await months();
    expect(all).toHaveLength(13);
    const last = all.at(-1) ?? '';
    await runAs(t.owner, `DROP TABLE ${last}`);
    await ensure();
    expect(await months()).toEqual(all);
    expect(await t.look(`SELECT relrowsecurity, relforcerowsecurity FROM pg_class WHERE relname = $1`, [last])).toEqual([
      { relrowsecurity: true, relforcerowsecurity: true },
    ]);
    await expect(runAs(t.owner, `TRUNCATE ${last}`)).rejects.toThrow('is append-only');
  });

  test('reach at most two years ahead, whoever asks for more', async () => {
    const rolledBack = t.database.withTransaction(sessionIn(clinic.organizationId, clinic.actorId), async (tx) => {
      const made = await tx.$queryRaw`SELECT app.ensure_log_months(400) AS direct`;
      throw Object.assign(new Error('undone'), { made });
    });
    await expect(rolledBack).rejects.toMatchObject({ made: [{ direct: 2 * 12 }] });
  });

  test('that the job missed stay where they were caught, and keep no other month from being made', async () => {
    const all = await months();
    const [missed, next] = [all[5] ?? '', all[6] ?? ''];
    await runAs(t.owner, `DROP TABLE ${missed}, ${next}`);
    const at = `${missed.slice(-7).replace('_', '-')}-15`;
    await runAs(
      t.admin,
      `INSERT INTO audit_log SELECT organization_id, nextval('audit_log_id_seq'), '${at}', actor_kind, actor_id, request_id, action, table_name, row_id, operation FROM audit_log LIMIT 1`,
    );
    await ensure();
    expect(await months()).toEqual(all.filter((name) => name !== missed));
    expect(await t.look('SELECT FROM audit_log WHERE at = $1', [at])).toHaveLength(1);
  });
});
