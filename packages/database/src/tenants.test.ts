import { randomUUID } from 'node:crypto';
import { aFullClinic, connect, createTestDatabase, runAs, sessionIn, type Clinic, type TestDatabase } from '@medspa/testing';
import pg from 'pg';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { Prisma, type Tx } from './database.ts';
import { handleDatabaseError } from './errors.ts';
import type { DatabaseSettings } from './settings.ts';
import { sql } from './sql.ts';

// Two organizations with rows in every table, and every table tried from outside: without a session, and with the other's.

type Table = { name: string; key: string; column: string | null };

let t: TestDatabase;
let mine: Clinic;
let theirs: Clinic;
let tables: Table[];
beforeAll(async () => {
  t = await createTestDatabase();
  [mine, theirs] = [await aFullClinic(t.database), await aFullClinic(t.database)];
  tables = await t.look<Table>(
    `SELECT c.relname AS name, CASE WHEN c.relname = 'organization' THEN 'id' ELSE 'organization_id' END AS key,
       (SELECT a.attname FROM pg_attribute a WHERE a.attrelid = c.oid AND a.attnum > 0 AND has_column_privilege('app_rw', c.oid, a.attname, 'UPDATE') LIMIT 1) AS column
     FROM pg_class c WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'p') AND NOT c.relispartition
       AND c.relname NOT IN ('_prisma_migrations', 'health_probe', 'sign_in_guard', 'setup_code', 'webauthn_challenge', 'rate_limit') ORDER BY 1`,
  );
  await runAs(
    t.owner,
    `CREATE FUNCTION app.test_verb(p_session jsonb, p_statement text) RETURNS bigint LANGUAGE plpgsql AS $$
     DECLARE v_count bigint;
     BEGIN PERFORM app.enter(p_session); EXECUTE p_statement; GET DIAGNOSTICS v_count = ROW_COUNT; RETURN v_count; END $$`,
    'GRANT EXECUTE ON FUNCTION app.test_verb TO app_rw',
  );
});
afterAll(() => t.drop());

const sessionOf = ({ organizationId, actorId }: Clinic) => sessionIn(organizationId, actorId);
const where = ({ key }: Table, { organizationId }: Clinic) => `${key} = '${organizationId}'`;
/** A copy of the first row that the clinic has in the table, as its INSERT. */
async function copyOf({ name, key }: Table, { organizationId }: Clinic): Promise<string> {
  const [found] = await t.look<{ row: object; columns: string }>(
    `SELECT to_jsonb(r) AS row, (SELECT string_agg(quote_ident(attname), ', ') FROM pg_attribute
       WHERE attrelid = $2::regclass AND attnum > 0 AND NOT attisdropped AND attgenerated = '') AS columns
     FROM ${name} r WHERE ${key} = $1 LIMIT 1`,
    [organizationId, name],
  );
  if (!found) throw new Error(`aFullClinic leaves ${name} empty; give it a row.`);
  const { columns, row } = found;
  return `INSERT INTO ${name} (${columns}) SELECT ${columns} FROM jsonb_populate_record(NULL::${name}, ${pg.escapeLiteral(JSON.stringify(row))}::jsonb)`;
}
const rowsOf = (clinic: Clinic) =>
  Promise.all(
    tables.map(async (table) => {
      const rows = await t.look(`SELECT to_jsonb(r) AS row FROM ${table.name} r WHERE ${where(table, clinic)} ORDER BY to_jsonb(r)::text`);
      return [table.name, rows] as const;
    }),
  );

/** Runs a statement on a way to the database: how many rows it saw or changed, or the SQLSTATE with which it was refused. */
type Way = (statement: string) => Promise<number | string>;
async function outcome(work: () => Promise<number>): Promise<number | string> {
  try {
    return await work();
  } catch (error) {
    return handleDatabaseError(error)?.code ?? 'no database error';
  }
}
const firstDoor =
  (clinic: Clinic): Way =>
  (statement) =>
    outcome(() =>
      t.database.withTransaction(sessionOf(clinic), async (tx) =>
        statement.startsWith('SELECT') ? (await tx.$queryRawUnsafe<unknown[]>(statement)).length : tx.$executeRawUnsafe(statement),
      ),
    );
