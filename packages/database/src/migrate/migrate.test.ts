import { randomUUID } from 'node:crypto';
import { cpSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { createTestDatabase, eventually, run, runAs, trees, type TestDatabase } from '@medspa/testing';
import { afterAll, afterEach, beforeAll, describe, expect, inject, test } from 'vitest';
import type { DatabaseSettings } from '../settings.ts';
import { findDrift } from './catalog.ts';
import { deployMigrations, migrationStatus } from './deploy.ts';
import { missingMigration } from './draft.ts';
import { MIGRATIONS_FOLDER, readMigrations } from './files.ts';
import { setUpDatabase } from './setup.ts';

let t: TestDatabase;
const ours = readMigrations();
beforeAll(async () => {
  t = await createTestDatabase();
});
const aTree = trees();
const drops: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const drop of drops.splice(0)) await drop();
});
afterAll(() => t.drop());

/** A database with the job queue's tables and no migration, as its owner: a folder of other migrations can be tried on it. */
async function withoutMigrations(): Promise<TestDatabase> {
  const clone = await createTestDatabase();
  drops.push(clone.drop);
  await runAs(clone.admin, 'DELETE FROM _prisma_migrations');
  return clone;
}

/** A folder of migrations: ours where wanted, and these. */
function migrationsOf(scripts: Record<string, string>, withOurs = false): string {
  const folder = aTree({});
  cpSync(join(MIGRATIONS_FOLDER, 'migration_lock.toml'), join(folder, 'migration_lock.toml'));
  if (withOurs) cpSync(MIGRATIONS_FOLDER, folder, { recursive: true });
  for (const [name, script] of Object.entries(scripts)) write(folder, name, script);
  return folder;
}
function write(folder: string, name: string, script: string): void {
  mkdirSync(join(folder, name), { recursive: true });
  writeFileSync(join(folder, name, 'migration.sql'), script);
}
const A = '20270101000000_first';
const B = '20270102000000_second';
const quiet = () => {};

describe('a freshly migrated database', () => {
  test('is what prisma/catalog.txt says', async () => {
    expect(await findDrift(t.owner)).toEqual([]);
  });

  test('is what the schema files say: no migration is missing', async () => {
    expect(await missingMigration(t.owner)).toBeNull();
  });

  test('has everything applied, and says so to the runtime role too', async () => {
    const names = ours.map(({ name }) => name);
    expect(await migrationStatus(t.runtime)).toEqual({ applied: names, pending: [], interrupted: [], failed: [], edited: [], unknown: [] });
  });

  test("has Prisma's migration table as Prisma writes it", async () => {
    expect(
      await t.look(
        `SELECT a.attname, format_type(a.atttypid, a.atttypmod) AS type, a.attnotnull FROM pg_attribute a WHERE a.attrelid = '_prisma_migrations'::regclass AND a.attnum > 0 ORDER BY a.attnum`,
      ),
    ).toEqual([
      { attname: 'id', type: 'character varying(36)', attnotnull: true },
      { attname: 'checksum', type: 'character varying(64)', attnotnull: true },
      { attname: 'finished_at', type: 'timestamp with time zone', attnotnull: false },
      { attname: 'migration_name', type: 'character varying(255)', attnotnull: true },
      { attname: 'logs', type: 'text', attnotnull: false },
      { attname: 'rolled_back_at', type: 'timestamp with time zone', attnotnull: false },
      { attname: 'started_at', type: 'timestamp with time zone', attnotnull: true },
      { attname: 'applied_steps_count', type: 'integer', attnotnull: true },
    ]);
    const rows = await t.look(
      `SELECT migration_name AS name, checksum, finished_at >= started_at AS finished, rolled_back_at, logs, applied_steps_count AS steps, length(id) AS id FROM _prisma_migrations ORDER BY 1`,
    );
    expect(rows).toEqual(
      ours.map(({ name, checksum }) => ({ name, checksum, finished: true, rolled_back_at: null, logs: null, steps: 1, id: 36 })),
    );
  });

  test('is left alone by another deployment', async () => {
    const before = await t.look('SELECT * FROM _prisma_migrations ORDER BY migration_name');
    expect(await deployMigrations(t.owner)).toEqual([]);
    expect(await t.look('SELECT * FROM _prisma_migrations ORDER BY migration_name')).toEqual(before);
  });
});

