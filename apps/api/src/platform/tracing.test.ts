import { aClinic, aPatient, createTestDatabase, eventually, run, served, type Clinic, type TestDatabase } from '@medspa/testing';
import { trace } from '@opentelemetry/api';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { startCollector, type ReceivedSpan } from '../../test/fakes/collector.ts';
import { SERVICE, serviceEnv, startTestService } from '../../test/service.ts';

let t: TestDatabase;
let clinic: Clinic;
beforeAll(async () => {
  t = await createTestDatabase();
  clinic = await aClinic(t.database);
});
afterAll(() => t.drop());

const TRACE = '0af7651916cd43dd8448eb211c80319c';
const CALLER = 'b7ad6b7169203331';
const HEADERS = { 'content-type': 'application/json', traceparent: `00-${TRACE}-${CALLER}-01` };

test('without a collector there is no trace: nothing is registered, and no span is recorded', async () => {
  const service = await startTestService('untraced', t, clinic);
  expect((await fetch(`${service.url}/v1/organization`, { headers: { ...HEADERS, ...service.signedIn } })).status).toBe(200);
  const span = trace.getTracer('test').startSpan('test');
  expect(span.isRecording()).toBe(false);
  await service.stop();
});

test('what makes traces is loaded only when there is a collector', async () => {
  const count = `import { registerHooks } from 'node:module';
    const loaded = new Set();
    registerHooks({ resolve: (name, about, next) => { const found = next(name, about); if (/opentelemetry.(sdk|exporter)|instrumentation/.test(found.url)) loaded.add(found.url); return found; } });
    process.on('SIGUSR2', () => console.error('loaded', loaded.size));`;
  const loadedWith = async (env: Record<string, string>) => {
    const service = run(
      SERVICE,
      { ...serviceEnv(t.runtime, 'loads'), JOBS: 'off', ...env },
      { node: [`--import=data:text/javascript,${encodeURIComponent(count)}`] },
    );
    await served(service);
    service.child.kill('SIGUSR2');
    const loaded = await eventually('it says how many', () => /loaded (\d+)/.exec(service.said())?.[1]);
    expect(await service.end('SIGTERM')).toBe(0);
    return Number(loaded);
  };
  expect(await loadedWith({})).toBe(0);
  expect(await loadedWith({ OTEL_EXPORTER_OTLP_ENDPOINT: 'http://127.0.0.1:1' })).toBeGreaterThan(0);
});

describe('with a collector', () => {
  let spans: ReceivedSpan[];
  let raw: string[];
  beforeAll(async () => {
    const collector = await startCollector();
    const service = await startTestService('traced', t, clinic, { config: { tracing: { endpoint: collector.endpoint } } });
    const headers = { ...HEADERS, ...service.signedIn };
    const post = (path: string, body: object) => fetch(`${service.url}${path}`, { method: 'POST', headers, body: JSON.stringify(body) });
    await post('/v1/patients', { givenName: 'Canaria', familyName: 'Canaria', email: 'canaria@example.com', note: 'canaria' });
    await post('/v1/patients/search', { name: 'Canaria' });
    await post('/v1/room-types', { name: 'Canaria' });
    await post('/v1/room-types', { name: 'Canaria' });
    await post('/v1/appointments', {
      locationId: clinic.locationId,
      patientId: await aPatient(t.database, clinic),
      startsAt: new Date(Math.ceil(Date.now() / 86_400_000) * 86_400_000 + 60 * 3_600_000).toISOString(),
      services: [{ serviceId: clinic.serviceId, providerId: clinic.providerId }],
      note: 'canaria',
    });
    await fetch(`${service.url}/v1/patients/canaria?canaria=1`, { headers });
    await fetch(`${service.url}/canaria`, { headers });
    await service.stop();
    collector.close();
    ({ spans, raw } = collector);
  });

  const named = (name: string) => {
    const span = spans.find((candidate) => candidate.name === name);
    if (!span) throw new Error(`There is no span ${name} among ${spans.map((candidate) => candidate.name).join(', ')}.`);
    return span;
  };
  const ancestors = (span: ReceivedSpan): string[] => {
    const parent = spans.find(({ spanId }) => spanId === span.parentSpanId);
    return parent ? [parent.name, ...ancestors(parent)] : [];
  };

  test("a request continues its caller's trace, by route and status", () => {
    const span = named('POST /v1/patients');
    expect(span).toMatchObject({
      traceId: TRACE,
      parentSpanId: CALLER,
      kind: 2,
      attributes: { 'http.request.method': 'POST', 'http.route': '/v1/patients', 'http.response.status_code': 201 },
    });
    expect(spans.filter(({ traceId }) => traceId !== TRACE && traceId !== span.traceId).filter(({ kind }) => kind === 2)).toEqual([]);
  });

  test('the verb is a child of the request, at both doors', () => {
    expect(ancestors(named('patient.create'))).toEqual(['POST /v1/patients']);
    expect(ancestors(named('appointment.book'))).toEqual(['POST /v1/appointments']);
  });

  test("Prisma's statements are descendants of the verb", () => {
    const statements = spans.filter(
      ({ name, traceId, attributes }) =>
        name === 'prisma:client:db_query' &&
        traceId === TRACE &&
        /INSERT INTO "public"."patient"/.test(String(attributes['db.query.text'])),
    );
    expect(statements.length).toBeGreaterThan(0);
    for (const statement of statements)
      expect(ancestors(statement)).toEqual(expect.arrayContaining(['patient.create', 'POST /v1/patients']));
  });

  test('a refused verb carries the name of the problem', () => {
    const refused = spans.filter(({ name }) => name === 'room-type.create').map(({ status }) => status);
    expect(refused).toContainEqual({ code: 2, message: 'already-exists' });
  });

  test('no address, no parameter and no value of a patient is in any span', () => {
    expect(spans.length).toBeGreaterThan(20);
    expect(raw.join('')).not.toMatch(/canaria/i);
    for (const { name, attributes } of spans) {
      expect(Object.keys(attributes)).not.toContain('url.path');
      expect(name).not.toMatch(/[0-9a-f]{8}-[0-9a-f]{4}/);
    }
  });
});
