// One source file as a syntax tree, and what checks ask of it.
import { parseSync, Visitor, visitorKeys, type Comment, type Node, type Program, type VisitorObject } from 'oxc-parser';
import type { Place } from '../check.ts';

export type { Node, VisitorObject };

export type Source = {
  path: string;
  text: string;
  program: Program;
  /** Local names that come from elsewhere: what they are called there (`default`, `*`), and where. */
  imports: Map<string, { module: string; name: string }>;
  /** Variables of the file by name, wherever they are declared, with what they are first given. */
  variables: Map<string, Node>;
  /** Functions and classes of the file by name. */
  declared: Map<string, Node>;
  comments: Comment[];
};

/** Null when it cannot be parsed; such a file cannot be judged. */
export function parseSource(path: string, text: string): Source | null {
  const { program, errors, comments } = parseSync(path, text);
  if (errors.length > 0 && program.body.length === 0) return null;
  const source: Source = { path, text, program, imports: new Map(), variables: new Map(), declared: new Map(), comments };
  const declare = (node: { id: { name: string } | null }) => {
    if (node.id && !source.declared.has(node.id.name)) source.declared.set(node.id.name, node as Node);
  };
  visit(source, {
    ImportDeclaration({ source: from, specifiers }) {
      for (const one of specifiers) {
        const name = one.type === 'ImportSpecifier' ? nameOf(one.imported) : one.type === 'ImportDefaultSpecifier' ? 'default' : '*';
        source.imports.set(one.local.name, { module: from.value, name });
      }
    },
    FunctionDeclaration: declare,
    ClassDeclaration: declare,
    VariableDeclarator({ id, init }) {
      // `import pg from 'pg'; const { Pool } = pg` takes from the module as well.
      const required = requiredModule(init) ?? (id.type === 'ObjectPattern' ? wholeModule(source, init) : null);
      if (required !== null) {
        if (id.type === 'Identifier') source.imports.set(id.name, { module: required, name: '*' });
        if (id.type === 'ObjectPattern') {
          for (const one of id.properties)
            if (one.type === 'Property' && one.value.type === 'Identifier')
              source.imports.set(one.value.name, { module: required, name: nameOf(one.key) });
        }
      } else if (id.type === 'Identifier' && init && !source.variables.has(id.name)) source.variables.set(id.name, init);
    },
  });
  return source;
}

export function visit(source: Source, visitor: VisitorObject): void {
  new Visitor(visitor).visit(source.program);
}

/** Visits what lies below a node of the file. */
export function visitBelow(node: Node, visitor: VisitorObject): void {
  // The visitor starts at a program; a node wrapped as its only statement is reached in the same way.
  new Visitor(visitor).visit({
    type: 'Program',
    body: [node],
    sourceType: 'module',
    hashbang: null,
    start: 0,
    end: 0,
  } as unknown as Program);
}

/** The nodes that a node lies in, from the file down to its parent. */
export function ancestorsOf(source: Source, { start, end }: { start: number; end: number }): Node[] {
  const found: Node[] = [];
  let at: Node | null = source.program;
  while (at) {
    if (at.start === start && at.end === end) break;
    found.push(at);
    at = childrenOf(at).find((child) => child.start <= start && child.end >= end) ?? null;
  }
  return found;
}

function childrenOf(node: Node): Node[] {
  const held = (visitorKeys[node.type] ?? []).flatMap((key) => (node as unknown as Record<string, Node | Node[] | null>)[key] ?? []);
  return held.filter((one): one is Node => one !== null);
}

export function placeOf(source: Source, node: { start: number }): Place {
  return { file: source.path, line: lineAt(source.text, node.start) };
}

export function lineAt(text: string, offset: number): number {
  let line = 1;
  for (let at = text.indexOf('\n'); at !== -1 && at < offset; at = text.indexOf('\n', at + 1)) line++;
  return line;
}

/** The source of a node, shortened, with secrets masked. */
export function excerptOf(source: Source, node: { start: number; end: number }): string {
  const lines = source.text.slice(node.start, node.end).split('\n');
  return maskSecrets([...lines.slice(0, 6), ...(lines.length > 6 ? ['...'] : [])].join('\n'));
}

/** Hides whatever could be a secret: passwords in URLs, values of keys that name one, long random texts. */
export function maskSecrets(text: string): string {
  return text
    .replaceAll(/([a-zA-Z][\w+.-]*:\/\/[^\s:/@'"`]*:)(?!(?:PASSWORD|<PASSWORD>)@)[^\s@'"`]+(@)/g, '$1***$2')
    .replaceAll(/((?:password|passwd|secret|token|api_?key|private_?key|encryption_?key)["']?\s*[:=]\s*["'`]?)[^\s"'`,;]{6,}/gi, '$1***')
    .replaceAll(/\b[A-Za-z0-9+/_-]{32,}={0,2}(\.[a-z]{2,5}\b)?/g, (found, extension?: string) =>
      // A path with its extension is no secret.
      !extension && ((/\d/.test(found) && /[A-Za-z]/.test(found)) || /^(.)\1+$/.test(found)) ? '***' : found,
    );
}

/** A literal text, also as a template without holes; null for anything computed. */
export function textOf(node: Node | null | undefined): string | null {
  if (node?.type === 'Literal' && typeof node.value === 'string') return node.value;
  if (node?.type === 'TemplateLiteral' && node.expressions.length === 0) return node.quasis[0]?.value.cooked ?? null;
  return null;
}

export function nameOf(node: Node): string {
  if (node.type === 'Identifier' || node.type === 'PrivateIdentifier') return node.name;
  return textOf(node) ?? '';
}

/** `connect()`, `pool.connect()` and `this.pool.connect()` are called by their last name. */
export function calledName(callee: Node): string {
  if (callee.type === 'MemberExpression') return callee.computed ? '' : nameOf(callee.property);
  if (callee.type === 'ChainExpression') return calledName(callee.expression);
  return callee.type === 'Identifier' ? callee.name : '';
}

/** The whole dotted name of a callee, for example `process.on`; empty when a part is computed. */
export function dottedName(node: Node): string {
  if (node.type === 'Identifier') return node.name;
  if (node.type === 'ThisExpression') return 'this';
  if (node.type !== 'MemberExpression' || node.computed) return '';
  const before = dottedName(node.object);
  return before && `${before}.${nameOf(node.property)}`;
}

/** The value of a property of an object literal, without what spreads bring. */
export function propertyOf(object: Node | null | undefined, name: string): Node | null {
  if (object?.type !== 'ObjectExpression') return null;
  for (const one of object.properties) if (one.type === 'Property' && !one.computed && nameOf(one.key) === name) return one.value;
  return null;
}

export function hasSpread(object: Node | null | undefined): boolean {
  return object?.type === 'ObjectExpression' && object.properties.some(({ type }) => type === 'SpreadElement');
}

function wholeModule({ imports }: Source, init: Node | null | undefined): string | null {
  const imported = init?.type === 'Identifier' ? imports.get(init.name) : undefined;
  return imported && (imported.name === 'default' || imported.name === '*') ? imported.module : null;
}

function requiredModule(init: Node | null | undefined): string | null {
  if (init?.type === 'CallExpression' && calledName(init.callee) === 'require') return textOf(init.arguments[0]);
  if (init?.type === 'AwaitExpression' && init.argument.type === 'ImportExpression') return textOf(init.argument.source);
  return null;
}
