import type { TestDatabase } from './database.ts';

/**
 * A digest of the rows of every table, the queue's included: as long as it is the same, nothing was written. But for the counters of
 * how often a network asks, in which a refused request stands like any other.
 */
export async function footprintOf(t: Pick<TestDatabase, 'look'>): Promise<object[]> {
  const tables = await t.look<{ name: string }>(
    `SELECT format('%I.%I', schemaname, tablename) AS name FROM pg_tables WHERE schemaname IN ('public', 'graphile_worker') AND tablename <> 'rate_limit' ORDER BY 1`,
  );
  const digests = tables.map(
    ({ name }) => `SELECT '${name}' AS name, md5(string_agg(r::text, E'\\n' ORDER BY r::text)) AS digest FROM ${name} r`,
  );
  return t.look(`${digests.join(' UNION ALL ')} ORDER BY name`);
}
