import type { ProblemDocument } from '@medspa/contracts';
import { aProvider, arrange, createTestDatabase, NOW, sessionIn, type TestDatabase } from '@medspa/testing';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { oneAfterTheOther } from '../../../test/access.ts';
import { aBrowser, aColleague, aSecuredOwner, PASSWORD } from '../../../test/browser.ts';
import { testApp } from '../../../test/harness.ts';
import { openDesk } from '../../../test/visits.ts';

let t: TestDatabase;
beforeAll(async () => {
  t = await createTestDatabase();
});
afterAll(() => t.drop());

const refused = ({ status, body }: { status: number; body: ProblemDocument }) => [status, body.slug];
type Left = ProblemDocument & {
  staff: { isActive: boolean };
  providerId: string | null;
  upcoming: { items: { id: string }[]; nextCursor: string | null } | null;
};

describe('whoever is off-boarded', () => {
  test('ASVS 7.4.5: is signed in nowhere from the next request on, and has no role', async () => {
    const owner = await aSecuredOwner(t);
    const desk = await aColleague(owner, { role: 'front-desk' });
    const other = await desk.signIn();
    expect((await desk.signedIn.send('GET', '/v1/patients')).status).toBe(200);
    const left = await owner.signedIn.send<Left>('POST', `/v1/staff/${desk.staffId}/off-boarding`);
    expect([left.status, left.body]).toMatchObject([200, { staff: { isActive: false }, providerId: null, upcoming: null }]);
    for (const browser of [desk.signedIn, other]) expect((await browser.send('GET', '/v1/session')).status).toBe(401);
    const again = await aBrowser(owner.app).send('POST', '/v1/session', { email: desk.email, password: PASSWORD });
    expect(refused(again)).toEqual([401, 'wrong-credentials']);
    for (const table of ['staff_role', 'staff_session'])
      expect(await t.look(`SELECT FROM ${table} WHERE staff_id = $1`, [desk.staffId])).toEqual([]);
    const log = await t.look<{ table_name: string }>(
      `SELECT table_name FROM audit_log WHERE actor_id = $1 AND action = 'staff.off-board' ORDER BY table_name`,
      [owner.staffId],
    );
    expect(log.map(({ table_name }) => table_name)).toEqual(['staff', 'staff_role', 'staff_session', 'staff_session']);
  });

  test('gives nothing away with a request that had begun', async () => {
    const owner = await aSecuredOwner(t);
    const manager = await aColleague(owner, { role: 'manager' });
    const answers = await oneAfterTheOther(t, owner.organizationId, [
      () => owner.signedIn.send('POST', `/v1/staff/${manager.staffId}/off-boarding`),
      () => manager.signedIn.send('POST', '/v1/role-assignments', { staffId: owner.staffId, role: 'biller' }),
    ]);
    expect(answers.map(({ status }) => status)).toEqual([200, 403]);
  });

  test('is not signed in by a proof that was right just before', async () => {
    const owner = await aSecuredOwner(t);
    const desk = await aColleague(owner, { role: 'front-desk' });
    // Signing in and leaving at once, in whichever order: nobody is in afterwards, not even when they come back.
    const [late = aBrowser(owner.app)] = await Promise.all([
      desk.signIn().catch(() => undefined),
      owner.signedIn.send('POST', `/v1/staff/${desk.staffId}/off-boarding`),
    ]);
    expect((await late.send('GET', '/v1/session')).status).toBe(401);
    expect((await owner.signedIn.send('POST', `/v1/staff/${desk.staffId}/reinstatement`)).status).toBe(200);
    expect((await late.send('GET', '/v1/session')).status).toBe(401);
  });

  test('comes back without a role, and with the passkey that they had', async () => {
    const owner = await aSecuredOwner(t);
    const desk = await aColleague(owner, { role: 'front-desk' });
    await owner.signedIn.send('POST', `/v1/staff/${desk.staffId}/off-boarding`);
    const back = await owner.signedIn.send('POST', `/v1/staff/${desk.staffId}/reinstatement`);
    expect([back.status, back.body]).toMatchObject([200, { isActive: true }]);
    const again = await desk.signIn();
    expect((await again.send('GET', '/v1/session')).body.roles).toEqual([]);
    expect(refused(await again.send('GET', '/v1/patients'))).toEqual([403, 'not-permitted']);
  });

  test('may do no more than whoever ends it', async () => {
    const owner = await aSecuredOwner(t);
    const [manager, nurse, desk] = [
      await aColleague(owner, { role: 'manager' }),
      await aColleague(owner, { role: 'provider' }),
      await aColleague(owner, { role: 'front-desk' }),
    ];
    for (const { staffId } of [owner, nurse])
      expect(refused(await manager.signedIn.send('POST', `/v1/staff/${staffId}/off-boarding`))).toEqual([403, 'beyond-own-access']);
    expect((await manager.signedIn.send('POST', `/v1/staff/${desk.staffId}/off-boarding`)).status).toBe(200);
    expect((await nurse.signedIn.send('GET', '/v1/session')).status).toBe(200);
  });
});

