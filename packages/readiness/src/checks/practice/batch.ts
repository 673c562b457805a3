import { finding, judged, notApplicable, type Check, type Finding } from '../../check.ts';
import type { Project } from '../../project/project.ts';
import { isQuery, modelCall, ROW_WRITES, sourcesCalling, type ModelCall } from '../../project/queries.ts';
import { calledName, excerptOf, nameOf, placeOf, propertyOf, type Node, type Source } from '../../project/source.ts';
import { bare, findBelow, isFunction, walk } from '../../project/walk.ts';

export const batch: Check = {
  id: 'practice.batch',
  title: 'Many rows in one statement',
  category: 'Best practices',
  severity: 'low',
  why: 'A statement for each row costs a round trip for each row, and holds its connection for all of them: a hundred rows are a hundred times the wait.',
  link: 'https://www.prisma.io/docs/orm/prisma-client/queries/crud#create-multiple-records',
  looksFor:
    '`create`, `update`, `upsert` and `delete` of a client awaited in `for` loops, in callbacks of `forEach` and `map`, and in `Promise.all`; not in loops that try again, that wait for something else than the database between rows, that write nested rows, or over a short list that is written down; `while` loops are left alone',
  remedy:
    'Collect the rows and write them at once: `createMany`, `updateMany`, `deleteMany`, or one statement with `unnest` or `jsonb_to_recordset`.',
  example: {
    language: 'ts',
    before: 'for (const row of rows) await prisma.visit.create({ data: row });',
    after: 'await prisma.visit.createMany({ data: rows, skipDuplicates: true });',
  },
  effort: '30 minutes',
  static: (project) => {
    if (!project.prisma) return notApplicable('the project does not use Prisma');
    const sources = sourcesCalling(
      project,
      ROW_WRITES.map((method) => `.${method}(`),
    );
    const findings = sources.flatMap((source) => inLoops(source, project));
    const sets = project.sourcesWith(
      'createMany',
      'updateMany',
      'deleteMany',
      'createManyAndReturn',
      'jsonb_to_recordset',
      'unnest(',
      'jsonb_populate_recordset',
    );
    return judged(
      findings,
      sets.length > 0
        ? [
            `statements for many rows in ${sets
              .slice(0, 5)
              .map(({ path }) => path)
              .join(', ')}`,
          ]
        : findings.length > 0
          ? []
          : ['no loop writes row after row'],
    );
  },
};

function inLoops(source: Source, project: Project): Finding[] {
  const findings: Finding[] = [];
  walk(source.program, (node, around) => {
    const called = modelCall(node, project);
    if (!called || !ROW_WRITES.includes(called.method) || writesNested(called)) return;
    const loop = loopAround(node, around);
    if (!loop || isExcused(loop, source, project)) return;
    findings.push(finding(loop.atOnce ? 'warn' : gradeOf(called), messageOf(called, loop), placeOf(source, node), excerptOf(source, node)));
  });
  return findings;
}

/** Rows that are made or taken away in the same way fit into one statement; changed ones may each need their own values. */
function gradeOf({ method }: ModelCall): Finding['grade'] {
  return method === 'create' || method === 'delete' ? 'fail' : 'warn';
}

function messageOf({ model, method }: ModelCall, { atOnce }: Loop): string {
  return atOnce
    ? `${model}.${method} is called for every row at once: each takes a connection of the pool`
    : `${model}.${method} is called for one row after the other`;
}

type Loop = { body: Node; list: Node | null; atOnce: boolean };

/** The loop whose body awaits the call; another function between them runs at another time. */
function loopAround(node: Node, around: Node[]): Loop | null {
  let inner: Node = node;
  for (const one of around.toReversed()) {
    if ((one.type === 'ForOfStatement' || one.type === 'ForInStatement') && inner === one.body)
      return one.type === 'ForOfStatement' && one.await ? null : { body: one.body, list: one.right, atOnce: false };
    if (one.type === 'ForStatement' && inner === one.body && one.test) return { body: one.body, list: null, atOnce: false };
    if (one.type === 'WhileStatement' || one.type === 'DoWhileStatement') return null;
    if (isFunction(one)) return callbackLoop(one, around);
    inner = one;
  }
  return null;
}

function callbackLoop(fn: Node, around: Node[]): Loop | null {
  const index = around.indexOf(fn);
  const call = around[index - 1];
  if (call?.type !== 'CallExpression' || call.callee.type !== 'MemberExpression') return null;
  const name = nameOf(call.callee.property);
  const loop = { body: fn, list: call.callee.object, atOnce: false };
  if (name === 'forEach') return loop;
  if (name !== 'map' && name !== 'flatMap') return null;
  const outer = around.slice(0, index - 1).findLast((one) => one.type === 'CallExpression');
  const gathers =
    outer?.type === 'CallExpression' && outer.callee.type === 'MemberExpression' && /^(all|allSettled)$/.test(calledName(outer.callee));
  // `$transaction(rows.map(...))` is one round trip after the other as well, and Prisma's own advice for changed rows.
  return gathers ? { ...loop, atOnce: true } : null;
}

/** Rows with rows of their own: `createMany` cannot write them. */
function writesNested({ options }: ModelCall): boolean {
  const data = propertyOf(options, 'data');
  const nested = (node: Node) =>
    node.type === 'Property' && /^(create|createMany|connect|connectOrCreate|set|disconnect)$/.test(nameOf(node.key)) ? node : null;
  return data !== null && findBelow(data, nested) !== null;
}

function isExcused({ body, list }: Loop, source: Source, project: Project): boolean {
  if (list) {
    const written = bare(list);
    const init = written.type === 'Identifier' ? source.variables.get(written.name) : written;
    const literal = init ? bare(init) : null;
    if (literal?.type === 'ArrayExpression' && literal.elements.length <= 10) return true;
  }
  return triesAgain(body) || waitsForOthers(body, project);
}

/** A loop that is left with the first success, or that sleeps between attempts. */
function triesAgain(body: Node): boolean {
  const leaves = findBelow(body, (node) =>
    node.type === 'TryStatement' &&
    findBelow(node.block, (one) => (one.type === 'ReturnStatement' || one.type === 'BreakStatement' ? one : null))
      ? node
      : null,
  );
  return leaves !== null;
}

/** A message that is sent, a file that is read: each row has its own fate, and must be noted by itself. */
function waitsForOthers(body: Node, project: Project): boolean {
  return (
    findBelow(body, (node) => {
      if (node.type !== 'AwaitExpression') return null;
      const awaited = bare(node.argument);
      const isDatabase = findBelow(awaited, (one) => (isQuery(one, project) ? one : null)) !== null;
      return isDatabase ? null : node;
    }) !== null
  );
}
