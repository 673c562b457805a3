import { randomUUID } from 'node:crypto';
import { aClinic, arrange, createTestDatabase, eventually, runAs, testCodec, type Clinic, type TestDatabase } from '@medspa/testing';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { z } from 'zod';
import { createBreaker } from './breaker.ts';
import { mutate } from './doors.ts';
import { job, startJobs, type Job } from './jobs.ts';
import { createLog } from './log.ts';
import { createMetrics } from './metrics.ts';

const CANARY = 'Canary-Quill-1987';

let t: TestDatabase;
let clinic: Clinic;
beforeAll(async () => {
  t = await createTestDatabase();
  clinic = await aClinic(t.database);
});
beforeEach(() => runAs(t.admin, 'DELETE FROM graphile_worker._private_jobs'));
afterAll(() => t.drop());

const stops: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const stop of stops.splice(0)) await stop();
});

/** A worker that signs in as the runtime role, like the service; its log lines, and its metrics. */
async function work(...jobs: Job[]) {
  const lines: string[] = [];
  const metrics = createMetrics();
  const { stop } = await startJobs(t.runtime, jobs, {
    database: t.database,
    codec: testCodec(t.database),
    breaker: createBreaker().policy,
    now: () => new Date(),
    log: createLog('debug', { write: (line: string) => void lines.push(line) }),
    metrics,
  });
  let stopping: Promise<void> | undefined;
  const once = () => (stopping ??= stop());
  stops.push(once);
  return { stop: once, lines, metrics };
}

const enqueue = (name: string, payload: object, options = '') =>
  arrange(t.database, clinic, (tx) =>
    tx.$queryRawUnsafe(`SELECT id::text FROM graphile_worker.add_job($1, $2::json ${options})`, name, JSON.stringify(payload)),
  );
type JobRow = { task: string; payload: object; attempts: number; last_error: string | null; run_at: Date; is_locked: boolean };
const jobsThere = () =>
  t.look<JobRow>(
    `SELECT task_identifier AS task, payload, j.attempts, j.last_error, j.run_at, j.locked_at IS NOT NULL AS is_locked
     FROM graphile_worker.jobs j JOIN graphile_worker._private_jobs p USING (id) ORDER BY id`,
  );
const idOnly = (run: (id: string) => Promise<void> | void, name = 'note') =>
  job(name, z.strictObject({ organizationId: z.uuid(), id: z.uuid() }), async (_ctx, { id }) => run(id));
const aPayload = () => ({ organizationId: clinic.organizationId, id: randomUUID() });

describe('a job', () => {
  test('enqueued in a transaction is there when it commits', async () => {
    await enqueue('note', aPayload());
    expect(await jobsThere()).toMatchObject([{ task: 'note', attempts: 0 }]);
  });

  test('enqueued in a transaction that rolls back was never there', async () => {
    const undone = arrange(t.database, clinic, async (tx) => {
      await tx.$queryRaw`SELECT id::text FROM graphile_worker.add_job('note', '{}')`;
      throw new Error('changed my mind');
    });
    await expect(undone).rejects.toThrow('changed my mind');
    expect(await jobsThere()).toEqual([]);
  });

  test('with the key of another one replaces it: there is one, with the later time and payload', async () => {
    const [first, second] = [aPayload(), aPayload()];
    await enqueue('note', first, `, job_key := 'one', run_at := '2031-01-01'`);
    await enqueue('note', second, `, job_key := 'one', run_at := '2032-01-01'`);
    expect(await jobsThere()).toMatchObject([{ payload: second, run_at: new Date('2032-01-01T00:00:00Z') }]);
  });

  test('is run by a worker that is nobody special, and is gone then', async () => {
    const ran: string[] = [];
    const { lines, metrics } = await work(idOnly((id) => void ran.push(id)));
    const payload = aPayload();
    await enqueue('note', payload);
    await eventually('the job ran', async () => ran.length === 1 && (await jobsThere()).length === 0);
    expect(ran).toEqual([payload.id]);
    expect(lines.map((line) => JSON.parse(line) as object)).toContainEqual(
      expect.objectContaining({ msg: 'job done', job: 'note', attempt: 1 }),
    );
    expect((await metrics.render()).text).toContain('job_duration_seconds_count{name="note",outcome="done"} 1');
  });

  test('that waited while nobody worked is run when somebody does', async () => {
    await enqueue('note', aPayload());
    let ran = 0;
    await work(idOnly(() => void ran++));
    await eventually('the job ran', () => ran === 1);
  });

  test('acts as a job, and its writes say so in the audit trail', async () => {
    const id = randomUUID();
    const rename: Job = {
      name: 'rename',
      run: async (ctx) => {
        const { organizationId } = ctx;
        await mutate(ctx, { needs: 'schedule:write', action: 'room-type.add', reply: z.null() }, async (tx) => {
          await tx.roomType.create({ data: { organizationId, id, name: 'By a job' } });
          return null;
        });
      },
    };
    await work(rename);
    await enqueue('rename', { organizationId: clinic.organizationId });
    await eventually('the job ran', async () => (await jobsThere()).length === 0);
    expect(
      await t.look('SELECT actor_kind, action, request_id ~ \'^job-\\d+$\' AS "isJob" FROM audit_log WHERE row_id = $1', [id]),
    ).toEqual([{ actor_kind: 'job', action: 'room-type.add', isJob: true }]);
  });
});

