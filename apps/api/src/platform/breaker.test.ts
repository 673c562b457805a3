import type { ProblemDocument } from '@medspa/contracts';
import { openDatabase } from '@medspa/database';
import { aClinic, createTestDatabase, eventually, lockTable, startOwnServer, type Clinic, type TestDatabase } from '@medspa/testing';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { testApp, type Answer } from '../../test/harness.ts';
import { createBreaker, type Breaker } from './breaker.ts';

let t: TestDatabase;
let clinic: Clinic;
beforeAll(async () => {
  t = await createTestDatabase({ poolMax: 4 });
  clinic = await aClinic(t.database);
});
afterAll(() => t.drop());

const times = <T>(count: number, work: (index: number) => Promise<T>) =>
  Promise.all(Array.from({ length: count }, (_, index) => work(index)));

type Subject = { states: string[]; breaker: Breaker; ask: () => Promise<Answer<ProblemDocument>> };

describe('the breaker', () => {
  test('stays closed over 200 duplicate names, since they are no fault of the database', async () => {
    const states: string[] = [];
    const breaker = createBreaker({ onChange: (state) => states.push(state) });
    const app = testApp(t.database, { as: clinic, breaker });
    await app.send('POST', '/v1/room-types', { name: 'Sauna' });
    for (let round = 0; round < 4; round++) {
      const answers = await times(50, () => app.send('POST', '/v1/room-types', { name: 'Sauna' }));
      expect(new Set(answers.map(({ status }) => status))).toEqual(new Set([409]));
    }
    expect([breaker.state(), states]).toEqual(['closed', []]);
    expect((await app.get('/v1/room-types')).status).toBe(200);
  });

  test('opens when the database is away, refuses without asking, and closes after its return', async () => {
    const own = await startOwnServer('medspa');
    const database = openDatabase(own.runtime);
    const as = await aClinic(database);
    const [patient, hasty, usual] = [60_000, 100, undefined].map((openMillis) => {
      const states: string[] = [];
      const breaker = createBreaker({ onChange: (state) => states.push(state), openMillis });
      const app = testApp(database, { as, breaker });
      return { states, breaker, ask: () => app.get<ProblemDocument>('/v1/organization') };
    }) as [Subject, Subject, Subject];
    try {
      await times(10, patient.ask);
      await own.server.halt();
      for (const { ask, states } of [patient, hasty, usual]) {
        const answers = await times(40, ask);
        expect(new Set(answers.map(({ status }) => status))).toEqual(new Set([503]));
        expect(states[0]).toBe('open');
      }
      await own.server.start();
      await eventually('it answers again', async () => (await hasty.ask()).status === 200);
      // Whoever waits as long as Retry-After says (a second) is let in again.
      await eventually('the usual one lets in', async () => (await usual.ask()).status === 200, 2_000);
      expect(hasty.breaker.state()).toBe('closed');
      expect(hasty.states.slice(-2)).toEqual(['half-open', 'closed']);

      // The database works, and this one still does not ask: that is what shields one that struggles to start.
      const { status, body, headers } = await patient.ask();
      expect([status, body.slug, headers.get('retry-after')]).toEqual([503, 'unavailable', '1']);
      expect([patient.breaker.state(), patient.states]).toEqual(['open', ['open']]);
    } finally {
      await database.disconnectDatabase();
      await own.end();
    }
  });

  test('opens again when the first who may ask finds the database still away', async () => {
    const states: string[] = [];
    const breaker = createBreaker({ onChange: (state) => states.push(state), openMillis: 50 });
    const gone = () => breaker.policy.execute(() => Promise.reject(Object.assign(new Error('gone'), { code: 'ECONNREFUSED' })));
    await Promise.allSettled(Array.from({ length: 40 }, gone));
    await eventually('it opened again', async () => {
      await gone().catch(() => {});
      return states.length >= 3;
    });
    expect(states.slice(0, 3)).toEqual(['open', 'half-open', 'open']);
  });
});

describe('the bulkhead', () => {
  test('lets as many work as the pool has connections and 192 wait; the others are refused at once, and those inside are served', async () => {
    const app = testApp(t.database, { as: clinic, breaker: createBreaker({ waitMillis: 30_000 }) });
    const { release } = await lockTable(t.admin, 'room_type');
    const refused: string[] = [];
    const asked = Array.from({ length: 250 }, async () => {
      const { status, body } = await app.get<ProblemDocument>('/v1/room-types');
      if (status === 503) refused.push(body.slug);
      return status;
    });
    await eventually('the others are refused', () => refused.length === 250 - 8 - 192, 1_500);
    // At the door: what is asked is not even read.
    expect((await app.send('POST', '/v1/room-types', { unknown: true })).status).toBe(503);
    await release();
    const statuses = await Promise.all(asked);
    expect(statuses.filter((status) => status === 200)).toHaveLength(8 + 192);
    expect(new Set(refused)).toEqual(new Set(['overloaded']));
  });

  test('lets nobody wait longer than the bound, and whoever waited in vain never works', async () => {
    const timedOut: string[] = [];
    const breaker = createBreaker({ atOnce: 1, waitMillis: 50, onTimedOut: () => timedOut.push('late') });
    let finish = () => {};
    const first = breaker.policy.execute(() => new Promise<void>((resolve) => (finish = resolve)));
    const worked: string[] = [];
    await expect(breaker.policy.execute(() => Promise.resolve(worked.push('late')))).rejects.toMatchObject({ code: 'P2024' });
    expect([timedOut, breaker.waiting()]).toEqual([['late'], 1]);
    finish();
    await first;
    expect(await breaker.policy.execute(() => Promise.resolve('next'))).toBe('next');
    expect([worked, breaker.waiting(), breaker.state()]).toEqual([[], 0, 'closed']);
  });
});
