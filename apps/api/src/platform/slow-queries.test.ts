import { createTestDatabase, type TestDatabase } from '@medspa/testing';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { createLog } from './log.ts';
import { shapeOf, watchSlowQueries } from './slow-queries.ts';

function collecting(slowMillis: number, now?: () => number) {
  const lines: string[] = [];
  const log = createLog('info', { write: (line: string) => void lines.push(line) });
  return { said: () => lines.map((line) => JSON.parse(line)), lines, seen: watchSlowQueries(log, slowMillis, now) };
}

describe('the shape of a statement', () => {
  test.each([
    ['SELECT  1\n  FROM t', 'SELECT ? FROM t'],
    ["SELECT * FROM patient WHERE family_name = 'O''Hara' LIMIT 5", 'SELECT * FROM patient WHERE family_name = ? LIMIT ?'],
    ['SELECT a FROM t WHERE id IN ($1,$2,$3)', 'SELECT a FROM t WHERE id IN (...)'],
    ['INSERT INTO t VALUES ($1, $2), ($3, $4)', 'INSERT INTO t VALUES (...)'],
    ['SELECT app.book_appointment($1::jsonb, $2::jsonb) AS result', 'SELECT app.book_appointment(...) AS result'],
    ['SELECT t1.c2 FROM "t2"', 'SELECT t1.c2 FROM "t2"'],
  ])('of %j is %j', (text, shape) => {
    expect(shapeOf(text)).toBe(shape);
  });

  test('is the same for lists of any length', () => {
    const listOf = (count: number) => `IN (${Array.from({ length: count }, (_, index) => `$${index + 1}`).join(',')})`;
    expect(shapeOf(listOf(2))).toBe(shapeOf(listOf(900)));
  });
});

describe('the log of slow statements', () => {
  test('says nothing of what is fast', () => {
    const { seen, lines } = collecting(250);
    seen('SELECT 1', 249);
    expect(lines).toEqual([]);
  });

  test('says a shape once in ten seconds, with how often and how slow', () => {
    let at = 0;
    const { seen, said } = collecting(250, () => at);
    seen('SELECT a WHERE id = $1', 300);
    seen('SELECT b', 251);
    for (const millis of [400, 900, 500]) seen('SELECT a WHERE  id = $1', millis);
    expect(said()).toMatchObject([
      { level: 'warn', msg: 'slow query', statement: 'SELECT a WHERE id = $1', count: 1, millis: 300 },
      { msg: 'slow query', statement: 'SELECT b', count: 1 },
    ]);
    at = 10_000;
    seen('SELECT a WHERE id = $1', 260);
    expect(said()[2]).toMatchObject({ statement: 'SELECT a WHERE id = $1', count: 4, millis: 900 });
  });

  test('does not grow with every text that there is', () => {
    const { seen, said } = collecting(1);
    for (let index = 0; index < 500; index++) seen(`SELECT c${index}`, 2);
    expect(new Set(said().map(({ statement }) => statement)).size).toBe(201);
    expect(said().at(-1)).toMatchObject({ statement: 'others' });
  });

  describe('of a real database', () => {
    let t: TestDatabase;
    const { seen, lines, said } = collecting(50);
    beforeAll(async () => {
      t = await createTestDatabase({}, { observer: { queried: seen } });
    });
    afterAll(() => t.drop());

    test('has the statement and none of its values', async () => {
      const secret = 'Canariella';
      await t.database.prisma.$queryRaw`SELECT pg_sleep(0.08)::text, ${secret}::text AS name`;
      expect(said()).toContainEqual(
        expect.objectContaining({ msg: 'slow query', statement: 'SELECT pg_sleep(?)::text, $1::text AS name' }),
      );
      expect(lines.join('')).not.toContain(secret);
    });
  });
});
