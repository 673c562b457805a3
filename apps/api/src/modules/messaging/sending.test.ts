import { sql } from '@medspa/database';
import { createTestDatabase, NOW, sessionIn, type TestDatabase } from '@medspa/testing';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import type { Clinic } from '@medspa/testing';
import type { TestApp } from '../../../test/harness.ts';
import {
  aReachablePatient,
  jobCtx,
  messagesOf,
  minutesLater,
  openPostOffice,
  type Post,
  queue,
  runDue,
  startPost,
  statesOf,
} from '../../../test/messages.ts';
import { messagingJobs } from './index.ts';

let t: TestDatabase;
let post: Post;
let clinic: Clinic;
let app: TestApp;
beforeAll(async () => {
  t = await createTestDatabase();
  post = await startPost();
});
beforeEach(async () => {
  ({ clinic, app } = await openPostOffice(t, post));
});
afterAll(async () => {
  await post.stop();
  await t.drop();
});

const run = (now = NOW) => runDue(t, clinic.organizationId, post, now);

describe('a message', () => {
  test('goes by e-mail and by text to where the patient is reached, and is kept as it was said', async () => {
    const patient = await aReachablePatient(app, { preferredName: 'Polly' });
    await queue(t, clinic, patient.id);
    await run();
    const body = 'appointment.reminder: Polly on Tuesday, March 3 at 10:00 AM';
    expect(post.to(patient.phone)).toMatchObject([{ channel: 'sms', body, handovers: 1 }]);
    expect(post.to(patient.email)).toMatchObject([
      { channel: 'email', title: 'appointment.reminder Tuesday, March 3', body, handovers: 1 },
    ]);
    const { body: page } = await app.get<{ items: { channel: string }[] }>(`/v1/patients/${patient.id}/messages`);
    expect(page.items.toSorted((a, b) => (a.channel < b.channel ? -1 : 1))).toMatchObject([
      { channel: 'email', state: 'sent', address: patient.email, body, templateRevision: 1 },
      { channel: 'sms', state: 'sent', address: patient.phone, body, templateRevision: 1, sentAt: NOW.toISOString() },
    ]);
  });

  test('is queued once per key, and leaves once however often and by however many workers its job is run', async () => {
    const patient = await aReachablePatient(app);
    await Promise.all([1, 2, 3].map(() => queue(t, clinic, patient.id, { key: 'the-one' })));
    const ids = (await messagesOf(t, patient.id)).map(({ id }) => id);
    expect(ids).toHaveLength(2);
    const [send] = messagingJobs(post);
    if (!send) throw new Error('There is a job that sends.');
    const ctx = jobCtx(t, clinic.organizationId);
    const { organizationId } = clinic;
    await Promise.all([...ids, ...ids, ...ids].map((messageId) => send.run(ctx, { organizationId, messageId })));
    await run(minutesLater(10));
    expect([...post.to(patient.phone), ...post.to(patient.email)].map(({ handovers }) => handovers)).toEqual([1, 1]);
    expect(post.texts.texts.filter(({ to }) => to === patient.phone)).toHaveLength(1);
  });

  test('that nobody else than its transaction knows of is not there when that rolls back', async () => {
    const patient = await aReachablePatient(app);
    await expect(queue(t, clinic, patient.id, { expiresAt: NOW })).rejects.toThrow(/message_expires_after_due|P2010|P2039|check/);
    expect(await messagesOf(t, patient.id)).toEqual([]);
    expect(await run()).toBe(0);
  });

  test.each([
    ['has died', { deceasedOn: '2026-03-01' }],
    ['is inactive', { isActive: false }],
  ])('is withheld when the patient %s, also after it was queued', async (_, change) => {
    const patient = await aReachablePatient(app);
    await queue(t, clinic, patient.id);
    await app.send('PATCH', `/v1/patients/${patient.id}`, { ...change, version: patient.version });
    await run();
    expect(await statesOf(t, patient.id)).toEqual(['email suppressed patient-inactive', 'sms suppressed patient-inactive']);
    expect([...post.to(patient.phone), ...post.to(patient.email)]).toEqual([]);
  });

  test('is withheld where there is no address, and where it has come too late', async () => {
    const patient = await aReachablePatient(app, { email: null });
    await queue(t, clinic, patient.id);
    await run(minutesLater(2_000));
    expect(await statesOf(t, patient.id)).toEqual(['email suppressed expired', 'sms suppressed expired']);
    await queue(t, clinic, patient.id);
    await run();
    expect(await statesOf(t, patient.id)).toContain('email suppressed no-address');
  });

  test('waits until it is day where the patient is, when that is another zone', async () => {
    const patient = await aReachablePatient(app, { timeZone: 'Pacific/Auckland', email: null });
    const night = new Date('2026-03-03T16:00:00Z');
    await queue(t, clinic, patient.id, { isUrgent: false, sendAfter: night, expiresAt: new Date('2026-03-05T00:00:00Z') });
    await run(night);
    expect(await messagesOf(t, patient.id)).toContainEqual(
      expect.objectContaining({ channel: 'sms', state: 'queued', reason: 'quiet-hours', send_after: new Date('2026-03-03T19:00:00Z') }),
    );
  });

  test('waits until the quiet hours of the place are over', async () => {
    const patient = await aReachablePatient(app);
    const night = new Date('2026-03-03T02:30:00Z');
    await queue(t, clinic, patient.id, { isUrgent: false, sendAfter: night, expiresAt: new Date('2026-03-04T00:00:00Z') });
    await run(night);
    expect(await messagesOf(t, patient.id)).toMatchObject(
      [1, 2].map(() => ({ state: 'queued', reason: 'quiet-hours', send_after: new Date('2026-03-03T13:00:00Z') })),
    );
    await app.send('PUT', '/v1/message-policy', { revision: 0, quietFrom: '20:00', quietUntil: '09:00', forbiddenWords: [] });
    await run(new Date('2026-03-03T13:00:00Z'));
    expect(post.to(patient.phone)).toEqual([]);
    await run(new Date('2026-03-03T14:00:00Z'));
    expect(post.to(patient.phone)).toHaveLength(1);
  });

  test('is not taken for an address that the patient had when it was prepared', async () => {
    const patient = await aReachablePatient(app);
    await queue(t, clinic, patient.id);
    const [message] = await messagesOf(t, patient.id);
    const session = sessionIn(clinic.organizationId, clinic.actorId, 'message.send', NOW);
    const claim = { messageId: message?.id, version: 1, patientVersion: patient.version + 1, addressIndex: '00' };
    const [row] = await t.database.callFunction(
      session,
      (own) => sql<{ result: object }>`SELECT app.claim_message(${own}::jsonb, ${claim}::jsonb) AS result`,
    );
    expect(row?.result).toEqual({ outcome: 'moved-on' });
    expect(await statesOf(t, patient.id)).toContain('email queued');
  });

  test('says where it went and what it said in no column, no log of changes and no job in the clear', async () => {
    const patient = await aReachablePatient(app, { preferredName: 'Canariella' });
    await queue(t, clinic, patient.id);
    const jobs = await t.look(`SELECT payload FROM graphile_worker._private_jobs`);
    await run();
    const rows = await t.look(
      `SELECT to_jsonb(m)::text AS row FROM message m UNION ALL SELECT to_jsonb(c)::text FROM message_consent c
       UNION ALL SELECT to_jsonb(a)::text FROM audit_log a WHERE a.table_name LIKE 'message%'`,
    );
    expect(rows.length).toBeGreaterThan(5);
    expect(JSON.stringify([rows, jobs])).not.toMatch(new RegExp(`Canariella|${patient.phone.slice(1)}|${patient.email}`));
  });
});

