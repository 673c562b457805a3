import { z } from 'zod';
import { Id, wholeNumberIn } from './primitives.ts';

/** Most rows of one page. */
export const MAX_ROWS = 100;

/** Query of every list: at most 100 rows, after the row whose id is the cursor. */
export const PageQuery = z.strictObject({
  limit: wholeNumberIn(1, MAX_ROWS).optional().describe('rows on the page, 50 unless told'),
  cursor: Id.optional().describe('`nextCursor` of the page before'),
});
export type PageQuery = z.infer<typeof PageQuery>;

/** A page of rows; `nextCursor` is null on the last one. The same schema each time: making one costs more than a page does. */
export function pageOf<Item extends z.ZodType>(item: Item): PageSchema<Item> {
  const known = pages.get(item) as PageSchema<Item> | undefined;
  if (known) return known;
  const page = z.object({ items: z.array(item), nextCursor: Id.nullable() });
  pages.set(item, page);
  return page;
}

type PageSchema<Item extends z.ZodType> = z.ZodObject<{ items: z.ZodArray<Item>; nextCursor: z.ZodNullable<typeof Id> }>;
const pages = new WeakMap<z.ZodType, z.ZodType>();
