import { APPOINTMENT_ACTIONS, APPOINTMENT_STATUSES, type AppointmentAction, type AppointmentStatus } from '@medspa/contracts';
import { createTestDatabase, NOW, type TestDatabase } from '@medspa/testing';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { claimsOf, deskOf, openDesk, type Desk, type Visit, type VisitAnswer } from '../../../test/visits.ts';

let t: TestDatabase;
beforeAll(async () => {
  t = await createTestDatabase();
});
afterAll(() => t.drop());

const ACTIONS = Object.keys(APPOINTMENT_ACTIONS) as AppointmentAction[];

/** The shortest way to a status, by the state table. */
function wayTo(status: AppointmentStatus): AppointmentAction[] {
  const ways = new Map<AppointmentStatus, AppointmentAction[]>([['booked', []]]);
  for (const [from, way] of ways) {
    for (const action of ACTIONS) {
      const { from: allowed, to } = APPOINTMENT_ACTIONS[action];
      if (to && (allowed as readonly string[]).includes(from) && !ways.has(to)) ways.set(to, [...way, action]);
    }
  }
  return ways.get(status) ?? [];
}

function perform(desk: Desk, visit: Visit, action: AppointmentAction): Promise<VisitAnswer> {
  if (action === 'cancel') return desk.cancel(visit);
  if (action === 'reschedule') return desk.move(visit, '2026-03-20T15:00:00Z');
  return desk.step(visit, action);
}

/** A visit in that status, and the desk at its start; every one on a day of its own. */
async function visitIn(opened: Desk, status: AppointmentStatus, day: number): Promise<{ visit: Visit; desk: Desk }> {
  let visit = await opened.booked(`2026-03-${String(3 + day).padStart(2, '0')}T15:00:00Z`);
  const desk = opened.at(visit.startsAt);
  for (const action of wayTo(status)) visit = (await perform(desk, visit, action)).body;
  expect(visit.status).toBe(status);
  return { visit, desk };
}

const events = ({ id }: Visit) => t.look<{ type: string }>('SELECT type FROM outbox_event WHERE subject_id = $1 ORDER BY sequence', [id]);

describe('the state table holds: a visit that is', () => {
  test.each(APPOINTMENT_STATUSES)('%s', async (status) => {
    const opened = await openDesk(t);
    const isAllowed = (action: AppointmentAction) => (APPOINTMENT_ACTIONS[action].from as readonly string[]).includes(status);
    const { visit, desk } = await visitIn(opened, status, 0);
    const before = await desk.read(visit);
    for (const action of ACTIONS.filter((one) => !isAllowed(one))) {
      const { status: code, body } = await perform(desk, visit, action);
      expect([code, body.slug, body.currentStatus], action).toEqual([409, 'wrong-status', status]);
    }
    expect(await desk.read(visit)).toEqual(before);
    for (const [index, action] of ACTIONS.filter(isAllowed).entries()) {
      const other = await visitIn(opened, status, 1 + index);
      const { status: code, body } = await perform(other.desk, other.visit, action);
      expect([code, body.status, body.version], action).toEqual([200, APPOINTMENT_ACTIONS[action].to, other.visit.version + 1]);
      expect((await claimsOf(t, other.visit)).length > 0, action).toBe(APPOINTMENT_ACTIONS[action].claims !== 'freed');
    }
  });
});

describe('a cancelled visit', () => {
  test('gives provider, room and patient back at once', async () => {
    const desk = await openDesk(t, { rooms: 1 });
    const visit = await desk.booked('2026-03-03T15:00:00Z');
    const { status, body } = await desk.cancel(visit, { reason: 'patient_unwell', channel: 'phone' });
    expect([status, body.status, body.cancelReason]).toEqual([200, 'cancelled', 'patient_unwell']);
    expect(await claimsOf(t, visit)).toEqual([]);
    expect((await desk.book('2026-03-03T15:00:00Z')).status).toBe(201);
    expect((await desk.read(visit)).cancelReason).toBe('patient_unwell');
  });

  test('keeps its note where only the history opens it', async () => {
    const desk = await openDesk(t);
    const visit = await desk.booked('2026-03-03T15:00:00Z', { note: 'Afraid of needles.' });
    await desk.cancel(visit, { note: 'Has shingles.' });
    const { body } = await desk.app.get<{ items: { note: string | null }[] }>(`/v1/appointments/${visit.id}/history`);
    expect(body.items.map(({ note }) => note)).toEqual(['Afraid of needles.', 'Has shingles.']);
    const stored = await t.look<{ everything: string }>(
      `SELECT string_agg(r, ' ') AS everything FROM (
         SELECT encode(note_sealed, 'escape') AS r FROM appointment_history WHERE organization_id = $1
         UNION ALL SELECT payload::text FROM outbox_event WHERE organization_id = $1
         UNION ALL SELECT concat(before, after) FROM audit_log WHERE organization_id = $1
         UNION ALL SELECT outcome::text FROM idempotency_key WHERE organization_id = $1) rows`,
      [desk.clinic.organizationId],
    );
    expect(stored[0]?.everything).not.toMatch(/needles|shingles/);
  });

  test('needs a reason that is on the list', async () => {
    const desk = await openDesk(t);
    const visit = await desk.booked('2026-03-03T15:00:00Z');
    for (const reason of [undefined, 'because']) {
      const { status, body } = await desk.cancel(visit, { reason });
      expect([status, body.errors?.[0]?.pointer]).toEqual([400, '/reason']);
    }
    expect((await desk.read(visit)).status).toBe('booked');
  });

  test('frees its time for exactly one of those who wait for it', async () => {
    const desk = await openDesk(t, { rooms: 1 });
    const visit = await desk.booked('2026-03-03T15:00:00Z');
    const patients = await Promise.all(Array.from({ length: 6 }, () => desk.aPatient()));
    const [cancelled, ...answers] = await Promise.all([
      desk.cancel(visit),
      ...patients.map((patientId) => desk.book('2026-03-03T15:00:00Z', { patientId })),
    ]);
    expect(cancelled?.status).toBe(200);
    expect(answers.filter(({ status }) => status === 201).length).toBeLessThanOrEqual(1);
    expect(answers.filter(({ status }) => status !== 201).every(({ status }) => status === 409)).toBe(true);
  });
});

