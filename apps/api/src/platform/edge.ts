import { randomUUID } from 'node:crypto';
import type { Context, MiddlewareHandler } from 'hono';
import { bodyLimit } from 'hono/body-limit';
import { routePath } from 'hono/route';
import { clientAddress, networkOf } from './client-address.ts';
import type { Config } from './config.ts';
import { ANYBODY, loadKeys, NO_ORGANIZATION, type Actor, type Ctx, type SignInState } from './context.ts';
import { refuseForeignWrite } from './csrf.ts';
import { securityHeaders } from './headers.ts';
import type { AppEnv } from './http.ts';
import type { Log } from './log.ts';
import type { Metrics } from './metrics.ts';
import { MUST_BE_JSON, Problem } from './problem.ts';
import type { RateLimits } from './rate-limits.ts';
import { HTTP_MILLIS } from './server.ts';

/** Bodies are JSON of a few kilobytes; an import of a thousand patients is the largest. */
const MAX_BODY_BYTES = 1_000_000;

const LOOPBACK = ['127.0.0.1', 'localhost'];

/** Who sends a request, and why where they had to say it. */
export type FoundActor = { actor: Actor; organizationId: string; signIn?: SignInState; reason?: string };

/**
 * Says who sends a request for an operation such as `GET /v1/patients`, or null: by its
 * session, device or key.
 */
export type FindActor = (headers: Headers, operation: string) => Promise<FoundActor | null>;

/** Outermost: gives the request its id, and tells log and metrics how it ended. Never sees an address or a body. */
export function observe(log: Log, metrics: Metrics): MiddlewareHandler<AppEnv> {
  return async (c, next) => {
    const since = performance.now();
    const requestId = randomUUID();
    c.set('requestId', requestId);
    await next();
    const seconds = (performance.now() - since) / 1_000;
    const route = routeOf(c);
    metrics.request(c.req.method, route, c.res.status, seconds);
    log.info('request', { requestId, method: c.req.method, route, status: c.res.status, millis: Math.round(seconds * 1_000) });
  };
}

/** The pattern of the route that was found, which is all that log and metrics learn of an address. */
export function routeOf(c: Context<AppEnv>): string {
  const matched = routePath(c, -1);
  return matched.endsWith('*') ? 'unmatched' : matched;
}

/**
 * What every request passes before its handler, in one middleware since each one costs: security headers (set before the
 * handler: one added afterwards costs ten times as much), exact CORS, type and size of the body.
 */
export function edge(config: Pick<Config, 'corsOrigins' | 'apiUrl' | 'isPractice'>, isStopping: () => boolean): MiddlewareHandler<AppEnv> {
  const origins = new Set([...config.corsOrigins, ...ownOrigins(config)]);
  const headers = Object.entries(securityHeaders(config.apiUrl));
  return async (c, next) => {
    for (const [name, value] of headers) c.header(name, value);
    c.header('x-request-id', c.get('requestId'));
    if (isStopping()) c.header('connection', 'close');

    const origin = c.req.header('origin');
    if (origin !== undefined) {
      if (!origins.has(origin)) throw new Problem('origin-refused');
      c.header('access-control-allow-origin', origin);
      c.header('access-control-allow-credentials', 'true');
      c.header('access-control-expose-headers', 'x-request-id, retry-after');
      if (c.req.method === 'OPTIONS') {
        c.header('access-control-allow-methods', 'GET, POST, PUT, PATCH, DELETE');
        c.header('access-control-allow-headers', 'content-type, idempotency-key, authorization, emergency-access, last-event-id');
        c.header('access-control-max-age', '600');
        return c.body(null, 204);
      }
    }
    refuseForeignWrite(c.req.method, c.req.raw.headers);
    // What a provider reports is a form, and is let in by its signature (senders/hook.ts).
    if (c.req.path.startsWith('/hooks/')) return next();
    const isChunked = refuseForeignBody(
      c.req.method,
      c.req.header('content-type'),
      c.req.header('content-length'),
      c.req.header('transfer-encoding'),
    );
    return isChunked ? countBody(c, next) : next();
  };
}

