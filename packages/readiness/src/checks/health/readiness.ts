import { couldNotCheck, failed, finding, judged, type Check, type Finding, type Judgement } from '../../check.ts';
import { fixReadiness } from '../../fix/health.readiness.ts';
import { healthReadiness } from '../../drills/health-readiness.ts';
import type { LiveService, Reply } from '../../live/service.ts';
import type { Fn } from '../../project/functions.ts';
import type { Project } from '../../project/project.ts';
import { reachQuery } from '../../project/queries.ts';
import { excerptOf, nameOf, placeOf, type Node } from '../../project/source.ts';
import { findBelow, walk } from '../../project/walk.ts';
import { healthRoutes, mentioned, PATHS, probed, type HealthRoute } from './endpoints-found.ts';

export const readiness: Check = {
  id: 'health.readiness',
  title: 'Readiness asks the database',
  category: 'Health',
  severity: 'medium',
  why: 'A readiness route that does not ask sends users to an instance that cannot serve them, and hides an outage from every alert on it.',
  link: 'https://cloud.google.com/run/docs/configuring/healthchecks',
  looksFor:
    'that the handler of /health/ready (/ready, /readyz, or /health where there is none) comes to a query, through the functions it calls, and puts no text of an error into its answer; live: 200 with `status: ready` and the state of the database, within a second, without host names',
  remedy:
    'Ask the database in the handler, over a connection of its own, bounded by one second and kept for two; answer 503 when it fails, with a class of error and never its message, which names hosts.',
  example: (project) => ({
    language: 'ts',
    before: "app.get('/health/ready', (c) => {\n  const dbHealthy = true; // Placeholder\n  return c.json({ status: 'ready' });\n});",
    after: project.prisma?.hasAdapter ? ASKS_POOL : ASKS_PRISMA,
  }),
  effort: '30 minutes',
  static: (project) => {
    const routes = healthRoutes(project);
    const ready = routes.filter(({ purpose }) => purpose === 'ready');
    const asked = ready.length > 0 ? ready : routes.filter(({ purpose }) => purpose === 'health');
    const [first] = asked;
    if (first) return together(asked.map((route) => judge(route, project)));
    const place = [mentioned, probed].flatMap((look) => look(project, 'ready') ?? look(project, 'health') ?? [])[0];
    if (place) return couldNotCheck(`${place.file}:${place.line} names such a path, but its handler was not found`);
    if (project.services.every(({ framework }) => framework === null)) return couldNotCheck('no service with routes was found');
    return failed('no route says whether the service is ready: neither /health/ready, /ready, /readyz nor /health');
  },
  http: async (service) => {
    for (const path of PATHS.ready) {
      const reply = await service.get(path, { withinMillis: 5_000 });
      if (reply.status !== 404) return judgeReply(path, reply);
    }
    return noReadyRoute(service);
  },
  drill: healthReadiness,
  fix: fixReadiness,
};

const ASKS_POOL = `const health = new pg.Pool({ ...settings, max: 1, connectionTimeoutMillis: 1_000, statement_timeout: 1_000 });

app.get('/health/ready', async (c) => {
  const since = performance.now();
  const healthy = await health.query('SELECT 1').then(() => true, () => false);
  const database = { status: healthy ? 'healthy' : 'unhealthy', latency: performance.now() - since };
  return c.json({ status: healthy ? 'ready' : 'not_ready', checks: { database }, timestamp: new Date().toISOString() }, healthy ? 200 : 503);
});`;

const ASKS_PRISMA = `app.get('/health/ready', async (c) => {
  const since = performance.now();
  const late = new Promise<false>((resolve) => setTimeout(resolve, 1_000, false));
  const healthy = await Promise.race([prisma.$queryRaw\`SELECT 1\`.then(() => true, () => false), late]);
  const database = { status: healthy ? 'healthy' : 'unhealthy', latency: performance.now() - since };
  return c.json({ status: healthy ? 'ready' : 'not_ready', checks: { database }, timestamp: new Date().toISOString() }, healthy ? 200 : 503);
});`;

function judge(route: HealthRoute, project: Project): Judgement {
  const { file, line } = route.place;
  if (route.handlers.length === 0) return couldNotCheck(`the handler of ${route.path} (${file}:${line}) was not found`);
  const { query, read, unknown } = reachQuery(route.handlers, project);
  const leaks = read.flatMap((fn) => toldErrors(fn));
  if (query) return judged(leaks, [`${route.path} (${file}:${line}) asks the database at ${query.file}:${query.line}`]);
  const placeholder = route.handlers.map((fn) => placeholderIn(fn)).find((one) => one !== null);
  if (placeholder) return judged([placeholder]);
  if (unknown)
    return couldNotCheck(
      `${route.path} (${file}:${line}) calls ${unknown.name} (${unknown.place.file}:${unknown.place.line}), which could not be followed`,
    );
  return judged([finding('fail', `${route.path} answers without asking the database`, route.place)]);
}

