// Who may import what, what a module may contain, and whose tables it may touch: one table, applied to every source file.
// `structure.test.ts` plants a violation of each rule and expects it to be reported.
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join, normalize } from 'node:path';
import { readSource, type Import, type Source } from './source.ts';

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
  'portal',
];

const MODULE_FILES =
  /^(README\.md|(index|routes|service|queries|rules|jobs)\.ts|(queries|routes|service|rules)\/[a-z-]+\.ts|[a-z-]+\.test\.ts)$/;
const LONGEST_FILE = 400;
const CODE = /\.[cm]?[jt]sx?$/;
/** Files beside code that are read by people, and so are as long as code may be. */
const MEASURED = /(\.css|^packages\/database\/prisma\/migrations\/.+\.sql)$/;
/** Longer ones, and why. */
const LONGER: Record<string, string> = {
  'packages/database/prisma/migrations/20261122000100_tables/migration.sql': 'drafted by Prisma',
};

/** Folders outside the modules and what each may import beside itself. `node:` means Node's own modules. */
const FOLDERS: [folder: string, may: RegExp][] = [
  ['packages/availability/src/', /^$/],
  ['packages/contracts/src/', /^zod$/],
  ['packages/database/src/', /^(node:|pg(-copy-streams)?$|@prisma\/|graphile-worker$)/],
  ['packages/readiness/src/', /^(node:|@prisma\/prisma-schema-wasm$|oxc-parser$|yaml$|pg$)/],
  ['packages/sealing/src/', /^node:/],
  ['packages/files/src/', /^(node:|@medspa\/sealing$|(aws4fetch|pdfkit|sharp)$)/],
  ['packages/local-database/src/', /^(node:|pg$|@medspa\/sealing$)/],
  ['packages/local-mailbox/src/', /^(node:|postal-mime$|smtp-server$)/],
  ['packages/practice-data/src/', /^(node:|@medspa\/(contracts|database)$|uuid$)/],
  ['packages/testing/src/', /^(node:|pg$|uuid$|vitest(\/node)?$|@medspa\/(database|local-database)(\/|$))/],
  ['apps/api/src/platform/', /^(node:|@medspa\/(contracts|database)(\/|$)|@prisma\/instrumentation$|(?!\.|@medspa\/|pg$|@prisma\/)[a-z@])/],
];
/** A package that answers the same question alike, always, as the rules of a module do. */
const PURE = /^packages\/availability\/src\//;
/** Composition roots, tasks and tests: they put things together and may import anything. */
const ANYTHING =
  /^(apps\/api\/src\/(app|compose|main|migrate|worker)\.ts|(apps|packages)\/[^/]+\/test\/.+|(apps|packages)\/[^/]+\/[^/]+\.config\.ts|(scripts|bench|soak|deploy)\/.+)$/;

/** What exists for tests, and who may import it beside the test files. */
const FOR_TESTS = /^(@medspa\/testing(\/|$)|packages\/testing\/|(apps|packages)\/[^/]+\/test\/)/;
const TESTS = /^(soak\/|deploy\/test\/|packages\/testing\/|(apps|packages)\/[^/]+\/test\/)/;

/** What the database package offers to whoever is not queries.ts: types, and these values. */
const OFFERED = new Set(['MAX_PAGE']);
/** The one table of the platform that modules read: what happened. */
const READ_BY_ALL = 'outbox_event';

/** What each kind of file in a module may import from outside its module. */
const MODULE_KINDS: Record<string, RegExp> = {
  routes: /^(@hono\/zod-openapi$|@medspa\/contracts$|platform\/)/,
  service: /^(node:crypto$|uuid$|temporal-polyfill$|@medspa\/(contracts|database)$|platform\/|module-index$)/,
  queries: /^(@medspa\/(contracts|database)$|platform\/)/,
  rules: /^(@medspa\/contracts$|temporal-polyfill$|libphonenumber-js\/min$)/,
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
  return sourceFiles(root).flatMap((path) => judgeFile(root, path, owners).map((said) => `${path}: ${said}`));
}

function judgeFile(root: string, path: string, owners: TableOwners): string[] {
  const misplaced = path.endsWith('.sql') ? [] : judgePlace(path);
  const isCode = CODE.test(path);
  if (!isCode && !MEASURED.test(path)) return misplaced;
  const text = readFileSync(join(root, path), 'utf8');
  const tooLong = judgeLength(path, text);
  if (!isCode) return [...misplaced, ...tooLong];
  const source = readSource(path, text);
  if (path.endsWith('.test.ts')) return [...misplaced, ...tooLong];
  return [
    ...misplaced,
    ...tooLong,
    ...judgeImports(path, source.imports),
    ...judgeAmbient(path, source),
    ...judgeAnswers(path, source),
    ...judgeDatabase(path, source, owners),
  ];
}

function judgeLength(path: string, text: string): string[] {
  const lines = text.trimEnd().split('\n').length;
  return lines > LONGEST_FILE && !(path in LONGER) ? [`has ${lines} lines; a file is one thing, at most ${LONGEST_FILE}`] : [];
}

