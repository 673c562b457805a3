// What an expression is worth in production, as far as the source tells.
import { calledName, dottedName, hasSpread, nameOf, propertyOf, textOf, type Node, type Source } from './source.ts';

export type Value = {
  /** Known when it is written down, also as what an unset variable of the environment falls back to. */
  value?: string | number | boolean | null;
  /** The variable of the environment that decides it, when one does. */
  env?: string;
  /** The object it is, to ask for its properties. */
  object?: { node: Node; source: Source };
  /** The list it is. */
  list?: { node: Extract<Node, { type: 'ArrayExpression' }>; source: Source };
};

/** Finds the source of a module as another file names it; null for packages from outside and what is missing. */
export type Resolve = (from: string, module: string) => Source | null;

const DEEPEST = 8;

/** Follows constants, imports within the project, fallbacks and choices by NODE_ENV. Unknown is an empty value. */
export function valueOf(node: Node | null | undefined, source: Source, resolve: Resolve, depth = 0): Value {
  if (!node || depth > DEEPEST) return {};
  const follow = (one: Node | null | undefined, where = source) => valueOf(one, where, resolve, depth + 1);
  const text = textOf(node);
  if (text !== null) return { value: text };
  // oxlint-disable-next-line typescript/switch-exhaustiveness-check -- of most kinds of expressions the source tells nothing
  switch (node.type) {
    case 'Literal':
      return typeof node.value === 'number' || typeof node.value === 'boolean' || node.value === null ? { value: node.value } : {};
    case 'ParenthesizedExpression':
    case 'TSAsExpression':
    case 'TSSatisfiesExpression':
    case 'TSNonNullExpression':
    case 'TSTypeAssertion':
    case 'AwaitExpression':
      return follow('expression' in node ? node.expression : node.argument);
    case 'ObjectExpression':
      return { object: { node, source } };
    case 'ArrayExpression':
      return { list: { node, source } };
    case 'UnaryExpression': {
      const { value, ...rest } = follow(node.argument);
      if (node.operator === '!') return typeof value === 'boolean' ? { ...rest, value: !value } : rest;
      const number = Number(value);
      return value === undefined || Number.isNaN(number) ? rest : { ...rest, value: node.operator === '-' ? -number : number };
    }
    case 'BinaryExpression':
      return binary(node.operator, follow(node.left), follow(node.right));
    case 'LogicalExpression': {
      const [left, right] = [follow(node.left), follow(node.right)];
      if (node.operator === '&&') return left.value === false ? left : left.value === true ? right : {};
      return left.value !== undefined && left.value !== null ? left : { ...right, ...(left.env ? { env: left.env } : {}) };
    }
    case 'ConditionalExpression': {
      const test = isProduction(follow(node.test));
      return test === null ? {} : follow(test ? node.consequent : node.alternate);
    }
    case 'CallExpression':
      if (calledName(node.callee) === 'get' || calledName(node.callee) === 'getOrThrow') return fromSettings(node, follow);
      return ['Number', 'parseInt', 'parseFloat', 'String'].includes(calledName(node.callee))
        ? asNumber(follow(node.arguments[0]), calledName(node.callee))
        : {};
    case 'Identifier':
      return fromName(node.name, source, resolve, depth);
    case 'MemberExpression':
      return member(node, source, resolve, depth);
    default:
      return {};
  }
}

/** `config.get('NODE_ENV', 'development')`, as NestJS and others read the environment. */
function fromSettings(node: Extract<Node, { type: 'CallExpression' }>, follow: (node: Node | undefined) => Value): Value {
  const env = textOf(node.arguments[0]);
  return env !== null && /^[A-Z][A-Z0-9_]+$/.test(env) ? { ...follow(node.arguments[1]), env } : {};
}

/** A property of an object expression, through spreads of objects that can be followed; later ones win. */
export function propertyValue(object: Node | null | undefined, name: string, source: Source, resolve: Resolve, depth = 0): Value | null {
  const held = valueOf(object, source, resolve, depth).object;
  if (!held || held.node.type !== 'ObjectExpression') return null;
  for (const one of held.node.properties.toReversed()) {
    if (one.type === 'Property' && !one.computed && nameOf(one.key) === name) return valueOf(one.value, held.source, resolve, depth + 1);
    if (one.type === 'SpreadElement') {
      const spread = propertyValue(one.argument, name, held.source, resolve, depth + 1);
      if (spread) return spread;
    }
  }
  return null;
}

