import { couldNotCheck, finding, judged, notApplicable, type Check } from '../../check.ts';
import { importing, instrumentsOf, readMetrics, TOOL_WORDS } from './tools.ts';

export const errors: Check = {
  id: 'monitor.errors',
  title: 'Errors are counted by class and route',
  category: 'Monitoring',
  severity: 'medium',
  why: 'An error rate over everything hides a route that fails for every caller; a rate without a class does not tell a bug from a database that is away.',
  link: 'https://sre.google/sre-book/monitoring-distributed-systems/',
  looksFor:
    'a counter or histogram with labels for the status, code or class and for the route, HTTP instrumentation of OpenTelemetry, a metrics middleware, or an error tracker; live: such labels at /metrics',
  remedy:
    'Count every answer with its route pattern and status, and every failure with its class. Labels hold patterns and classes, never what a person typed.',
  example: {
    language: 'ts',
    before: "new Counter({ name: 'http_requests_total', help: 'Requests' })",
    after: "new Counter({ name: 'http_requests_total', help: 'Requests', labelNames: ['method', 'route', 'status'] })",
  },
  effort: '2 hours',
  static: (project) => {
    if (project.services.length === 0) return notApplicable('no service that uses Prisma or pg was found');
    const counted = instrumentsOf(project).find(
      ({ labels }) => labels.some((one) => OUTCOME.test(one)) && labels.some((one) => ROUTE.test(one)),
    );
    if (counted) return judged([], [`${counted.name} by ${counted.labels.join(', ')} in ${counted.place.file}:${counted.place.line}`]);
    const tool = importing(project, TOOLS, ...TOOL_WORDS);
    if (tool) return judged([], [`${tool.module} in ${tool.place.file}:${tool.place.line}`]);
    return judged([finding('warn', 'nothing counts errors by class and route')]);
  },
  http: async (service) => {
    const { status, text } = await service.get('/metrics', { withinMillis: 5_000 });
    if (status !== 200) return couldNotCheck(`GET /metrics answers ${status} at the base URL; they may be on a port of the inside`);
    const found = [...readMetrics(text)].find(
      ([, labels]) => [...labels].some((one) => OUTCOME.test(one)) && [...labels].some((one) => ROUTE.test(one)),
    );
    return found
      ? judged([], [`GET /metrics has ${found[0]} by ${[...found[1]].join(', ')}`])
      : judged([finding('warn', 'GET /metrics has nothing with labels for both outcome and route')]);
  },
};

const OUTCOME =
  /^(status|status_?code|code|class|outcome|error\w*|reason|slug|kind|type|result|http_status\w*|http_response_status_code)$/i;
const ROUTE = /^(route|path|handler|operation|endpoint|http_route|controller|url)$/i;
const TOOLS =
  /^(@opentelemetry\/(instrumentation-(http|express|fastify\w*|koa|nestjs-core|hapi)|auto-instrumentations-node)|(@[\w.-]+\/)?[\w.-]*prom(etheus)?-(\w+-)?(middleware|bundle|metrics)|fastify-metrics|@hono\/prometheus|@sentry\/.+|dd-trace|newrelic|elastic-apm-node|@bugsnag\/.+|rollbar|applicationinsights|@google-cloud\/error-reporting)$/;
