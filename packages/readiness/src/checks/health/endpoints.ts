import { couldNotCheck, finding, judged, type Check, type Finding } from '../../check.ts';
import type { LiveService } from '../../live/service.ts';
import { healthRoutes, mentioned, PATHS, type Purpose } from './endpoints-found.ts';

const NAMES: Record<Purpose, string> = { health: '/health', ready: '/health/ready', live: '/health/live' };
const PURPOSES: Purpose[] = ['health', 'ready', 'live'];

export const endpoints: Check = {
  id: 'health.endpoints',
  title: 'Health, readiness and liveness have an endpoint each',
  category: 'Health',
  severity: 'low',
  why: 'A load balancer, a probe and a monitor ask different questions. With one route for all of them, an outage of the database either restarts every instance or stays unseen.',
  link: 'https://kubernetes.io/docs/concepts/configuration/liveness-readiness-startup-probes/',
  looksFor:
    'routes for /health, /health/ready and /health/live, or their usual other names (/healthz, /ready, /readyz, /live, /livez); live: each answers 200 with JSON that has `status` and `timestamp`',
  remedy: 'Give each question a route: /health and /health/live answer from memory, /health/ready asks the database.',
  example: {
    language: 'ts',
    before: "app.get('/health', (c) => c.text('ok'));",
    after:
      "app.get('/health', (c) => c.json({ status: 'healthy', timestamp: new Date().toISOString() }));\napp.get('/health/live', (c) => c.json({ status: 'alive', timestamp: new Date().toISOString() }));\napp.get('/health/ready', ready);",
  },
  effort: '30 minutes',
  static: (project) => {
    const routes = healthRoutes(project);
    const missing = PURPOSES.filter((purpose) => !routes.some((route) => route.purpose === purpose) && !mentioned(project, purpose));
    if (missing.length === PURPOSES.length && project.services.every(({ framework }) => framework === null))
      return couldNotCheck('no service with routes was found');
    return judged(
      missing.map((purpose) => finding('warn', `there is no ${NAMES[purpose]}`)),
      [
        ...routes.map(({ path, place }) => `${path} (${place.file}:${place.line})`),
        ...PURPOSES.filter((purpose) => !missing.includes(purpose) && !routes.some((route) => route.purpose === purpose)).flatMap(
          (purpose) => {
            const place = mentioned(project, purpose);
            return place ? [`${NAMES[purpose]} or another name of it is named at ${place.file}:${place.line}`] : [];
          },
        ),
      ],
    );
  },
  http: async (service) => {
    const asked = await Promise.all(PURPOSES.map((purpose) => ask(service, purpose)));
    return judged(
      asked.flatMap((one) => one.findings),
      asked.flatMap((one) => one.evidence),
    );
  },
};

async function ask(service: LiveService, purpose: Purpose): Promise<{ findings: Finding[]; evidence: string[] }> {
  const answers = await Promise.all(PATHS[purpose].map(async (path) => ({ path, ...(await service.get(path, { withinMillis: 5_000 })) })));
  const found = answers.filter(({ status }) => status !== 404);
  const [first] = found;
  if (!first) return { findings: [finding('warn', `${NAMES[purpose]} and its other names answer 404`)], evidence: [] };
  const findings = found.flatMap(({ path, status, json }) => {
    // How the database is concerns the readiness check.
    if (status !== 200 && purpose !== 'ready') return [finding('fail', `GET ${path} answers ${status}`)];
    const body = typeof json === 'object' && json !== null ? (json as { status?: unknown; timestamp?: unknown }) : {};
    const lacking = (['status', 'timestamp'] as const).filter((field) => body[field] === undefined);
    return lacking.length > 0 ? [finding('warn', `GET ${path} answers without ${lacking.join(' and ')}`)] : [];
  });
  return { findings, evidence: found.map(({ path, status }) => `GET ${path} answers ${status}`) };
}
