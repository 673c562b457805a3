// The database tasks: setup, migrate (development), deploy (production), status, setup-code.
import { parseArgs } from 'node:util';
import { join } from 'node:path';
import { deployMigrations, missingMigration, writeMigration, writeSnapshot } from '@medspa/database/migrate';
import { startLocalDatabase } from '@medspa/local-database';
import { readEnvironment } from '../apps/api/src/platform/config.ts';
import { deploy, setUp, showSetupCode, showStatus } from '../apps/api/src/platform/database-tasks.ts';
import { DATA, ROOT, signIns, withOwner } from './local.ts';

const [task] = process.argv.slice(2);
const environment = () => readEnvironment(process.env, { envFile: join(ROOT, '.env') });
const tasks: Record<string, () => Promise<void>> = {
  setup: async () => setUp(await environment(), console.log),
  migrate,
  deploy: () => withOwner((owner) => deploy(owner, console.log)),
  'setup-code': () => withOwner((owner) => showSetupCode(owner, console.log)),
  status: async () => {
    if (!(await withOwner((owner) => showStatus(owner, console.log)))) process.exitCode = 1;
  },
};
try {
  await (tasks[task ?? ''] ?? (() => Promise.reject(new Error(`Unknown database task "${task ?? ''}".`))))();
} catch (error) {
  console.error((error as Error).message);
  process.exitCode = 1;
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
