// The SQL migrations of a project, in their order.
import { createHash } from 'node:crypto';
import type { Project } from '../../project/project.ts';

export type Migration = {
  /** The folder of migrations: two schemas have one each. */
  folder: string;
  name: string;
  path: string;
  sql: string;
  /** As Prisma keeps it in the database. */
  checksum: string;
};

const FILE = /^(.*\/migrations|migrations)\/([^/]+)\/migration\.sql$/;

export function migrationsOf(project: Project): string[] {
  return project.files.paths.filter((path) => FILE.test(path) && !['test', 'example', 'document'].includes(project.kindOf(path)));
}

export function readMigrations(project: Project): Migration[] {
  return migrationsOf(project).map((path) => {
    const [, folder = '', name = ''] = FILE.exec(path) ?? [];
    const sql = project.files.read(path) ?? '';
    return { folder, name, path, sql, checksum: createHash('sha256').update(sql).digest('hex') };
  });
}
