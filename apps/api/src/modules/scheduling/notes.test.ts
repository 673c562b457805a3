import { createTestDatabase, type TestDatabase } from '@medspa/testing';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { aReachablePatient, messagesOf, openPostOffice, runDue, startPost, type Post } from '../../../test/messages.ts';
import { deskOf, openDesk, type Desk } from '../../../test/visits.ts';

// Monday 09:00 in New York; quiet hours are from 21:00 to 08:00.
const MORNING = new Date('2026-03-02T14:00:00Z');

let t: TestDatabase;
let post: Post;
let desk: Desk;
let patient: { id: string; version: number; phone: string };
beforeAll(async () => {
  t = await createTestDatabase();
  post = await startPost();
});
beforeEach(async () => {
  const { clinic, app } = await openPostOffice(t, post);
  patient = await aReachablePatient(app);
  desk = deskOf(t, clinic, patient.id, () => MORNING);
});
afterAll(async () => {
  await post.stop();
  await t.drop();
});

const run = (now: Date | string) => runDue(t, desk.clinic.organizationId, post, new Date(now));
const texts = () => post.to(patient.phone).map(({ body }) => body.replace('appointment.', '').replace('Paula on ', ''));
const waiting = async () =>
  (await messagesOf(t, patient.id))
    .filter(({ state, channel }) => state === 'queued' && channel === 'sms')
    .map(({ kind, send_after: at }) => `${kind.replace('appointment.', '')} ${at.toISOString().slice(0, 16)}`);

describe('a patient whose visit', () => {
  test('is booked gets a confirmation, and a reminder a day before', async () => {
    await desk.booked('2026-03-10T15:00:00Z');
    await run(MORNING);
    expect(texts()).toEqual(['confirmation: Tuesday, March 10 at 11:00 AM']);
    expect(await waiting()).toEqual(['reminder 2026-03-09T15:00']);
    await run('2026-03-09T15:00:00Z');
    expect(texts()).toEqual(['reminder: Tuesday, March 10 at 11:00 AM', 'confirmation: Tuesday, March 10 at 11:00 AM']);
  });

  test('is booked within a day gets no reminder', async () => {
    await desk.booked('2026-03-03T13:30:00Z');
    await run(MORNING);
    expect(texts()).toHaveLength(1);
    expect(await waiting()).toEqual([]);
  });

  test('is booked at night hears of it in the morning, or at once when they book online', async () => {
    await desk.booked('2026-03-10T15:00:00Z');
    await desk.booked('2026-03-11T15:00:00Z', { channel: 'online' });
    await run('2026-03-03T03:00:00Z');
    expect(texts()).toEqual(['confirmation: Wednesday, March 11 at 11:00 AM']);
    await run('2026-03-03T13:00:00Z');
    expect(texts()).toHaveLength(2);
  });

  test('is moved is reminded of its new time and not of the old one', async () => {
    const visit = await desk.booked('2026-03-10T15:00:00Z');
    await run(MORNING);
    await desk.move(visit, '2026-03-12T16:00:00Z');
    // The job has not run yet, and nothing of the old time is left to send.
    expect(await waiting()).toEqual([]);
    await run(MORNING);
    expect(await waiting()).toEqual(['reminder 2026-03-11T16:00']);
    await run('2026-03-11T16:00:00Z');
    expect(texts()).toEqual(['reminder: Thursday, March 12 at 12:00 PM', 'confirmation: Tuesday, March 10 at 11:00 AM']);
  });

  test('is moved before they heard of it hears of its new time alone, once', async () => {
    const visit = await desk.booked('2026-03-10T15:00:00Z');
    const moved = (await desk.move(visit, '2026-03-12T16:00:00Z')).body;
    await desk.move(moved, '2026-03-10T15:00:00Z');
    await run(MORNING);
    expect(texts()).toEqual(['confirmation: Tuesday, March 10 at 11:00 AM']);
    expect(await waiting()).toEqual(['reminder 2026-03-09T15:00']);
  });

  test('is cancelled is told so at once, and is not reminded of it', async () => {
    const visit = await desk.booked('2026-03-10T15:00:00Z');
    await run(MORNING);
    await desk.cancel(visit);
    expect(await waiting()).toEqual([]);
    await run('2026-03-03T03:00:00Z');
    await run('2026-03-09T15:00:00Z');
    expect(texts()).toEqual(['cancellation: Tuesday, March 10 at 11:00 AM', 'confirmation: Tuesday, March 10 at 11:00 AM']);
  });

  test('was booked in error and taken back before they heard of it hears nothing', async () => {
    const visit = await desk.booked('2026-03-10T15:00:00Z');
    await desk.cancel(visit, { reason: 'booked_in_error' });
    await run(MORNING);
    expect(texts()).toEqual([]);
    expect(await waiting()).toEqual([]);
  });

  test('changes hears each thing once, however often the jobs are run and whoever is first', async () => {
    const visit = await desk.booked('2026-03-10T15:00:00Z');
    const again = () =>
      t.look(`SELECT graphile_worker.add_job('tell-patient', $1::json)`, [
        JSON.stringify({ organizationId: desk.clinic.organizationId, appointmentId: visit.id, version: 1 }),
      ]);
    await again();
    await Promise.all([run(MORNING), run(MORNING), desk.cancel(visit)]);
    await again();
    await run(MORNING);
    expect(await waiting()).toEqual([]);
    expect(texts().filter((text) => text.startsWith('cancellation'))).toHaveLength(1);
    expect(texts().filter((text) => text.startsWith('confirmation')).length).toBeLessThanOrEqual(1);
  });
});

describe('a clinic without words', () => {
  test('tells nobody anything, and a booking leaves no job for it', async () => {
    const silent = await openDesk(t);
    await silent.booked('2026-03-10T15:00:00Z');
    const jobs = await t.look(
      `SELECT 1 FROM graphile_worker._private_jobs p JOIN graphile_worker.jobs j USING (id) WHERE j.task_identifier = 'tell-patient' AND p.payload ->> 'organizationId' = $1`,
      [silent.clinic.organizationId],
    );
    expect(jobs).toEqual([]);
  });
});
