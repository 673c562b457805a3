// The part of TOML that deployment files use: tables, lists of tables, strings, numbers, booleans, lists, inline tables.

export type TomlValue = { line: number; value: string | number | boolean | TomlValue[] | TomlTable };
export type TomlTable = Map<string, TomlValue>;

/** Null for what is not TOML. */
export function readToml(text: string): TomlTable | null {
  const root: TomlTable = new Map();
  let table = root;
  const reader: Reader = { text, at: 0, line: 1 };
  while (skipBlank(reader)) {
    const head = /^\[(\[?)\s*([^\]\n]+?)\s*\]\]?/.exec(text.slice(reader.at, reader.at + 300));
    if (head) {
      const [whole, isList, name = ''] = head;
      table = descend(root, keysOf(name), Boolean(isList), reader.line);
      reader.at += whole.length;
      continue;
    }
    if (!readPair(reader, table)) return null;
  }
  return root;
}

/** A value by its path; lists of tables are entered at their last one. */
export function tomlAt(table: TomlTable, ...path: string[]): TomlValue | null {
  let found: TomlValue | null = { line: 1, value: table };
  for (const key of path) {
    const inner: TomlTable | null = found ? tableOf(found) : null;
    found = inner?.get(key) ?? null;
  }
  return found;
}

/** The tables of a list of tables, or the one table. */
export function tomlTables(value: TomlValue | null | undefined): { line: number; table: TomlTable }[] {
  if (!value) return [];
  if (value.value instanceof Map) return [{ line: value.line, table: value.value }];
  return Array.isArray(value.value)
    ? value.value.flatMap((one) => (one.value instanceof Map ? [{ line: one.line, table: one.value }] : []))
    : [];
}

/** A string, number or boolean as text; null for anything that holds others. */
export function tomlText(value: TomlValue | null | undefined): string | null {
  return value === null || value === undefined || typeof value.value === 'object' ? null : String(value.value);
}

type Reader = { text: string; at: number; line: number };

function tableOf({ value }: TomlValue): TomlTable | null {
  const inner = Array.isArray(value) ? value.at(-1)?.value : value;
  return inner instanceof Map ? inner : null;
}

function descend(root: TomlTable, keys: string[], isList: boolean, line: number): TomlTable {
  let table = root;
  for (const [index, key] of keys.entries()) {
    const isLast = index === keys.length - 1;
    const known = table.get(key);
    let inner = known && !(isLast && isList) ? tableOf(known) : null;
    if (!inner) {
      inner = new Map();
      const held = Array.isArray(known?.value) ? known.value : [];
      table.set(key, isLast && isList ? { line: known?.line ?? line, value: [...held, { line, value: inner }] } : { line, value: inner });
    }
    table = inner;
  }
  return table;
}

function keysOf(name: string): string[] {
  return [...name.matchAll(/"([^"]*)"|'([^']*)'|([^.\s"']+)/g)].map(([, double, single, bare]) => double ?? single ?? bare ?? '');
}

/** Past white space, comments and line ends; false at the end of the text. */
function skipBlank(reader: Reader): boolean {
  for (; reader.at < reader.text.length; reader.at++) {
    const char = reader.text[reader.at];
    if (char === '\n') reader.line++;
    else if (char === '#') {
      const end = reader.text.indexOf('\n', reader.at);
      reader.at = (end === -1 ? reader.text.length : end) - 1;
    } else if (char !== ' ' && char !== '\t' && char !== '\r') return true;
  }
  return false;
}

function readPair(reader: Reader, table: TomlTable): boolean {
  const [whole, name = ''] =
    /^((?:"[^"\n]*"|'[^'\n]*'|[\w.-]+)(?:\s*\.\s*(?:"[^"\n]*"|[\w-]+))*)\s*=\s*/.exec(reader.text.slice(reader.at, reader.at + 500)) ?? [];
  if (!whole) return false;
  const keys = keysOf(name);
  const last = keys.pop() ?? '';
  const { line } = reader;
  reader.at += whole.length;
  const value = readValue(reader);
  if (value === null) return false;
  descend(table, keys, false, line).set(last, { line, value });
  return true;
}

function readValue(reader: Reader): TomlValue['value'] | null {
  const rest = reader.text.slice(reader.at);
  if (rest.startsWith('[')) return readList(reader);
  if (rest.startsWith('{')) return readInline(reader);
  const [whole, long, longLiteral, basic, literal, bare] =
    /^(?:"""([\s\S]*?)"""|'''([\s\S]*?)'''|"((?:[^"\\\n]|\\.)*)"|'([^'\n]*)'|([^\s,\]}#]+))/.exec(rest) ?? [];
  if (whole === undefined) return null;
  reader.at += whole.length;
  reader.line += whole.split('\n').length - 1;
  if (bare === undefined)
    return long ?? longLiteral ?? literal ?? (basic ?? '').replaceAll(/\\(.)/g, (_, char: string) => (char === 'n' ? '\n' : char));
  if (bare === 'true' || bare === 'false') return bare === 'true';
  const number = Number(bare.replaceAll('_', ''));
  return Number.isNaN(number) ? bare : number;
}

function readList(reader: Reader): TomlValue[] | null {
  const items: TomlValue[] = [];
  reader.at++;
  while (skipBlank(reader)) {
    const char = reader.text[reader.at];
    if (char === ']' || char === ',') reader.at++;
    if (char === ']') return items;
    if (char === ',') continue;
    const { line } = reader;
    const value = readValue(reader);
    if (value === null) return null;
    items.push({ line, value });
  }
  return null;
}

function readInline(reader: Reader): TomlTable | null {
  const table: TomlTable = new Map();
  reader.at++;
  while (skipBlank(reader)) {
    const char = reader.text[reader.at];
    if (char === '}' || char === ',') reader.at++;
    if (char === '}') return table;
    if (char !== ',' && !readPair(reader, table)) return null;
  }
  return null;
}
