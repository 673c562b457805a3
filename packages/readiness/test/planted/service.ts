// A small service that does everything right, and, told so by BROKEN, one thing wrong. What drills are tried on.
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { monitorEventLoopDelay } from 'node:perf_hooks';
import pg from 'pg';

const env = process.env;
const broken = new Set((env['BROKEN'] ?? '').split(','));
const is = (what: string) => broken.has(what);
const URL_OF_DATABASE = env['DATABASE_URL'] ?? '';
const POOL = is('large-pool') ? 40 : 4;
const QUEUE = 60;
const AUDIT = env['AUDIT_TABLE'] ?? 'planted_audit';

const key = env['SECRET_KEY'] ?? '';
const isWeak = !/^[0-9a-f]{64}$/.test(key) || /^(.)\1+$/.test(key);
if (isWeak && !is('weak-start')) {
  process.stderr.write(
    is('tells-key') ? `SECRET_KEY is weak: ${key}\n` : is('silent-start') ? 'bad configuration\n' : 'SECRET_KEY: not 64 hex digits\n',
  );
  process.exit(is('exit-0') ? 0 : 1);
}

const log = (line: object) => process.stdout.write(`${JSON.stringify(line)}\n`);
const limits = is('no-wait-limit') ? {} : { connectionTimeoutMillis: 2_000 };
const pool = new pg.Pool({ connectionString: URL_OF_DATABASE, max: POOL, application_name: 'planted', ...limits });
const probe = new pg.Pool({ connectionString: URL_OF_DATABASE, max: 1, connectionTimeoutMillis: 700 });
for (const one of [pool, probe]) one.on('error', () => {});
const loop = monitorEventLoopDelay();
loop.enable();

let requests = 0;
let queries = 0;
let failures = 0;
let openUntil = 0;
let inside = 0;
let isStopping = false;

/** Of the database by its class: what cannot be reached counts, what is refused does not. */
async function query(text: string, values: unknown[] = []): Promise<pg.QueryResult> {
  if (!is('no-breaker') && performance.now() < openUntil) throw Object.assign(new Error('open'), { status: 503 });
  queries++;
  try {
    const result = await pool.query(text, values);
    if (!is('breaker-counts-duplicates')) failures = 0;
    return result;
  } catch (error) {
    const isData = /^2[23]/.test((error as { code?: string }).code ?? '');
    if (!isData || is('breaker-counts-duplicates')) failures++;
    if (failures >= 5) openUntil = performance.now() + 1_000;
    throw error;
  }
}

class Refusal extends Error {
  readonly status: number;
  constructor(status: number, message: string) {
    super(message);
    this.status = status;
  }
}

async function answer(request: IncomingMessage, path: string): Promise<[number, object]> {
  if (path === '/health') return [200, is('no-shape') ? {} : { status: 'healthy' }];
  if (path === '/health/live') {
    if (is('live-asks')) await probe.query('SELECT 1');
    return [200, { status: 'alive' }];
  }
  if (path === '/health/ready') return ready();
  if (path === '/notes' && request.method === 'POST') return create(await bodyOf(request));
  if (path === '/notes') {
    await query('SELECT 1 FROM pg_sleep(0.01)');
    await query(`INSERT INTO ${AUDIT} (what) VALUES ('read')`);
    return [200, { notes: [] }];
  }
  if (/^\/notes\/[\w-]{36}$/.test(path)) {
    const { rows } = await query('SELECT id FROM planted_note WHERE id = $1', [path.slice(7)]);
    if (rows.length === 0)
      throw new Refusal(404, is('varying-words') ? `Nothing by the id ${path.slice(7).replaceAll(/\d/g, 'x')}` : 'not found');
    return [200, {}];
  }
  throw new Refusal(404, 'not found');
}

