// `gcloud run deploy` in pipelines and scripts, with its flags at their positions.
import { isScalar, isSeq, parseDocument, visit, type Scalar, type YAMLSeq } from 'yaml';
import type { Project } from '../project/project.ts';
import { edited, type Edit } from './edit.ts';
import type { Patch } from './patch.ts';

export type Command = {
  /** The value of a flag; null when it is not given. */
  get: (flag: string) => string | null;
  /** The edit that gives a flag a value, whether it is there or not. */
  put: (flag: string, value: string) => Edit[];
};

/** A flag as it should be: the new value, or null to leave the command as it is. */
export type Wish = { flag: string; value: (command: Command) => string | null };

/** One patch for each file that deploys a service and differs from the wishes. */
export function fixFlags(project: Project, wishes: Wish[], why: string): Patch[] {
  return deployFiles(project).flatMap((file) => {
    const before = project.files.read(file) ?? '';
    // One after another: two flags may want the same place at the end of a command.
    const after = wishes.reduce((text, { flag, value }) => {
      const edits = commandsOf(file, text).flatMap((command) => {
        const wanted = value(command);
        return wanted === null || wanted === command.get(flag) ? [] : command.put(flag, wanted);
      });
      return edited(text, edits);
    }, before);
    return after === before ? [] : [{ file, before, after, why }];
  });
}

function deployFiles({ files, kindOf }: Project): string[] {
  return files.paths.filter(
    (path) =>
      /\.(ya?ml|sh|bash)$/.test(path) &&
      !['test', 'example', 'document'].includes(kindOf(path)) &&
      /\bdeploy\b/.test(files.read(path) ?? ''),
  );
}

/** Commands that deploy a service, where every flag can be told. */
function commandsOf(file: string, text: string): Command[] {
  if (!/\.ya?ml$/.test(file)) return shellCommands(text, 0, text.length);
  const commands: Command[] = [];
  const document = parseDocument(text);
  if (document.errors.length > 0) return [];
  visit(document, {
    Seq(_, node) {
      const command = sequenceCommand(text, node);
      if (command) commands.push(command);
    },
    Scalar(_, { type, range }) {
      if (range && (type === 'BLOCK_LITERAL' || type === 'PLAIN')) commands.push(...shellCommands(text, range[0], range[1]));
    },
  });
  return commands;
}

type Item = { value: string; start: number; end: number; quote: string; isBlock: boolean };

/** `args: ['run', 'deploy', 'api', '--timeout', '300']`, in either form of a list. */
function sequenceCommand(text: string, node: YAMLSeq): Command | null {
  const items = node.items.flatMap((one) => (isScalar(one) ? (itemOf(text, one) ?? []) : []));
  const at = items.findIndex(({ value }, index) => value === 'run' && items[index + 1]?.value === 'deploy');
  const last = items.at(-1);
  if (!isSeq(node) || items.length !== node.items.length || at === -1 || at > 2 || !last || items.some(({ value }) => value === '--'))
    return null;
  const find = (flag: string) => {
    const index = items.findIndex(({ value }) => value === `--${flag}` || value.startsWith(`--${flag}=`));
    return index === -1 ? null : { item: items[index], isJoined: items[index]?.value.includes('=') ?? false, next: items[index + 1] };
  };
  const isJoining = items.some(({ value }) => /^--[\w-]+=/.test(value));
  return {
    get: (flag) => {
      const found = find(flag);
      return found ? (found.isJoined ? (found.item?.value.slice(flag.length + 3) ?? '') : (found.next?.value ?? '')) : null;
    },
    put: (flag, value) => {
      const found = find(flag);
      const target = found?.isJoined ? found.item : found?.next;
      if (target)
        return [{ start: target.start, end: target.end, text: quoted(found?.isJoined ? `--${flag}=${value}` : value, target.quote) }];
      const parts = (isJoining ? [`--${flag}=${value}`] : [`--${flag}`, value]).map((part) => quoted(part, last.quote || "'"));
      if (node.flow) return [{ start: last.end, end: last.end, text: `, ${parts.join(', ')}` }];
      const lineStart = text.lastIndexOf('\n', last.start) + 1;
      const prefix = text.slice(lineStart, last.start);
      if (last.isBlock || !/^\s*-\s+$/.test(prefix)) return [];
      const lineEnd = text.indexOf('\n', last.end);
      const end = lineEnd === -1 ? text.length : lineEnd;
      return [{ start: end, end, text: parts.map((part) => `\n${prefix}${part}`).join('') }];
    },
  };
}

function itemOf(text: string, { value, range, type }: Scalar): Item | null {
  if (!range) return null;
  const first = text[range[0]] ?? '';
  return {
    value: String(value),
    start: range[0],
    end: range[1],
    quote: first === "'" || first === '"' ? first : '',
    isBlock: type?.startsWith('BLOCK') ?? false,
  };
}

function quoted(text: string, quote: string): string {
  // A plain number would be a number, which a list of arguments must not hold; some texts cannot be plain at all.
  return quote ? quote + text + quote : /^[\w./-][\w./:=@-]*$/.test(text) && Number.isNaN(Number(text)) ? text : `'${text}'`;
}

const COMMAND = /\bgcloud[ \t]+(?:(?:beta|alpha)[ \t]+)?run[ \t]+deploy\b(?:\\\r?\n|[^\n])*/g;

/** Commands in a shell text. One that is part of a longer line is left alone: where it ends is not certain. */
function shellCommands(text: string, from: number, to: number): Command[] {
  return [...text.slice(from, to).matchAll(COMMAND)].flatMap((found) => {
    const command = found[0].trimEnd();
    const bare = command.replaceAll(/'[^']*'|"[^"]*"/g, '');
    if (/[;&|#<>`]|--\s|\\$/.test(bare.replaceAll(/\\\r?\n/g, ' '))) return [];
    const start = from + found.index;
    const flagAt = (flag: string) =>
      new RegExp(String.raw`--${flag}(?:=|[ \t]+|[ \t]*\\\r?\n[ \t]*)("[^"]*"|'[^']*'|[^\s\\]+)`).exec(command);
    return [
      {
        get: (flag) => flagAt(flag)?.[1]?.replaceAll(/^["']|["']$/g, '') ?? null,
        put: (flag, value) => {
          const shown = /[\s;&|#<>()$]/.test(value) ? `"${value}"` : value;
          const known = flagAt(flag);
          if (known?.[1] !== undefined) {
            const at = start + known.index + known[0].length - known[1].length;
            return [{ start: at, end: at + known[1].length, text: shown }];
          }
          const indent = /\\(\r?\n[ \t]*)\S[^\n]*$/.exec(command)?.[1];
          const flagText = `--${flag}${/--[\w-]+=/.test(bare) ? '=' : ' '}${shown}`;
          const end = start + command.length;
          return [{ start: end, end, text: indent === undefined ? ` ${flagText}` : ` \\${indent}${flagText}` }];
        },
      },
    ];
  });
}