describe('drift is found', () => {
  const CHANGES: [what: string, change: string, said: string][] = [
    ['a dropped exclusion constraint', 'ALTER TABLE claim DROP CONSTRAINT claim_no_overlap', '- constraint claim claim_no_overlap EXCLUDE'],
    [
      'a constraint that is not validated',
      'ALTER TABLE room DROP CONSTRAINT room_organization_id_room_type_id_fkey, ADD CONSTRAINT room_organization_id_room_type_id_fkey FOREIGN KEY (organization_id, room_type_id) REFERENCES room_type (organization_id, id) ON UPDATE RESTRICT ON DELETE RESTRICT NOT VALID',
      '+ constraint room room_organization_id_room_type_id_fkey',
    ],
    ['a disabled trigger', 'ALTER TABLE patient DISABLE TRIGGER audit', '+ trigger patient CREATE TRIGGER audit'],
    ['a dropped trigger', 'DROP TRIGGER append_only ON audit_log', '- trigger audit_log CREATE TRIGGER append_only'],
    ['a dropped policy', 'DROP POLICY own_organization ON patient', '- policy patient own_organization'],
    ['another policy', 'CREATE POLICY seen ON patient FOR SELECT USING (true)', '+ policy patient seen'],
    ['row-level security switched off', 'ALTER TABLE staff NO FORCE ROW LEVEL SECURITY', '+ table staff owner=app_owner rls=t force=f'],
    ['a grant on a table', 'GRANT DELETE ON audit_log TO app_rw', '+ grant DELETE audit_log to app_rw'],
    ['a grant on a column', 'GRANT UPDATE (organization_id) ON patient TO app_rw', '+ grant UPDATE (organization_id) patient to app_rw'],
    ['a grant on a function', 'GRANT EXECUTE ON FUNCTION app.audit TO PUBLIC', '+ grant EXECUTE app.audit() to PUBLIC'],
    ['a grant on a schema', 'GRANT CREATE ON SCHEMA public TO app_rw', '+ grant CREATE schema public to app_rw'],
    ['a grant that is gone', 'REVOKE SELECT ON patient FROM app_rw', '- grant SELECT patient to app_rw'],
    [
      'a changed function',
      `CREATE OR REPLACE FUNCTION app.organization_id() RETURNS uuid LANGUAGE sql STABLE PARALLEL SAFE AS $$ SELECT NULL::uuid $$`,
      '+ routine app.organization_id()',
    ],
    ['a missing index', 'DROP INDEX claim_by_resource_and_start', '- index CREATE INDEX claim_by_resource_and_start'],
    ['another column', 'ALTER TABLE patient ADD COLUMN blood_type text', '+ column patient.blood_type text'],
    ['a changed default', 'ALTER TABLE room ALTER is_active SET DEFAULT false', '+ column room.is_active boolean not null default false'],
    ['another table', 'CREATE TABLE notes (id integer)', '+ table notes'],
    ['another view', 'CREATE VIEW names AS SELECT given_name FROM patient', '+ view names owner=postgres'],
    ['another owner', 'ALTER TABLE service_price OWNER TO postgres', '+ table service_price owner=postgres'],
    ['a privilege on the database', 'GRANT TEMP ON DATABASE current TO PUBLIC', '+ grant TEMPORARY database to PUBLIC'],
    ['a loosened type', 'ALTER TYPE app.segment ADD ATTRIBUTE note text', '+ type app.segment'],
  ];

  // One database that drifts further and further; each change adds its own line.
  let drifting: TestDatabase;
  beforeAll(async () => {
    drifting = await createTestDatabase();
  });
  afterAll(() => drifting.drop());

  test.each(CHANGES)('%s', async (_, change, said) => {
    const told = async () => (await findDrift(drifting.admin)).filter((line) => line.startsWith(said)).length;
    expect(await told()).toBe(0);
    await runAs(drifting.admin, change.replace('DATABASE current', `DATABASE ${drifting.admin.database}`));
    expect(await told()).toBe(1);
  });

  test('but not in the months of the logs, which time makes', async () => {
    await runAs(t.owner, 'SELECT app.ensure_log_months(20)');
    expect(await t.look(`SELECT FROM pg_inherits WHERE inhparent = 'audit_log'::regclass`)).toHaveLength(22);
    expect(await findDrift(t.owner)).toEqual([]);
  });
});

