import type { DatabaseSettings } from '@medspa/database';
import pg from 'pg';

/** Runs statements on a connection of its own that ends with them; for arranging what the service's role may not. */
export async function runAs(settings: DatabaseSettings, ...statements: string[]): Promise<void> {
  const { host, port, user, password, database } = settings;
  const client = new pg.Client({ host, port, user, password, database });
  await client.connect();
  try {
    for (const statement of statements) await client.query(statement);
  } finally {
    await client.end();
  }
}

/** Asks until the answer is true; throws after ten seconds. For what another process does in its own time. */
export async function eventually(what: string, isSo: () => Promise<boolean> | boolean): Promise<void> {
  for (const deadline = Date.now() + 10_000; !(await isSo()); await new Promise((resolve) => setTimeout(resolve, 15))) {
    if (Date.now() > deadline) throw new Error(`Within ten seconds it did not happen that ${what}.`);
  }
}