describe('what a provider reports', () => {
  test('is taken once, in whatever order and number it comes', async () => {
    const [good, filtered] = [
      await aReachablePatient(app, { email: null }),
      await aReachablePatient(app, { phone: '+15005550007', email: null }),
    ];
    await queue(t, clinic, good.id);
    await queue(t, clinic, filtered.id);
    await run();
    await post.texts.report(3, ['delivered', 'sent', 'queued']);
    await post.texts.report(2, ['undelivered', 'sent']);
    expect((await messagesOf(t, good.id))[1]).toMatchObject({ state: 'sent', provider_status: 'undelivered' });
    const changes = await t.look(
      `SELECT after ->> 'provider_status' AS status FROM audit_log WHERE table_name = 'message' AND operation = 'update' AND row_id = $1 AND after ? 'provider_status' ORDER BY id`,
      [(await messagesOf(t, good.id))[1]?.id],
    );
    expect(changes).toEqual([{ status: 'delivered' }, { status: 'undelivered' }]);
  });

  test('proves that a message was taken whose sender never learned it', async () => {
    const patient = await aReachablePatient(app, { email: null });
    await queue(t, clinic, patient.id);
    post.texts.fail('reset-after-accept');
    await run();
    await post.texts.report(2);
    expect((await messagesOf(t, patient.id))[1]).toMatchObject({ state: 'sent', provider_status: 'delivered' });
    await run(minutesLater(10));
    expect(post.to(patient.phone)).toHaveLength(1);
  });

  test('is believed only with its signature', async () => {
    const patient = await aReachablePatient(app, { email: null });
    await queue(t, clinic, patient.id);
    await run();
    const { id } = (await messagesOf(t, patient.id))[1] ?? { id: '' };
    const form = new URLSearchParams({ MessageSid: `SM${'0'.repeat(32)}`, MessageStatus: 'failed', From: patient.phone, Body: 'STOP' });
    for (const signature of [undefined, '', 'AAAAAAAAAAAAAAAAAAAAAAAAAAA=']) {
      for (const path of [`status?message=${id}`, 'inbound']) {
        const headers = {
          'content-type': 'application/x-www-form-urlencoded',
          ...(signature === undefined ? {} : { 'x-twilio-signature': signature }),
        };
        const answer = await app.app.request(`/hooks/twilio/${clinic.organizationId}/${path}`, {
          method: 'POST',
          body: form.toString(),
          headers,
        });
        expect(answer.status).toBe(403);
      }
    }
    expect((await messagesOf(t, patient.id))[1]).toMatchObject({ state: 'sent', provider_status: null });
    expect(await t.look('SELECT 1 FROM message_consent WHERE organization_id = $1', [clinic.organizationId])).toEqual([]);
  });
});

