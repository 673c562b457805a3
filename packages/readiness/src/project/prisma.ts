// Prisma as the project uses it: version, schemas, engine or driver adapter.
import type { Place } from '../check.ts';
import { lineAt } from './source.ts';

/** A `datasource` or `generator` block of a schema file. */
export type Block = {
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
  /** Model names with where they stand. */
  models: { name: string; place: Place }[];
};

/** Schemas of the project: files of one folder are one schema. */
export function readSchemas(paths: string[], read: (path: string) => string | null): PrismaSchema[] {
  const folders = Map.groupBy(paths, (path) => path.slice(0, path.lastIndexOf('/') + 1));
  return [...folders.values()].map((files) => {
    const parsed = files.map((path) => readSchema(path, read(path) ?? ''));
    const blocks = parsed.flatMap((one) => one.blocks);
    const provider =
      blocks
        .find(({ kind }) => kind === 'datasource')
        ?.settings.get('provider')
        ?.value.replaceAll('"', '') ?? null;
    return { path: files[0] ?? '', files, provider, blocks, models: parsed.flatMap((one) => one.models) };
  });
}

function readSchema(path: string, text: string): Pick<PrismaSchema, 'blocks' | 'models'> {
  const blocks: Block[] = [];
  const models: PrismaSchema['models'] = [];
  for (const found of text.matchAll(/^(datasource|generator|model)[ \t]+(\w+)[ \t]*\{([^}]*)\}/gm)) {
    const [, kind = '', name = '', body = ''] = found;
    const line = lineAt(text, found.index);
    if (kind === 'model') {
      models.push({ name, place: { file: path, line } });
      continue;
    }
    const settings: Block['settings'] = new Map();
    for (const [index, one] of body.split('\n').entries()) {
      const [, key, value] = /^\s*(\w+)\s*=\s*(.*?)\s*(?:\/\/.*)?$/.exec(one) ?? [];
      if (key && value) settings.set(key, { value, line: line + index });
    }
    blocks.push({ kind: kind as Block['kind'], name, place: { file: path, line }, settings });
  }
  return { blocks, models };
}
