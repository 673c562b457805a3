import { randomUUID } from 'node:crypto';
import { aFullClinic, arrange, createTestDatabase, eventually, testWrapping, type Clinic, type TestDatabase } from '@medspa/testing';
import { afterAll, beforeEach, describe, expect, test } from 'vitest';
import { UnreadableValue } from './ciphers.ts';
import { createCodec, type Codec } from './codec.ts';
import { asOwner, destroyDataKey, readDataKeys, rotateDataKey, sealedTables } from './data-keys.ts';
import { resealOrganization } from './reseal.ts';

const all: TestDatabase[] = [];
let t: TestDatabase;
let clinic: Clinic;
let codec: Codec;
beforeEach(async () => {
  t = await createTestDatabase();
  all.push(t);
  clinic = await aFullClinic(t.database);
  codec = createCodec(t.database, testWrapping, { maxAgeMillis: 0 });
  await codec.prepare(clinic.organizationId);
});
afterAll(() => Promise.all(all.map((one) => one.drop())));

type Row = { table: string; column: string; rowId: string; value: Buffer };

/** Every sealed value of the clinic. */
async function values(): Promise<Row[]> {
  const found = await Promise.all(
    sealedTables().flatMap(({ table, columns, boundTo }) =>
      columns.map((column) =>
        t.look<Row>(
          `SELECT '${table}' AS table, '${column}' AS column, concat_ws('|', ${boundTo.join(', ')}) AS "rowId", ${column} AS value FROM ${table}
           WHERE organization_id = $1 AND ${column} IS NOT NULL`,
          [clinic.organizationId],
        ),
      ),
    ),
  );
  return found.flat();
}

/** A value in each sealed column of each table, where the rules of the table let one be. */
async function fillSealed(): Promise<void> {
  await asOwner(t.owner, clinic.organizationId, 'test', async (client) => {
    await client.query(`SELECT set_config('app.resealing', 'on', true)`);
    for (const { table, columns, boundTo } of sealedTables()) {
      const { rows } = await client.query<{ at: string; row_id: string }>(
        `SELECT ctid::text AS at, concat_ws('|', ${boundTo.join(', ')}) AS row_id FROM ${table}`,
      );
      for (const { at, row_id: rowId } of rows) {
        const sealed = columns.map((column) =>
          codec.seal({ organizationId: clinic.organizationId, table, column, rowId }, `canary of ${column}`),
        );
        // A kept reply is one or the other.
        const besides = table === 'idempotency_key' ? ', outcome = NULL' : '';
        await client.query(
          `UPDATE ${table} SET ${columns.map((column, index) => `${column} = $${index + 2}`).join(', ')}${besides} WHERE ctid = $1::tid`,
          [at, ...sealed],
        );
      }
    }
  });
}

const keysOf = async () => [...new Set((await values()).map(({ value }) => value.readUInt32BE(1)))];
const open = ({ value, ...place }: Row) => codec.open({ organizationId: clinic.organizationId, ...place }, value);
const rotate = async () => {
  await rotateDataKey(t.database, testWrapping, clinic.organizationId, 0);
  await codec.prepare(clinic.organizationId);
};
/** What nobody may see change: every column but the sealed ones, and the log. */
const rest = async () => {
  const tables = await Promise.all(
    sealedTables().map(({ table, columns }) =>
      t.look(`SELECT to_jsonb(r) - $1::text[] AS row FROM ${table} r ORDER BY (to_jsonb(r) - $1::text[])::text`, [columns]),
    ),
  );
  return JSON.stringify([tables, await t.look(`SELECT l::text FROM audit_log l WHERE action NOT LIKE 'data-key.%' ORDER BY id`)]);
};

