import { randomBytes } from 'node:crypto';
import { createTestDatabase, runAs, type TestDatabase } from '@medspa/testing';
import { afterAll, beforeEach, describe, expect, test } from 'vitest';
import { NO_ORGANIZATION } from './codec.ts';
import { rewrapDataKeys } from './data-keys.ts';
import { assertKeysFit } from './key-check.ts';
import { ringWrapping } from './wrapping.ts';

const all: TestDatabase[] = [];
let t: TestDatabase;
beforeEach(async () => {
  t = await createTestDatabase();
  all.push(t);
});
afterAll(() => Promise.all(all.map((one) => one.drop())));

const [one, other] = [randomBytes(32), randomBytes(32)];
const ring = (...keys: [number, Uint8Array][]) => ringWrapping({ current: keys.at(-1)?.[0] ?? 0, keys: new Map(keys) });
const marks = () => t.look('SELECT DISTINCT wrapped_by FROM data_key_secret ORDER BY 1');
const rows = () => t.look('SELECT * FROM data_key_secret ORDER BY organization_id, key_id');

describe('the keys of a database', () => {
  test('are those it was first given: the same fit again, and leave one mark', async () => {
    for (let start = 0; start < 3; start++) await assertKeysFit(t.database, ring([1, one]));
    expect(await marks()).toMatchObject([{ wrapped_by: 'ring/1' }]);
  });

  test('are not another one under the same number, whoever was first; nothing is written then', async () => {
    await assertKeysFit(t.database, ring([1, one]));
    const before = await rows();
    for (const wrong of [ring([1, other]), ring([1, other], [2, one])])
      await expect(assertKeysFit(t.database, wrong)).rejects.toThrow(
        'Key 1 of the encryption is not the one that this database was filled with.',
      );
    expect(await rows()).toEqual(before);
  });

  test('given by two first starts at once are those of one of them', async () => {
    const starts = await Promise.allSettled([assertKeysFit(t.database, ring([1, one])), assertKeysFit(t.database, ring([1, other]))]);
    expect(starts.map(({ status }) => status).toSorted()).toEqual(['fulfilled', 'rejected']);
  });

  test('may become more, and none of them may be missing then', async () => {
    await assertKeysFit(t.database, ring([1, one]));
    await assertKeysFit(t.database, ring([1, one], [2, other]));
    expect(await marks()).toMatchObject([{ wrapped_by: 'ring/1' }, { wrapped_by: 'ring/2' }]);
    await expect(assertKeysFit(t.database, ring([1, one]))).rejects.toThrow('Key 2');
  });
});

test('a second key is handed out in two steps, and at each of them a process of the step before can start', async () => {
  const steps = [ring([1, one]), ring([2, other], [1, one]), ring([1, one], [2, other])];
  for (const [index, now] of steps.entries()) {
    await assertKeysFit(t.database, now);
    await assertKeysFit(t.database, steps[index - 1] ?? now);
  }
  expect(await marks()).toMatchObject([{ wrapped_by: 'ring/1' }, { wrapped_by: 'ring/2' }]);
  await expect(assertKeysFit(t.database, ring([1, one]))).rejects.toThrow('Key 2');
});

test('SEC-3: a wrapping key that wraps nothing any more may go, and the one after it is marked as well', async () => {
  await assertKeysFit(t.database, ring([1, one]));
  await assertKeysFit(t.database, ring([1, one], [2, other]));
  await rewrapDataKeys(t.owner, ring([1, one], [2, other]), NO_ORGANIZATION);
  await assertKeysFit(t.database, ring([2, other]));
  await assertKeysFit(t.database, ring([2, other], [3, one]));
  expect(await marks()).toMatchObject([{ wrapped_by: 'ring/2' }, { wrapped_by: 'ring/3' }]);
  await expect(assertKeysFit(t.database, ring([2, other], [3, other]))).rejects.toThrow('Key 3');
});

test('the service makes keys, and neither changes nor destroys one', async () => {
  await assertKeysFit(t.database, ring([1, one]));
  for (const statement of [
    'UPDATE data_key SET destroyed_at = now()',
    'UPDATE data_key SET usable_from = now()',
    "UPDATE data_key_secret SET wrapped_key = '\\x00'",
    "UPDATE data_key_secret SET wrapped_by = 'ring/2'",
    'DELETE FROM data_key_secret',
    'DELETE FROM data_key',
  ])
    await expect(runAs(t.runtime, statement), statement).rejects.toMatchObject({ code: '42501' });
});