describe('who says STOP', () => {
  test('between queueing and sending gets nothing, nor does anybody else with that number; e-mail goes on', async () => {
    const patient = await aReachablePatient(app);
    const spouse = await aReachablePatient(app, { phone: patient.phone });
    await queue(t, clinic, patient.id);
    await queue(t, clinic, spouse.id);
    expect(await post.texts.write(patient.phone, ' Stop. ')).toBe(1);
    await run();
    for (const { id } of [patient, spouse]) expect(await statesOf(t, id)).toEqual(['email sent', 'sms suppressed opted-out']);
    expect(post.texts.texts.filter(({ to }) => to === patient.phone)).toEqual([]);
  });

  test('is recorded for every purpose at once, once however often it is delivered, with source and time', async () => {
    const patient = await aReachablePatient(app);
    expect(await post.texts.write(patient.phone, 'STOP', 3)).toBe(3);
    expect(
      await t.look('SELECT purpose, is_granted, source, at FROM message_consent WHERE organization_id = $1 ORDER BY purpose', [
        clinic.organizationId,
      ]),
    ).toEqual([
      { purpose: 'marketing', is_granted: false, source: 'keyword', at: NOW },
      { purpose: 'transactional', is_granted: false, source: 'keyword', at: NOW },
    ]);
  });

  test('gets back with START what STOP took, and no marketing that was never agreed', async () => {
    const patient = await aReachablePatient(app);
    await post.texts.write(patient.phone, 'STOP');
    await post.texts.write(patient.phone, 'START');
    await queue(t, clinic, patient.id);
    await run();
    expect(await statesOf(t, patient.id)).toEqual(['email sent', 'sms sent']);
    const { body } = await app.send('POST', '/v1/message-consents/search', { address: patient.phone });
    expect(body).toMatchObject({
      purposes: [
        { purpose: 'transactional', isGranted: true, source: 'keyword' },
        { purpose: 'marketing', isGranted: false },
      ],
    });
  });

  test('to the provider alone is believed: its refusal is recorded like their own word', async () => {
    const patient = await aReachablePatient(app, { email: null });
    await queue(t, clinic, patient.id);
    const elsewhere = await openPostOffice(t, post);
    await post.texts.write(patient.phone, 'STOP');
    expect(elsewhere.clinic.organizationId).not.toBe(clinic.organizationId);
    await run();
    expect(await statesOf(t, patient.id)).toContain('sms suppressed opted-out');
    const { body } = await app.send('POST', '/v1/message-consents/search', { address: patient.phone });
    expect(body).toMatchObject({ purposes: [{ isGranted: false, source: 'provider' }, { isGranted: false }] });
  });

  test('marketing needs a yes, and an e-mail address can be taken back as well', async () => {
    const patient = await aReachablePatient(app);
    const marketing = { purpose: 'marketing' };
    await queue(t, clinic, patient.id, marketing);
    await run();
    expect(await statesOf(t, patient.id)).toEqual(['email suppressed opted-out', 'sms suppressed opted-out']);
    const say = (isGranted: boolean) =>
      app.send('POST', '/v1/message-consents', {
        address: patient.email.toUpperCase(),
        purpose: 'marketing',
        isGranted,
        source: 'patient',
      });
    expect((await say(true)).status).toBe(201);
    await queue(t, clinic, patient.id, marketing);
    await run();
    expect(post.to(patient.email)).toHaveLength(1);
    await say(false);
    await queue(t, clinic, patient.id, marketing);
    await run();
    expect(post.to(patient.email)).toHaveLength(1);
  });
});

