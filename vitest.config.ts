import { availableParallelism } from 'node:os';
import { defineConfig } from 'vitest/config';

/** Pure decisions and everything about time: run in three zones, since the machine's own must never matter. */
const TIME_TESTS = ['**/rules.test.ts', '**/{time,*-time}.test.ts', 'packages/practice-data/**/*.test.ts'];
const exclude = ['**/node_modules/**', '**/.data/**'];

function inZone(name: string, TZ: string, include: string[]) {
  return { test: { name, include, exclude, env: { TZ }, pool: 'forks' as const, testTimeout: 30_000, hookTimeout: 60_000 } };
}

const zone = process.env['TZ'];

export default defineConfig({
  test: {
    globalSetup: ['packages/testing/src/global-setup.ts'],
    // A third of a test's time is waiting for servers that start and end: one more than there are processors keeps all busy.
    maxWorkers: availableParallelism() + 1,
    // `TZ=... npm test` runs everything in that zone; otherwise everything in UTC and what concerns time in two more.
    projects: zone
      ? [inZone(zone, zone, ['**/*.test.ts'])]
      : [
          inZone('UTC', 'UTC', ['**/*.test.ts']),
          inZone('New York', 'America/New_York', TIME_TESTS),
          inZone('Auckland', 'Pacific/Auckland', TIME_TESTS),
        ],
  },
});
