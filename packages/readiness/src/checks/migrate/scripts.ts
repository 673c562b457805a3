import { couldNotCheck, finding, judged, notApplicable, warned, type Check, type Judgement } from '../../check.ts';
import type { LiveDatabase } from '../../live/database.ts';
import type { Project } from '../../project/project.ts';
import { isForDevelopment, placeText, productionDeployments } from '../cloud/services.ts';
import { migrationsOf, readMigrations, type Migration } from './migrations.ts';
import { appliesMigrations, developsMigrations, scriptsOf, type ScriptEntry } from './runners.ts';

export const scripts: Check = {
  id: 'migrate.scripts',
  title: 'Migrations are files, applied by a command of their own',
  category: 'Cloud configuration',
  severity: 'low',
  why: '`migrate dev` and `db push` may reset a database or change it without a trace. Without the files nobody knows what a database should look like.',
  link: 'https://www.prisma.io/docs/orm/prisma-client/deployment/deploy-database-changes-with-prisma-migrate',
  looksFor:
    'scripts for development (`migrate dev`), production (`migrate deploy`) and status; no `db push` or `migrate dev` on the way to production; with a database: failed, missing and changed migrations',
  remedy:
    'Add the scripts, and run `prisma migrate deploy` from the pipeline. Compare schema and database in CI (`prisma migrate diff --exit-code`).',
  example: {
    language: 'json',
    before: '"scripts": { "start": "prisma db push && node dist/main.js" }',
    after:
      '"scripts": {\n  "start": "node dist/main.js",\n  "db:migrate": "prisma migrate dev",\n  "db:migrate:deploy": "prisma migrate deploy",\n  "db:status": "prisma migrate status"\n}',
  },
  effort: '30 minutes',
  static: (project) => {
    if (project.schemas.length === 0) return notApplicable('no Prisma schema found');
    const entries = scriptsOf(project);
    const findings = dangerous(project, entries);
    const deploys = entries.find((one) => isDeploy(project, one));
    const step = project.deployments.steps.find(({ text }) => appliesMigrations(project, text));
    const job = project.deployments.deployments.find(({ command }) => command && appliesMigrations(project, command.value));
    const image = project.deployments.dockerfiles.find(({ command }) => command && appliesMigrations(project, command.value));
    const applied = deploys?.place ?? step?.place ?? job?.place ?? image?.command?.place;
    const [schema] = project.schemas;
    if (migrationsOf(project).length === 0 && schema)
      findings.push(finding('fail', 'the schema has no migrations beside it', { file: schema.path, line: 1 }));
    else if (!applied && findings.length === 0)
      findings.push(finding('warn', 'nothing applies migrations in production: no script and no step with `prisma migrate deploy`'));
    const develops = entries.find(({ name, command }) => /\bmigrate\s+dev\b/.test(command) || /^((db|prisma):)?migrate(:dev)?$/.test(name));
    const status = entries.find(
      ({ name, command }) => /\bmigrate\s+(status|diff)\b/.test(command) || /^(db|prisma|migrate):(status|drift|diff)$/.test(name),
    );
    return judged(findings, [
      ...(applied ? [`applied in production by ${placeText(applied)}`] : []),
      ...(develops ? [`made in development by \`${develops.name}\` (${placeText(develops.place)})`] : []),
      status ? `state told by \`${status.name}\` (${placeText(status.place)})` : 'no script tells the state (`prisma migrate status`)',
    ]);
  },
  database: compareDatabase,
};

function isDeploy(project: Project, { name, command }: ScriptEntry): boolean {
  return !developsMigrations(project, command) && (appliesMigrations(project, command) || /migrate[:-](deploy|prod)/.test(name));
}

/** What changes a production database without its files, or makes new ones there. */
function dangerous(project: Project, entries: ScriptEntry[]) {
  const starts = entries.filter(({ name }) => /^(pre)?start(:prod(uction)?)?$|^(pre|post)?deploy$/.test(name));
  const commands = [
    ...starts.map(({ command, place }) => ({ value: command, place })),
    ...project.deployments.dockerfiles.flatMap(({ path, command }) => (command && !isForDevelopment(path) ? [command] : [])),
    ...productionDeployments(project).flatMap(({ command }) => command ?? []),
  ];
  return commands
    .filter(({ value }) => developsMigrations(project, value))
    .map(({ place }) => finding('fail', 'production runs `prisma db push` or `prisma migrate dev`, which may lose data', place));
}

type Row = { migration_name: string; checksum: string; finished_at: unknown; rolled_back_at: unknown };

/** The table of migrations lies in the schema of the connection string, which need not be the first of the search path. */
const TABLE = `
  SELECT c.oid::regclass::text AS name,
         has_table_privilege(c.oid, 'SELECT') AND has_schema_privilege(c.relnamespace, 'USAGE') AS readable
    FROM pg_class c
   WHERE c.relname = '_prisma_migrations' AND c.relkind = 'r'`;

async function compareDatabase(database: LiveDatabase, project: Project): Promise<Judgement> {
  const [table] = await database.query<{ name: string; readable: boolean }>(TABLE);
  if (!table) return warned('the database has no table of migrations: it was made in another way');
  if (!table.readable) return couldNotCheck(`the service's role may not read ${table.name}`);
  const rows = await database.query<Row>(
    `SELECT migration_name, checksum, finished_at, rolled_back_at FROM ${table.name} ORDER BY started_at`,
  );
  const standing = rows.filter((row) => row.rolled_back_at === null);
  const applied = new Map(standing.map((row) => [row.migration_name, row]));
  const files = filesOf(project, applied);
  const findings = [
    ...standing
      .filter((row) => row.finished_at === null)
      .map((row) => finding('fail', `migration ${row.migration_name} has begun and not ended: no other is applied until it is resolved`)),
    ...files
      .filter(({ name }) => !applied.has(name))
      .map(({ name, path }) => finding('warn', `migration ${name} is not applied to this database`, { file: path, line: 1 })),
    ...files
      .filter(({ name, checksum }) => applied.has(name) && applied.get(name)?.checksum !== checksum)
      .map(({ name, path }) => finding('warn', `migration ${name} was changed after it was applied`, { file: path, line: 1 })),
    ...[...applied.keys()]
      .filter((name) => files.length > 0 && files.every((file) => file.name !== name))
      .map((name) => finding('warn', `migration ${name} is applied, and not among the files`)),
  ];
  return judged(findings, [`${applied.size} migrations are applied`]);
}

/** The folder of migrations that this database knows best. */
function filesOf(project: Project, applied: Map<string, Row>): Migration[] {
  const folders = [...Map.groupBy(readMigrations(project), ({ folder }) => folder).values()];
  const known = (files: Migration[]) => files.filter(({ name }) => applied.has(name)).length;
  return folders.toSorted((a, b) => known(b) - known(a))[0] ?? [];
}
