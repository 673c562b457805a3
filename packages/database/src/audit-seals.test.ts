import { aClinic, arrange, connect, createLoneDatabase, runAs, sessionIn, type Clinic, type TestDatabase } from '@medspa/testing';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { sql } from './sql.ts';

let t: TestDatabase;
let clinic: Clinic;
let other: Clinic;
beforeAll(async () => {
  t = await createLoneDatabase();
  [clinic, other] = [await aClinic(t.database), await aClinic(t.database)];
});
afterAll(() => t.drop());

type Sealed = { sealed: number; isBehind: boolean; waitingSeconds: number };
const seal = async (most = 100_000): Promise<Sealed | null> => {
  const [row] = await t.database.callFunction(
    sessionIn(clinic.organizationId, clinic.actorId, 'upkeep.seal'),
    (session) => sql<{ result: Sealed | null }>`SELECT app.seal_logs(${session}::jsonb, ${most}::int) AS result`,
  );
  return row?.result ?? null;
};
const write = (where: Clinic, name: string) =>
  arrange(t.database, where, (tx) => tx.roomType.create({ data: { organizationId: where.organizationId, name } }));
const read = (where: Clinic) => arrange(t.database, where, (tx) => tx.$executeRaw`SELECT app.log_access(ARRAY[${where.actorId}::uuid])`);

/** Rows that a number of seals other than one covers, leaving out those that are too new for any. */
const miscovered = () =>
  t.look(
    `WITH log_row AS (
       SELECT organization_id, 'audit_log' AS log, id, xact FROM audit_log UNION ALL SELECT organization_id, 'access_log', id, xact FROM access_log
     )
     SELECT log, id, (SELECT count(*)::int FROM audit_seal s WHERE s.organization_id = r.organization_id AND s.log = r.log AND r.xact >= s.from_xact AND r.xact < s.to_xact) AS seals
     FROM log_row r WHERE xact < (SELECT max(to_xact) FROM audit_seal)
       AND (SELECT count(*) FROM audit_seal s WHERE s.organization_id = r.organization_id AND s.log = r.log AND r.xact >= s.from_xact AND r.xact < s.to_xact) <> 1`,
  );
/** Seals that do not follow from the one before them, or count other rows than they cover. */
const broken = () =>
  t.look(
    `SELECT organization_id, log, sequence FROM (
       SELECT *, lag(sequence, 1, 0::bigint) OVER w AS before, lag(to_xact, 1, '0'::xid8) OVER w AS ended, lag(root) OVER w AS root_before, lag(total_rows, 1, 0::bigint) OVER w AS total_before
       FROM audit_seal WINDOW w AS (PARTITION BY organization_id, log ORDER BY sequence)) s
     WHERE sequence <> before + 1 OR from_xact <> ended OR previous_root <> coalesce(root_before, decode(repeat('00', 32), 'hex')) OR total_rows <> total_before + row_count
       OR row_count <> CASE log
         WHEN 'audit_log' THEN (SELECT count(*) FROM audit_log r WHERE r.organization_id = s.organization_id AND r.xact >= s.from_xact AND r.xact < s.to_xact)
         ELSE (SELECT count(*) FROM access_log r WHERE r.organization_id = s.organization_id AND r.xact >= s.from_xact AND r.xact < s.to_xact) END`,
  );
/** How many rows no seal covers. */
const unsealed = async () => {
  const [row] = await t.look<{ count: number }>(
    `SELECT ((SELECT count(*) FROM audit_log) + (SELECT count(*) FROM access_log) - (SELECT coalesce(sum(row_count), 0) FROM audit_seal))::int AS count`,
  );
  return row?.count;
};

