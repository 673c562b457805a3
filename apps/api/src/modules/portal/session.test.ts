import { createHash } from 'node:crypto';
import type { PatientSession, SignedInPatient } from '@medspa/contracts';
import { arrange, createTestDatabase, type TestDatabase } from '@medspa/testing';
import { v7 as newId } from 'uuid';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { aBrowser, type Browser } from '../../../test/browser.ts';
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

const tokenOf = ({ cookie }: Browser) => cookie?.split('.')[1] ?? '';
const look = async (browser: Browser) => (await browser.send('GET', '/v1/portal/session')).status;

describe('AUT-6: a session of a patient', () => {
  test('7.2.3: has a token of 256 bits that the database knows only by its hash', async () => {
    const { id, browser } = await portal.aSignedInPatient();
    const token = tokenOf(browser);
    expect(Buffer.from(token, 'base64url')).toHaveLength(32);
    const [row] = await t.look<{ stored: string }>(
      `SELECT string_agg(s::text, ' ') || (SELECT string_agg(a::text, ' ') FROM audit_log a) AS stored FROM patient_session s WHERE patient_id = $1`,
      [id],
    );
    expect(row?.stored).toContain(createHash('sha256').update(token).digest('hex'));
    for (const form of [token, Buffer.from(token, 'base64url').toString('hex')]) expect(row?.stored).not.toContain(form);
  });

  test('7.2.4: is new with each sign-in, and the one that the browser had ends', async () => {
    const { email, browser } = await portal.aSignedInPatient();
    const old = browser.cookie;
    const { body } = await portal.ask(email);
    await portal.deliver();
    expect((await portal.enter(body.id, portal.read(email).code, {}, browser)).status).toBe(201);
    expect(browser.cookie).not.toBe(old);
    const [now, then] = [await look(browser), await look({ ...aBrowser(portal.desk), cookie: old })];
    expect([now, then]).toEqual([200, 401]);
  });

  test('HIP-4, 7.3.1, 7.3.2: ends thirty minutes after its last use, and a day after it began', async () => {
    const { browser } = await portal.aSignedInPatient();
    portal.pass(29.9);
    expect(await look(browser)).toBe(200);
    portal.pass(29.9);
    expect(await look(browser)).toBe(200);
    portal.pass(30);
    expect(await look(browser)).toBe(401);

    const { browser: busy } = await portal.aSignedInPatient();
    for (let minutes = 20; minutes < 1_440; minutes += 20) {
      portal.pass(20);
      expect(await look(busy), `${minutes} min`).toBe(200);
    }
    portal.pass(20);
    expect(await look(busy)).toBe(401);
  });

  test('that is altered, of another organization, or given twice is none', async () => {
    const { browser } = await portal.aSignedInPatient();
    const elsewhere = await openPortal(t, post);
    const cookie = browser.cookie ?? '';
    for (const forged of [
      cookie.slice(0, -2) + (cookie.endsWith('A') ? 'BB' : 'AA'),
      cookie.replace(portal.clinic.organizationId, elsewhere.clinic.organizationId),
      `${cookie}; ${cookie}`,
      cookie.replace('__Host-', ''),
      '__Host-patient-session=',
    ]) {
      const other = portal.browser();
      other.cookie = forged;
      expect(await look(other), forged).toBe(401);
    }
    expect(await look(browser)).toBe(200);
  });

  test('WEB-1: is sent along by no other site’s page for a change', async () => {
    const { id, browser } = await portal.aSignedInPatient();
    const app = portal.desk.app;
    for (const headers of [{ origin: 'https://evil.example' }, { 'sec-fetch-site': 'cross-site' }, {}] as Record<string, string>[]) {
      const answer = await app.request(`/v1/portal/patients/${id}`, {
        method: 'PATCH',
        headers: { ...headers, cookie: browser.cookie ?? '', 'content-type': 'application/json' },
        body: JSON.stringify({ pronouns: 'they/them', version: 1 }),
      });
      expect(answer.status).toBe(403);
    }
  });

  test('of a patient who is made inactive ends with it', async () => {
    const { id, version, browser } = await portal.aSignedInPatient();
    await portal.desk.send('PATCH', `/v1/patients/${id}`, { isActive: false, version });
    expect(await look(browser)).toBe(401);
  });

  test('WEB-5: whoever signs out takes it back', async () => {
    const { browser } = await portal.aSignedInPatient();
    const { cookie } = browser;
    const { status, headers } = await browser.send('DELETE', '/v1/portal/session');
    expect([status, browser.cookie]).toEqual([200, null]);
    expect(headers.get('clear-site-data')).toBe('"cache", "storage"');
    browser.cookie = cookie;
    expect(await look(browser)).toBe(401);
  });

  test('HIP-6: is in the audit log when it begins, with its tries, and when it ends, under the patient', async () => {
    const { id, email, browser } = await portal.aSignedInPatient();
    const { body } = await portal.ask(email);
    await portal.enter(body.id, '00000000');
    await browser.send('DELETE', '/v1/portal/session');
    const log = await t.look(
      `SELECT actor_kind, CASE WHEN actor_id = $2 THEN 'them' END AS who, action, table_name, operation FROM audit_log
       WHERE organization_id = $1 AND action LIKE 'portal.%' ORDER BY id`,
      [portal.clinic.organizationId, id],
    );
    const anybody = (action: string, operation: string) => ({
      actor_kind: 'anybody',
      who: null,
      action,
      table_name: 'patient_sign_in',
      operation,
    });
    const them = (action: string, table_name: string, operation: string) => ({
      actor_kind: 'patient',
      who: 'them',
      action,
      table_name,
      operation,
    });
    expect(log.filter((row) => (row as { action: string }).action !== 'portal.send')).toEqual([
      anybody('portal.ask', 'insert'),
      anybody('portal.try', 'update'),
      them('portal.sign-in', 'patient_sign_in', 'update'),
      them('portal.sign-in', 'patient_session', 'insert'),
      anybody('portal.ask', 'insert'),
      anybody('portal.try', 'update'),
      them('portal.sign-out', 'patient_session', 'delete'),
    ]);
  });
});

