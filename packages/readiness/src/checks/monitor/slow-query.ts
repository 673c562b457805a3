import { finding, judged, notApplicable, type Check } from '../../check.ts';
import type { Project } from '../../project/project.ts';
import { calledName, lineAt, nameOf, placeOf, textOf, type Node } from '../../project/source.ts';
import { findBelow, isFunction } from '../../project/walk.ts';
import { importing } from './tools.ts';

export const slowQuery: Check = {
  id: 'monitor.slow-query',
  title: 'Slow statements are seen',
  category: 'Monitoring',
  severity: 'medium',
  why: 'The statement that takes the database down was slow for weeks before. A log of slow statements with their parameters is a copy of the data in the logs.',
  link: 'https://www.postgresql.org/docs/current/pgstatstatements.html',
  looksFor:
    'pg_stat_statements, log_min_duration_statement, auto_explain or Query Insights in SQL and deployment files; a listener of query events or an extension of all operations that looks at the duration; spans of queries; live: the extension and the settings, and that parameters of slow statements are not logged',
  remedy:
    'Turn on pg_stat_statements (Query Insights at Cloud SQL), log statements above half a second with `log_parameter_max_length = 0`, and let the service log the shape of slow statements, never their values.',
  example: {
    language: 'ts',
    before: '// nothing looks at the duration of queries',
    after:
      "prisma.$on('query', ({ query, duration }) => {\n  if (duration > 500) log.warn('slow query', { statement: query, millis: duration });\n});",
  },
  effort: '30 minutes',
  static: (project) => {
    if (!project.prisma && !project.pg) return notApplicable('the project uses neither Prisma nor pg');
    const evidence = [...inCode(project), ...inFiles(project)];
    const spans = importing(
      project,
      /^(@prisma\/instrumentation|@opentelemetry\/(instrumentation-pg|auto-instrumentations-node)|dd-trace|newrelic)$/,
      'instrumentation',
      'dd-trace',
      'newrelic',
    );
    if (spans) evidence.push(`spans of queries by ${spans.module} in ${spans.place.file}:${spans.place.line}`);
    return evidence.length > 0 ? judged([], evidence) : judged([finding('warn', 'nothing shows which statements are slow')]);
  },
  database: async ({ query }) => {
    const [seen] = await query<{ statements: boolean; slow: string; parameters: string }>(
      `SELECT EXISTS (SELECT FROM pg_extension WHERE extname = 'pg_stat_statements') AS statements,
        current_setting('log_min_duration_statement') AS slow, current_setting('log_parameter_max_length', true) AS parameters`,
    );
    const logs = seen !== undefined && seen.slow !== '-1';
    const evidence = [
      ...(seen?.statements ? ['pg_stat_statements is installed in the database'] : []),
      ...(logs ? [`statements of ${seen.slow} and longer are logged`] : []),
    ];
    const findings = evidence.length === 0 ? [finding('warn', 'neither pg_stat_statements nor log_min_duration_statement is on')] : [];
    // -1, the default, logs every parameter in full.
    if (logs && seen.parameters !== '0' && seen.parameters !== '0B')
      findings.push(
        finding('warn', `slow statements are logged with their parameters (log_parameter_max_length is ${seen.parameters}, not 0)`),
      );
    return judged(findings, evidence);
  },
};

const SAID = [
  'slow query',
  'slow queries',
  'slow_query',
  'slow-query',
  'slow statement',
  'slow sql',
  'Slow query',
  'Slow Query',
  'SLOW QUERY',
];

/** A listener, a hook around all operations, or a wrapper of the driver's `query` that compares or measures a duration. */
function inCode(project: Project): string[] {
  return project.sourcesWith('$on', '$allOperations', ...SAID).flatMap((source) => {
    const found = findBelow(source.program, (node, around) => {
      if (node.type === 'CallExpression' && calledName(node.callee) === '$on' && textOf(node.arguments[0]) === 'query')
        return node.arguments[1] && mentionsDuration(node.arguments[1]) ? node : null;
      if ((node.type === 'Property' || node.type === 'MethodDefinition') && nameOf(node.key) === '$allOperations')
        return mentionsDuration(node.value) ? node : null;
      const text = around.at(-1)?.type === 'CallExpression' ? textOf(node) : null;
      return text !== null && /\bslow[ _-]?(quer|statement|sql)/i.test(text) ? node : null;
    });
    return found ? [`${source.path}:${placeOf(source, found).line} looks at how long queries take`] : [];
  });
}

function mentionsDuration(root: Node): boolean {
  const named = findBelow(root, (node) =>
    (node.type === 'Identifier' && /^(duration|elapsed|took|latency|performance|start\w*|startTimer)$/i.test(node.name)) ||
    (node.type === 'MemberExpression' && nameOf(node.property) === 'duration')
      ? node
      : null,
  );
  return named !== null || (!isFunction(root) && root.type === 'Identifier');
}

const SETTINGS =
  /pg_stat_statements|log_min_duration_statement\s*[=:'"\s]+(?!-1)\d|auto_explain\.log_min_duration|insights-config-query-insights-enabled|query_insights_enabled\s*[=:]\s*true|queryInsightsEnabled:\s*true/;
const FILES = /\.(sql|sh|ya?ml|tf|conf|toml)$/;

function inFiles(project: Project): string[] {
  return project.files.paths
    .filter((path) => FILES.test(path) && !['test', 'example', 'generated', 'document'].includes(project.kindOf(path)))
    .flatMap((path) => {
      const text = (project.files.read(path) ?? '').replaceAll(/^\s*(#|--).*$/gm, '');
      const found = SETTINGS.exec(text);
      return found ? [`${path}:${lineAt(text, found.index)} sets ${found[0].replace(/\s+$/, '')}`] : [];
    });
}
