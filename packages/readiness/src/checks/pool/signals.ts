// Who listens for SIGTERM and SIGINT in a service, and what happens then.
import type { Place } from '../../check.ts';
import type { Service } from '../../project/packages.ts';
import type { Project } from '../../project/project.ts';
import {
  ancestorsOf,
  calledName,
  dottedName,
  excerptOf,
  nameOf,
  placeOf,
  textOf,
  visit,
  type Node,
  type Source,
} from '../../project/source.ts';
import { reachOf, type Reach } from './reach.ts';
import { sourcesOf } from './sites.ts';

export type Handler = {
  signals: string[];
  place: Place;
  excerpt: string;
  source: Source;
  /** Code that runs; what a framework or a library does by itself is in `drains`. */
  reach: Reach;
  /** Waits for requests in flight: by its own code, or by the library that it is. */
  drains: boolean;
  /** Who does it, when it is not the project's own code. */
  by: 'NestJS' | 'library' | null;
};

const SIGNALS = ['SIGTERM', 'SIGINT'];
/** Packages that listen for signals themselves, and whether they finish what is in flight. */
const LIBRARIES: Record<string, boolean> = {
  '@godaddy/terminus': true,
  'http-graceful-shutdown': true,
  'fastify-graceful-shutdown': true,
  lightship: false,
  'close-with-grace': false,
};

export function signalHandlers(project: Project, service: Service): Handler[] {
  return sourcesOf(project, service, ...SIGNALS, 'enableShutdownHooks', ...Object.keys(LIBRARIES)).flatMap((source) => {
    const handlers: Handler[] = [];
    visit(source, {
      CallExpression(node) {
        const found = listening(source, node);
        if (!found) return;
        const reach = reachOf(project, source, found.does);
        const drains = found.drains || reach.calls.some(({ kind }) => kind === 'drain');
        handlers.push({
          signals: found.signals,
          place: placeOf(source, node),
          excerpt: excerptOf(source, node),
          source,
          reach,
          drains,
          by: found.by,
        });
      },
    });
    return handlers;
  });
}

type Listening = { signals: string[]; does: Node[]; drains: boolean; by: Handler['by'] };

function listening(source: Source, node: Extract<Node, { type: 'CallExpression' }>): Listening | null {
  const called = calledName(node.callee);
  if (called === 'enableShutdownHooks') return { signals: SIGNALS, does: [], drains: true, by: 'NestJS' };
  const library = source.imports.get(dottedName(node.callee).split('.')[0] ?? '')?.module ?? '';
  const plugin =
    called === 'register' && node.arguments[0]?.type === 'Identifier' ? (source.imports.get(node.arguments[0].name)?.module ?? '') : '';
  const own = LIBRARIES[library] ?? LIBRARIES[plugin];
  if (own !== undefined) return { signals: SIGNALS, does: node.arguments, drains: own, by: 'library' };
  const [first, handler] = node.arguments;
  if (!/^(on|once|addListener|prependListener)$/.test(called) || !first || !handler) return null;
  if (!isProcess(node.callee)) return null;
  const signals = signalsOf(source, first).filter((one) => SIGNALS.includes(one));
  return signals.length > 0 ? { signals, does: [handler], drains: false, by: null } : null;
}

/** `process.on`, also as the next of a chain: `process.on(...).on(...)`. */
function isProcess(callee: Node): boolean {
  if (callee.type !== 'MemberExpression') return false;
  return callee.object.type === 'CallExpression' ? isProcess(callee.object.callee) : /(^|\.)process$/.test(dottedName(callee.object));
}

/** The signals that a first argument stands for: one that is written, or each of a list that a loop goes through. */
function signalsOf(source: Source, node: Node): string[] {
  const text = textOf(node);
  if (text !== null) return [text];
  if (node.type !== 'Identifier') return [];
  for (const around of ancestorsOf(source, node).toReversed()) {
    if (around.type === 'ForOfStatement' && around.left.type === 'VariableDeclaration') {
      const [declared] = around.left.declarations;
      if (declared?.id.type === 'Identifier' && declared.id.name === node.name) return textsOf(source, around.right);
    }
    if (
      around.type === 'CallExpression' &&
      around.callee.type === 'MemberExpression' &&
      /^(forEach|map)$/.test(calledName(around.callee))
    ) {
      const [each] = around.arguments;
      const isParameter =
        each &&
        'params' in each &&
        Array.isArray(each.params) &&
        each.params[0]?.type === 'Identifier' &&
        each.params[0].name === node.name;
      if (isParameter) return textsOf(source, around.callee.object);
    }
  }
  const own = source.variables.get(node.name);
  return own ? [textOf(own) ?? ''] : [];
}

function textsOf(source: Source, node: Node): string[] {
  if (node.type === 'TSAsExpression' || node.type === 'TSSatisfiesExpression' || node.type === 'ParenthesizedExpression')
    return textsOf(source, node.expression);
  if (node.type === 'Identifier') {
    const own = source.variables.get(node.name);
    return own && own !== node ? textsOf(source, own) : [];
  }
  if (node.type === 'ObjectExpression') return node.properties.flatMap((one) => (one.type === 'Property' ? [nameOf(one.key)] : []));
  if (node.type === 'CallExpression' && calledName(node.callee) === 'keys' && node.arguments[0]) return textsOf(source, node.arguments[0]);
  return node.type === 'ArrayExpression' ? node.elements.flatMap((one) => textOf(one) ?? []) : [];
}

/** Where production code of the service ends its pool or its server, whoever calls it. */
export function endings(project: Project, service: Service, kind: 'pool' | 'drain'): Place[] {
  const words = kind === 'pool' ? ['$disconnect', '.end('] : ['.close(', 'closeIdleConnections', '.stop('];
  return sourcesOf(project, service, ...words).flatMap((source) =>
    reachOf(project, source, [source.program], { follows: false }).calls.flatMap((call) => (call.kind === kind ? [call.place] : [])),
  );
}