describe('sessions of a patient', () => {
  type List = { items: PatientSession[] };

  test('are listed by browser and system, and ended one by one or all but this', async () => {
    const { email, browser } = await portal.aSignedInPatient();
    portal.pass(60);
    const others = [await portal.signIn(email), await portal.signIn(email)];
    portal.clock.now = new Date(portal.clock.now.getTime() - 3_600_000);
    const { items } = (await browser.send<List>('GET', '/v1/portal/sessions')).body;
    expect(items.map(({ isCurrent, device }) => [isCurrent, device])).toEqual([
      [false, 'Firefox, Linux'],
      [false, 'Firefox, Linux'],
      [true, 'Firefox, Linux'],
    ]);
    expect((await browser.send('DELETE', `/v1/portal/sessions/${items[0]?.id}`)).body).toEqual({ ended: 1 });
    expect(await Promise.all(others.map(look))).toEqual([200, 401]);
    expect((await browser.send('DELETE', '/v1/portal/sessions')).body).toEqual({ ended: 1 });
    expect(await Promise.all([...others, browser].map(look))).toEqual([401, 401, 200]);
  });

  test("are nobody else's: another's is not there", async () => {
    const [mine, theirs] = [await portal.aSignedInPatient(), await portal.aSignedInPatient()];
    const { body } = await theirs.browser.send<SignedInPatient>('GET', '/v1/portal/session');
    const { status, body: refused } = await mine.browser.send('DELETE', `/v1/portal/sessions/${body.session.id}`);
    expect([status, refused.slug]).toEqual([404, 'not-found']);
    expect(await look(theirs.browser)).toBe(200);
  });
});

test('sign-ins of more than a day ago are dropped, and those that count for an address stay', async () => {
  const { organizationId, actorId } = portal.clinic;
  const hoursAgo = (hours: number) => new Date(Date.now() - hours * 3_600_000);
  await arrange(t.database, portal.clinic, async (tx) => {
    for (const hours of [48, 25, 23])
      await tx.patientSignIn.create({
        data: {
          organizationId,
          id: newId(),
          channel: 'email',
          addressKey: Buffer.alloc(16),
          createdAt: hoursAgo(hours),
          expiresAt: hoursAgo(hours - 0.1),
        },
        select: { id: true },
      });
  });
  const session = JSON.stringify({ organizationId, actorId, actorKind: 'job', now: portal.clock.now });
  await t.look('SELECT app.drop_past_sign_ins($1::jsonb, 5000)', [session]);
  const left = await t.look('SELECT FROM patient_sign_in WHERE organization_id = $1', [organizationId]);
  expect(left).toHaveLength(1);
});
