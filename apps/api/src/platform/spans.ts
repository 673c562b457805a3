import { context, propagation, SpanKind, SpanStatusCode, trace } from '@opentelemetry/api';
import type { MiddlewareHandler } from 'hono';
import { routePath } from 'hono/route';
import type { AppEnv } from './http.ts';
import { problemOf } from './problem.ts';

// Spans through OpenTelemetry's API, which does nothing until `startTracing` has registered a provider. Names are verbs and
// routes, attributes are ids and classes: a span says no more than a log line.

const tracer = trace.getTracer('medspa');

/** One span of a verb. A failure marks it with the class of the problem. */
export function span<T>(action: string, work: () => Promise<T>): Promise<T> {
  return tracer.startActiveSpan(action, async (active) => {
    try {
      return await work();
    } catch (error) {
      active.setStatus({ code: SpanStatusCode.ERROR, message: problemOf(error).slug });
      throw error;
    } finally {
      active.end();
    }
  });
}

/** A span of each request, continuing the caller's trace. */
export function traceRequests(): MiddlewareHandler<AppEnv> {
  return async (c, next) => {
    const parent = propagation.extract(context.active(), c.req.raw.headers, {
      get: (headers, key) => headers.get(key) ?? undefined,
      keys: (headers) => [...headers.keys()],
    });
    await context.with(parent, () =>
      tracer.startActiveSpan(c.req.method, { kind: SpanKind.SERVER }, async (active) => {
        await next();
        const route = routePath(c, -1);
        active.updateName(`${c.req.method} ${route}`);
        active.setAttributes({
          'http.request.method': c.req.method,
          'http.route': route,
          'http.response.status_code': c.res.status,
          'medspa.request_id': c.get('requestId'),
        });
        if (c.res.status >= 500) active.setStatus({ code: SpanStatusCode.ERROR });
        active.end();
      }),
    );
  };
}
