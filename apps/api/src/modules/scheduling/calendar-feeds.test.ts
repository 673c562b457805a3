import type { NewCalendarFeed, ProblemDocument } from '@medspa/contracts';
import { aClinic, arrange, createTestDatabase, eventually, NOW, type TestDatabase } from '@medspa/testing';
import { v7 as newId } from 'uuid';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { testApp, type TestApp } from '../../../test/harness.ts';
import { readCalendar } from '../../../test/icalendar.ts';
import { deskOf, type Desk } from '../../../test/visits.ts';
import { createLog } from '../../platform/log.ts';

let t: TestDatabase;
beforeAll(async () => {
  t = await createTestDatabase();
});
afterAll(() => t.drop());

const WHO = { givenName: 'Zenobia', familyName: 'Quxley', phone: '+12125550199', email: 'zenobia@example.com', note: 'Afraid of needles.' };

type Provider = { desk: Desk; staffId: string; own: TestApp; patientId: string };

/** A clinic with a visit to come, and its provider at their own account. */
async function aProviderAtWork(): Promise<Provider> {
  const clinic = await aClinic(t.database);
  const app = testApp(t.database, { as: clinic, now: () => NOW });
  const { id: patientId } = (await app.send<{ id: string }>('POST', '/v1/patients', WHO)).body;
  const { staffId } = (await app.get<{ staffId: string }>(`/v1/providers/${clinic.providerId}`)).body;
  const { status, text } = await app.send('POST', '/v1/role-assignments', { staffId, role: 'provider' });
  if (status !== 201) throw new Error(text);
  const as = { organizationId: clinic.organizationId, actorId: staffId, role: 'provider' as const };
  return { desk: deskOf(t, clinic, patientId, () => NOW), staffId, own: testApp(t.database, { as, now: () => NOW }), patientId };
}

const make = ({ own }: Provider) => own.send<NewCalendarFeed & ProblemDocument>('POST', '/v1/calendar-feeds', { name: 'Phone' });
const pathOf = (url: string) => new URL(url).pathname;

/** What a calendar app is answered, who sends nothing along. */
async function fetchFeed(url: string, now = NOW) {
  return testApp(t.database, { as: null, now: () => now }).get<ProblemDocument>(pathOf(url));
}
const entriesAt = async (url: string, now = NOW) => readCalendar((await fetchFeed(url, now)).text).events;

