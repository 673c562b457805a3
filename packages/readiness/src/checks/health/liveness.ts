import { couldNotCheck, finding, judged, warned, type Check, type Finding } from '../../check.ts';
import { healthLiveness } from '../../drills/health-liveness.ts';
import { reachQuery } from '../../project/queries.ts';
import { healthRoutes, mentioned, PATHS, probed } from './endpoints-found.ts';

export const liveness: Check = {
  id: 'health.liveness',
  title: 'Liveness asks nobody',
  category: 'Health',
  severity: 'medium',
  why: 'A liveness route that asks the database restarts every instance in an outage of the database, which helps nobody and loses what was in flight.',
  link: 'https://kubernetes.io/docs/concepts/workloads/pods/probes/',
  looksFor:
    'that the handler of /health/live (/live, /livez, or /health where there is none) comes to no query, and that liveness probes of deployment files do not ask a route that does; live: 200 at once. That it stays 200 while the database is away is for a drill',
  remedy: 'Answer liveness from memory, and leave what concerns the database to readiness.',
  example: {
    language: 'ts',
    before: "app.get('/health/live', async (c) => {\n  await prisma.$queryRaw`SELECT 1`;\n  return c.json({ status: 'alive' });\n});",
    after: "app.get('/health/live', (c) => c.json({ status: 'alive', timestamp: new Date().toISOString() }));",
  },
  effort: '5 minutes',
  static: (project) => {
    const routes = healthRoutes(project);
    const live = routes.filter(({ purpose }) => purpose === 'live');
    const answering = live.length > 0 ? live : routes.filter(({ purpose }) => purpose === 'health');
    const evidence: string[] = [];
    const findings: Finding[] = [];
    for (const { path, place, handlers } of answering) {
      const { query, unknown } = reachQuery(handlers, project);
      if (query && live.length > 0) findings.push(finding('fail', `${path} asks the database at ${query.file}:${query.line}`, place));
      else if (handlers.length > 0 && !query && !unknown) evidence.push(`${path} (${place.file}:${place.line}) asks nobody`);
    }
    const probes = project.deployments.deployments.flatMap((one) => one.probes).filter(({ kind }) => kind === 'liveness');
    for (const { path, place } of probes) {
      const asked = routes.find((route) => route.path === path);
      const { query } = asked ? reachQuery(asked.handlers, project) : { query: null };
      if (query)
        findings.push(finding('fail', `the liveness probe asks ${path}, which asks the database at ${query.file}:${query.line}`, place));
    }
    if (findings.length > 0 || evidence.length > 0) return judged(findings, evidence);
    if (answering.length > 0 && live.length === 0)
      return warned(`there is no liveness route, and ${answering[0]?.path} asks the database`, answering[0]?.place);
    if (answering.length > 0 || mentioned(project, 'live') || probed(project, 'live') || probed(project, 'health'))
      return couldNotCheck('the handler of the liveness route could not be followed');
    if (project.services.every(({ framework }) => framework === null)) return couldNotCheck('no service with routes was found');
    return warned('there is no liveness route: neither /health/live, /live, /livez nor /health');
  },
  http: async (service) => {
    for (const path of [...PATHS.live, ...PATHS.health]) {
      const { status, millis } = await service.get(path, { withinMillis: 5_000 });
      if (status === 404) continue;
      if (status !== 200) return judged([finding('fail', `GET ${path} answers ${status}`)]);
      return judged([], [`GET ${path} answers 200 in ${Math.round(millis)} ms`]);
    }
    return warned(`no liveness route answers: ${PATHS.live.join(', ')}`);
  },
  drill: healthLiveness,
};
