import { Logger, runMigrations as runWorkerMigrations } from 'graphile-worker';
import type pg from 'pg';
import type { DatabaseSettings } from '../settings.ts';
import { ownerPool } from './connection.ts';
import { isAtomic, loadSchemaEngine, scriptFailure } from './engine.ts';
import { migrationList, MIGRATIONS_FOLDER, readMigrations, readSchema, type MigrationFile } from './files.ts';

/** Where a database stands against the migrations of this code. `interrupted` ones are pending: nothing of them was written. */
export type MigrationStatus = {
  applied: string[];
  pending: string[];
  interrupted: string[];
  failed: string[];
  edited: string[];
  unknown: string[];
};

/** Held for the whole deployment. Prisma's engine takes its own lock inside, which keeps Prisma's commands out as well. */
const DEPLOYMENT_LOCK = 4_211_860_231;

/** Compares the migration table with the folder. The runtime role may ask. */
export async function migrationStatus(settings: DatabaseSettings, folder = MIGRATIONS_FOLDER): Promise<MigrationStatus> {
  await using pool = ownerPool(settings);
  return await statusOf(pool, readMigrations(folder));
}

async function statusOf(pool: pg.Pool, files: MigrationFile[]): Promise<MigrationStatus> {
  const { rows: found } = await pool.query("SELECT to_regclass('public._prisma_migrations') IS NOT NULL AS is_there");
  type Row = { migration_name: string; checksum: string; finished_at: Date | null; logs: string | null };
  const rows: Row[] = found[0].is_there
    ? (await pool.query('SELECT migration_name, checksum, finished_at, logs FROM _prisma_migrations WHERE rolled_back_at IS NULL')).rows
    : [];
  const unfinished = rows.filter((row) => !row.finished_at);
  // Whoever failed left the reason; whoever was killed left none, and what it wrote was rolled back with its connection.
  const interrupted = unfinished.filter(
    (row) => !row.logs && files.some((file) => file.name === row.migration_name && isAtomic(file.script)),
  );
  const finished = new Map(rows.filter((row) => row.finished_at).map((row) => [row.migration_name, row.checksum]));
  return {
    applied: files.filter((file) => finished.has(file.name)).map((file) => file.name),
    pending: files
      .filter(
        (file) => !rows.some((row) => row.migration_name === file.name) || interrupted.some((row) => row.migration_name === file.name),
      )
      .map((file) => file.name),
    interrupted: interrupted.map((row) => row.migration_name),
    failed: unfinished.filter((row) => !interrupted.includes(row)).map((row) => row.migration_name),
    edited: files.filter((file) => finished.has(file.name) && finished.get(file.name) !== file.checksum).map((file) => file.name),
    unknown: rows.filter((row) => !files.some((file) => file.name === row.migration_name)).map((row) => row.migration_name),
  };
}

/**
 * Brings the database to the state of this code, as its owner: our migrations through Prisma's engine, then the job queue's.
 * Only one process at a time does it; the others wait. Returns the names that were applied. A deployment that was killed is
 * taken up where it was.
 *
 * Throws, having changed nothing, when an applied migration was edited since, failed before, or is unknown to this code.
 */
export async function deployMigrations(
  settings: DatabaseSettings,
  say: (text: string) => void = () => {},
  folder = MIGRATIONS_FOLDER,
): Promise<string[]> {
  await using pool = ownerPool(settings);
  const lock = await pool.connect();
  try {
    await waitForTurn(lock, say);
    const migrations = readMigrations(folder);
    const status = await statusOf(pool, migrations);
    refuseUnsound(status);
    if (status.pending.length > 0) {
      say(`Applying ${status.pending.length} migration${status.pending.length === 1 ? '' : 's'} ...`);
      const engine = await loadSchemaEngine(pool, readSchema(), lock);
      try {
        for (const migrationName of status.interrupted) {
          say(`  ${migrationName} was interrupted; applying it again`);
          await engine.markMigrationRolledBack({ migrationName });
        }
        // One at a time, so that a long deployment shows where it is.
        for (const name of status.pending) {
          const migrationsList = migrationList(migrations.filter((file) => file.name <= name));
          try {
            await engine.applyMigrations({ migrationsList, filters: { externalTables: [], externalEnums: [] } });
          } catch (error) {
            // A script is one transaction, so a failed one left nothing and may be tried again once its cause is gone.
            await engine.markMigrationRolledBack({ migrationName: name });
            throw new Error(`${name} failed and was rolled back: ${scriptFailure()?.message ?? (error as Error).message}`, {
              cause: error,
            });
          }
          say(`  ${name}`);
        }
      } finally {
        engine.free();
      }
    }
    await migrateJobQueue(pool);
    // The service compares the migrations with its own at start.
    await pool.query('GRANT SELECT ON _prisma_migrations TO app_rw');
    return status.pending;
  } finally {
    // Ending the session gives the lock back, whatever state it is in.
    lock.release(true);
  }
}

/**
 * Takes the deployment's lock. Scripts run on the same connection: when this process is killed, the server still finishes the
 * statement it is at, and the lock is free only when that has come to its end.
 */
async function waitForTurn(lock: pg.PoolClient, say: (text: string) => void): Promise<void> {
  const { rows } = await lock.query('SELECT pg_try_advisory_lock($1) AS is_free', [DEPLOYMENT_LOCK]);
  if (rows[0].is_free) return;
  say('Another deployment is under way; waiting for it ...');
  await lock.query('SET lock_timeout = 0');
  await lock.query('SELECT pg_advisory_lock($1)', [DEPLOYMENT_LOCK]);
  await lock.query('RESET lock_timeout');
}

function refuseUnsound(status: MigrationStatus): void {
  if (status.failed.length > 0)
    throw new Error(
      `A migration failed before and was not resolved: ${status.failed.join(', ')}. See docs/architecture.md, "A failed migration".`,
    );
  if (status.edited.length > 0)
    throw new Error(`Applied migrations were edited afterwards: ${status.edited.join(', ')}. Undo the edit and add a new migration.`);
  if (status.unknown.length > 0)
    throw new Error(
      `The database has migrations that this version does not know: ${status.unknown.join(', ')}. It belongs to a newer version.`,
    );
}

/**
 * The job queue's own tables, and what the runtime role needs on them: graphile-worker switches row-level security on, and
 * without a policy a worker sees no jobs and says nothing.
 */
async function migrateJobQueue(pool: pg.Pool): Promise<void> {
  await runWorkerMigrations({ pgPool: pool, logger: new Logger(() => () => {}) });
  await pool.query(`
    GRANT USAGE ON SCHEMA graphile_worker TO app_rw;
    GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA graphile_worker TO app_rw;
    GRANT USAGE ON ALL SEQUENCES IN SCHEMA graphile_worker TO app_rw;
    GRANT EXECUTE ON ALL FUNCTIONS IN SCHEMA graphile_worker TO app_rw;
    DO $$
    DECLARE
      v_table regclass;
    BEGIN
      FOR v_table IN SELECT c.oid FROM pg_class c WHERE c.relnamespace = 'graphile_worker'::regnamespace AND c.relrowsecurity
        AND NOT EXISTS (SELECT FROM pg_policy p WHERE p.polrelid = c.oid AND p.polname = 'runtime') LOOP
        EXECUTE format('CREATE POLICY runtime ON %s TO app_rw USING (true) WITH CHECK (true)', v_table);
      END LOOP;
    END $$;
  `);
}