/** True when the object, or what it spreads, may set the property without the source telling. */
export function mayHold(object: Node | null | undefined, name: string): boolean {
  return propertyOf(object, name) !== null || hasSpread(object);
}

const NODE_ENV = Symbol('NODE_ENV');

/** A test of NODE_ENV as it comes out in production; null for any other test. */
function isProduction({ value, env }: Value): boolean | null {
  return typeof value === 'boolean' && (env === undefined || env === NODE_ENV.description) ? value : null;
}

function binary(operator: string, left: Value, right: Value): Value {
  const side = left.env === 'NODE_ENV' ? right : right.env === 'NODE_ENV' ? left : null;
  if (side && typeof side.value === 'string' && /^[!=]==?$/.test(operator))
    return { value: (side.value === 'production') === !operator.startsWith('!'), env: 'NODE_ENV' };
  const [a, b] = [left.value, right.value];
  if (typeof a !== 'number' || typeof b !== 'number')
    return operator === '+' && typeof a === 'string' && typeof b === 'string' ? { value: a + b } : {};
  const results: Record<string, number> = { '+': a + b, '-': a - b, '*': a * b, '/': a / b, '**': a ** b };
  return operator in results ? { value: results[operator] } : {};
}

function asNumber(given: Value, as: string): Value {
  if (given.value === undefined || given.value === null) return given.env ? { env: given.env } : {};
  return as === 'String' ? given : { ...given, value: Number(given.value) };
}

function fromName(name: string, source: Source, resolve: Resolve, depth: number): Value {
  if (name === 'undefined') return {};
  const init = source.variables.get(name);
  if (init) return valueOf(init, source, resolve, depth + 1);
  const imported = source.imports.get(name);
  const other = imported ? resolve(source.path, imported.module) : null;
  return other && imported ? exported(other, imported.name, resolve, depth + 1) : named(name);
}

function member(node: Extract<Node, { type: 'MemberExpression' }>, source: Source, resolve: Resolve, depth: number): Value {
  const dotted = dottedName(node);
  const variable =
    /^(?:process\.env|import\.meta\.env|Bun\.env)\.(\w+)$/.exec(dotted)?.[1] ??
    (dottedName(node.object) === 'process.env' ? textOf(node.property) : null);
  if (variable) return { env: variable };
  const name = node.computed ? textOf(node.property) : nameOf(node.property);
  return (name !== null && propertyValue(node.object, name, source, resolve, depth + 1)) || named(name ?? '');
}

/** What a setting that cannot be followed is by its name: `config.NODE_ENV`, `env.isProduction`. */
function named(name: string): Value {
  if (/^(NODE_ENV|nodeEnv)$/.test(name)) return { env: 'NODE_ENV' };
  if (/^is_?prod(uction)?$/i.test(name)) return { value: true, env: 'NODE_ENV' };
  return /^is_?(dev(elopment)?|test|local)$/i.test(name) ? { value: false, env: 'NODE_ENV' } : {};
}

/** What a file exports under a name, also when it only passes it on. */
function exported(source: Source, name: string, resolve: Resolve, depth: number): Value {
  if (depth > DEEPEST) return {};
  for (const one of source.program.body) {
    if (one.type === 'ExportAllDeclaration') {
      const other = resolve(source.path, one.source.value);
      const found = other ? exported(other, name, resolve, depth + 1) : {};
      if (Object.keys(found).length > 0) return found;
    }
    if (one.type === 'ExportNamedDeclaration' && one.source) {
      const passed = one.specifiers.find((specifier) => nameOf(specifier.exported) === name);
      const other = passed ? resolve(source.path, one.source.value) : null;
      if (passed && other) return exported(other, nameOf(passed.local), resolve, depth + 1);
    }
    if (one.type === 'ExportDefaultDeclaration' && name === 'default') return valueOf(one.declaration, source, resolve, depth + 1);
  }
  return fromName(name, source, resolve, depth);
}
