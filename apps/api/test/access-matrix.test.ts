import { createRequire } from 'node:module';
const require = createRequire(import.meta.url);
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { ACTORS } from './access-matrix/actors.ts';
import { runMatrix, type Cell } from './access-matrix/matrix.ts';
import { aWorld, type World } from './access-matrix/world.ts';
import { OPERATIONS } from './requests.ts';

let world: World;
beforeAll(async () => {
  world = await aWorld();
});
afterAll(() => world.drop());

/** As many as a person reads. */
function tableOf(cells: Cell[]): string[] {
  const lines = cells.map(
    ({ operation, actor, relation, expected, got }) => `${operation} | ${actor} | ${relation} | ${expected} | ${got}`,
  );
  return lines.length > 20 ? [...lines.slice(0, 20), `and ${lines.length - 20} more`] : lines;
}

function say(what: string, cells: Cell[]): void {
  const [wrong, leaks] = [cells.filter(({ isWrong }) => isWrong), cells.filter(({ isLeak }) => isLeak)];
  const count = cells.length.toLocaleString('en-US');
  console.log(
    `${what}: ${OPERATIONS.size} operations, ${ACTORS.length} actors, ${count} cases, wrong verdicts ${wrong.length}, leaks ${leaks.length}`,
  );
}

describe('API1, API5: every operation, actor and relation to a row', () => {
  test('has the verdict that the policy table gives', { timeout: 300_000 }, async () => {
    const t0 = performance.now();
    const cells = await runMatrix({ world, actors: ACTORS, operations: OPERATIONS, checks: 'on' });
    say('Access matrix', cells);
    console.log(performance.now() - t0);
    require('fs').writeFileSync(
      '/tmp/matrix-on.txt',
      cells
        .filter((c) => c.isWrong)
        .map((c) => JSON.stringify(Object.values(c)))
        .join('\n'),
    );
    expect(tableOf(cells.filter(({ isWrong }) => isWrong))).toEqual([]);
  });

  test('ASVS 8.4.1: leaks nothing where the application demands no permission', { timeout: 300_000 }, async () => {
    const t0 = performance.now();
    const cells = await runMatrix({ world, actors: ACTORS, operations: OPERATIONS, checks: 'off' });
    say('Access matrix without permission checks', cells);
    console.log(performance.now() - t0);
    require('fs').writeFileSync(
      '/tmp/matrix-off.txt',
      cells
        .filter((c) => c.isWrong)
        .map((c) => JSON.stringify(Object.values(c)))
        .join('\n'),
    );
    expect(tableOf(cells.filter(({ isLeak }) => isLeak))).toEqual([]);
  });
});