describe('a migration that fails', () => {
  test('is rolled back whole, named with its line, and can be deployed once it is repaired', async () => {
    const { owner, look } = await withoutMigrations();
    const folder = migrationsOf({
      [A]: 'CREATE TABLE good (id integer);',
      [B]: 'CREATE TABLE half (id integer);\n\n-- a comment; with a semicolon\nALTER TABLE nowhere ADD COLUMN x text;\n',
    });
    await expect(deployMigrations(owner, quiet, folder)).rejects.toThrow(
      `${B} failed and was rolled back: relation "nowhere" does not exist`,
    );
    expect(await migrationStatus(owner, folder)).toMatchObject({ applied: [A], pending: [B], failed: [] });
    expect(await look(`SELECT to_regclass('good') IS NOT NULL AS good, to_regclass('half') IS NOT NULL AS half`)).toEqual([
      { good: true, half: false },
    ]);

    write(folder, B, 'CREATE TABLE half (id integer);');
    expect(await deployMigrations(owner, quiet, folder)).toEqual([B]);
    expect(await migrationStatus(owner, folder)).toMatchObject({ applied: [A, B], pending: [], failed: [], edited: [] });
  });

  test('says the line of a syntax error', async () => {
    const { owner } = await withoutMigrations();
    const folder = migrationsOf({ [A]: 'CREATE TABLE a (id integer);\nCREATE TABLE b (id integer);\nCREATE TABEL c (id integer);\n' });
    await expect(deployMigrations(owner, quiet, folder)).rejects.toThrow(/syntax error at or near "TABEL", line 3$/);
  });

  test("that Prisma's own command left is not passed over", async () => {
    const { owner } = await withoutMigrations();
    const folder = migrationsOf({ [A]: 'CREATE TABLE a (id integer);', [B]: 'CREATE TABLE b (id integer);' });
    await deployMigrations(owner, quiet, folder);
    await runAs(owner, `UPDATE _prisma_migrations SET finished_at = NULL, logs = 'Database error' WHERE migration_name = '${B}'`);
    await expect(deployMigrations(owner, quiet, folder)).rejects.toThrow(`A migration failed before and was not resolved: ${B}`);
  });
});

