import pg from 'pg';
import { ADMIN } from '../cluster.ts';

/** What was read without a fault. */
export type Inspection = { tables: number; rows: number; indexes: number; lastChange: Date | null };

/**
 * Reads every row of every table of every database, which proves the checksum of each page, and the structure of every b-tree.
 * Throws PostgreSQL's error at the first fault. Changes nothing.
 */
export async function inspectCluster(server: { port: number; password: string }): Promise<Inspection> {
  const inspection: Inspection = { tables: 0, rows: 0, indexes: 0, lastChange: null };
  const databases = await within(server, 'postgres', async (client) => {
    const { rows: last } = await client.query<{ at: Date | null }>('SELECT pg_last_xact_replay_timestamp() AS at');
    inspection.lastChange = last[0]?.at ?? null;
    return (await client.query<{ name: string }>('SELECT datname AS name FROM pg_database WHERE datallowconn ORDER BY 1')).rows;
  });
  for (const { name } of databases) {
    await within(server, name, async (client) => {
      // Through the pages, not past them; the extension is there for this transaction only.
      await client.query(
        'BEGIN; SET LOCAL enable_indexscan = off; SET LOCAL enable_indexonlyscan = off; CREATE EXTENSION IF NOT EXISTS amcheck',
      );
      const { rows: tables } = await client.query<{ name: string }>(
        `SELECT c.oid::regclass::text AS name FROM pg_class c WHERE c.relkind IN ('r', 'm', 't') AND c.relpersistence = 'p' ORDER BY 1`,
      );
      for (const table of tables) {
        const { rows } = await client.query<{ count: string }>(`SELECT count(*) FROM ${table.name}`);
        inspection.rows += Number(rows[0]?.count);
      }
      inspection.tables += tables.length;
      const { rows: checked } = await client.query<{ count: string }>(
        `SELECT count(bt_index_check(c.oid)) FROM pg_class c JOIN pg_index i ON i.indexrelid = c.oid JOIN pg_am a ON a.oid = c.relam
         WHERE a.amname = 'btree' AND c.relkind = 'i' AND c.relpersistence = 'p' AND i.indisvalid`,
      );
      inspection.indexes += Number(checked[0]?.count);
      await client.query('ROLLBACK');
    });
  }
  return inspection;
}

async function within<T>(
  server: { port: number; password: string },
  database: string,
  work: (client: pg.Client) => Promise<T>,
): Promise<T> {
  const client = new pg.Client({ host: '127.0.0.1', port: server.port, user: ADMIN, password: server.password, database });
  client.on('error', () => {});
  await client.connect();
  try {
    return await work(client);
  } finally {
    await client.end();
  }
}