describe('4.8: the feed of a provider', () => {
  test('holds initials and service alone: no name, phone, e-mail or note', async () => {
    const provider = await aProviderAtWork();
    const visit = await provider.desk.booked('2026-03-03T15:00:00Z', { note: 'Wants her daughter there.' });
    const { status, body } = await make(provider);
    expect(status).toBe(201);
    const { status: answered, headers, text } = await fetchFeed(body.url);
    expect([answered, headers.get('content-type'), headers.get('cache-control')]).toEqual([
      200,
      'text/calendar; charset=utf-8',
      'no-store',
    ]);
    const { properties, events } = readCalendar(text);
    expect(events.map((event) => [event.get('UID'), event.get('SUMMARY'), event.get('DTSTART'), event.get('DTEND')])).toEqual([
      [visit.services[0]?.id, expect.stringMatching(/^ZQ \S/), '20260303T150000Z', '20260303T153000Z'],
    ]);
    expect([...properties.keys()]).toEqual([
      'VERSION',
      'PRODID',
      'CALSCALE',
      'NAME',
      'X-WR-CALNAME',
      'REFRESH-INTERVAL',
      'X-PUBLISHED-TTL',
    ]);
    for (const canary of [...Object.values(WHO), 'daughter', '555', 'needle', provider.patientId, visit.id])
      expect(text.toLowerCase(), canary).not.toContain(canary.toLowerCase());
  });

  test('keeps the id of a visit that is moved, raises its sequence, and leaves out what is cancelled or missed', async () => {
    const provider = await aProviderAtWork();
    const { desk } = provider;
    const { url } = (await make(provider)).body;
    const visit = await desk.booked('2026-03-03T15:00:00Z');
    const [before] = await entriesAt(url);
    const later = desk.at('2026-03-02T13:00:00Z');
    const moved = (await later.move(visit, '2026-03-04T16:00:00Z')).body;
    const [after] = await entriesAt(url);
    const facts = (event?: Map<string, string>) => ['UID', 'SEQUENCE', 'DTSTAMP', 'DTSTART'].map((name) => event?.get(name));
    const uid = before?.get('UID');
    expect(facts(before)).toEqual([uid, '0', '20260302T120000Z', '20260303T150000Z']);
    expect(facts(after)).toEqual([uid, '1', '20260302T130000Z', '20260304T160000Z']);
    await desk.cancel(moved);
    expect(await entriesAt(url)).toEqual([]);
    const missed = await desk.booked('2026-03-03T15:00:00Z');
    const during = '2026-03-03T15:20:00Z';
    expect(await entriesAt(url, new Date(during))).toHaveLength(1);
    await desk.at(during).step(missed, 'mark-no-show');
    expect(await entriesAt(url, new Date(during))).toEqual([]);
  });

  test('reaches thirty days ahead and is about its provider alone', async () => {
    const provider = await aProviderAtWork();
    const { desk } = provider;
    const { url } = (await make(provider)).body;
    const [soon, far] = [await desk.booked('2026-03-31T15:00:00Z'), await desk.booked('2026-04-02T15:00:00Z')];
    const other = await aProviderAtWork();
    await other.desk.booked('2026-03-03T15:00:00Z');
    expect((await entriesAt(url)).map((event) => event.get('UID'))).toEqual([soon.services[0]?.id]);
    expect((await entriesAt(url, new Date('2026-03-31T20:00:00Z'))).map((event) => event.get('UID'))).toEqual(
      [soon, far].map(({ services }) => services[0]?.id),
    );
  });

  test('is read in the name of the provider, which is recorded of each patient that it shows', async () => {
    const provider = await aProviderAtWork();
    await provider.desk.booked('2026-03-03T15:00:00Z');
    await provider.desk.booked('2026-03-04T15:00:00Z');
    const { url } = (await make(provider)).body;
    const { headers } = await fetchFeed(url);
    const seen = await t.look('SELECT actor_kind, actor_id, action, patient_ids FROM access_log WHERE request_id = $1', [
      headers.get('x-request-id'),
    ]);
    expect(seen).toEqual([
      { actor_kind: 'staff', actor_id: provider.staffId, action: 'calendar-feed.read', patient_ids: [provider.patientId] },
    ]);
  });

  test('shows its address once: the database has a hash of it, and no log line and no metric names it', async () => {
    const provider = await aProviderAtWork();
    const { url, id } = (await make(provider)).body;
    const token = /\.([\w-]{43})\.ics$/.exec(url)?.[1] ?? '';
    expect(Buffer.from(token, 'base64url')).toHaveLength(32);
    const [row] = await t.look<Record<string, unknown>>('SELECT f::text AS whole FROM calendar_feed f WHERE id = $1', [id]);
    expect(String(row?.['whole'])).not.toContain(token);
    expect((await provider.own.get('/v1/calendar-feeds')).text).not.toContain(token);
    const lines: string[] = [];
    const log = createLog('debug', { write: (line) => void lines.push(line) });
    const app = testApp(t.database, { as: null, now: () => NOW, log });
    for (const path of [pathOf(url), pathOf(url).replace(token, `${token.slice(0, -4)}AAAA`)]) await app.get(path);
    const told = lines.join('') + (await app.metrics.render()).text;
    expect(told).toContain('/feeds/:address');
    expect(told).not.toContain(token.slice(0, 30));
  });
});

