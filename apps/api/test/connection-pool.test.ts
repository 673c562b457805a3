import { createTestDatabase, type TestDatabase } from '@medspa/testing';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';

// The audit report's test file, corrected: it measured durations, which a busy machine breaks and which prove no reuse, and its
// pg_sleep has a result (void) that Prisma cannot read.

const POOL = 10;

let t: TestDatabase;
beforeAll(async () => {
  t = await createTestDatabase({ poolMax: POOL });
});
afterAll(() => t.drop());

describe('the connection pool', () => {
  test('answers 20 parallel queries over no more connections than it may have, and the next 20 over the same', async () => {
    const pids = async () => {
      const answers = await Promise.all(
        Array.from({ length: 20 }, () => t.database.prisma.$queryRaw<{ pid: number }[]>`SELECT pg_backend_pid() AS pid`),
      );
      return new Set(answers.map(([row]) => row?.pid));
    };
    const first = await pids();
    expect(first.size).toBeLessThanOrEqual(POOL);
    const second = await pids();
    expect([...second].filter((pid) => !first.has(pid))).toEqual([]);
  });

  test('makes 50 slow queries wait their turn, and all of them are answered', async () => {
    const asked = Array.from({ length: 50 }, () => t.database.prisma.$queryRaw`SELECT 1 AS done FROM pg_sleep(0.1)`);
    const answers = await Promise.all(asked);
    expect(answers).toEqual(Array.from({ length: 50 }, () => [{ done: 1 }]));
    expect(t.database.pool.total).toBe(POOL);
  });
});
