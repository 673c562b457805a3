import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import type pg from 'pg';
import { from as copyFrom } from 'pg-copy-streams';
import { hasExactly, quote, type BatchRow } from './batch.ts';
import { ownerPool } from './migrate/connection.ts';
import type { DatabaseSettings } from './settings.ts';

/** Writes rows to one of the tables of the load and returns how many. Every row gives the same columns. */
export type CopyRows = (table: string, rows: Iterable<BatchRow>) => Promise<number>;

/** Text that is sent at a time, in characters: enough that the server reads while the next is made. */
const BLOCK = 1 << 16;

/**
 * Fills empty tables by COPY, as their owner, in one transaction that nobody can look into: millions of rows in minutes.
 *
 * Keys and indexes of the tables are dropped and made again over the finished rows with the definitions that they had, so each
 * is proven for every row; checks and exclusions hold all the time. The audit trigger does not fire, the others do: the rows
 * leave no trace in the audit log. Row-level security is back before anybody else sees a row.
 *
 * Throws when a table has rows, when a row breaks a constraint, or when anything is not again as it was; then nothing has changed.
 */
export async function bulkLoad(owner: DatabaseSettings, tables: string[], work: (copy: CopyRows) => Promise<void>): Promise<void> {
  await using pool = ownerPool(owner);
  const client = await pool.connect();
  try {
    await client.query(`BEGIN; SET LOCAL search_path = public; SET LOCAL maintenance_work_mem = '512MB'`);
    await client.query(`LOCK TABLE ${tables.map(quote).join(', ')} IN ACCESS EXCLUSIVE MODE`);
    const before = await readGuards(client, tables);
    await client.query(before.forced.map((table) => `ALTER TABLE ${table} NO FORCE ROW LEVEL SECURITY;`).join('\n'));
    for (const table of tables) await refuseRows(client, table);
    await client.query(
      [...before.silent.map(({ table, name }) => `ALTER TABLE ${table} DISABLE TRIGGER ${name};`), ...before.drops].join('\n'),
    );
    // A table that is empty since this transaction needs no log of its rows where the server keeps none for others.
    await client.query(`TRUNCATE ${tables.map(quote).join(', ')}`);
    await work((table, rows) => copyRows(client, table, rows));
    for (const statement of before.makes) await client.query(statement);
    await client.query(
      [
        ...before.silent.map(({ table, name }) => `ALTER TABLE ${table} ENABLE TRIGGER ${name};`),
        ...before.forced.map((table) => `ALTER TABLE ${table} FORCE ROW LEVEL SECURITY;`),
      ].join('\n'),
    );
    const after = await readGuards(client, tables);
    if (JSON.stringify(after) !== JSON.stringify(before)) throw new Error('A bulk load left the tables with other guards than it found.');
    await client.query('COMMIT');
  } finally {
    // Ending the session undoes whatever was not committed.
    client.release(true);
  }
  await pool.query(tables.map((table) => `ANALYZE ${quote(table)};`).join('\n'));
}

/** What a load takes away from the tables and puts back. */
type Guards = { forced: string[]; drops: string[]; makes: string[]; silent: Row[] };
type Row = { table: string; name: string; definition: string };

/**
 * Keys and indexes as statements, foreign keys of others to these tables included; tables with forced row-level security, which
 * would hide rows from the proof of a foreign key; triggers that tell of rows or refuse to begin with an empty table.
 */
