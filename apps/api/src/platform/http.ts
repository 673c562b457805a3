import { createRoute as defineRoute, OpenAPIHono, z } from '@hono/zod-openapi';
import { Id, NEEDS_STEP_UP, ProblemDocument, PROBLEMS, type Permission, type ProblemError, type ProblemSlug } from '@medspa/contracts';
import type { HttpBindings } from '@hono/node-server';
import type { Context, MiddlewareHandler } from 'hono';
import type { Ctx, RepeatableRequest } from './context.ts';
import type { Live } from './live.ts';
import { escapePointer, Problem } from './problem.ts';
import { limited, type RateClass, type RateLimits } from './rate-limits.ts';
import { hashBody } from './repeatable.ts';
import { forbiddenIn, hasGuardedFields, shown } from './views.ts';

export type AppEnv = {
  Bindings: HttpBindings;
  Variables: {
    requestId: string;
    ctx: Ctx;
    limits: RateLimits;
    network: string;
    live: Live;
    idempotencyKey?: string;
    form?: URLSearchParams;
  };
};

/** A router of a module. What does not match its schemas is refused with the place and the reason. */
export function router(): OpenAPIHono<AppEnv> {
  return new OpenAPIHono<AppEnv>({
    defaultHook: (result) => {
      if (!result.success) throw new Problem('invalid-request', { errors: errorsOf(result.target, result.error.issues) });
    },
  });
}

/** The JSON body of a route. Required: a request without one must not pass as `{}`. */
export function jsonBody<Schema extends z.ZodType>(schema: Schema) {
  return { required: true, content: { 'application/json': { schema } } };
}

export function jsonReply<Schema extends z.ZodType>(description: string, schema: Schema) {
  return { description, content: { 'application/json': { schema } } };
}

/** Ways to be refused that every route shares. */
export const EVERYWHERE: readonly ProblemSlug[] = [
  'invalid-request',
  'not-authenticated',
  'not-permitted',
  'enrol-second-factor',
  'origin-refused',
  'too-many-requests',
  'overloaded',
  'unavailable',
  'internal',
  'too-slow',
];
/** And those that every route with a body shares. */
export const WITH_BODY: readonly ProblemSlug[] = ['malformed-body', 'body-too-large', 'unsupported-media-type'];

/** The responses for ways to be refused, beside those that `createRoute` adds to every route. */
export function problems(...slugs: ProblemSlug[]) {
  const byStatus = Map.groupBy(new Set(slugs), (slug) => PROBLEMS[slug].status);
  return Object.fromEntries(
    [...byStatus].map(([status, group]) => [
      status,
      {
        description: group.map((slug) => `\`${slug}\`: ${PROBLEMS[slug].title}`).join(' '),
        content: { 'application/problem+json': { schema: ProblemDocument } },
        'x-problems': group,
      },
    ]),
  ) as { [status in never]: never };
}

type Route = Parameters<typeof defineRoute>[0] & { needs: Permission; limit: RateClass };

/**
 * A route with its documentation: the permission that it needs, the responses that its module names, and the ways in which the
 * platform may refuse. The door demands the permission (`demand`); that both name the same one is tested for every operation. How
 * often one caller may ask for it, its class of limit says. A body with fields that take a permission of their own is held against the
 * sender's before its form is.
 */
export const createRoute = (({ needs, limit, ...route }: Route) => {
  const own = Object.values(route.responses as Record<string, { 'x-problems'?: ProblemSlug[] }>).flatMap(
    (response) => response['x-problems'] ?? [],
  );
  const stepUp: ProblemSlug[] = NEEDS_STEP_UP.has(needs) ? ['step-up-required'] : [];
  const all = problems(...own, ...stepUp, ...EVERYWHERE, ...(route.request?.body ? WITH_BODY : []));
  const body = (route.request?.body?.content['application/json'] as { schema: z.ZodType } | undefined)?.schema;
  return defineRoute({
    ...route,
    middleware: body && hasGuardedFields(body) ? [limited(limit), refuseForbiddenFields(body)] : [limited(limit)],
    'x-permission': needs,
    'x-rate-class': limit,
    responses: { ...route.responses, ...all },
  });
}) as unknown as <P extends string, R extends Omit<Route, 'path'> & { path: P }>(route: R) => ReturnType<typeof defineRoute<P, R>>;

/** Operations that need this permission, as `METHOD /path` below a mount. */
export function operationsNeeding(routes: OpenAPIHono<AppEnv>, permission: Permission, mount: string): Set<string> {
  const found = routes.openAPIRegistry.definitions.flatMap((one) => (one.type === 'route' ? [one.route] : []));
  return new Set(
    found
      .filter((route) => (route as { 'x-permission'?: Permission })['x-permission'] === permission)
      .map(({ method, path }) => `${method.toUpperCase()} ${mount}${path}`),
  );
}