describe('a deployment that was killed', () => {
  test('is taken up where it was: what was not written is applied again', async () => {
    const { owner } = await withoutMigrations();
    const folder = migrationsOf({ [A]: 'CREATE TABLE a (id integer);', [B]: 'CREATE TABLE b (id integer);' });
    await deployMigrations(owner, quiet, folder);
    // As it is between the start of a migration and its commit.
    await runAs(
      owner,
      'DROP TABLE b',
      `UPDATE _prisma_migrations SET finished_at = NULL, applied_steps_count = 0 WHERE migration_name = '${B}'`,
    );
    expect(await migrationStatus(owner, folder)).toMatchObject({ applied: [A], pending: [B], interrupted: [B], failed: [] });
    const said: string[] = [];
    expect(await deployMigrations(owner, (text) => said.push(text), folder)).toEqual([B]);
    expect(said).toContain(`  ${B} was interrupted; applying it again`);
    expect(await migrationStatus(owner, folder)).toMatchObject({ applied: [A, B], pending: [], interrupted: [] });
  });

  test('is over when the server has finished what it was at: the next one waits for that, and believes it', async () => {
    const { owner, look } = await withoutMigrations();
    const folder = migrationsOf({ [A]: 'CREATE TABLE a (id integer);', [B]: 'CREATE TABLE b (id integer);\nSELECT pg_sleep(1);' });
    await killInside(owner, folder, look);
    const said: string[] = [];
    expect(await deployMigrations(owner, (text) => said.push(text), folder)).toEqual([]);
    expect(said).toEqual(['Another deployment is under way; waiting for it ...']);
    expect(await migrationStatus(owner, folder)).toMatchObject({ applied: [A, B], pending: [], interrupted: [], failed: [] });
    expect(await look(`SELECT to_regclass('b') IS NOT NULL AS b`)).toEqual([{ b: true }]);
  });

  test('together with the server is taken up where it was', async () => {
    const { owner, look } = await withoutMigrations();
    const folder = migrationsOf({ [A]: 'CREATE TABLE a (id integer);', [B]: 'CREATE TABLE b (id integer);\nSELECT pg_sleep(30);' });
    await killInside(owner, folder, look);
    await look(
      `SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND query LIKE '%pg_sleep(30)%' AND pid <> pg_backend_pid()`,
    );
    write(folder, B, 'CREATE TABLE b (id integer);');
    expect(await deployMigrations(owner, quiet, folder)).toEqual([B]);
    expect(await migrationStatus(owner, folder)).toMatchObject({ applied: [A, B], pending: [], interrupted: [], failed: [], edited: [] });
  });

  /** Kills a deployment, as a process of its own, while the server runs its sleeping migration. */
  async function killInside(owner: DatabaseSettings, folder: string, look: TestDatabase['look']): Promise<void> {
    const deployment = run('packages/database/test/deploy.ts', {}, { args: [JSON.stringify(owner), folder] });
    await eventually(
      'the migration sleeps',
      async () => (await look(`SELECT FROM pg_stat_activity WHERE datname = current_database() AND wait_event = 'PgSleep'`)).length === 1,
    );
    await deployment.end('SIGKILL');
  }

  test('in a migration that cannot be one transaction waits for a person', async () => {
    const { owner } = await withoutMigrations();
    const folder = migrationsOf({
      [A]: 'CREATE TABLE a (id integer);',
      [B]: '-- large table\nCREATE INDEX CONCURRENTLY a_by_id ON a (id);',
    });
    expect(await deployMigrations(owner, quiet, folder)).toEqual([A, B]);
    await runAs(owner, `UPDATE _prisma_migrations SET finished_at = NULL WHERE migration_name = '${B}'`);
    await expect(deployMigrations(owner, quiet, folder)).rejects.toThrow('failed before and was not resolved');
  });
});

describe('a deployment is refused', () => {
  test('when an applied migration was edited afterwards', async () => {
    const { owner, look } = await withoutMigrations();
    const folder = migrationsOf({ [A]: 'CREATE TABLE a (id integer);' });
    await deployMigrations(owner, quiet, folder);
    write(folder, A, 'CREATE TABLE a (id bigint);');
    write(folder, B, 'CREATE TABLE b (id integer);');
    await expect(deployMigrations(owner, quiet, folder)).rejects.toThrow(`Applied migrations were edited afterwards: ${A}`);
    expect(await look(`SELECT to_regclass('b') AS b`)).toEqual([{ b: null }]);
  });

  test('when the database knows a migration that this code does not', async () => {
    const { owner } = await withoutMigrations();
    const newer = migrationsOf({ [A]: 'CREATE TABLE a (id integer);', [B]: 'CREATE TABLE b (id integer);' });
    await deployMigrations(owner, quiet, newer);
    const older = migrationsOf({ [A]: 'CREATE TABLE a (id integer);' });
    await expect(deployMigrations(owner, quiet, older)).rejects.toThrow(
      `that this version does not know: ${B}. It belongs to a newer version.`,
    );
  });
});

describe('several deployments at once', () => {
  test('apply every migration once; the others wait and find nothing to do', async () => {
    const { admin } = inject('cluster');
    const database = `test_${randomUUID().replaceAll('-', '')}`;
    await setUpDatabase(admin, { database });
    drops.push(() => runAs(admin, `DROP DATABASE ${database} WITH (FORCE)`));
    const owner = { ...t.owner, database };
    const applied = await Promise.all([deployMigrations(owner), deployMigrations(owner), deployMigrations(owner)]);
    expect(applied.map((names) => names.length).toSorted((a, b) => a - b)).toEqual([0, 0, ours.length]);
    expect((await migrationStatus(owner)).applied).toHaveLength(ours.length);
    expect(await findDrift(owner)).toEqual([]);
  });
});
