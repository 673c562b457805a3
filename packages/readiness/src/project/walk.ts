// Goes through a syntax tree with what lies around each node.
import { visitorKeys, type ArrowFunctionExpression, type Function as PlainFunction } from 'oxc-parser';
import type { Node, Source } from './source.ts';

/** `around` holds what the node lies in, the nearest last. Answering false leaves out what lies below. */
export type Look = (node: Node, around: Node[]) => boolean | void;

export function walk(root: Node | Source['program'], look: Look, around: Node[] = []): void {
  if (look(root, around) === false) return;
  around.push(root);
  const fields = root as unknown as Record<string, unknown>;
  for (const key of visitorKeys[root.type] ?? []) {
    const below = fields[key];
    for (const one of Array.isArray(below) ? below : [below]) if (isNode(one)) walk(one, look, around);
  }
  around.pop();
}

/** The first node that fits, in the order of the text. */
export function findBelow<Found>(root: Node | Source['program'], fits: (node: Node, around: Node[]) => Found | null): Found | null {
  let found: Found | null = null;
  walk(root, (node, around) => {
    found ??= fits(node, around);
    return found === null;
  });
  return found;
}

function isNode(value: unknown): value is Node {
  return typeof value === 'object' && value !== null && 'type' in value;
}

export type FunctionNode = ArrowFunctionExpression | PlainFunction;

export function isFunction(node: Node | null | undefined): node is FunctionNode {
  return node?.type === 'ArrowFunctionExpression' || node?.type === 'FunctionDeclaration' || node?.type === 'FunctionExpression';
}

/** An expression without what only types or groups it. */
export function bare(node: Node): Node {
  // oxlint-disable-next-line typescript/switch-exhaustiveness-check -- all others stand for themselves
  switch (node.type) {
    case 'ParenthesizedExpression':
    case 'TSAsExpression':
    case 'TSSatisfiesExpression':
    case 'TSNonNullExpression':
    case 'TSTypeAssertion':
    case 'ChainExpression':
      return bare(node.expression);
    case 'AwaitExpression':
      return bare(node.argument);
    default:
      return node;
  }
}

/** The name that a function's parameter has; empty when it is taken apart. */
export function parameterName(fn: FunctionNode | null | undefined, index: number): string {
  const parameter = fn?.params[index];
  const bound = parameter?.type === 'AssignmentPattern' ? parameter.left : parameter;
  return bound?.type === 'Identifier' ? bound.name : '';
}
