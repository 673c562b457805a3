import { readFileSync } from 'node:fs';
import { aClinic, connect, createTestDatabase, eventually, lockTable, type Clinic, type TestDatabase } from '@medspa/testing';
import { to as copyTo } from 'pg-copy-streams';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { textOf } from '../../test/event-source.ts';
import { startCollector } from '../../test/fakes/collector.ts';
import { validRequests, type ValidRequest } from '../../test/requests.ts';
import { startTestService, type RunningService } from '../../test/service.ts';
import type { Config } from './config.ts';

// What nobody may find outside of the tables. Every one of them goes through every operation and every way to fail.
const CANARY = {
  givenName: 'Canaria Anneliese',
  familyName: 'Canaria Quellmalz',
  preferredName: 'Canaria Liesl',
  pronouns: 'canaria/canarian',
  birthDate: '1931-07-19',
  phone: '+1 555 010 7391',
  email: 'canaria.quellmalz@example.com',
  note: 'Canaria: allergic\n    at Canaria (/srv/canaria.ts:1:1)',
  street: '7 Canaria Crescent',
  city: 'Canaria Bay',
  displayName: 'Canaria Dr. Quellmalz',
  sourceId: 'canaria-chart-7391',
};
const CANARIES = /canari|5550107391|555 010 7391|1931-07-19/i;
/** Values that a broken trigger puts into its message. */
const QUOTED = /boomaria|castaria/i;

/** A patient's street; that of a location is no secret. */
const HOME = '9 Vault Crescent';
/** What is sealed, and so stands in no table in any form that is read without the keys. Names stand there: they are searched. */
const SEALED = /canaria[.\w-]*@|canaria-chart|canaria: allergic|vault crescent|1931-07-19|5550107391|555 010 7391/i;
/** What no person typed and looks for itself in vain: the bytes and texts that a row may hold in another form. */
const FORMS: [RegExp, BufferEncoding][] = [
  [/[0-9a-f]{12,}/gi, 'hex'],
  [/[A-Za-z0-9+/]{12,}/g, 'base64'],
];

/** True when the line holds a sealed value: as it is, as the hex of bytes, or as base64. */
function tells(line: string): boolean {
  const decoded = FORMS.flatMap(([form, encoding]) =>
    (line.match(form) ?? []).map((found) => Buffer.from(found, encoding).toString('latin1')),
  );
  return [line, ...decoded].some((text) => SEALED.test(text));
}

let t: TestDatabase;
beforeAll(async () => {
  t = await createTestDatabase();
});
afterAll(() => t.drop());

/** What a run left in every place where somebody without access to the tables could look. */
type Traces = {
  log: string;
  metrics: string;
  spans: string;
  refusals: string;
  server: string;
  console: string;
  statuses: Set<number>;
  /** every row of every table, each by its table */
  rows: { table: string; line: string }[];
};

/** Sends canaries through a service with these settings, and collects what it let out. A process is traced once. */
async function run(name: string, config: Partial<Config>, isTraced: boolean): Promise<Traces> {
  const clinic = await aClinic(t.database);
  const collector = await startCollector();
  const service = await startTestService(name, t, clinic, {
    config: { ...config, tracing: isTraced ? { endpoint: collector.endpoint } : null },
    database: { poolMax: 3, poolWaitMillis: 1_000 },
  });
  const read = await readServerLog();
  const heard = listen();
  const refusals: string[] = [];
  const statuses = new Set<number>();
  const send = async (method: string, path: string, body?: unknown, headers: Record<string, string> = {}) => {
    const answer = await fetch(`${service.url}${path}`, {
      method,
      headers: {
        ...(body === undefined ? {} : { 'content-type': 'application/json' }),
        'user-agent': 'canaria/1',
        'x-canaria': 'canaria',
        ...service.signedIn,
        ...headers,
      },
      ...(body === undefined ? {} : { body: typeof body === 'string' ? body : JSON.stringify(body) }),
    });
    const text = await textOf(answer);
    statuses.add(answer.status);
    if (answer.status >= 400) refusals.push(text, JSON.stringify([...answer.headers]));
    return { status: answer.status, text };
  };
  const requests = [...(await validRequests(t.database, clinic, new Date())).values()];
  try {
    for (const request of requests) await sendSpoiled(send, request);
    for (const { method, path, body } of requests)
      await send(method, path, infect(body), { 'idempotency-key': `canaria-${crypto.randomUUID()}` });
    await refuseByRules(send, clinic);
    await failInDatabase(send);
    await failJobs(service);
    const metrics = await (await fetch(service.metricsUrl)).text();
    await service.stop();
    return {
      metrics,
      statuses,
      log: service.lines.join(''),
      spans: collector.raw.join(''),
      refusals: refusals.join('\n'),
      server: read(),
      console: heard.stop(),
      rows: await dump(),
    };
  } finally {
    await service.stop();
    collector.close();
    heard.stop();
  }
}