async function ready(): Promise<[number, object]> {
  if (is('ready-lies')) return [200, { status: 'ready' }];
  const since = performance.now();
  try {
    await Promise.race([
      (async () => {
        const client = await probe.connect();
        const limit = setTimeout(() => client.release(true), 700);
        try {
          await client.query('SELECT 1');
          clearTimeout(limit);
          client.release();
        } catch (error) {
          clearTimeout(limit);
          throw error;
        }
      })(),
      new Promise((_, reject) => setTimeout(reject, 800, new Error('late'))),
    ]);
    return [isStopping ? 503 : 200, { status: 'ready', checks: { database: { status: 'healthy', latency: performance.now() - since } } }];
  } catch (error) {
    return [503, { status: 'not_ready', ...(is('ready-tells') ? { error: `ECONNREFUSED ${(error as Error).message}` } : {}) }];
  }
}

async function create(text: string): Promise<[number, object]> {
  let body: { name?: unknown };
  try {
    body = JSON.parse(text) as { name?: unknown };
  } catch {
    throw new Refusal(is('500-for-bad-json') ? 500 : 400, 'not JSON');
  }
  if (typeof body.name !== 'string' || body.name.length > 200 || Object.keys(body).length > 1)
    throw new Refusal(422, is('echoes') ? `not a name: ${JSON.stringify(body)}` : 'not a name');
  await query(`INSERT INTO ${AUDIT} (what) VALUES ('write')`);
  await query('INSERT INTO planted_note (id, name) VALUES (gen_random_uuid(), $1)', [body.name]);
  return [201, {}];
}

function refusalOf(error: unknown): [number, object] {
  const { status, code, message, detail } = error as { status?: number; code?: string; message: string; detail?: string };
  if (is('logs-values')) log({ error: message, detail });
  else log({ error: status ?? code ?? 'connection' });
  if (is('tells-driver')) return [500, { error: message }];
  if (error instanceof Refusal) return [error.status, { error: message }];
  if (code === '23505') return [is('500-for-duplicate') ? 500 : 409, { error: 'exists already' }];
  return [is('500-for-timeout') ? 500 : 503, { error: 'unavailable' }];
}

async function bodyOf(request: IncomingMessage): Promise<string> {
  let text = '';
  for await (const chunk of request.setEncoding('utf8')) text += chunk as string;
  return text;
}

async function handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
  const path = request.url ?? '';
  const isHealth = path.startsWith('/health');
  if (!isHealth) requests++;
  inside++;
  let [status, body]: [number, object] = [0, {}];
  try {
    if (!isHealth && inside > POOL + QUEUE) {
      if (is('breaks-when-full')) {
        request.destroy();
        return;
      }
      [status, body] = [is('500-when-full') ? 500 : 503, {}];
    } else [status, body] = await answer(request, path);
  } catch (error) {
    [status, body] = refusalOf(error);
  } finally {
    inside--;
  }
  if (status === 503 && !is('no-retry-after')) response.setHeader('retry-after', '1');
  response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body));
}

const server = createServer((request, response) => void handle(request, response));
server.listen(Number(env['PORT']), '127.0.0.1');
const metrics = createServer((_, response) => {
  const still = is('still-metrics');
  const figures = {
    http_requests_total: still ? 1 : requests,
    db_queries_total: still ? 1 : queries,
    ...(is('no-pool-metrics') ? {} : { db_pool_connections: pool.totalCount, db_pool_waiting: pool.waitingCount }),
    nodejs_eventloop_lag_seconds: loop.mean / 1e9,
    process_resident_memory_bytes: process.memoryUsage.rss(),
  };
  response.writeHead(is('no-metrics') ? 404 : 200).end(
    is('no-metrics')
      ? ''
      : Object.entries(figures)
          .map((figure) => `${figure.join(' ')}\n`)
          .join(''),
  );
});
metrics.listen(Number(env['METRICS_PORT'] ?? 0), '127.0.0.1');

if (!is('no-handler'))
  process.on('SIGTERM', () => {
    isStopping = true;
    if (is('drops')) process.exit(0);
    if (is('never-ends')) return;
    metrics.close();
    server.close(() => {
      void Promise.all([pool.end(), probe.end()]).then(() => process.exit(is('exit-3') ? 3 : 0));
    });
  });
