import { arrange, createTestDatabase, NOW, type TestDatabase } from '@medspa/testing';
import { v7 as newId } from 'uuid';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import type { Clinic } from '@medspa/testing';
import type { TestApp } from '../../../test/harness.ts';
import {
  aReachablePatient,
  messagesOf,
  minutesLater,
  openPostOffice,
  type Post,
  queue,
  runDue,
  startPost,
  statesOf,
} from '../../../test/messages.ts';
import { hasMessageLeft } from './index.ts';

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

describe('a provider that fails', () => {
  test('without taking the message is asked again later, and gets it once', async () => {
    const patient = await aReachablePatient(app, { email: null });
    await queue(t, clinic, patient.id);
    post.texts.fail('too-many');
    await run();
    expect(await messagesOf(t, patient.id)).toMatchObject([
      { channel: 'email' },
      { state: 'queued', reason: 'twilio-20429', send_after: minutesLater(0.5) },
    ]);
    await run(minutesLater(1));
    expect(post.to(patient.phone)).toHaveLength(1);
  });

  test.each(['broken-after-accept', 'reset-after-accept'] as const)(
    'after taking it (%s) is asked what it has, and gets nothing twice',
    async (fault) => {
      const patient = await aReachablePatient(app, { email: null });
      await queue(t, clinic, patient.id);
      post.texts.fail(fault);
      await run();
      expect(await statesOf(t, patient.id)).toContain('sms sending');
      await run(minutesLater(1));
      expect(await statesOf(t, patient.id)).toContain('sms sending');
      await run(minutesLater(3));
      expect(await statesOf(t, patient.id)).toContain('sms sent');
      expect(post.to(patient.phone)).toHaveLength(1);
    },
  );

  test.each(['busy', 'broken'] as const)('without a word whether it took it (%s) is asked, has not, and gets it once', async (fault) => {
    const patient = await aReachablePatient(app, { email: null });
    await queue(t, clinic, patient.id);
    post.texts.fail(fault);
    await run();
    await run(minutesLater(3));
    expect(await statesOf(t, patient.id)).toContain('sms sent');
    expect(post.to(patient.phone)).toHaveLength(1);
  });

  test('and had two texts alike finds each its own', async () => {
    const [one, two] = [await aReachablePatient(app, { email: null }), await aReachablePatient(app, { email: null })];
    await app.send('PATCH', `/v1/patients/${two.id}`, { phone: one.phone, version: two.version });
    await queue(t, clinic, one.id);
    await queue(t, clinic, two.id);
    post.texts.fail('reset-after-accept', 'reset-after-accept');
    await run();
    await run(minutesLater(3));
    expect([...(await statesOf(t, one.id)), ...(await statesOf(t, two.id))].filter((state) => state === 'sms sent')).toHaveLength(2);
    expect(post.to(one.phone)).toHaveLength(2);
  });

  test('for good ends the message with its number', async () => {
    const patient = await aReachablePatient(app, { phone: '+15005550001', email: null });
    await queue(t, clinic, patient.id);
    await run();
    expect(await statesOf(t, patient.id)).toContain('sms failed twilio-21211');
  });

  test('is tried for as long as the message is of use, and then no more', async () => {
    const patient = await aReachablePatient(app, { email: null });
    await queue(t, clinic, patient.id);
    const refused = async (fromHour: number, untilHour: number) => {
      for (let hour = fromHour; hour < untilHour; hour++) {
        post.texts.fail('too-many');
        await run(minutesLater(hour * 61));
      }
    };
    await refused(0, 21);
    expect(await messagesOf(t, patient.id)).toMatchObject([{}, { state: 'queued', attempts: 21 }]);
    await refused(21, 24);
    expect(await messagesOf(t, patient.id)).toMatchObject([{}, { state: 'failed', reason: 'twilio-20429' }]);
  });

  test('while what it tells is withdrawn is not asked again, and another message can take its place', async () => {
    const patient = await aReachablePatient(app, { email: null });
    const aboutId = newId();
    await queue(t, clinic, patient.id, { aboutId });
    post.texts.fail('busy');
    await run();
    expect(await statesOf(t, patient.id)).toContain('sms sending');
    await arrange(t.database, clinic, (tx) => tx.$executeRaw`SELECT app.withdraw_messages(${aboutId}::uuid)`);
    const hasLeft = () => arrange(t.database, clinic, (tx) => hasMessageLeft(tx, clinic.organizationId, 'appointment.reminder', aboutId));
    expect(await hasLeft()).toBe(false);
    for (const minutes of [3, 10, 70]) await run(minutesLater(minutes));
    expect(await statesOf(t, patient.id)).toContain('sms suppressed withdrawn');
    expect(post.to(patient.phone)).toEqual([]);
  });

  test('after taking it has it, also when what it tells is withdrawn meanwhile', async () => {
    const patient = await aReachablePatient(app, { email: null });
    const aboutId = newId();
    await queue(t, clinic, patient.id, { aboutId });
    post.texts.fail('reset-after-accept');
    await run();
    await arrange(t.database, clinic, (tx) => tx.$executeRaw`SELECT app.withdraw_messages(${aboutId}::uuid)`);
    await run(minutesLater(3));
    expect(await statesOf(t, patient.id)).toContain('sms sent');
    expect(post.to(patient.phone)).toHaveLength(1);
  });
});
