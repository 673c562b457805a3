// The database tasks: setup, migrate (development), deploy (production), status.
import { parseArgs } from 'node:util';
import { join } from 'node:path';
import { parseDatabaseUrl, type DatabaseSettings } from '@medspa/database';
import {
  deployMigrations,
  findDrift,
  migrationStatus,
  missingMigration,
  setUpDatabase,
  writeMigration,
  writeSnapshot,
} from '@medspa/database/migrate';
import { startLocalDatabase } from '@medspa/local-database';
import { readEnvironment } from '../apps/api/src/platform/config.ts';
import { DATA, openEmbedded, ROOT, signIns } from './local.ts';

const [task] = process.argv.slice(2);
const environment = () => readEnvironment(process.env, { envFile: join(ROOT, '.env') });
const tasks: Record<string, () => Promise<void>> = { setup, migrate, deploy, status };
try {
  await (tasks[task ?? ''] ?? (() => Promise.reject(new Error(`Unknown database task "${task ?? ''}".`))))();
} catch (error) {
  console.error((error as Error).message);
  process.exitCode = 1;
}

/** Makes roles and database with an administrator's sign-in. */
async function setup(): Promise<void> {
  const { DATABASE_ADMIN_URL: url, APP_OWNER_PASSWORD: ownerPassword, APP_RW_PASSWORD: runtimePassword } = await environment();
  if (!url)
    throw new Error(
      'Set DATABASE_ADMIN_URL to an administrator of the server, with the database to make as its path; APP_OWNER_PASSWORD and APP_RW_PASSWORD set the passwords of the roles.',
    );
  const { settings } = parseDatabaseUrl(url, 'DATABASE_ADMIN_URL');
  await setUpDatabase(
    { ...settings, database: 'postgres' },
    { database: settings.database, ...(ownerPassword ? { ownerPassword } : {}), ...(runtimePassword ? { runtimePassword } : {}) },
  );
  console.log(
    `Roles app_owner and app_rw and database "${settings.database}" are there. Next: npm run db:migrate:deploy with DATABASE_OWNER_URL.`,
  );
}

/** Writes the migration that the schema files lack, or checks that none is, and writes down what the database then looks like. */
async function migrate(): Promise<void> {
  const { values } = parseArgs({ args: process.argv.slice(3), options: { name: { type: 'string' } } });
  const server = await startLocalDatabase({ folder: join(DATA, 'scratch'), settings: { fsync: 'off' } });
  try {
    const { owner } = await signIns(server, `scratch_${Date.now()}`);
    await deployMigrations(owner, console.log);
    const script = await missingMigration(owner);
    if (script !== null) {
      if (!values.name || !/^[a-z][a-z0-9_]*$/.test(values.name))
        throw new Error('The schema has changed. Name the migration: npm run db:migrate -- --name what_it_does');
      console.log(
        `Wrote ${writeMigration(values.name, script, new Date())}. Read it, add what Prisma cannot express, and run npm run db:migrate again.`,
      );
      return;
    }
    await writeSnapshot(owner);
    console.log(
      'Schema files and migrations agree; prisma/catalog.txt shows what they make. npm start applies them to the local database.',
    );
  } finally {
    await server.close();
  }
}

/** Applies what is pending, as the owner. */
async function deploy(): Promise<void> {
  const applied = await withOwner((owner) => deployMigrations(owner, console.log));
  console.log(applied.length === 0 ? 'Nothing to apply.' : `Applied ${applied.length}.`);
}

/** Prints where the database stands; fails when migrations are pending or it differs from what they make. */
async function status(): Promise<void> {
  const { found, drift } = await withOwner(async (owner) => ({ found: await migrationStatus(owner), drift: await findDrift(owner) }));
  console.log(`${found.applied.length} applied, ${found.pending.length} pending`);
  for (const [what, names] of Object.entries(found)) if (what !== 'applied') for (const name of names) console.log(`  ${what}: ${name}`);
  console.log(
    drift.length === 0
      ? 'No drift: tables, constraints, policies, triggers, functions and grants are what the migrations make.'
      : `Drift (- missing, + not ours):\n${drift.map((line) => `  ${line}`).join('\n')}`,
  );
  const isSound = found.pending.length + found.failed.length + found.edited.length + found.unknown.length + drift.length === 0;
  if (!isSound) process.exitCode = 1;
}

/**
 * The owner's sign-in: DATABASE_OWNER_URL, or the embedded database of the project where no database is named. Refuses to take
 * the one for the other: whoever named a database must not be told that another one is migrated.
 */
async function withOwner<T>(work: (owner: DatabaseSettings) => Promise<T>): Promise<T> {
  const given = await environment();
  if (given['DATABASE_OWNER_URL']) return work(parseDatabaseUrl(given['DATABASE_OWNER_URL'], 'DATABASE_OWNER_URL').settings);
  const named = ['DATABASE_URL', 'DATABASE_HOST'].find((key) => given[key]);
  if (named)
    throw new Error(
      `${named} names a database, but its owner's sign-in is missing: set DATABASE_OWNER_URL (the service's own sign-in may not change tables).`,
    );
  const ready = await openEmbedded(console.log);
  try {
    return await work(ready.owner);
  } finally {
    await ready.close();
  }
}
