// A patch as people read it: a unified diff, without secrets.
import { maskSecrets } from '../project/source.ts';
import type { Patch } from './patch.ts';

const CONTEXT = 3;
/** Longer changed parts are shown as a whole: the table of their common lines would grow with the square. */
const LONGEST = 2_000;

type Line = { sign: ' ' | '-' | '+'; text: string };

/** Lines are masked, since an env file that is repaired may hold what nobody should read in a log. */
export function printDiff({ file, before, after }: Patch): string {
  const lines = compared(linesOf(before), linesOf(after));
  const head = `--- ${before === null ? '/dev/null' : `a/${file}`}\n+++ ${after === null ? '/dev/null' : `b/${file}`}`;
  return [head, ...hunksOf(lines)].join('\n') + '\n';
}

function linesOf(text: string | null): string[] {
  if (text === null || text === '') return [];
  const lines = text.split('\n');
  if (lines.at(-1) === '') lines.pop();
  else lines.push('\\ No newline at end of file');
  return lines;
}

/** The lines of both, in order, with what is gone and what is new: by the longest sequence of lines that both have. */
export function compared(before: string[], after: string[]): Line[] {
  let head = 0;
  while (head < before.length && head < after.length && before[head] === after[head]) head++;
  let tail = 0;
  while (tail < before.length - head && tail < after.length - head && before.at(-1 - tail) === after.at(-1 - tail)) tail++;
  const same = (text: string): Line => ({ sign: ' ', text });
  return [
    ...before.slice(0, head).map(same),
    ...middle(before.slice(head, before.length - tail), after.slice(head, after.length - tail)),
    ...before.slice(before.length - tail).map(same),
  ];
}

function middle(before: string[], after: string[]): Line[] {
  const gone = (text: string): Line => ({ sign: '-', text });
  const fresh = (text: string): Line => ({ sign: '+', text });
  if (before.length > LONGEST || after.length > LONGEST) return [...before.map(gone), ...after.map(fresh)];
  // longest[i][j]: how many lines the rests from i and j have in common, in order.
  const longest = Array.from({ length: before.length + 1 }, () => new Uint16Array(after.length + 1));
  const at = (i: number, j: number) => longest[i]?.[j] ?? 0;
  for (let i = before.length - 1; i >= 0; i--)
    for (let j = after.length - 1; j >= 0; j--) {
      const row = longest[i];
      if (row) row[j] = before[i] === after[j] ? at(i + 1, j + 1) + 1 : Math.max(at(i + 1, j), at(i, j + 1));
    }
  const lines: Line[] = [];
  let [i, j] = [0, 0];
  while (i < before.length || j < after.length) {
    const [old = '', fresher = ''] = [before[i], after[j]];
    if (i < before.length && j < after.length && old === fresher) {
      lines.push({ sign: ' ', text: old });
      i++;
      j++;
    } else if (i < before.length && (j >= after.length || at(i + 1, j) >= at(i, j + 1))) {
      lines.push(gone(old));
      i++;
    } else {
      lines.push(fresh(fresher));
      j++;
    }
  }
  return lines;
}

function hunksOf(lines: Line[]): string[] {
  const isShown = lines.map((_, index) => lines.slice(Math.max(0, index - CONTEXT), index + CONTEXT + 1).some(({ sign }) => sign !== ' '));
  const hunks: string[] = [];
  const at = { '-': 1, '+': 1 };
  let index = 0;
  while (index < lines.length) {
    const from = index;
    while (index < lines.length && isShown[index] === isShown[from]) index++;
    const part = lines.slice(from, index);
    const [old, fresh] = (['-', '+'] as const).map((sign) => part.filter((line) => line.sign === ' ' || line.sign === sign).length);
    if (isShown[from]) {
      const range = (start: number, length = 0) => `${length === 0 ? start - 1 : start},${length}`;
      hunks.push(`@@ -${range(at['-'], old)} +${range(at['+'], fresh)} @@`, ...part.map(({ sign, text }) => maskSecrets(`${sign}${text}`)));
    }
    at['-'] += old ?? 0;
    at['+'] += fresh ?? 0;
  }
  return hunks;
}
