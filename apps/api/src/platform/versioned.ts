import { Problem } from './problem.ts';

/**
 * The one row that a guarded update changed. When it changed none, `current` tells why: the row is not there
 * (`not-found`), or it has moved on (`stale-version`, with the version it has).
 */
export async function changed<Row>(rows: Row[], current: () => Promise<{ version: number } | null>): Promise<Row> {
  const [row] = rows;
  if (row !== undefined) return row;
  const found = await current();
  if (!found) throw new Problem('not-found');
  throw new Problem('stale-version', { version: found.version });
}

/** The row, or `not-found`: a row of another organization looks the same as none. */
export function existing<Row>(row: Row | null): Row {
  if (row === null) throw new Problem('not-found');
  return row;
}
