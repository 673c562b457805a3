import { PERMISSIONS, type ProblemDocument } from '@medspa/contracts';
import { footprintOf, NOW, runAs, type TestDatabase } from '@medspa/testing';
import { v7 as newId } from 'uuid';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Call } from '../src/platform/documentation/openapi.ts';
import { ACTORS } from './access-matrix/actors.ts';
import { runMatrix, type Cell } from './access-matrix/matrix.ts';
import { aWorld, type World } from './access-matrix/world.ts';
import { testApp } from './harness.ts';
import { exampleRequest, OPERATIONS, SIGN_IN_OPERATIONS, type ValidRequest } from './requests.ts';

let world: World;
beforeAll(async () => {
  world = await aWorld();
});
afterAll(async () => {
  process.stdout.write(`Access matrix: ${said.join('; ')}.\n`);
  await world.drop();
});

/** What the matrix came to, for the one line that it prints. */
const said: string[] = [];

const MINUTES = 60_000;

const wrongIn = (cells: Cell[]) => cells.filter(({ isWrong }) => isWrong);
const leaksIn = (cells: Cell[]) => cells.filter(({ isLeak }) => isLeak);

/** As many as a person reads. */
function tableOf(cells: Cell[]): string[] {
  const lines = cells.map(
    ({ operation, actor, relation, expected, got }) => `${operation} | ${actor} | ${relation} | ${expected} | ${got}`,
  );
  return lines.length > 20 ? [...lines.slice(0, 20), `and ${lines.length - 20} more`] : lines;
}

/** Some operations only, for controls. */
function only(...names: string[]): Map<string, Call> {
  return new Map([...OPERATIONS].filter(([name]) => names.includes(name)));
}

const count = (cells: Cell[]) => cells.length.toLocaleString('en-US');

describe('the access matrix', () => {
  test(
    'API-1, API-5, 8.2.1, 8.2.2: every operation gives every actor the verdict of the policy table',
    { timeout: 5 * MINUTES },
    async () => {
      const cells = await runMatrix({ world, actors: ACTORS, operations: OPERATIONS, checks: 'on' });
      said.push(
        `${count(cells)} cases (${OPERATIONS.size} operations, ${ACTORS.length} actors), ${wrongIn(cells).length} wrong verdicts, ${leaksIn(cells).length} leaks`,
      );
      expect(tableOf(wrongIn(cells))).toEqual([]);
      expect(cells.length).toBeGreaterThan(5_000);
    },
  );

  test('8.4.1: nothing leaks where the application demands no permission', { timeout: 5 * MINUTES }, async () => {
    const cells = await runMatrix({ world, actors: ACTORS, operations: OPERATIONS, checks: 'off' });
    said.push(`without permission checks ${count(cells)} cases, ${leaksIn(cells).length} leaks`);
    expect(tableOf(wrongIn(cells))).toEqual([]);
    expect(cells.length).toBeGreaterThan(1_000);
  });

  test('fails for an operation without a valid request', async () => {
    const [planted] = [...OPERATIONS.values()];
    const operations = new Map(planted ? [['GET /v1/planted', planted]] : []);
    await expect(runMatrix({ world, actors: ACTORS, operations, checks: 'on' })).rejects.toThrow(/no valid request for GET \/v1\/planted/);
  });

  test('sees an operation that demands less than it says', async () => {
    const [[name, call] = []] = only('GET /v1/services/{id}');
    const operations = new Map(name && call ? [[name, { ...call, 'x-permission': 'catalog:write' as const }]] : []);
    const actors = ACTORS.filter((actor) => actor.name === 'front-desk everywhere');
    const wrong = wrongIn(await runMatrix({ world, actors, operations, checks: 'on' }));
    expect(wrong.filter(({ relation }) => relation === 'own row')).toMatchObject([{ expected: 'not-permitted', got: '200' }]);
  });

  test.each([
    ['its policy of locations', 'DROP POLICY own_locations ON room', 'GET /v1/rooms', 'PATCH /v1/rooms/{id}'],
    ['row-level security', 'ALTER TABLE room DISABLE ROW LEVEL SECURITY', 'GET /v1/rooms', 'PATCH /v1/rooms/{id}'],
    ['its policy of patients', 'DROP POLICY own_patients ON patient', 'GET /v1/patients', 'GET /v1/patients/{id}'],
  ])('sees that one table has lost %s', async (_, statement, ...names) => {
    const prepare = (t: TestDatabase) => runAs(t.admin, statement);
    const actors = ACTORS.filter(({ name }) => ['front-desk at one location', 'kiosk'].includes(name));
    const leaks = leaksIn(await runMatrix({ world, actors, operations: only(...names), checks: 'off', prepare }));
    expect([...new Set(leaks.map(({ operation }) => operation))].toSorted()).toEqual(names);
  });
});

test('API-5: operations about who asks, which have tests of their own, are refused to nobody and to whoever may do all but this', async () => {
  const t = await world.copy();
  try {
    const before = await footprintOf(t);
    const closed = [...SIGN_IN_OPERATIONS].filter(([, call]) => call['x-permission'] !== 'account:sign-in');
    for (const [name, call] of closed) {
      const { method, path, body } = exampleRequest(call);
      const permissions = PERMISSIONS.filter((permission) => permission !== call['x-permission']);
      for (const [as, slug] of [
        [null, 'not-authenticated'],
        [{ ...world.own.clinic, permissions }, 'not-permitted'],
      ] as const) {
        const answer = await testApp(t.database, { as, now: () => NOW }).send<ProblemDocument>(method, path, body);
        expect(answer.body.slug, name).toBe(slug);
      }
    }
    expect(await footprintOf(t)).toEqual(before);
  } finally {
    await t.drop();
  }
});

async function keptIn(t: TestDatabase): Promise<number> {
  const [row] = await t.look<{ count: number }>('SELECT count(*)::int AS count FROM idempotency_key');
  return row?.count ?? 0;
}

test('API-1: an Idempotency-Key is of the actor who sent it: a colleague and another organization get no answer of theirs', async () => {
  const t = await world.copy();
  try {
    const { own, foreign } = world;
    const headers = { 'idempotency-key': 'one-key-for-everybody' };
    const repeatable = [...OPERATIONS].filter(([, call]) => call.parameters?.some(({ name }) => name === 'idempotency-key'));
    const [owner, colleague, stranger] = [own.clinic, { ...own.clinic, actorId: newId() }, foreign.clinic].map((as) =>
      testApp(t.database, { as, now: () => NOW }),
    );
    for (const [name] of repeatable) {
      const { method, path, body } = own.requests.get(name) as ValidRequest;
      const first = await owner?.send(method, path, body, headers);
      expect(first?.status, name).toBeLessThan(300);
      for (const other of [colleague, stranger]) {
        const kept = await keptIn(t);
        const answer = await other?.send<ProblemDocument>(method, path, body, headers);
        expect(answer?.body.slug, name).not.toBe('idempotency-key-reused');
        // Work of their own, or none: what is answered is kept for them, and is not what was kept for the first.
        expect((await keptIn(t)) - kept, name).toBe((answer?.status ?? 500) < 300 ? 1 : 0);
      }
    }
    expect(repeatable.length).toBeGreaterThan(5);
  } finally {
    await t.drop();
  }
});