const secondDoor =
  (clinic: Clinic): Way =>
  (statement) =>
    outcome(async () => {
      const call = (session: object) => sql<{ count: number }>`SELECT app.test_verb(${session}::jsonb, ${statement}) AS count`;
      return (await t.database.callFunction(sessionOf(clinic), call))[0]?.count ?? 0;
    });
/** Works with a connection of the role's own, which no door has opened. */
async function connectedAs<T>(settings: DatabaseSettings, work: (client: pg.Client, way: Way) => Promise<T>): Promise<T> {
  const client = await connect(settings);
  try {
    return await work(client, (statement) => outcome(async () => (await client.query(statement)).rowCount ?? 0));
  } finally {
    await client.end();
  }
}

/** Every table, tried on one way: `expected` says what may come out of a try. */
async function tryAll(
  way: Way,
  statementOf: (table: Table) => string | Promise<string>,
  expected: (found: number | string, table: Table) => boolean,
) {
  const wrong: string[] = [];
  for (const table of tables) {
    const found = await way(await statementOf(table));
    if (!expected(found, table)) wrong.push(`${table.name}: ${found}`);
  }
  return wrong;
}
const refused = (found: number | string) => found === '42501';
const nothing = (found: number | string) => found === 0;
const nothingOrRefused = (found: number | string) => nothing(found) || refused(found);
const update = (table: Table, clinic: Clinic) =>
  `UPDATE ${table.name} SET ${table.column ?? table.key} = ${table.column ?? table.key} WHERE ${where(table, clinic)}`;

describe('ASVS 8.4.1: without a session', () => {
  test.each(['runtime', 'owner'] as const)('no row of any table is visible, and nothing can be written: %s role', async (role) => {
    await connectedAs(t[role], async (_, way) => {
      expect(await tryAll(way, ({ name }) => `SELECT FROM ${name}`, nothing)).toEqual([]);
      expect(await tryAll(way, (table) => copyOf(table, theirs), refused)).toEqual([]);
      expect(await tryAll(way, (table) => update(table, theirs), nothingOrRefused)).toEqual([]);
      expect(await tryAll(way, ({ name }) => `DELETE FROM ${name}`, nothingOrRefused)).toEqual([]);
    });
  });
});

describe.each([
  ['first', firstDoor],
  ['second', secondDoor],
])('through the %s door, with the session of an organization', (_, door) => {
  test("its own rows of every table are visible, and nobody else's", async () => {
    expect(
      await tryAll(
        door(mine),
        (table) => `SELECT FROM ${table.name} WHERE ${where(table, mine)}`,
        (found) => Number(found) > 0,
      ),
    ).toEqual([]);
    expect(await tryAll(door(mine), (table) => `SELECT FROM ${table.name} WHERE NOT ${where(table, mine)}`, nothing)).toEqual([]);
  });

  test('a row of another can be neither changed, deleted nor inserted, in any table', async () => {
    const before = await rowsOf(theirs);
    expect(await tryAll(door(mine), (table) => update(table, theirs), nothingOrRefused)).toEqual([]);
    expect(await tryAll(door(mine), (table) => `DELETE FROM ${table.name} WHERE ${where(table, theirs)}`, nothingOrRefused)).toEqual([]);
    expect(await tryAll(door(mine), (table) => copyOf(table, theirs), refused)).toEqual([]);
    expect(await rowsOf(theirs)).toEqual(before);
  });

  test('a row of its own cannot be handed to another, in any table', async () => {
    const hand = (table: Table) => `UPDATE ${table.name} SET ${table.key} = '${theirs.organizationId}' WHERE ${where(table, mine)}`;
    expect(await tryAll(door(mine), hand, refused)).toEqual([]);
  });
});

