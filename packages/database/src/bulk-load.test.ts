import { randomUUID } from 'node:crypto';
import { createTestDatabase, runAs, sessionIn, type TestDatabase } from '@medspa/testing';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import type { BatchRow } from './batch.ts';
import { bulkLoad } from './bulk-load.ts';
import { readCatalog } from './migrate/index.ts';

const organization_id = randomUUID();
const session = JSON.stringify(sessionIn(organization_id, randomUUID()));
const [first, second] = [randomUUID(), randomUUID()];
const CHILDREN = ['child', 'toy'];
let t: TestDatabase;
let catalog: string[];

beforeAll(async () => {
  t = await createTestDatabase();
});
afterAll(() => t.drop());

// Guarded like the tables of the service: forced row-level security, audit, keys in both directions.
beforeEach(async () => {
  await runAs(
    t.owner,
    `DROP TABLE IF EXISTS toy, child, family, cradle`,
    `CREATE TABLE family (organization_id uuid, id uuid, PRIMARY KEY (organization_id, id))`,
    `CREATE TABLE child (organization_id uuid, id uuid, family_id uuid NOT NULL, age integer CHECK (age < 100), name text, sealed bytea, at timestamptz,
       list jsonb, flag boolean, during tstzrange, name_key text GENERATED ALWAYS AS (lower(name)) STORED, PRIMARY KEY (organization_id, id),
       FOREIGN KEY (organization_id, family_id) REFERENCES family, EXCLUDE USING gist (organization_id WITH =, during WITH &&))`,
    `CREATE TABLE toy (organization_id uuid, id uuid, child_id uuid, label text, PRIMARY KEY (organization_id, id), UNIQUE (label),
       FOREIGN KEY (organization_id, child_id) REFERENCES child DEFERRABLE INITIALLY DEFERRED)`,
    `CREATE INDEX child_by_age ON child (age DESC) WHERE age > 3`,
    `CREATE TABLE cradle (organization_id uuid, id uuid)`,
    `CREATE OR REPLACE FUNCTION app.add_cradle() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN INSERT INTO cradle VALUES (NEW.organization_id, NEW.id); RETURN NULL; END $$`,
    `CREATE TRIGGER add_cradle AFTER INSERT ON child FOR EACH ROW EXECUTE FUNCTION app.add_cradle()`,
    ...['family', 'child', 'toy'].map((table) => `CALL app.protect('${table}')`),
    `BEGIN; SELECT app.enter('${session}'); INSERT INTO family VALUES ('${organization_id}', '${first}'); COMMIT`,
  );
  catalog = await readCatalog(t.owner);
});

const child = (values: Partial<BatchRow> = {}): BatchRow => ({ organization_id, id: randomUUID(), family_id: first, age: 5, ...values });
const toy = (values: Partial<BatchRow> = {}): BatchRow => ({
  organization_id,
  id: randomUUID(),
  child_id: null,
  label: randomUUID(),
  ...values,
});
const load = (children: BatchRow[], toys: BatchRow[] = []) =>
  bulkLoad(t.owner, CHILDREN, async (copy) => {
    await copy('child', children);
    await copy('toy', toys);
  });
const countOf = async (table: string) => (await t.look<{ count: number }>(`SELECT count(*)::int AS count FROM ${table}`))[0]?.count;

