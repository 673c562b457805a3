import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { DatabaseSettings } from '../settings.ts';
import { readCatalog, SNAPSHOT_FILE } from './catalog.ts';
import { ownerPool } from './connection.ts';
import { loadSchemaEngine } from './engine.ts';
import { MIGRATIONS_FOLDER, PRISMA_FOLDER, readSchema } from './files.ts';

/** The SQL that takes a freshly migrated database to the schema files, or null when they agree. Prisma's eyes: tables, columns, keys, indexes. */
export async function missingMigration(fresh: DatabaseSettings): Promise<string | null> {
  await using pool = ownerPool(fresh);
  const engine = await loadSchemaEngine(pool, readSchema());
  try {
    const { stdout } = await engine.diff({
      from: { tag: 'schemaDatasource', files: readSchema(), configDir: PRISMA_FOLDER },
      to: { tag: 'schemaDatamodel', files: readSchema() },
      script: true,
      exitCode: null,
      filters: { externalTables: [], externalEnums: [] },
    });
    return !stdout || stdout.includes('This is an empty migration') ? null : stdout;
  } finally {
    engine.free();
  }
}

/** Writes a new migration for a person to read and complete. Returns its file. */
export function writeMigration(name: string, script: string, now: Date): string {
  const stamp = now.toISOString().replaceAll(/\D/g, '').slice(0, 14);
  const folder = join(MIGRATIONS_FOLDER, `${stamp}_${name}`);
  mkdirSync(folder);
  const file = join(folder, 'migration.sql');
  writeFileSync(file, script);
  return file;
}

/** Writes what a freshly migrated database looks like. */
export async function writeSnapshot(fresh: DatabaseSettings): Promise<void> {
  writeFileSync(SNAPSHOT_FILE, `${(await readCatalog(fresh)).join('\n')}\n`);
}
