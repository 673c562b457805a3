import { finding, judged, notApplicable, type Check, type Finding } from '../../check.ts';
import type { Project } from '../../project/project.ts';
import { calledName, dottedName, placeOf, textOf, type Node, type Source } from '../../project/source.ts';
import { mayHold, propertyValue, valueOf } from '../../project/values.ts';
import { bare, findBelow, isFunction, parameterName, walk, type FunctionNode } from '../../project/walk.ts';
import { prismaClients } from '../log/clients.ts';
import { swallowed } from './swallowed.ts';

export const transactions: Check = {
  id: 'practice.transactions',
  title: 'One transaction helper, and no error swallowed inside',
  category: 'Best practices',
  severity: 'medium',
  why: 'An error that is caught inside a transaction lets `$transaction` resolve although PostgreSQL rolled everything back: the caller is told that it is stored, and it is lost. Limits and retries that every call sets for itself are set nowhere.',
  link: 'https://github.com/prisma/prisma/issues/20496',
  looksFor:
    'every interactive `$transaction`: whether it goes through one function that takes the work, with `maxWait` and `timeout` there or in `transactionOptions`; writes inside a `try` (or with `.catch`) whose handler never throws; Serializable without a retry of P2034 or 40001',
  remedy:
    'Put `$transaction` into one helper with `maxWait`, `timeout` and a retry of lost races (P2034, 40001, 40P01) with jitter, and let errors leave the transaction; what may fail goes before it, after it, or into a savepoint.',
  example: {
    language: 'ts',
    before:
      'await prisma.$transaction(async (tx) => {\n  await tx.visit.create({ data });\n  try {\n    await tx.note.create({ data: note });\n  } catch {}\n});',
    after:
      'export function withTransaction<T>(work: (tx: Prisma.TransactionClient) => Promise<T>): Promise<T> {\n  return retryLostRaces(() => prisma.$transaction(work, { maxWait: 2_500, timeout: 10_000 }));\n}',
  },
  effort: '2 hours',
  static: (project) => {
    const sites = project.sourcesWith('$transaction').flatMap((source) => sitesOf(source, project));
    const interactive = sites.filter(({ work }) => work !== null);
    if (interactive.length === 0)
      return sites.length > 0
        ? judged([], [`${sites.length} transactions, all of them lists of statements`])
        : notApplicable('there are no transactions of Prisma');
    const helpers = interactive.filter(({ helper }) => helper !== null);
    const names = new Set(helpers.map(({ helper }) => helper ?? '').filter(Boolean));
    const inherited = prismaClients(project).some(({ options }) => mayHold(options, 'transactionOptions'));
    const findings = [
      ...past(interactive, helpers),
      ...unlimited(helpers.length > 0 ? helpers : interactive, inherited),
      ...unretried(interactive, project),
      ...swallowed(project, names),
    ];
    return judged(
      findings,
      helpers.map(({ source, call, helper }) => `${helper || 'the helper'} (${said(source, call)}) opens the transactions`),
    );
  },
};

type CallNode = Extract<Node, { type: 'CallExpression' }>;
type Site = {
  source: Source;
  call: CallNode;
  /** What is done inside; null for a list of statements. */
  work: Node | null;
  /** The name of the function that was given the work; null where the work stands here. */
  helper: string | null;
  hasLimits: boolean;
  isolation: string | null;
};

function sitesOf(source: Source, project: Project): Site[] {
  const sites: Site[] = [];
  walk(source.program, (node, around) => {
    if (node.type !== 'CallExpression' || calledName(bare(node.callee)) !== '$transaction') return;
    const [work, options] = node.arguments;
    if (!work || work.type === 'SpreadElement') return;
    const isList = bare(work).type === 'ArrayExpression' || valueOf(work, source, project.resolve).list !== undefined || isMapped(work);
    const stated = options && options.type !== 'SpreadElement' ? options : null;
    // On the client of a transaction it is a savepoint, with the limits of the outer one.
    const callee = bare(node.callee);
    if (callee.type === 'MemberExpression' && /(^|\.)(tx|trx|transaction)$/.test(dottedName(callee.object))) return;
    const isolation = stated ? isolationOf(stated, source, project) : null;
    const hasLimits = isObjectish(stated, source, project) && (mayHold(stated, 'timeout') || mayHold(stated, 'maxWait'));
    sites.push({ source, call: node, work: isList ? null : work, helper: isList ? null : helperOf(work, around), hasLimits, isolation });
  });
  return sites;
}

