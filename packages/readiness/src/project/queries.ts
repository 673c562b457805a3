// Calls that ask the database: through Prisma's client, or through a pool.
import { functionsOf, type Fn } from './functions.ts';
import type { Project } from './project.ts';
import { sourcesWithAll } from './search.ts';
import { calledName, dottedName, nameOf, placeOf, textOf, type Node, type Source } from './source.ts';
import type { Place } from '../check.ts';
import { bare, walk } from './walk.ts';

type Call = Extract<Node, { type: 'CallExpression' }>;

/** `prisma.patient.findMany(...)`: `client` is what stands before the model. */
export type ModelCall = { call: Call; client: Node; model: string; method: string; options: Node | null };

const READS = ['findMany', 'findFirst', 'findFirstOrThrow', 'findUnique', 'findUniqueOrThrow', 'count', 'aggregate', 'groupBy'];
export const ROW_WRITES = ['create', 'update', 'upsert', 'delete'];
const SET_WRITES = ['createMany', 'createManyAndReturn', 'updateMany', 'updateManyAndReturn', 'deleteMany'];
const METHODS = new Set([...READS, ...ROW_WRITES, ...SET_WRITES]);
const RAW = /^\$(query|execute)Raw(Unsafe|Typed)?$/;
const CLIENT = /(^|\.|_)(prisma\w*|\w*prisma|db|database|orm|tx|trx|\w*client|repo)$/i;
const CONNECTION = /(^|\.|_)(\w*pool|\w*client|db|database|pg|conn|connection|\w*sql|knex|drizzle|prisma|tx)$/i;
const STATEMENT = /^\s*(select|update|insert|with)\b/i;

const modelNames = new WeakMap<Project, Set<string>>();

/** As the client calls them: `model UserRole` is `prisma.userRole`. */
function modelsOf(project: Project): Set<string> {
  const known = modelNames.get(project);
  if (known) return known;
  const names = new Set(project.schemas.flatMap(({ models }) => models.map(({ name }) => name.charAt(0).toLowerCase() + name.slice(1))));
  modelNames.set(project, names);
  return names;
}

/** Production sources that may call one of the methods on a model. */
export function sourcesCalling(project: Project, methods: string[]): Source[] {
  const models = [...modelsOf(project)].map((name) => `.${name}`);
  return sourcesWithAll(project, methods, models.length > 0 ? models : ['prisma', 'Prisma', 'db', 'tx', 'client', 'Client', 'orm']);
}

/** Null for calls of anything else. Where a schema is known, the model must be in it; else what is called must look like a client. */
export function modelCall(node: Node, project: Project): ModelCall | null {
  if (node.type !== 'CallExpression') return null;
  const callee = bare(node.callee);
  if (callee.type !== 'MemberExpression' || callee.computed) return null;
  const method = nameOf(callee.property);
  const before = bare(callee.object);
  if (!METHODS.has(method) || before.type !== 'MemberExpression' || before.computed) return null;
  const model = nameOf(before.property);
  const models = modelsOf(project);
  const client = bare(before.object);
  if (models.size > 0 ? !models.has(model) : !CLIENT.test(dottedName(client))) return null;
  const [options] = node.arguments;
  return { call: node, client, model, method, options: options && options.type !== 'SpreadElement' ? options : null };
}

/** A raw statement, a model call, a query of a pool or of a health indicator of the framework. */
export function isQuery(node: Node, project: Project): boolean {
  if (node.type === 'TaggedTemplateExpression') {
    const tag = calledName(node.tag);
    return RAW.test(tag) || (/sql/i.test(tag) && STATEMENT.test(node.quasi.quasis[0]?.value.raw ?? ''));
  }
  if (node.type !== 'CallExpression') return false;
  const callee = bare(node.callee);
  const name = calledName(callee);
  if (RAW.test(name) || modelCall(node, project)) return true;
  const [first, second] = node.arguments;
  // Of @nestjs/terminus; an address is asked over HTTP.
  if (name === 'pingCheck') return second !== undefined && textOf(second) === null;
  if (callee.type !== 'MemberExpression') return false;
  const object = dottedName(callee.object);
  if (name === 'query' || name === 'execute' || name === 'raw') return CONNECTION.test(object) || (isStatement(first) && object !== '');
  return false;
}

function isStatement(node: Node | undefined): boolean {
  return STATEMENT.test(textOf(node) ?? '');
}

/** True for a write of the client: of a model, or raw. */
export function isWrite(node: Node, project: Project): boolean {
  const called = modelCall(node, project);
  if (called) return !READS.includes(called.method);
  const name =
    node.type === 'CallExpression' ? calledName(node.callee) : node.type === 'TaggedTemplateExpression' ? calledName(node.tag) : '';
  return name.startsWith('$executeRaw');
}

export type Reached = {
  /** Where the first query stands that the code comes to. */
  query: Place | null;
  /** The functions that were read on the way. */
  read: Fn[];
  /** Awaited calls whose code could not be found; the first of them. */
  unknown: { name: string; place: Place } | null;
};

const DEEPEST = 5;
/** Calls that wait and certainly ask no database. */
const KNOWN_OTHERS =
  /^(fetch|json|text|parse|setTimeout|all|allSettled|race|any|resolve|next|sleep|delay|send|status|code|getHeap\w*|checkHeap|checkRSS|checkStorage|\$connect|connect|release|end)$/;

/** Follows calls from these functions, some levels deep, until one asks the database. */
export function reachQuery(from: Fn[], project: Project): Reached {
  const reached: Reached = { query: null, read: [], unknown: null };
  let level = from;
  for (let depth = 0; depth <= DEEPEST && level.length > 0 && !reached.query; depth++) {
    const next: Fn[] = [];
    for (const fn of level) {
      if (reached.read.some(({ node }) => node === fn.node)) continue;
      reached.read.push(fn);
      readFunction(fn, project, reached, next);
    }
    level = next;
  }
  return reached;
}

function readFunction({ node: root, source }: Fn, project: Project, reached: Reached, next: Fn[]): void {
  walk(root, (node, around) => {
    if (reached.query) return false;
    if (isQuery(node, project)) reached.query = placeOf(source, node);
    else if (node.type === 'CallExpression') {
      const targets = [node.callee, ...node.arguments.filter(({ type }) => type === 'Identifier' || type === 'MemberExpression')]
        .flatMap((one) => functionsOf(one, source, project))
        .filter((fn) => fn.node !== root);
      next.push(...targets);
      if (targets.length === 0 && isWaitedFor(around)) noteUnknown(node, source, reached);
    }
    return true;
  });
}

function isWaitedFor(around: Node[]): boolean {
  const [parent] = around.slice(-1);
  return parent?.type === 'AwaitExpression';
}

function noteUnknown(node: Call, source: Source, reached: Reached): void {
  const name = calledName(node.callee);
  if (KNOWN_OTHERS.test(name)) return;
  reached.unknown ??= { name: dottedName(node.callee) || name, place: placeOf(source, node) };
}
