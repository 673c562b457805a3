import { randomUUID } from 'node:crypto';
import { PERMISSIONS } from '@medspa/contracts';
import { openDatabase, signInOf } from '@medspa/database';
import {
  aClinic,
  aPatient,
  eventually,
  run,
  served,
  startOwnServer,
  testCodec,
  type Clinic,
  type OwnServer,
  type Started,
} from '@medspa/testing';
import pg from 'pg';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { z } from 'zod';
import { testApp } from '../../test/harness.ts';
import { SERVICE, serviceEnv } from '../../test/service.ts';
import { createBreaker } from './breaker.ts';
import { job, startJobs, type Job } from './jobs.ts';
import { createLog } from './log.ts';
import { createMetrics } from './metrics.ts';

// A PostgreSQL of the test's own, which is restarted under the jobs that run.

let own: OwnServer;
let watcher: pg.Pool;
beforeAll(async () => {
  own = await startOwnServer('medspa');
  watcher = new pg.Pool({ ...signInOf(own.admin), max: 3 });
  watcher.on('error', () => {});
  watcher.on('connect', (client) => client.on('error', () => {}));
}, 60_000);
const ends: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const end of ends.splice(0)) await end();
});
afterAll(async () => {
  await watcher.end();
  await own.end();
});

const look = async <Row>(text: string, values?: unknown[]) => (await watcher.query(text, values)).rows as Row[];

async function aDesk(): Promise<{ clinic: Clinic; database: ReturnType<typeof openDatabase> }> {
  const database = openDatabase(own.runtime);
  ends.push(database.disconnectDatabase);
  return { database, clinic: await aClinic(database) };
}

async function aService(): Promise<Started & { url: string }> {
  const service = run(SERVICE, serviceEnv(own.runtime, `jobs-${randomUUID().slice(0, 8)}`));
  ends.push(async () => void (await service.end('SIGKILL')));
  return { ...service, url: await served(service) };
}

/** A worker in this process, which looks for gone ones all the time. */
async function aWorker({ database }: { database: ReturnType<typeof openDatabase> }, ...jobs: Job[]) {
  const lines: string[] = [];
  const parts = {
    database,
    codec: testCodec(database),
    breaker: createBreaker().policy,
    now: () => new Date(),
    log: createLog('info', { write: (line: string) => void lines.push(line) }),
    metrics: createMetrics(),
  };
  const { stop } = await startJobs(own.runtime, jobs, parts, 100);
  let stopped: Promise<void> | undefined;
  const once = () => (stopped ??= stop());
  ends.push(once);
  return { lines, stop: once };
}
const note = (work: (id: string) => Promise<void> | void) =>
  job('note', z.strictObject({ organizationId: z.uuid(), id: z.string() }), async (_ctx, { id }) => work(id));
const add = ({ organizationId }: Clinic, id: string) =>
  look(`SELECT graphile_worker.add_job('note', $1::json)`, [JSON.stringify({ organizationId, id })]);

const noJobs = async () => (await look('SELECT FROM graphile_worker.jobs')).length === 0;

