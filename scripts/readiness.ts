// `npm run readiness`: audits this repository as if it were about to go into production. With `-- --static` from its files
// alone, as CI does; otherwise also a service of its own on a database of its own, which is loaded, cut off and signalled.
// `npm run readiness -- audit DIR` and the other commands of packages/readiness are for other projects.
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { FolderInUse } from '@medspa/local-database';
import { readAccepted } from '../packages/readiness/src/accepted.ts';
import { audit, type Progress, type Reach, type Result } from '../packages/readiness/src/audit.ts';
import { SEVERITIES } from '../packages/readiness/src/check.ts';
import { CHECKS } from '../packages/readiness/src/checks/all.ts';
import { run } from '../packages/readiness/src/cli.ts';
import { commitOf, conclude } from '../packages/readiness/src/commands/audit.ts';
import { openDrillGround } from '../packages/readiness/src/drills/ground.ts';
import { openLiveDatabase } from '../packages/readiness/src/live/database.ts';
import { openLiveService } from '../packages/readiness/src/live/service.ts';
import { diskFiles } from '../packages/readiness/src/project/files.ts';
import { openProject, type Project } from '../packages/readiness/src/project/project.ts';
import { openRows, reportOf } from '../packages/readiness/src/report/report.ts';
import { ROOT } from './local.ts';
import { openPlace } from './readiness-place.ts';

const USAGE = `npm run readiness -- [--static] [--fail-on ${SEVERITIES.join('|')}], or a command of packages/readiness`;
const DRAFTS = join(ROOT, '.data/reports');

const since = performance.now();
const say = (text: string) => process.stdout.write(`${((performance.now() - since) / 1_000).toFixed(1).padStart(6)} s  ${text}\n`);
const terminal = {
  out: (text: string) => process.stdout.write(text),
  error: (text: string) => process.stderr.write(text),
  isTerminal: process.stderr.isTTY,
  today: new Date().toISOString().slice(0, 10),
};

// A server that this process started ends with it.
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => process.exit(1));

const [command] = process.argv.slice(2);
try {
  process.exitCode = command && !command.startsWith('-') ? await run(process.argv.slice(2), terminal) : await auditThis();
} catch (error) {
  process.stderr.write(`\n${error instanceof FolderInUse ? 'Another readiness run is under way.' : (error as Error).message}\n`);
  process.exitCode = 1;
}

async function auditThis(): Promise<number> {
  const { values } = parseArgs({
    options: { static: { type: 'boolean', default: false }, 'fail-on': { type: 'string', default: 'high' } },
  });
  const failOn = SEVERITIES.find((severity) => severity === values['fail-on']);
  if (!failOn) throw new Error(`There is no severity "${values['fail-on']}". ${USAGE}`);
  const project = openProject(diskFiles(ROOT));
  const { entries, problems } = readAccepted(
    project.files.read('readiness.json'),
    CHECKS.map(({ id }) => id),
  );
  if (problems.length > 0) throw new Error(problems.join('\n'));

  const results = values.static ? await audit(project, CHECKS) : await auditAll(project);
  const report = reportOf({ project, results, entries, date: terminal.today, commit: commitOf(ROOT) });
  for (const { verdict, severity, id, title } of openRows(report.rows))
    say(`${verdict.toUpperCase().padEnd(4)}  ${severity.padEnd(8)}  ${id}: ${title}`);
  for (const { id, state, reason } of report.rows) if (state === 'not checked') say(`could not check ${id}: ${reason ?? ''}`);
  mkdirSync(DRAFTS, { recursive: true });
  // The page of the repository tells of everything; what only the files say is for whoever runs it.
  const markdown = values.static ? join(DRAFTS, 'readiness.md') : join(ROOT, 'docs/readiness-report.md');
  const outputs = [
    { file: markdown, format: 'md' as const },
    { file: join(DRAFTS, 'readiness.html'), format: 'html' as const },
    { file: join(DRAFTS, 'readiness.sarif'), format: 'sarif' as const },
  ];
  return conclude(report, { outputs, failOn }, terminal);
}

/** Everything: files, a live service on a live database, and drills. */
async function auditAll(project: Project): Promise<Result[]> {
  await using place = await openPlace(say);
  const options = { environment: place.environment };
  // One that drills leave alone, since they end every process of their ground.
  await using quiet = await openDrillGround(project, options);
  const { url, metricsUrl } = await quiet.start();
  await using database = await openLiveDatabase(place.environment.DATABASE_URL);
  await using ground = await openDrillGround(project, options);
  const reach: Reach = { database, service: openLiveService(url, metricsUrl ?? undefined), ground };
  const progress: Progress = (done, all, check, means) => {
    if (means !== 'static') say(`${done + 1} of ${all}  ${check.id} (${means})`);
  };
  return await audit(project, CHECKS, reach, progress);
}
