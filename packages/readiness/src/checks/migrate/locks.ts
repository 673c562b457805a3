// Which statements of a migration lock, rewrite or take away what a running service uses.
import type { Finding } from '../../check.ts';
import type { Statement, Token } from './sql.ts';

export type Danger = { grade: Finding['grade']; line: number; message: string; table: string };

/** What earlier statements made safe: columns whose check for NULL is validated. */
export type Known = {
  /** Tables that the migration itself makes: nobody uses them yet. */
  created: Set<string>;
  /** `table.column` with a check that it is not null. */
  checked: Set<string>;
};

const VOLATILE = /^(gen_random_uuid|uuid_generate_v\w+|random|clock_timestamp|timeofday|nextval|uuidv[47]|cuid|nanoid)$/;

/** Dangers of one statement; remembers what it creates and checks. */
export function dangersOf({ tokens, line }: Statement, known: Known): Danger[] {
  const text = tokens.map((token) => (token.isQuoted ? '"' : token.text)).join(' ');
  const create = /^create (?:(?:global|local|temp|temporary|unlogged|foreign) )*table (?:if not exists )?/.exec(text);
  if (create) {
    known.created.add(nameAt(tokens, count(create[0])).name);
    return [];
  }
  const index = /^create (?:unique )?index (concurrently )?/.exec(text);
  if (index) return indexDangers(tokens, line, known, Boolean(index[1]));
  const alter = /^alter table (?:if exists )?(?:only )?/.exec(text);
  if (alter) {
    const { name, next } = nameAt(tokens, count(alter[0]));
    const dangers = actionsOf(tokens.slice(next)).flatMap((action) => actionDangers(action, name, known));
    return known.created.has(name) ? [] : dangers;
  }
  const drop = /^(drop table|truncate) (?:table )?(?:if exists )?(?:only )?/.exec(text);
  if (drop) {
    const { name } = nameAt(tokens, count(drop[0]));
    const what = drop[1] === 'truncate' ? 'empties' : 'drops';
    return known.created.has(name)
      ? []
      : [{ grade: 'fail', line, table: name, message: `${what} the table ${name}: the revision that still runs uses it` }];
  }
  const rewrite = /^(vacuum (?:\( )?full|cluster|reindex (?:table|index|database|schema)) (?!concurrently)/.exec(text);
  if (rewrite)
    return [{ grade: 'fail', line, table: '', message: `${rewrite[1]?.replace('( ', '')} locks the table until it is rewritten` }];
  return [];
}

/** Prisma sends a file as a whole, which PostgreSQL runs as one transaction when it holds several statements. */
export function concurrentDangers({ tokens, line }: Statement): Danger[] {
  const isConcurrent = tokens.slice(0, 4).some(({ text, isQuoted }) => text === 'concurrently' && !isQuoted);
  const message = 'CONCURRENTLY fails beside other statements, since a file of several is one transaction: give it a migration of its own';
  return isConcurrent ? [{ grade: 'fail', line, table: '', message }] : [];
}

/** Whether statements wait for a lock without end. */
export function setsLockTimeout({ tokens }: Statement): boolean {
  return tokens.some(
    ({ text }, at) => text === 'lock_timeout' && tokens.slice(0, at).some((one) => one.text === 'set' || one.text === 'set_config'),
  );
}

function indexDangers(tokens: Token[], line: number, known: Known, isConcurrent: boolean): Danger[] {
  const on = tokens.findIndex(({ text, isQuoted }) => text === 'on' && !isQuoted);
  const { name } = nameAt(tokens, tokens[on + 1]?.text === 'only' ? on + 2 : on + 1);
  if (isConcurrent || known.created.has(name)) return [];
  return [
    { grade: 'warn', line, table: name, message: `builds an index on ${name} without CONCURRENTLY: nothing can write to it meanwhile` },
  ];
}

function actionDangers(action: Token[], table: string, known: Known): Danger[] {
  const text = action.map((token) => (token.isQuoted ? '"' : token.text)).join(' ');
  const line = action[0]?.line ?? 1;
  const danger = (grade: Danger['grade'], message: string): Danger[] => [{ grade, line, table, message }];
  const constraint = /^add (?:constraint \S+ )?(foreign key|check|unique|primary key|exclude)\b/.exec(text);
  if (constraint) return constraintDangers(constraint[1] ?? '', text, action, table, known, danger);
  const add = /^add (?:column )?(?:if not exists )?/.exec(text);
  if (add) return addedColumn(text, nameAt(action, count(add[0])).name, table, danger);
  const drop = /^drop (?:column )?(?:if exists )?/.exec(text);
  if (drop && !text.startsWith('drop constraint'))
    return danger('fail', `drops ${table}.${nameAt(action, count(drop[0])).name}: the revision that still runs reads and writes it`);
  const alter = /^alter (?:column )?/.exec(text);
  if (alter && !text.startsWith('alter constraint')) {
    const { name, next } = nameAt(action, count(alter[0]));
    const what = text.split(' ').slice(next).join(' ');
    const type = /^(?:set data )?type (.+)/.exec(what)?.[1];
    if (type)
      return /^(text|varchar|character varying)( using .*)?$/.test(type)
        ? danger('warn', `changes the type of ${table}.${name} to ${type}: it is rewritten unless it was a varchar`)
        : danger('fail', `changes the type of ${table}.${name}: the table is rewritten, and nothing can read it meanwhile`);
    if (what === 'set not null' && !known.checked.has(`${table}.${name}`))
      return danger('warn', `sets ${table}.${name} NOT NULL: the whole table is read under a lock, and old code may still write NULL`);
    return [];
  }
  if (/^rename (to|column|\S+ to)/.test(text))
    return danger(
      'warn',
      `renames ${text.startsWith('rename to') ? table : `a column of ${table}`}: the revision that still runs knows the old name only`,
    );
  if (/^set (un)?logged|^set tablespace/.test(text)) return danger('fail', `rewrites ${table} under a lock`);
  return [];
}

type MakeDanger = (grade: Danger['grade'], message: string) => Danger[];

function constraintDangers(kind: string, text: string, action: Token[], table: string, known: Known, danger: MakeDanger): Danger[] {
  const column = /\( ?(\S+) is not null ?\)/.test(text) ? action.find((_, at) => action[at + 1]?.text === 'is')?.text : undefined;
  if (column) known.checked.add(`${table}.${column}`);
  if (/\bnot valid\b/.test(text) || /\busing index\b/.test(text)) return [];
  const how =
    kind === 'unique' || kind === 'primary key'
      ? 'make the index CONCURRENTLY first, then USING INDEX'
      : 'add it NOT VALID, then VALIDATE CONSTRAINT';
  return danger('warn', `adds a constraint (${kind.toUpperCase()}) to ${table} and reads all of it under a lock: ${how}`);
}

function addedColumn(text: string, column: string, table: string, danger: MakeDanger): Danger[] {
  const hasDefault = /\bdefault\b/.test(text);
  const volatile =
    hasDefault &&
    text
      .slice(text.indexOf('default'))
      .split(' ')
      .some((word) => VOLATILE.test(word));
  if (volatile || /\b(big|small)?serial\b|\bgenerated\b.*\b(stored|identity)\b/.test(text))
    return danger('fail', `adds ${table}.${column} with a value for each row: the table is rewritten under a lock`);
  if (/\bnot null\b/.test(text) && !hasDefault && !/\bgenerated\b/.test(text))
    return danger(
      'warn',
      `adds ${table}.${column} NOT NULL without a default: it fails on a table with rows, and for old code that does not write it`,
    );
  if (/\bunique\b/.test(text)) return danger('warn', `adds ${table}.${column} with a unique index that is built under a lock`);
  return [];
}

/** A name with or without a schema; `next` is where the statement goes on. */
function nameAt(tokens: Token[], at: number): { name: string; next: number } {
  let next = at;
  while (tokens[next + 1]?.text === '.' && !tokens[next + 1]?.isQuoted) next += 2;
  return { name: tokens[next]?.text ?? '', next: next + 1 };
}

/** Actions of ALTER TABLE are separated by commas outside of brackets. */
function actionsOf(tokens: Token[]): Token[][] {
  const actions: Token[][] = [[]];
  let depth = 0;
  for (const token of tokens) {
    if (!token.isQuoted && token.text === '(') depth++;
    if (!token.isQuoted && token.text === ')') depth--;
    if (!token.isQuoted && token.text === ',' && depth === 0) actions.push([]);
    else actions.at(-1)?.push(token);
  }
  return actions.filter((action) => action.length > 0);
}

/** Words of a matched beginning, each a token. */
function count(beginning: string): number {
  return beginning.trim().split(' ').length;
}
