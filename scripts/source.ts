// What a source file does that the structure rules judge, read from its syntax tree and not from its text.
import { parseSync, Visitor, type Node } from 'oxc-parser';

/** A module that the file names, in whatever form; null when the name is computed. Type-only forms count as much as others. */
export type Import = { specifier: string | null; names: { name: string; isType: boolean }[] };

/** What the file does with a transaction beside passing it on. */
export type DatabaseUse = { kind: 'model'; name: string } | { kind: 'raw' } | { kind: 'hidden' };

/**
 * `ambient` is what it asks the machine: the clock, chance, the environment, the network. `answers` are the ways in which it answers
 * a request with something that neither `encode` wrote nor is a constant.
 */
export type Source = { imports: Import[]; database: DatabaseUse[]; tables: Set<string>; ambient: Set<string>; answers: Set<string> };

/** Functions whose callback is given a transaction. */
const OPENERS = new Set(['mutate', 'view', 'withTransaction', '$transaction']);
/** Ways to answer of Hono's context `c`, and of the web. */
const ANSWERS = new Set(['json', 'body', 'text', 'html', 'newResponse']);
const AMBIENT = new Set(['process', 'performance', 'fetch', 'setTimeout', 'setInterval', 'Date.now', 'Math.random', 'Temporal.Now']);
const TABLE = /\b(?:FROM|JOIN|INTO|UPDATE|TABLE)\s+(?:ONLY\s+)?"?([a-z_]+)"?/gi;

export function readSource(path: string, text: string): Source {
  const { program, errors } = parseSync(path, text);
  if (errors.length > 0) throw new Error(`${path} cannot be parsed: ${errors[0]?.message}`);
  const imports: Import[] = [];
  const database: DatabaseUse[] = [];
  const tables = new Set<string>();
  const ambient = new Set<string>();
  const answers = new Set<string>();
  const handles = new Set(['tx']);
  const name = (specifier: Node | null | undefined, names: Import['names'] = []) => imports.push({ specifier: textOf(specifier), names });

  // Whoever is given a transaction may call it as they like. Names of members are not names of things.
  const members = new Set<Node>();
  new Visitor({
    MemberExpression: ({ property, computed }) => !computed && members.add(property),
    Property: ({ key, computed, shorthand }) => !computed && !shorthand && members.add(key),
    CallExpression({ callee, arguments: args }) {
      if (OPENERS.has(calledName(callee))) for (const one of args) for (const handle of firstParameter(one)) handles.add(handle);
    },
    Identifier(node) {
      const { typeAnnotation } = node as { typeAnnotation?: { typeAnnotation: Node } | null };
      const type = typeAnnotation?.typeAnnotation;
      if (type?.type === 'TSTypeReference' && type.typeName.type === 'Identifier' && type.typeName.name === 'Tx') handles.add(node.name);
    },
  }).visit(program);
  const isHandle = (node: Node | null | undefined) => node?.type === 'Identifier' && handles.has(node.name);

  new Visitor({
    ImportDeclaration: ({ source, importKind, specifiers }) =>
      name(
        source,
        specifiers.map((one) => ({
          name: one.type === 'ImportSpecifier' ? nameOf(one.imported) : '*',
          isType: importKind === 'type' || (one.type === 'ImportSpecifier' && one.importKind === 'type'),
        })),
      ),
    ExportNamedDeclaration: ({ source }) => source && name(source),
    ExportAllDeclaration: ({ source }) => name(source),
    ImportExpression: ({ source }) => name(source),
    TSImportType: ({ source }) => name(source),
    TSExternalModuleReference: ({ expression }) => name(expression),
    CallExpression({ callee, arguments: args }) {
      const called = calledName(callee);
      if (called === 'require') name(args[0]);
      if (OPENERS.has(called) && args.some(takesApart)) database.push({ kind: 'hidden' });
      if (callee.type === 'MemberExpression' && isAnswer(callee.object, called) && !isHarmless(args[0])) answers.add(called);
      if (called === 'insertRows') {
        const table = textOf(args[1]);
        if (table === null) database.push({ kind: 'hidden' });
        else tables.add(table);
      }
    },
    Identifier: (node) => AMBIENT.has(node.name) && !members.has(node) && ambient.add(node.name),
    NewExpression({ callee, arguments: args }) {
      if (callee.type === 'Identifier' && callee.name === 'Response') answers.add('new Response');
      if (callee.type === 'Identifier' && callee.name === 'Date' && args.length === 0) ambient.add('new Date()');
    },
    MemberExpression({ object, property, computed }) {
      if (object.type === 'Identifier' && AMBIENT.has(`${object.name}.${nameOf(property)}`))
        ambient.add(`${object.name}.${nameOf(property)}`);
      if (!isHandle(object)) return;
      const member = computed ? null : nameOf(property);
      if (member === null) database.push({ kind: 'hidden' });
      else if (member.startsWith('$')) database.push({ kind: 'raw' });
      else database.push({ kind: 'model', name: member });
    },
    // Under another name, or taken apart, nobody sees any more what is done with it.
    VariableDeclarator({ init }) {
      if (isHandle(init)) database.push({ kind: 'hidden' });
    },
    AssignmentExpression({ right }) {
      if (isHandle(right)) database.push({ kind: 'hidden' });
    },
    TaggedTemplateExpression({ tag, quasi }) {
      if (calledName(tag) === 'sql' || /^\$(query|execute)Raw$/.test(calledName(tag))) {
        const sql = quasi.quasis.map(({ value }) => value.raw).join('$');
        for (const [, table = ''] of sql.matchAll(TABLE)) tables.add(table.toLowerCase());
      }
    },
  }).visit(program);
  return { imports, database, tables, ambient, answers };
}

/** A literal text, also as a template without holes; null for anything computed. */
function textOf(node: Node | null | undefined): string | null {
  if (node?.type === 'Literal' && typeof node.value === 'string') return node.value;
  if (node?.type === 'TemplateLiteral' && node.expressions.length === 0) return node.quasis[0]?.value.cooked ?? null;
  return null;
}

function nameOf(node: Node): string {
  if (node.type === 'Identifier' || node.type === 'PrivateIdentifier') return node.name;
  return textOf(node) ?? '';
}

/** `mutate(...)`, `database.mutate(...)` and `tx.$queryRaw<Row>` are called by their last name. */
function calledName(callee: Node): string {
  if (callee.type === 'MemberExpression') return callee.computed ? '' : nameOf(callee.property);
  return callee.type === 'Identifier' ? callee.name : '';
}

function isAnswer(object: Node, called: string): boolean {
  return object.type === 'Identifier' && ((object.name === 'c' && ANSWERS.has(called)) || object.name === 'Response');
}

/** What `encode` wrote, nothing, and a constant by its name. */
function isHarmless(answer: Node | undefined): boolean {
  if (answer?.type === 'CallExpression') return calledName(answer.callee) === 'encode';
  if (answer?.type === 'Identifier') return /^[A-Z][A-Z_]+$/.test(answer.name);
  return answer?.type === 'Literal' && answer.value === null;
}

/** Name of a function's first parameter, unless it is taken apart at once. */
function firstParameter(node: Node): string[] {
  if (node.type !== 'ArrowFunctionExpression' && node.type !== 'FunctionExpression') return [];
  const [first] = node.params;
  return first?.type === 'Identifier' ? [first.name] : [];
}

function takesApart(node: Node): boolean {
  return (node.type === 'ArrowFunctionExpression' || node.type === 'FunctionExpression') && node.params[0]?.type === 'ObjectPattern';
}
