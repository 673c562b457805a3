import { createTestDatabase, eventually, run, type Clinic, type Started, type TestDatabase } from '@medspa/testing';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { TestApp } from '../../../test/harness.ts';
import { aReachablePatient, messagesOf, openPostOffice, queue, startPost, type Post } from '../../../test/messages.ts';
import { serviceEnv } from '../../../test/service.ts';

/** How often the worker is killed; the long form has 50. */
const KILLS = Number(process.env['MESSAGE_KILLS'] ?? 4);

let t: TestDatabase;
let post: Post;
let clinic: Clinic;
let app: TestApp;
let worker: Started | null = null;
/** After every third text, who got it says STOP. */
const saysStop = (round: number) => round % 6 === 2;
/** The provider that has the worker killed next, once it took a message: it has the message, and its sender will never know. */
let killsAt: 'sms' | 'email' | null = null;

beforeAll(async () => {
  t = await createTestDatabase();
  post = await startPost({ accepted: () => killAt('sms'), received: () => killAt('email') });
  ({ clinic, app } = await openPostOffice(t, post, () => new Date()));
});
afterAll(async () => {
  await kill();
  await post.stop();
  await t.drop();
});

async function killAt(channel: 'sms' | 'email'): Promise<void> {
  if (killsAt !== channel) return;
  killsAt = null;
  await kill();
}

async function kill(): Promise<void> {
  const dying = worker;
  worker = null;
  await dying?.end('SIGKILL');
}

/** The worker that a container runs, as a process of its own. */
function startWorker(): void {
  const { mail, twilio, apiUrl } = post.config;
  worker = run('apps/api/src/worker.ts', {
    ...serviceEnv(t.runtime, 'killed'),
    DATABASE_POOL_MAX: '3',
    LOG_LEVEL: 'silent',
    API_URL: apiUrl,
    SMTP_URL: `smtp://${mail.host}:${mail.port}`,
    MAIL_FROM: mail.from,
    TWILIO_URL: twilio.url,
    TWILIO_ACCOUNT_SID: twilio.accountSid,
    TWILIO_AUTH_TOKEN: twilio.authToken,
    TWILIO_FROM: twilio.from,
  });
}

/** Ten minutes pass: the queue has given back what the dead worker held (platform/job-pool), and its silence is long enough. */
async function letTimePass(): Promise<void> {
  await t.look(
    `BEGIN; SET LOCAL session_replication_role = replica;
     UPDATE message SET sending_at = sending_at - interval '10 minutes' WHERE state = 'sending';
     UPDATE graphile_worker._private_jobs SET locked_at = NULL, locked_by = NULL WHERE locked_at IS NOT NULL; COMMIT`,
  );
}

const statesOf = async (patientId: string) =>
  (await t.look<{ state: string }>('SELECT state FROM message WHERE patient_id = $1 ORDER BY channel', [patientId])).map(
    ({ state }) => state,
  );

describe('a worker that is killed after the provider took a message and before that is written down', () => {
  test(
    `loses none, doubles none, and sends none after STOP (${KILLS} kills)`,
    async () => {
      const patients: { id: string; phone: string; email: string }[] = [];
      startWorker();
      for (let round = 0; round < KILLS; round++) {
        const channel = round % 2 === 0 ? 'sms' : 'email';
        killsAt = channel;
        const patient = await aReachablePatient(app);
        patients.push(patient);
        const now = Date.now();
        await queue(t, clinic, patient.id, { sendAfter: new Date(now), expiresAt: new Date(now + 86_400_000) });
        await eventually('the worker is killed', () => Promise.resolve(worker === null), 20_000);
        expect(await statesOf(patient.id)).toContain('sending');
        startWorker();
        await letTimePass();
        await eventually('both were sent', async () => (await statesOf(patient.id)).join() === 'sent,sent', 20_000);
        if (!saysStop(round)) continue;
        // The worker that sends what comes next dies at the e-mail; whoever takes over must know of the STOP as well.
        expect(await post.texts.write(patient.phone, 'STOP')).toBe(1);
        killsAt = 'email';
        await queue(t, clinic, patient.id, { sendAfter: new Date(now), expiresAt: new Date(now + 86_400_000) });
        await eventually('the worker is killed', () => Promise.resolve(worker === null), 20_000);
        startWorker();
        await letTimePass();
        await eventually(
          'only the e-mail was sent',
          async () => (await statesOf(patient.id)).join() === 'sent,sent,sent,suppressed',
          20_000,
        );
        // By our own record, not because the provider refused it.
        expect(await messagesOf(t, patient.id)).toContainEqual(expect.objectContaining({ reason: 'opted-out', attempts: 0 }));
      }
      // Another hour: what could still be tried again is.
      await letTimePass();
      await eventually(
        'nothing is left to do',
        async () => (await t.look(`SELECT 1 FROM graphile_worker.jobs WHERE task_identifier = 'send-message'`)).length === 0,
      );

      const handedOver = patients.map(({ phone, email }) => ({
        texts: post.texts.texts.filter(({ to }) => to === phone).length,
        // By SMTP nobody can be asked: the same e-mail, by its Message-ID, may be handed over a second time.
        emails: post
          .to(email)
          .map(({ handovers }) => handovers)
          .toSorted((a, b) => a - b),
      }));
      const handovers = (round: number) => (saysStop(round) ? [1, 2] : [round % 2 === 0 ? 1 : 2]);
      expect(handedOver).toEqual(patients.map((_, round) => ({ texts: 1, emails: handovers(round) })));
    },
    30_000 + KILLS * 15_000,
  );
});
