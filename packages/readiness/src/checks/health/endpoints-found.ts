// The health routes of a project, sorted by what they are for.
import type { Place } from '../../check.ts';
import type { Probe } from '../../project/deployment.ts';
import type { Project } from '../../project/project.ts';
import { findBelow } from '../../project/walk.ts';
import { placeOf, textOf } from '../../project/source.ts';
import { routesIn, type Route } from '../../project/routes.ts';

export type Purpose = 'health' | 'ready' | 'live';

const PURPOSES: [Purpose, RegExp][] = [
  ['ready', /(^|[/_-])(ready|readyz|readiness)$/i],
  ['live', /(^|[/_-])(live|livez|liveness|alive)$/i],
  ['health', /\/(_?health|healthz|health-?checks?|status|heartbeat|ping)$/i],
];
/** As such a path begins in a file: `'/ready'`, `@Get('ready')`. The bare word would be in every `already`. */
const WORDS = [
  ...['health', 'ready', 'readiness', 'live'].flatMap((word) => ['/', "'", '"', '`'].map((before) => before + word)),
  '/_health',
  '/alive',
  '/status',
  '/ping',
  '/heartbeat',
];

/** Where each purpose may answer, likeliest first, for asking over HTTP. */
export const PATHS: Record<Purpose, string[]> = {
  health: ['/health', '/healthz', '/api/health'],
  ready: ['/health/ready', '/ready', '/readyz', '/health/readiness', '/api/health/ready'],
  live: ['/health/live', '/live', '/livez', '/health/liveness', '/api/health/live'],
};

/** What may stand before such a path; `/orders/ready` and `/streams/:id/live` are of something else. */
const BEFORE = /^(api|rest|v\d+|internal|system|probes?|status|k8s|kube\w*|monitor(ing)?|actuator|public|_\w*)?$/i;

function purposeOf(path: string): Purpose | null {
  const segments = path.replace(/\/$/, '').split('/').slice(0, -1);
  if (!segments.some((one) => /health/i.test(one)) && !segments.every((one) => BEFORE.test(one))) return null;
  return PURPOSES.find(([, pattern]) => pattern.test(path.replace(/\/$/, '')))?.[0] ?? null;
}

const KIND_PURPOSE: Record<Probe['kind'], Purpose> = { health: 'health', startup: 'health', readiness: 'ready', liveness: 'live' };

export type HealthRoute = Route & { purpose: Purpose };

const found = new WeakMap<Project, HealthRoute[]>();

/** Routes for reading that say how the service is. Several checks ask. */
export function healthRoutes(project: Project): HealthRoute[] {
  const known = found.get(project) ?? readRoutes(project);
  found.set(project, known);
  return known;
}

function readRoutes(project: Project): HealthRoute[] {
  // Next.js, Remix and SvelteKit have the path in the name of the file.
  const named = project.production.filter((path) => /(^|\/)(app|pages|routes)\/.*(health|ready|live|status|ping)/i.test(path));
  const sources = new Set([...project.sourcesWith(...WORDS), ...named.flatMap((path) => project.source(path) ?? [])]);
  return routesIn(project, [...sources]).flatMap((route) => {
    const purpose = purposeOf(route.path);
    return purpose && ['GET', 'ALL', 'HEAD'].includes(route.method) ? [{ ...route, purpose }] : [];
  });
}

/** A path of this purpose that is asked by a probe of a deployment file, so that something answers it. */
export function probed(project: Project, purpose: Purpose): Place | null {
  const probes = project.deployments.deployments.flatMap((one) => one.probes);
  return probes.find(({ path, kind }) => path !== null && (purposeOf(path) ?? KIND_PURPOSE[kind]) === purpose)?.place ?? null;
}

/** A path of this purpose that stands in production code, though no route was found for it: `if (url === '/readyz')`. */
export function mentioned(project: Project, purpose: Purpose): Place | null {
  for (const source of project.sourcesWith(...WORDS)) {
    const named = findBelow(source.program, (node) => {
      const text = textOf(node);
      return text?.startsWith('/') && purposeOf(text) === purpose ? node : null;
    });
    if (named) return placeOf(source, named);
  }
  return null;
}
