// Changes of a file at positions of its syntax tree, in the file's own style.
import { nameOf, visit, type Node, type Source } from '../project/source.ts';
import type { Patch } from './patch.ts';

/** Replaces what stands between two offsets. */
export type Edit = { start: number; end: number; text: string };

/** The text with edits, which do not overlap; of several at one place the first comes first. What goes leaves no empty lines at either end. */
export function edited(text: string, edits: Edit[]): string {
  let [result, from] = ['', 0];
  for (const { start, end, text: fresh } of edits.toSorted((a, b) => a.start - b.start || a.end - b.end)) {
    result += text.slice(from, start) + fresh;
    from = end;
  }
  result += text.slice(from);
  if (!/^\s*\n/.test(text)) result = result.replace(/^(\r?\n)+/, '');
  return /\n\s*\n$/.test(text) ? result : result.replace(/(\r?\n)(\r?\n)+$/, '$1');
}

/** The patch of a source; none when nothing changes. */
export function patchOf(source: Source, edits: Edit[], why: string): Patch[] {
  const after = edited(source.text, edits);
  return after === source.text ? [] : [{ file: source.path, before: source.text, after, why }];
}

export type Style = { quote: string; semicolon: string; indent: string; newline: string; isModule: boolean; isTyped: boolean };

/** How the file is written: by what most of it does. */
export function styleOf(source: Source): Style {
  const { text, program, path } = source;
  let [single, double] = [0, 0];
  visit(source, {
    Literal(node) {
      if (typeof node.value !== 'string') return;
      if (text[node.start] === "'") single++;
      else double++;
    },
  });
  const ended = program.body.filter(({ type }) => /^(Import|Expression|Variable|ExportAll)/.test(type));
  const withSemicolon = ended.filter(({ end }) => text[end - 1] === ';').length;
  return {
    quote: double > single ? '"' : "'",
    semicolon: withSemicolon * 2 >= ended.length ? ';' : '',
    indent: /^(\t+| {2,8})\S/m.exec(text)?.[1]?.replace(/^\t+$/, '\t') ?? '  ',
    newline: text.includes('\r\n') ? '\r\n' : '\n',
    isModule: program.body.some(({ type }) => /^(Import|Export)/.test(type)) || !/\brequire\(/.test(text),
    isTyped: /\.[cm]?tsx?$/.test(path),
  };
}

/** The white space before the line of an offset. */
export function indentAt(text: string, offset: number): string {
  return /^[ \t]*/.exec(text.slice(text.lastIndexOf('\n', offset - 1) + 1))?.[0] ?? '';
}

/** The edit that brings a name into the file; none when it has it from there already. */
export function importing(source: Source, { name, as, module }: { name: string; as: string; module: string }): Edit[] {
  const known = source.imports.get(as);
  if (known && known.module === module && known.name === name) return [];
  const { quote, semicolon, newline, isModule } = styleOf(source);
  const binding = name === as ? name : isModule ? `${name} as ${as}` : `${name}: ${as}`;
  const line = isModule
    ? `import ${name === 'default' ? as : `{ ${binding} }`} from ${quote}${module}${quote}${semicolon}`
    : `const ${name === 'default' ? as : `{ ${binding} }`} = require(${quote}${module}${quote})${semicolon}`;
  const last = source.program.body.findLast((one) => one.type === 'ImportDeclaration' || isRequire(one));
  if (last) {
    const below = source.text.indexOf('\n', last.end) + 1;
    return [below === 0 ? { start: last.end, end: last.end, text: newline + line } : { start: below, end: below, text: line + newline }];
  }
  const directive = source.program.body.findLast((one) => one.type === 'ExpressionStatement' && one.directive);
  const start = directive?.end ?? source.program.hashbang?.end ?? 0;
  return [{ start, end: start, text: start === 0 ? line + newline : newline + line }];
}

/** The edit that takes an imported name away, with its whole line when nothing else comes from there. */
export function withoutImport(source: Source, local: string): Edit[] {
  for (const one of source.program.body) {
    if (one.type === 'ImportDeclaration' && one.specifiers.some((specifier) => specifier.local.name === local))
      return one.specifiers.length === 1 ? [lineOf(source.text, one)] : [fromList(one.specifiers, (item) => item.local.name === local)];
    if (!isRequire(one)) continue;
    for (const { id } of one.declarations) {
      if (id.type !== 'ObjectPattern') continue;
      const isIt = (item: Node) => item.type === 'Property' && item.value.type === 'Identifier' && item.value.name === local;
      if (!id.properties.some(isIt)) continue;
      if (id.properties.length > 1) return [fromList(id.properties, isIt)];
      return one.declarations.length === 1 ? [lineOf(source.text, one)] : [];
    }
  }
  return [];
}

/** A statement with the lines that it stands on, and the empty ones after it when there is one before it too. */
export function wholeLines(text: string, node: { start: number; end: number }): Edit {
  const edit = lineOf(text, node);
  const hasGapBefore = edit.start === 0 || /\n\r?\n$/.test(text.slice(0, edit.start));
  const gap = hasGapBefore && text[edit.end - 1] === '\n' ? (/^(\r?\n)+/.exec(text.slice(edit.end))?.[0].length ?? 0) : 0;
  return { ...edit, end: edit.end + gap };
}

/** A statement with its line break, unless something else stands on its lines. */
function lineOf(text: string, { start, end }: { start: number; end: number }): Edit {
  const from = text.lastIndexOf('\n', start - 1) + 1;
  const rest = /^[ \t]*(?:\r?\n|$)/.exec(text.slice(end))?.[0].length;
  return text.slice(from, start).trim() === '' && rest !== undefined
    ? { start: from, end: end + rest, text: '' }
    : { start, end, text: '' };
}

/** How often a name stands in the file, in code and types, its import left out. */
export function usesOfName(source: Source, name: string): Node[] {
  const uses: Node[] = [];
  const imported = source.program.body.filter((one) => one.type === 'ImportDeclaration' || isRequire(one));
  visit(source, {
    Identifier(node) {
      if (node.name === name && !imported.some(({ start, end }) => start <= node.start && node.end <= end)) uses.push(node);
    },
  });
  return uses;
}

/** The edit that gives an object literal one more property. `text` is `key: value`. */
export function withProperty(source: Source, object: Extract<Node, { type: 'ObjectExpression' }>, text: string): Edit[] {
  const last = object.properties.at(-1);
  const whole = source.text;
  if (!last) return [{ start: object.start, end: object.end, text: `{ ${text} }` }];
  const isOnOneLine = !whole.slice(object.start, object.end).includes('\n');
  const comma = /^\s*,/.exec(whole.slice(last.end, object.end))?.[0].length ?? 0;
  if (isOnOneLine) return [{ start: last.end, end: last.end, text: `, ${text}` }];
  const after = last.end + comma;
  // Behind a comment on the same line, which belongs to the property before.
  const rest = /^[ \t]*(\/\/[^\r\n]*|\/\*[^\r\n]*\*\/[ \t]*)?(?=\r?\n)/.exec(whole.slice(after, object.end))?.[0].length ?? 0;
  const { newline } = styleOf(source);
  const at = { start: after + rest, end: after + rest, text: `${newline}${indentAt(whole, last.start)}${text}${comma > 0 ? ',' : ''}` };
  return comma > 0 ? [at] : [{ start: last.end, end: last.end, text: ',' }, at];
}

function fromList<T extends Node>(items: readonly T[], isIt: (item: T) => boolean): Edit {
  const index = items.findIndex(isIt);
  const [before, item, after] = [items[index - 1], items[index], items[index + 1]];
  if (item && after) return { start: item.start, end: after.start, text: '' };
  return { start: before?.end ?? 0, end: item?.end ?? 0, text: '' };
}

function isRequire(one: Node): one is Extract<Node, { type: 'VariableDeclaration' }> {
  return (
    one.type === 'VariableDeclaration' &&
    one.declarations.every(
      ({ init }) => init?.type === 'CallExpression' && init.callee.type === 'Identifier' && nameOf(init.callee) === 'require',
    )
  );
}
