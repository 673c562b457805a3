// What a piece of code ends when it runs: the calls that close servers and pools and leave the process, through functions and
// methods of the project, in the order in which they are written.
import type { Place } from '../../check.ts';
import { declarationOf } from '../../project/origins.ts';
import type { Project } from '../../project/project.ts';
import { ancestorsOf, calledName, dottedName, nameOf, placeOf, visitBelow, type Node, type Source } from '../../project/source.ts';
import { isFunction } from '../../project/walk.ts';

/** `other` ends something that cannot be told: a part of a list, a function that was handed in. */
type Ending = { kind: 'drain' | 'pool' | 'exit' | 'other'; place: Place };

export type Reach = {
  calls: Ending[];
  /** Functions that run, with their source: for comments and the order of statements. */
  bodies: { node: Node; source: Source }[];
};

type Call = Extract<Node, { type: 'CallExpression' }>;

const DEEPEST = 6;

export function reachOf(project: Project, source: Source, nodes: Node[], { follows = true } = {}): Reach {
  const reach: Reach = { calls: [], bodies: [] };
  const seen = new Set<Node>();
  const enter = (node: Node, where: Source, depth: number) => {
    if (seen.has(node) || depth > DEEPEST) return;
    seen.add(node);
    reach.bodies.push({ node, source: where });
    visitBelow(node, {
      CallExpression(call) {
        const kind = endingOf(call);
        const callee = follows ? calledOf(project, where, call.callee) : null;
        // What the project wrote itself is judged by what it does, not by its name.
        if (callee) enter(callee.node, callee.source, depth + 1);
        else if (kind) reach.calls.push({ kind, place: placeOf(where, call) });
        if (!follows) return;
        for (const argument of call.arguments) {
          const handed = argument.type === 'Identifier' ? calledOf(project, where, argument) : null;
          if (handed) enter(handed.node, handed.source, depth + 1);
        }
      },
    });
  };
  for (const node of nodes) {
    const named = node.type === 'Identifier' || node.type === 'MemberExpression' ? calledOf(project, source, node) : null;
    enter(named?.node ?? node, named?.source ?? source, 0);
  }
  return reach;
}

const SERVER = /(?<!ob)server$|(http|https|fastify|nest|koa|hapi|listener|terminator|express|api)$|(^|\.)(app|web|srv|application)$/i;
const POOL = /(?<!redis|mqtt|kafka|nats|http|s3)_?(pool|pools|pg|db|database|prisma|client|sql|knex)$/i;

/** What a call ends, told by its name and what it is called on. */
export function endingOf({ callee }: Call): Ending['kind'] | null {
  const dotted = dottedName(callee.type === 'ChainExpression' ? callee.expression : callee);
  const name = calledName(callee);
  if (/(^|\.)process\.exit$/.test(dotted)) return 'exit';
  if (name === '$disconnect' || /^(disconnect|close|end|shutdown)(Database|Db|Prisma|Pool|Postgres|Pg)\w*$/i.test(name)) return 'pool';
  if (/^(closeIdleConnections|closeServer|stopServer|shutdownServer|closeHttp\w*|gracefulShutdown|drain(Server|Requests)?)$/.test(name))
    return 'drain';
  if (!/^(close|end|stop|shutdown|terminate|destroy|dispose|disconnect|\w*(Handler|Hook|Callback|Cleanup|Task)|cleanup|fn|cb)$/.test(name))
    return null;
  const on = dotted.slice(0, -name.length - 1);
  if (/^(close|stop|shutdown|terminate)$/.test(name) && SERVER.test(on)) return 'drain';
  if (/^(end|close|disconnect|destroy)$/.test(name) && POOL.test(on)) return 'pool';
  return 'other';
}

/** The function or method of the project that is called; null for what comes from outside or cannot be told. */
function calledOf(project: Project, source: Source, callee: Node): { node: Node; source: Source } | null {
  if (callee.type === 'Identifier') {
    const declared = declarationOf(callee.name, source, project.resolve);
    return declared && isFunction(declared.node) ? declared : null;
  }
  if (callee.type !== 'MemberExpression' || callee.computed) return null;
  const name = nameOf(callee.property);
  if (callee.object.type === 'ThisExpression') {
    const home = ancestorsOf(source, callee).findLast((one) => one.type === 'ClassBody' || one.type === 'ObjectExpression');
    return home ? memberOf(home, name, source) : null;
  }
  if (callee.object.type !== 'Identifier') return null;
  const declared = declarationOf(callee.object.name, source, project.resolve);
  if (!declared) return null;
  if (declared.node.type === 'ObjectExpression') return memberOf(declared.node, name, declared.source);
  if (declared.node.type !== 'NewExpression' || declared.node.callee.type !== 'Identifier') return null;
  const made = declarationOf(declared.node.callee.name, declared.source, project.resolve);
  return made?.node.type === 'ClassDeclaration' ? memberOf(made.node.body, name, made.source) : null;
}

function memberOf(home: Node, name: string, source: Source): { node: Node; source: Source } | null {
  const members = home.type === 'ClassBody' ? home.body : home.type === 'ObjectExpression' ? home.properties : [];
  for (const one of members) {
    if (!('key' in one) || nameOf(one.key) !== name || one.value === null) continue;
    if (isFunction(one.value)) return { node: one.value, source };
  }
  return null;
}