describe("ASVS 8.4.1: through Prisma's models", () => {
  const accessors = Object.keys(Prisma.ModelName)
    .filter((model) => !['HealthProbe', 'KeyCheck', 'SignInGuard', 'SetupCode', 'WebauthnChallenge', 'RateLimit'].includes(model))
    .map((model) => (model.charAt(0).toLowerCase() + model.slice(1)) as Uncapitalize<Prisma.ModelName>);
  type Reader = { findMany: (args: object) => Promise<unknown[]>; count: () => Promise<number> };

  test.each(accessors)("another's rows are not there: %s", async (accessor) => {
    await t.database.withTransaction(sessionOf(mine), async (tx) => {
      const model = (tx as unknown as Record<string, Reader>)[accessor] as Reader;
      const key = accessor === 'organization' ? 'id' : 'organizationId';
      expect(await model.findMany({ where: { [key]: theirs.organizationId } })).toEqual([]);
      expect(await model.count()).toBeGreaterThan(0);
    });
  });

  test("a write for another is refused, and one to another's row finds none", async () => {
    const write = (work: (tx: Tx) => Promise<unknown>) =>
      outcome(() => t.database.withTransaction(sessionOf(mine), async (tx) => Number(((await work(tx)) as { count?: number }).count)));
    const id = { organizationId_id: { organizationId: theirs.organizationId, id: theirs.roomTypeId } };
    expect(await write((tx) => tx.roomType.create({ data: { organizationId: theirs.organizationId, name: 'x' } }))).toBe('42501');
    expect(await write((tx) => tx.roomType.update({ where: id, data: { name: 'x', version: { increment: 1 } } }))).toBe('P2025');
    expect(await write((tx) => tx.patientRelation.deleteMany({ where: { organizationId: theirs.organizationId } }))).toBe(0);
  });
});

describe('the owner of the tables', () => {
  test("is bound like everybody: sees only the session's rows, and writes no other", async () => {
    await connectedAs(t.owner, async (client, outside) => {
      const way: Way = async (statement) => {
        await client.query('BEGIN');
        try {
          await client.query('SELECT app.enter($1)', [JSON.stringify(sessionOf(mine))]);
          return await outside(statement);
        } finally {
          await client.query('ROLLBACK');
        }
      };
      expect(await tryAll(way, (table) => `SELECT FROM ${table.name} WHERE NOT ${where(table, mine)}`, nothing)).toEqual([]);
      expect(
        await tryAll(
          way,
          (table) => `SELECT FROM ${table.name}`,
          (found) => Number(found) > 0,
        ),
      ).toEqual([]);
      expect(await tryAll(way, (table) => copyOf(table, theirs), refused)).toEqual([]);
      expect(await tryAll(way, (table) => `DELETE FROM ${table.name} WHERE ${where(table, theirs)}`, nothingOrRefused)).toEqual([]);
      // A month of a log is a table with a name of its own.
      const parts = await t.look<{ name: string }>(
        `SELECT inhrelid::regclass::text AS name FROM pg_inherits WHERE inhparent IN ('audit_log'::regclass, 'access_log'::regclass)`,
      );
      for (const { name } of parts) expect(await way(`SELECT FROM ${name} WHERE organization_id <> '${mine.organizationId}'`)).toBe(0);
    });
  });
});