describe('AUD-1: nobody changes', () => {
  const month = new Date().toISOString().slice(0, 7).replace('-', '_');
  const tables = ['audit_log', 'access_log', 'audit_seal', `audit_log_${month}`, `access_log_${month}`];
  const statements = tables.flatMap((table) => [
    [`UPDATE ${table} SET organization_id = organization_id`],
    [`DELETE FROM ${table}`],
    [`TRUNCATE ${table}`],
  ]);

  test.each(statements)('as the runtime role: %s', async (statement) => {
    await expect(runAs(t.runtime, statement)).rejects.toThrow('permission denied');
  });

  test.each(statements)('as the owner of the tables: %s', async (statement) => {
    await expect(runAs(t.owner, statement)).rejects.toThrow('is append-only');
  });

  test.each(tables)('and the runtime role writes none by hand: %s', async (table) => {
    await expect(runAs(t.runtime, `INSERT INTO ${table} DEFAULT VALUES`)).rejects.toThrow('permission denied');
  });
});

describe('AUD-2: a seal', () => {
  test('covers what was written and read, of each organization and log apart, and nothing twice', async () => {
    await write(clinic, 'Laser');
    await write(other, 'Laser');
    await read(other);
    expect(await seal()).toMatchObject({ isBehind: false, waitingSeconds: 0 });
    expect(await unsealed()).toBe(0);
    const chains = await t.look<{ organization_id: string; log: string }>(
      'SELECT organization_id, log FROM audit_seal WHERE sequence = 1 ORDER BY 1, 2',
    );
    const [first, second] = [clinic.organizationId, other.organizationId];
    expect(chains).toEqual([
      { organization_id: first, log: 'audit_log' },
      { organization_id: second, log: 'access_log' },
      { organization_id: second, log: 'audit_log' },
    ]);
    expect([await miscovered(), await broken()]).toEqual([[], []]);
  });

  test('is not made where nothing happened', async () => {
    await seal();
    const before = await t.look('SELECT count(*) FROM audit_seal');
    expect(await seal()).toEqual({ sealed: 0, isBehind: false, waitingSeconds: 0 });
    expect(await t.look('SELECT count(*) FROM audit_seal')).toEqual(before);
  });

  test('waits for a transaction that was there before, and says for how long; the row that commits late is in the next', async () => {
    await seal();
    const early = await connect(t.runtime);
    try {
      await early.query('BEGIN');
      await early.query('SELECT app.enter($1)', [JSON.stringify(sessionIn(clinic.organizationId, clinic.actorId))]);
      await early.query('INSERT INTO room_type (organization_id, id, name) VALUES ($1, gen_random_uuid(), $2)', [
        clinic.organizationId,
        'Early',
      ]);
      await write(clinic, 'Late');
      await write(other, 'Late');
      const held = await seal();
      expect(held?.sealed).toBe(0);
      expect(held?.waitingSeconds).toBeGreaterThan(0);
      await early.query('COMMIT');
    } finally {
      await early.end();
    }
    expect(await seal()).toEqual({ sealed: 3, isBehind: false, waitingSeconds: 0 });
    expect([await unsealed(), await miscovered(), await broken()]).toEqual([0, [], []]);
  });

  test('covers a row whose id is lower than those of a seal that is made already', async () => {
    await write(clinic, 'Before');
    // Drawn now, used when all others are sealed.
    const [drawn] = await t.look<{ id: string }>(`SELECT nextval('audit_log_id_seq') AS id`);
    await write(clinic, 'After');
    await seal();
    await t.look(
      `INSERT INTO audit_log (organization_id, id, at, actor_kind, actor_id, request_id, action, table_name, operation)
       VALUES ($1, $2, now(), 'staff', $3, 'late', 'late', 'room_type', 'insert')`,
      [clinic.organizationId, drawn?.id, clinic.actorId],
    );
    expect(await seal()).toMatchObject({ sealed: 1 });
    expect([await unsealed(), await miscovered(), await broken()]).toEqual([0, [], []]);
  });

  test('is made by one at a time', async () => {
    const sealer = await connect(t.runtime);
    try {
      await write(clinic, 'Once');
      await sealer.query('BEGIN');
      const session = JSON.stringify(sessionIn(clinic.organizationId, clinic.actorId));
      expect((await sealer.query('SELECT app.seal_logs($1, 1000) AS result', [session])).rows).toMatchObject([{ result: { sealed: 1 } }]);
      expect(await seal()).toBe(null);
      await sealer.query('ROLLBACK');
    } finally {
      await sealer.end();
    }
    expect(await seal()).toMatchObject({ sealed: 1 });
  });

  test('takes a long backlog in parts, each of whole transactions', async () => {
    for (let count = 0; count < 5; count++) {
      await arrange(t.database, clinic, async (tx) => {
        for (let row = 0; row < 3; row++)
          await tx.roomType.create({ data: { organizationId: clinic.organizationId, name: `Part ${count}.${row}` } });
      });
    }
    const parts: Sealed[] = [];
    while (parts.at(-1)?.isBehind !== false) parts.push((await seal(4)) ?? { sealed: 0, isBehind: false, waitingSeconds: 0 });
    expect(parts.map(({ sealed }) => sealed)).toEqual([6, 6, 3]);
    expect([await unsealed(), await miscovered(), await broken()]).toEqual([0, [], []]);
  });

  test('covers every row exactly once while others write, read, roll back and hold transactions open', async () => {
    let isWriting = true;
    const writer = async (where: Clinic, index: number) => {
      for (let count = 0; count < 40; count++) {
        await arrange(t.database, where, async (tx) => {
          await tx.roomType.create({ data: { organizationId: where.organizationId, name: `Busy ${index}.${count}` } });
          await tx.$executeRaw`SELECT app.log_access(ARRAY[${where.actorId}::uuid])`;
          if (count % 5 === 0) throw new Error('changed its mind');
        }).catch((error: Error) => {
          if (error.message !== 'changed its mind') throw error;
        });
      }
    };
    const sealer = async () => {
      let made = 0;
      while (isWriting) made += (await seal(50))?.sealed ?? 0;
      return made;
    };
    const [sealedMeanwhile] = await Promise.all([
      sealer(),
      Promise.all([clinic, other, clinic, other].map(writer)).finally(() => {
        isWriting = false;
      }),
    ]);
    expect(sealedMeanwhile).toBeGreaterThan(0);
    while ((await seal())?.isBehind !== false);
    expect([await unsealed(), await miscovered(), await broken()]).toEqual([0, [], []]);
  });

  test('refuses a server that counts its transactions from below what is sealed', async () => {
    await runAs(
      t.admin,
      `INSERT INTO audit_seal SELECT organization_id, log, sequence + 1, to_xact, '9223372036854775807', 1, total_rows + 1, rows_hash, contents_hash, root, root, now()
       FROM audit_seal WHERE log = 'access_log' ORDER BY sequence DESC LIMIT 1`,
    );
    await expect(seal()).rejects.toThrow('the logs were moved here from another one');
    await runAs(t.admin, `SET session_replication_role = 'replica'`, `DELETE FROM audit_seal WHERE to_xact = '9223372036854775807'`);
  });

  test('takes a hundred thousand rows in a few seconds at most', async () => {
    await t.look(
      `INSERT INTO audit_log (organization_id, at, actor_kind, actor_id, request_id, action, table_name, row_id, operation, after)
       SELECT $1, now(), 'staff', $2, n::text, 'room-type.create', 'room_type', gen_random_uuid(), 'insert', jsonb_build_object('id', n, 'name', 'Room ' || n, 'version', 1)
       FROM generate_series(1, 100000) n`,
      [clinic.organizationId, clinic.actorId],
    );
    const since = performance.now();
    expect(await seal()).toMatchObject({ sealed: 100_000, isBehind: false });
    const millis = Math.round(performance.now() - since);
    process.stdout.write(`100,000 rows sealed in ${millis} ms\n`);
    expect(millis).toBeLessThan(5_000);
  });
});
