import { createHash } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { join } from 'node:path';

export const PRISMA_FOLDER = fileURLToPath(new URL('../../prisma/', import.meta.url));
export const MIGRATIONS_FOLDER = join(PRISMA_FOLDER, 'migrations');

export type MigrationFile = { name: string; script: string; checksum: string };

/** The migrations of the folder (ours unless told) in order, with the checksum that Prisma keeps of an applied one. */
export function readMigrations(folder = MIGRATIONS_FOLDER): MigrationFile[] {
  return readdirSync(folder, { withFileTypes: true })
    .filter((entry) => entry.isDirectory())
    .map((entry) => entry.name)
    .toSorted()
    .map((name) => {
      const script = readFileSync(join(folder, name, 'migration.sql'), 'utf8');
      return { name, script, checksum: createHash('sha256').update(script).digest('hex') };
    });
}

/** The schema's files as the schema engine wants them. */
export function readSchema(): { path: string; content: string }[] {
  const folder = join(PRISMA_FOLDER, 'schema');
  return readdirSync(folder)
    .toSorted()
    .map((name) => ({ path: join(folder, name), content: readFileSync(join(folder, name), 'utf8') }));
}

/** The engine's form of the migrations folder. */
export function migrationList(migrations: MigrationFile[]) {
  return {
    baseDir: MIGRATIONS_FOLDER,
    lockfile: { path: 'migration_lock.toml', content: readFileSync(join(MIGRATIONS_FOLDER, 'migration_lock.toml'), 'utf8') },
    shadowDbInitScript: '',
    migrationDirectories: migrations.map(({ name, script }) => ({
      path: name,
      migrationFile: { path: 'migration.sql', content: { tag: 'ok' as const, value: script } },
    })),
  };
}
