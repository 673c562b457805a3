// A stand-in of gcloud: knows its commands and flags (gcloud.txt), refuses what they do not take, and answers from a file.
import { appendFileSync, existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

/** A command and what it was given; `input` is what came in, where a flag's value is `-`. */
export type Call = { command: string; positional: string[]; flags: Record<string, string>; input?: string };

type Flags = Map<string, 'bool' | 'value' | string[]>;

const TABLE = readTable(readFileSync(join(import.meta.dirname, 'gcloud.txt'), 'utf8'));

/** Reads a command line without the program's name. Throws what gcloud would complain about. */
export function readCall(args: string[]): Call {
  const words = args.slice(0, args.findIndex((arg) => arg.startsWith('-')) >>> 0);
  const command = words.map((_, index) => words.slice(0, words.length - index).join(' ')).find((name) => TABLE.has(name));
  if (command === undefined) throw new Error(`Invalid choice: gcloud ${words.join(' ')}`);
  const known = TABLE.get(command) ?? new Map();
  const call: Call = { command, positional: [], flags: {} };
  const rest = args.slice(command.split(' ').length);
  for (let arg; (arg = rest.shift()) !== undefined;) {
    if (!arg.startsWith('-')) {
      call.positional.push(arg);
      continue;
    }
    const [, name = '', value] = /^(--[a-z-]+)(?:=(.*))?$/s.exec(arg) ?? [];
    const [flag, kind] = kindOf(name, known);
    if (kind === undefined) throw new Error(`unrecognized arguments: ${arg} (of gcloud ${command})`);
    if (kind === 'bool') {
      if (value !== undefined) throw new Error(`${name} takes no value`);
      call.flags[flag] = name === flag ? 'true' : 'false';
      continue;
    }
    const given = value ?? rest.shift();
    if (given === undefined || given === '' || given.startsWith('--')) throw new Error(`${name}: expected one argument`);
    if (Array.isArray(kind) && !kind.includes(given)) throw new Error(`${name}: ${given} is not one of ${kind.join(', ')}`);
    call.flags[flag] = given;
  }
  return call;
}

function kindOf(name: string, known: Flags): [flag: string, kind: 'bool' | 'value' | string[] | undefined] {
  const everywhere = TABLE.get('*') ?? new Map();
  const kind = known.get(name) ?? everywhere.get(name);
  if (kind !== undefined) return [name, kind];
  const plain = name.replace(/^--no-/, '--');
  return [plain, (known.get(plain) ?? everywhere.get(plain)) === 'bool' ? 'bool' : undefined];
}

function readTable(text: string): Map<string, Flags> {
  return new Map(
    text
      .split('\n')
      .filter((line) => line !== '' && !line.startsWith('#'))
      .map((line) => {
        const [command = '', flags = ''] = line.split(/: ?/, 2);
        return [command, new Map(flags.split(' ').filter(Boolean).map(readFlag))];
      }),
  );
}

function readFlag(text: string): [string, 'bool' | 'value' | string[]] {
  const [name = '', choices] = text.split('=', 2);
  return [name, choices === undefined ? 'bool' : choices === '' ? 'value' : choices.split('|')];
}

/**
 * What `--format` makes of an answer: `value(a.b, c)` and `csv[no-heading](...)` of an object, of each entry of a list, or with
 * `--flatten=a[]` of each entry below `a`. Anything else is told as JSON.
 */
function formatted(answer: unknown, { '--format': format, '--flatten': flatten }: Record<string, string>): string {
  const [, kind, fields] = /^(value|csv\[no-heading\])\((.+)\)$/.exec(format ?? '') ?? [];
  if (!kind || !fields) return JSON.stringify(answer, null, 2);
  const paths = fields.split(/,\s*(?![^[]*\])/);
  return rowsOf(answer, flatten?.replace(/\[\]$/, ''))
    .map((row) => paths.map((path) => shown(at(row, path))).join(kind === 'value' ? '\t' : ','))
    .join('\n');
}

function rowsOf(answer: unknown, flatten: string | undefined): unknown[] {
  if (flatten === undefined) return Array.isArray(answer) ? answer : [answer];
  const [top = '', inner = ''] = flatten.split('.');
  const outer = at(answer, top) as Record<string, unknown>;
  return (outer[inner] as unknown[]).map((entry) => ({ [top]: { ...outer, [inner]: entry } }));
}

/** `a.b[0]`, and keys with dots in brackets: `annotations['run.googleapis.com/x']`. */
function at(value: unknown, path: string): unknown {
  const keys = [...path.matchAll(/([^.[\]'"]+)|\['([^']+)'\]/g)].map(([, plain, quoted]) => quoted ?? plain ?? '');
  return keys.reduce((found: unknown, key) => (found as Record<string, unknown> | undefined)?.[key], value);
}

function shown(value: unknown): string {
  if (value === undefined || value === null) return '';
  if (typeof value === 'boolean') return value ? 'True' : 'False';
  return typeof value === 'string' ? value : JSON.stringify(value);
}

// As a program, in the place of gcloud: GCLOUD_LOG is where calls are written down, GCLOUD_ANSWERS what commands answer.
if (import.meta.main) {
  try {
    const call = readCall(process.argv.slice(2));
    if (Object.values(call.flags).includes('-')) call.input = readFileSync(0, 'utf8');
    const { GCLOUD_LOG: log, GCLOUD_ANSWERS: answers } = process.env;
    if (log) appendFileSync(log, `${JSON.stringify(call)}\n`);
    const all = answers && existsSync(answers) ? (JSON.parse(readFileSync(answers, 'utf8')) as Record<string, unknown>) : {};
    // Of one thing before those of the command: `sql instances describe medspa`, `secrets versions access database-url`.
    const about = call.flags['--secret'] ?? call.positional[0];
    const answer = all[`${call.command} ${about}`] ?? all[call.command];
    if (typeof answer === 'string') process.stdout.write(`${answer}\n`);
    else if (answer !== undefined) process.stdout.write(`${formatted(answer, call.flags)}\n`);
  } catch (error) {
    process.stderr.write(`ERROR: (gcloud) ${(error as Error).message}\n`);
    process.exitCode = 2;
  }
}
