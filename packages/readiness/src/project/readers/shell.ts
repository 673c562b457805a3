// Shell text as commands and words with their lines: enough to see which programs a script calls with which flags.
import type { Place } from '../../check.ts';
import { resolved, type Variables } from './values.ts';

export type Word = { text: string; place: Place };

export type Script = {
  /** In order, those of command substitutions before the command that holds them. */
  commands: Word[][];
  variables: Variables;
};

type Arrays = Map<string, Word[]>;

/** Reads a script that begins at `firstLine` of the file. Variables of a caller are known inside. */
export function readScript(text: string, file: string, firstLine = 1, outer: Variables = new Map()): Script {
  const variables: Variables = new Map(outer);
  const arrays: Arrays = new Map();
  const commands = split(text, file, firstLine).flatMap((words) => {
    const rest = assign(words, variables, arrays);
    return rest.length > 0 ? [expand(rest, arrays)] : [];
  });
  return { commands, variables };
}

/** The command on one line, for steps of pipelines. */
export function lineOf(words: Word[]): string {
  return words.map(({ text }) => text).join(' ');
}

/** Takes assignments from the beginning of a command: `A=1`, `export A=1`, `A=(1 2)`. */
function assign(words: Word[], variables: Variables, arrays: Arrays): Word[] {
  const at = words.findIndex(({ text }) => !/^(export|readonly|local|declare|typeset|-\w+)$/.test(text));
  if (at === -1) return words;
  for (let index = at; index < words.length; index++) {
    const [, name, plus, value] = /^(\w+)(\+?)=([\s\S]*)$/.exec(words[index]?.text ?? '') ?? [];
    if (!name || value === undefined) return words.slice(index === at ? 0 : index);
    if (value === '(') {
      const end = words.findIndex((one, later) => later > index && one.text === ')');
      const items = words.slice(index + 1, end === -1 ? undefined : end);
      arrays.set(name, [...(plus ? (arrays.get(name) ?? []) : []), ...items]);
      if (end === -1) return [];
      index = end;
    } else variables.set(name, resolved(value, variables));
  }
  return [];
}

/** `"${FLAGS[@]}"` is the words of the list. */
function expand(words: Word[], arrays: Arrays): Word[] {
  return words.flatMap((word) => {
    const name = /^\$\{(\w+)\[[@*]\]\}$/.exec(word.text)?.[1];
    return (name && arrays.get(name)) || [word];
  });
}

/** Commands of a text as words; quotes are taken away, expansions stay as they are written. */
function split(text: string, file: string, firstLine: number): Word[][] {
  const commands: Word[][] = [];
  const heredocs: string[] = [];
  let words: Word[] = [];
  let word: string | null = null;
  let wordLine = firstLine;
  let line = firstLine;
  let isList = false;

  const add = (piece: string) => {
    if (word === null) wordLine = line;
    word = (word ?? '') + piece;
  };
  const endWord = () => {
    if (word !== null) words.push({ text: word, place: { file, line: wordLine } });
    word = null;
  };
  const endCommand = () => {
    endWord();
    if (words.length > 0) commands.push(words);
    words = [];
  };

  for (let at = 0; at < text.length; at++) {
    const char = text[at] ?? '';
    const rest = text.slice(at, at + 3);
    if (char === '\\') {
      if (text[at + 1] === '\n') line++;
      else add(text[at + 1] ?? '');
      at++;
    } else if (char === "'" || char === '"') {
      const end = endOfQuote(text, at);
      const inner = text.slice(at + 1, end);
      add(char === '"' ? inner.replaceAll(/\\\n/g, '').replaceAll(/\\(["\\$`])/g, '$1') : inner);
      line += count(inner);
      at = end;
    } else if (char === '$' && (text[at + 1] === '(' || text[at + 1] === '{')) {
      const end = endOfBracket(text, at + 1);
      const whole = text.slice(at, end + 1);
      if (text[at + 1] === '(') commands.push(...split(text.slice(at + 2, end), file, line));
      add(whole);
      line += count(whole);
      at = end;
    } else if (char === '#' && word === null) {
      const end = text.indexOf('\n', at);
      at = (end === -1 ? text.length : end) - 1;
    } else if (rest.startsWith('<<') && rest !== '<<<') {
      const [whole = '', mark = ''] = /^<<-?\s*["']?(\w+)["']?/.exec(text.slice(at)) ?? [];
      if (mark) heredocs.push(mark);
      at += Math.max(whole.length, 2) - 1;
    } else if (char === '\n') {
      line++;
      if (isList) endWord();
      else endCommand();
      for (const mark of heredocs.splice(0)) {
        const end = new RegExp(String.raw`^[ \t]*${mark}[ \t]*$`, 'm').exec(text.slice(at + 1));
        const length = end ? end.index + end[0].length + 1 : text.length - at - 1;
        line += count(text.slice(at + 1, at + 1 + length));
        at += length;
      }
    } else if (char === '(' && word !== null && /^\w+\+?=$/.test(word)) {
      isList = true;
      add('(');
      endWord();
    } else if (char === ')' && isList) {
      isList = false;
      endWord();
      words.push({ text: ')', place: { file, line } });
    } else if (char === '&' && (text[at - 1] === '>' || text[at + 1] === '>')) add(char);
    else if (/[;&|()]/.test(char)) endCommand();
    else if (/\s/.test(char)) endWord();
    else add(char);
  }
  endCommand();
  return commands;
}

function count(text: string): number {
  return text.split('\n').length - 1;
}

function endOfQuote(text: string, start: number): number {
  const quote = text[start];
  for (let at = start + 1; at < text.length; at++) {
    if (text[at] === '\\' && quote === '"') at++;
    else if (text[at] === quote) return at;
  }
  return text.length;
}

function endOfBracket(text: string, start: number): number {
  const [open, close] = text[start] === '(' ? ['(', ')'] : ['{', '}'];
  let depth = 0;
  for (let at = start; at < text.length; at++) {
    if (text[at] === '\\') at++;
    else if (text[at] === open) depth++;
    else if (text[at] === close && --depth === 0) return at;
  }
  return text.length;
}