describe('a bulk load', () => {
  test('writes all rows, in as many goes as one likes, and says how many', async () => {
    const said: number[] = [];
    await bulkLoad(t.owner, CHILDREN, async (copy) => {
      for (const size of [0, 1, 5_000])
        said.push(
          await copy(
            'child',
            Array.from({ length: size }, () => child()),
          ),
        );
    });
    expect(said).toEqual([0, 1, 5_000]);
    expect(await countOf('child')).toBe(5_001);
  });

  test('keeps bytes, instants, JSON, ranges, booleans, nulls and any text as they are', async () => {
    const name = `"quoted" 'text' \\x41 \\N \\. {"a":1} — 🩺\n\r\ttab`;
    const sealed = Uint8Array.from({ length: 256 }, (_, n) => n);
    const list = [{ text: 'a\\b"c\n' }];
    const during = '[2026-03-03T15:00:00.000Z,2026-03-03T16:00:00.000Z)';
    const all = { name, sealed, at: new Date('2026-03-03T15:00:00.123Z'), list, flag: true, during };
    await load([
      child({ ...all, id: first }),
      child({ ...all, list, during: null, flag: false, name: '', id: second, sealed: null, at: null }),
    ]);
    const rows = await t.look<BatchRow>(`SELECT name, sealed, at, list, flag, during::text, name_key FROM child ORDER BY flag DESC`);
    expect(rows).toEqual([
      {
        ...all,
        sealed: Buffer.from(sealed),
        during: '["2026-03-03 15:00:00+00","2026-03-03 16:00:00+00")',
        name_key: name.toLowerCase(),
      },
      { name: '', sealed: null, at: null, list, flag: false, during: null, name_key: '' },
    ]);
  });

  test('lets triggers add what belongs to a row, and leaves the tables guarded as they were: keys, indexes, audit, row-level security', async () => {
    await load([child({ id: first })], [toy({ child_id: first })]);
    expect(await readCatalog(t.owner)).toEqual(catalog);
    expect(await runAs(t.owner, 'SELECT FROM child')).toEqual([]);
    expect(await t.look('SELECT id FROM cradle')).toEqual([{ id: first }]);
    await runAs(t.owner, `BEGIN; SELECT app.enter('${session}'); DELETE FROM toy; COMMIT`);
    // What was loaded left no trace; what came after it does.
    expect(await t.look(`SELECT table_name, operation FROM audit_log WHERE table_name IN ('child', 'toy')`)).toEqual([
      { table_name: 'toy', operation: 'delete' },
    ]);
  });

  const BROKEN: [what: string, children: BatchRow[], toys: BatchRow[], constraint: RegExp][] = [
    ['a row of a parent that is not there', [child(), child({ family_id: second })], [], /child_organization_id_family_id_fkey/],
    [
      'a row that points into the load, to nobody',
      [child({ id: first })],
      [toy({ child_id: second })],
      /toy_organization_id_child_id_fkey/,
    ],
    ['an id twice', [child({ id: first }), child({ id: first })], [], /child_pkey/],
    ['a unique value twice', [], [toy({ label: 'same' }), toy({ label: 'same' })], /toy_label_key/],
    ['a value that a check refuses', [child(), child({ age: 100 })], [], /child_age_check/],
    [
      'an overlap that an exclusion refuses',
      [child({ during: '[2026-03-03,2026-03-05)' }), child({ during: '[2026-03-04,2026-03-06)' })],
      [],
      /child_organization_id_during_excl/,
    ],
  ];
  test.each(BROKEN)('refuses %s, and then nothing has changed', async (_, children, toys, constraint) => {
    await expect(load(children, toys)).rejects.toThrow(constraint);
    expect([await countOf('child'), await countOf('toy')]).toEqual([0, 0]);
    expect(await readCatalog(t.owner)).toEqual(catalog);
  });

  test('refuses a table that has rows of anybody, and leaves them there', async () => {
    await load([child()]);
    await expect(load([child()])).rejects.toThrow('A bulk load fills empty tables; "child" has rows.');
    expect(await countOf('child')).toBe(1);
  });

  test('refuses rows of one COPY with different columns', async () => {
    await expect(load([child(), child({ name: 'one more' })])).rejects.toThrow('Rows of one COPY give the same columns.');
    expect(await countOf('child')).toBe(0);
  });

  test('is seen by nobody before it is whole, and leaves nothing when the work fails', async () => {
    const failing = bulkLoad(t.owner, CHILDREN, async (copy) => {
      await copy('child', [child()]);
      await expect(runAs(t.admin, `SET lock_timeout = '50ms'`, 'SELECT FROM child')).rejects.toThrow('lock timeout');
      throw new Error('the generator failed');
    });
    await expect(failing).rejects.toThrow('the generator failed');
    expect(await countOf('child')).toBe(0);
    expect(await readCatalog(t.owner)).toEqual(catalog);
  });

  test('is for the owner: the service may not', async () => {
    await expect(bulkLoad(t.runtime, ['appointment'], async () => {})).rejects.toThrow('permission denied');
  });
});
