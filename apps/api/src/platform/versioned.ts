import type { Page, PageRequest } from '@medspa/database';
import { Problem, problemAt } from './problem.ts';

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

/**
 * The page that was read. A cursor that is no row of this list gives `not-found`: an empty page would say that the list ends
 * there, and whoever copies it would miss the rest.
 */
export async function pageAfter<Row>(
  { cursor }: PageRequest,
  page: Page<Row>,
  find: (id: string) => Promise<object | null>,
): Promise<Page<Row>> {
  if (cursor !== undefined && page.items.length === 0 && !(await find(cursor))) throw problemAt('not-found', 'cursor', 'query');
  return page;
}
