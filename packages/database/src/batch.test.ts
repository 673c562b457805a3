import { randomUUID } from 'node:crypto';
import { createTestDatabase, runAs, sessionIn, type TestDatabase } from '@medspa/testing';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { insertRows, type BatchRow } from './batch.ts';
import { handleDatabaseError } from './errors.ts';

const statements: string[] = [];
let t: TestDatabase;
beforeAll(async () => {
  t = await createTestDatabase({}, { observer: { queried: (text) => statements.push(text) } });
  await runAs(
    t.owner,
    `CREATE TABLE scratch (
       id integer PRIMARY KEY, name text NOT NULL, sealed bytea, at timestamptz(3), day date, list jsonb, ids uuid[], during tstzrange,
       flag boolean, amount integer CHECK (amount < 1000000), made timestamptz DEFAULT now())`,
    'GRANT SELECT, INSERT ON scratch TO app_rw',
  );
});
afterAll(() => t.drop());

const insert = (rows: BatchRow[], onConflict?: 'fail' | 'skip') =>
  t.database.withTransaction(sessionIn(randomUUID(), randomUUID()), (tx) => insertRows(tx, 'scratch', rows, onConflict));
const countOf = async (from: number, to: number) =>
  (await t.look<{ count: number }>('SELECT count(*)::int AS count FROM scratch WHERE id BETWEEN $1 AND $2', [from, to]))[0]?.count;

describe('inserting rows', () => {
  test('is one statement for any number of them, and says how many were written', async () => {
    statements.length = 0;
    const rows = Array.from({ length: 5_000 }, (_, n) => ({ id: 10_000 + n, name: `row ${n}` }));
    expect(await insert(rows)).toBe(5_000);
    expect(statements.filter((text) => text.includes('INSERT'))).toHaveLength(1);
    expect(await countOf(10_000, 14_999)).toBe(5_000);
  });

  test('keeps bytes, instants, days, JSON, lists, ranges, numbers, nulls and any text as they are', async () => {
    const bytes = Uint8Array.from({ length: 256 }, (_, n) => n);
    const name = `"quoted" 'text' \\x41 \\ {"a":1} null — 🩺\n\ttab`;
    const ids = [randomUUID(), randomUUID()];
    await insert([
      {
        id: 1,
        name,
        sealed: bytes,
        at: new Date('2026-03-08T07:30:00.123Z'),
        day: '2026-03-08',
        list: [{ a: 1, b: [true, null, '\\x41'] }],
        ids: ids as unknown as object[],
        during: '[2026-03-08T07:30:00.000Z,2026-03-08T08:00:00.000Z)',
        flag: false,
        amount: -7,
      },
      { id: 2, name: 'nulls', sealed: null, at: null, day: null, list: null, ids: null, during: null, flag: null, amount: null },
    ]);
    const [row, nulls] = await t.look<Record<string, unknown>>(
      `SELECT id, name, sealed, at, day::text, list, ids, lower(during) AS since, upper_inc(during) AS closed, flag, amount FROM scratch WHERE id IN (1, 2) ORDER BY id`,
    );
    expect(row).toEqual({
      id: 1,
      name,
      sealed: Buffer.from(bytes),
      at: new Date('2026-03-08T07:30:00.123Z'),
      day: '2026-03-08',
      list: [{ a: 1, b: [true, null, '\\x41'] }],
      ids,
      since: new Date('2026-03-08T07:30:00.000Z'),
      closed: false,
      flag: false,
      amount: -7,
    });
    expect(nulls).toEqual({
      id: 2,
      name: 'nulls',
      sealed: null,
      at: null,
      day: null,
      list: null,
      ids: null,
      since: null,
      closed: null,
      flag: null,
      amount: null,
    });
  });

  test('leaves columns that are not given to their defaults', async () => {
    await insert([{ id: 20, name: 'default' }]);
    expect(await t.look('SELECT FROM scratch WHERE id = 20 AND made IS NOT NULL')).toHaveLength(1);
  });

  test('of which one is bad writes none of them', async () => {
    for (const bad of [
      { id: 31, name: null },
      { id: 31, name: 'dear', amount: 2_000_000 },
      { id: 30, name: 'twice' },
    ]) {
      const rows = [
        { id: 30, name: 'good', amount: 1 },
        { amount: 1, ...bad },
      ];
      await expect(insert(rows as BatchRow[])).rejects.toThrow(/23502|23514|23505/);
    }
    expect(await countOf(30, 31)).toBe(0);
  });

  test('with skip leaves those that exist as they are and writes the others', async () => {
    await insert([{ id: 40, name: 'first' }]);
    expect(
      await insert(
        [
          { id: 40, name: 'second' },
          { id: 41, name: 'second' },
          { id: 41, name: 'third' },
        ],
        'skip',
      ),
    ).toBe(1);
    expect(await t.look('SELECT id, name FROM scratch WHERE id IN (40, 41) ORDER BY id')).toEqual([
      { id: 40, name: 'first' },
      { id: 41, name: 'second' },
    ]);
  });

  test('with skip still refuses a row that breaks a rule', async () => {
    const error: unknown = await insert([{ id: 42, name: 'dear', amount: 2_000_000 }], 'skip').catch((thrown: unknown) => thrown);
    expect(handleDatabaseError(error)?.kind).toBe('check');
  });

  test('of none does nothing', async () => {
    statements.length = 0;
    expect(await insert([])).toBe(0);
    expect(statements.filter((text) => text.includes('INSERT'))).toEqual([]);
  });

  test('refuses rows that do not give the same columns: what only a later one has would be lost', async () => {
    await expect(
      insert([
        { id: 50, name: 'a' },
        { id: 51, name: 'b', flag: true },
      ]),
    ).rejects.toThrow('same columns');
    await expect(
      insert([
        { id: 50, name: 'a', flag: true },
        { id: 51, name: 'b' },
      ]),
    ).rejects.toThrow('same columns');
    await expect(
      insert([
        { id: 50, name: 'a' },
        { id: 51, amount: 1 },
      ]),
    ).rejects.toThrow('same columns');
    expect(await countOf(50, 51)).toBe(0);
  });

  test('takes names from code only', async () => {
    await expect(insert([{ 'id" , "x': 1 }])).rejects.toThrow('Not a table or column name');
  });
});