type Send = (method: string, path: string, body?: unknown, headers?: Record<string, string>) => Promise<{ status: number; text: string }>;

/** Values of patients where their form is refused: other types, unknown places, broken JSON, addresses, headers. */
async function sendSpoiled(send: Send, { call, method, path, body }: ValidRequest): Promise<void> {
  await send(method, `${path}${path.includes('?') ? '&' : '?'}canaria=${encodeURIComponent(CANARY.email)}`, infect(body), {
    origin: 'http://canaria.example',
  });
  await send(method, call.path.replaceAll(/\{\w+\}/g, encodeURIComponent(CANARY.familyName)), infect(body));
  await send(method, path, infect(body), { 'idempotency-key': 'canaria with blanks' });
  if (body === undefined) return;
  const values = Object.values(CANARY);
  await send(method, path, JSON.stringify(infect(body)).slice(0, -3));
  await send(method, path, `{"version":"${CANARY.phone}","version":1}`);
  await send(method, path, { ...(infect(body) as object), unknown: values });
  await send(method, path, Object.fromEntries(Object.keys(body).map((key) => [key, values])));
  await send(method, path, Object.fromEntries(Object.keys(body).map((key) => [key, CANARY.note])));
  await send(method, path, JSON.stringify(infect(body)), { 'content-type': 'text/canaria' });
}

/** Refusals that look into the tables: duplicates, rows of nobody, stale versions, taken times, steps that do not follow. */
async function refuseByRules(send: Send, clinic: Clinic): Promise<void> {
  const staff = { givenName: CANARY.givenName, familyName: CANARY.familyName, jobTitle: 'Canaria', email: 'canaria.twice@example.com' };
  await send('POST', '/v1/staff', staff);
  expect((await send('POST', '/v1/staff', staff)).status).toBe(409);
  const patient = await send('POST', '/v1/patients', {
    ...CANARY,
    street: undefined,
    city: undefined,
    displayName: undefined,
    sourceId: undefined,
  });
  expect(patient.status, patient.text).toBe(201);
  const { id } = JSON.parse(patient.text) as { id: string };
  expect((await send('PATCH', `/v1/patients/${id}`, { familyName: CANARY.familyName, version: 9 })).status).toBe(409);
  expect((await send('PATCH', `/v1/patients/${crypto.randomUUID()}`, { familyName: CANARY.familyName, version: 1 })).status).toBe(404);
  expect((await send('POST', `/v1/patients/${id}/relations`, { relatedId: id, kind: 'other' })).status).toBe(422);
  const visit = {
    locationId: clinic.locationId,
    patientId: id,
    startsAt: `${new Date(Date.now() + 5 * 86_400_000).toISOString().slice(0, 10)}T10:00`,
    services: [{ serviceId: clinic.serviceId, providerId: clinic.providerId }],
    note: CANARY.note,
  };
  const booked = await send('POST', '/v1/appointments', visit);
  expect(booked.status, booked.text).toBe(201);
  expect((await send('POST', '/v1/appointments', visit)).status).toBe(409);
  const { id: appointmentId } = JSON.parse(booked.text) as { id: string };
  expect(
    (await send('POST', `/v1/appointments/${appointmentId}/transitions`, { action: 'leave', note: CANARY.note, version: 1 })).status,
  ).toBe(409);
  expect(
    (
      await send('POST', '/v1/patients/search', {
        phone: CANARY.phone,
        email: CANARY.email,
        birthDate: CANARY.birthDate,
        name: CANARY.familyName,
      })
    ).text,
  ).toContain(id);
}

/** Failures below us, with rows of patients in hand: broken constraints, errors that quote rows, locks, a lost connection, no connection. */
async function failInDatabase(send: Send): Promise<void> {
  const add = (familyName: string) =>
    send('POST', '/v1/patients', { givenName: CANARY.givenName, familyName, note: CANARY.note, email: CANARY.email });
  // The last two quote the row in their message.
  await t.look(`
    ALTER TABLE patient ADD CONSTRAINT no_check CHECK (family_name <> 'Canaria Check') NOT VALID;
    CREATE OR REPLACE FUNCTION break_patient() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
      IF NEW.family_name = 'Canaria Null' THEN NEW.given_name := NULL; END IF;
      IF NEW.family_name = 'Canaria Gone' THEN PERFORM pg_terminate_backend(pg_backend_pid()); END IF;
      IF NEW.family_name = 'Boomaria' THEN RAISE EXCEPTION 'row % %', NEW.family_name, NEW.id USING DETAIL = NEW::text, HINT = NEW::text; END IF;
      IF NEW.family_name = 'Castaria' THEN PERFORM NEW.family_name::int; END IF;
      RETURN NEW; END $$;
    CREATE OR REPLACE TRIGGER a_break BEFORE INSERT ON patient FOR EACH ROW EXECUTE FUNCTION break_patient();`);
  expect((await add('Canaria Check')).status).toBe(422);
  expect((await add('Canaria Null')).status).toBe(422);
  expect((await add('Canaria Gone')).status).toBe(503);
  expect((await add('Boomaria')).status).toBe(500);
  expect((await add('Castaria')).status).toBe(400);
  const { release } = await lockTable(t.admin, 'patient');
  const held = await Promise.all(Array.from({ length: 8 }, () => add(CANARY.familyName)));
  await release();
  expect(new Set(held.map(({ status }) => status))).toEqual(new Set([503]));
  await t.look('DROP TRIGGER a_break ON patient; ALTER TABLE patient DROP CONSTRAINT no_check;');
}

