import { type ProblemDocument } from '@medspa/contracts';
import { NOW, runAs, type TestDatabase } from '@medspa/testing';
import { v7 as newId } from 'uuid';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Call } from '../src/platform/documentation/openapi.ts';
import { ACTORS } from './access-matrix/actors.ts';
import { runMatrix, type Cell } from './access-matrix/matrix.ts';
import { runOpen } from './access-matrix/open.ts';
import { aWorld, type World } from './access-matrix/world.ts';
import { testApp } from './harness.ts';
import { OPERATIONS, PORTAL_OPERATIONS, SIGN_IN_OPERATIONS, type ValidRequest } from './requests.ts';

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

const isOpen = ([, call]: [string, Call]) => call['x-permission'] === 'account:sign-in';
const EVERY = [...OPERATIONS, ...SIGN_IN_OPERATIONS, ...PORTAL_OPERATIONS];
const OPEN = new Map(EVERY.filter(isOpen));
/** Those that take a permission. */
const CLOSED = new Map(EVERY.filter((one) => !isOpen(one)));

/** Some operations only, for controls. */
function only(...names: string[]): Map<string, Call> {
  return new Map([...CLOSED].filter(([name]) => names.includes(name)));
}

/** What leaks of these operations where the application demands no permission, and the database is made ready so. */
async function leaksWith(prepare: (t: TestDatabase) => Promise<unknown>, ...names: string[]): Promise<Cell[]> {
  const actors = ACTORS.filter(({ name }) => ['front-desk at one location', 'kiosk'].includes(name));
  return leaksIn(await runMatrix({ world, actors, operations: only(...names), checks: 'off', prepare }));
}

/** Operations that leak, each once; what was written by one of several is said of all of them. */
const namesOf = (leaks: Cell[]) => [...new Set(leaks.flatMap(({ operation }) => operation.split(', ')))].toSorted();

const count = (cells: Cell[]) => cells.length.toLocaleString('en-US');

describe('the access matrix', () => {
  test(
    'API-1, API-5, 8.2.1, 8.2.2: every operation gives every actor the verdict of the policy table',
    { timeout: 5 * MINUTES },
    async () => {
      const cells = await runMatrix({ world, actors: ACTORS, operations: CLOSED, checks: 'on' });
      said.push(
        `${count(cells)} cases (${CLOSED.size} operations, ${ACTORS.length} actors), ${wrongIn(cells).length} wrong verdicts, ${leaksIn(cells).length} leaks`,
      );
      expect(tableOf(wrongIn(cells))).toEqual([]);
      expect(cells.length).toBeGreaterThan(5_000);
    },
  );

  test('8.4.1: nothing leaks where the application demands no permission', { timeout: 5 * MINUTES }, async () => {
    const cells = await runMatrix({ world, actors: ACTORS, operations: CLOSED, checks: 'off' });
    said.push(`without permission checks ${count(cells)} cases, ${leaksIn(cells).length} leaks`);
    expect(tableOf(wrongIn(cells))).toEqual([]);
    expect(cells.length).toBeGreaterThan(1_000);
  });

  test('API-5: what is open to anybody says the same to everybody, of every organization, and shows nothing of it', async () => {
    const cells = await runOpen(world, ACTORS, OPEN);
    said.push(`${count(cells)} cases of what is open to anybody (${OPEN.size} operations), ${leaksIn(cells).length} leaks`);
    expect(tableOf(wrongIn(cells))).toEqual([]);
  });

  test('fails for an operation without a valid request, or without a word of what it answers to anybody', async () => {
    const [planted] = [...OPERATIONS.values()];
    const operations = new Map(planted ? [['GET /v1/planted', planted]] : []);
    await expect(runMatrix({ world, actors: ACTORS, operations, checks: 'on' })).rejects.toThrow(/no valid request for GET \/v1\/planted/);
    await expect(runOpen(world, ACTORS, operations)).rejects.toThrow(/no answer for GET \/v1\/planted/);
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
    expect(namesOf(await leaksWith(prepare, ...names))).toEqual(names);
  });

  test("sees another tenant's row that neither wall keeps back, and that the second one keeps back alone", async () => {
    const [name, table] = ['GET /v1/patients/{id}', 'patient'];
    const condition = 'p.organization_id = app.organization_id() AND ';
    const withoutCondition = `DO $$ BEGIN EXECUTE replace(pg_get_functiondef('app.patient_card'::regproc), '${condition}', ''); END $$`;
    const prepare = (t: TestDatabase) => runAs(t.admin, withoutCondition);
    expect(await leaksWith(prepare, name)).toEqual([]);
    const leaks = await leaksWith(async (t) => {
      await prepare(t);
      await runAs(t.admin, `ALTER TABLE ${table} DISABLE ROW LEVEL SECURITY`);
    }, name);
    expect(leaks.filter(({ relation }) => relation === 'other tenant, params/id').map(({ got }) => got)).toContain(
      '200, told apart from a missing row',
    );
  });
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
