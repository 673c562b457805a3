import { createTestDatabase, runAs, type TestDatabase } from '@medspa/testing';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { maxInstances } from '../src/checks/cloud/max-instances.ts';
import { scripts } from '../src/checks/migrate/scripts.ts';
import type { LiveDatabase } from '../src/live/database.ts';
import { diskFiles, memoryFiles, withChanges } from '../src/project/files.ts';
import { openProject, type Project } from '../src/project/project.ts';

let db: TestDatabase;
beforeAll(async () => {
  db = await createTestDatabase();
});
afterAll(() => db.drop());

const disk = diskFiles(new URL('../../database', import.meta.url).pathname);
const [newest = ''] = disk.paths.filter((path) => path.endsWith('/migration.sql')).toReversed();

const asAdministrator: LiveDatabase = { query: async <Row>(text: string, values?: unknown[]) => (await db.look(text, values)) as Row[] };
const compared = (project: Project, database = asAdministrator) => scripts.database?.(database, project);

test('a database with every migration as it is in the files passes', async () => {
  expect(await compared(openProject(disk))).toMatchObject({ verdict: 'pass' });
});

test('a migration that is missing, changed, unknown or unfinished is told', async () => {
  const extra = 'prisma/migrations/29990101000000_later/migration.sql';
  expect(await compared(openProject(withChanges(disk, { [extra]: 'SELECT 1;' })))).toMatchObject({
    verdict: 'warn',
    findings: [{ message: expect.stringContaining('29990101000000_later is not applied'), place: { file: extra, line: 1 } }],
  });
  expect(await compared(openProject(withChanges(disk, { [newest]: 'SELECT 1;' })))).toMatchObject({
    findings: [{ message: expect.stringContaining('was changed after it was applied'), place: { file: newest, line: 1 } }],
  });
  expect(await compared(openProject(withChanges(disk, { [newest]: null })))).toMatchObject({
    findings: [{ message: expect.stringContaining('not among the files') }],
  });
  await runAs(
    db.admin,
    'UPDATE _prisma_migrations SET finished_at = NULL WHERE started_at = (SELECT max(started_at) FROM _prisma_migrations)',
  );
  expect(await compared(openProject(disk))).toMatchObject({
    verdict: 'fail',
    findings: [{ message: expect.stringContaining('not ended') }],
  });
});

test('a role that may not read the table of migrations cannot check', async () => {
  const asService: LiveDatabase = { query: async <Row>(text: string) => (await runAs(db.runtime, text)) as Row[] };
  await runAs(db.admin, 'REVOKE ALL ON _prisma_migrations FROM PUBLIC, app_rw');
  expect(await compared(openProject(disk), asService)).toMatchObject({ verdict: 'could not check' });
});

test('more instances than the server has connections fail', async () => {
  const [row] = await db.look<{ max_connections: string }>('SHOW max_connections');
  const most = Number(row?.max_connections);
  const judged = (instances: number) =>
    maxInstances.database?.(
      asAdministrator,
      openProject(memoryFiles({ 'deploy.sh': `gcloud run deploy api --image x \\\n  --max-instances ${instances}` })),
    );
  expect(await judged(most)).toMatchObject({ verdict: 'fail', findings: [{ place: { file: 'deploy.sh', line: 2 } }] });
  expect(await judged(2)).toMatchObject({ verdict: 'pass' });
});
