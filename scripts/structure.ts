// Who may import what, what a module may contain, and whose tables it may touch: one table, applied to every source file.
// `structure.test.ts` plants a violation of each rule and expects it to be reported.
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join, normalize } from 'node:path';
import { parseSync } from 'oxc-parser';

/** Modules in order: each may use those before it, through their index.ts. `reports` reads SQL and uses nobody. */
export const MODULES = [
  'identity',
  'patients',
  'messaging',
  'ledger',
  'payments',
  'catalog',
  'scheduling',
  'inventory',
  'clinical',
  'billing',
];

const MODULE_FILES = /^(README\.md|(index|routes|service|queries|rules|jobs)\.ts|(service|rules)\/[a-z-]+\.ts|[a-z-]+\.test\.ts)$/;
const LONGEST_FILE = 400;

/** Folders outside the modules and what each may import beside itself. `node:` means Node's own modules. */
const FOLDERS: [folder: string, may: RegExp][] = [
  ['packages/contracts/src/', /^zod$/],
  ['packages/database/src/', /^(node:|pg$|@prisma\/|graphile-worker$)/],
  ['packages/local-database/src/', /^(node:|pg$)/],
  ['packages/practice-data/src/', /^(node:|@medspa\/(contracts|database)$|uuid$)/],
  ['apps/api/src/platform/', /^(node:|@medspa\/(contracts|database)(\/|$)|@prisma\/instrumentation$|(?!\.|@medspa\/|pg$|@prisma\/)[a-z@])/],
];

/** What each kind of file in a module may import from outside its module. */
const MODULE_KINDS: Record<string, RegExp> = {
  routes: /^(@hono\/zod-openapi$|@medspa\/contracts$|platform\/)/,
  service: /^(node:crypto$|uuid$|temporal-polyfill$|@medspa\/(contracts|database)$|platform\/|module-index$)/,
  queries: /^(@medspa\/(contracts|database)$|platform\/)/,
  rules: /^(@medspa\/contracts$|temporal-polyfill$)/,
  jobs: /^(zod$|@medspa\/contracts$|platform\/|module-index$)/,
  index: /^$/,
};
/** ... and from inside it. Rules are pure: they know nothing but rules. */
const INSIDE: Record<string, RegExp> = {
  routes: /^service$/,
  service: /^(service|queries|rules)$/,
  queries: /^rules$/,
  rules: /^rules$/,
  jobs: /^(service|queries|rules)$/,
  index: /^(routes|service|jobs|rules)$/,
};

/** Every violation in the tree below `root`, as `path: sentence`. */
export function findViolations(root: string): string[] {
  const owners = tableOwners(join(root, 'packages/database/prisma/schema'));
  return sourceFiles(root).flatMap((path) => {
    const source = readFileSync(join(root, path), 'utf8');
    return [...judgeName(path), ...judgeLength(path, source), ...judgeImports(path, source), ...judgeTables(path, source, owners)].map(
      (said) => `${path}: ${said}`,
    );
  });
}

function judgeName(path: string): string[] {
  const [, module, file] = /^apps\/api\/src\/modules\/([^/]+)\/(.+)$/.exec(path) ?? [];
  if (!module || !file) return [];
  if (module !== 'reports' && !MODULES.includes(module))
    return [`there is no module "${module}"; add it to MODULES in scripts/structure.ts where it belongs`];
  return MODULE_FILES.test(file) ? [] : ['a module has no such file; see CONTRIBUTING, "A module, file by file"'];
}

function judgeLength(path: string, source: string): string[] {
  const lines = source.split('\n').length;
  return lines > LONGEST_FILE && !path.endsWith('.md') ? [`has ${lines} lines; a file is one thing, at most ${LONGEST_FILE}`] : [];
}

function judgeImports(path: string, source: string): string[] {
  if (!path.endsWith('.ts') || path.endsWith('.test.ts')) return [];
  return importsOf(path, source).flatMap((specifier) => {
    const reason = judgeImport(path, specifier);
    return reason ? [reason] : [];
  });
}

