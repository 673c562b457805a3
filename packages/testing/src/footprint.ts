import type { TestDatabase } from './database.ts';

/**
 * A digest of the rows of every table, the queue's included: as long as it is the same, nothing was written. But for two counters in
 * which a refused request stands like any other: how often a network asks, and how often a key sealed, told once a minute.
 */
export async function footprintOf(t: Pick<TestDatabase, 'look'>): Promise<{ name: string; digest: string }[]> {
  const tables = await t.look<{ name: string }>(
    `SELECT format('%I.%I', schemaname, tablename) AS name FROM pg_tables WHERE schemaname IN ('public', 'graphile_worker') AND tablename <> 'rate_limit' ORDER BY 1`,
  );
  const digests = tables.map(
    ({ name }) =>
      `SELECT '${name}' AS name, md5(string_agg(row, E'\\n' ORDER BY row)) AS digest FROM ${name} r, LATERAL (SELECT ${rowOf(name)} AS row)`,
  );
  return t.look(`${digests.join(' UNION ALL ')} ORDER BY name`);
}

/** The same but for the log of who was shown: what was written, by whoever may have looked at it since. */
export async function writesOf(t: Pick<TestDatabase, 'look'>): Promise<object[]> {
  return (await footprintOf(t)).filter(({ name }) => !name.startsWith('public.access_log'));
}

function rowOf(table: string): string {
  return table === 'public.data_key_secret' ? `(to_jsonb(r) - 'sealings')::text` : 'r::text';
}
