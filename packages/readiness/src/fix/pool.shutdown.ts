// One handler of signals, which finishes what is in flight. Repairs pool.shutdown and pool.duplicate-shutdown.
import { packageOf, type Service } from '../project/packages.ts';
import type { Project } from '../project/project.ts';
import { calledName, dottedName, textOf, visit, visitBelow, type Node, type Source } from '../project/source.ts';
import { constructions, modulePath } from './client.ts';
import { edited, importing, styleOf, usesOfName, wholeLines, withoutImport, type Edit } from './edit.ts';
import type { Patch } from './patch.ts';
import { serverOf, type Server } from './server.ts';

export function fixShutdown(project: Project): Patch[] {
  return project.services.flatMap((service) => fixed(project, service));
}

/** Everything that is given up, by file. */
type Removed = { source: Source; statements: Node[] };

function fixed(project: Project, service: Service): Patch[] {
  const server = serverOf(project, service);
  const [home] = constructions(project, service, 'PrismaClient');
  if (!server || !home || home.exported === null) return [];
  const sources = project.sourcesWith('SIGTERM', 'SIGINT').filter(({ path }) => {
    const owner = packageOf(project.packages, path);
    return owner !== null && service.packages.includes(owner);
  });
  const removed: Removed[] = [];
  for (const source of sources) {
    const statements = plainHandlers(source);
    if (statements === null) return [];
    removed.push({ source, statements });
  }
  const name = home.exported === 'default' ? 'prisma' : home.exported;
  const isHome = server.source === home.source;
  const module = isHome ? null : modulePath(project, server.source, home.source.path);
  if (!isHome && module === null) return [];

  if (!removed.some(({ source }) => source === server.source)) removed.push({ source: server.source, statements: [] });
  return removed.flatMap(({ source, statements }) => {
    const edits = statements.map((one) => withComments(source.text, wholeLines(source.text, one)));
    const isServer = source === server.source;
    const kept = isServer && !isHome ? name : null;
    for (const local of source.imports.keys()) {
      const uses = usesOfName(source, local);
      const isOver = uses.length > 0 && uses.every((use) => statements.some(({ start, end }) => start <= use.start && use.end <= end));
      if (isOver && local !== kept) edits.push(...withoutImport(source, local));
    }
    if (isServer) {
      if (module !== null) edits.push(...importing(source, { name: home.exported ?? name, as: name, module }));
      if (server.unnamed) edits.push({ start: server.unnamed.start, end: server.unnamed.start, text: `const ${server.name} = ` });
    }
    const text = edited(source.text, edits);
    const after = isServer ? `${text.trimEnd()}${handler(source, server, name)}` : text;
    const why = isServer
      ? 'one handler finishes what is in flight, then closes the database'
      : 'the one shutdown handler stands where the server is started';
    return after === source.text ? [] : [{ file: source.path, before: source.text, after, why }];
  });
}

/** The statements of the file that handle signals; null when one of them does more than to say, disconnect and exit. */
function plainHandlers(source: Source): Node[] | null {
  const registrations = source.program.body.filter((one) => one.type === 'ExpressionStatement' && isRegistration(one.expression));
  let all = 0;
  visit(source, {
    CallExpression(node) {
      if (isRegistration(node)) all++;
    },
  });
  // One inside of a function, or for a list of signals, depends on what is around it.
  if (all !== registrations.length) return null;
  const statements: Node[] = [...registrations];
  for (const one of registrations) {
    if (one.type !== 'ExpressionStatement' || one.expression.type !== 'CallExpression') return null;
    const given = one.expression.arguments[1];
    const names = new Set<string>();
    if (given?.type === 'Identifier') names.add(given.name);
    else if (given) visitBelow(given, { CallExpression: ({ callee }) => void (callee.type === 'Identifier' && names.add(callee.name)) });
    if (!given || !isPlain(given, names)) return null;
    for (const name of names) {
      const declaration = declarationOf(source, name);
      if (!declaration) continue;
      if (!isPlain(declaration, names)) return null;
      const around = [...registrations, declaration];
      const isOnlyHere = usesOfName(source, name).every((use) => around.some(({ start, end }) => start <= use.start && use.end <= end));
      if (isOnlyHere && !statements.includes(declaration)) statements.push(declaration);
    }
  }
  return statements;
}

function isRegistration(node: Node): boolean {
  return (
    node.type === 'CallExpression' &&
    /^process\.(on|once)$/.test(dottedName(node.callee)) &&
    !['uncaughtException', 'unhandledRejection'].includes(textOf(node.arguments[0]) ?? '') &&
    (textOf(node.arguments[0])?.startsWith('SIG') ?? true)
  );
}

const PLAIN = /^(console|log|logger|\w+\.log)\.\w+$|^process\.exit$|\.(\$disconnect|end|close)$|^(disconnect|close)\w*$/;

/** Calls nothing but loggers, what closes the database or the server, and exit. `names` are looked at by themselves. */
function isPlain(node: Node, names: Set<string>): boolean {
  let plain = true;
  visitBelow(node, {
    CallExpression({ callee }) {
      const name = dottedName(callee) || calledName(callee);
      if (!PLAIN.test(name) && !names.has(name)) plain = false;
    },
    NewExpression() {
      plain = false;
    },
    AssignmentExpression() {
      plain = false;
    },
  });
  return plain;
}

/** The function at the top of the file; one that is exported is not only for signals. */
function declarationOf({ program }: Source, name: string): Node | null {
  for (const one of program.body) {
    if (one.type === 'FunctionDeclaration' && one.id?.name === name) return one;
    if (
      one.type === 'VariableDeclaration' &&
      one.declarations.length === 1 &&
      one.declarations[0]?.id.type === 'Identifier' &&
      one.declarations[0].id.name === name
    )
      return one;
  }
  return null;
}

/** With the comment lines right above. */
function withComments(text: string, edit: Edit): Edit {
  let { start } = edit;
  while (start > 0) {
    const before = text.lastIndexOf('\n', start - 2) + 1;
    if (!/^[ \t]*\/\//.test(text.slice(before, start))) break;
    start = before;
  }
  return { ...edit, start };
}

function handler(source: Source, { name, closing }: Server, client: string): string {
  const { indent, semicolon: end, quote, newline } = styleOf(source);
  const signal = (which: string) => `process.on(${quote}${which}${quote}, () => void shutdown())${end}`;
  const inServer = (method: string) => `${quote}${method}${quote} in ${name} && ${name}.${method}()`;
  const draining =
    closing === 'framework'
      ? [`await ${name}.close()${end}`]
      : [
          `const closed = new Promise((resolve) => ${name}.close(resolve))${end}`,
          '// Connections that are kept alive would hold it open; after eight seconds the rest is cut off, since platforms kill after ten.',
          `const idle = setInterval(() => ${inServer('closeIdleConnections')}, 50)${end}`,
          `const late = setTimeout(() => ${inServer('closeAllConnections')}, 8000)${end}`,
          `await closed${end}`,
          `clearInterval(idle)${end}`,
          `clearTimeout(late)${end}`,
        ];
  const lines = [
    '',
    '',
    `let isStopping = false${end}`,
    '',
    '/** Takes no new requests, finishes those in flight, closes the database, and ends. */',
    'async function shutdown() {',
    ...[
      `if (isStopping) return${end}`,
      `isStopping = true${end}`,
      ...draining,
      `await ${client}.$disconnect()${end}`,
      `process.exit(0)${end}`,
    ].map((line) => indent + line),
    '}',
    '',
    signal('SIGTERM'),
    signal('SIGINT'),
    '',
  ];
  return lines.join(newline);
}
