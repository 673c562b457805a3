// Results by hand, for the tests of what is made of them.
import type { Result } from '../src/audit.ts';
import type { Category, Check, Judgement, Severity, Verdict } from '../src/check.ts';
import { memoryFiles } from '../src/project/files.ts';
import { openProject, type Project } from '../src/project/project.ts';
import { reportOf, type Report } from '../src/report/report.ts';

export function check(id: string, category: Category, severity: Severity, more: Partial<Check> = {}): Check {
  return {
    id,
    title: `Title of ${id}`,
    category,
    severity,
    why: `What happens without ${id}.`,
    link: 'https://example.com/read-on',
    looksFor: `what ${id} looks for`,
    remedy: `Do what ${id} asks for.`,
    effort: '30 minutes',
    static: () => ({ verdict: 'pass', findings: [], evidence: [] }),
    ...more,
  };
}

export function result(one: Check, verdict: Verdict, more: Partial<Judgement> = {}): Result {
  const grade = verdict === 'warn' ? 'warn' : 'fail';
  const findings =
    verdict === 'fail' || verdict === 'warn'
      ? [{ grade, message: `${one.id} is wrong here`, place: { file: 'src/a.ts', line: 3 } } as const]
      : [];
  const evidence = verdict === 'pass' ? [`${one.id} is right in src/b.ts:7`] : [];
  const reason =
    verdict === 'could not check' ? 'needs --database-url' : verdict === 'not applicable' ? 'there is no such thing' : undefined;
  return {
    check: one,
    judgement: { verdict, findings, evidence, ...(reason ? { reason } : {}), ...more },
    looked: verdict === 'could not check' ? [] : ['static'],
    missed: verdict === 'could not check' ? ['database'] : [],
  };
}

export function planted(files: Record<string, string> = {}): Project {
  return openProject(
    memoryFiles({ 'package.json': '{ "name": "clinic", "dependencies": { "hono": "4.0.0", "@prisma/client": "5.22.0" } }', ...files }),
  );
}

export const DATE = '2026-11-22';

export function reported(results: Result[], more: Partial<Parameters<typeof reportOf>[0]> = {}): Report {
  return reportOf({ project: planted(), results, entries: [], date: DATE, commit: 'abc1234', ...more });
}

/** One row of every verdict, in several categories. */
export function sample(): Result[] {
  const example = { language: 'ts', before: 'const prisma = new PrismaClient();', after: "import { prisma } from '../lib/prisma';" };
  return [
    result(check('pool.limit', 'Connection pool', 'critical', { example }), 'fail'),
    result(check('pool.singleton', 'Connection pool', 'high'), 'pass'),
    result(check('pool.shutdown', 'Connection pool', 'high'), 'warn'),
    result(check('env.files', 'Environment', 'medium'), 'warn'),
    result(check('log.levels', 'Logging', 'low'), 'pass'),
    result(check('health.readiness', 'Health', 'medium'), 'fail'),
    result(check('security.roles', 'Security', 'high'), 'could not check'),
    result(check('cloud.timeout', 'Cloud configuration', 'medium'), 'not applicable'),
    result(check('monitor.errors', 'Monitoring', 'medium'), 'could not check'),
  ];
}