describe('a job that fails', () => {
  const failed = () =>
    eventually('the job failed', async () => (await jobsThere()).some(({ last_error, is_locked }) => last_error !== null && !is_locked));

  test('because its payload has the wrong form is tried again later, and leaves none of its values in the queue or the log', async () => {
    let ran = 0;
    const { lines, metrics } = await work(idOnly(() => void ran++));
    await enqueue('note', { organizationId: clinic.organizationId, id: CANARY, [CANARY]: true });
    await failed();
    const [row] = await jobsThere();
    expect(row).toMatchObject({ attempts: 1, last_error: 'ZodError' });
    expect(row?.run_at.getTime()).toBeGreaterThan(Date.now());
    expect(ran).toBe(0);
    expect(lines.join('')).not.toContain(CANARY);
    expect(lines.map((line) => JSON.parse(line) as object)).toContainEqual(
      expect.objectContaining({ msg: 'job failed', kind: 'ZodError' }),
    );
    expect((await metrics.render()).text).toContain('job_duration_seconds_count{name="note",outcome="failed"} 1');
  });

  test.each([
    ['an error that quotes a person', () => Promise.reject(new Error(`no phone for ${CANARY}`)), 'Error'],
    ['an error of the database', () => arrange(t.database, clinic, (tx) => tx.$queryRaw`SELECT ${CANARY}::uuid`), 'badInput'],
    ['something that is no error', () => Promise.reject(CANARY), 'string'],
  ])('with %s leaves its class and nothing else', async (_, run, kind) => {
    const { lines } = await work(idOnly(async () => void (await run())));
    await enqueue('note', aPayload());
    await failed();
    expect((await jobsThere())[0]?.last_error).toBe(kind);
    expect(lines.join('')).not.toContain(CANARY);
  });

  test('keeps no other from running', async () => {
    const ran: string[] = [];
    await work(
      idOnly(() => Promise.reject(new Error('no')), 'bad'),
      idOnly((id) => void ran.push(id)),
    );
    await enqueue('bad', aPayload());
    await enqueue('note', aPayload());
    await eventually('the other ran', () => ran.length === 1);
  });
});

describe('stopping the worker', () => {
  test('lets a running job finish; what comes later waits for the next worker', async () => {
    let begin = () => {};
    const begun = new Promise<void>((resolve) => (begin = resolve));
    let finish = () => {};
    const mayFinish = new Promise<void>((resolve) => (finish = resolve));
    const ran: string[] = [];
    const { stop } = await work(
      idOnly(async (id) => {
        begin();
        await mayFinish;
        ran.push(id);
      }),
    );
    const first = aPayload();
    await enqueue('note', first);
    await begun;
    let isStopped = false;
    const stopped = stop().then(() => (isStopped = true));
    await new Promise(setImmediate);
    expect(isStopped).toBe(false);
    finish();
    await stopped;
    expect(ran).toEqual([first.id]);
    expect(await jobsThere()).toEqual([]);
    await enqueue('note', aPayload());
    expect(await jobsThere()).toMatchObject([{ attempts: 0, is_locked: false }]);
  });

  test('gives its connections back', async () => {
    const { stop } = await work(idOnly(() => {}));
    const connections = () => t.look(`SELECT FROM pg_stat_activity WHERE datname = current_database() AND application_name LIKE '%-jobs'`);
    expect((await connections()).length).toBeGreaterThan(0);
    await stop();
    await eventually('they are gone', async () => (await connections()).length === 0);
  });
});

describe('the tables of the queue', () => {
  test('have a policy for the runtime role each, since the queue switches row-level security on', async () => {
    const closed = await t.look(
      `SELECT relname FROM pg_class c WHERE relnamespace = 'graphile_worker'::regnamespace AND relrowsecurity
         AND NOT EXISTS (SELECT FROM pg_policy p WHERE p.polrelid = c.oid AND p.polroles = ARRAY['app_rw'::regrole::oid] AND p.polcmd = '*')`,
    );
    expect(closed).toEqual([]);
    expect(
      (await t.look(`SELECT FROM pg_class WHERE relnamespace = 'graphile_worker'::regnamespace AND relrowsecurity`)).length,
    ).toBeGreaterThan(3);
  });

  test('without it would show the worker no job, and say nothing', async () => {
    await enqueue('note', aPayload());
    const visible = () => t.database.prisma.$queryRaw`SELECT count(*)::int AS jobs FROM graphile_worker._private_jobs`;
    expect(await visible()).toEqual([{ jobs: 1 }]);
    await runAs(t.owner, 'DROP POLICY runtime ON graphile_worker._private_jobs');
    expect(await visible()).toEqual([{ jobs: 0 }]);
    await runAs(t.owner, 'CREATE POLICY runtime ON graphile_worker._private_jobs TO app_rw USING (true) WITH CHECK (true)');
  });

  test('know what runs by the clock', async () => {
    expect(await t.look(`SELECT FROM graphile_worker._private_known_crontabs WHERE identifier = 'nightly'`)).toEqual([]);
    await work({ name: 'nightly', cron: '11 3 * * *', run: () => Promise.resolve() });
    await eventually(
      'it is written down',
      async () => (await t.look(`SELECT FROM graphile_worker._private_known_crontabs WHERE identifier = 'nightly'`)).length === 1,
    );
  });
});
