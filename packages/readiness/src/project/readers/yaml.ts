// YAML with the line of every value. What is broken is said, never thrown.
import { isAlias, isMap, isScalar, isSeq, LineCounter, parseAllDocuments, Scalar, type Document, type ParsedNode } from 'yaml';
import type { Place } from '../../check.ts';
import type { Setting } from '../deployment.ts';

export type Yaml = {
  /** Of the key that names it, or of the item itself. */
  place: Place;
  /** A scalar as text, numbers and booleans too; null for anything else. */
  text: string | null;
  /** The line where the text of a scalar begins: below the key for block scalars. */
  textLine: number;
  get: (...path: string[]) => Yaml | null;
  /** Of a sequence; none for anything else. */
  items: () => Yaml[];
  /** Of a map, with those that it merges in; none for anything else. */
  entries: () => [key: string, value: Yaml][];
};

const DEEPEST_MERGE = 10;

/** Every document of a file; null when one of them is not YAML. */
export function readYaml(file: string, text: string): Yaml[] | null {
  const lines = new LineCounter();
  try {
    const documents = parseAllDocuments(text, { lineCounter: lines, uniqueKeys: false, logLevel: 'silent' });
    if (!Array.isArray(documents)) return [];
    if (documents.some(({ errors }) => errors.length > 0)) return null;
    return documents.flatMap((one) => (one.contents ? wrap(one.contents, { file, lines, document: one }) : []));
  } catch {
    return null;
  }
}

/** A value as a setting; null when it is not a scalar. */
export function textSetting(yaml: Yaml | null): Setting<string> | undefined {
  return yaml?.text ? { value: yaml.text, place: yaml.place } : undefined;
}

type Context = { file: string; lines: LineCounter; document: Document.Parsed };

function wrap(given: ParsedNode | null, context: Context, line?: number): Yaml {
  const node = given && isAlias(given) ? (given.resolve(context.document) as ParsedNode | undefined) : given;
  const own = given ? context.lines.linePos(given.range[0]).line : 1;
  const entries = () => entriesOf(node ?? null, context, 0);
  const yaml: Yaml = {
    place: { file: context.file, line: line ?? own },
    text: isScalar(node) && node.value !== null ? (node.source ?? null) : null,
    textLine: isScalar(node) && (node.type === Scalar.BLOCK_LITERAL || node.type === Scalar.BLOCK_FOLDED) ? own + 1 : own,
    get: (...path) => {
      const [first, ...rest] = path;
      if (first === undefined) return yaml;
      return (
        entries()
          .find(([key]) => key === first)?.[1]
          .get(...rest) ?? null
      );
    },
    items: () => (isSeq(node) ? node.items.map((one) => wrap(one, context)) : []),
    entries,
  };
  return yaml;
}

function entriesOf(node: ParsedNode | null, context: Context, depth: number): [string, Yaml][] {
  if (!isMap(node) || depth > DEEPEST_MERGE) return [];
  const own: [string, Yaml][] = [];
  const merged: [string, Yaml][] = [];
  for (const { key, value } of node.items as { key: ParsedNode; value: ParsedNode | null }[]) {
    const name = isScalar(key) ? String(key.value) : '';
    if (name !== '<<') own.push([name, wrap(value, context, context.lines.linePos(key.range[0]).line)]);
    else
      for (const one of isSeq(value) ? value.items : value ? [value] : []) {
        const from = isAlias(one) ? (one.resolve(context.document) as ParsedNode | undefined) : one;
        merged.push(...entriesOf(from ?? null, context, depth + 1));
      }
  }
  return [...own, ...merged.filter(([name]) => own.every(([mine]) => mine !== name))];
}
