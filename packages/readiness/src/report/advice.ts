// What follows from the rows: the risk, the way forward, when to look again, and the tests that would keep it so.
import { SEVERITIES, type Severity } from '../check.ts';
import { count, openRows, type Report, type ReportRow } from './report.ts';

export type Risk = { level: 'low' | 'moderate' | 'high' | 'critical' | 'unknown'; reasons: ReportRow[] };

const LEVELS: Record<Severity, Risk['level']> = { critical: 'critical', high: 'high', medium: 'moderate', low: 'low' };

/** The risk of deploying now is that of the worst open row; nobody knows it where nothing was looked at. */
export function riskOf(report: Report): Risk {
  const open = openRows(report.rows);
  if (report.status === 'nothing checked') return { level: 'unknown', reasons: [] };
  const worst = Math.min(...open.map(weightOf));
  return { level: LEVELS[SEVERITIES[worst] ?? 'low'], reasons: open.filter((row) => weightOf(row) === worst) };
}

/** A row that only warns is a level less: a version that is not pinned is not a secret that is published. */
function weightOf({ severity, verdict }: ReportRow): number {
  return Math.min(SEVERITIES.indexOf(severity) + (verdict === 'warn' ? 1 : 0), SEVERITIES.length - 1);
}

const MINUTES: Record<string, number> = { '5 minutes': 5, '30 minutes': 30, '2 hours': 120, '1 day': 480, days: 960 };

/** An estimate; `days` is counted as two, so a sum with one is a least. */
export function effortOf(rows: ReportRow[]): string {
  const minutes = rows.reduce((sum, { effort }) => sum + (MINUTES[effort] ?? 0), 0);
  const least = rows.some(({ effort }) => effort === 'days') ? 'at least ' : 'about ';
  if (minutes < 60) return `${least}${minutes} minutes`;
  if (minutes <= 480) return `${least}${count(Math.round(minutes / 60), 'hour', 'hours')}`;
  return `${least}${count(Math.round(minutes / 480), 'working day', 'working days')}`;
}

/** What each severity is for. */
export const PRIORITIES: Record<Severity, string> = {
  critical: 'fix before production, whatever else waits',
  high: 'fix before production',
  medium: 'fix in the next weeks',
  low: 'fix when somebody is there anyway',
};

/** What to do, in order. */
export function pathOf(report: Report): string[] {
  const open = openRows(report.rows);
  const steps = SEVERITIES.flatMap((severity) => {
    const rows = open.filter((row) => row.severity === severity);
    const fixable = rows.filter(({ isFixable }) => isFixable).length;
    const tool = fixable > 0 ? `; \`readiness fix\` writes ${fixable === rows.length ? 'the change' : `the change for ${fixable}`}` : '';
    return rows.length > 0 ? [`Fix what is ${severity}: ${count(rows.length, 'row', 'rows')}, ${effortOf(rows)} by estimate${tool}.`] : [];
  });
  const missed = report.rows.filter(({ missed: means }) => means.length > 0);
  if (missed.length > 0)
    steps.push(`Let the tool look at what it could not see: ${waysToLook(missed).join(', ')} (${count(missed.length, 'row', 'rows')}).`);
  if (open.length > 0) steps.push('Run the audit again, then deploy to a staging environment and test there.');
  steps.push('Run the audit in CI, so that what is fixed stays fixed.');
  return steps;
}

/** Options that would let checks see more. */
function waysToLook(rows: ReportRow[]): string[] {
  const options = { static: 'the files', database: '`--database-url`', http: '`--base-url`', drill: '`--drill`' };
  return [...new Set(rows.flatMap(({ missed }) => missed))].map((means) => options[means]);
}

const REVIEW_DAYS = 90;

/** When to look again: at once after pressing work, else in a quarter, and never later than an acceptance ends. */
export function nextReview(report: Report): string {
  const expiries = report.acceptances.filter(({ state }) => state === 'in use').map(({ entry }) => entry.expires);
  const quarter = new Date(Date.parse(`${report.date}T00:00:00Z`) + REVIEW_DAYS * 86_400_000).toISOString().slice(0, 10);
  const [latest = quarter] = [...expiries, quarter].toSorted();
  const why = latest === quarter ? 'a quarter from now' : 'when the first accepted finding expires';
  const isPressing = openRows(report.rows).some(({ severity }) => severity === 'critical' || severity === 'high');
  return isPressing
    ? `After the critical and high rows are fixed, and at the latest on ${latest} (${why}).`
    : `On ${latest} (${why}), or after the next change of database, deployment or pool.`;
}

export type SuggestedTest = { title: string; row: string; code: string };

/** Tests that are worth having and that the audit did not see pass. */
export function testsToAdd(report: Report): SuggestedTest[] {
  const isMissing = (id: string) => !report.rows.some((row) => row.id === id && (row.state === 'passed' || row.state === 'not applicable'));
  return [
    ...(isMissing('test.pool') ? [{ title: 'The pool is shared, and waits instead of failing', row: 'test.pool', code: POOL_TEST }] : []),
    ...(isMissing('test.health') ? [{ title: 'Health says what is true', row: 'test.health', code: healthTest(report.framework) }] : []),
  ];
}

const POOL_TEST = `test('parallel queries share the connections of the pool', async () => {
  const rows = await Promise.all(
    Array.from({ length: 20 }, () => prisma.$queryRaw<{ pid: number }[]>\`SELECT pg_backend_pid() AS pid\`),
  );
  expect(new Set(rows.map(([row]) => row?.pid)).size).toBeLessThanOrEqual(POOL_SIZE);
});

test('more work than connections waits for its turn, and none fails', async () => {
  // Not \`SELECT pg_sleep(..)\`: its result is void, which Prisma cannot read.
  const work = Array.from({ length: 50 }, () => prisma.$queryRaw\`SELECT 1 FROM pg_sleep(0.1)\`);
  expect(await Promise.all(work)).toHaveLength(50);
});`;

function healthTest(framework: string | null): string {
  const ask: Record<string, { get: string; body: string }> = {
    hono: { get: 'app.request', body: 'await reply.json()' },
    fastify: { get: 'app.inject', body: 'reply.json()' },
  };
  const { get, body } = ask[framework ?? ''] ?? { get: 'request(app).get', body: 'reply.body' };
  const status = framework === 'fastify' ? 'reply.statusCode' : 'reply.status';
  return `test('liveness asks nobody', async () => {
  const reply = await ${get}('/health/live');
  expect(${status}).toBe(200);
});

test('readiness asks the database and says how long it took', async () => {
  const reply = await ${get}('/health/ready');
  expect(${status}).toBe(200);
  expect(${body}).toMatchObject({ status: 'ready', checks: { database: { status: 'healthy', latency: expect.any(Number) } } });
});`;
}
