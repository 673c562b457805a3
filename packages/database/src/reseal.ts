import type pg from 'pg';
import { UnreadableValue } from './ciphers.ts';
import type { Codec } from './codec.ts';
import { asOwner, sealedTables } from './data-keys.ts';
import { handleDatabaseError } from './errors.ts';
import type { DatabaseSettings } from './settings.ts';

/** Pages of a table that one transaction looks through: a few thousand rows, a fraction of a second. */
const PAGES = 200;
/** Rounds over all tables until one finds nothing. Each finds what was written behind the one before. */
const ROUNDS = 20;

type Resealed = { resealed: number; unreadable: number };

/**
 * Seals anew, with the key that seals now, every value of the organization that an older key sealed: every sealed column that is
 * declared, a piece of a table in a transaction of its own, while others work. A value is replaced only while it is the one that was
 * read, so that no newer one is lost. What was done stays done: after a kill, the next run finds less. Versions, histories and the
 * audit log stay as they are, since no row says anything else than before.
 *
 * A value that does not open is left as it is and counted. `wait` is called before each further round.
 */
export async function resealOrganization(
  owner: DatabaseSettings,
  codec: Codec,
  organizationId: string,
  {
    say = () => {},
    pages = PAGES,
    wait = () => Promise.resolve(),
  }: { say?: (text: string) => void; pages?: number; wait?: () => Promise<void> } = {},
): Promise<Resealed> {
  let resealed = 0;
  for (let round = 1; round <= ROUNDS; round++) {
    const total = { resealed: 0, unreadable: 0, missed: 0 };
    for (const sealed of sealedTables()) {
      const size = await asOwner(owner, organizationId, 'data-key.reseal', (client) => pagesOf(client, sealed.table));
      for (let from = 0; from < size; from += pages) {
        const found = await resealPages(owner, codec, organizationId, sealed, from, from + pages);
        for (const key of ['resealed', 'unreadable', 'missed'] as const) total[key] += found[key];
        if (found.resealed > 0)
          say(`  ${sealed.table}: ${Math.min(100, Math.round((100 * (from + pages)) / size))} %, ${resealed + total.resealed} values`);
      }
    }
    resealed += total.resealed;
    if (total.resealed + total.missed === 0) return { resealed, unreadable: total.unreadable };
    await wait();
  }
  throw new Error('Values go on being sealed with an old key. Does a process run that was started with other keys?');
}

type Sealed = ReturnType<typeof sealedTables>[number];

/** One piece. What others hold for longer than a moment is missed, and found by the next round. */
async function resealPages(
  owner: DatabaseSettings,
  codec: Codec,
  organizationId: string,
  sealed: Sealed,
  from: number,
  to: number,
): Promise<Resealed & { missed: number }> {
  await codec.prepare(organizationId);
  try {
    return await asOwner(owner, organizationId, 'data-key.reseal', (client) => resealRows(client, codec, organizationId, sealed, from, to));
  } catch (error) {
    const kind = handleDatabaseError(error)?.kind;
    if (kind !== 'lockTimeout' && kind !== 'conflict') throw error;
    return { resealed: 0, unreadable: 0, missed: 1 };
  }
}

async function resealRows(
  client: pg.PoolClient,
  codec: Codec,
  organizationId: string,
  { table, columns, boundTo }: Sealed,
  from: number,
  to: number,
): Promise<Resealed & { missed: number }> {
  await client.query(`SELECT set_config('app.resealing', 'on', true)`);
  const current = Buffer.from(codec.seal({ organizationId, table, column: '', rowId: '' }, '')).readUInt32BE(1);
  const isOld = (column: string) => `substring(${column} FROM 2 FOR 4) <> int4send($2)`;
  const { rows } = await client.query<Record<string, unknown> & { at: string; row_id: string }>(
    `SELECT ctid::text AS at, concat_ws('|', ${boundTo.join(', ')}) AS row_id, ${columns.join(', ')} FROM ${table}
     WHERE organization_id = $1 AND (${columns.map(isOld).join(' OR ')}) AND ctid >= $3::tid AND ctid < $4::tid`,
    [organizationId, current, `(${from},0)`, `(${to},0)`],
  );
  let unreadable = 0;
  const changes = rows.flatMap((row) => {
    const old = columns.map((column) => row[column] as Buffer<ArrayBuffer> | null);
    const fresh = old.map((value, index) => {
      if (value === null || value.readUInt32BE(1) === current) return value;
      const place = { organizationId, table, column: columns[index] as string, rowId: row.row_id };
      try {
        return codec.seal(place, codec.open(place, value));
      } catch (error) {
        if (!(error instanceof UnreadableValue)) throw error;
        unreadable++;
        return value;
      }
    });
    const count = fresh.filter((value, index) => value !== old[index]).length;
    return count > 0 ? [{ at: row.at, old, fresh, count }] : [];
  });
  if (changes.length === 0) return { resealed: 0, unreadable, missed: 0 };
  // A row is found by its place, and taken only while it has what was read: of another row that came to be there, no value is equal.
  const lists = columns.flatMap((_, index) => [changes.map(({ old }) => old[index]), changes.map(({ fresh }) => fresh[index])]);
  const { rows: done } = await client.query<{ at: string }>(
    `UPDATE ${table} t SET ${columns.map((column, index) => `${column} = n.fresh${index}`).join(', ')}
     FROM unnest($2::tid[], ${lists.map((_, index) => `$${index + 3}::bytea[]`).join(', ')}) AS n(at, ${columns.map((_, index) => `old${index}, fresh${index}`).join(', ')})
     WHERE t.ctid = n.at AND t.organization_id = $1 AND ${columns.map((column, index) => `t.${column} IS NOT DISTINCT FROM n.old${index}`).join(' AND ')}
     RETURNING n.at::text AS at`,
    [organizationId, changes.map(({ at }) => at), ...lists],
  );
  const taken = new Set(done.map(({ at }) => at));
  const resealed = changes.reduce((sum, { at, count }) => sum + (taken.has(at) ? count : 0), 0);
  return { resealed, unreadable, missed: changes.length - done.length };
}

async function pagesOf(client: pg.PoolClient, table: string): Promise<number> {
  const { rows } = await client.query<{ pages: number }>(
    `SELECT (pg_relation_size($1::regclass) / current_setting('block_size')::int)::int AS pages`,
    [table],
  );
  return rows[0]?.pages ?? 0;
}
