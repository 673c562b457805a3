// `npm run readiness`: audits this repository as if it were about to go into production. With `-- --static` from its files
// alone, as CI does; otherwise also a service of its own on a database of its own, which is loaded, cut off and signalled.
import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { parseArgs } from 'node:util';
import { FolderInUse } from '@medspa/local-database';
import { audit, type Progress, type Reach, type Result } from '../packages/readiness/src/audit.ts';
import { SEVERITIES, type Severity } from '../packages/readiness/src/check.ts';
import { CHECKS } from '../packages/readiness/src/checks/all.ts';
import { openDrillGround } from '../packages/readiness/src/drills/ground.ts';
import { openLiveDatabase } from '../packages/readiness/src/live/database.ts';
import { openLiveService } from '../packages/readiness/src/live/service.ts';
import { diskFiles } from '../packages/readiness/src/project/files.ts';
import { openProject } from '../packages/readiness/src/project/project.ts';
import { ROOT } from './local.ts';
import { openPlace } from './readiness-place.ts';

const USAGE = `npm run readiness -- [--static] [--fail-on ${SEVERITIES.join('|')}]`;

/** What the audit writes, and from what: the one place where a form of the report is added. */
const REPORTS: [path: string, write: (results: Result[]) => string][] = [['.data/reports/readiness.json', asJson]];

const since = performance.now();
const say = (text: string) => process.stdout.write(`${((performance.now() - since) / 1_000).toFixed(1).padStart(6)} s  ${text}\n`);

// A server that this process started ends with it.
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => process.exit(1));

try {
  process.exitCode = await main();
} catch (error) {
  process.stderr.write(`\n${error instanceof FolderInUse ? 'Another readiness run is under way.' : (error as Error).message}\n`);
  process.exitCode = 1;
}

async function main(): Promise<number> {
  const { values } = parseArgs({
    options: { static: { type: 'boolean', default: false }, 'fail-on': { type: 'string', default: 'high' } },
  });
  const failOn = SEVERITIES.find((severity) => severity === values['fail-on']);
  if (!failOn) throw new Error(`There is no severity "${values['fail-on']}". ${USAGE}`);
  const results = values.static ? await auditFiles() : await auditAll();
  for (const [path, write] of REPORTS) {
    mkdirSync(dirname(join(ROOT, path)), { recursive: true });
    writeFileSync(join(ROOT, path), write(results));
    say(`written: ${path}`);
  }
  return summary(results, failOn);
}

function auditFiles(): Promise<Result[]> {
  return audit(openProject(diskFiles(ROOT)), CHECKS);
}

/** Everything: files, a live service on a live database, and drills. */
async function auditAll(): Promise<Result[]> {
  await using place = await openPlace(say);
  const project = openProject(diskFiles(ROOT));
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

/** One line for each row that is not passed, and the exit code: 1 when something of this severity or worse fails. */
function summary(results: Result[], failOn: Severity): number {
  const failing = results.filter(({ judgement }) => judgement.verdict === 'fail' || judgement.verdict === 'warn');
  for (const { check, judgement } of failing)
    say(`${judgement.verdict.toUpperCase().padEnd(4)}  ${check.severity.padEnd(8)}  ${check.id}: ${check.title}`);
  const unseen = results.filter(({ judgement }) => judgement.verdict === 'could not check').length;
  say(`${results.length} rows, ${failing.length} with findings, ${unseen} that could not be checked`);
  const isFatal = ({ check, judgement }: Result) =>
    judgement.verdict === 'fail' && SEVERITIES.indexOf(check.severity) <= SEVERITIES.indexOf(failOn);
  return results.some(isFatal) ? 1 : 0;
}

function asJson(results: Result[]): string {
  const rows = results.map(({ check: { id, title, category, severity }, judgement }) => ({ id, title, category, severity, ...judgement }));
  return `${JSON.stringify(rows, null, 2)}\n`;
}