describe('a restart of the database while a job runs', () => {
  test('ends neither the process nor the job: it is done when the database is back', async () => {
    const { clinic, database } = await aDesk();
    const morning = new Date(Date.now() - 36 * 3_600_000);
    morning.setUTCHours(15, 0, 0, 0);
    const patientId = await aPatient(database, clinic);
    const app = testApp(database, { as: { ...clinic, permissions: [...PERMISSIONS] }, now: () => morning });
    const visit = await app.send<{ id: string }>('POST', '/v1/appointments', {
      locationId: clinic.locationId,
      patientId,
      startsAt: morning.toISOString(),
      services: [{ serviceId: clinic.serviceId, providerId: clinic.providerId }],
    });
    expect(visit.status, visit.text).toBe(201);
    const holder = await watcher.connect();
    await holder.query('BEGIN');
    await holder.query('SELECT FROM appointment WHERE id = $1 FOR UPDATE', [visit.body.id]);
    await look(`SELECT graphile_worker.add_job('notice-overdue', $1::json)`, [
      JSON.stringify({ organizationId: clinic.organizationId, appointmentId: visit.body.id }),
    ]);
    const service = await aService();
    // The job waits for the row, and the database goes under it.
    await eventually('it waits', async () => {
      const waiting = await look(`SELECT FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND query LIKE '%notice_overdue%'`);
      return waiting.length === 1;
    });
    await own.server.halt('fast');
    holder.release(true);
    await new Promise((resolve) => setTimeout(resolve, 500));
    await own.server.start();
    const events = () => look(`SELECT FROM outbox_event WHERE type = 'appointment.overdue' AND subject_id = $1`, [visit.body.id]);
    await eventually('it is done', async () => (await events()).length === 1, 40_000);
    await eventually('it is written down', noJobs);
    expect(service.child.exitCode).toBe(null);
    expect((await fetch(`${service.url}/health/ready`)).status).toBe(200);
    expect(service.said()).not.toContain('unhandled');
  }, 90_000);

  test('just when it is done writes that down afterwards, and does not run it again', async () => {
    const desk = await aDesk();
    let goOn = () => {};
    const isAdded = new Promise<void>((resolve) => (goOn = resolve));
    const ran: string[] = [];
    await aWorker(
      desk,
      note(async (id) => {
        await isAdded;
        await own.server.halt('fast');
        ran.push(id);
      }),
    );
    const id = randomUUID();
    await add(desk.clinic, id);
    goOn();
    await eventually('it has run', () => ran.length === 1);
    await own.server.start();
    await eventually('it is written down', noJobs, 30_000);
    expect(ran).toEqual([id]);
  }, 60_000);
});

test('stopping does not wait for a database that is away', async () => {
  const desk = await aDesk();
  const { stop } = await aWorker(
    desk,
    note(() => {}),
  );
  await add(desk.clinic, 'first');
  await eventually('the queue works', noJobs);
  await own.server.halt('fast');
  try {
    const since = performance.now();
    await stop();
    expect(performance.now() - since).toBeLessThan(9_000);
  } finally {
    await own.server.start();
  }
}, 60_000);

describe('a job that a worker held', () => {
  test('that was killed is run by another one soon', async () => {
    const desk = await aDesk();
    const ran: string[] = [];
    await add(desk.clinic, 'left');
    await look(`UPDATE graphile_worker._private_jobs SET locked_by = 'pool-killed', locked_at = now(), attempts = 1`);
    await aWorker(
      desk,
      note((id) => void ran.push(id)),
    );
    await eventually('it runs', () => ran.length === 1);
  });

  test('that lives is left to it, however long it takes', async () => {
    const desk = await aDesk();
    const ran: string[] = [];
    let finish = () => {};
    const mayFinish = new Promise<void>((resolve) => (finish = resolve));
    const slow = note(async (id) => {
      ran.push(id);
      await mayFinish;
    });
    await aWorker(desk, slow);
    await add(desk.clinic, 'long');
    await eventually('it runs', () => ran.length === 1);
    await aWorker(desk, slow);
    // Longer than a worker's own look at the queue, every two seconds: by then it would have taken the job.
    await new Promise((resolve) => setTimeout(resolve, 3_500));
    finish();
    await eventually('it is done', noJobs);
    expect(ran).toEqual(['long']);
  });
});

test('a queue that ends by itself is said and started again', async () => {
  const desk = await aDesk();
  const ran: string[] = [];
  const { lines } = await aWorker(
    desk,
    note((id) => void ran.push(id)),
  );
  const exitCode = process.exitCode;
  // What the queue says to its workers when its tables have changed under them.
  await eventually('it ends', async () => {
    await look(`SELECT pg_notify('worker:migrate', '{"migrationNumber": 99, "breaking": true}')`);
    return lines.join('').includes('"state":"ended"');
  });
  process.exitCode = exitCode;
  await add(desk.clinic, 'later');
  await eventually('it runs', () => ran.length === 1);
});
