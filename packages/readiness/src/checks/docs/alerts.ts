import { finding, judged, notApplicable, type Check } from '../../check.ts';
import type { Project } from '../../project/project.ts';
import { readYaml, type Yaml } from '../../project/readers/yaml.ts';
import { placeText, productionDeployments } from '../cloud/services.ts';

/** Matched against names and expressions in words: `JobsFailed` and `jobs_failed` are "Jobs Failed" and "jobs failed". */
const TOPICS: [name: string, words: RegExp][] = [
  [
    'database connection errors',
    /\b(database|postgres\w*|db|pg|sql|pool|connections?)\b.*\b(errors?|fail\w*|down|unavailable|unreachable|refused|timeouts?|exhausted)\b/i,
  ],
  [
    'waiting connections',
    /\b(connections?|pool|clients?)\b.*\b(wait\w*|acquire|saturat\w*)\b|\bwait\w*\b.*\b(connections?|pool)\b|num backends/i,
  ],
  ['error rate', /\berrors? (rate|ratio|budget)\b|5xx|\bhttp\b.*\berrors?\b|(status|code)\w*[^a-z]{0,12}5/i],
  ['latency', /latenc|\bp9[059]\b|duration|slow|quantile|response time/i],
  [
    'failed jobs',
    /\bjobs?\b.*\b(fail\w*|errors?|dead|stuck|late|lag|backlog|completed execution)\b|\b(fail\w*|dead|stuck)\b.*\bjobs?\b|\bqueue\b/i,
  ],
];
const INSIGHTS = /insights-config-query-insights-enabled|query_insights_enabled\s*=\s*true|queryInsightsEnabled["']?\s*:\s*true/;

/** Rules and policies in files of any of the formats; longer files are data. */
const MARK = /^\s*(- )?"?(alert|rules|conditions|alertPolicies)"?\s*:|google_monitoring_alert_policy|"conditions"\s*:/m;
const LONGEST = 200_000;

type Alert = { file: string; text: string };

export const alerts: Check = {
  id: 'docs.alerts',
  title: 'Alert rules as files',
  category: 'Best practices',
  severity: 'medium',
  why: 'Alerts that were clicked together are gone with the project they were made in, and nobody reviews their limits.',
  link: 'https://prometheus.io/docs/prometheus/latest/configuration/alerting_rules/',
  looksFor: `rules of Prometheus, Grafana or Cloud Monitoring (YAML, JSON, Terraform) for ${TOPICS.map(([name]) => name).join(', ')}; with Cloud SQL also Query Insights, switched on by a script`,
  remedy: 'Keep the rules in the repository and apply them from the pipeline. Begin with the five, each with a runbook in its annotations.',
  example: {
    language: 'yaml',
    before: '',
    after:
      'groups:\n  - name: database\n    rules:\n      - alert: ConnectionsWaiting\n        expr: max_over_time(pool_waiting[1m]) > 0\n        for: 1m\n        annotations: { runbook: docs/runbooks/exhausted-pool.md }',
  },
  effort: '2 hours',
  static: (project) => {
    if (project.services.length === 0) return notApplicable('no service that uses Prisma or pg was found');
    const found = alertsOf(project);
    const topics = TOPICS.map(([name, words]) => ({ name, alert: found.find(({ text }) => words.test(text)) }));
    const lacking = topics.filter(({ alert }) => !alert).map(({ name }) => name);
    const message = found.length === 0 ? 'there are no alert rules in the repository' : `no alert rule for: ${lacking.join(', ')}`;
    const insights = usesCloudSql(project) ? insightsOf(project) : null;
    return judged(
      [
        ...(lacking.length > 0 ? [finding('warn', message)] : []),
        ...(insights?.file === null ? [finding('warn', 'no script switches Query Insights on for the Cloud SQL instance')] : []),
      ],
      [
        ...topics.flatMap(({ name, alert }) => (alert ? [`${name}: ${alert.file}`] : [])),
        ...(insights?.file ? [`Query Insights is switched on (${placeText({ file: insights.file, line: insights.line })})`] : []),
      ],
    );
  },
};

function alertsOf(project: Project): Alert[] {
  return project.files.paths.flatMap((path): Alert[] => {
    if (!/\.(ya?ml|json|tf)$/.test(path) || /(^|\/)(package(-lock)?|tsconfig)\b/.test(path)) return [];
    if (['test', 'document'].includes(project.kindOf(path)) || /(^|\/)(examples?|fixtures?)\//.test(path)) return [];
    const text = project.files.read(path);
    if (text === null || text.length > LONGEST || !MARK.test(text)) return [];
    if (path.endsWith('.tf'))
      return text
        .split(/^resource\s+"/m)
        .filter((one) => one.startsWith('google_monitoring_alert_policy'))
        .map((one) => ({ file: path, text: one.replaceAll('_', ' ') }));
    // JSON is YAML.
    return (readYaml(path, text) ?? []).flatMap((root) => rulesOf(root).map((rule) => ({ file: path, text: textOfRule(rule) })));
  });
}

/** Rules of Prometheus and Grafana, and policies of Cloud Monitoring, wherever they stand in a file. */
function rulesOf(root: Yaml): Yaml[] {
  const spec = root.get('spec') ?? root;
  const grouped = (spec.get('groups')?.items() ?? []).flatMap((group) => group.get('rules')?.items() ?? []);
  const rules = grouped.filter((one) => one.get('alert') ?? one.get('condition'));
  const policies = [root, ...root.items(), ...(root.get('alertPolicies')?.items() ?? []), ...(root.get('policies')?.items() ?? [])].filter(
    (one) => one.get('conditions') && (one.get('combiner') ?? one.get('displayName')),
  );
  return [...rules, ...policies];
}

/** Name and expression, at any depth; the prose of annotations would match too much. */
function textOfRule(rule: Yaml): string {
  const inner = [...rule.entries(), ...rule.items().map((one): [string, Yaml] => ['', one])];
  const own = inner.filter(([key]) => !/^(annotations|labels|documentation|notificationChannels)$/.test(key));
  return own
    .map(([, value]) => value.text ?? textOfRule(value))
    .join(' ')
    .replaceAll(/([a-z])([A-Z])/g, '$1 $2')
    .replaceAll('_', ' ');
}

function usesCloudSql(project: Project): boolean {
  return (
    productionDeployments(project).some(({ sqlInstances }) => sqlInstances) ||
    project.deployments.steps.some(({ text }) => /\bgcloud\b[^\n]*\bsql\s+instances\s+(create|patch)\b/.test(text))
  );
}

function insightsOf(project: Project): { file: string | null; line: number } {
  const step = project.deployments.steps.find(({ text }) => INSIGHTS.test(text));
  if (step) return step.place;
  const file = project.files.paths.find((path) => path.endsWith('.tf') && INSIGHTS.test(project.files.read(path) ?? ''));
  return { file: file ?? null, line: 1 };
}