/** Jobs that fail over their payload and in the database: what the queue keeps of the error is seen by whoever looks at it. */
async function failJobs(service: RunningService): Promise<void> {
  await t.look(`
    CREATE OR REPLACE FUNCTION app.notice_overdue(p_session jsonb, p_appointment uuid, p_minutes integer) RETURNS boolean LANGUAGE plpgsql AS $$ BEGIN
      RAISE EXCEPTION 'row Boomaria'; END $$;`);
  const ids = { organizationId: crypto.randomUUID(), appointmentId: crypto.randomUUID() };
  const payloads = { ids, values: { organizationId: CANARY.email, appointmentId: CANARY.familyName } };
  for (const [key, payload] of Object.entries(payloads))
    await t.look(`SELECT graphile_worker.add_job('notice-overdue', $1::json, job_key := $2)`, [JSON.stringify(payload), key]);
  await eventually('both failed, and no error that the queue keeps says anything', async () => {
    const kept = await t.look<{ key: string | null; last_error: string }>(
      'SELECT key, last_error FROM graphile_worker.jobs WHERE last_error IS NOT NULL',
    );
    const areBoth = Object.keys(payloads).every((key) => kept.some((job) => job.key === key));
    return areBoth && !CANARIES.test(JSON.stringify(kept)) && !QUOTED.test(JSON.stringify(kept));
  });
  expect(service.lines.filter((line) => line.includes('job failed')).length).toBeGreaterThanOrEqual(2);
  // Their payloads are ours: no part of the product writes such a job.
  for (const key of Object.keys(payloads)) await t.look('DELETE FROM graphile_worker._private_jobs WHERE key = $1', [key]);
}

/** Every row of every table there is, as COPY writes it. */
async function dump(): Promise<Traces['rows']> {
  const tables = await t.look<{ name: string }>(
    `SELECT format('%I.%I', schemaname, tablename) AS name FROM pg_tables WHERE schemaname NOT IN ('pg_catalog', 'information_schema') ORDER BY 1`,
  );
  const client = await connect(t.admin);
  try {
    const rows: Traces['rows'] = [];
    for (const { name: table } of tables) {
      const copied: string[] = [];
      for await (const part of client.query(copyTo(`COPY (SELECT * FROM ${table}) TO STDOUT`))) copied.push(String(part));
      rows.push(
        ...copied
          .join('')
          .split('\n')
          .filter(Boolean)
          .map((line) => ({ table, line })),
      );
    }
    return rows;
  } finally {
    await client.end();
  }
}

/** The same body with a canary in every field that one fits. */
function infect(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(infect);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(
    Object.entries(value).map(([key, inner]) => {
      if (key === 'email') return [key, `canaria.${crypto.randomUUID()}@example.com`];
      if (key === 'name' || key === 'category' || key === 'jobTitle') return [key, `Canaria ${crypto.randomUUID()}`];
      if (key === 'address' && typeof inner === 'object') return [key, { ...(infect(inner) as object), street: HOME }];
      return [key, key in CANARY ? CANARY[key as keyof typeof CANARY] : infect(inner)];
    }),
  );
}

/** What PostgreSQL writes into its own log from now on. */
async function readServerLog(): Promise<() => string> {
  const file = await t.serverLog();
  const from = readFileSync(file).length;
  return () => readFileSync(file).subarray(from).toString('utf8');
}

/** Everything that is written to the process's own streams meanwhile. */
function listen(): { stop: () => string } {
  const chunks: string[] = [];
  const originals = [process.stdout, process.stderr].map((stream) => ({ stream, write: stream.write }));
  for (const { stream, write } of originals) {
    stream.write = (chunk: string | Uint8Array, ...rest: never[]) => {
      chunks.push(String(chunk));
      return (write as (...all: unknown[]) => boolean).call(stream, chunk, ...rest);
    };
  }
  return {
    stop: () => {
      for (const { stream, write } of originals) stream.write = write;
      return chunks.join('');
    },
  };
}

