import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import pg from 'pg';
import type { DatabaseSettings } from '../settings.ts';
import { ownerPool } from './connection.ts';
import { PRISMA_FOLDER } from './files.ts';
import { scramVerifier } from './scram.ts';

/** The roles' passwords, of ASCII characters; a role whose password is not given keeps the one it has. */
export type SetupOptions = { database: string; ownerPassword?: string; runtimePassword?: string };

/**
 * Makes roles, database and privileges with an administrator's connection; running it again changes nothing but passwords.
 * The administrator needs CREATEROLE and CREATEDB, or to be superuser. No password leaves this process: the server is given
 * what it keeps of one.
 */
export async function setUpDatabase(admin: DatabaseSettings, options: SetupOptions): Promise<void> {
  const verifiers = [
    { role: 'app_owner', verifier: verifierOf('app_owner', options.ownerPassword) },
    { role: 'app_rw', verifier: verifierOf('app_rw', options.runtimePassword) },
  ];
  {
    await using pool = ownerPool(admin);
    await refuseOldServer(pool);
    await pool.query(readFileSync(join(PRISMA_FOLDER, 'roles.sql'), 'utf8'));
    for (const { role, verifier } of verifiers) {
      if (verifier !== null) await pool.query(`ALTER ROLE ${role} PASSWORD ${pg.escapeLiteral(verifier)}`);
    }
    // An administrator who is not superuser may hand a database only to a role it is a member of.
    await pool.query('GRANT app_owner, app_rw TO CURRENT_USER');
    const { rowCount } = await pool.query('SELECT FROM pg_database WHERE datname = $1', [options.database]);
    if (rowCount === 0)
      await pool.query(`CREATE DATABASE ${pg.escapeIdentifier(options.database)} OWNER app_owner TEMPLATE template0 ENCODING 'UTF8'`);
    else await pool.query(`ALTER DATABASE ${pg.escapeIdentifier(options.database)} OWNER TO app_owner`);
  }
  await using pool = ownerPool({ ...admin, database: options.database });
  const database = pg.escapeIdentifier(options.database);
  await pool.query(`
    REVOKE ALL ON DATABASE ${database} FROM PUBLIC;
    GRANT CONNECT ON DATABASE ${database} TO app_owner, app_rw;
    ALTER SCHEMA public OWNER TO app_owner;
    REVOKE ALL ON SCHEMA public FROM PUBLIC;
    GRANT USAGE ON SCHEMA public TO app_rw;
    ALTER DEFAULT PRIVILEGES FOR ROLE app_owner REVOKE EXECUTE ON FUNCTIONS FROM PUBLIC;
  `);
  // Needs the preloaded library and, on some servers, a superuser; everything else works without it.
  await pool.query('CREATE EXTENSION IF NOT EXISTS pg_stat_statements').catch(() => {});
}

function verifierOf(role: string, password: string | undefined): string | null {
  try {
    return password === undefined ? null : scramVerifier(password);
  } catch (error) {
    throw new Error(`The password of ${role} ${(error as Error).message}`, { cause: error });
  }
}

/** Throws when the server is older than 17, which refuses transaction_timeout. */
async function refuseOldServer(pool: pg.Pool): Promise<void> {
  const { rows } = await pool.query("SELECT current_setting('server_version_num')::int AS version");
  if (rows[0].version < 170_000)
    throw new Error(`PostgreSQL 17 or newer is needed; this server is ${Math.floor(rows[0].version / 10_000)}.`);
}
