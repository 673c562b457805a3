// The parts of checks that ask a service, over HTTP.
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, expect, test } from 'vitest';
import type { Check, Judgement } from '../src/check.ts';
import { endpoints } from '../src/checks/health/endpoints.ts';
import { liveness } from '../src/checks/health/liveness.ts';
import { readiness } from '../src/checks/health/readiness.ts';
import { errors } from '../src/checks/monitor/errors.ts';
import { metrics } from '../src/checks/monitor/metrics.ts';
import { pagination } from '../src/checks/practice/pagination.ts';
import type { LiveService } from '../src/live/service.ts';
import { memoryFiles } from '../src/project/files.ts';
import { openProject } from '../src/project/project.ts';

const project = openProject(memoryFiles({}));
const servers: Server[] = [];
afterEach(() => {
  for (const server of servers.splice(0)) server.close().closeAllConnections();
});

type Answers = Record<string, unknown>;
const timestamp = new Date().toISOString();
const HEALTHY: Answers = {
  '/health': { status: 'healthy', timestamp },
  '/health/live': { status: 'alive', timestamp },
  '/health/ready': { status: 'ready', checks: { database: { status: 'healthy', latency: 1.5 } }, timestamp },
};

/** A service that gives these answers, 404 to all else; `[503, body]` gives a status. */
async function serving(answers: Answers): Promise<LiveService> {
  const server = createServer((request, response) => {
    const known = answers[request.url ?? ''];
    const [status, body] = Array.isArray(known) ? (known as [number, unknown]) : [known === undefined ? 404 : 200, known];
    response.writeHead(status).end(typeof body === 'string' ? body : JSON.stringify(body ?? {}));
  });
  servers.push(server);
  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', resolve);
  });
  const baseUrl = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  return {
    baseUrl,
    get: async (path) => {
      const since = performance.now();
      const answer = await fetch(baseUrl + path);
      const text = await answer.text();
      return { status: answer.status, headers: answer.headers, text, json: parsed(text), millis: performance.now() - since };
    },
  };
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}

async function look(check: Check, answers: Answers): Promise<Judgement & { said: string }> {
  if (!check.http) throw new Error('The check asks no service.');
  const judgement = await check.http(await serving(answers), project);
  return { ...judgement, said: [...judgement.findings.map(({ message }) => message), judgement.reason].join('\n') };
}

test('readiness: an answer with the state of the database passes', async () => {
  expect((await look(readiness, HEALTHY)).verdict).toBe('pass');
});

test.each([
  ['fail', 'answers 503', { '/ready': [503, { status: 'not_ready', checks: { database: { status: 'unhealthy' } } }] }],
  ['warn', 'does not say how the database is', { '/readyz': { status: 'ok' } }],
  ['warn', 'does not say how long', { '/ready': { status: 'ready', checks: { database: { status: 'healthy' } } } }],
  ['warn', "tells of the database's address", { '/ready': { checks: { database: { status: 'healthy', latency: 1, host: '10.2.0.3' } } } }],
  ['fail', 'there is no readiness route', { '/health': { status: 'healthy' } }],
  ['fail', 'no readiness route answers', {}],
] satisfies [string, string, Answers][])('readiness: %s when it %s', async (verdict, said, answers) => {
  const judgement = await look(readiness, answers);
  expect(judgement.verdict).toBe(verdict);
  expect(judgement.said).toContain(said);
});

test('liveness: 200 passes, another status fails, nothing is a warning', async () => {
  expect((await look(liveness, HEALTHY)).verdict).toBe('pass');
  expect((await look(liveness, { '/livez': [503, 'down'] })).verdict).toBe('fail');
  expect((await look(liveness, {})).verdict).toBe('warn');
});

test('endpoints: all three pass, a missing one and a shape without time are named', async () => {
  expect((await look(endpoints, HEALTHY)).verdict).toBe('pass');
  const lacking = await look(endpoints, { '/health': 'ok', '/live': { status: 'alive', timestamp } });
  expect(lacking.verdict).toBe('warn');
  expect(lacking.said).toContain('/health/ready and its other names answer 404');
  expect(lacking.said).toContain('GET /health answers without status and timestamp');
});

const METRICS = `# HELP http_request_duration_seconds Requests
# TYPE http_request_duration_seconds histogram
http_request_duration_seconds_bucket{le="0.1",method="GET",route="/v1/patients",status="200"} 3
# TYPE db_query_duration_seconds histogram
# TYPE db_pool_connections gauge
db_pool_connections{state="total"} 1
# TYPE db_pool_waiting gauge
# TYPE nodejs_eventloop_lag_seconds gauge
`;

test('metrics: what is there is read, what lacks is named, another port cannot be checked', async () => {
  expect((await look(metrics, { '/metrics': METRICS })).verdict).toBe('pass');
  const lacking = await look(metrics, { '/metrics': METRICS.replace(/.*db_pool_waiting.*\n/, '') });
  expect(lacking).toMatchObject({ verdict: 'warn', findings: [{ message: expect.stringContaining('callers that wait') }] });
  expect((await look(metrics, {})).verdict).toBe('could not check');
});

test('errors: a metric by outcome and route passes', async () => {
  expect((await look(errors, { '/metrics': METRICS })).verdict).toBe('pass');
  expect((await look(errors, { '/metrics': METRICS.replaceAll('route=', 'zone=') })).verdict).toBe('warn');
  expect((await look(errors, {})).verdict).toBe('could not check');
});

test('pagination: a bare list of the document without a limit is named', async () => {
  const list = { content: { 'application/json': { schema: { type: 'array' } } } };
  const paths = {
    '/patients': { get: { parameters: [{ name: 'sort' }], responses: { '200': list } } },
    '/visits': { get: { parameters: [{ name: 'limit' }], responses: { '200': list } } },
    '/me': { get: { responses: { '200': { content: { 'application/json': { schema: { type: 'object' } } } } } } },
  };
  const page = { content: { 'application/json': { schema: { $ref: '#/components/schemas/Rooms' } } } };
  const components = { schemas: { Rooms: { type: 'object', properties: { items: { type: 'array' } } } } };
  const rooms = { '/rooms': { get: { parameters: [{ $ref: '#/components/parameters/limit' }], responses: { '200': page } } } };
  const judgement = await look(pagination, { '/openapi.json': { paths: { ...paths, ...rooms }, components } });
  expect(judgement).toMatchObject({ verdict: 'warn', findings: [{ message: expect.stringContaining('GET /patients') }] });
  expect(judgement.evidence[0]).toContain('2 of 3 lists');
  expect((await look(pagination, {})).verdict).toBe('could not check');
});
