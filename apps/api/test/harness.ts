import { randomInt } from 'node:crypto';
import { grant, grantsOf, PERMISSIONS, type Grants, type Permission, type Role } from '@medspa/contracts';
import { createCodec, type Codec, type Database } from '@medspa/database';
import { testWrapping } from '@medspa/testing';
import { Ajv2020, type ValidateFunction } from 'ajv/dist/2020.js';
import addFormats from 'ajv-formats';
import { createApp, openApiDocument } from '../src/app.ts';
import { findActor } from '../src/modules/identity/index.ts';
import { findSignedInPatient } from '../src/modules/portal/index.ts';
import { openLiveCalendar } from '../src/modules/scheduling/index.ts';
import { createBreaker, type Breaker } from '../src/platform/breaker.ts';
import type { Config } from '../src/platform/config.ts';
import { NO_ORGANIZATION } from '../src/platform/context.ts';
import type { FindActor } from '../src/platform/edge.ts';
import type { IdentityProviders } from '../src/platform/identity-provider/index.ts';
import { createLog, type Log } from '../src/platform/log.ts';
import type { Received } from '../src/platform/mailbox/page.ts';
import type { Live, LiveOptions } from '../src/platform/live.ts';
import { createMetrics } from '../src/platform/metrics.ts';
import { textOf } from './event-source.ts';

/** Whose passkeys the tests make. */
export const RELYING_PARTY = { id: 'clinic.example', origins: ['https://app.clinic.example', 'https://clinic.example'] };

/** Somebody with a role, or with these permissions, all unless told; at these locations, or everywhere. */
export type Person = { organizationId: string; actorId: string; role?: Role; permissions?: Permission[]; locations?: string[] };

export type TestAppOptions = {
  /** Who asks. Null is nobody; `session` whoever has signed in, a device, or a key; a function whom it finds. */
  as?: Person | FindActor | 'session' | null;
  now?: () => Date;
  log?: Log;
  config?: Partial<
    Pick<Config, 'corsOrigins' | 'apiUrl' | 'mail' | 'relyingParty' | 'isPractice' | 'twilio' | 'trustedProxies' | 'rateLimitFactor'>
  >;
  /** The address of each request's connection; one that nobody else has, unless told. */
  from?: () => string;
  isStopping?: () => boolean;
  breaker?: Breaker;
  /** What has the keys; one of the test's own unless told. */
  codec?: Codec;
  httpMillis?: number;
  live?: LiveOptions;
  isTraced?: boolean;
  received?: () => readonly Received[];
  identityProviders?: IdentityProviders;
};

function grantsOfPerson({ role, permissions = [...PERMISSIONS], locations }: Person): Grants {
  if (role === undefined) return grant(permissions, locations ?? 'everywhere');
  return grantsOf((locations ?? [null]).map((locationId) => ({ role, permissions: null, locationId })));
}

/** They have just proved who they are. */
function signedInAs(person: Person, steppedUpAt: Date) {
  const actor = { kind: 'staff' as const, id: person.actorId, grants: grantsOfPerson(person) };
  return {
    organizationId: person.organizationId,
    actor,
    signIn: { sessionId: NO_ORGANIZATION, steppedUpAt, mustEnrol: false },
  };
}

function anyAddress(): string {
  return ['10', ...Array.from({ length: 3 }, () => randomInt(256))].join('.');
}

export type Answer<Body = unknown> = { status: number; headers: Headers; body: Body; text: string };

/** The service's real app on a real database, called without a socket. Every answer is held against its documentation. */
export type TestApp = {
  app: ReturnType<typeof createApp>;
  metrics: ReturnType<typeof createMetrics>;
  live: Live;
  get: <Body>(path: string, headers?: Record<string, string>) => Promise<Answer<Body>>;
  send: <Body>(method: string, path: string, body?: unknown, headers?: Record<string, string>) => Promise<Answer<Body>>;
};

