// A readiness handler that only says it asked the database now does.
import type { Service } from '../project/packages.ts';
import type { Project } from '../project/project.ts';
import { calledName, textOf, visit, visitBelow, type Node, type Source } from '../project/source.ts';
import { constructions, modulePath } from './client.ts';
import { importing, indentAt, patchOf, styleOf, usesOfName, type Edit } from './edit.ts';
import type { Patch } from './patch.ts';

const ROUTE = /^\/?([\w-]+\/)*(ready|readyz|readiness)$/;

export function fixReadiness(project: Project): Patch[] {
  return project.services.flatMap((service) =>
    project.sourcesWith('ready').flatMap((source) => {
      const found = placeholderIn(source);
      return found ? asking(project, service, source, found) : [];
    }),
  );
}

type Placeholder = { handler: Handler; literal: Node; declaration: Node };
type Handler = { start: number; end: number; async: boolean };

/** `const dbHealthy = true;` in the handler, where the answer depends on it. None when it is not the only one. */
function placeholderIn(source: Source): Placeholder | null {
  const found: Placeholder[] = [];
  visit(source, {
    CallExpression({ callee, arguments: given }) {
      const handler = given.at(-1);
      if (!ROUTE.test(textOf(given[0]) ?? '') || !/^(get|all|use|route)$/.test(calledName(callee)) || !handler) return;
      if (handler.type !== 'ArrowFunctionExpression' && handler.type !== 'FunctionExpression') return;
      if (!source.text.slice(handler.start, handler.end).includes('503')) return;
      visitBelow(handler, {
        VariableDeclaration(declaration) {
          const [one] = declaration.declarations;
          if (
            declaration.declarations.length !== 1 ||
            one?.id.type !== 'Identifier' ||
            one.init?.type !== 'Literal' ||
            one.init.value !== true
          )
            return;
          const isAboutDatabase = /db|database|prisma|postgres|connect/i.test(one.id.name);
          if (isAboutDatabase && usesOfName(source, one.id.name).length > 1) found.push({ handler, literal: one.init, declaration });
        },
      });
    },
  });
  return found.length === 1 ? (found[0] ?? null) : null;
}

function asking(project: Project, service: Service, source: Source, { handler, literal, declaration }: Placeholder): Patch[] {
  const [client] = constructions(project, service, 'PrismaClient');
  const [home = null] = client ? [client] : constructions(project, service, 'Pool');
  if (!home || home.exported === null) return [];
  const module = modulePath(project, source, home.source.path);
  if (module === null) return [];
  const name = home.exported === 'default' ? (client ? 'prisma' : 'pool') : home.exported;
  if (usesOfName(source, name).length > 0 && !source.imports.has(name)) return [];

  const { newline, indent, isTyped, quote } = styleOf(source);
  const base = indentAt(source.text, declaration.start);
  const query = client ? `${name}.$queryRaw\`SELECT 1\`` : `${name}.query(${quote}SELECT 1${quote})`;
  const lines = [
    'await Promise.race([',
    `${indent}${query}.then(() => true, () => false),`,
    `${indent}// Nobody waits longer than a second: a readiness check that hangs is a failed one.`,
    `${indent}new Promise${isTyped ? '<boolean>' : ''}((resolve) => setTimeout(resolve, 1000, false)),`,
    '])',
  ];
  const edits: Edit[] = [
    { start: literal.start, end: literal.end, text: lines.join(newline + base) },
    ...(handler.async ? [] : [{ start: handler.start, end: handler.start, text: 'async ' }]),
    ...staleComments(source.text, declaration),
    ...importing(source, { name: home.exported, as: name, module }),
  ];
  return patchOf(source, edits, 'readiness asks the database, for a second at most');
}

/** What says TODO or placeholder, on the line before and behind the declaration. */
function staleComments(text: string, { start, end }: Node): Edit[] {
  const edits: Edit[] = [];
  const behind = /^[ \t]*\/\/[^\r\n]*(todo|fixme|placeholder|stub|mock)[^\r\n]*/i.exec(text.slice(end))?.[0].length;
  if (behind) edits.push({ start: end, end: end + behind, text: '' });
  const from = text.lastIndexOf('\n', start - 1) + 1;
  const before = text.lastIndexOf('\n', from - 2) + 1;
  if (from > 0 && /^\s*\/\/.*(todo|fixme|placeholder)/i.test(text.slice(before, from))) edits.push({ start: before, end: from, text: '' });
  return edits;
}
