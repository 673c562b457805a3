// The options with which a project makes its Prisma clients.
import type { Place } from '../../check.ts';
import type { Project } from '../../project/project.ts';
import { calledName, placeOf, type Node, type Source } from '../../project/source.ts';
import { findBelow, walk } from '../../project/walk.ts';
import { clientSites } from '../pool/sites.ts';

export type Client = { source: Source; place: Place; node: Node; options: Node | null };

/** `new PrismaClient(...)` in production code, and `super(...)` of classes that extend it. */
export function prismaClients(project: Project): Client[] {
  const made = project.services
    .flatMap((service) => clientSites(project, service))
    .filter(({ what }) => what === 'client')
    .map(({ source, place, options }) => ({ source, place, options, node: options ?? source.program }));
  const extended = project.sourcesWith('PrismaClient').flatMap((source) => subclasses(source));
  const places = new Set<string>();
  return [...made, ...extended].filter(({ place }) => {
    const key = `${place.file}:${place.line}`;
    return !places.has(key) && places.add(key);
  });
}

function subclasses(source: Source): Client[] {
  const found: Client[] = [];
  walk(source.program, (node) => {
    if (node.type !== 'ClassDeclaration' && node.type !== 'ClassExpression') return;
    if (!node.superClass || calledName(node.superClass) !== 'PrismaClient') return;
    const call = findBelow(node.body, (one) => (one.type === 'CallExpression' && one.callee.type === 'Super' ? one : null));
    const [options] = call?.arguments ?? [];
    const stated = options && options.type !== 'SpreadElement' ? options : null;
    found.push({ source, place: placeOf(source, call ?? node), options: stated, node: call ?? node });
  });
  return found;
}