/** Where the service's own pages come from. In practice mode a person may have typed either of this machine's two names. */
function ownOrigins({ apiUrl, isPractice }: Pick<Config, 'apiUrl' | 'isPractice'>): string[] {
  const { origin, hostname } = new URL(apiUrl);
  if (!isPractice || !LOOPBACK.includes(hostname)) return [origin];
  return LOOPBACK.map((name) => origin.replace(hostname, name));
}

/** A body of unknown length is counted while it arrives. */
const countBody = bodyLimit({
  maxSize: MAX_BODY_BYTES,
  onError: () => {
    throw bodyTooLarge();
  },
});

/** An answer that takes longer is given up. The database's own limits end its work before that. */
export function timeLimit(millis = HTTP_MILLIS): MiddlewareHandler<AppEnv> {
  return async (_, next) => {
    let timer: NodeJS.Timeout | undefined;
    const limit = new Promise<never>((_resolve, reject) => {
      timer = setTimeout(() => reject(new Problem('too-slow')), millis);
    });
    try {
      await Promise.race([next(), limit]);
    } catch (thrown) {
      // What is not an Error passes by Hono's error handler: unanswered, unlogged.
      throw thrown instanceof Error ? thrown : new Error('Something that is not an Error was thrown.');
    } finally {
      clearTimeout(timer);
    }
  };
}

/**
 * Refuses at the door while the queue before the database is full. Whoever is let in and refused there has been signed in, read
 * and checked first, which under overload takes the time of those who have a place.
 */
export function shedding(isFull: () => boolean): MiddlewareHandler<AppEnv> {
  return async (_, next) => {
    if (isFull()) throw new Problem('overloaded');
    await next();
  };
}

/** Says from which network a request comes, and refuses it when that network has had its share of this process. */
export function countNetwork(limits: RateLimits, trustedProxies: number): MiddlewareHandler<AppEnv> {
  return async (c, next) => {
    // Without a socket in tests that bring none.
    const connection = (c.env as Partial<AppEnv['Bindings']> | undefined)?.incoming?.socket.remoteAddress;
    const network = networkOf(clientAddress(connection, c.req.header('x-forwarded-for'), trustedProxies));
    limits.takeOfNetwork(network);
    c.set('limits', limits);
    c.set('network', network);
    await next();
  };
}

/** The context of a request that comes with nothing but its address, whose verb finds out what that opens. */
export function asAnybody(parts: Pick<Ctx, 'database' | 'codec' | 'breaker' | 'now'>): MiddlewareHandler<AppEnv> {
  return async (c, next) => {
    c.set('ctx', { ...parts, actor: ANYBODY, organizationId: NO_ORGANIZATION, requestId: c.get('requestId') });
    await next();
  };
}

/**
 * The context of a request, for routes behind sign-in and for those that lead there: `open` are what anybody may ask, by method and
 * path. Nothing else is answered to people who are not known.
 */
export function signedIn(
  findActor: FindActor,
  parts: Pick<Ctx, 'database' | 'codec' | 'breaker' | 'now'>,
  open: ReadonlySet<string>,
): MiddlewareHandler<AppEnv> {
  return async (c, next) => {
    const operation = `${c.req.method} ${c.req.path}`;
    const found = open.has(operation) ? { actor: ANYBODY, organizationId: NO_ORGANIZATION } : await findActor(c.req.raw.headers, operation);
    if (!found) throw new Problem('not-authenticated');
    await loadKeys(parts, found.organizationId);
    c.set('ctx', { ...parts, ...found, requestId: c.get('requestId') });
    await next();
  };
}

/** Refuses what is not JSON or declares too much; true when the length is not declared. */
function refuseForeignBody(method: string, type: string | undefined, length: string | undefined, encoding: string | undefined): boolean {
  if (method === 'GET' || method === 'HEAD' || method === 'OPTIONS') return false;
  const hasBody = (length !== undefined && length !== '0') || encoding !== undefined;
  if (!hasBody) return false;
  if (!/^application\/json(?:\s*;|$)/i.test(type ?? '')) {
    throw new Problem('unsupported-media-type', { errors: [MUST_BE_JSON] });
  }
  if (Number(length ?? 0) > MAX_BODY_BYTES) throw bodyTooLarge();
  return encoding !== undefined;
}

function bodyTooLarge(): Problem {
  return new Problem('body-too-large', { errors: [{ in: 'body', pointer: '', detail: `Larger than ${MAX_BODY_BYTES} bytes.` }] });
}
