import { couldNotCheck, finding, judged, notApplicable, type Check, type Finding } from '../../check.ts';
import { logLevels } from '../../drills/log-levels.ts';
import { functionsOf } from '../../project/functions.ts';
import type { Project } from '../../project/project.ts';
import { calledName, excerptOf, nameOf, placeOf, propertyOf, textOf, type Node, type Source } from '../../project/source.ts';
import { mayHold, propertyValue, valueOf } from '../../project/values.ts';
import { isFunction, parameterName, walk } from '../../project/walk.ts';
import { prismaClients, type Client } from './clients.ts';

export const levels: Check = {
  id: 'log.levels',
  title: 'Logs of the client fit production',
  category: 'Logging',
  severity: 'low',
  why: 'Every statement in the log costs time and money, and a `query` event carries `params`: names, addresses and diagnoses of people then lie in the log.',
  link: 'https://www.prisma.io/docs/orm/prisma-client/observability-and-logging/logging',
  looksFor:
    'the `log` option of every PrismaClient as it comes out in production, and listeners of `query` events that log `params` or the whole event; that no value reaches the logs by another way is for a drill',
  remedy: 'Log queries in development only, errors and warnings in production; of a query event take text and duration, never `params`.',
  example: {
    language: 'ts',
    before: "new PrismaClient({ log: ['query', 'error', 'warn'] })",
    after: "new PrismaClient({ log: process.env.NODE_ENV === 'development' ? ['query', 'error', 'warn'] : ['error'] })",
  },
  effort: '5 minutes',
  static: (project) => {
    const clients = prismaClients(project);
    if (clients.length === 0) return notApplicable('no PrismaClient is made in production code');
    const read = clients.map((client) => ({ client, levels: levelsOf(client, project) }));
    const listensToQueries = read.some(({ levels: known }) => known === null || known.some(({ level }) => level === 'query'));
    const findings = [...read.flatMap(({ client, levels: known }) => printed(client, known)), ...(listensToQueries ? leaks(project) : [])];
    const unknown = read.find(({ levels: known }) => known === null);
    if (findings.length === 0 && unknown)
      return couldNotCheck(`the log levels of ${unknown.client.place.file}:${unknown.client.place.line} are decided elsewhere`);
    return judged(
      findings,
      read.map(({ client: { place }, levels: known }) => `${place.file}:${place.line} logs ${saidOf(known ?? [])} in production`),
    );
  },
  drill: logLevels,
};

type Level = { level: string; isPrinted: boolean };

/** What the client logs in production; null when it cannot be told. Without the option it logs nothing. */
function levelsOf({ options, source }: Client, project: Project): Level[] | null {
  if (!options) return [];
  const log = propertyValue(options, 'log', source, project.resolve);
  if (!log) return valueOf(options, source, project.resolve).object && !mayHold(options, 'log') ? [] : null;
  if (!log.list) return 'value' in log && !log.value ? [] : null;
  const { node, source: where } = log.list;
  const found = node.elements.map((one) => (one && one.type !== 'SpreadElement' ? levelOf(one, where, project) : null));
  return found.every((one) => one !== null) ? found : null;
}

function levelOf(node: Node, source: Source, project: Project): Level | null {
  const { value, object } = valueOf(node, source, project.resolve);
  if (typeof value === 'string') return { level: value, isPrinted: true };
  if (!object) return null;
  const level = propertyValue(object.node, 'level', object.source, project.resolve)?.value;
  const emit = textOf(propertyOf(object.node, 'emit'));
  return typeof level === 'string' ? { level, isPrinted: emit !== 'event' } : null;
}

function saidOf(known: Level[]): string {
  return known.length === 0 ? 'nothing of its own' : known.map(({ level }) => level).join(', ');
}

function printed({ source, place, options }: Client, known: Level[] | null): Finding[] {
  const prints = known?.some(({ level, isPrinted }) => level === 'query' && isPrinted);
  return prints ? [finding('warn', 'every query is printed in production', place, options ? excerptOf(source, options) : undefined)] : [];
}

/** Listeners of `query` that pass on the parameters, or the event that holds them. */
function leaks(project: Project): Finding[] {
  return project.sourcesWith('$on').flatMap((source) => {
    const findings: Finding[] = [];
    walk(source.program, (node, around) => {
      if (node.type !== 'CallExpression' || calledName(node.callee) !== '$on' || textOf(node.arguments[0]) !== 'query') return;
      if (isLeftOut(node, around, source, project)) return;
      for (const { node: listener, source: where } of functionsOf(node.arguments[1], source, project)) {
        const leak = passedOn(listener.params[0] ? listener : null);
        if (leak) findings.push(finding('fail', LEAK, placeOf(where, leak), excerptOf(where, leak)));
      }
    });
    return findings;
  });
}

const LEAK = 'the parameters of every query go to the log: values of people stand there';

/** Inside an `if` that is false in production. */
function isLeftOut(node: Node, around: Node[], source: Source, project: Project): boolean {
  return around.some((one, index) => {
    if (one.type !== 'IfStatement') return false;
    const { value, env } = valueOf(one.test, source, project.resolve);
    const isIn = (around[index + 1] ?? node) === one.consequent;
    return env === 'NODE_ENV' && isIn && value === false;
  });
}

function passedOn(listener: Node | null): Node | null {
  if (!isFunction(listener)) return null;
  const event = parameterName(listener, 0);
  const taken = listener.params[0]?.type === 'ObjectPattern' ? listener.params[0] : null;
  const parameters = taken?.properties.find((one) => one.type === 'Property' && nameOf(one.key) === 'params');
  if (parameters) return parameters;
  let leak: Node | null = null;
  walk(listener, (node) => {
    if (
      node.type === 'MemberExpression' &&
      node.object.type === 'Identifier' &&
      node.object.name === event &&
      nameOf(node.property) === 'params'
    )
      leak ??= node;
    const passed = node.type === 'CallExpression' ? node.arguments : node.type === 'SpreadElement' ? [node.argument] : [];
    if (passed.some((one) => one.type === 'Identifier' && one.name === event)) leak ??= node;
  });
  return leak;
}
