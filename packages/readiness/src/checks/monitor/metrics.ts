import { couldNotCheck, finding, judged, notApplicable, type Check, type Finding } from '../../check.ts';
import { monitorMetrics } from '../../drills/monitor-metrics.ts';
import type { Project } from '../../project/project.ts';
import { calledName, nameOf, placeOf } from '../../project/source.ts';
import { findBelow } from '../../project/walk.ts';
import { importing, instrumentsOf, METRICS, readMetrics, TOOL_WORDS } from './tools.ts';

export const metrics: Check = {
  id: 'monitor.metrics',
  title: 'The service measures itself',
  category: 'Monitoring',
  severity: 'medium',
  why: 'A pool that runs dry shows as slow requests of everybody. Without the number of waiting callers nobody can tell it from a slow database, and no alert comes before the users do.',
  link: 'https://node-postgres.com/apis/pool#properties',
  looksFor:
    'a metrics library that production code uses, and something that measures the pool (totalCount, idleCount, waitingCount, the `metrics` preview of Prisma 6 and older, instrumentation of pg); live: requests, queries, pool, waiting callers and event-loop lag at /metrics. That they move under load is for a drill',
  remedy: (project) =>
    (project.prisma?.major ?? 0) >= 7
      ? 'Expose request and query histograms and gauges of the pool (`totalCount`, `idleCount`, `waitingCount`) with prom-client or OpenTelemetry, on a port of the inside. `$metrics` is gone in Prisma 7; Accelerate is a proxy and no metrics.'
      : 'Expose request and query histograms and the pool with prom-client or OpenTelemetry, on a port of the inside; with the engine of Prisma the pool is in `prisma.$metrics` (preview feature `metrics`). Accelerate is a proxy and no metrics.',
  example: {
    language: 'ts',
    before: '// nothing measures the pool',
    after: "new Gauge({ name: 'db_pool_waiting', help: 'Callers waiting for a connection', collect() { this.set(pool.waitingCount); } });",
  },
  effort: '1 day',
  static: (project) => {
    if (project.services.length === 0) return notApplicable('no service that uses Prisma or pg was found');
    const findings = [...gone(project)];
    const library = importing(project, METRICS, ...TOOL_WORDS);
    if (!library)
      return judged([...findings, finding('warn', 'nothing measures requests, queries or the pool: no metrics library is used')]);
    const pool = poolMetrics(project);
    if (!pool) findings.push(finding('warn', `${library.module} is used, but nothing measures the connection pool`, library.place));
    const names = instrumentsOf(project).map(({ name }) => name);
    return judged(findings, [
      `${library.module} in ${library.place.file}:${library.place.line}${names.length > 0 ? `: ${names.slice(0, 8).join(', ')}` : ''}`,
      ...(pool ? [`the pool is measured in ${pool}`] : []),
    ]);
  },
  http: async (service) => {
    const { status, text } = await service.get('/metrics', { withinMillis: 5_000 });
    if (status !== 200) return couldNotCheck(`GET /metrics answers ${status} at the base URL; they may be on a port of the inside`);
    const names = [...readMetrics(text).keys()];
    if (names.length === 0) return judged([finding('warn', 'GET /metrics answers, and not in the form of Prometheus')]);
    const missing = KINDS.filter(([, pattern]) => !names.some((name) => pattern.test(name)));
    return judged(
      missing.map(([what]) => finding('warn', `GET /metrics has nothing about ${what}`)),
      [`GET /metrics has ${names.length} metrics`],
    );
  },
  drill: monitorMetrics,
};

const KINDS: [string, RegExp][] = [
  ['requests', /http.*(duration|request|latency)|request.*(duration|seconds|total)/i],
  ['queries', /(db|database|sql|pg|prisma|postgres).*(quer|statement|operation)/i],
  ['connections of the pool', /(pool|connections)/i],
  ['callers that wait for a connection', /(pool|db|pg|prisma).*(wait|queue|acquire|pending)/i],
  ['the event loop', /event_?loop/i],
];

/** `$metrics` is undefined in Prisma 7: what reads it throws. */
function gone(project: Project): Finding[] {
  if ((project.prisma?.major ?? 0) < 7) return [];
  return project.sourcesWith('$metrics').flatMap((source) => {
    const found = findBelow(source.program, (node) =>
      node.type === 'MemberExpression' && nameOf(node.property) === '$metrics' ? node : null,
    );
    return found ? [finding('fail', '`$metrics` does not exist in Prisma 7', placeOf(source, found))] : [];
  });
}

function poolMetrics(project: Project): string | null {
  for (const source of project.sourcesWith('waitingCount', 'idleCount', '$metrics', 'instrumentation-pg', 'auto-instrumentations-node')) {
    const found = findBelow(source.program, (node) => {
      if (node.type === 'MemberExpression' && /^(waitingCount|idleCount|\$metrics)$/.test(calledName(node))) return node;
      if (node.type === 'Property' && node.key.type === 'Identifier' && /^(waitingCount|idleCount)$/.test(node.key.name)) return node;
      return node.type === 'ImportDeclaration' && /instrumentation-pg|auto-instrumentations-node/.test(node.source.value) ? node : null;
    });
    if (found) return `${source.path}:${placeOf(source, found).line}`;
  }
  return null;
}
