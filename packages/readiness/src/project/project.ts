// Everything that checks know of a project, read once.
import type { Place } from '../check.ts';
import { readDeployments } from './readers/read.ts';
import type { Deployments } from './deployment.ts';
import { isEnvFile, readEnvFile, type EnvFile } from './env.ts';
import type { Files } from './files.ts';
import { isCode, kindOf, type Kind } from './kinds.ts';
import { findServices, packageOf, readPackages, versionOf, type Package, type Service } from './packages.ts';
import { productionFiles } from './production.ts';
import { readSchemas, type PrismaSchema } from './prisma.ts';
import { parseSource, type Source } from './source.ts';
import type { Resolve } from './values.ts';

type PrismaVersion = {
  version: string;
  major: number;
  isExact: boolean;
  /** Queries run through node-postgres or another JavaScript driver. */ hasAdapter: boolean;
};

export type Project = {
  files: Files;
  name: string;
  packages: Package[];
  services: Service[];
  schemas: PrismaSchema[];
  prisma: PrismaVersion | null;
  /** The version of pg, where the project has it. */
  pg: string | null;
  envFiles: EnvFile[];
  deployments: Deployments;
  kindOf: (path: string) => Kind;
  /** Files of code that run in production, of packages that some service is made of. */
  production: string[];
  /** Production sources whose text has one of the words, as syntax trees; the words only choose whom to read. */
  sourcesWith: (...words: string[]) => Source[];
  /** Paths of production files whose text has the word. */
  pathsWith: (word: string) => Set<string>;
  /** Any source as a syntax tree; null when there is none or it cannot be parsed. */
  source: (path: string) => Source | null;
  /** For `valueOf`. */
  resolve: Resolve;
  /** Files that could not be parsed, so far. */
  unreadable: Set<string>;
  /** Where a text stands first in a file. */
  find: (path: string, text: string) => Place | null;
};

/** Trees are large: more than this many are not kept. With fewer, parsing again leaves more behind than it saves. */
const MOST_TREES = 500;
const EXTENSIONS = ['', '.ts', '.tsx', '.js', '.mjs', '.cjs', '.mts', '.cts', '.jsx', '/index.ts', '/index.js', '/index.mjs'];

export function openProject(files: Files): Project {
  const packages = readPackages(files);
  const services = findServices(packages);
  const kinds = new Map<string, Kind>();
  const kind = (path: string) => {
    const known = kinds.get(path) ?? kindOf(path, () => files.read(path));
    kinds.set(path, known);
    return known;
  };
  const trees = new Map<string, Source | null>();
  const unreadable = new Set<string>();
  const all = new Set(files.paths);
  const source = (path: string) => {
    const kept = trees.get(path);
    if (kept !== undefined) return kept;
    const text = all.has(path) && isCode(path) ? files.read(path) : null;
    const parsed = text === null ? null : parseSource(path, text);
    if (text !== null && parsed === null) unreadable.add(path);
    if (trees.size >= MOST_TREES) trees.delete(trees.keys().next().value ?? '');
    trees.set(path, parsed);
    return parsed;
  };
  const production = productionFiles({
    paths: files.paths,
    packages,
    services,
    kindOf: kind,
    read: files.read,
    source,
    locate: (from, module) => locate(all, packages, from, module),
  });
  // Many checks ask for the same words, and for each service again.
  const holders = new Map<string, Set<string>>();
  const pathsWith = (word: string) => {
    const known = holders.get(word) ?? new Set(production.filter((path) => files.read(path)?.includes(word)));
    holders.set(word, known);
    return known;
  };
  const resolve: Resolve = (from, module) => {
    const path = locate(all, packages, from, module);
    return path === null ? null : source(path);
  };

  const schemas = readSchemas(
    files.paths.filter((path) => path.endsWith('.prisma') && !['test', 'example'].includes(kind(path))),
    files.read,
  );
  for (const { path, isValid } of schemas) if (!isValid) unreadable.add(path);

  return {
    files,
    name: packages.find(({ dir }) => dir === '')?.name ?? packages[0]?.name ?? 'project',
    packages,
    services,
    schemas,
    prisma: prismaVersion(files, packages),
    pg: versionOf(files, packages, 'pg')?.version ?? null,
    envFiles: files.paths
      .filter((path) => isEnvFile(path) && kind(path) !== 'test' && kind(path) !== 'example')
      .map((path) => readEnvFile(path, files.read(path) ?? '', files.isTracked(path))),
    deployments: readDeployments(files, kind),
    kindOf: kind,
    production,
    sourcesWith: (...words) => {
      const some = words.map(pathsWith);
      return production.flatMap((path) => (some.some((paths) => paths.has(path)) ? (source(path) ?? []) : []));
    },
    pathsWith,
    source,
    resolve,
    unreadable,
    find: (path, text) => {
      const lines = (files.read(path) ?? '').split('\n');
      const index = lines.findIndex((line) => line.includes(text));
      return index === -1 ? null : { file: path, line: index + 1 };
    },
  };
}

function prismaVersion(files: Files, packages: Package[]): PrismaVersion | null {
  const found = versionOf(files, packages, '@prisma/client') ?? versionOf(files, packages, 'prisma');
  if (!found) return null;
  const names = packages.flatMap(({ dependencies }) => Object.keys(dependencies));
  const major = Number(found.version.split('.')[0]);
  // Since 7 there is no other way than an adapter.
  const hasAdapter = major >= 7 || names.some((name) => name.startsWith('@prisma/adapter-'));
  return { ...found, major, hasAdapter };
}

/** The file that `module` names in `from`: relative, by an alias of the source folder, or by a package of the repository. */
function locate(known: Set<string>, packages: Package[], from: string, module: string): string | null {
  const named = packages.find(({ name }) => name === module);
  if (named) return named.entry;
  const bases: string[] = [];
  if (module.startsWith('.')) bases.push(join(from.slice(0, from.lastIndexOf('/') + 1), module));
  const alias = /^(?:[@~#]\/|src\/)(.+)$/.exec(module)?.[1];
  if (alias) {
    const home = packageOf(packages, from)?.dir ?? '';
    bases.push(join(home, `src/${alias}`), join(home, `app/${alias}`), join(home, alias));
  }
  for (const base of bases)
    for (const stem of [base, base.replace(/\.([cm]?)js$/, '')])
      for (const extension of EXTENSIONS) if (known.has(stem + extension)) return stem + extension;
  return null;
}

function join(folder: string, path: string): string {
  const parts: string[] = [];
  for (const part of `${folder}/${path}`.split('/')) {
    if (part === '..') parts.pop();
    else if (part !== '.' && part !== '') parts.push(part);
  }
  return parts.join('/');
}
