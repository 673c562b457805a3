import type { PatientProxy, PortalProfile, ProblemDocument, SignedInPatient } from '@medspa/contracts';
import { aPatient, createTestDatabase, type TestDatabase } from '@medspa/testing';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import type { Browser } from '../../../test/browser.ts';
import { startPost, type Post } from '../../../test/messages.ts';
import { openPortal, type Portal } from '../../../test/portal.ts';

let t: TestDatabase;
let post: Post;
let portal: Portal;
beforeAll(async () => {
  t = await createTestDatabase();
  post = await startPost();
});
beforeEach(async () => {
  portal = await openPortal(t, post);
});
afterAll(async () => {
  await post.stop();
  await t.drop();
});

const MINOR = '2012-06-01';
const ADULT = '1950-06-01';

/** A parent who is signed in, and somebody whom they are something to. */
async function family({ birthDate = MINOR, kind = 'parent', ...changes }: { birthDate?: string | null; kind?: string; email?: null } = {}) {
  const parent = await portal.aPatient();
  const child = await portal.aPatient({ birthDate, email: null, ...changes });
  await portal.desk.send('POST', `/v1/patients/${child.id}/relations`, { relatedId: parent.id, kind });
  return { parent, child };
}
const grant = (patientId: string, body: object) =>
  portal.desk.send<PatientProxy & ProblemDocument>('POST', `/v1/patients/${patientId}/proxies`, body);
const actsFor = async (browser: Browser) =>
  (await browser.send<SignedInPatient>('GET', '/v1/portal/session')).body.actsFor.map(({ id }) => id);
const profile = (browser: Browser, id: string) => browser.send<PortalProfile & ProblemDocument>('GET', `/v1/portal/patients/${id}`);

describe('staff let somebody act for a patient', () => {
  test('a parent or guardian for a minor, said from either side, and a sibling not', async () => {
    for (const [kind, status] of [
      ['parent', 201],
      ['guardian', 201],
      ['sibling', 422],
      ['child', 422],
    ] as const) {
      const { parent, child } = await family({ kind });
      const answer = await grant(child.id, { proxyId: parent.id });
      expect([kind, answer.status, answer.body.slug]).toEqual([kind, status, status === 201 ? undefined : 'not-related']);
    }
    const [parent, child] = [await portal.aPatient(), await portal.aPatient({ birthDate: MINOR })];
    expect((await grant(child.id, { proxyId: parent.id })).body.slug).toBe('not-related');
    await portal.desk.send('POST', `/v1/patients/${parent.id}/relations`, { relatedId: child.id, kind: 'ward' });
    const { status, body } = await grant(child.id, { proxyId: parent.id });
    expect([status, body]).toMatchObject([201, { proxyId: parent.id, basis: 'minor', endsAt: null, revokedAt: null }]);
  });

  test('for somebody of age with their consent for a time, for nobody whose birth date is not known, and none for themselves', async () => {
    const { parent, child } = await family({ birthDate: ADULT, kind: 'caregiver' });
    const without = await grant(child.id, { proxyId: parent.id });
    expect([without.status, without.body.slug, without.body.errors?.[0]?.pointer]).toEqual([422, 'end-required', '/endsAt']);
    const past = await grant(child.id, { proxyId: parent.id, endsAt: '2020-01-01T00:00:00Z' });
    expect([past.status, past.body.slug, past.body.errors?.[0]?.pointer]).toEqual([422, 'rule-violated', '/endsAt']);
    const { body } = await grant(child.id, { proxyId: parent.id, endsAt: '2026-04-01T00:00:00Z' });
    expect(body).toMatchObject({ basis: 'consent', endsAt: '2026-04-01T00:00:00.000Z' });
    const unknown = await family({ birthDate: null });
    expect((await grant(unknown.child.id, { proxyId: unknown.parent.id })).body.slug).toBe('birth-date-missing');
    expect((await grant(child.id, { proxyId: child.id, endsAt: '2026-04-01T00:00:00Z' })).body.slug).toBe('not-related');
  });

  test('once for each two at a time, also when several do at once, and each grant stays on record', async () => {
    const { parent, child } = await family();
    const answers = await Promise.all(Array.from({ length: 6 }, () => grant(child.id, { proxyId: parent.id })));
    expect(answers.map(({ status }) => status).filter((status) => status !== 201 && status !== 409)).toEqual([]);
    const open = await t.look('SELECT FROM patient_proxy WHERE patient_id = $1 AND revoked_at IS NULL', [child.id]);
    expect(open).toHaveLength(1);
    const { body } = await portal.desk.get<{ items: PatientProxy[] }>(`/v1/patients/${child.id}/proxies`);
    expect(body.items).toHaveLength(answers.filter(({ status }) => status === 201).length);
    const gone = portal.desk.send('DELETE', `/v1/patients/${child.id}/proxies/${parent.id}`);
    expect((await gone).status).toBe(200);
    expect((await portal.desk.send('DELETE', `/v1/patients/${child.id}/proxies/${parent.id}`)).status).toBe(404);
  });
});