describe('an address opens nothing, and is answered like one that never was,', () => {
  const endings: [when: string, what: (provider: Provider, id: string) => Promise<{ status: number; text: string }>][] = [
    ['when it is revoked', ({ own }, id) => own.send('DELETE', `/v1/calendar-feeds/${id}`)],
    ['when its person has left', ({ desk, staffId }) => desk.app.send('POST', `/v1/staff/${staffId}/off-boarding`)],
    [
      'when they are no provider any more',
      ({ desk }) => desk.app.send('PATCH', `/v1/providers/${desk.clinic.providerId}`, { isActive: false, version: 1 }),
    ],
    [
      'when they may not read appointments any more',
      async ({ desk, staffId }) => {
        const [role] = await t.look<{ id: string }>('SELECT id FROM staff_role WHERE staff_id = $1', [staffId]);
        return desk.app.send('DELETE', `/v1/role-assignments/${role?.id}`);
      },
    ],
  ];

  test.each(endings)('%s', async (_, what) => {
    const provider = await aProviderAtWork();
    await provider.desk.booked('2026-03-03T15:00:00Z');
    const { url, id } = (await make(provider)).body;
    expect(await entriesAt(url)).toHaveLength(1);
    const { status, text } = await what(provider, id);
    expect(status, text).toBe(200);
    const { organizationId } = provider.desk.clinic;
    const never = `/feeds/${organizationId}.${'A'.repeat(43)}.ics`;
    const elsewhere = pathOf(url).replace(organizationId, newId());
    const facts = async (path: string) => {
      const answer = await fetchFeed(`http://x${path}`);
      const told = [...answer.headers].filter(([name]) => name !== 'x-request-id');
      return [answer.status, answer.body.slug, told, answer.text.replace(/"requestId":"[^"]+"/, '')];
    };
    const [known, ...others] = [
      await facts(pathOf(url)),
      await facts(never),
      await facts(elsewhere),
      await facts('/feeds/nothing.ics'),
      await facts(pathOf(url).replace('.ics', '')),
    ];
    expect(known?.slice(0, 2)).toEqual([404, 'not-found']);
    for (const other of others) expect(other).toEqual(known);
  });

  test.each(endings.filter(([when]) => /left|no provider/.test(when)))('also after they came back, %s', async (_, what) => {
    const provider = await aProviderAtWork();
    const { desk, staffId, own } = provider;
    const { url, id } = (await make(provider)).body;
    await what(provider, id);
    await desk.app.send('POST', `/v1/staff/${staffId}/reinstatement`);
    await desk.app.send('POST', '/v1/role-assignments', { staffId, role: 'provider' });
    const back = await desk.app.send('PATCH', `/v1/providers/${desk.clinic.providerId}`, { isActive: true, version: 2 });
    expect(back.status, back.text).toBe(200);
    expect((await fetchFeed(url)).status).toBe(404);
    expect((await own.get<{ items: object[] }>('/v1/calendar-feeds')).body.items).toMatchObject([{ id, revokedAt: NOW.toISOString() }]);
    expect((await fetchFeed((await make(provider)).body.url)).status).toBe(200);
  });
});

describe('feeds', () => {
  test('are made by whoever is a provider who takes bookings, and by nobody else', async () => {
    const clinic = await aClinic(t.database);
    const nobody = testApp(t.database, { as: clinic, now: () => NOW });
    const refused = await nobody.send<ProblemDocument>('POST', '/v1/calendar-feeds', { name: 'Phone' });
    expect([refused.status, refused.body.slug]).toEqual([409, 'not-a-provider']);
    const provider = await aProviderAtWork();
    await provider.desk.app.send('PATCH', `/v1/providers/${provider.desk.clinic.providerId}`, { isActive: false, version: 1 });
    expect((await make(provider)).body.slug).toBe('not-a-provider');
    expect(await t.look('SELECT FROM calendar_feed WHERE organization_id = $1', [provider.desk.clinic.organizationId])).toEqual([]);
  });

  test("are one's own: a colleague neither sees nor ends them", async () => {
    const provider = await aProviderAtWork();
    const { id, url } = (await make(provider)).body;
    const colleague = provider.desk.app;
    expect((await colleague.get<{ items: object[] }>('/v1/calendar-feeds')).body.items).toEqual([]);
    expect((await colleague.send('DELETE', `/v1/calendar-feeds/${id}`)).status).toBe(404);
    expect((await fetchFeed(url)).status).toBe(200);
  });

  test('wait for whoever is just ending their provider, and are not made then', async () => {
    const provider = await aProviderAtWork();
    const { clinic } = provider.desk;
    const { making } = await arrange(t.database, clinic, async (tx) => {
      const where = { organizationId: clinic.organizationId, id: clinic.providerId };
      await tx.provider.updateMany({ where, data: { isActive: false, version: { increment: 1 } } });
      const begun = { making: make(provider) };
      const waiting = `SELECT FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'`;
      await eventually('it waits', async () => (await t.look(waiting)).length > 0);
      return begun;
    });
    expect((await making).body.slug).toBe('not-a-provider');
  });

  test('show a visit only where their provider may read appointments', async () => {
    const provider = await aProviderAtWork();
    const { desk, staffId } = provider;
    await desk.booked('2026-03-03T15:00:00Z');
    const { url } = (await make(provider)).body;
    const branch = { legalEntityId: desk.clinic.legalEntityId, name: 'Elsewhere', timeZone: 'America/Chicago' };
    const { body } = await desk.app.send<{ id: string }>('POST', '/v1/locations', branch);
    await arrange(t.database, desk.clinic, async (tx) => {
      await tx.staffRole.deleteMany({ where: { organizationId: desk.clinic.organizationId, staffId } });
      await tx.staffRole.create({ data: { organizationId: desk.clinic.organizationId, staffId, role: 'provider', locationId: body.id } });
    });
    expect(await entriesAt(url)).toEqual([]);
  });
});