function judgeImport(path: string, specifier: string): string | null {
  const target = specifier.startsWith('.') ? normalize(join(dirname(path), specifier)) : null;
  const module = /^apps\/api\/src\/modules\/([^/]+)\//.exec(path)?.[1];
  if (module) return judgeModuleImport(path, module, specifier, target);

  const folder = FOLDERS.find(([name]) => path.startsWith(name));
  if (!folder) return null;
  const [name, may] = folder;
  if (target ? target.startsWith(name) : may.test(specifier)) return null;
  return `${name} may not import ${specifier}`;
}

function judgeModuleImport(path: string, module: string, specifier: string, target: string | null): string | null {
  const home = `apps/api/src/modules/${module}/`;
  const kind = kindOf(path.slice(home.length));
  if (!target) return MODULE_KINDS[kind]?.test(specifier) ? null : `${kind} may not import ${specifier}`;
  if (target.startsWith(home)) {
    const inside = kindOf(target.slice(home.length));
    return INSIDE[kind]?.test(inside) ? null : `${kind} may not import ${inside} of its module`;
  }
  if (target.startsWith('apps/api/src/platform/'))
    return MODULE_KINDS[kind]?.test('platform/') ? null : `${kind} may not import the platform`;
  const [, other, file] = /^apps\/api\/src\/modules\/([^/]+)\/(.+)$/.exec(target) ?? [];
  if (!other) return `a module may not import ${target}`;
  if (file !== 'index.ts') return `another module is used through its index.ts, not ${file}`;
  if (!MODULE_KINDS[kind]?.test('module-index')) return `${kind} may not import another module`;
  return MODULES.indexOf(other) < MODULES.indexOf(module)
    ? null
    : `${module} may not import ${other}; arrows go to the left: ${MODULES.join(' <- ')}`;
}

function judgeTables(path: string, source: string, owners: Map<string, string>): string[] {
  const module = /^apps\/api\/src\/modules\/([^/]+)\//.exec(path)?.[1];
  if (!module || path.endsWith('.test.ts') || module === 'reports') return [];
  const isQueries = kindOf(path.slice(`apps/api/src/modules/${module}/`.length)) === 'queries';
  return [...source.matchAll(/\btx\.([a-z]\w+)\./g)].flatMap(([, model = '']) => {
    if (!isQueries) return [`only queries.ts speaks to the database (tx.${model})`];
    const owner = owners.get(model);
    return owner === module ? [] : [`table of "${model}" belongs to ${owner ?? 'nobody'}`];
  });
}

/** Prisma's accessor of each model -> the module whose schema file declares it. */
function tableOwners(folder: string): Map<string, string> {
  const owners = new Map<string, string>();
  for (const file of existsSync(folder) ? readdirSync(folder) : []) {
    for (const [, model = ''] of readFileSync(join(folder, file), 'utf8').matchAll(/^model (\w+)/gm)) {
      owners.set(model.charAt(0).toLowerCase() + model.slice(1), file.replace('.prisma', ''));
    }
  }
  return owners;
}

function kindOf(file: string): string {
  return file.replace(/(\/.*|\.ts)$/, '');
}

function importsOf(path: string, source: string): string[] {
  const { module } = parseSync(path, source);
  return [
    ...module.staticImports.map((found) => found.moduleRequest.value),
    ...module.staticExports.flatMap((found) => found.entries.flatMap((entry) => entry.moduleRequest?.value ?? [])),
    ...module.dynamicImports.map((found) => source.slice(found.moduleRequest.start + 1, found.moduleRequest.end - 1)),
  ];
}

/** Every file of the project's own source, without generated and installed ones. */
function sourceFiles(root: string): string[] {
  return ['apps', 'packages', 'bench', 'scripts'].flatMap((top) =>
    existsSync(join(root, top))
      ? readdirSync(join(root, top), { recursive: true, encoding: 'utf8' })
          .map((path) => join(top, path).replaceAll('\\', '/'))
          .filter((path) => /\.(ts|tsx|mjs)$|\/modules\/[^/]+\/README\.md$/.test(path) && !/\/(node_modules|generated)\//.test(path))
      : [],
  );
}
