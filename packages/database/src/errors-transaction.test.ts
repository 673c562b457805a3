import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { randomUUID } from 'node:crypto';
import { eventually } from '@medspa/testing';
import { createProvoker, expectReport, type Provoker } from '../test/provoke.ts';
import type { Database, Tx } from './database.ts';
import { sessionOfBegin } from './session.ts';

// Errors of transactions as wholes; see errors.test.ts.

let p: Provoker;
beforeAll(async () => {
  p = await createProvoker();
});
afterEach(() => p.close());
afterAll(() => p.drop());

describe('a transaction', () => {
  const rename = (tx: Tx, name: string) =>
    tx.roomType.updateMany({ where: { ...p.of, id: p.clinic.roomTypeId }, data: { name, version: { increment: 1 } } });

  /** Runs the work while another transaction holds the clinic's room type. */
  async function whileLocked(work: () => Promise<unknown>): Promise<unknown> {
    let release = () => {};
    const held = new Promise<void>((resolve) => (release = resolve));
    let isHeld = false;
    const holder = p.inTransaction(async (tx) => {
      await tx.$queryRaw`SELECT FROM room_type WHERE organization_id = ${p.clinic.organizationId}::uuid FOR UPDATE`;
      await tx.$queryRaw`SELECT FROM scratch FOR UPDATE`;
      isHeld = true;
      await held;
    });
    await eventually('the rows are locked', () => isHeld);
    try {
      return await work();
    } finally {
      release();
      await holder;
    }
  }

  test('waiting too long for a lock (55P03): model, raw, second door', async () => {
    const briefly = p.aDatabase({ poolMax: 1 });
    await briefly.prisma.$executeRaw`SET lock_timeout = 50`;
    const code = { code: '55P03' };
    await whileLocked(() => expectReport(() => p.inTransaction((tx) => rename(tx, 'x'), briefly), 'lockTimeout', code));
    const statement = 'UPDATE scratch SET total = 1 WHERE id = 1';
    await whileLocked(() => expectReport(() => p.inTransaction((tx) => tx.$executeRawUnsafe(statement), briefly), 'lockTimeout', code));
    await whileLocked(() => expectReport(() => p.verb(statement, briefly), 'lockTimeout', code));
  });

  test('whose statement takes too long (57014): model, raw, second door; the connection goes on', async () => {
    const briefly = p.aDatabase({ poolMax: 1 });
    await briefly.prisma.$executeRaw`SET statement_timeout = 50`;
    const code = { code: '57014' };
    await whileLocked(() => expectReport(() => p.inTransaction((tx) => rename(tx, 'x'), briefly), 'statementTimeout', code));
    await expectReport(() => p.inTransaction((tx) => tx.$executeRaw`SELECT pg_sleep(5)`, briefly), 'statementTimeout', code);
    await expectReport(() => p.verb('SELECT pg_sleep(5)', briefly), 'statementTimeout', code);
    // Still the connection that was set to fifty milliseconds.
    expect(await briefly.prisma.$queryRaw`SELECT current_setting('statement_timeout') AS limit`).toEqual([{ limit: '50ms' }]);
  });

  test('that goes on after an error (25P02): model, raw', async () => {
    const after = (work: (tx: Tx) => Promise<unknown>) => () =>
      p.inTransaction(async (tx) => {
        await tx.$executeRaw`SELECT 1 / 0`.catch(() => {});
        await work(tx);
      });
    await expectReport(
      after((tx) => tx.roomType.findMany({ where: p.of })),
      'rolledBack',
      { code: '25P02' },
    );
    await expectReport(
      after((tx) => tx.$queryRaw`SELECT 1`),
      'rolledBack',
      { code: '25P02' },
    );
  });

  test('committed after an error (25P02)', async () => {
    await expectReport(() => p.inTransaction(async (tx) => void (await tx.$executeRaw`SELECT 1 / 0`.catch(() => {}))), 'rolledBack', {
      code: '25P02',
    });
  });

  test('left idle too long (25P03): the next model call, the next raw call, COMMIT', async () => {
    const idle = (work: (tx: Tx) => Promise<unknown>) => () =>
      p.inTransaction(async (tx) => {
        const rows = await tx.$queryRaw<
          { pid: number }[]
        >`SELECT pg_backend_pid() AS pid, set_config('idle_in_transaction_session_timeout', '30', true)`;
        await eventually(
          'the server ends the connection',
          async () => (await p.t.look('SELECT FROM pg_stat_activity WHERE pid = $1', [rows[0]?.pid])).length === 0,
        );
        await work(tx);
      });
    await expectReport(
      idle((tx) => tx.roomType.findMany({ where: p.of })),
      'transactionTimeout',
      { code: '25P03' },
    );
    await expectReport(
      idle((tx) => tx.$queryRaw`SELECT 1`),
      'transactionTimeout',
      { code: '25P03' },
    );
    await expectReport(
      idle(() => Promise.resolve()),
      'transactionTimeout',
      { code: '25P03' },
    );
  });

  test('that takes too long as a whole (25P04): model, raw, second door', async () => {
    const briefly = p.aDatabase({ options: '-c transaction_timeout=100' });
    const code = { code: '25P04' };
    await whileLocked(() => expectReport(() => p.inTransaction((tx) => rename(tx, 'x'), briefly), 'transactionTimeout', code));
    await expectReport(() => p.inTransaction((tx) => tx.$executeRaw`SELECT pg_sleep(5)`, briefly), 'transactionTimeout', code);
    await expectReport(() => p.verb('SELECT pg_sleep(5)', briefly), 'transactionTimeout', code);
  });

  test("that outlives Prisma's limit, or cannot start in time (P2028)", async () => {
    const { prisma } = p.aDatabase({ poolMax: 1 });
    const within = (options: { timeout?: number; maxWait?: number }, work: (tx: { $queryRaw: Tx['$queryRaw'] }) => Promise<unknown>) =>
      sessionOfBegin.run(p.session(), async () => await prisma.$transaction((tx) => work(tx), options));
    await expectReport(
      () =>
        within({ timeout: 30 }, async (tx) => {
          await new Promise((resolve) => setTimeout(resolve, 60));
          await tx.$queryRaw`SELECT 1`;
        }),
      'transactionTimeout',
      { code: 'P2028' },
    );
    await within({}, () => expectReport(() => within({ maxWait: 30 }, (tx) => tx.$queryRaw`SELECT 1`), 'poolTimeout', { code: 'P2028' }));
  });

  test('whose connection is ended (57P01): model, raw, second door, COMMIT', async () => {
    const ended = async (work: (database: Database) => Promise<unknown>, state: 'active' | 'idle in transaction') => {
      const applicationName = `ended-${randomUUID()}`;
      const database = p.aDatabase({ applicationName });
      const report = expectReport(() => work(database), 'unavailable', { code: '57P01' });
      await eventually('it is ended', async () => {
        const rows = await p.t.look(
          `SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = $1 AND state = $2 AND (state <> 'active' OR wait_event IS NOT NULL)`,
          [applicationName, state],
        );
        return rows.length > 0;
      });
      await report;
    };
    await whileLocked(() => ended((database) => p.inTransaction((tx) => rename(tx, 'x'), database), 'active'));
    await ended((database) => p.inTransaction((tx) => tx.$executeRaw`SELECT pg_sleep(30)`, database), 'active');
    await ended((database) => p.verb('SELECT pg_sleep(30)', database), 'active');
    await ended((database) => {
      const isGone = async () => (await p.t.look(`SELECT FROM pg_stat_activity WHERE application_name LIKE 'ended-%'`)).length === 0;
      return p.inTransaction(async (tx) => {
        await tx.$queryRaw`SELECT 1`;
        await eventually('the connection is gone', isGone);
      }, database);
    }, 'idle in transaction');
  });
});