/** Throws `not-permitted` with each place of the body that its sender may not see: neither set, nor searched for, nor guessed. */
function refuseForbiddenFields(schema: z.ZodType): MiddlewareHandler<AppEnv> {
  return async (c, next) => {
    // Without a body, or without JSON, the schema refuses.
    const body: unknown = await c.req.json().catch(() => undefined);
    const errors = forbiddenIn(schema, c.get('ctx').actor.grants, body)
      .slice(0, MAX_ERRORS)
      .map((pointer) => ({ in: 'body' as const, pointer, detail: 'You may not see this field.' }));
    if (errors.length > 0) throw new Problem('not-permitted', { errors });
    await next();
  };
}

/** Path parameter `id`. */
export const IdParam = z.object({ id: Id });

/** Header of requests that may be repeated. */
export const RepeatableHeader = z.object({
  'idempotency-key': z
    .string()
    .regex(/^[\x21-\x7E]{8,200}$/, { error: 'Must be 8 to 200 visible characters.' })
    .optional()
    .describe('the same key with the same body gives the same answer, and the effect happens once'),
});

/**
 * The context of a request whose effect happens once per Idempotency-Key, however often it is sent. `body` is the validated
 * one.
 */
export function repeatable(
  c: { get(key: 'ctx'): Ctx; req: { method: string; path: string; valid(target: 'header'): { 'idempotency-key'?: string | undefined } } },
  body: unknown,
): Ctx {
  const key = c.req.valid('header')['idempotency-key'];
  const ctx = c.get('ctx');
  if (key === undefined) return ctx;
  const request: RepeatableRequest = { route: `${c.req.method} ${c.req.path}`, key, bodyHash: hashBody(ctx, body) };
  return { ...ctx, repeatable: request };
}

/** An answer that is no JSON, such as a calendar: a rule of the module wrote each line of it, of what its verb was shown. */
export function answerText(c: Context<AppEnv>, text: string, type: string): Response {
  return c.body(text, 200, { 'content-type': type });
}

type Issue = { code?: string | undefined; path: PropertyKey[]; message: string; keys?: string[]; errors?: Issue[][] };

const TARGETS: Record<string, ProblemError['in']> = { json: 'body', query: 'query', param: 'path', header: 'header' };

/** As many as help a person; a list of a thousand rows can be wrong in every one. */
const MAX_ERRORS = 50;

/** Where and why a request does not match. An unknown key is named itself; values are never repeated. */
function errorsOf(target: string, issues: readonly unknown[]): ProblemError[] {
  const place = TARGETS[target] ?? 'body';
  return (issues as Issue[])
    .slice(0, MAX_ERRORS)
    .flatMap((issue) => {
      if (issue.code === 'unrecognized_keys') {
        return (issue.keys ?? []).slice(0, MAX_ERRORS).map((key) => errorAt(place, [...issue.path, key], 'Unknown key.'));
      }
      const isMissing = issue.code === 'invalid_type' && issue.message.endsWith('received undefined');
      return [errorAt(place, issue.path, isMissing ? 'Required.' : issue.message)];
    })
    .slice(0, MAX_ERRORS);
}

function errorAt(place: ProblemError['in'], path: PropertyKey[], detail: string): ProblemError {
  const parts = path.map((part) => escapePointer(String(part)));
  return { in: place, pointer: place === 'body' ? parts.map((part) => `/${part}`).join('') : parts.join('.'), detail };
}

/**
 * A value as its documented form, and nothing beside it: a column that nobody documented stays inside, and so does a field that
 * the actor of the request may not see (HIP-10). A route answers with what this wrote, or with `sqlJson`; `scripts/structure.ts`
 * knows no other way.
 */
export function encode<Schema extends z.ZodType>(c: { get(key: 'ctx'): Ctx }, schema: Schema, value: z.output<Schema>): z.input<Schema> {
  return shown(schema, c.get('ctx').actor.grants, z.encode(schema, value));
}

/**
 * An answer that SQL wrote in its documented form already. The schema types it and says what the actor may not see of it; the
 * test harness holds every answer against it, and the hot paths are not encoded twice.
 */
export function sqlJson<Schema extends z.ZodType, Status extends 200 | 201 = 200>(
  c: Context<AppEnv>,
  schema: Schema,
  value: object,
  status?: Status,
) {
  return c.json(shown(schema, c.get('ctx').actor.grants, value as z.input<Schema> & object), status ?? (200 as Status));
}
