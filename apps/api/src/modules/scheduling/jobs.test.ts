import { EVERYTHING } from '@medspa/contracts';
import { arrange, createTestDatabase, NOW, testCodec, type TestDatabase } from '@medspa/testing';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { claimsOf, openDesk, type Desk, type Visit } from '../../../test/visits.ts';
import { createBreaker } from '../../platform/breaker.ts';
import type { Ctx } from '../../platform/context.ts';
import { schedulingJobs } from './jobs.ts';

let t: TestDatabase;
beforeAll(async () => {
  t = await createTestDatabase();
});
afterAll(() => t.drop());

/** Upkeep's. */
const NO_ORGANIZATION = '00000000-0000-0000-0000-000000000000';

/** Runs a job as the queue does. */
function run(name: string, payload: { organizationId: string }, now: Date): Promise<void> {
  const work = schedulingJobs.find((one) => one.name === name);
  if (!work) throw new Error(`There is no job ${name}.`);
  const ctx: Ctx = {
    database: t.database,
    codec: testCodec(t.database),
    breaker: createBreaker().policy,
    organizationId: payload.organizationId,
    actor: { kind: 'job', id: '00000000-0000-7000-8000-000000000001', grants: EVERYTHING },
    requestId: 'job-1',
    now: () => now,
  };
  return work.run(ctx, payload);
}

const noticeOverdue = ({ clinic }: Desk, visit: Visit, now: string) =>
  run('notice-overdue', { organizationId: clinic.organizationId, appointmentId: visit.id } as { organizationId: string }, new Date(now));

const overdueEvents = async ({ id }: Visit) =>
  t.look(`SELECT payload FROM outbox_event WHERE subject_id = $1 AND type = 'appointment.overdue'`, [id]);

describe('the job that notices who is late', () => {
  test('is wanted a quarter of an hour after the start and for a day, of every organization, until it was said', async () => {
    const [desk, other] = [await openDesk(t), await openDesk(t)];
    const visit = await desk.booked('2026-03-03T15:00:00Z');
    const [moved, late] = [await desk.booked('2026-03-03T16:00:00Z'), await other.booked('2026-03-03T15:00:00Z')];
    await desk.move(moved, '2026-03-04T18:00:00Z');
    const watched = async (now: string) => {
      await run('watch-arrivals', { organizationId: NO_ORGANIZATION }, new Date(now));
      const wanted = await t.look<{ id: string }>(
        `WITH gone AS (DELETE FROM graphile_worker._private_jobs WHERE key LIKE 'overdue:%' RETURNING payload) SELECT payload ->> 'appointmentId' AS id FROM gone`,
      );
      return [visit, moved, late].filter(({ id }) => wanted.some((one) => one.id === id));
    };
    expect(await watched('2026-03-03T15:14:59Z')).toEqual([]);
    expect(await watched('2026-03-03T15:15:00Z')).toEqual([visit, late]);
    await noticeOverdue(other, late, '2026-03-03T15:15:00Z');
    expect(await watched('2026-03-03T15:16:00Z')).toEqual([visit]);
    expect(await watched('2026-03-04T15:14:00Z')).toEqual([visit]);
    expect(await watched('2026-03-04T15:16:00Z')).toEqual([]);
    expect(await watched('2026-03-04T18:15:00Z')).toEqual([moved]);
    await run('watch-arrivals', { organizationId: NO_ORGANIZATION }, new Date('2026-03-04T18:16:00Z'));
    await run('watch-arrivals', { organizationId: NO_ORGANIZATION }, new Date('2026-03-04T18:17:00Z'));
    expect(await t.look('SELECT FROM graphile_worker.jobs WHERE key = $1', [`overdue:${moved.id}`])).toHaveLength(1);
  });

  test('is wanted again of a visit that was moved by a little after it was said', async () => {
    const desk = await openDesk(t);
    const visit = await desk.booked('2026-03-03T15:00:00Z');
    await noticeOverdue(desk, visit, '2026-03-03T15:15:00Z');
    await desk.at('2026-03-03T15:16:00Z').move(visit, '2026-03-03T15:10:00Z');
    await run('watch-arrivals', { organizationId: NO_ORGANIZATION }, new Date('2026-03-03T15:25:00Z'));
    expect(await t.look('SELECT FROM graphile_worker.jobs WHERE key = $1', [`overdue:${visit.id}`])).toHaveLength(1);
    await noticeOverdue(desk, visit, '2026-03-03T15:25:00Z');
    expect(await overdueEvents(visit)).toHaveLength(2);
  });

  test('says it once, however often it runs', async () => {
    const desk = await openDesk(t);
    const visit = await desk.booked('2026-03-03T15:00:00Z');
    await Promise.all([1, 2, 3].map(() => noticeOverdue(desk, visit, '2026-03-03T15:15:00.050Z')));
    await noticeOverdue(desk, visit, '2026-03-03T15:20:00Z');
    expect(await overdueEvents(visit)).toEqual([{ payload: { version: 1, startsAt: '2026-03-03T15:00:00.000Z' } }]);
  });

  test('says it though the clock of the service is a little behind that of the queue', async () => {
    const desk = await openDesk(t);
    const visit = await desk.booked('2026-03-03T15:00:00Z');
    await noticeOverdue(desk, visit, '2026-03-03T15:14:59.200Z');
    expect(await overdueEvents(visit)).toHaveLength(1);
  });

  test.each(['arrived', 'moved', 'cancelled', 'no-show'])('says nothing of a visit that is %s', async (what) => {
    const desk = await openDesk(t);
    const visit = await desk.booked('2026-03-03T15:00:00Z');
    if (what === 'arrived') await desk.at('2026-03-03T14:55:00Z').step(visit, 'arrive');
    if (what === 'moved') await desk.move(visit, '2026-03-03T16:00:00Z');
    if (what === 'cancelled') await desk.cancel(visit);
    if (what === 'no-show') await desk.at('2026-03-03T15:10:00Z').step(visit, 'mark-no-show');
    await noticeOverdue(desk, visit, '2026-03-03T15:15:00Z');
    expect(await overdueEvents(visit)).toEqual([]);
  });

  test('says it again of a visit that was moved because of it', async () => {
    const desk = await openDesk(t);
    const visit = await desk.booked('2026-03-03T15:00:00Z');
    await noticeOverdue(desk, visit, '2026-03-03T15:15:00Z');
    await desk.move(visit, '2026-03-03T17:00:00Z');
    await noticeOverdue(desk, visit, '2026-03-03T17:15:00Z');
    expect(await overdueEvents(visit)).toHaveLength(2);
  });
});

