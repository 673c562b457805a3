import { finding, judged, notApplicable, type Check, type Finding } from '../../check.ts';
import { testHealth } from '../../drills/test-health.ts';
import { calledName, excerptOf, placeOf, textOf, type Node, type Source } from '../../project/source.ts';
import { findBelow, walk } from '../../project/walk.ts';
import type { Project } from '../../project/project.ts';
import { testsWith } from './tests.ts';

export const healthTest: Check = {
  id: 'test.health',
  title: 'A test asks how the service is',
  category: 'Best practices',
  severity: 'medium',
  why: 'Health endpoints are asked by machines only. When one of them breaks, every deployment is rolled back, or none is.',
  link: 'https://hono.dev/docs/guides/testing',
  looksFor: 'a test that asks a readiness path and one that asks /health or a liveness path; supertest with an app of Hono, which throws',
  remedy:
    'Test /health, /health/live and /health/ready over HTTP: the first two always 200, the third with the database, its latency, and 503 without it.',
  example: {
    language: 'ts',
    before: "const res = await request(app).get('/health'); // supertest cannot listen with an app of Hono",
    after:
      "const res = await app.request('/health/ready');\nexpect(res.status).toBe(200);\nexpect(await res.json()).toMatchObject({ status: 'ready', checks: { database: { status: 'healthy' } } });",
  },
  effort: '30 minutes',
  static: (project) => {
    if (project.services.length === 0) return notApplicable('no service that uses Prisma or pg was found');
    const tests = testsWith(project, 'health', 'ready', 'livez');
    const asked = {
      ready: pathIn(tests, /\/(ready|readyz|readiness)$/),
      health: pathIn(tests, /\/(health|healthz|live|livez|liveness|api\/health)$/),
    };
    const findings = tests.flatMap((source) => mistaken(source, project));
    if (!asked.ready) findings.push(finding('warn', asked.health ? 'no test asks a readiness path' : 'no test asks how the service is'));
    return judged(
      findings,
      [asked.ready, asked.health].flatMap((one) => one ?? []),
    );
  },
  drill: testHealth,
};

/** Where a test names such a path, alone or at the end of an address. */
function pathIn(tests: Source[], pattern: RegExp): string | null {
  for (const source of tests) {
    const found = findBelow(source.program, (node) => (pattern.test(endOf(node)) ? node : null));
    if (found) return `${source.path}:${placeOf(source, found).line}`;
  }
  return null;
}

function endOf(node: Node): string {
  const [path = ''] = (node.type === 'TemplateElement' ? node.value.raw : (textOf(node) ?? '')).split(/[?#]/);
  return path.replace(/\/$/, '');
}

/** supertest asks for an address that an app of Hono does not have: "app.address is not a function". */
function mistaken(source: Source, project: Project): Finding[] {
  const [name] = [...source.imports].find(([, { module, name: imported }]) => module === 'supertest' && imported === 'default') ?? [];
  if (!name) return [];
  const findings: Finding[] = [];
  walk(source.program, (node) => {
    if (node.type !== 'CallExpression' || calledName(node.callee) !== name) return;
    const [app] = node.arguments;
    if (app?.type === 'Identifier' && isHono(app.name, source, project))
      findings.push(
        finding(
          'warn',
          'supertest cannot ask an app of Hono: it throws. Use app.request()',
          placeOf(source, node),
          excerptOf(source, node),
        ),
      );
  });
  return findings.slice(0, 1);
}

function isHono(name: string, source: Source, project: Project): boolean {
  const imported = source.imports.get(name);
  const home = imported ? project.resolve(source.path, imported.module) : source;
  if (!home) return false;
  const local = !imported || imported.name === 'default' ? 'app' : imported.name;
  const init = home.variables.get(imported ? local : name);
  return init?.type === 'NewExpression' && /^(Hono|OpenAPIHono)$/.test(calledName(init.callee));
}
