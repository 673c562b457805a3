// Where a service makes its Prisma clients and its pools.
import type { Place } from '../../check.ts';
import { declarationOf } from '../../project/origins.ts';
import { packageOf, type Service } from '../../project/packages.ts';
import { PRISMA_MODULE } from '../../project/prisma.ts';
import type { Project } from '../../project/project.ts';
import { ancestorsOf, calledName, dottedName, excerptOf, nameOf, placeOf, visit, type Node, type Source } from '../../project/source.ts';
import { optionOf, worthOf, type Argument } from './options.ts';

export type Site = {
  what: 'client' | 'pool';
  /** The class that is named there: `PrismaClient`, `Pool`, `PrismaPg`, or one of the project's own. */
  name: string;
  place: Place;
  excerpt: string;
  source: Source;
  /** The construction; for a class that a container constructs, the class. */
  node: Node;
  /** What the pool or the client is given in the end, also by a constructor of the project's own. */
  settings: Argument | null;
  /** `small`: one connection, as for health checks. `queue`: of a job runner. `task`: ends with what it is for, as migrations. */
  role: 'main' | 'small' | 'queue' | 'task';
  /** Which database and which generated client; sites of one key are of one kind. */
  key: string;
};

/** Production sources of the service that hold one of the words. */
export function sourcesOf(project: Project, service: Service, ...words: string[]): Source[] {
  return project.sourcesWith(...words).filter(({ path }) => {
    const owner = packageOf(project.packages, path);
    return owner !== null && service.packages.includes(owner);
  });
}

const kept = new WeakMap<Service, Site[]>();

/** Constructions in production code of the service; the likeliest home of the one comes first. */
export function clientSites(project: Project, service: Service): Site[] {
  const known = kept.get(service) ?? findSites(project, service);
  kept.set(service, known);
  return known;
}

function findSites(project: Project, service: Service): Site[] {
  const names = new Set(['PrismaClient', 'Pool', 'PrismaPg', 'PrismaNeon']);
  const seen = new Map<string, Source>();
  const heirs: { source: Source; node: Heir; made: Made }[] = [];
  // Each round finds the classes that extend those of the round before.
  for (let known = 0; known < names.size;) {
    known = names.size;
    for (const source of sourcesOf(project, service, ...[...names].flatMap(wordsFor))) {
      if (seen.has(source.path)) continue;
      seen.set(source.path, source);
      for (const node of classesOf(source)) {
        const made = heirOf(project, source, node, []);
        if (!made) continue;
        heirs.push({ source, node, made });
        if (node.id) names.add(node.id.name);
      }
    }
  }
  const sources = [...seen.values()].toSorted((a, b) => (a.path < b.path ? -1 : 1));
  const built = sources.flatMap((source) => constructionsOf(project, source));
  const used = new Set([...built.map(({ name }) => name), ...heirs.flatMap(({ made }) => made.through)]);
  // Nobody writes `new` for a class that a container constructs.
  const injected = heirs
    .filter(({ node, made }) => node.id && !used.has(node.id.name) && (made.what === 'client' || node.decorators.length > 0))
    .map(({ source, node, made }) => siteOf(project, source, node, { ...made, name: node.id?.name ?? '' }));
  return [...built, ...injected].toSorted((a, b) => homeliness(b) - homeliness(a));
}

/** How a class is made, extended, or given another name; many more files only name it as a type. */
function wordsFor(name: string): string[] {
  return [`new ${name}`, `extends ${name}`, `.${name}`, ` ${name} as `, ` ${name}:`];
}

type Made = { what: Site['what']; name: string; settings: Argument | null; /** Classes of the project on the way. */ through: string[] };
type Heir = Extract<Node, { type: 'ClassDeclaration' | 'ClassExpression' }>;

function classesOf(source: Source): Heir[] {
  return [...source.declared.values(), ...source.variables.values()].filter(
    (node): node is Heir => (node.type === 'ClassDeclaration' || node.type === 'ClassExpression') && node.superClass !== null,
  );
}

function constructionsOf(project: Project, source: Source): Site[] {
  const sites: Site[] = [];
  visit(source, {
    NewExpression(node) {
      const made = madeBy(project, source, node.callee, argumentsOf(node.arguments, source));
      if (made) sites.push(siteOf(project, source, node, made));
    },
  });
  return sites;
}

/** What `new callee(...)` makes: a client, a pool, or nothing that matters here. */
function madeBy(project: Project, source: Source, callee: Node, given: Argument[]): Made | null {
  const name = calledName(callee);
  const [first = ''] = dottedName(callee).split('.');
  const module = source.imports.get(first)?.module;
  const made = (what: Site['what']): Made => ({ what, name, settings: given[0] ?? null, through: [] });
  if (module !== undefined) {
    const original = callee.type === 'Identifier' ? (source.imports.get(first)?.name ?? name) : name;
    // Not every class of that name is Prisma's: it comes from the client, or from a generated one.
    if (original === 'PrismaClient' || name === 'PrismaClient') return PRISMA_MODULE.test(module) ? made('client') : null;
    if (original === 'Pool' && /^(pg|pg-pool|@neondatabase\/serverless)$/.test(module)) return made('pool');
    if (/^@prisma\/adapter-(pg|neon)$/.test(module) && /^Prisma(Pg|Neon)$/.test(original))
      return isConfig(project, given[0]) ? made('pool') : null;
  }
  const declared = callee.type === 'Identifier' ? declarationOf(callee.name, source, project.resolve) : null;
  const isClass = declared?.node.type === 'ClassDeclaration' || declared?.node.type === 'ClassExpression';
  return isClass ? heirOf(project, declared.source, declared.node as Heir, given, name) : null;
}

