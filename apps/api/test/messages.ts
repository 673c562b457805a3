import { EVERYTHING, type MessageKind } from '@medspa/contracts';
import { Mailbox, startMailServer, startTextProvider, type TextProviderOptions } from '@medspa/local-mailbox';
import { aClinic, arrange, NOW, testCodec, type Clinic, type TestDatabase } from '@medspa/testing';
import { v7 as newId } from 'uuid';
import { createBreaker } from '../src/platform/breaker.ts';
import type { Ctx } from '../src/platform/context.ts';
import type { Job } from '../src/platform/jobs.ts';
import { createSenders } from '../src/platform/senders/index.ts';
import { messagingJobs } from '../src/modules/messaging/index.ts';
import { portalJobs } from '../src/modules/portal/index.ts';
import { schedulingJobs } from '../src/modules/scheduling/index.ts';
import { testApp, type TestApp } from './harness.ts';

export const API_URL = 'http://127.0.0.1:8080';

/** Both stand-ins, whose webhooks go to the app of the test. */
export async function startPost(options: TextProviderOptions & { received?: (id: string) => void | Promise<void> } = {}) {
  const mailbox = new Mailbox();
  let app: TestApp | null = null;
  let inboundUrl: string | null = null;
  const mail = await startMailServer(mailbox, options.received);
  const texts = await startTextProvider(mailbox, {
    inboundUrl: () => inboundUrl,
    post: async (url, form, signature) => {
      const path = url.replace(API_URL, '');
      const headers = { 'content-type': 'application/x-www-form-urlencoded', 'x-twilio-signature': signature };
      return (await app?.app.request(path, { method: 'POST', body: form.toString(), headers }))?.status ?? 0;
    },
    ...options,
  });
  const { hostname: host, port } = new URL(mail.url);
  const config = {
    mail: { host, port: Number(port), secure: false, user: null, password: '', from: 'Test <desk@clinic.example>' },
    twilio: texts.account,
    apiUrl: API_URL,
  };
  return {
    mailbox,
    texts,
    config,
    senders: createSenders(config),
    apiUrl: API_URL,
    /** The app that webhooks are posted to, and the organization whose number it is. */
    connect: (to: TestApp, organizationId: string) => {
      app = to;
      inboundUrl = `${API_URL}/hooks/twilio/${organizationId}/inbound`;
    },
    to: (address: string) => mailbox.entries().filter((entry) => entry.to === address),
    stop: async () => {
      await Promise.all([mail.stop(), texts.stop()]);
    },
  };
}
export type Post = Awaited<ReturnType<typeof startPost>>;

/** The context of a job at that time. */
export function jobCtx(t: TestDatabase, organizationId: string, now: Date = NOW): Ctx {
  return {
    database: t.database,
    codec: testCodec(t.database),
    breaker: createBreaker().policy,
    organizationId,
    actor: { kind: 'job', id: '00000000-0000-7000-8000-000000000001', grants: EVERYTHING },
    requestId: 'job-1',
    now: () => now,
  };
}

/** Runs the jobs of the organization that are due at that time, as the queue does, until none is left; returns how many ran. */
export async function runDue(t: TestDatabase, organizationId: string, post: Post, now: Date = NOW, most = Infinity): Promise<number> {
  const jobs = new Map<string, Job>([...schedulingJobs, ...portalJobs, ...messagingJobs(post)].map((one) => [one.name, one]));
  for (let ran = 0; ; ran++) {
    if (ran === most) return ran;
    const [due] = await t.look<{ id: string; task: string; payload: object }>(
      `WITH next AS (SELECT p.id FROM graphile_worker._private_jobs p JOIN graphile_worker.jobs j USING (id)
         WHERE p.payload ->> 'organizationId' = $1 AND (j.task_identifier = 'send-message' AND p.run_at <= $2 OR j.task_identifier IN ('tell-patient', 'send-sign-in')) ORDER BY p.run_at, p.id LIMIT 1),
       task AS (SELECT j.id, j.task_identifier AS task FROM graphile_worker.jobs j WHERE j.id IN (SELECT id FROM next)), gone AS (
       DELETE FROM graphile_worker._private_jobs p USING next WHERE p.id = next.id RETURNING p.id, p.payload)
       SELECT gone.id::text, task.task, gone.payload FROM gone JOIN task USING (id)`,
      [organizationId, now],
    );
    if (!due) return ran;
    await jobs.get(due.task)?.run(jobCtx(t, organizationId, now), due.payload);
  }
}

/** A clinic with words for every kind on both channels, its app, and the stand-ins. */
export async function openPostOffice(t: TestDatabase, post: Post, now: () => Date = () => NOW) {
  const clinic = await aClinic(t.database);
  const app = testApp(t.database, { as: clinic, now, config: { twilio: post.config.twilio, apiUrl: API_URL } });
  post.connect(app, clinic.organizationId);
  const kinds: MessageKind[] = ['appointment.confirmation', 'appointment.reminder', 'appointment.cancellation'];
  for (const kind of kinds) {
    const body = `${kind}: {{patient.name}} on {{appointment.date}} at {{appointment.time}}`;
    for (const template of [{ channel: 'sms' }, { channel: 'email', title: `${kind} {{appointment.date}}` }]) {
      const { status, text } = await app.send('POST', '/v1/message-templates', { kind, body, ...template });
      if (status !== 201) throw new Error(text);
    }
  }
  return { clinic, app };
}

let numbers = 0;
/** A patient with a phone number and an address that nobody else has. */
export async function aReachablePatient(app: TestApp, changes: object = {}) {
  const number = ++numbers;
  const contact = { phone: `+1212555${String(number).padStart(4, '0')}`, email: `patient${number}@example.com` };
  const patient = { givenName: 'Paula', familyName: `Patient ${number}`, ...contact, ...changes };
  const { body } = await app.send<{ id: string; version: number }>('POST', '/v1/patients', patient);
  return { ...body, ...contact, ...changes };
}

/** A message that wants to go now, by every channel. */
export async function queue({ database }: Pick<TestDatabase, 'database'>, clinic: Clinic, patientId: string, changes: object = {}) {
  const message = {
    key: newId(),
    kind: 'appointment.reminder',
    purpose: 'transactional',
    patientId,
    locationId: clinic.locationId,
    aboutId: newId(),
    details: { startsAt: '2026-03-03T15:00:00Z' },
    isUrgent: true,
    sendAfter: NOW,
    expiresAt: new Date(NOW.getTime() + 86_400_000),
    ...changes,
  };
  await arrange(database, clinic, (tx) => tx.$executeRaw`SELECT app.queue_message(${JSON.stringify(message)}::jsonb)`);
}

export function messagesOf(t: TestDatabase, patientId: string) {
  type Row = {
    id: string;
    channel: string;
    state: string;
    reason: string | null;
    kind: string;
    attempts: number;
    provider_status: string | null;
    send_after: Date;
  };
  return t.look<Row>(
    'SELECT id, channel, state, reason, kind, attempts, provider_status, send_after FROM message WHERE patient_id = $1 ORDER BY kind, channel, id',
    [patientId],
  );
}

/** The messages of a patient as `channel state reason`. */
export async function statesOf(t: TestDatabase, patientId: string): Promise<string[]> {
  return (await messagesOf(t, patientId)).map(({ channel, state, reason }) => [channel, state, reason].filter(Boolean).join(' '));
}

export const minutesLater = (minutes: number) => new Date(NOW.getTime() + minutes * 60_000);