export function testApp(database: Database, options: TestAppOptions = {}): TestApp {
  const { as, from = anyAddress } = options;
  const metrics = createMetrics();
  const breaker = options.breaker ?? createBreaker();
  metrics.watch(database, breaker.waiting);
  const codec = options.codec ?? createCodec(database, testWrapping, { unreadable: metrics.unreadable });
  const parts = { database, codec, breaker: breaker.policy, now: options.now ?? (() => new Date()) };
  const log = options.log ?? createLog('silent');
  const live = openLiveCalendar({ ...parts, findActor: who(), log, metrics }, options.live);
  const app = createApp({
    ...parts,
    live,
    config: {
      corsOrigins: new Set(),
      apiUrl: 'http://127.0.0.1:8080',
      mail: null,
      relyingParty: RELYING_PARTY,
      isPractice: false,
      twilio: null,
      trustedProxies: 0,
      // One person sends what a test has.
      rateLimitFactor: 1_000,
      ...options.config,
    },
    log,
    metrics,
    isStopping: options.isStopping ?? (() => false),
    isTraced: options.isTraced ?? false,
    ...(options.received ? { received: options.received } : {}),
    ...(options.identityProviders ? { identityProviders: options.identityProviders } : {}),
    ...(options.httpMillis === undefined ? {} : { httpMillis: options.httpMillis }),
    findPatient: findSignedInPatient(parts),
    findActor: who(),
  });

  function who(): FindActor {
    if (as === 'session') return findActor(parts, { needsSecondFactor: !options.config?.isPractice });
    return typeof as === 'function' ? as : () => Promise.resolve(as ? signedInAs(as, parts.now()) : null);
  }

  async function send<Body>(method: string, path: string, body?: unknown, headers: Record<string, string> = {}): Promise<Answer<Body>> {
    const isRaw = typeof body === 'string' || body instanceof Uint8Array;
    const sent = body === undefined ? undefined : isRaw ? (body as string) : JSON.stringify(body);
    const length = sent === undefined ? {} : { 'content-length': String(Buffer.byteLength(sent)) };
    const type = sent === undefined ? {} : { 'content-type': 'application/json' };
    const request = { method, headers: { ...length, ...type, ...headers }, ...(sent === undefined ? {} : { body: sent }) };
    const response = await app.request(path, request, { incoming: { socket: { remoteAddress: from() } } });
    const text = await textOf(response);
    const parsed: unknown = text === '' || !/json/.test(response.headers.get('content-type') ?? '') ? text : JSON.parse(text);
    holdAgainstDocumentation(method, path, response, parsed);
    return { status: response.status, headers: response.headers, body: parsed as Body, text };
  }
  return { app, metrics, live, send, get: (path, headers) => send('GET', path, undefined, headers) };
}

// ── every answer of a test is one that the OpenAPI document promises ─────────────────────────────────────────────────

type Operation = { requestBody?: object; responses: Record<string, { content?: Record<string, { schema: object }> }> };

const document = openApiDocument('http://127.0.0.1:8080') as unknown as {
  paths: Record<string, Record<string, Operation>>;
  components: object;
};
const ajv = new Ajv2020({ strict: false, allErrors: true });
addFormats.default(ajv);
ajv.addSchema({ $id: 'api', components: withoutExtras(document.components) });
const validators = new Map<object, ValidateFunction>();
/** Refusals of a body that no operation asked for. */
const OF_UNWANTED_BODY = new Set([400, 413, 415]);

function holdAgainstDocumentation(method: string, path: string, response: Response, body: unknown): void {
  const pathname = path.split('?')[0] ?? '';
  if (!pathname.startsWith('/v1/') || method === 'HEAD' || method === 'OPTIONS') return;
  const isOf = (known: string) => new RegExp(`^${known.replaceAll(/\{[^}]+\}/g, '[^/]+')}$`).test(pathname);
  const pattern = pathname in document.paths ? pathname : Object.keys(document.paths).find(isOf);
  const operation = pattern === undefined ? undefined : document.paths[pattern]?.[method.toLowerCase()];
  if (!operation && response.status >= 400) return;
  const documented = operation?.responses[String(response.status)];
  if (!documented) {
    if (OF_UNWANTED_BODY.has(response.status) && !operation?.requestBody) return;
    throw new Error(`${method} ${pattern ?? pathname} answers ${response.status}, which is not documented.`);
  }
  const schema = Object.values(documented.content ?? {})[0]?.schema;
  if (!schema) return;
  let validate = validators.get(schema);
  if (!validate) {
    validate = ajv.compile(JSON.parse(JSON.stringify(withoutExtras(schema)).replaceAll('#/components', 'api#/components')) as object);
    validators.set(schema, validate);
  }
  if (!validate(body)) throw new Error(`${method} ${pattern} ${response.status} is not as documented: ${ajv.errorsText(validate.errors)}`);
}

/** Answers must not hold more than is documented either. */
function withoutExtras(schema: object): object {
  return JSON.parse(JSON.stringify(schema), (_, value: unknown) => {
    const node = value as { type?: string; properties?: object; additionalProperties?: unknown } | null;
    return node && typeof node === 'object' && node.type === 'object' && node.properties && node.additionalProperties === undefined
      ? { ...node, additionalProperties: false }
      : value;
  }) as object;
}