/** What a class of the project makes, when it extends a pool or a client. */
function heirOf(project: Project, source: Source, node: Heir, given: Argument[], name = node.id?.name ?? ''): Made | null {
  if (!node.superClass) return null;
  const passed = passedOn(source, node, given);
  const made = madeBy(project, source, node.superClass, passed);
  return made && { ...made, name, through: [...made.through, calledName(node.superClass)] };
}

/** What the class gives to the one that it extends: what `super(...)` says, or what it was given itself. */
function passedOn(source: Source, node: Heir, given: Argument[]): Argument[] {
  const constructor = node.body.body.find((one) => one.type === 'MethodDefinition' && one.kind === 'constructor');
  if (constructor?.type !== 'MethodDefinition') return given;
  const bound = new Map<string, Argument>();
  for (const [index, one] of constructor.value.params.entries()) {
    const parameter = one.type === 'TSParameterProperty' ? one.parameter : one;
    const target = parameter.type === 'AssignmentPattern' ? parameter.left : parameter;
    const passed = given[index] ?? (parameter.type === 'AssignmentPattern' ? { node: parameter.right, source } : undefined);
    if (target.type === 'Identifier' && passed) bound.set(target.name, passed);
  }
  for (const statement of constructor.value.body?.body ?? []) {
    const call = statement.type === 'ExpressionStatement' ? statement.expression : null;
    if (call?.type === 'CallExpression' && call.callee.type === 'Super') return argumentsOf(call.arguments, source, bound);
  }
  return given;
}

function argumentsOf(nodes: Node[], source: Source, given?: Map<string, Argument>): Argument[] {
  return nodes.map((node) => ({ node, source, ...(given ? { given } : {}) }));
}

/** A driver adapter takes a pool, or the settings of one that it makes itself. */
function isConfig(project: Project, argument: Argument | undefined): boolean {
  if (!argument) return true;
  const { node, source } = argument;
  if (node.type === 'ObjectExpression') return true;
  const declared = node.type === 'Identifier' ? declarationOf(node.name, source, project.resolve) : null;
  return declared?.node.type === 'ObjectExpression';
}

function siteOf(project: Project, source: Source, node: Node, { what, name, settings }: Made): Site {
  const site = { what, name, place: placeOf(source, node), excerpt: excerptOf(source, node), source, node, settings };
  return { ...site, role: roleOf(project, site), key: keyOf(project, site) };
}

function roleOf(project: Project, { what, place: { file }, source, node, settings }: Omit<Site, 'role' | 'key'>): Site['role'] {
  if (/(^|\/)(migrat\w*|backups?)(\/|\.[cm]?[jt]s$)/.test(file)) return 'task';
  if (what === 'client') return 'main';
  const max = optionOf(settings, 'max', project.resolve);
  if (typeof max === 'object' && worthOf(max, project.resolve).value === 1) return 'small';
  const around = ancestorsOf(source, node);
  const variable = around.findLast((one) => one.type === 'VariableDeclarator');
  const name = variable?.id.type === 'Identifier' ? variable.id.name : '';
  let isQueue = false;
  visit(source, {
    Property({ key, value }) {
      if (nameOf(key) === 'pgPool' && (value === node || (name !== '' && nameOf(value) === name))) isQueue = true;
    },
  });
  return isQueue ? 'queue' : 'main';
}

/** Names that say no more than "the database". */
const PLAIN =
  /^(|pg|db|database|postgres|postgresql|primary|main)(url|uri|dsn|host|connectionstring|connection)$|^(connectionstring|connection)$/;

function keyOf(project: Project, { what, source, name, settings }: Omit<Site, 'role' | 'key'>): string {
  const module =
    what === 'client' && project.schemas.length > 1 ? (source.imports.get(name)?.module ?? '').replace(/^@prisma\/client$/, '') : '';
  return `${module}|${databaseOf(project, settings)}`;
}

function databaseOf(project: Project, settings: Argument | null, depth = 0): string {
  const option = (name: string, from = settings) => optionOf(from, name, project.resolve);
  for (const name of ['connectionString', 'datasourceUrl', 'host', 'url', 'db', 'datasources', 'adapter']) {
    const found = option(name);
    if (typeof found !== 'object') continue;
    if (name === 'adapter') return adapterDatabase(project, found, depth);
    if (name === 'db' || name === 'datasources') return depth < 3 ? databaseOf(project, found, depth + 1) : '';
    const { env, value } = worthOf(found, project.resolve);
    const said = env ?? (typeof value === 'string' ? value : calledName(found.node));
    const plain = said.toLowerCase().replaceAll(/[^a-z]/g, '');
    return PLAIN.test(plain) || /^(localhost|127)/.test(said) ? '' : plain;
  }
  return '';
}

function adapterDatabase(project: Project, { node, source }: Argument, depth: number): string {
  const declared = node.type === 'Identifier' ? declarationOf(node.name, source, project.resolve) : { node, source };
  if (declared?.node.type !== 'NewExpression' || depth > 2) return '';
  const [argument] = declared.node.arguments;
  if (!argument) return '';
  if (argument.type === 'Identifier')
    return (
      adapterDatabase(project, { node: argument, source: declared.source }, depth + 1) ||
      databaseOf(project, { node: argument, source: declared.source }, 3)
    );
  return databaseOf(project, { node: argument, source: declared.source }, depth + 1);
}

function homeliness({ place: { file }, role }: Site): number {
  if (role !== 'main') return -1;
  if (/(^|\/)(prisma|db|database|client|pool)(\/(index|client|prisma))?\.[cm]?[jt]s$/.test(file)) return 2;
  return /(^|\/)(lib|db|database|prisma|infra|common|core|shared)\//.test(file) ? 1 : 0;
}