describe('the job that drops claims of the past', () => {
  test('removes those of all organizations, keeps what is live, and touches nothing else', async () => {
    const desks = [await openDesk(t), await openDesk(t)];
    const visits = await Promise.all(
      desks.map(async (desk) => ({ old: await desk.booked('2026-03-02T15:00:00Z'), coming: await desk.booked('2026-03-10T15:00:00Z') })),
    );
    const hold = { kind: 'hold', during: '[2026-03-12 15:00Z,2026-03-12 16:00Z)' };
    for (const { clinic } of desks) {
      await arrange(t.database, clinic, async (tx) => {
        for (const [expires, resourceId] of [
          ['2026-03-02', clinic.providerId],
          ['2026-03-12', clinic.roomIds[0]],
        ] as const)
          await tx.$executeRaw`INSERT INTO claim (organization_id, resource_id, during, kind, expires_at)
            VALUES (${clinic.organizationId}::uuid, ${resourceId}::uuid, ${hold.during}::tstzrange, ${hold.kind}, ${new Date(expires)})`;
      });
    }
    const others = () =>
      t.look(`SELECT (SELECT count(*) FROM appointment) AS a, (SELECT count(*) FROM appointment_segment) AS s, (SELECT count(*) FROM resource) AS r,
      (SELECT count(*) FROM audit_log) AS l, (SELECT count(*) FROM idempotency_key) AS k`);
    const before = await others();
    await run('drop-past-claims', { organizationId: NO_ORGANIZATION }, new Date('2026-03-09T15:29:00Z'));
    for (const { old } of visits) expect(await claimsOf(t, old)).toHaveLength(3);
    await run('drop-past-claims', { organizationId: NO_ORGANIZATION }, new Date('2026-03-10T03:11:00Z'));
    for (const { old, coming } of visits) {
      expect(await claimsOf(t, old)).toEqual([]);
      expect(await claimsOf(t, coming)).toHaveLength(3);
    }
    for (const { clinic } of desks) {
      const holds = await t.look<{ resource_id: string }>(`SELECT resource_id FROM claim WHERE organization_id = $1 AND kind = 'hold'`, [
        clinic.organizationId,
      ]);
      expect(holds.map(({ resource_id }) => resource_id)).toEqual([clinic.roomIds[0]]);
    }
    expect(await others()).toEqual(before);
  });

  test('goes on until nothing is left, however much there is', async () => {
    const { clinic } = await openDesk(t);
    await arrange(t.database, clinic, async (tx) => {
      await tx.$executeRaw`INSERT INTO claim (organization_id, resource_id, during, kind)
        SELECT ${clinic.organizationId}::uuid, ${clinic.providerId}::uuid, tstzrange(at, at + interval '5 minutes'), 'block'
        FROM generate_series(timestamptz '2025-01-01', timestamptz '2025-01-01' + interval '5 minutes' * 25000, '5 minutes') at`;
    });
    await run('drop-past-claims', { organizationId: NO_ORGANIZATION }, NOW);
    expect(await t.look('SELECT count(*)::int FROM claim WHERE organization_id = $1', [clinic.organizationId])).toEqual([{ count: 0 }]);
  });
});