/** Several handlers may serve the route, of several services: each counts once. */
function together(judgements: Judgement[]): Judgement {
  const findings = judgements.flatMap((one) => one.findings);
  const unique = findings.filter(
    ({ message, place }, index) =>
      findings.findIndex((one) => one.message === message && one.place?.file === place?.file && one.place?.line === place?.line) === index,
  );
  const unsure = judgements.find(({ verdict }) => verdict === 'could not check');
  if (unique.length === 0 && unsure) return unsure;
  return judged(unique, [...new Set(judgements.flatMap(({ evidence }) => evidence))]);
}

/** `const dbHealthy = true`: the answer is written down. */
function placeholderIn({ node: root, source }: Fn): Finding | null {
  const stated = findBelow(root, (node) =>
    node.type === 'VariableDeclarator' &&
    node.init?.type === 'Literal' &&
    node.init.value === true &&
    node.id.type === 'Identifier' &&
    /db|database|prisma|postgres/i.test(node.id.name)
      ? node
      : null,
  );
  return (
    stated && finding('fail', 'the database is called healthy without being asked', placeOf(source, stated), excerptOf(source, stated))
  );
}

/** The text of a caught error in what a function answers. */
function toldErrors({ node: root, source }: Fn): Finding[] {
  const findings: Finding[] = [];
  walk(root, (node, around) => {
    if (node.type !== 'MemberExpression' || nameOf(node.property) !== 'message' || node.object.type !== 'Identifier') return;
    const caught = node.object.name;
    const clause = around.find((one) => one.type === 'CatchClause' && one.param?.type === 'Identifier' && one.param.name === caught);
    if (clause && isTold(around)) findings.push(finding('warn', LEAK, placeOf(source, node), excerptOf(source, around.at(-1) ?? node)));
  });
  return findings.slice(0, 1);
}

const LEAK = 'the answer holds the text of the error, which names host, port and user of the database';

/** In what is returned or sent, and not in what is logged. */
function isTold(around: Node[]): boolean {
  for (const one of around.toReversed()) {
    if (one.type === 'ReturnStatement') return true;
    if (one.type === 'CallExpression') {
      const callee = one.callee.type === 'MemberExpression' ? nameOf(one.callee.property) : '';
      return callee === 'json' || callee === 'send';
    }
    if (one.type === 'CatchClause') return false;
  }
  return false;
}

const LATEST_MILLIS = 1_500;
/** What only a message would say: addresses, drivers' codes, the name of a relation. */
const TELLS =
  /ECONN|ENOTFOUND|ETIMEDOUT|postgres(ql)?:\/\/|\b\d{1,3}(\.\d{1,3}){3}\b|:5432\b|password authentication|Can't reach database|prisma/i;

function judgeReply(path: string, { status, json, text, millis }: Reply): Judgement {
  const body = json as { status?: unknown; checks?: { database?: { status?: unknown; latency?: unknown } } } | null;
  const findings: Finding[] = [];
  if (status !== 200) findings.push(finding('fail', `GET ${path} answers ${status} while it is being audited`));
  if (millis > LATEST_MILLIS)
    findings.push(finding('warn', `GET ${path} takes ${Math.round(millis)} ms; probes give up after a second or two`));
  if (TELLS.test(text)) findings.push(finding('warn', `GET ${path} tells of the database's address or driver in its body`));
  const database = body?.checks?.database;
  if (status === 200 && (typeof body !== 'object' || !database || typeof database.status !== 'string'))
    findings.push(finding('warn', `GET ${path} does not say how the database is (checks.database.status)`));
  else if (status === 200 && typeof database?.latency !== 'number')
    findings.push(finding('warn', `GET ${path} does not say how long the database took (checks.database.latency)`));
  return judged(
    findings,
    findings.length === 0 ? [`GET ${path} answers 200 in ${Math.round(millis)} ms with the state of the database`] : [],
  );
}

async function noReadyRoute(service: LiveService): Promise<Judgement> {
  for (const path of PATHS.health) {
    const reply = await service.get(path, { withinMillis: 5_000 });
    if (reply.status === 404) continue;
    return /database|postgres|db"/i.test(reply.text)
      ? judgeReply(path, reply)
      : judged([finding('fail', `there is no readiness route, and GET ${path} does not say how the database is`)]);
  }
  return failed(`no readiness route answers: ${PATHS.ready.join(', ')}`);
}
