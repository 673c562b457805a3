import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { createTestDatabase, type TestDatabase } from '@medspa/testing';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { fillGround } from './ground.ts';
import { loadSoak, RUNS, scoreboard } from './scoreboard.ts';
import { isAsItMustBe, type Outcome, type Soak } from './soak.ts';

// Short forms of the fault runs and of their controls: the same code with a few faults each.

let t: TestDatabase;
beforeAll(async () => {
  t = await createTestDatabase();
});
afterAll(() => t.drop());

async function short(name: string, count: number, isControl = false): Promise<{ soak: Soak; outcome: Outcome }> {
  const soak = await loadSoak(name);
  const ground = await fillGround(t);
  // Everything else is tested on the same processors at the same time: what is judged here is not speed.
  const options = { seed: 7, count, minutes: 1, recoverySeconds: 20, isControl, ground, say: () => {} };
  return { soak, outcome: await soak.run(options) };
}

const SHORT: [name: string, faults: number][] = [
  ['kill-postgres', 1],
  ['kill-api', 1],
];

test('every run has a short form', () => {
  expect(SHORT.map(([name]) => name).toSorted()).toEqual(RUNS.toSorted());
});

describe('holds in its short form:', () => {
  test.each(SHORT)('%s', async (name, faults) => {
    const { outcome } = await short(name, faults);
    expect(outcome.rules.filter(({ holds }) => !holds)).toEqual([]);
    expect(outcome.rules.length).toBeGreaterThan(0);
  });
});

describe('is seen to fail when this is broken on purpose:', () => {
  test.each([['kill-api', 1]] satisfies typeof SHORT)('%s', async (name, faults) => {
    const { soak, outcome } = await short(name, faults, true);
    expect(isAsItMustBe(soak, outcome, true), JSON.stringify(outcome.rules)).toBe(true);
  });
});

test('the page of results is what the reports make it', async () => {
  expect(readFileSync(join(import.meta.dirname, '../docs/reliability.md'), 'utf8')).toBe(await scoreboard());
});