describe('a template', () => {
  test('is revised and never rewritten; one revision is active, also when two publish at once', async () => {
    const template = { kind: 'appointment.reminder', channel: 'sms', body: 'Until {{appointment.date}}!' };
    await Promise.all([1, 2, 3].map(() => app.send('POST', '/v1/message-templates', template)));
    const rows = await t.look(
      `SELECT revision, is_active FROM message_template WHERE organization_id = $1 AND kind = 'appointment.reminder' AND channel = 'sms' ORDER BY revision`,
      [clinic.organizationId],
    );
    expect(rows).toEqual([1, 2, 3, 4].map((revision) => ({ revision, is_active: revision === 4 })));
    const rewritten = t.database.withTransaction(
      sessionIn(clinic.organizationId, clinic.actorId),
      (tx) => tx.$executeRaw`UPDATE message_template SET body = 'x'`,
    );
    await expect(rewritten).rejects.toThrow(/permission denied|42501|P2010/);
  });

  test('that says too much is refused with each place, also for a word of the organization', async () => {
    await app.send('PUT', '/v1/message-policy', { revision: 0, quietFrom: '21:00', quietUntil: '08:00', forbiddenWords: ['Glow Ritual'] });
    const { status, body } = await app.send<{ errors: object[] }>('POST', '/v1/message-templates', {
      kind: 'appointment.reminder',
      channel: 'email',
      title: 'Your Botox',
      body: 'Glow ritual for {{patient.diagnosis}}',
    });
    expect(status).toBe(422);
    expect(body.errors).toMatchObject([{ pointer: '/body' }, { pointer: '/body' }, { pointer: '/title' }]);
    const again = await app.send('PUT', '/v1/message-policy', { revision: 0, quietFrom: '21:00', quietUntil: '08:00', forbiddenWords: [] });
    expect(again.status).toBe(409);
  });
});
