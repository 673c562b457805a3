import { describe, expect, test } from 'vitest';
import { pauseAfter, retryLostRaces } from './retry.ts';

/** An error as the driver throws it. */
const thrown = (code: string) => Object.assign(new Error('from the database'), { code, severity: 'ERROR' });

/** Fails with these codes in turn, then succeeds. Tells how often it ran and how often it was told of a retry. */
async function run(...codes: string[]) {
  let attempts = 0;
  let retries = 0;
  const result = await retryLostRaces(
    () => {
      const code = codes[attempts++];
      return code === undefined ? Promise.resolve('done') : Promise.reject(thrown(code));
    },
    () => retries++,
  ).catch((error: unknown) => (error as { code: string }).code);
  return { result, attempts, retries };
}

describe('work that lost a race', () => {
  test.each(['40001', '40P01', '0A000', '26000', 'P2034'])('is run again after %s', async (code) => {
    expect(await run(code)).toEqual({ result: 'done', attempts: 2, retries: 1 });
  });

  test('is run four times at most, and then its last error is thrown', async () => {
    expect(await run('40001', '40P01', '40001')).toEqual({ result: 'done', attempts: 4, retries: 3 });
    expect(await run('40001', '40001', '40001', '40P01', '40001')).toEqual({ result: '40P01', attempts: 4, retries: 3 });
  });

  test.each([
    '23505',
    '23503',
    '23P01',
    '23514',
    '23502',
    '22P02',
    '42501',
    '25P02',
    '55P03',
    '57014',
    '25P04',
    '57P01',
    '08006',
    'P2024',
    'P2028',
    'ECONNRESET',
  ])('is not what %s says: it is thrown at once', async (code) => {
    expect(await run(code)).toEqual({ result: code, attempts: 1, retries: 0 });
  });

  test('waits for a random time, longer with each attempt and never long, so that two losers do not meet again', () => {
    const pauses = (attempt: number) => Array.from({ length: 300 }, () => pauseAfter(attempt));
    const longest = [1, 2, 3, 4].map((attempt) => Math.max(...pauses(attempt)));
    expect(new Set(pauses(1)).size).toBeGreaterThan(290);
    expect(longest[0]).toBeLessThan(60);
    expect(longest[1]).toBeGreaterThan(150);
    for (const most of longest) expect(most).toBeLessThanOrEqual(250);
  });
});