async function readGuards(client: pg.PoolClient, tables: string[]): Promise<Guards> {
  const read = async (text: string) => (await client.query<Row>(text, [tables])).rows;
  const foreign = await read(`
    SELECT conrelid::regclass::text AS table, conname AS name, pg_get_constraintdef(oid) AS definition FROM pg_constraint
    WHERE contype = 'f' AND (conrelid = ANY ($1::regclass[]) OR confrelid = ANY ($1::regclass[])) ORDER BY 1, 2`);
  const keys = await read(`
    SELECT conrelid::regclass::text AS table, conname AS name, pg_get_constraintdef(oid) AS definition FROM pg_constraint
    WHERE contype IN ('p', 'u') AND conrelid = ANY ($1::regclass[]) ORDER BY 1, 2`);
  const indexes = await read(`
    SELECT indrelid::regclass::text AS table, indexrelid::regclass::text AS name, pg_get_indexdef(indexrelid) AS definition FROM pg_index i
    WHERE indrelid = ANY ($1::regclass[]) AND NOT EXISTS (SELECT FROM pg_constraint WHERE conindid = i.indexrelid AND contype <> 'f') ORDER BY 1, 2`);
  const silent = await read(`
    SELECT tgrelid::regclass::text AS table, tgname AS name, tgenabled::text AS definition FROM pg_trigger
    WHERE tgname IN ('audit', 'append_only') AND tgrelid = ANY ($1::regclass[]) ORDER BY 1, 2`);
  const forced = await read(`
    SELECT DISTINCT c.oid::regclass::text AS table, '' AS name, '' AS definition FROM pg_class c
    WHERE c.relforcerowsecurity AND (c.oid = ANY ($1::regclass[]) OR EXISTS (
      SELECT FROM pg_constraint k WHERE k.contype = 'f' AND ((k.conrelid = ANY ($1::regclass[]) AND k.confrelid = c.oid)
        OR (k.confrelid = ANY ($1::regclass[]) AND k.conrelid = c.oid)))) ORDER BY 1`);
  const dropOf = ({ table, name }: Row) => `ALTER TABLE ${table} DROP CONSTRAINT "${name}";`;
  const makeOf = ({ table, name, definition }: Row) => `ALTER TABLE ${table} ADD CONSTRAINT "${name}" ${definition}`;
  return {
    forced: forced.map(({ table }) => table),
    drops: [...foreign.map(dropOf), ...keys.map(dropOf), ...indexes.map(({ name }) => `DROP INDEX ${name};`)],
    // Foreign keys need the unique ones of the tables they point to.
    makes: [...keys.map(makeOf), ...indexes.map(({ definition }) => definition), ...foreign.map(makeOf)],
    silent,
  };
}

async function refuseRows(client: pg.PoolClient, table: string): Promise<void> {
  const { rowCount } = await client.query(`SELECT FROM ${quote(table)} LIMIT 1`);
  if (rowCount !== 0) throw new Error(`A bulk load fills empty tables; "${table}" has rows.`);
}

async function copyRows(client: pg.PoolClient, table: string, rows: Iterable<BatchRow>): Promise<number> {
  const iterator = rows[Symbol.iterator]();
  const first = iterator.next();
  if (first.done) return 0;
  const columns = Object.keys(first.value);
  const stream = client.query(copyFrom(`COPY ${quote(table)} (${columns.map(quote).join(', ')}) FROM STDIN (FREEZE)`));
  await pipeline(Readable.from(blocksOf(columns, first.value, iterator)), stream);
  return stream.rowCount;
}

/** The rows in COPY's text format, some at a time. */
function* blocksOf(columns: string[], first: BatchRow, rest: Iterator<BatchRow>): Generator<string> {
  const encode = encoder();
  let block = '';
  for (let row: BatchRow | undefined = first; row; row = rest.next().value as BatchRow | undefined) {
    if (!hasExactly(row, columns)) throw new Error('Rows of one COPY give the same columns.');
    for (const [index, column] of columns.entries()) block += index === 0 ? encode(row[column]) : `\t${encode(row[column])}`;
    block += '\n';
    if (block.length < BLOCK) continue;
    yield block;
    block = '';
  }
  yield block;
}

/** Values as COPY reads them. Rows that share a list share its text: the steps of one visit name the same segments. */
function encoder(): (value: BatchRow[string]) => string {
  let known: object | null = null;
  let text = '';
  return (value) => {
    if (value === null || value === undefined) return '\\N';
    if (typeof value === 'string') return escape(value);
    if (typeof value !== 'object') return String(value);
    if (value instanceof Date) return value.toISOString();
    if (value instanceof Uint8Array) return `\\\\x${Buffer.from(value).toString('hex')}`;
    if (value !== known) {
      text = escape(JSON.stringify(value));
      known = value;
    }
    return text;
  };
}

const SPECIAL = /[\\\t\n\r]/;

function escape(text: string): string {
  return SPECIAL.test(text) ? text.replaceAll('\\', '\\\\').replaceAll('\t', '\\t').replaceAll('\n', '\\n').replaceAll('\r', '\\r') : text;
}