function isMapped(node: Node): boolean {
  const one = bare(node);
  return one.type === 'CallExpression' && ['map', 'flatMap', 'filter', 'concat'].includes(calledName(one.callee));
}

function isObjectish(stated: Node | null, source: Source, project: Project): boolean {
  return stated !== null && (valueOf(stated, source, project.resolve).object !== undefined || stated.type === 'Identifier');
}

function isolationOf(options: Node, source: Source, project: Project): string | null {
  const value = propertyValue(options, 'isolationLevel', source, project.resolve)?.value;
  if (typeof value === 'string') return value;
  const named = findBelow(options, (node) =>
    node.type === 'MemberExpression' && /^(Serializable|RepeatableRead)$/.test(calledName(node)) ? node : null,
  );
  return named && calledName(named);
}

/** The function around whose parameter is the work, or is called by it. */
function helperOf(work: Node, around: Node[]): string | null {
  for (const [index, fn] of around.entries()) {
    if (!isFunction(fn)) continue;
    const parameters = new Set(fn.params.map((_, at) => parameterName(fn, at)).filter(Boolean));
    const given = bare(work);
    const isGiven = given.type === 'Identifier' && parameters.has(given.name);
    const calls =
      isFunction(given) &&
      findBelow(given, (node) =>
        node.type === 'CallExpression' && node.callee.type === 'Identifier' && parameters.has(node.callee.name) ? node : null,
      ) !== null;
    if (isGiven || calls) return nameOfFunction(fn, around[index - 1]);
  }
  return null;
}

function nameOfFunction(fn: FunctionNode, parent: Node | undefined): string {
  if (fn.type === 'FunctionDeclaration') return fn.id?.name ?? '';
  if (parent?.type === 'VariableDeclarator' && parent.id.type === 'Identifier') return parent.id.name;
  if (parent?.type === 'Property' || parent?.type === 'MethodDefinition' || parent?.type === 'PropertyDefinition')
    return parent.key.type === 'Identifier' ? parent.key.name : '';
  return '';
}

function said(source: Source, node: Node): string {
  const { file, line } = placeOf(source, node);
  return `${file}:${line}`;
}

const at = (sites: Site[]) => sites.map(({ source, call }) => said(source, call));

function past(interactive: Site[], helpers: Site[]): Finding[] {
  const direct = interactive.filter(({ helper }) => helper === null);
  const [first] = direct;
  if (!first) return [];
  if (helpers.length > 0)
    return direct.map(({ source, call }) =>
      finding('warn', `a transaction past the helper of ${at(helpers)[0]}, so without its limits and retries`, placeOf(source, call)),
    );
  if (direct.length === 1) return [];
  return [
    finding(
      'warn',
      `${direct.length} transactions are opened in place, without one helper for limits and retries: ${few(at(direct))}`,
      placeOf(first.source, first.call),
    ),
  ];
}

function few(all: string[]): string {
  return all.length > 5 ? `${all.slice(0, 5).join(', ')} and ${all.length - 5} more` : all.join(', ');
}

function unlimited(sites: Site[], inherited: boolean): Finding[] {
  if (inherited) return [];
  const open = sites.filter(({ hasLimits }) => !hasLimits);
  const [first] = open;
  if (!first) return [];
  return [
    finding(
      'warn',
      `neither maxWait nor timeout is set, here or in transactionOptions: Prisma's 2 s and 5 s apply${open.length > 1 ? ` (${few(at(open))})` : ''}`,
      placeOf(first.source, first.call),
    ),
  ];
}

/** Serializable means that a transaction may be refused at any time and must be run again. */
function unretried(sites: Site[], project: Project): Finding[] {
  const first = sites.find(({ isolation }) => isolation === 'Serializable' || isolation === 'RepeatableRead');
  if (!first) return [];
  const retries = project.sourcesWith('P2034', '40001').some(
    (source) =>
      findBelow(source.program, (node) => {
        const text = textOf(node) ?? (node.type === 'Property' && node.key.type === 'Identifier' ? node.key.name : null);
        return text === 'P2034' || text === '40001' ? node : null;
      }) !== null,
  );
  return retries
    ? []
    : [
        finding(
          'warn',
          `${first.isolation} refuses transactions that lost a race (P2034), and nothing runs them again`,
          placeOf(first.source, first.call),
        ),
      ];
}
