// The nineteen steps before a deployment, each with the rows that answer it.
import type { Means } from '../check.ts';
import type { ReportRow } from './report.ts';

type Step = {
  text: string;
  checks: string[];
  /** Only these means answer it: a drill is not done by reading files. */
  means?: Means[];
};

export type StepState = { text: string; state: 'done' | 'open' | 'not applicable' | 'unknown'; note: string };

const DEPLOYMENT_STEPS: Step[] = [
  { text: 'Rotate every credential that was ever committed', checks: ['env.secrets-committed'] },
  { text: 'Keep credentials in a secret manager', checks: ['security.secret-manager'] },
  { text: 'Take credentials out of the env files', checks: ['env.secrets-committed', 'env.weak-secret'] },
  { text: 'Keep real env files out of git', checks: ['env.files'] },
  { text: 'Set the limits of the connection pool', checks: ['pool.limit', 'pool.wait-timeout', 'pool.connect-timeout', 'pool.budget'] },
  { text: 'Leave one client and one pool in each process', checks: ['pool.singleton', 'pool.duplicate-client'] },
  { text: 'Let the readiness endpoint ask the database', checks: ['health.readiness'] },
  { text: 'Leave one shutdown handler that drains', checks: ['pool.shutdown', 'pool.duplicate-shutdown'] },
  { text: 'Deploy with secrets and the database instance', checks: ['security.secret-manager', 'cloud.sql-instances'] },
  { text: 'Keep one instance warm', checks: ['cloud.min-instances'] },
  { text: 'Bound the time of a request', checks: ['cloud.timeout'] },
  { text: 'Set the concurrency of an instance', checks: ['cloud.concurrency'] },
  { text: 'Test the health endpoints', checks: ['health.endpoints', 'health.readiness', 'health.liveness'], means: ['http', 'drill'] },
  { text: 'Test the shutdown under load', checks: ['pool.shutdown'], means: ['drill'] },
  { text: 'Load-test the connection pool with 50 or more requests at once', checks: ['test.pool'] },
  { text: 'Switch on query insights', checks: ['monitor.slow-query'] },
  { text: 'Alert on database connection errors', checks: ['docs.alerts'] },
  { text: 'Write down how secrets are kept and rotated', checks: ['docs.runbook'] },
  { text: 'Write runbooks for what commonly goes wrong', checks: ['docs.runbook'] },
];

export function checklistOf(rows: ReportRow[]): StepState[] {
  return DEPLOYMENT_STEPS.map((step) => ({ text: step.text, ...stateOf(step, rows) }));
}

function stateOf({ checks, means }: Step, rows: ReportRow[]): Omit<StepState, 'text'> {
  const asked = rows.filter(({ id }) => checks.includes(id));
  const named = (some: ReportRow[]) => some.map(({ id }) => id).join(', ');
  const wrong = asked.filter(({ state }) => state === 'open' || state === 'accepted');
  if (wrong.length > 0)
    return { state: 'open', note: wrong.map(({ id, state }) => (state === 'accepted' ? `${id} (accepted)` : id)).join(', ') };
  const applying = asked.filter(({ state }) => state !== 'not applicable');
  if (asked.length > 0 && applying.length === 0) return { state: 'not applicable', note: asked[0]?.reason ?? '' };
  const blind = applying.filter((row) => row.state === 'not checked' || (means && !means.some((one) => row.looked.includes(one))));
  if (applying.length === 0) return { state: 'unknown', note: `nothing looked at it (${checks.join(', ')})` };
  if (blind.length > 0)
    return { state: 'unknown', note: blind.map((row) => `${row.id}: ${row.reason ?? `needs ${means?.join(' or ')}`}`).join('; ') };
  return { state: 'done', note: named(applying) };
}
