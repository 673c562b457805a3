// Clients and pools of a service in the plain shapes that a fix may change, and how other files import the one.
import { packageOf, type Service } from '../project/packages.ts';
import { PRISMA_MODULE } from '../project/prisma.ts';
import type { Project } from '../project/project.ts';
import { calledName, dottedName, nameOf, visit, type Node, type Source } from '../project/source.ts';

export type Construction = {
  /** `PrismaClient`, `Pool` or `PrismaPg`. */
  className: string;
  source: Source;
  node: Extract<Node, { type: 'NewExpression' }>;
  /** The object literal that it is given; null for nothing, undefined for anything else. */
  options: Extract<Node, { type: 'ObjectExpression' }> | null | undefined;
  /** The variable at the top of the file whose value it is, or is part of. */
  variable: { name: string; statement: Node; isWhole: boolean } | null;
  /** What other files import it as; `default` for the default export, null when it is not exported. */
  exported: string | null;
};

const MODULES: Record<string, RegExp> = {
  PrismaClient: PRISMA_MODULE,
  Pool: /^(pg|pg-pool)$/,
  PrismaPg: /^@prisma\/adapter-pg$/,
};

/** Every construction of one of the classes in production code of the service; those that others can import come first. */
export function constructions(project: Project, service: Service, ...classes: string[]): Construction[] {
  const sources = project.sourcesWith(...classes).filter(({ path }) => {
    const owner = packageOf(project.packages, path);
    return owner !== null && service.packages.includes(owner);
  });
  const found = sources.flatMap((source) => {
    const inFile: Construction[] = [];
    visit(source, {
      NewExpression(node) {
        const className = calledName(node.callee);
        const imported = source.imports.get(dottedName(node.callee).split('.')[0] ?? '');
        if (!classes.includes(className) || !imported || !MODULES[className]?.test(imported.module)) return;
        const [options = null] = node.arguments;
        const variable = variableOf(source, node);
        inFile.push({
          className,
          source,
          node,
          options: options === null || options.type === 'ObjectExpression' ? options : undefined,
          variable,
          exported: variable && exportedName(source, variable),
        });
      },
    });
    return inFile;
  });
  const homely = (one: Construction) => Number(one.exported !== null) + Number(HOME.test(one.source.path));
  return found.toSorted((a, b) => homely(b) - homely(a));
}

const HOME = /(^|\/)(prisma|db|database|client|pool)(\/(index|client|prisma))?\.[cm]?[jt]s$|(^|\/)(lib|db|database|prisma)\//;

/** The module that a file names to import another one: relative, with the ending that the project writes. Null across packages. */
export function modulePath(project: Project, from: Source, to: string): string | null {
  if (packageOf(project.packages, from.path) !== packageOf(project.packages, to)) return null;
  const folder = from.path.split('/').slice(0, -1);
  const target = to.split('/');
  while (folder.length > 0 && folder[0] === target[0] && target.length > 1) {
    folder.shift();
    target.shift();
  }
  const path = `${folder.length === 0 ? './' : '../'.repeat(folder.length)}${target.join('/')}`;
  const written = endingsOf(project, from);
  const stem = path.replace(/\.[cm]?[jt]sx?$/, '');
  if (written === 'none') return stem.replace(/\/index$/, '');
  return written === 'source' ? path : path.replace(/\.([cm]?)tsx?$/, '.$1js');
}

/** Whether relative imports end with nothing, with `.js`, or with the ending of the source itself. */
function endingsOf(project: Project, from: Source): 'none' | 'js' | 'source' {
  const relative = (source: Source) =>
    [...source.imports.values()].map(({ module }) => module).filter((module) => /^\.{1,2}\//.test(module));
  const own = relative(from);
  const seen = own.length > 0 ? own : project.sourcesWith("from './", 'from "./', "from '../", 'from "../').slice(0, 50).flatMap(relative);
  const count = (pattern: RegExp) => seen.filter((module) => pattern.test(module)).length;
  if (count(/\.[cm]?tsx?$/) * 2 > seen.length) return 'source';
  if (count(/\.[cm]?jsx?$/) * 2 > seen.length) return 'js';
  // Without any example: Node reads modules of a "type": "module" package by their whole name.
  return 'none';
}

function variableOf({ program }: Source, node: Node): Construction['variable'] {
  for (const one of program.body) {
    const statement = one.type === 'ExportNamedDeclaration' ? one.declaration : one;
    if (statement?.type !== 'VariableDeclaration') continue;
    for (const { id, init } of statement.declarations)
      if (init && id.type === 'Identifier' && init.start <= node.start && node.end <= init.end)
        return { name: id.name, statement: one, isWhole: init === node && statement.declarations.length === 1 };
  }
  return null;
}

/** `export const prisma = ...`, `export { prisma }`, `export default prisma`, `module.exports = { prisma }`. */
function exportedName({ program, text }: Source, { name, statement }: { name: string; statement: Node }): string | null {
  if (statement.type === 'ExportNamedDeclaration') return name;
  for (const one of program.body) {
    if (one.type === 'ExportNamedDeclaration' && !one.source) {
      const found = one.specifiers.find(({ local }) => nameOf(local) === name);
      if (found) return nameOf(found.exported);
    }
    if (one.type === 'ExportDefaultDeclaration' && one.declaration.type === 'Identifier' && one.declaration.name === name) return 'default';
    if (one.type !== 'ExpressionStatement' || one.expression.type !== 'AssignmentExpression') continue;
    const { left, right } = one.expression;
    if (text.slice(left.start, left.end) !== 'module.exports' || right.type !== 'ObjectExpression') continue;
    for (const item of right.properties)
      if (item.type === 'Property' && item.value.type === 'Identifier' && item.value.name === name) return nameOf(item.key);
  }
  return null;
}