describe('the history of a visit', () => {
  test('is read in pieces, and nothing is lost between them', async () => {
    const desk = await openDesk(t);
    const visit = await desk.booked('2026-03-03T15:00:00Z');
    const confirmed = (await desk.step(visit, 'confirm')).body;
    await desk.cancel(confirmed);
    const versions: number[] = [];
    for (let after = 0, isMore = true; isMore; after = versions.at(-1) ?? 0) {
      const { body } = await desk.app.get<{ items: { version: number }[] }>(`/v1/appointments/${visit.id}/history?limit=2&after=${after}`);
      versions.push(...body.items.map(({ version }) => version));
      isMore = body.items.length > 0;
    }
    expect(versions).toEqual([1, 2, 3]);
  });

  test('has every change in order: who, when, how, why, and what it was then', async () => {
    const desk = await openDesk(t);
    const visit = await desk.booked('2026-03-03T15:00:00Z', { channel: 'online' });
    let hours = 0;
    const later = deskOf(t, desk.clinic, desk.patientId, () => new Date(NOW.getTime() + ++hours * 3_600_000));
    const moved = (await later.move(visit, '2026-03-04T16:00:00Z', { channel: 'phone', reason: 'patient_unwell', note: 'Flu.' })).body;
    const confirmed = (await later.step(moved, 'confirm', { channel: 'online' })).body;
    await later.cancel(confirmed, { reason: 'other' });
    const { body } = await desk.app.get<{ items: Record<string, unknown>[] }>(`/v1/appointments/${visit.id}/history`);
    const who = { actorKind: 'staff', actorId: desk.clinic.actorId };
    const [first, second] = [
      { startsAt: '2026-03-03T15:00:00.000Z', endsAt: '2026-03-03T15:30:00.000Z' },
      { startsAt: '2026-03-04T16:00:00.000Z', endsAt: '2026-03-04T16:30:00.000Z' },
    ];
    expect(body.items).toMatchObject([
      { ...who, ...first, version: 1, action: 'book', status: 'booked', channel: 'online', reason: null, note: null },
      { ...who, ...second, version: 2, action: 'reschedule', status: 'booked', channel: 'phone', reason: 'patient_unwell', note: 'Flu.' },
      { ...who, ...second, version: 3, action: 'confirm', status: 'confirmed', channel: 'online', reason: null, note: null },
      { ...who, ...second, version: 4, action: 'cancel', status: 'cancelled', channel: 'desk', reason: 'other', note: null },
    ]);
    const times = body.items.map(({ at }) => String(at));
    expect(times).toEqual(times.toSorted());
    expect(new Set(times).size).toBe(4);
    expect(body.items.map(({ services }) => (services as Visit['services'])[0]?.startsAt)).toEqual([
      first.startsAt,
      second.startsAt,
      second.startsAt,
      second.startsAt,
    ]);
    expect((await events(visit)).map(({ type }) => type)).toEqual(
      ['book', 'reschedule', 'confirm', 'cancel'].map((action) => `appointment.${action}`),
    );
  });

  test('cannot be rewritten, not even by the owner of the table', async () => {
    const desk = await openDesk(t);
    const visit = await desk.booked('2026-03-03T15:00:00Z');
    await expect(t.look('UPDATE appointment_history SET reason = NULL WHERE appointment_id = $1', [visit.id])).rejects.toThrow(
      /append-only/,
    );
    await expect(t.look('DELETE FROM appointment_history WHERE appointment_id = $1', [visit.id])).rejects.toThrow(/append-only/);
  });
});
