// Where a name of one file is declared, through imports and what modules pass on.
import { nameOf, type Node, type Source } from './source.ts';
import type { Project } from './project.ts';
import type { Resolve } from './values.ts';

/** What declares a name: a function, a class, or what a variable is first given. */
export type Declared = { name: string; node: Node; source: Source };

const DEEPEST = 8;

/** Null for names from outside of the project, parameters, and what cannot be told. */
export function declarationOf(name: string, source: Source, resolve: Resolve, depth = 0): Declared | null {
  if (depth > DEEPEST) return null;
  const own = source.declared.get(name) ?? source.variables.get(name);
  if (own) {
    // `const stop = shutdown` is another name of the same thing.
    return own.type === 'Identifier' && own.name !== name
      ? declarationOf(own.name, source, resolve, depth + 1)
      : { name, node: own, source };
  }
  const imported = source.imports.get(name);
  const other = imported ? resolve(source.path, imported.module) : null;
  return imported && other ? exportedOf(imported.name, other, resolve, depth + 1) : null;
}

function exportedOf(name: string, source: Source, resolve: Resolve, depth: number): Declared | null {
  if (depth > DEEPEST) return null;
  for (const one of source.program.body) {
    if (one.type === 'ExportDefaultDeclaration' && name === 'default') {
      if (one.declaration.type === 'Identifier') return declarationOf(one.declaration.name, source, resolve, depth + 1);
      return { name, node: one.declaration, source };
    }
    if (one.type === 'ExportNamedDeclaration') {
      const passed = one.specifiers.find(({ exported }) => nameOf(exported) === name);
      if (!passed) continue;
      const local = nameOf(passed.local);
      if (!one.source) return declarationOf(local, source, resolve, depth + 1);
      const other = resolve(source.path, one.source.value);
      return other ? exportedOf(local, other, resolve, depth + 1) : null;
    }
  }
  const own = declarationOf(name, source, resolve, depth + 1);
  if (own) return own;
  for (const one of source.program.body) {
    const other = one.type === 'ExportAllDeclaration' ? resolve(source.path, one.source.value) : null;
    const found = other ? exportedOf(name, other, resolve, depth + 1) : null;
    if (found) return found;
  }
  return null;
}

/** Most files that are read to find a way from one to another. */
const FARTHEST = 200;

/** Whether a file imports another, itself or through others; null when the way is too long to tell. */
export function reaches(project: Project, from: string, to: string): boolean | null {
  const reached = new Set([from]);
  for (const path of reached) {
    if (path === to) return true;
    if (reached.size > FARTHEST) return null;
    const source = project.source(path);
    for (const module of source ? modulesOf(source) : []) {
      const next = project.resolve(path, module)?.path;
      if (next !== undefined) reached.add(next);
    }
  }
  return false;
}

/** Whether any production file imports this one; a process begins with one that nobody imports. */
export function isImported(project: Project, path: string): boolean {
  const parts = path.replace(/\.[cm]?[jt]sx?$/, '').split('/');
  const stem = parts.slice(parts.at(-1) === 'index' && parts.length > 1 ? -2 : -1)[0] ?? '';
  const names = project.packages.filter(({ entry }) => entry === path).map(({ name }) => name);
  const isNamed = (module: string) => module.split(/[/.]/).includes(stem) || names.includes(module);
  const words = [...['', '.js', '.ts', '.mjs', '/index', '/index.js', '/index.ts'].map((end) => `/${stem}${end}`), ...names].flatMap(
    (one) => [`${one}'`, `${one}"`],
  );
  return project.production.some((other) => {
    const text = other === path ? null : project.files.read(other);
    const source = text !== null && words.some((word) => text.includes(word)) ? project.source(other) : null;
    return source !== null && modulesOf(source).some((module) => isNamed(module) && project.resolve(other, module)?.path === path);
  });
}

function modulesOf({ program, imports }: Source): string[] {
  const named = program.body.flatMap((one) => ('source' in one && one.source ? [one.source.value] : []));
  return [...named, ...[...imports.values()].map(({ module }) => module)];
}
