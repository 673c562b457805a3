import { randomBytes } from 'node:crypto';
import { createTestDatabase, runAs, type TestDatabase } from '@medspa/testing';
import { afterAll, beforeEach, describe, expect, test } from 'vitest';
import type { KeyRing } from './codec.ts';
import { assertKeysFit } from './key-check.ts';

const all: TestDatabase[] = [];
let t: TestDatabase;
beforeEach(async () => {
  t = await createTestDatabase();
  all.push(t);
});
afterAll(() => Promise.all(all.map((one) => one.drop())));

const [one, other] = [randomBytes(32), randomBytes(32)];
const ring = (...keys: [number, Uint8Array][]): KeyRing => ({ current: keys.at(-1)?.[0] ?? 0, keys: new Map(keys) });
const marks = () => t.look('SELECT key_id, mark_sealed FROM key_check ORDER BY key_id');

describe('the keys of a database', () => {
  test('are those it was first given: the same fit again, and leave one mark', async () => {
    for (let start = 0; start < 3; start++) await assertKeysFit(t.database, ring([1, one]));
    expect(await marks()).toMatchObject([{ key_id: 1 }]);
  });

  test('are not another one under the same number, whoever was first; nothing is written then', async () => {
    await assertKeysFit(t.database, ring([1, one]));
    const before = await marks();
    for (const wrong of [ring([1, other]), ring([1, other], [2, one])])
      await expect(assertKeysFit(t.database, wrong)).rejects.toThrow(
        'Key 1 of the encryption is not the one that this database was filled with.',
      );
    expect(await marks()).toEqual(before);
  });

  test('given by two first starts at once are those of one of them', async () => {
    const starts = await Promise.allSettled([assertKeysFit(t.database, ring([1, one])), assertKeysFit(t.database, ring([1, other]))]);
    expect(starts.map(({ status }) => status).toSorted()).toEqual(['fulfilled', 'rejected']);
  });

  test('may become more, and none of them may be missing then', async () => {
    await assertKeysFit(t.database, ring([1, one]));
    await assertKeysFit(t.database, ring([1, one], [2, other]));
    expect(await marks()).toMatchObject([{ key_id: 1 }, { key_id: 2 }]);
    await expect(assertKeysFit(t.database, ring([1, one]))).rejects.toThrow('Key 2');
  });
});

test('a second key is handed out in two steps, and at each of them a process of the step before can start', async () => {
  const steps = [ring([1, one]), ring([2, other], [1, one]), ring([1, one], [2, other])];
  for (const [index, now] of steps.entries()) {
    await assertKeysFit(t.database, now);
    await assertKeysFit(t.database, steps[index - 1] ?? now);
  }
  expect(await marks()).toMatchObject([{ key_id: 1 }, { key_id: 2 }]);
  await expect(assertKeysFit(t.database, ring([1, one]))).rejects.toThrow('Key 2');
});

test('a mark is never changed or removed by the service, and is of the key that it stands for', async () => {
  await assertKeysFit(t.database, ring([1, one]));
  for (const statement of ['UPDATE key_check SET key_id = 2', 'DELETE FROM key_check'])
    await expect(runAs(t.runtime, statement)).rejects.toMatchObject({ code: '42501' });
  await expect(runAs(t.runtime, 'INSERT INTO key_check SELECT 2, mark_sealed FROM key_check')).rejects.toMatchObject({ code: '23514' });
});