describe('a foreign key', () => {
  type Key = { name: string; child: string; parent: string; columns: string[]; targets: string[]; appendOnly: boolean };

  test('takes no parent of another organization, whichever key it is', async () => {
    const keys = await t.look<Key>(
      `SELECT k.conname AS name, k.conrelid::regclass::text AS child, k.confrelid::regclass::text AS parent,
         (SELECT array_agg(a.attname::text ORDER BY n) FROM unnest(k.conkey) WITH ORDINALITY u(num, n) JOIN pg_attribute a ON a.attrelid = k.conrelid AND a.attnum = u.num) AS columns,
         (SELECT array_agg(a.attname::text ORDER BY n) FROM unnest(k.confkey) WITH ORDINALITY u(num, n) JOIN pg_attribute a ON a.attrelid = k.confrelid AND a.attnum = u.num) AS targets,
         EXISTS (SELECT FROM pg_trigger g WHERE g.tgrelid = k.conrelid AND g.tgname = 'append_only') AS "appendOnly"
       FROM pg_constraint k WHERE k.contype = 'f' AND k.connamespace = 'public'::regnamespace AND k.conparentid = 0 AND k.confrelid <> 'organization'::regclass ORDER BY 1`,
    );
    expect(keys.length).toBeGreaterThan(20);
    const taken = await connectedAs(t.admin, async (client) => {
      const wrong: string[] = [];
      for (const key of keys) {
        const found = await adopt(client, key);
        if (found !== '23503') wrong.push(`${key.name}: ${found}`);
      }
      return wrong;
    });
    expect(taken).toEqual([]);
  });

  /** Points my newest row to a parent of theirs, past row-level security and other rules, and tells how that ended. */
  async function adopt(client: pg.Client, { child, parent, columns, targets, appendOnly }: Key): Promise<number | string> {
    const newestOf = async (table: string, { organizationId }: Clinic) =>
      (
        await client.query(
          `SELECT ctid, to_jsonb(r) AS row FROM ${table} r WHERE organization_id = $1 ORDER BY coalesce(to_jsonb(r) ->> 'id', to_jsonb(r) ->> 'staff_id', lpad(to_jsonb(r) ->> 'key_id', 10, '0')) DESC LIMIT 1`,
          [organizationId],
        )
      ).rows[0];
    await client.query('BEGIN');
    try {
      await client.query('SELECT app.enter($1)', [JSON.stringify(sessionOf(mine))]);
      const checks = await client.query(
        `SELECT conname FROM pg_constraint WHERE conrelid = '${child}'::regclass AND contype IN ('c', 'x')`,
      );
      for (const { conname } of checks.rows) await client.query(`ALTER TABLE ${child} DROP CONSTRAINT ${conname}`);
      // What a trigger made of a patient's row refers to it.
      if (child === 'patient') await client.query('DELETE FROM patient_name_word');
      const [stranger, own] = [await newestOf(parent, theirs), await newestOf(child, mine)];
      const pairs = columns
        .map((column, n) => [column, String(stranger.row[targets[n] ?? ''])] as const)
        .filter(([column]) => column !== 'organization_id');
      const changed = [
        ...pairs.map(([column, value]) => `${column} = ${pg.escapeLiteral(value)}`),
        ...('version' in own.row ? ['version = version + 1'] : []),
      ];
      return await outcome(async () => {
        if (appendOnly) {
          const copy = JSON.stringify({ ...own.row, ...('id' in own.row ? { id: randomUUID() } : {}), ...Object.fromEntries(pairs) });
          await client.query(`INSERT INTO ${child} SELECT * FROM jsonb_populate_record(NULL::${child}, $1)`, [copy]);
        } else await client.query(`UPDATE ${child} SET ${changed.join(', ')} WHERE ctid = '${own.ctid}'`);
        await client.query('SET CONSTRAINTS ALL IMMEDIATE');
        return 1;
      });
    } finally {
      await client.query('ROLLBACK');
    }
  }

  test('takes no organization that is not there', async () => {
    const nobody = randomUUID();
    const made = t.database.withTransaction(sessionIn(nobody, randomUUID()), (tx) =>
      tx.roomType.create({ data: { organizationId: nobody, name: 'x' } }),
    );
    expect(await outcome(() => made.then(() => 1))).toBe('23503');
  });
});
