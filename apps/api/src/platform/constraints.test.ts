import { createTestDatabase, type TestDatabase } from '@medspa/testing';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { MAPPED_CONSTRAINTS } from './constraints.ts';

let t: TestDatabase;
beforeAll(async () => {
  t = await createTestDatabase();
});
afterAll(() => t.drop());

test('every constraint that is given a field exists in the database', async () => {
  const rows = await t.look<{ name: string }>(
    `SELECT conname AS name FROM pg_constraint WHERE connamespace = 'public'::regnamespace
     UNION SELECT indexrelid::regclass::text FROM pg_index WHERE indisunique AND indrelid IN (SELECT oid FROM pg_class WHERE relnamespace = 'public'::regnamespace)`,
  );
  const existing = new Set(rows.map(({ name }) => name));
  expect(MAPPED_CONSTRAINTS.filter((name) => !existing.has(name))).toEqual([]);
});
