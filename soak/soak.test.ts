import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { createTestDatabase } from '@medspa/testing';
import { describe, expect, test } from 'vitest';
import { fillGround } from './ground.ts';
import { loadSoak, RUNS, scoreboard } from './scoreboard.ts';
import { isAsItMustBe, type Outcome, type Soak } from './soak.ts';

// Short forms of the fault runs and of their controls: the same code with a few faults each.

async function short(name: string, count: number, isControl = false): Promise<{ soak: Soak; outcome: Outcome }> {
  const soak = await loadSoak(name);
  const t = await createTestDatabase();
  try {
    const ground = await fillGround(t);
    // Everything else is tested on the same processors at the same time: what is judged here is not speed.
    const options = { seed: 7, count, minutes: 1, recoverySeconds: 30, isControl, ground, say: () => {} };
    return { soak, outcome: await soak.run(options) };
  } finally {
    await t.drop();
  }
}

const SHORT: [name: string, faults: number][] = [
  ['slow', 16],
  ['kill-postgres', 1],
  ['disk-full', 1],
  ['cut', 30],
  ['kill-api', 1],
  ['exhaust', 200],
  ['restart', 1],
  ['malformed', 200],
  ['availability', 300],
];
/** Those that cost little; the others' controls are part of their long forms. */
const SHORT_CONTROLS: typeof SHORT = [
  ['kill-api', 1],
  ['malformed', 100],
  ['availability', 100],
];
// A crowded machine starts a service in half a minute.
const LIMIT_MILLIS = 150_000;

test('every run has a short form', () => {
  expect(SHORT.map(([name]) => name).toSorted()).toEqual(RUNS.toSorted());
});

describe('holds in its short form:', () => {
  test.each(SHORT)(
    '%s',
    async (name, faults) => {
      const { outcome } = await short(name, faults);
      expect(outcome.rules.filter(({ holds }) => !holds)).toEqual([]);
      expect(outcome.rules.length > 0 || outcome.skipped !== undefined).toBe(true);
    },
    LIMIT_MILLIS,
  );
});

describe('is seen to fail when this is broken on purpose:', () => {
  test.each(SHORT_CONTROLS)(
    '%s',
    async (name, faults) => {
      const { soak, outcome } = await short(name, faults, true);
      expect(isAsItMustBe(soak, outcome, true), JSON.stringify(outcome.rules)).toBe(true);
    },
    LIMIT_MILLIS,
  );
});

test('the page of results is what the reports make it', async () => {
  expect(readFileSync(join(import.meta.dirname, '../docs/reliability.md'), 'utf8')).toBe(await scoreboard());
});
