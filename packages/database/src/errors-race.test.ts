import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { randomUUID } from 'node:crypto';
import { eventually, runAs } from '@medspa/testing';
import { createProvoker, expectReport, type Provoker } from '../test/provoke.ts';
import { openDatabase, type Database, type Tx } from './database.ts';
import { handleDatabaseError } from './errors.ts';
import { sessionOfBegin } from './session.ts';
import { sql } from './sql.ts';

// Lost races and broken plans: what is run again; see errors.test.ts.

let p: Provoker;
beforeAll(async () => {
  p = await createProvoker();
});
afterEach(() => p.close());
afterAll(() => p.drop());

describe('a lost race', () => {
  // Not through withTransaction, which would run it again.
  const tryOnce = <T>(database: Database, work: (tx: Tx) => Promise<T>) =>
    sessionOfBegin.run(p.session(), async () => await database.prisma.$transaction((tx) => work(tx as unknown as Tx)));

  /** Two transactions that both do their first step before either does its second. The errors of those that failed. */
  async function inLockstep(database: Database, steps: [first: (tx: Tx) => Promise<unknown>, second: (tx: Tx) => Promise<unknown>][]) {
    let arrived = 0;
    const settled = await Promise.allSettled(
      steps.map(([first, second]) =>
        tryOnce(database, async (tx) => {
          await first(tx);
          arrived++;
          await eventually('both are there', () => arrived >= steps.length);
          await second(tx);
        }),
      ),
    );
    return settled.flatMap((one) => (one.status === 'rejected' ? [handleDatabaseError(one.reason)] : []));
  }
  const conflict = (code?: string) =>
    expect.objectContaining({ kind: 'conflict', status: 503, retry: true, infrastructure: false, ...(code ? { code } : {}) }) as object;

  const add = (id: number) => (tx: Tx) => tx.$executeRaw`UPDATE counter SET value = value + 1 WHERE id = ${id}`;
  const bump = (tx: Tx, name: string) => tx.roomType.updateMany({ where: { ...p.of, name }, data: { version: { increment: 1 } } });

  test('deadlock (40P01): raw, model', async () => {
    expect(
      await inLockstep(p.t.database, [
        [add(1), add(2)],
        [add(2), add(1)],
      ]),
    ).toEqual([conflict('40P01')]);
    await p.inTransaction((tx) => tx.roomType.createMany({ data: ['A', 'B'].map((name) => ({ ...p.of, name })) }));
    const [a, b] = [(tx: Tx) => bump(tx, 'A'), (tx: Tx) => bump(tx, 'B')];
    expect(
      await inLockstep(p.t.database, [
        [a, b],
        [b, a],
      ]),
    ).toEqual([conflict('40P01')]);
  });

  test('deadlock (40P01) of two verbs of the second door is run again until both are done', async () => {
    await runAs(p.t.owner, 'UPDATE counter SET value = 0');
    const addTo = (id: number) => `UPDATE counter SET value = value + 1 WHERE id = ${id}`;
    await Promise.all([[1, 2] as const, [2, 1] as const].map(([x, y]) => p.verb(`${addTo(x)}; SELECT pg_sleep(0.1); ${addTo(y)}`)));
    expect(await p.t.look('SELECT value FROM counter ORDER BY id')).toEqual([{ value: 2 }, { value: 2 }]);
  });

  test('serialization failure (40001): raw, model, second door, COMMIT', async () => {
    const serializable = p.aDatabase({ options: '-c default_transaction_isolation=serializable' });
    const read = (tx: Tx) => tx.$queryRaw`SELECT value FROM counter`;
    const write = (tx: Tx) => tx.$executeRaw`UPDATE counter SET value = value + 1 WHERE id = 1`;
    expect(
      await inLockstep(serializable, [
        [read, write],
        [read, write],
      ]),
    ).toEqual([conflict('40001')]);
    const change = (tx: Tx) => bump(tx, 'Treatment');
    expect(
      await inLockstep(serializable, [
        [read, change],
        [read, change],
      ]),
    ).toEqual([conflict('40001')]);
    // Write skew: each wrote what the other had read. PostgreSQL notices at the second COMMIT.
    const skew = (id: number) => (tx: Tx) => tx.$executeRaw`UPDATE counter SET value = value + 1 WHERE id = ${id}`;
    expect(
      await inLockstep(serializable, [
        [read, skew(1)],
        [read, skew(2)],
      ]),
    ).toEqual([conflict('40001')]);
  });

  test('16 parallel increments under serializable end at 16: whole transactions are run again, and a refused one has written nothing', async () => {
    await runAs(p.t.owner, 'UPDATE counter SET value = 0');
    let retried = 0;
    const settings = {
      ...p.t.runtime,
      poolMax: 4,
      options: '-c default_transaction_isolation=serializable',
      applicationName: `race-${randomUUID()}`,
    };
    const database = openDatabase(settings, { observer: { retried: () => retried++ } });
    const increment = (): Promise<unknown> =>
      database
        .withTransaction(p.session(), async (tx) => {
          const rows = await tx.$queryRaw<{ value: number }[]>`SELECT value FROM counter WHERE id = 1`;
          await tx.$executeRaw`UPDATE counter SET value = ${(rows[0]?.value ?? 0) + 1} WHERE id = 1`;
        })
        .catch((error: unknown) => {
          // After its last attempt the caller is told, and comes back.
          if (handleDatabaseError(error)?.kind === 'conflict') return increment();
          throw error;
        });
    await Promise.all(Array.from({ length: 16 }, increment));
    expect(await p.t.look('SELECT value FROM counter WHERE id = 1')).toEqual([{ value: 16 }]);
    await database.disconnectDatabase();
    expect(retried).toBeGreaterThan(0);
  });

  test('a plan that a schema change broke (0A000): model, raw, second door; inside a transaction too, it is run again', async () => {
    const database = p.aDatabase({ poolMax: 1 });
    const ways = [() => database.prisma.roomType.findMany({ where: p.of }), () => database.prisma.$queryRaw`SELECT name FROM room_type`];
    for (const [round, way] of ways.entries()) {
      await way();
      await runAs(p.t.owner, `ALTER TABLE room_type ALTER name TYPE varchar(${200 + round})`);
      await expectReport(way, 'stalePlan', { code: '0A000' });
      await way();
    }
    const select = (tx: Tx) => tx.$queryRaw`SELECT name FROM room_type WHERE id = ${p.clinic.roomTypeId}::uuid`;
    const call = () => database.callFunction(p.session(), (given) => sql`SELECT name, ${given}::jsonb AS given FROM room_type`);
    await p.inTransaction(select, database);
    await call();
    await runAs(p.t.owner, 'ALTER TABLE room_type ALTER name TYPE text');
    expect(await p.inTransaction(select, database)).toEqual([{ name: 'Treatment' }]);
    await runAs(p.t.owner, 'ALTER TABLE room_type ALTER name TYPE varchar(100)');
    expect(await call()).toEqual([]);
  });
});
