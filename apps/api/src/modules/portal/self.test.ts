import type { PortalMessage, PortalProfile, PortalVisit, ProblemDocument } from '@medspa/contracts';
import { createTestDatabase, footprintOf, NOW, type TestDatabase } from '@medspa/testing';
import { v7 as newId } from 'uuid';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { aSignedInOwner, type Browser } from '../../../test/browser.ts';
import { minutesLater, queue, runDue, startPost, type Post } from '../../../test/messages.ts';
import { openPortal, type Portal } from '../../../test/portal.ts';
import { PORTAL_OPERATIONS } from '../../../test/requests.ts';
import { deskOf } from '../../../test/visits.ts';
import type { Call } from '../../platform/documentation/openapi.ts';

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

type Page<Item> = { items: Item[]; nextCursor: string | null };

/** A visit of the patient, as the desk books it. */
async function aVisit(patientId: string, startsAt = '2026-03-03T15:00:00Z') {
  const clinic = { ...portal.clinic, providerIds: [portal.clinic.providerId] };
  return deskOf(t, clinic, patientId, () => portal.clock.now).booked(startsAt);
}

describe('a patient reads', () => {
  test('who they are and how they are reached, and nothing that staff note for each other', async () => {
    const { id, email, phone, browser } = await portal.aSignedInPatient({ note: 'Difficult.', birthDate: '1980-05-01' });
    const { body } = await browser.send<PortalProfile>('GET', `/v1/portal/patients/${id}`);
    expect(body).toMatchObject({ id, email, phone, birthDate: '1980-05-01', version: 1 });
    expect(Object.keys(body).toSorted()).toEqual(
      'address,birthDate,email,familyName,givenName,id,phone,preferredName,pronouns,timeZone,version'.split(','),
    );
  });

  test('their visits, by the names of places and people, page by page', async () => {
    const { id, browser } = await portal.aSignedInPatient();
    const visits = [await aVisit(id), await aVisit(id, '2026-03-04T15:00:00Z'), await aVisit(id, '2026-03-05T15:00:00Z')];
    await aVisit((await portal.aPatient()).id, '2026-03-06T15:00:00Z');
    const path = `/v1/portal/patients/${id}/appointments`;
    const first = (await browser.send<Page<PortalVisit>>('GET', `${path}?limit=2`)).body;
    const rest = (await browser.send<Page<PortalVisit>>('GET', `${path}?cursor=${first.nextCursor}`)).body;
    expect([...first.items, ...rest.items].map((visit) => visit.id)).toEqual(visits.map((visit) => visit.id).toReversed());
    const { body } = await browser.send<PortalVisit>('GET', `${path}/${visits[0]?.id}`);
    expect(body).toEqual({
      id: visits[0]?.id,
      status: 'booked',
      startsAt: '2026-03-03T15:00:00.000Z',
      endsAt: '2026-03-03T15:30:00.000Z',
      locationName: 'Main Street',
      locationAddress: '',
      timeZone: 'America/New_York',
      services: [
        { serviceName: 'Toxin', providerName: 'Pat Provider', startsAt: '2026-03-03T15:00:00.000Z', endsAt: '2026-03-03T15:30:00.000Z' },
      ],
    });
  });

  test('what they were written, and no codes', async () => {
    const { id, email, browser } = await portal.aSignedInPatient();
    const words = { kind: 'appointment.reminder', channel: 'email', title: 'Soon', body: 'See you.' };
    await portal.desk.send('POST', '/v1/message-templates', words);
    await queue(t, portal.clinic, id);
    await queue(t, portal.clinic, id, { sendAfter: minutesLater(60) });
    await runDue(t, portal.clinic.organizationId, post, NOW);
    const { body } = await browser.send<Page<PortalMessage>>('GET', `/v1/portal/patients/${id}/messages`);
    expect(body.items).toMatchObject([{ kind: 'appointment.reminder', channel: 'email', title: 'Soon', body: 'See you.' }]);
    expect(JSON.stringify(body)).not.toContain(email);
  });

  test('HIP-6: and each read is in the access log, under them', async () => {
    const { id, browser } = await portal.aSignedInPatient();
    const visit = await aVisit(id);
    const paths = ['', '/appointments', `/appointments/${visit.id}`, '/messages'];
    for (const path of paths) {
      const { headers, status } = await browser.send('GET', `/v1/portal/patients/${id}${path}`);
      const rows = await t.look(`SELECT actor_kind, actor_id, patient_ids, reason FROM access_log WHERE request_id = $1`, [
        headers.get('x-request-id'),
      ]);
      expect([path, status, rows]).toEqual([path, 200, [{ actor_kind: 'patient', actor_id: id, patient_ids: [id], reason: null }]]);
    }
  });
});

