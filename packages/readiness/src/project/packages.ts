// The packages of a repository, which of them are services, and which versions they run.
import type { Files } from './files.ts';

export type Package = {
  /** Folder from the root; empty for the root itself. */
  dir: string;
  name: string;
  scripts: Record<string, string>;
  /** With ranges, as written. `dev` is not there in production. */
  dependencies: Record<string, string>;
  devDependencies: Record<string, string>;
  /** Names of packages of this repository that it needs at run time. */
  needs: string[];
  /** What `import '<name>'` reads, from the root, where it can be told. */
  entry: string | null;
};

/** What runs as one process: a package that nobody needs, with all that it needs. */
export type Service = { name: string; dir: string; framework: string | null; packages: Package[] };

const FRAMEWORKS = [
  '@nestjs/core',
  'next',
  'hono',
  'fastify',
  'express',
  'koa',
  '@hapi/hapi',
  'h3',
  'nitropack',
  'elysia',
  '@adonisjs/core',
  '@trpc/server',
  'nuxt',
  '@remix-run/node',
  '@sveltejs/kit',
];

export function readPackages(files: Files): Package[] {
  const manifests = files.paths.filter((path) => /(^|\/)package\.json$/.test(path));
  const read = manifests.flatMap((path) => {
    const json = parseJson(files.read(path));
    return json ? [{ dir: path.slice(0, -'package.json'.length).replace(/\/$/, ''), json }] : [];
  });
  const names = new Set(read.map(({ json }) => json.name).filter(Boolean));
  return read.map(({ dir, json }) => ({
    dir,
    name: json.name ?? (dir || 'project'),
    scripts: json.scripts ?? {},
    dependencies: { ...json.dependencies, ...json.optionalDependencies },
    devDependencies: json.devDependencies ?? {},
    needs: Object.keys({ ...json.dependencies, ...json.peerDependencies }).filter((name) => names.has(name)),
    entry: entryOf(files, dir, json),
  }));
}

/** The package that a file belongs to: the one whose folder is nearest above it. */
export function packageOf(packages: Package[], path: string): Package | null {
  const around = packages.filter(({ dir }) => dir === '' || path.startsWith(`${dir}/`));
  return around.toSorted((a, b) => b.dir.length - a.dir.length)[0] ?? null;
}

/**
 * Services are packages with a web framework or a `start` script that no other package needs, and that reach Prisma or pg.
 * Where none looks like that, the packages with Prisma are taken for services.
 */
export function findServices(packages: Package[]): Service[] {
  const needed = new Set(packages.flatMap(({ needs }) => needs));
  const service = (one: Package): Service => ({
    name: one.name,
    dir: one.dir,
    framework: frameworkOf(one),
    packages: closureOf(packages, one),
  });
  const reaching = packages.filter((one) => closureOf(packages, one).some(usesDatabase));
  const applications = reaching.filter((one) => frameworkOf(one) !== null && !needed.has(one.name));
  if (applications.length > 0) return applications.map(service);
  const started = reaching.filter((one) => (one.scripts['start'] || one.scripts['serve']) && !needed.has(one.name));
  if (started.length > 0) return started.map(service);
  return reaching.filter((one) => !needed.has(one.name)).map(service);
}

/** The version of a package that is installed by the lockfile, or the range that a manifest asks for. */
export function versionOf(files: Files, packages: Package[], name: string): { version: string; isExact: boolean } | null {
  const range = packages.flatMap((one) => one.dependencies[name] ?? one.devDependencies[name] ?? [])[0];
  const locked = lockedVersion(files, name);
  if (locked) return { version: locked, isExact: true };
  const [bare] = /\d+(\.\d+){0,2}(-[\w.]+)?/.exec(range ?? '') ?? [];
  return bare ? { version: bare, isExact: range === bare } : null;
}

function usesDatabase({ dependencies, devDependencies }: Package): boolean {
  return ['@prisma/client', 'prisma', '@prisma/adapter-pg', 'pg'].some(
    (name) => name in dependencies || (name === 'prisma' && name in devDependencies),
  );
}

function frameworkOf({ dependencies }: Package): string | null {
  return FRAMEWORKS.find((name) => name in dependencies) ?? (dependencies['@hono/zod-openapi'] ? 'hono' : null);
}

function closureOf(packages: Package[], from: Package): Package[] {
  const reached = new Set([from]);
  for (const one of reached) for (const name of one.needs) for (const other of packages) if (other.name === name) reached.add(other);
  return [...reached];
}

function lockedVersion(files: Files, name: string): string | null {
  const npm = parseJson(files.read('package-lock.json'));
  const found = npm?.packages?.[`node_modules/${name}`]?.version ?? npm?.dependencies?.[name]?.version;
  if (found) return found;
  const quoted = name.replaceAll(/[/.@]/g, String.raw`\$&`);
  const pnpm = files.read('pnpm-lock.yaml') ?? '';
  const yarn = files.read('yarn.lock') ?? '';
  return (
    new RegExp(String.raw`^ {2}'?/?${quoted}[@/](\d[\w.-]*)`, 'm').exec(pnpm)?.[1] ??
    new RegExp(String.raw`^"?${quoted}@[^\n]*:\n\s+version:? "?(\d[\w.-]*)`, 'm').exec(yarn)?.[1] ??
    null
  );
}

type Json = {
  name?: string;
  main?: string;
  exports?: unknown;
  version?: string;
  scripts?: Record<string, string>;
  dependencies?: Record<string, string & { version?: string }>;
  optionalDependencies?: Record<string, string>;
  devDependencies?: Record<string, string>;
  peerDependencies?: Record<string, string>;
  packages?: Record<string, { version?: string }>;
};

/** Null for what is no JSON: a broken manifest is npm's to complain about. */
function parseJson(text: string | null): Json | null {
  try {
    const value: unknown = JSON.parse(text ?? '');
    return value !== null && typeof value === 'object' ? value : null;
  } catch {
    return null;
  }
}

/** The source behind the package's name: what its manifest points at, or its index. */
function entryOf(files: Files, dir: string, json: Json): string | null {
  const root = typeof json.exports === 'object' && json.exports !== null ? (json.exports as Record<string, unknown>)['.'] : json.exports;
  const pointed = [root, ...(root && typeof root === 'object' ? Object.values(root) : []), json.main].filter(
    (one) => typeof one === 'string',
  );
  const below = (path: string) => (dir ? `${dir}/${path}` : path);
  const candidates = [...pointed.map((path) => path.replace(/^\.\//, '')), 'src/index.ts', 'index.ts', 'src/index.js', 'index.js'];
  const known = new Set(files.paths);
  return candidates.map(below).find((path) => known.has(path)) ?? null;
}
