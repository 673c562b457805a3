// Where a service makes its Prisma clients and its pools.
import type { Place } from '../../check.ts';
import { packageOf, type Service } from '../../project/packages.ts';
import type { Project } from '../../project/project.ts';
import { calledName, dottedName, excerptOf, placeOf, visit, type Node, type Source } from '../../project/source.ts';

export type Site = {
  what: 'client' | 'pool';
  place: Place;
  excerpt: string;
  source: Source;
  /** The argument of the construction. */
  options: Node | null;
  /** A pool of one connection, or none: a health check's, a listener's. */
  isApart: boolean;
};

/** Constructions in production code of the service, in order of files; the likeliest home of the one comes first. */
export function clientSites(project: Project, service: Service): Site[] {
  const sources = project.sourcesWith('PrismaClient', 'Pool').filter(({ path }) => {
    const owner = packageOf(project.packages, path);
    return owner !== null && service.packages.includes(owner);
  });
  return sources.flatMap((source) => sitesOf(source)).toSorted((a, b) => homeliness(b) - homeliness(a));
}

function sitesOf(source: Source): Site[] {
  const sites: Site[] = [];
  visit(source, {
    NewExpression(node) {
      const what = constructed(source, node.callee);
      if (!what) return;
      const options = node.arguments[0] && node.arguments[0].type !== 'SpreadElement' ? node.arguments[0] : null;
      sites.push({
        what,
        place: placeOf(source, node),
        excerpt: excerptOf(source, node),
        source,
        options,
        isApart: what === 'pool' && isSmall(options),
      });
    },
  });
  return sites;
}

function constructed(source: Source, callee: Node): Site['what'] | null {
  const name = calledName(callee);
  if (name === 'PrismaClient') return isPrisma(source, callee) ? 'client' : null;
  if (name !== 'Pool') return null;
  const [first = ''] = dottedName(callee).split('.');
  const imported = source.imports.get(first);
  return imported && /^(pg|pg-pool|@neondatabase\/serverless)$/.test(imported.module) ? 'pool' : null;
}

/** Not every class of that name is Prisma's: it comes from the client, or from a generated one. */
function isPrisma(source: Source, callee: Node): boolean {
  const [first = ''] = dottedName(callee).split('.');
  const imported = source.imports.get(first);
  return imported !== undefined && /prisma|generated|\/client(\.[jt]s)?$|^[.@#~]/.test(imported.module);
}

function isSmall(options: Node | null): boolean {
  if (options?.type !== 'ObjectExpression') return false;
  return options.properties.some(
    (one) => one.type === 'Property' && calledName(one.key) === 'max' && one.value.type === 'Literal' && one.value.value === 1,
  );
}

function homeliness({ place: { file } }: Site): number {
  if (/(^|\/)(prisma|db|database|client|pool)(\/(index|client|prisma))?\.[cm]?[jt]s$/.test(file)) return 2;
  return /(^|\/)(lib|db|database|prisma|infra|common|core|shared)\//.test(file) ? 1 : 0;
}
