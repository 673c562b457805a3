// What a project has for watching itself.
import type { Place } from '../../check.ts';
import type { Project } from '../../project/project.ts';
import { nameOf, placeOf, propertyOf, textOf, type Node, type Source } from '../../project/source.ts';
import { valueOf } from '../../project/values.ts';
import { findBelow, walk } from '../../project/walk.ts';

/** The first place in production code that imports one of these modules. */
export function importing(project: Project, modules: RegExp, ...words: string[]): { place: Place; module: string; source: Source } | null {
  for (const source of project.sourcesWith(...words)) {
    const found = findBelow(source.program, (node) => {
      const module = moduleOf(node);
      return module !== null && modules.test(module) ? { node, module } : null;
    });
    if (found) return { place: placeOf(source, found.node), module: found.module, source };
  }
  return null;
}

function moduleOf(node: Node): string | null {
  if (node.type === 'ImportDeclaration') return node.importKind === 'type' ? null : node.source.value;
  if (node.type === 'CallExpression' && node.callee.type === 'Identifier' && node.callee.name === 'require')
    return textOf(node.arguments[0]);
  return node.type === 'ImportExpression' ? textOf(node.source) : null;
}

/** Not @opentelemetry/api: without an SDK it measures nothing. */
export const METRICS =
  /^(prom-client|express-prom-bundle|(@[\w.-]+\/)?([\w.-]+-)?prometheus(-[\w.-]+)?|fastify-metrics|@opentelemetry\/(sdk-node|sdk-metrics|exporter-prometheus|exporter-metrics-.+|auto-instrumentations-node)|hot-shots|dd-trace|newrelic|applicationinsights|@google-cloud\/monitoring|elastic-apm-node|statsd-client|node-statsd|@sentry\/.+)$/;
/** Parts of the names of those modules, and of others that watch errors. */
export const TOOL_WORDS = [
  'prom-client',
  'express-prom',
  'prometheus',
  'fastify-metrics',
  '@opentelemetry/',
  'hot-shots',
  'dd-trace',
  'newrelic',
  'applicationinsights',
  '@google-cloud/',
  'elastic-apm-node',
  'statsd',
  '@sentry/',
  '@bugsnag/',
  'rollbar',
];

export type Instrument = { name: string; labels: string[]; place: Place };

/** Counters, gauges and histograms of prom-client and OpenTelemetry that are named in production code. */
export function instrumentsOf(project: Project): Instrument[] {
  return project.sourcesWith('Counter', 'Histogram', 'Gauge', 'Summary').flatMap((source) => {
    const found: Instrument[] = [];
    walk(source.program, (node) => {
      if (node.type !== 'NewExpression' && node.type !== 'CallExpression') return;
      const callee = node.callee;
      const called = callee.type === 'Identifier' ? callee.name : callee.type === 'MemberExpression' ? nameOf(callee.property) : '';
      if (!/^(create|make)?(Observable)?(UpDown)?(Counter|Histogram|Gauge|Summary)(Provider)?$/.test(called)) return;
      const [first] = node.arguments;
      const options = first?.type === 'ObjectExpression' ? first : null;
      const { value } = valueOf(options ? propertyOf(options, 'name') : first, source, project.resolve);
      if (typeof value !== 'string') return;
      const labels = propertyOf(options, 'labelNames');
      const names = labels?.type === 'ArrayExpression' ? labels.elements.flatMap((one) => textOf(one) ?? []) : [];
      found.push({ name: value, labels: names, place: placeOf(source, node) });
    });
    return found;
  });
}

/** Names of the metrics that Prometheus' text form declares, with the labels of their samples. */
export function readMetrics(text: string): Map<string, Set<string>> {
  const metrics = new Map<string, Set<string>>();
  for (const line of text.split('\n')) {
    const [, declared] = /^# TYPE (\S+)/.exec(line) ?? [];
    const [, sample, labels = ''] = /^([a-zA-Z_:][\w:]*)(?:\{(.*)\})? \S/.exec(line) ?? [];
    const name = declared ?? sample?.replace(/_(bucket|sum|count|total)$/, '');
    if (!name || line.startsWith('# HELP')) continue;
    const known = metrics.get(name) ?? new Set();
    for (const [, label = ''] of labels.matchAll(/(\w+)="/g)) known.add(label);
    metrics.set(name, known);
  }
  return metrics;
}
