import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { createTestDatabase, type TestDatabase } from '@medspa/testing';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { parse } from 'yaml';
import { createMetrics } from '../apps/api/src/platform/metrics.ts';
import { readDeploy, service, worker } from './test/definitions.ts';
import { ROOT } from './test/image.ts';

type Rule = { alert: string; expr: string; for?: string; labels: { severity: string }; annotations: { summary: string; runbook: string } };

const rulesOf = (path: string) => (parse(readDeploy(path)) as { groups: { rules: Rule[] }[] }).groups.flatMap(({ rules }) => rules);
const rules = rulesOf('alerts/medspa.yaml');

/** Words of PromQL that are no names of metrics, beside functions, which are followed by a parenthesis. */
const WORDS = new Set(['sum', 'max', 'min', 'by', 'unless', 'or', 'and', 'le', 'name', 'instance']);

/** The metrics that an expression names, each with its labels. */
function metricsIn(expr: string): { name: string; labels: [label: string, value: string][] }[] {
  const plain = expr.replaceAll(/\[\w+\]/g, '');
  return [...plain.matchAll(/(?<!["\w])([a-z_]\w*(?::\w+)?)(\{[^}]*\})?(?!\w|\s*\(|=|")/g)]
    .filter(([, name = '']) => !WORDS.has(name))
    .map(([, name = '', labels = '']) => ({
      name,
      labels: [...labels.matchAll(/(\w+)(?:=~?|!=|!~)"([^"]*)"/g)].map(([, label = '', value = '']) => [label, value]),
    }));
}

describe('the rules over our own metrics', () => {
  let t: TestDatabase;
  /** Every series that the registry has once everything was measured, with the values of each label. */
  const series = new Map<string, Map<string, Set<string>>>();
  beforeAll(async () => {
    t = await createTestDatabase();
    const metrics = createMetrics();
    metrics.watch(t.database, () => 0);
    metrics.request('GET', '/health', 500, 1);
    metrics.problem('overloaded', '/health');
    metrics.problem('too-many-requests', '/v1/session');
    metrics.job('watch-arrivals', 'done', 1);
    metrics.job('watch-arrivals', 'failed', 1);
    metrics.queued(1);
    metrics.sealed(0);
    metrics.overdueReviews(0);
    metrics.pool.acquired?.(1);
    metrics.pool.queried?.('SELECT 1', 1, false);
    for (const [, name = '', labels = ''] of (await metrics.render()).text.matchAll(/^(\w+)(?:\{(.*)\})? \S+$/gm)) {
      const known = series.get(name) ?? new Map<string, Set<string>>();
      for (const [, label = '', value = ''] of labels.matchAll(/(\w+)="([^"]*)"/g))
        known.set(label, (known.get(label) ?? new Set()).add(value));
      series.set(name, known);
    }
  });
  afterAll(() => t.drop());

  test('name metrics, labels and values that are there', () => {
    const asked = rules.flatMap(({ alert, expr }) => metricsIn(expr).map((metric) => ({ alert, ...metric })));
    expect(asked.length).toBeGreaterThanOrEqual(rules.length);
    for (const { alert, name, labels } of asked) {
      expect(series.has(name), `${alert} asks for ${name}`).toBe(true);
      for (const [label, value] of labels) {
        const values = [...(series.get(name)?.get(label) ?? [])];
        expect(
          values.some((one) => new RegExp(`^(?:${value})$`).test(one)),
          `${alert} asks for ${name}{${label}="${value}"}`,
        ).toBe(true);
      }
    }
  });

  test('see a metric that is not there, so that this test can fail', () => {
    expect(metricsIn('sum by (le) (rate(gone_total{status=~"5..", a!="b"}[5m])) > 0.9 * 2 unless audit_seal_age_seconds')).toEqual([
      {
        name: 'gone_total',
        labels: [
          ['status', '5..'],
          ['a', 'b'],
        ],
      },
      { name: 'audit_seal_age_seconds', labels: [] },
    ]);
  });

  test('cover what wakes somebody: connection errors, waiting, error rate, latency, failed jobs, the budget, the seals', () => {
    const alerts = rules.map(({ alert }) => alert);
    expect(alerts).toEqual(
      expect.arrayContaining([
        'DatabaseConnectionErrors',
        'DatabaseCallersWait',
        'ErrorRate',
        'Latency',
        'JobFails',
        'DatabaseConnectionBudget',
        'AuditLogNotSealed',
        'SealedValueUnreadable',
      ]),
    );
    expect(new Set(alerts).size).toBe(alerts.length);
  });

  test('know how many connections the definitions plan for', () => {
    const pool = (definition: ReturnType<typeof service | typeof worker>) =>
      Number(definition.spec.template.spec.containers[0]?.env?.find(({ name }) => name === 'DATABASE_POOL_MAX')?.value);
    const planned = 10 * 2 * pool(service()) + 2 * pool(worker());
    expect(rules.find(({ alert }) => alert === 'DatabaseConnectionBudget')?.expr).toContain(`> 0.9 * ${planned}`);
  });
});

test('every rule says what is wrong, how grave it is, and the page that helps', () => {
  const files = readdirSync(join(ROOT, 'deploy/alerts'));
  expect(files.toSorted()).toEqual(['cloud-sql.yaml', 'medspa.yaml']);
  for (const { alert, labels, annotations } of files.flatMap((file) => rulesOf(`alerts/${file}`))) {
    expect(['page', 'ticket'], alert).toContain(labels.severity);
    expect(annotations.summary, alert).toMatch(/^[A-Z].*\.$/s);
    expect(existsSync(join(ROOT, annotations.runbook)), `${alert}: ${annotations.runbook}`).toBe(true);
  }
});

test("the rules over the instance use Google's names of metrics", () => {
  for (const { expr } of rulesOf('alerts/cloud-sql.yaml'))
    for (const { name, labels } of metricsIn(expr)) {
      expect(name).toMatch(/^cloudsql_googleapis_com:database_/);
      expect(labels).toEqual([['monitored_resource', 'cloudsql_database']]);
    }
});
