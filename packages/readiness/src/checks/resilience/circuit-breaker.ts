import { couldNotCheck, finding, judged, notApplicable, type Check, type Finding, type Judgement } from '../../check.ts';
import { resilienceCircuitBreaker } from '../../drills/resilience-circuit-breaker.ts';
import { functionsOf } from '../../project/functions.ts';
import type { Project } from '../../project/project.ts';
import { reachQuery } from '../../project/queries.ts';
import { calledName, excerptOf, placeOf, type Node, type Source } from '../../project/source.ts';
import { mayHold, propertyValue } from '../../project/values.ts';
import { findBelow, walk } from '../../project/walk.ts';

export const circuitBreaker: Check = {
  id: 'resilience.circuit-breaker',
  title: 'A breaker that counts outages only',
  category: 'Resilience',
  severity: 'low',
  why: 'While the database is away, every request waits for its own timeout, and all of them together keep it from coming back. A breaker that counts every error is an outage of its own: one duplicate e-mail address, and nobody can book for half a minute.',
  link: 'https://github.com/nodeshift/opossum#errorfilter-error-args---boolean',
  looksFor:
    'cockatiel or opossum (or a class of that name) in production code, and what it counts: opossum without `errorFilter` opens on a duplicate key, and with its default `volumeThreshold` of 0 on the first; cockatiel with `handleAll` does the same',
  remedy:
    "Put one breaker before the database that counts only what is the infrastructure's fault (connection lost or refused, pool exhausted), with a smallest number of calls, and one for each service outside. Never retry inside of it.",
  example: {
    language: 'ts',
    before: 'new CircuitBreaker(query, { timeout: 3000, errorThresholdPercentage: 50, resetTimeout: 30000 })',
    after:
      'circuitBreaker(\n  handleWhen((error) => classify(error).infrastructure),\n  { halfOpenAfter: 1_000, breaker: new SamplingBreaker({ threshold: 0.5, duration: 10_000, minimumRps: 2 }) },\n)',
  },
  effort: '1 day',
  static: (project) => {
    if (!project.prisma && !project.pg) return notApplicable('the project uses neither Prisma nor pg');
    const judgements = project.sourcesWith('opossum', 'cockatiel').flatMap((source) => breakersIn(source, project));
    const own = ownBreaker(project);
    if (judgements.length === 0)
      return own
        ? couldNotCheck(`${own} is a breaker of its own; what it counts cannot be told`)
        : judged([finding('warn', 'nothing stands between callers and a database that does not answer')]);
    return judged(
      judgements.flatMap(({ findings }) => findings),
      judgements.flatMap(({ evidence }) => evidence),
    );
  },
  drill: resilienceCircuitBreaker,
};

function breakersIn(source: Source, project: Project): Judgement[] {
  const found: Judgement[] = [];
  walk(source.program, (node) => {
    if (node.type === 'NewExpression' && comesFrom(source, calledName(node.callee), 'opossum'))
      found.push(judged(...ofOpossum(node, source, project)));
    if (node.type === 'CallExpression' && calledName(node.callee) === 'circuitBreaker' && comesFrom(source, 'circuitBreaker', 'cockatiel'))
      found.push(judged(...ofCockatiel(node, source)));
    if (
      node.type === 'CallExpression' &&
      calledName(node.callee) === 'circuitBreaker' &&
      node.callee.type === 'MemberExpression' &&
      source.text.includes('cockatiel')
    )
      found.push(judged([], [said(source, node, 'a breaker of cockatiel')]));
  });
  return found;
}

function comesFrom(source: Source, name: string, module: string): boolean {
  return source.imports.get(name)?.module === module;
}

function said(source: Source, node: Node, what: string): string {
  const { file, line } = placeOf(source, node);
  return `${what} in ${file}:${line}`;
}

function ofOpossum(node: Extract<Node, { type: 'NewExpression' }>, source: Source, project: Project): [Finding[], string[]] {
  const [action, options] = node.arguments;
  const stated = options && options.type !== 'SpreadElement' ? options : null;
  const place = placeOf(source, node);
  const excerpt = excerptOf(source, node);
  const has = (name: string) =>
    propertyValue(stated, name, source, project.resolve) !== null || (stated?.type === 'ObjectExpression' && mayHold(stated, name));
  if (stated && stated.type !== 'ObjectExpression' && stated.type !== 'Identifier')
    return [[], [said(source, node, 'a breaker of opossum')]];
  if (!has('errorFilter')) {
    // Around a service outside it opens on that one's refusals; around the database on every duplicate.
    const asks = action && action.type !== 'SpreadElement' && reachQuery(functionsOf(action, source, project), project).query !== null;
    const message = `without errorFilter the breaker opens on ${asks ? 'a duplicate key' : 'every refusal'}${has('volumeThreshold') ? '' : ', even the first (volumeThreshold is 0)'}`;
    return [[finding(asks ? 'fail' : 'warn', message, place, excerpt)], []];
  }
  if (!has('volumeThreshold'))
    return [[finding('warn', 'volumeThreshold is 0 by default: the first failed call opens the breaker', place, excerpt)], []];
  return [[], [said(source, node, 'a breaker of opossum with errorFilter and volumeThreshold')]];
}

function ofCockatiel(node: Extract<Node, { type: 'CallExpression' }>, source: Source): [Finding[], string[]] {
  const [policy] = node.arguments;
  const countsAll =
    policy !== undefined && findBelow(policy, (one) => (one.type === 'Identifier' && one.name === 'handleAll' ? one : null));
  return countsAll
    ? [
        [
          finding(
            'fail',
            'the breaker counts every error (handleAll): a duplicate key opens it',
            placeOf(source, node),
            excerptOf(source, node),
          ),
        ],
        [],
      ]
    : [[], [said(source, node, 'a breaker of cockatiel that counts what its filter names')]];
}

/** `class CircuitBreaker`, without a library. */
function ownBreaker(project: Project): string | null {
  for (const source of project.sourcesWith('CircuitBreaker')) {
    const found = findBelow(source.program, (node) =>
      node.type === 'ClassDeclaration' && /CircuitBreaker/.test(node.id?.name ?? '') ? node : null,
    );
    if (found) return `${source.path}:${placeOf(source, found).line}`;
  }
  return null;
}