describe('whoever stands in for a patient', () => {
  test('sees and changes what is theirs, and nobody else: not a child whom they were not given', async () => {
    const { parent, child } = await family();
    const sibling = await portal.aPatient({ birthDate: MINOR });
    await portal.desk.send('POST', `/v1/patients/${sibling.id}/relations`, { relatedId: parent.id, kind: 'parent' });
    await grant(child.id, { proxyId: parent.id });
    const browser = await portal.signIn(parent.email);
    expect(await actsFor(browser)).toEqual([child.id]);
    expect((await profile(browser, child.id)).body).toMatchObject({ id: child.id, birthDate: MINOR });
    expect((await profile(browser, parent.id)).body).toMatchObject({ id: parent.id });
    expect((await profile(browser, sibling.id)).status).toBe(404);
    const change = await browser.send('PATCH', `/v1/portal/patients/${child.id}`, { preferredName: 'Mimi', version: 1 });
    expect(change.status).toBe(200);
    for (const path of ['appointments', 'messages']) {
      expect((await browser.send('GET', `/v1/portal/patients/${child.id}/${path}`)).status).toBe(200);
      expect((await browser.send('GET', `/v1/portal/patients/${sibling.id}/${path}`)).status).toBe(404);
    }
  });

  test('does not change where codes go: they could sign in as the patient, and beyond their time', async () => {
    const { parent, child } = await family();
    await grant(child.id, { proxyId: parent.id });
    const browser = await portal.signIn(parent.email);
    for (const change of [{ email: parent.email }, { phone: '+12125550199' }, { email: null }]) {
      const { status, body } = await browser.send('PATCH', `/v1/portal/patients/${child.id}`, { ...change, version: 1 });
      expect([status, body.slug]).toEqual([403, 'address-is-theirs']);
    }
  });

  test('HIP-6: is in every record beside the patient: in the audit log for a change, in the access log for a read', async () => {
    const { parent, child } = await family();
    await grant(child.id, { proxyId: parent.id });
    const browser = await portal.signIn(parent.email);
    const read = await profile(browser, child.id);
    const changed = await browser.send('PATCH', `/v1/portal/patients/${child.id}`, { pronouns: 'she/her', version: 1 });
    const both = { actor_kind: 'proxy', actor_id: parent.id, reason: `stands in for ${child.id}` };
    const of = (table: string, columns: string, { headers }: { headers: Headers }) =>
      t.look(`SELECT actor_kind, actor_id, reason, ${columns} FROM ${table} WHERE request_id = $1`, [headers.get('x-request-id')]);
    expect(await of('access_log', 'patient_ids', read)).toEqual([{ ...both, patient_ids: [child.id] }]);
    expect(await of('audit_log', 'row_id, table_name', changed)).toEqual([{ ...both, row_id: child.id, table_name: 'patient' }]);
    // The list of both shows both.
    const list = await browser.send('GET', '/v1/portal/session');
    expect(await of('access_log', 'patient_ids', list)).toEqual([
      {
        actor_kind: 'patient',
        actor_id: parent.id,
        reason: null,
        patient_ids: [parent.id, child.id],
      },
    ]);
    const accesses = await portal.desk.get<{ items: { actorKind: string; actorId: string }[] }>(`/v1/patients/${child.id}/accesses`);
    expect(accesses.body.items).toContainEqual(expect.objectContaining({ actorKind: 'proxy', actorId: parent.id }));
  });

  test('does so until the 18th birthday begins, in the middle of a session, and whatever end was given', async () => {
    for (const endsAt of [undefined, '2040-01-01T00:00:00Z']) {
      portal.clock.now = new Date('2026-03-02T12:00:00Z');
      const { parent, child } = await family({ birthDate: '2008-03-05' });
      await grant(child.id, { proxyId: parent.id, ...(endsAt ? { endsAt } : {}) });
      // Of New York, where the clinic is: five hours after it is the 5th in Greenwich.
      portal.clock.now = new Date('2026-03-05T04:59:00Z');
      const browser = await portal.signIn(parent.email);
      portal.clock.now = new Date('2026-03-05T04:59:59.999Z');
      expect([await actsFor(browser), (await profile(browser, child.id)).status]).toEqual([[child.id], 200]);
      portal.clock.now = new Date('2026-03-05T05:00:00Z');
      expect([await actsFor(browser), (await profile(browser, child.id)).status]).toEqual([[], 404]);
    }
  });

  test('follows a birth date that is put right, and has no ground without one', async () => {
    const { parent, child } = await family({ birthDate: '2008-02-29' });
    portal.clock.now = new Date('2026-02-27T12:00:00Z');
    await grant(child.id, { proxyId: parent.id });
    const browser = await portal.signIn(parent.email);
    const correct = (birthDate: string | null, version: number) =>
      portal.desk.send('PATCH', `/v1/patients/${child.id}`, { birthDate, version });
    expect(await actsFor(browser)).toEqual([child.id]);
    await correct('2008-02-27', 1);
    expect(await actsFor(browser)).toEqual([]);
    await correct('2010-02-27', 2);
    expect(await actsFor(browser)).toEqual([child.id]);
    await correct(null, 3);
    expect(await actsFor(browser)).toEqual([]);
  });

  test('is stored without a birthday: nothing in the row tells when a minor comes of age', async () => {
    const { parent, child } = await family({ birthDate: '2012-06-01' });
    await grant(child.id, { proxyId: parent.id });
    const [row] = await t.look<{ text: string }>('SELECT p::text AS text FROM patient_proxy p WHERE patient_id = $1', [child.id]);
    expect(row?.text).not.toMatch(/2030|-06-01|-05-31/);
  });

  test.each([
    ['it is revoked', ({ parent, child }: Family) => portal.desk.send('DELETE', `/v1/patients/${child.id}/proxies/${parent.id}`)],
    [
      'they are no longer related',
      ({ parent, child }: Family) => portal.desk.send('DELETE', `/v1/patients/${child.id}/relations/${parent.id}`),
    ],
    [
      'the patient is no longer active',
      ({ child }: Family) => portal.desk.send('PATCH', `/v1/patients/${child.id}`, { isActive: false, version: 1 }),
    ],
  ])('does so no longer, from the next request on, when %s', async (_, end) => {
    const found = await family();
    await grant(found.child.id, { proxyId: found.parent.id });
    const browser = await portal.signIn(found.parent.email);
    expect((await profile(browser, found.child.id)).status).toBe(200);
    expect((await end(found)).status).toBe(200);
    expect([await actsFor(browser), (await profile(browser, found.child.id)).status]).toEqual([[], 404]);
  });
  type Family = Awaited<ReturnType<typeof family>>;

  test('does so from its beginning until its end, where the patient is of age', async () => {
    const { parent, child } = await family({ birthDate: ADULT, kind: 'spouse' });
    await grant(child.id, { proxyId: parent.id, startsAt: '2026-03-02T13:00:00Z', endsAt: '2026-03-02T14:00:00Z' });
    const browser = await portal.signIn(parent.email);
    const at = async (time: string) => {
      portal.clock.now = new Date(`2026-03-02T${time}Z`);
      return actsFor(browser);
    };
    expect(await at('12:20:00')).toEqual([]);
    expect(await at('12:45:00')).toEqual([]);
    expect(await at('13:00:00')).toEqual([child.id]);
    expect(await at('13:29:00')).toEqual([child.id]);
    expect(await at('13:58:00')).toEqual([child.id]);
    expect(await at('14:00:00')).toEqual([]);
  });

  test('is nobody of another organization', async () => {
    const { child } = await family();
    const elsewhere = await openPortal(t, post);
    const stranger = await aPatient(t.database, elsewhere.clinic);
    const { status, body } = await grant(child.id, { proxyId: stranger });
    expect([status, body.slug, body.errors?.[0]?.pointer]).toEqual([404, 'not-found', '/proxyId']);
  });
});