describe('a patient changes', () => {
  test('how they are reached and called, and nothing else, with the version that they read', async () => {
    const { id, browser } = await portal.aSignedInPatient();
    const change = (body: object) => browser.send<PortalProfile & ProblemDocument>('PATCH', `/v1/portal/patients/${id}`, body);
    const changes = {
      preferredName: 'Polly',
      pronouns: 'she/her',
      phone: '(212) 555-9876',
      email: 'polly@new.example',
      timeZone: 'America/Chicago',
      address: { city: 'Portland' },
    };
    const { status, body } = await change({ ...changes, version: 1 });
    expect([status, body]).toMatchObject([200, { ...changes, phone: '+12125559876', version: 2 }]);
    const stale = await change({ pronouns: 'they/them', version: 1 });
    expect([stale.status, stale.body.slug, stale.body.version]).toEqual([409, 'stale-version', 2]);
    for (const key of ['givenName', 'familyName', 'birthDate', 'note', 'isActive', 'deceasedOn', 'mergedIntoId']) {
      const refused = await change({ [key]: 'x', version: 2 });
      expect([key, refused.status, refused.body.errors?.[0]?.pointer]).toEqual([key, 400, `/${key}`]);
    }
    const log = await t.look(`SELECT actor_kind, actor_id FROM audit_log WHERE action = 'portal.update-profile' AND row_id = $1`, [id]);
    expect(log).toEqual([{ actor_kind: 'patient', actor_id: id }]);
    // From now on codes go there.
    await portal.signIn('polly@new.example');
  });
});

describe('whoever is somebody else', () => {
  /** A valid request of each operation of a patient. */
  function requestOf(call: Call, ids: { patientId: string; appointmentId: string; sessionId: string }) {
    const path = call.path
      .replace('/sessions/{id}', `/sessions/${ids.sessionId}`)
      .replace('/passkeys/{id}', `/passkeys/${ids.sessionId}`)
      .replace('{id}', ids.patientId)
      .replace('{appointmentId}', ids.appointmentId);
    return { method: call.method.toUpperCase(), path, body: call.method === 'patch' ? { pronouns: 'she/her', version: 1 } : undefined };
  }
  const own = [...PORTAL_OPERATIONS].filter(([, call]) => call['x-permission'] !== 'account:sign-in');
  const send = (browser: Browser, { method, path, body }: ReturnType<typeof requestOf>) =>
    browser.send<ProblemDocument>(method, path, body);

  async function aSide(startsAt?: string) {
    const patient = await portal.aPatient();
    const browser = await portal.signIn(patient.email);
    const { body } = await browser.send('GET', '/v1/portal/session');
    return {
      browser,
      ids: { patientId: patient.id, appointmentId: (await aVisit(patient.id, startsAt)).id, sessionId: body.session?.id ?? '' },
    };
  }

  test('is meant by four open operations and fourteen of patients alone', () => {
    expect([PORTAL_OPERATIONS.size, own.length]).toEqual([18, 14]);
    for (const [, call] of own) expect(call['x-permission']).toMatch(/^self:(read|write|secure)$/);
  });

  test.each(own)('gets 401 without a session and as staff, and nothing is written: %s', async (_, call) => {
    const { ids } = await aSide();
    const owner = await aSignedInOwner(t);
    const before = await footprintOf(t);
    for (const browser of [portal.browser(), owner.signedIn]) {
      const { status, body } = await send(browser, requestOf(call, ids));
      expect([status, body.slug]).toEqual([401, 'not-authenticated']);
    }
    // As staff by the harness, who hold every permission: the door of the portal knows patients alone.
    expect((await portal.desk.send(call.method.toUpperCase(), requestOf(call, ids).path)).status).toBe(401);
    expect(await footprintOf(t)).toEqual(before);
  });

  const naming = own.filter(([, { path }]) => path.includes('{'));

  test.each(naming)('gets the same 404 as for nobody, in the clinic and out of it, and nothing is written: %s', async (_, call) => {
    const mine = await aSide();
    const elsewhere = await openPortal(t, post);
    const stranger = await elsewhere.aPatient();
    const other = await aSide('2026-03-04T15:00:00Z');
    const before = await footprintOf(t);
    const bare = ({ text, headers }: { text: string; headers: Headers }) => [
      text.replace(/"requestId":"[^"]+"/, ''),
      [...headers].filter(([name]) => name !== 'x-request-id'),
    ];
    const nobody = { patientId: newId(), appointmentId: newId(), sessionId: newId() };
    const none = await send(mine.browser, requestOf(call, nobody));
    expect([none.status, none.body.slug]).toEqual([404, 'not-found']);
    const others = [other.ids, { ...other.ids, patientId: stranger.id }, { ...other.ids, patientId: newId() }];
    if (call.path.includes('{appointmentId}')) others.push({ ...other.ids, patientId: mine.ids.patientId });
    for (const ids of others) expect(bare(await send(mine.browser, requestOf(call, ids)))).toEqual(bare(none));
    expect(await footprintOf(t)).toEqual(before);
  });
});
