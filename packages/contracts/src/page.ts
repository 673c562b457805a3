import { z } from 'zod';
import { Id, wholeNumber } from './primitives.ts';

/** Query of every list: at most 100 rows, after the row whose id is the cursor. */
export const PageQuery = z.strictObject({
  limit: wholeNumber(1, 100).optional().describe('rows on the page, 50 unless told'),
  cursor: Id.optional().describe('`nextCursor` of the page before'),
});
export type PageQuery = z.infer<typeof PageQuery>;

/** A page of rows; `nextCursor` is null on the last one. */
export function pageOf<Item extends z.ZodType>(item: Item) {
  return z.object({ items: z.array(item), nextCursor: Id.nullable() });
}
