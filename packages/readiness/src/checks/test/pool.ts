import { finding, judged, notApplicable, type Check, type Finding, type Place } from '../../check.ts';
import { testPool } from '../../drills/test-pool.ts';
import { functionsNamed } from '../../project/functions.ts';
import { calledName, dottedName, excerptOf, placeOf, textOf, type Node, type Source } from '../../project/source.ts';
import { findBelow, walk } from '../../project/walk.ts';
import { testsWith } from './tests.ts';

export const poolTest: Check = {
  id: 'test.pool',
  title: 'A test loads the pool',
  category: 'Best practices',
  severity: 'medium',
  why: 'A pool setting that is written where the driver does not read it looks right in every review. Only more callers than connections show it.',
  link: 'https://node-postgres.com/apis/pool',
  looksFor:
    'a test that sends many queries at once (Promise.all) with pg_sleep, or that counts connections by pg_backend_pid or pg_stat_activity; and `SELECT pg_sleep(...)` through `$queryRaw`, which fails because Prisma cannot read its void. That the pool really holds is for a drill',
  remedy:
    'Test it on a real PostgreSQL: 20 parallel queries come over no more connections than the pool has (distinct pg_backend_pid), and 50 parallel `SELECT 1 FROM pg_sleep(0.1)` all succeed in their turn.',
  example: {
    language: 'ts',
    before: 'await Promise.all(Array.from({ length: 50 }, () => prisma.$queryRaw`SELECT pg_sleep(0.1)`));',
    after:
      'const all = Array.from({ length: 50 }, () => prisma.$queryRaw<{ pid: number }[]>`SELECT pg_backend_pid() AS pid FROM pg_sleep(0.1)`);\nconst pids = new Set((await Promise.all(all)).map(([row]) => row?.pid));\nexpect(pids.size).toBeLessThanOrEqual(10);',
  },
  effort: '2 hours',
  static: (project) => {
    if (!project.prisma && !project.pg) return notApplicable('the project uses neither Prisma nor pg');
    const tests = testsWith(project, 'pg_sleep', 'pg_backend_pid', 'pg_stat_activity');
    const proving = tests.flatMap((source) => provingTest(source) ?? []);
    const broken = tests.flatMap((source) => unreadable(source));
    if (proving.length === 0)
      return judged([...broken, finding('warn', 'no test sends more queries at once than the pool has connections')]);
    return judged(
      broken,
      proving.slice(0, 3).map(({ file, line }) => `${file}:${line} loads the pool`),
    );
  },
  drill: testPool,
};

function sqlOf(node: Node): string | null {
  return node.type === 'TemplateElement' ? node.value.raw : textOf(node);
}

function isProbe(node: Node): boolean {
  return /pg_sleep\s*\(|pg_backend_pid\s*\(|pg_stat_activity/i.test(sqlOf(node) ?? '');
}

/** The first test that sends many at once and holds or counts connections, itself or in a function of the file that it calls. */
function provingTest(source: Source): Place | null {
  const test = findBelow(source.program, (node) =>
    node.type === 'CallExpression' && /^(test|it)(\.|$)/.test(testName(node.callee)) && sendsMany(node) && probes(node, source)
      ? node
      : null,
  );
  return test && placeOf(source, test);
}

/** `test`, `it.only`, and what `test.each(...)` gives. */
function testName(callee: Node): string {
  return callee.type === 'CallExpression'
    ? testName(callee.callee)
    : callee.type === 'TaggedTemplateExpression'
      ? testName(callee.tag)
      : dottedName(callee);
}

function sendsMany(test: Node): boolean {
  return (
    findBelow(test, (node) =>
      node.type === 'CallExpression' && node.callee.type === 'MemberExpression' && /^(all|allSettled)$/.test(calledName(node.callee))
        ? node
        : null,
    ) !== null
  );
}

function probes(test: Node, source: Source): boolean {
  return (
    findBelow(test, (node) => {
      if (isProbe(node)) return node;
      const called = node.type === 'CallExpression' && node.callee.type === 'Identifier' ? functionsNamed(source, node.callee.name) : [];
      return called.find((fn) => findBelow(fn.node, (one) => (isProbe(one) ? one : null))) ? node : null;
    }) !== null
  );
}

/** As a column it is void; `FROM pg_sleep(...)` is fine, and so is `$executeRaw`. */
function unreadable(source: Source): Finding[] {
  const findings: Finding[] = [];
  walk(source.program, (node) => {
    if (node.type !== 'TaggedTemplateExpression' || calledName(node.tag) !== '$queryRaw') return;
    const text = node.quasi.quasis.map(({ value }) => value.raw).join('?');
    if (/select\s+pg_sleep\s*\([^)]*\)(?!\s*(::|is\b))/i.test(text))
      findings.push(
        finding(
          'warn',
          'pg_sleep as a column is void, which Prisma cannot read: this throws instead of waiting',
          placeOf(source, node),
          excerptOf(source, node),
        ),
      );
  });
  return findings;
}