/** A file where no rule says what it may do is a way around all of them. */
function judgePlace(path: string): string[] {
  const [, module, file] = /^apps\/api\/src\/modules\/(?:([^/]+)\/)?(.+)$/.exec(path) ?? [];
  if (!file) {
    const isKnown = ANYTHING.test(path) || FOLDERS.some(([folder]) => path.startsWith(folder));
    return isKnown ? [] : ['no rule says what this may import; add its folder to FOLDERS in scripts/structure.ts'];
  }
  if (!module) return ['a file is in a module'];
  if (module !== 'reports' && !MODULES.includes(module))
    return [`there is no module "${module}"; add it to MODULES in scripts/structure.ts where it belongs`];
  return MODULE_FILES.test(file) ? [] : ['a module has no such file; see CONTRIBUTING, "A module, file by file"'];
}

function judgeImports(path: string, imports: Import[]): string[] {
  return imports.flatMap(({ specifier, names }) => {
    if (!TESTS.test(path) && FOR_TESTS.test(pathOf(path, specifier ?? ''))) return [`only tests import ${specifier}`];
    if (ANYTHING.test(path)) return [];
    const reason = specifier === null ? 'an import says what it imports' : judgeImport(path, specifier, names);
    return reason ? [reason] : [];
  });
}

/** What a relative import names, from the root of the repository; a package by its name. */
function pathOf(path: string, specifier: string): string {
  return specifier.startsWith('.') ? normalize(join(dirname(path), specifier)) : specifier;
}

function judgeImport(path: string, specifier: string, names: Import['names']): string | null {
  const target = specifier.startsWith('.') ? pathOf(path, specifier) : null;
  const module = moduleOf(path);
  if (module) return judgeModuleImport(path, module, specifier, target) ?? judgeOffered(path, specifier, names);

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

/** Only queries.ts takes from the database package what speaks to the database. */
function judgeOffered(path: string, specifier: string, names: Import['names']): string | null {
  if (specifier !== '@medspa/database' || isQueries(path)) return null;
  const taken = names.find(({ name, isType }) => !isType && !OFFERED.has(name));
  return taken ? `only queries.ts may import ${taken.name} of ${specifier}` : null;
}

/** Time comes from `ctx.now()`, so that a test owns the clock; and rules answer the same question alike, always. */
function judgeAmbient(path: string, { ambient }: Source): string[] {
  const asked = moduleOf(path) ? 'a module' : PURE.test(path) ? 'a pure package' : null;
  if (asked === null) return [];
  return [...ambient].map((name) => `${asked} does not ask ${name}; what it needs comes in ctx or as an argument`);
}

/** What one may see of an answer is decided where it is encoded, so a route has no other way to answer. */
function judgeAnswers(path: string, { answers }: Source): string[] {
  if (!moduleOf(path)) return [];
  return [...answers].map((how) => `answers by ${how}; a route answers with c.json(encode(c, Schema, value)), sqlJson or a constant`);
}

function judgeDatabase(path: string, { database, tables }: Source, owners: TableOwners): string[] {
  const module = moduleOf(path);
  if (!module || module === 'reports') return [];
  if (!isQueries(path)) return database.length > 0 || tables.size > 0 ? ['only queries.ts speaks to the database'] : [];
  return [
    ...database.flatMap((use) => {
      if (use.kind === 'hidden') return ['a query names the table it is about: tx.table.verb(), never tx in disguise'];
      if (use.kind === 'raw') return [];
      const owner = owners.byModel.get(use.name);
      return owner === module ? [] : [`table of "${use.name}" belongs to ${owner ?? 'nobody'}`];
    }),
    ...[...tables].flatMap((table) => {
      const owner = owners.byTable.get(table);
      return owner === undefined || owner === module || table === READ_BY_ALL ? [] : [`table "${table}" belongs to ${owner}`];
    }),
  ];
}

type TableOwners = { byModel: Map<string, string>; byTable: Map<string, string> };

/** Prisma's accessor of each model, and its table, to the module whose schema file declares it. */
function tableOwners(folder: string): TableOwners {
  const owners: TableOwners = { byModel: new Map(), byTable: new Map() };
  for (const file of existsSync(folder) ? readdirSync(folder) : []) {
    const module = file.replace('.prisma', '');
    for (const [, model = '', body = ''] of readFileSync(join(folder, file), 'utf8').matchAll(/^model (\w+) \{([\s\S]*?)^\}/gm)) {
      owners.byModel.set(model.charAt(0).toLowerCase() + model.slice(1), module);
      owners.byTable.set(/@@map\("(\w+)"\)/.exec(body)?.[1] ?? model, module);
    }
  }
  return owners;
}

function moduleOf(path: string): string | undefined {
  return /^apps\/api\/src\/modules\/([^/]+)\//.exec(path)?.[1];
}

function isQueries(path: string): boolean {
  return kindOf(path.replace(/^apps\/api\/src\/modules\/[^/]+\//, '')) === 'queries';
}

function kindOf(file: string): string {
  return file.replace(/(\/.*|\.ts)$/, '');
}

/** Every file of the project's own source, without generated and installed ones; in a module, every file there is. */
function sourceFiles(root: string): string[] {
  return ['apps', 'packages', 'bench', 'deploy', 'scripts', 'soak'].flatMap((top) =>
    existsSync(join(root, top))
      ? readdirSync(join(root, top), { recursive: true, withFileTypes: true })
          .filter((entry) => entry.isFile())
          .map((entry) =>
            join(entry.parentPath, entry.name)
              .slice(root.length + 1)
              .replaceAll('\\', '/'),
          )
          .filter((path) => CODE.test(path) || MEASURED.test(path) || path.startsWith('apps/api/src/modules/'))
          .filter((path) => !/\/(node_modules|generated)\//.test(path))
      : [],
  );
}
