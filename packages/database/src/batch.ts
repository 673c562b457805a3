import { Prisma } from './generated/client.ts';
import type { Tx } from './database.ts';

/** A row by column names of the database. Bytes become bytea, dates timestamptz, everything else as JSON writes it. */
export type BatchRow = Record<string, string | number | boolean | null | Date | Uint8Array | object[] | undefined>;

/**
 * Inserts all rows in one statement, whatever their number, and returns how many were written.
 *
 * Every row gives the same columns. With `onConflict: 'skip'` a row that exists already is left as it is; otherwise one
 * bad row refuses all of them. Table and column names come from code, never from input.
 */
export async function insertRows(tx: Tx, table: string, rows: BatchRow[], onConflict: 'fail' | 'skip' = 'fail'): Promise<number> {
  const first = rows[0];
  if (!first) return 0;
  const names = Object.keys(first);
  if (!rows.every((row) => hasExactly(row, names))) throw new Error('Rows of one batch give the same columns.');
  const columns = names.map(quote).join(', ');
  return tx.$executeRaw`
    INSERT INTO ${Prisma.raw(quote(table))} (${Prisma.raw(columns)})
    SELECT ${Prisma.raw(columns)} FROM jsonb_populate_recordset(NULL::${Prisma.raw(quote(table))}, ${JSON.stringify(rows.map(toJson))}::jsonb)
    ${Prisma.raw(onConflict === 'skip' ? 'ON CONFLICT DO NOTHING' : '')}`;
}

function toJson(row: BatchRow): Record<string, unknown> {
  return Object.fromEntries(
    Object.entries(row).map(([column, value]) => [
      column,
      value instanceof Uint8Array ? `\\x${Buffer.from(value).toString('hex')}` : value,
    ]),
  );
}

/** True for a row that gives these columns and no other, in whatever order. */
export function hasExactly(row: BatchRow, columns: string[]): boolean {
  return Object.keys(row).length === columns.length && columns.every((column) => column in row);
}

/** A table or column name of code, never of input. */
export function quote(name: string): string {
  if (!/^[a-z_]+$/.test(name)) throw new Error('Not a table or column name.');
  return `"${name}"`;
}
