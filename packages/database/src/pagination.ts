/** A page as a caller asks for it. The cursor is the id of the last row seen, so no value of a row enters a URL. */
export type PageRequest = { limit?: number | undefined; cursor?: string | undefined };

export type Page<Row> = { items: Row[]; nextCursor: string | null };

/** No list gives more rows at once, whatever is asked. */
export const MAX_PAGE = 100;
const DEFAULT_PAGE = 50;

/** Arguments of `findMany` for one page by key; sort by columns that end with `id`. One row more than shown is read, to see whether there are more. */
export function keyset(page: PageRequest, organizationId: string) {
  return {
    take: rowsOf(page),
    ...(page.cursor === undefined ? {} : { cursor: { organizationId_id: { organizationId, id: page.cursor } }, skip: 1 }),
  };
}

/** Turns the rows that `keyset` read into a page. */
export function toPage<Row extends { id: string }>(rows: Row[], page: PageRequest): Page<Row> {
  const limit = limitOf(page);
  const items = rows.slice(0, limit);
  return { items, nextCursor: rows.length > limit ? (items.at(-1)?.id ?? null) : null };
}

/** Rows to read for a page: one more than it shows, which tells whether another follows. */
export function rowsOf(page: PageRequest): number {
  return limitOf(page) + 1;
}

function limitOf(page: PageRequest): number {
  return Math.min(Math.max(page.limit ?? DEFAULT_PAGE, 1), MAX_PAGE);
}
