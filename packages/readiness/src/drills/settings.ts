// The `drill` section of readiness.json: how this project's service is started, and what may be asked of it.
import { readerOf, type Reader } from './reader.ts';

/** A request as the project gives it. `{{uuid}}` and `{{canary}}` in it are new for each request. */
export type DrillRequest = {
  method: string;
  path: string;
  headers: Record<string, string>;
  /** Sent as JSON; absent when there is none. */
  body?: unknown;
  /** A header that gets a new UUID with every sending, also of the same body. */
  idempotencyHeader?: string;
};

/** A value that a service must refuse to start with, as a rule, so that no file holds anything like a key. */
export type WeakValue = string | { repeat: string; times: number };

export type DrillSettings = {
  /** The program and its arguments; the process that gets the signals. */
  start: string[];
  /** Folder to start it in, from the root of the project. */
  cwd: string;
  env: Record<string, string>;
  databaseEnv: string;
  portEnv: string;
  metricsPortEnv: string | null;
  health: string;
  ready: string;
  live: string;
  metrics: string | null;
  /** A request that asks the database and changes nothing. */
  read: DrillRequest;
  /** A change that succeeds. */
  write: DrillRequest | null;
  /** A change that succeeds once and is refused when the same body comes again. */
  duplicate: DrillRequest | null;
  /** A request about something that does not exist. */
  missing: DrillRequest | null;
  /** More requests whose `{{canary}}` must not show in logs. */
  canary: DrillRequest[];
  weakEnv: Record<string, WeakValue[]>;
  /** Most connections of one process, all pools and the health check together. */
  connections: number | null;
  /** Requests that one instance gets at a time in production. */
  concurrency: number;
  /** Longest time that a caller waits for anything; above Prisma's own ten seconds for a connection. */
  patienceSeconds: number;
  /** Where a read and a write of people's data each leave a row: one table, or two. */
  audit: { read: string | null; write: string | null };
  /** A sign-in that sees the audit tables and all sessions, where the service's own does not. */
  observerUrl: string | null;
};

/** Texts that came from the caller's environment by `${NAME}`: never to be repeated. */
export type GivenDrillSettings = { settings: DrillSettings; secrets: string[] };

/**
 * Reads the section. `${NAME}` in any text is taken from the caller's environment. Throws one error that names every field that
 * is missing, wrong or unknown.
 */
export function readDrillSettings(text: string | null, environment: Record<string, string | undefined>): GivenDrillSettings {
  if (text === null) throw new Error(`Drills need a readiness.json in the root of the project. ${SMALLEST}`);
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch (error) {
    throw new Error(`readiness.json is not JSON: ${(error as Error).message}`, { cause: error });
  }
  const section = json !== null && typeof json === 'object' && 'drill' in json ? json.drill : undefined;
  if (section === undefined) throw new Error(`readiness.json has no "drill". ${SMALLEST}`);
  const reader = readerOf(section, 'drill', environment);
  const settings = settingsOf(reader);
  reader.refuseOthers();
  if (reader.problems.length > 0)
    throw new Error(`readiness.json cannot be used:\n${reader.problems.map((one) => `  - ${one}`).join('\n')}`);
  return { settings, secrets: reader.secrets };
}

const SMALLEST =
  'The smallest section: { "drill": { "start": ["node", "dist/main.js"], "databaseEnv": "DATABASE_URL", "portEnv": "PORT", "ready": "/health/ready", "live": "/health/live", "read": { "method": "GET", "path": "/..." } } }';

/** Package managers start the program as their child and do not hand every signal on; containers do not use them either. */
const WRAPPER = /^(npm|npx|pnpm|yarn|bunx?)(\.cmd)?$/;

function settingsOf(reader: Reader): DrillSettings {
  const start = reader.texts('start');
  if (start.length === 0) reader.complain('start', 'the program and its arguments, such as ["node", "dist/main.js"]');
  if (WRAPPER.test(start[0] ?? '')) reader.complain('start', `name the program itself; "${start[0]}" does not hand signals on to it`);
  return {
    start,
    cwd: reader.text('cwd', ''),
    env: reader.textsByName('env'),
    databaseEnv: reader.text('databaseEnv'),
    portEnv: reader.text('portEnv'),
    metricsPortEnv: reader.text('metricsPortEnv', null),
    health: pathOf(reader, 'health', '/health'),
    ready: pathOf(reader, 'ready'),
    live: pathOf(reader, 'live'),
    metrics: reader.has('metrics') ? pathOf(reader, 'metrics') : null,
    read: requestOf(reader.inside('read')),
    write: optionalRequest(reader, 'write'),
    duplicate: optionalRequest(reader, 'duplicate'),
    missing: optionalRequest(reader, 'missing'),
    canary: reader.items('canary').map(requestOf),
    weakEnv: reader.byName('weakEnv', (values) => values.map(weakValueOf)),
    connections: reader.number('connections', null, 1, 1_000),
    concurrency: reader.number('concurrency', 80, 1, 1_000),
    patienceSeconds: reader.number('patienceSeconds', 12, 1, 12),
    audit: reader.has('audit') ? auditOf(reader.inside('audit')) : { read: null, write: null },
    observerUrl: reader.text('observerUrl', null),
  };
}

function optionalRequest(reader: Reader, name: string): DrillRequest | null {
  return reader.has(name) ? requestOf(reader.inside(name)) : null;
}

function requestOf(reader: Reader): DrillRequest {
  const method = reader.text('method', 'GET');
  if (!/^[A-Z]+$/.test(method)) reader.complain('method', 'in capitals, such as GET or POST');
  const idempotencyHeader = reader.text('idempotencyHeader', null);
  const request: DrillRequest = {
    method,
    path: pathOf(reader, 'path'),
    headers: reader.textsByName('headers'),
    ...(reader.has('body') ? { body: reader.any('body') } : {}),
    ...(idempotencyHeader === null ? {} : { idempotencyHeader }),
  };
  reader.refuseOthers();
  return request;
}

/** Of this service: an address with a host could lead to another machine. */
function pathOf(reader: Reader, name: string, otherwise?: string): string {
  const path = reader.text(name, otherwise);
  if (path !== '' && !/^\/(?!\/)/.test(path)) reader.complain(name, 'a path of the service, beginning with one "/"');
  return path;
}

function weakValueOf(reader: Reader): WeakValue {
  if (typeof reader.value === 'string') return reader.value;
  const rule = { repeat: reader.text('repeat'), times: reader.number('times', 1, 1, 10_000) };
  reader.refuseOthers();
  return rule;
}

function auditOf(reader: Reader): DrillSettings['audit'] {
  const tables = { read: tableOf(reader, 'read'), write: tableOf(reader, 'write') };
  reader.refuseOthers();
  return tables;
}

function tableOf(reader: Reader, name: string): string | null {
  const table = reader.text(name, null);
  if (table !== null && !/^\w+(\.\w+)?$/.test(table)) reader.complain(name, 'a table, or schema.table');
  return table;
}
