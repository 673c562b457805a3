import { signInOf, type DatabaseSettings } from '@medspa/database';
import pg from 'pg';

/** A connection of the test's own, past the service's pool. Whoever asked for it ends it. */
export async function connect(settings: DatabaseSettings): Promise<pg.Client> {
  const client = new pg.Client(signInOf(settings));
  await client.connect();
  return client;
}

/** Runs statements on a connection that ends with them, and returns the rows of the last; for what the service's role may not. */
export async function runAs<Row extends object>(settings: DatabaseSettings, ...statements: string[]): Promise<Row[]> {
  const client = await connect(settings);
  try {
    let rows: Row[] = [];
    for (const statement of statements) ({ rows } = await client.query<Row>(statement));
    return rows;
  } finally {
    await client.end();
  }
}

/** Keeps everybody else from the table until `release`. */
export async function lockTable(settings: DatabaseSettings, table: string): Promise<{ release: () => Promise<void> }> {
  const client = await connect(settings);
  await client.query('BEGIN');
  await client.query(`LOCK TABLE ${table} IN ACCESS EXCLUSIVE MODE`);
  return { release: () => client.end() };
}
