// A setting in what is given to a pool or a client, through spreads, helpers and constructors of the project.
import { declarationOf } from '../../project/origins.ts';
import { calledName, nameOf, visitBelow, type Node, type Source } from '../../project/source.ts';
import { valueOf, type Resolve, type Value } from '../../project/values.ts';

/** An expression, where it stands, and what the parameters around it were given, as far as that is known. */
export type Argument = { node: Node; source: Source; given?: Map<string, Argument> };

/** `unknown`: something is spread or passed whose properties cannot be seen. */
export type Option = Argument | 'absent' | 'unknown';

const DEEPEST = 10;

export function optionOf(argument: Argument | null, name: string, resolve: Resolve, depth = 0): Option {
  if (!argument) return 'absent';
  if (depth > DEEPEST) return 'unknown';
  const { node, source, given } = argument;
  const inside = (one: Node) => optionOf({ ...argument, node: one }, name, resolve, depth + 1);
  // oxlint-disable-next-line typescript/switch-exhaustiveness-check -- what else may hold settings cannot be looked into
  switch (node.type) {
    case 'ObjectExpression': {
      let left: Option = 'absent';
      for (const one of node.properties.toReversed()) {
        if (one.type === 'Property' && !one.computed && nameOf(one.key) === name) return { ...argument, node: one.value };
        const spread = one.type === 'SpreadElement' ? inside(one.argument) : 'absent';
        if (typeof spread === 'object') return spread;
        if (spread === 'unknown') left = 'unknown';
      }
      return left;
    }
    case 'ParenthesizedExpression':
    case 'TSAsExpression':
    case 'TSSatisfiesExpression':
    case 'TSNonNullExpression':
      return inside(node.expression);
    case 'AwaitExpression':
      return inside(node.argument);
    case 'ConditionalExpression':
      return either(inside(node.consequent), inside(node.alternate));
    case 'LogicalExpression':
      return node.operator === '&&' ? inside(node.right) : either(inside(node.left), inside(node.right));
    case 'Identifier': {
      if (node.name === 'undefined') return 'absent';
      const passed = given?.get(node.name);
      if (passed) return optionOf(passed, name, resolve, depth + 1);
      const declared = declarationOf(node.name, source, resolve);
      return declared ? optionOf({ node: declared.node, source: declared.source }, name, resolve, depth + 1) : 'unknown';
    }
    case 'MemberExpression': {
      const { object } = valueOf(node, source, resolve);
      return object ? optionOf(object, name, resolve, depth + 1) : 'unknown';
    }
    case 'CallExpression':
      // The Cloud SQL connector's `getOptions` gives the stream or the TLS context, never pool settings.
      return calledName(node.callee) === 'getOptions' ? 'absent' : returned(argument, node.callee, name, resolve, depth + 1);
    case 'Literal':
    case 'TemplateLiteral':
      return 'absent';
    default:
      return 'unknown';
  }
}

/** What an option is worth in production; also where it is a field of a parameter that was given an object. */
export function worthOf({ node, source, given }: Argument, resolve: Resolve, depth = 0): Value {
  const own = valueOf(node, source, resolve);
  if (own.value !== undefined || own.env !== undefined || own.object || depth > DEEPEST) return own;
  if (node.type === 'Identifier') {
    const passed = given?.get(node.name);
    return passed ? worthOf(passed, resolve, depth + 1) : own;
  }
  if (node.type !== 'MemberExpression' || node.computed || node.object.type !== 'Identifier') return own;
  const passed = given?.get(node.object.name);
  const field = passed ? optionOf(passed, nameOf(node.property), resolve) : 'unknown';
  return typeof field === 'object' ? worthOf(field, resolve, depth + 1) : own;
}

/** The objects that a function of the project returns. */
function returned({ source }: Argument, callee: Node, name: string, resolve: Resolve, depth: number): Option {
  const declared = callee.type === 'Identifier' ? declarationOf(callee.name, source, resolve) : null;
  if (!declared) return 'unknown';
  const results = resultsOf(declared.node).map((node) => optionOf({ node, source: declared.source }, name, resolve, depth));
  return results.length > 0 ? results.reduce(either) : 'unknown';
}

function resultsOf(node: Node): Node[] {
  if (node.type === 'ArrowFunctionExpression' && node.expression) return [node.body];
  const results: Node[] = [];
  visitBelow(node, { ReturnStatement: ({ argument }) => void (argument && results.push(argument)) });
  return results;
}

function either(one: Option, other: Option): Option {
  if (typeof one === 'object') return one;
  if (typeof other === 'object') return other;
  return one === 'unknown' ? one : other;
}
