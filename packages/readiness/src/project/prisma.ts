// Prisma as the project uses it: version, schemas, engine or driver adapter.
import { createRequire } from 'node:module';
import type { Place } from '../check.ts';
import { lineAt } from './source.ts';

/** Where a class called PrismaClient is Prisma's: the client, or a generated one. Others have classes of that name as well. */
export const PRISMA_MODULE = /prisma|generated|\/client(\.[jt]s)?$|^[.@#~]/;

/** A `datasource` or `generator` block of a schema file. */
type Block = {
  kind: 'datasource' | 'generator';
  name: string;
  place: Place;
  settings: Map<string, { value: string; line: number }>;
};

export type PrismaSchema = {
  /** The first file; a schema may lie in a folder of them. */
  path: string;
  files: string[];
  provider: string | null;
  blocks: Block[];
  models: Model[];
  /** Whether Prisma's own parser understands it. */
  isValid: boolean;
};

type Model = { name: string; place: Place };

/** Schemas of the project: files of one folder are one schema. */
export function readSchemas(paths: string[], read: (path: string) => string | null): PrismaSchema[] {
  const folders = Map.groupBy(paths, (path) => path.slice(0, path.lastIndexOf('/') + 1));
  return [...folders.values()].map((files) => {
    const texts = files.map((path): [path: string, text: string] => [path, read(path) ?? '']);
    const blocks = texts.flatMap(([path, text]) => readBlocks(path, text));
    const provider =
      blocks
        .find(({ kind }) => kind === 'datasource')
        ?.settings.get('provider')
        ?.value.replaceAll('"', '') ?? null;
    const known = askPrisma(texts);
    const models = texts.flatMap(([path, text]) =>
      [...text.matchAll(/^model[ \t]+(\w+)[ \t]*\{/gm)]
        .map(({ 1: name = '', index }) => ({ name, place: { file: path, line: lineAt(text, index) } }))
        .filter(({ name }) => known === null || known.has(name)),
    );
    return { path: files[0] ?? '', files, provider, blocks, models, isValid: known !== null };
  });
}

function readBlocks(path: string, text: string): Block[] {
  return [...text.matchAll(/^(datasource|generator)[ \t]+(\w+)[ \t]*\{([^}]*)\}/gm)].map((found) => {
    const [, kind, name = '', body = ''] = found;
    const line = lineAt(text, found.index);
    const settings: Block['settings'] = new Map();
    for (const [index, one] of body.split('\n').entries()) {
      const [, key, value] = /^\s*(\w+)\s*=\s*(.*?)\s*(?:\/\/.*)?$/.exec(one) ?? [];
      if (key && value) settings.set(key, { value, line: line + index });
    }
    return { kind: kind === 'datasource' ? 'datasource' : 'generator', name, place: { file: path, line }, settings };
  });
}

type SchemaParser = { get_datamodel: (params: string) => string };

let parser: SchemaParser | undefined;

/** Names of the models as Prisma's own parser reads them; null when it does not understand the schema (a newer syntax, a broken file). */
function askPrisma(texts: [path: string, text: string][]): Set<string> | null {
  parser ??= createRequire(import.meta.url)('@prisma/prisma-schema-wasm') as SchemaParser;
  // What Prisma 7 no longer has in a schema and 5 and 6 need there. Lines stay where they are.
  const prismaSchema = texts.map(([path, text]) => [path, text.replaceAll(/^[ \t]*(url|directUrl|shadowDatabaseUrl)[ \t]*=.*$/gm, '')]);
  try {
    const { models } = JSON.parse(parser.get_datamodel(JSON.stringify({ prismaSchema }))) as { models: { name: string }[] };
    return new Set(models.map(({ name }) => name));
  } catch {
    return null;
  }
}
