// A second client or pool becomes an import of the first.
import type { Project } from '../project/project.ts';
import { nameOf, visit, type Node, type Source } from '../project/source.ts';
import { constructions, modulePath, type Construction } from './client.ts';
import { edited, importing, usesOfName, wholeLines, withoutImport, type Edit } from './edit.ts';
import type { Patch } from './patch.ts';

/** Options that only say how much is told; with any other the second client may be another one on purpose. */
const HARMLESS = new Set(['log', 'errorFormat', 'transactionOptions']);

export function fixDuplicateClient(project: Project): Patch[] {
  return project.services.flatMap((service) =>
    ['PrismaClient', 'Pool'].flatMap((className) => {
      const [home, ...others] = constructions(project, service, className);
      if (!home || home.exported === null) return [];
      return others.flatMap((other) => (isSame(home, other) ? replaced(project, home, other) : []));
    }),
  );
}

/** Certainly the same database, and nobody closes or listens to the second one by itself. */
function isSame(home: Construction, { source, options, node, variable }: Construction): boolean {
  if (source === home.source || options === undefined) return false;
  if (home.className === 'PrismaClient') {
    const names = options?.properties.map((one) => (one.type === 'Property' ? nameOf(one.key) : '...')) ?? [];
    if (!names.every((name) => HARMLESS.has(name))) return false;
  } else {
    const text = (one: Source, { start, end }: Node) => one.text.slice(start, end).replaceAll(/\s/g, '');
    if (!home.options || !options || text(source, options) !== text(home.source, home.options)) return false;
  }
  return variable?.isWhole === true && source.text.slice(node.end, node.end + 1) !== '.' && !isManaged(source, variable.name);
}

/** `prisma.$disconnect()` here would take the client away from all others. */
function isManaged(source: Source, name: string): boolean {
  let found = false;
  visit(source, {
    MemberExpression({ object, property }) {
      if (
        object.type === 'Identifier' &&
        object.name === name &&
        /^(\$disconnect|\$connect|\$on|\$use|\$extends|end|on)$/.test(nameOf(property))
      )
        found = true;
    },
  });
  return found;
}

function replaced(project: Project, home: Construction, other: Construction): Patch[] {
  const { source, variable, className } = other;
  const module = modulePath(project, source, home.source.path);
  if (!variable || module === null || home.exported === null) return [];
  const edits: Edit[] = [wholeLines(source.text, variable.statement)];
  // Who imports it from here still can.
  const isExported = variable.statement.type === 'ExportNamedDeclaration';
  if (isExported) edits[0] = { start: variable.statement.start, end: variable.statement.end, text: `export { ${variable.name} };` };
  edits.push(...importing(source, { name: home.exported, as: variable.name, module }));
  const local = [...source.imports].find(([, { name }]) => name === className)?.[0] ?? className;
  if (usesOfName(source, local).length === 1) edits.push(...withoutImport(source, local));
  const after = edited(source.text, edits);
  return [{ file: source.path, before: source.text, after, why: `uses the ${className} of ${home.source.path} instead of a second one` }];
}