describe.each<[name: string, config: Partial<Config>, isTraced: boolean]>([
  ['development', { environment: 'development', logLevel: 'debug' }, true],
  ['production', { environment: 'production', logLevel: 'info' }, false],
])('in %s', (name, config, isTraced) => {
  let traces: Traces;
  beforeAll(async () => {
    traces = await run(`canary-${name}`, config, isTraced);
  }, 60_000);

  test('the run met every kind of answer', () => {
    expect([...traces.statuses].toSorted((a, b) => a - b)).toEqual(
      expect.arrayContaining([200, 201, 400, 403, 404, 409, 415, 422, 500, 503]),
    );
  });

  test.each(['log', 'metrics', 'spans', 'server', 'console'] as const)('LOG-1, ASVS 16.2.5: no value of a patient is in: %s', (place) => {
    const isLeak = (line: string) => CANARIES.test(line) || QUOTED.test(line);
    expect(traces[place].split('\n').filter(isLeak)).toEqual([]);
  });

  test('no refusal tells a value of a patient', () => {
    expect(traces.refusals.split('\n').filter((line) => CANARIES.test(line) || QUOTED.test(line))).toEqual([]);
    expect(traces.refusals).not.toMatch(/INSERT|SELECT|prisma|constraint|at \/|node_modules/i);
  });

  test('HIP-5: no value of a sealed column is in any row of any table, in no form', () => {
    expect(traces.rows.filter(({ line }) => tells(line)).map(({ table }) => table)).toEqual([]);
  });

  test('the dump was one of everything, and has the names that stay readable', () => {
    const tables = new Set(traces.rows.map(({ table }) => table));
    for (const table of ['patient', 'staff', 'appointment_history', 'idempotency_key', 'message', 'data_key_secret'])
      expect([...tables]).toContain(`public.${table}`);
    expect([...tables].some((table) => table.startsWith('public.audit_log_'))).toBe(true);
    const found = (table: string) => traces.rows.some((row) => row.table === table && CANARIES.test(row.line));
    expect([found('public.patient'), found('public.patient_name_word'), found('public.claim')]).toEqual([true, true, false]);
  });

  test('what was looked at was there to see', () => {
    for (const word of ['request failed', 'internal', 'unavailable', 'lockTimeout', 'job failed', 'ZodError'])
      expect(traces.log).toContain(word);
    for (const metric of ['http_problems_total', 'job_duration_seconds']) expect(traces.metrics).toContain(metric);
    for (const span of isTraced ? ['patient.create', 'appointment.book', 'prisma:client:db_query'] : [])
      expect(traces.spans).toContain(span);
    expect(traces.server).toContain('terminating connection');
    expect(traces.refusals).toContain('invalid-request');
  });
});

test('the scan finds a sealed value that somebody left in the clear, in bytes, or in base64', async () => {
  const left = [CANARY.note, Buffer.from(CANARY.phone).toString('hex'), Buffer.from(`{"email":"${CANARY.email}"}`).toString('base64')];
  await t.look(`CREATE TABLE forgotten AS SELECT unnest($1::text[]) AS value UNION ALL SELECT 'nothing of anybody'`, [left]);
  await t.look(
    `ALTER TABLE forgotten ADD COLUMN bytes bytea; INSERT INTO forgotten (bytes) VALUES (convert_to('born 1931-07-19', 'UTF8'))`,
  );
  const rows = (await dump()).filter(({ table }) => table === 'public.forgotten');
  await t.look('DROP TABLE forgotten');
  expect(rows.map(({ line }) => tells(line))).toEqual([true, true, true, false, true]);
});

test('development logs every statement with its shape and time, those that failed as well; production logs none', async () => {
  const lines = async (config: Partial<Config>, name: string) => {
    const clinic = await aClinic(t.database);
    const service = await startTestService(name, t, clinic, { config });
    const post = () =>
      fetch(`${service.url}/v1/room-types`, {
        method: 'POST',
        headers: { 'content-type': 'application/json', ...service.signedIn },
        body: JSON.stringify({ name: 'Canaria' }),
      });
    await post();
    await post();
    await service.stop();
    return service.lines;
  };
  const development = await lines({ environment: 'development', logLevel: 'debug' }, 'verbose');
  const statements = development.filter((line) => /debug {2}query/.test(line));
  expect(statements.filter((line) => /INSERT INTO "public"."room_type".*\$1.*millis=\d/.test(line))).toHaveLength(2);
  expect(statements.filter((line) => /INSERT INTO "public"."room_type".*kind=failed/.test(line))).toHaveLength(1);
  const production = await lines({ environment: 'production', logLevel: 'info' }, 'terse');
  expect(production.filter((line) => /INSERT|SELECT|"query"/.test(line))).toEqual([]);
  expect(production.every((line) => JSON.parse(line) !== null)).toBe(true);
});
