// The options with which a project makes its Prisma clients.
import type { Place } from '../../check.ts';
import { PRISMA_MODULE } from '../../project/prisma.ts';
import type { Project } from '../../project/project.ts';
import { calledName, dottedName, placeOf, type Node, type Source } from '../../project/source.ts';
import { findBelow, walk } from '../../project/walk.ts';

export type Client = { source: Source; place: Place; options: Node | null };

/** `new PrismaClient(...)` in production code, and `super(...)` of classes that extend it. */
export function prismaClients(project: Project): Client[] {
  return project.sourcesWith('PrismaClient').flatMap((source) => {
    const found: Client[] = [];
    const add = (node: Node, [options]: Node[]) =>
      found.push({ source, place: placeOf(source, node), options: options && options.type !== 'SpreadElement' ? options : null });
    walk(source.program, (node) => {
      if (node.type === 'NewExpression' && isPrismaClient(node.callee, source)) add(node, node.arguments);
      if (
        (node.type === 'ClassDeclaration' || node.type === 'ClassExpression') &&
        node.superClass &&
        isPrismaClient(node.superClass, source)
      ) {
        const call = findBelow(node.body, (one) => (one.type === 'CallExpression' && one.callee.type === 'Super' ? one : null));
        add(call ?? node, call?.arguments ?? []);
      }
    });
    return found;
  });
}

function isPrismaClient(callee: Node, source: Source): boolean {
  const [first = ''] = dottedName(callee).split('.');
  const imported = source.imports.get(first);
  const name = callee.type === 'Identifier' ? imported?.name : calledName(callee);
  return name === 'PrismaClient' && PRISMA_MODULE.test(imported?.module ?? '');
}