describe('ENC-2: sealing anew', () => {
  test('reaches every sealed column that is declared, says what it said before, and leaves everything else as it was', async () => {
    await fillSealed();
    const before = await values();
    const wanted = sealedTables().flatMap(({ table, columns }) => columns.map((column) => `${table}.${column}`));
    expect(new Set(before.map(({ table, column }) => `${table}.${column}`))).toEqual(new Set(wanted));
    await rotate();
    const others = await rest();
    const { resealed, unreadable } = await resealOrganization(t.owner, codec, clinic.organizationId, { pages: 1 });
    expect([resealed, unreadable]).toEqual([before.length, 0]);
    expect(await keysOf()).toEqual([2]);
    const plain = (rows: Row[]) =>
      rows
        .map(({ value: _, ...place }, index) => ({ ...place, text: open(rows[index] as Row) }))
        .toSorted((a, b) => (JSON.stringify(a) < JSON.stringify(b) ? -1 : 1));
    expect(plain(await values())).toEqual(plain(before));
    expect(await rest()).toBe(others);
    expect(await resealOrganization(t.owner, codec, clinic.organizationId)).toEqual({ resealed: 0, unreadable: 0 });
  });

  test('leaves no live value to the old key, which can go; what the audit log has opens no more then, and is not lost by mistake', async () => {
    const id = randomUUID();
    const place = { organizationId: clinic.organizationId, table: 'patient', column: 'note_sealed', rowId: id };
    await arrange(t.database, clinic, (tx) =>
      tx.patient.create({
        data: { organizationId: clinic.organizationId, id, givenName: 'Ada', familyName: 'Audit', noteSealed: codec.seal(place, 'first') },
      }),
    );
    await rotate();
    await expect(destroyDataKey(t.owner, clinic.organizationId, 1, { settledSeconds: 0 })).rejects.toThrow(/values are sealed with key 1/);
    await resealOrganization(t.owner, codec, clinic.organizationId);
    const [, first, second] = (await readDataKeys(t.owner, clinic.organizationId)).filter(({ keyId }) => keyId < 3);
    expect([first?.live, second && second.live > 0]).toEqual([0, true]);
    expect(first?.audited).toBeGreaterThan(0);
    await expect(destroyDataKey(t.owner, clinic.organizationId, 1, { settledSeconds: 0 })).rejects.toThrow('--with-history');
    await destroyDataKey(t.owner, clinic.organizationId, 1, { settledSeconds: 0, withHistory: true });
    await codec.prepare(clinic.organizationId);
    expect((await values()).filter(({ rowId }) => rowId === id).map(open)).toEqual(['first']);
    const [logged] = await t.look<{ sealed: string }>(`SELECT after ->> 'note_sealed' AS sealed FROM audit_log WHERE row_id = $1`, [id]);
    expect(() => codec.open(place, Buffer.from(logged?.sealed.slice(2) ?? '', 'hex'))).toThrow(UnreadableValue);
  });

  test('never puts an old value in the place of one that was written meanwhile', async () => {
    await fillSealed();
    await rotate();
    const patient = (await values()).find(({ table, column }) => table === 'patient' && column === 'note_sealed');
    if (!patient) throw new Error('There is no note.');
    const of = { organizationId: clinic.organizationId };
    const newer = codec.seal({ ...of, ...patient }, 'newer');
    let resealing: Promise<unknown> = Promise.resolve();
    // Somebody who has written and not yet committed: what is sealed anew was read before, and waits for the row.
    await arrange(t.database, clinic, async (tx) => {
      await tx.patient.update({
        where: { organizationId_id: { ...of, id: patient.rowId } },
        data: { noteSealed: newer, version: { increment: 1 } },
      });
      resealing = resealOrganization(t.owner, codec, clinic.organizationId);
      const waits = `SELECT FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock' AND query LIKE 'UPDATE patient%'`;
      await eventually('it waits for the row', async () => (await t.look(waits)).length > 0);
    });
    await resealing;
    const now = (await values()).find(({ rowId, column }) => rowId === patient.rowId && column === 'note_sealed');
    expect(now && open(now)).toBe('newer');
  });

  test('goes on where it was killed', async () => {
    await fillSealed();
    await rotate();
    let opened = 0;
    const dying: Codec = {
      ...codec,
      open: (place, sealed) => {
        if (++opened === 8) throw new Error('killed');
        return codec.open(place, sealed);
      },
    };
    await expect(resealOrganization(t.owner, dying, clinic.organizationId)).rejects.toThrow('killed');
    const left = (await values()).filter(({ value }) => value.readUInt32BE(1) === 1).length;
    const count = (await values()).length;
    expect(left).toBeGreaterThan(0);
    expect(left).toBeLessThan(count);
    expect(await resealOrganization(t.owner, codec, clinic.organizationId)).toEqual({ resealed: left, unreadable: 0 });
    expect(await keysOf()).toEqual([2]);
  });

  test('leaves what does not open as it is, and says how many', async () => {
    await fillSealed();
    await asOwner(t.owner, clinic.organizationId, 'test', async (client) => {
      await client.query(`SELECT set_config('app.resealing', 'on', true)`);
      await client.query(`UPDATE staff SET email_sealed = set_byte(email_sealed, 30, get_byte(email_sealed, 30) # 1)`);
    });
    const broken = (await values()).filter(({ table }) => table === 'staff');
    await rotate();
    const { unreadable } = await resealOrganization(t.owner, codec, clinic.organizationId);
    expect(unreadable).toBe(broken.length);
    expect((await values()).filter(({ table }) => table === 'staff')).toEqual(broken);
    await expect(destroyDataKey(t.owner, clinic.organizationId, 1, { settledSeconds: 0, withHistory: true })).rejects.toThrow(
      'are sealed with key 1',
    );
  });
});

describe('the way around versions, history and the log that sealing anew takes', () => {
  const asRuntime = (statement: string) =>
    arrange(t.database, clinic, async (tx) => {
      await tx.$executeRaw`SELECT set_config('app.resealing', 'on', true)`;
      await tx.$executeRawUnsafe(statement);
    });

  test('is closed to the service: it says so of itself in vain', async () => {
    await expect(asRuntime(`UPDATE patient SET note_sealed = '\\x00'`)).rejects.toThrow('patient changes with its version');
    await expect(asRuntime(`UPDATE appointment_history SET note_sealed = '\\x00'`)).rejects.toThrow('permission denied');
    const before = await t.look('SELECT FROM audit_log');
    await asRuntime('UPDATE staff_account SET password_changed_at = now()');
    await asRuntime(`UPDATE patient SET note_sealed = '\\x00', version = version + 1`);
    expect((await t.look('SELECT FROM audit_log')).length).toBeGreaterThan(before.length + 1);
  });

  test('is for sealed columns alone: another change of the owner is in the log, and the logs change for nobody', async () => {
    const resealing = (statement: string) =>
      asOwner(t.owner, clinic.organizationId, 'test', async (client) => {
        await client.query(`SELECT set_config('app.resealing', 'on', true)`);
        await client.query(statement);
      });
    await resealing(`UPDATE patient SET given_name = 'Changed', version = version + 1`);
    expect((await t.look(`SELECT FROM audit_log WHERE action = 'test' AND after ? 'given_name'`)).length).toBeGreaterThan(0);
    for (const log of ['audit_log', 'access_log', 'audit_seal', 'outbox_event', 'message_policy'])
      await expect(resealing(`UPDATE ${log} SET organization_id = organization_id`), log).rejects.toThrow('append-only');
  });
});