describe('the visits of whoever leaves', () => {
  async function clinicWithVisits() {
    const desk = await openDesk(t);
    const [soon, later, cancelled] = [
      await desk.booked('2026-03-03T15:00:00Z'),
      await desk.booked('2026-03-05T15:00:00Z'),
      await desk.booked('2026-03-04T15:00:00Z'),
    ];
    await desk.cancel(cancelled);
    const { body } = await desk.app.get<{ staffId: string }>(`/v1/providers/${desk.clinic.providerId}`);
    return { desk, soon, later, staffId: body.staffId };
  }

  test('are named, the next one first, without those that are over, and stay to be asked for', async () => {
    const { desk, soon, later, staffId } = await clinicWithVisits();
    const { body, headers } = await desk.app.send<Left>('POST', `/v1/staff/${staffId}/off-boarding`);
    expect(body).toMatchObject({ providerId: desk.clinic.providerId, upcoming: { nextCursor: null } });
    expect(body.upcoming?.items.map(({ id }) => id)).toEqual([soon.id, later.id]);
    const seen = await t.look<{ patient_ids: string[] }>('SELECT patient_ids FROM access_log WHERE request_id = $1', [
      headers.get('x-request-id'),
    ]);
    expect(seen).toEqual([{ patient_ids: [desk.patientId] }]);
    const list = (at: typeof desk, query = '') =>
      at.app.get<NonNullable<Left['upcoming']>>(`/v1/providers/${desk.clinic.providerId}/appointments${query}`);
    expect((await list(desk)).body.items.map(({ id }) => id)).toEqual([soon.id, later.id]);
    expect((await list(desk, `?limit=1`)).body).toMatchObject({ items: [{ id: soon.id }], nextCursor: soon.id });
    expect((await list(desk, `?cursor=${soon.id}`)).body.items.map(({ id }) => id)).toEqual([later.id]);
    // Given to a colleague, it is theirs.
    const { providerId } = await arrange(t.database, desk.clinic, (tx) => aProvider(tx, desk.clinic));
    const moved = await desk.move(soon, '2026-03-03T15:00:00Z', { assignments: [{ id: soon.services[0]?.id, providerId }] });
    expect(moved.status, moved.text).toBe(200);
    expect((await list(desk)).body.items.map(({ id }) => id)).toEqual([later.id]);
    expect((await list(desk.at('2026-03-05T15:31:00Z'))).body.items).toEqual([]);
  });

  test('are not told to whoever may not read visits', async () => {
    const { desk, staffId } = await clinicWithVisits();
    const app = testApp(t.database, { as: { ...desk.clinic, permissions: ['access:write'] }, now: () => NOW });
    expect((await app.send<Left>('POST', `/v1/staff/${staffId}/off-boarding`)).body).toMatchObject({ providerId: null, upcoming: null });
  });
});

test('I4: a session of somebody who left is none, though its row were there', async () => {
  const owner = await aSecuredOwner(t);
  const desk = await aColleague(owner, { role: 'front-desk' });
  const { organizationId } = owner;
  await t.database.withTransaction(sessionIn(organizationId, owner.staffId), (tx) =>
    tx.staff.updateMany({ where: { organizationId, id: desk.staffId }, data: { isActive: false, version: { increment: 1 } } }),
  );
  expect((await desk.signedIn.send('GET', '/v1/session')).status).toBe(401);
});
