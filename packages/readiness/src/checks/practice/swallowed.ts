// Errors that code swallows inside of a transaction.
import { finding, type Finding } from '../../check.ts';
import { functionsNamed, functionsOf, type Fn } from '../../project/functions.ts';
import type { Project } from '../../project/project.ts';
import { isWrite, modelCall } from '../../project/queries.ts';
import { calledName, excerptOf, placeOf, textOf, type Node, type Source } from '../../project/source.ts';
import { bare, isFunction, parameterName, walk } from '../../project/walk.ts';

/** Failing writes that the work survives: PostgreSQL has rolled back, and the promise resolves. */
export function swallowed(project: Project, helpers: Set<string>): Finding[] {
  return project
    .sourcesWith('$transaction', 'TransactionClient', ...[...helpers].filter((name) => name.length > 3))
    .flatMap((source) => workIn(source, helpers).flatMap(({ fn, tx }) => swallowedIn(fn, tx, project)));
}

/** Functions of the file that run inside of a transaction, with the name of its client there. */
function workIn(source: Source, helpers: Set<string>): { fn: Fn; tx: string }[] {
  const found: { fn: Fn; tx: string }[] = [];
  const add = (fn: Fn, index: number) => {
    const tx = parameterName(fn.node, index);
    if (tx && !found.some((one) => one.fn.node === fn.node)) found.push({ fn, tx });
  };
  walk(source.program, (node) => {
    if (node.type === 'CallExpression') {
      const name = calledName(bare(node.callee));
      if (name === '$transaction' || helpers.has(name))
        for (const one of node.arguments) {
          const given = bare(one);
          if (isFunction(given)) add({ node: given, source }, 0);
          else if (given.type === 'Identifier') for (const fn of functionsNamed(source, given.name)) add(fn, 0);
        }
    }
    if (isFunction(node))
      for (const [index, parameter] of node.params.entries())
        if (/TransactionClient\b/.test(source.text.slice(parameter.start, parameter.end))) add({ node, source }, index);
  });
  return found;
}

function swallowedIn({ node: root, source }: Fn, tx: string, project: Project): Finding[] {
  const findings: Finding[] = [];
  const add = (node: Node) => findings.push(finding('fail', SWALLOWED, placeOf(source, node), excerptOf(source, node)));
  walk(root, (node) => {
    if (node.type === 'TryStatement' && node.handler && writesIn(node.block, tx, project) && !throwsIn(node.handler)) add(node);
    if (node.type !== 'CallExpression' || calledName(node.callee) !== 'catch' || node.callee.type !== 'MemberExpression') return;
    const [handler] = functionsOf(node.arguments[0], source, project);
    if (isWriteOf(bare(node.callee.object), tx, project) && handler && !throwsIn(handler.node)) add(node);
  });
  return findings;
}

const SWALLOWED =
  'an error of a write is swallowed inside a transaction: everything is rolled back, and the caller is told that it succeeded';

function writesIn(block: Node, tx: string, project: Project): boolean {
  // A nested transaction is a savepoint: what fails in it is undone, and the rest goes on.
  let writes = false;
  walk(block, (node) => {
    if (node.type === 'CallExpression' && calledName(bare(node.callee)) === '$transaction') return false;
    writes ||= isWriteOf(node, tx, project);
    return true;
  });
  return writes;
}

function isWriteOf(node: Node, tx: string, project: Project): boolean {
  if (!isWrite(node, project)) return false;
  const called = modelCall(node, project);
  const target = called?.client ?? clientOfRaw(node);
  return target?.type === 'Identifier' && target.name === tx;
}

function clientOfRaw(node: Node): Node | null {
  const callee = node.type === 'CallExpression' ? node.callee : node.type === 'TaggedTemplateExpression' ? node.tag : null;
  return callee?.type === 'MemberExpression' ? bare(callee.object) : null;
}

function throwsIn(root: Node): boolean {
  let throws = false;
  walk(root, (node) => {
    throws ||= node.type === 'ThrowStatement' || (node.type === 'CallExpression' && ROLLS_BACK.test(calledName(node.callee)));
    // ROLLBACK TO SAVEPOINT in raw SQL.
    throws ||= node.type === 'TemplateElement' && /rollback\s+to/i.test(node.value.raw);
    throws ||= /rollback\s+to/i.test(textOf(node) ?? '');
    return !throws;
  });
  return throws;
}

/** `Promise.reject(error)`, `rethrow(error)`, `handleError(error): never` cannot be told from its name; these can. */
const ROLLS_BACK = /^(reject|rethrow|throw\w+|fail|rollback\w*)$/;
