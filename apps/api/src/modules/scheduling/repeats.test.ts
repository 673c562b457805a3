import type { AppointmentAction } from '@medspa/contracts';
import { createTestDatabase, type TestDatabase } from '@medspa/testing';
import { v7 as newId } from 'uuid';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { openDesk, type Desk, type Visit, type VisitAnswer } from '../../../test/visits.ts';

let t: TestDatabase;
beforeAll(async () => {
  t = await createTestDatabase();
});
afterAll(() => t.drop());

const START = '2026-03-03T15:00:00Z';

type Sent = { name: string; answer: VisitAnswer; again: () => Promise<VisitAnswer> };

/** Everything that can be done to a visit, each request with a key of its own, in an order that the state table allows. */
async function aLife(desk: Desk): Promise<{ sent: Sent[]; visit: Visit }> {
  const sent: Sent[] = [];
  const { locationId, serviceId, providerIds, roomIds } = desk.clinic;
  const services = providerIds.map((providerId, index) => ({ serviceId, providerId, roomId: roomIds[index] }));
  const send = async (name: string, path: string, body: object): Promise<Visit> => {
    const headers = { 'idempotency-key': newId() };
    const again = () => desk.app.send<VisitAnswer['body']>('POST', `/v1/appointments${path}`, body, headers);
    const answer = await again();
    expect(answer.status, `${name} ${answer.text}`).toBeLessThan(300);
    sent.push({ name, answer, again });
    return answer.body;
  };
  let visit = await send('book', '', {
    locationId,
    patientId: desk.patientId,
    startsAt: START,
    services,
    channel: 'online',
    note: 'Hello.',
  });
  const step = async (action: AppointmentAction) => {
    visit = await send(action, `/${visit.id}/transitions`, { action, version: visit.version, note: 'So it is.' });
  };
  const move = async (startsAt: string) => {
    const assignments = [{ id: visit.services[0]?.id, providerId: providerIds[1], roomId: roomIds[1] }];
    visit = await send('reschedule', `/${visit.id}/reschedule`, {
      startsAt,
      assignments,
      reason: 'patient_unwell',
      version: visit.version,
    });
  };
  await step('confirm');
  await move('2026-03-02T14:00:00Z');
  await step('mark-no-show');
  await step('undo-no-show');
  await move('2026-03-02T16:30:00Z');
  await step('arrive');
  visit = await send('cancel', `/${visit.id}/cancel`, { reason: 'patient_unwell', channel: 'phone', note: 'Flu.', version: visit.version });
  return { sent, visit };
}

describe('a request about a visit that is sent again', () => {
  test('is answered as it was the first time, to the byte, whatever became of the visit since', async () => {
    const opened = await openDesk(t, { providers: 2, bufferAfterMinutes: 5 });
    const desk = opened.at('2026-03-02T15:00:00Z');
    const { sent, visit } = await aLife(desk);
    expect(visit.cancelReason).toBe('patient_unwell');
    expect(new Set(sent.map(({ answer }) => answer.text)).size).toBe(sent.length);
    for (const { name, answer, again } of [...sent, ...sent.toReversed()]) {
      const second = await again();
      expect([name, second.status, second.text]).toEqual([name, answer.status, answer.text]);
    }
    expect(await desk.read(visit)).toEqual(visit);
  });

  test('has left nothing behind of who comes and why not: an id and a version, and nothing else can be kept in the clear', async () => {
    const desk = (await openDesk(t, { providers: 2 })).at('2026-03-02T15:00:00Z');
    const { sent, visit } = await aLife(desk);
    const kept = await t.look<{ outcome: object; row: string }>(
      'SELECT outcome, k::text AS row FROM idempotency_key k WHERE organization_id = $1 ORDER BY outcome',
      [desk.clinic.organizationId],
    );
    expect(kept.map(({ outcome }) => outcome)).toEqual(
      sent.map(({ answer }) => ({ appointmentId: visit.id, version: answer.body.version })),
    );
    for (const { row } of kept) expect(row).not.toMatch(new RegExp(`${desk.patientId}|unwell|confirmed`));
    await expect(
      t.look(`UPDATE idempotency_key SET outcome = outcome || '{"reason": "patient_unwell"}' WHERE organization_id = $1`, [
        desk.clinic.organizationId,
      ]),
    ).rejects.toThrow(/idempotency_key_outcome_points/);
  });
});
