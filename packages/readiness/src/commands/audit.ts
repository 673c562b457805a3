// `readiness audit`
import { execFileSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { ACCEPTED_FILE, readAccepted } from '../accepted.ts';
import { audit, type Reach } from '../audit.ts';
import type { Check, Severity } from '../check.ts';
import { openDrillGround } from '../drills/ground.ts';
import { openLiveDatabase } from '../live/database.ts';
import { openLiveService } from '../live/service.ts';
import { diskFiles } from '../project/files.ts';
import { openProject, type Project } from '../project/project.ts';
import { isAtLeast, openRows, reportOf, type Report } from '../report/report.ts';
import { printed } from '../report/score.ts';
import { TITLES } from '../report/words.ts';
import { rendered, type Output } from './output.ts';
import { progressOn } from './progress.ts';
import { EXIT, type Terminal, UsageError } from './terminal.ts';

export type AuditOptions = {
  folder: string;
  databaseUrl: string | undefined;
  baseUrl: string | undefined;
  metricsUrl: string | undefined;
  isDrill: boolean;
  outputs: Output[];
  failOn: Severity;
};

export async function auditCommand(options: AuditOptions, checks: Check[], terminal: Terminal): Promise<number> {
  const { folder, isDrill } = options;
  if (isDrill) refuseElsewhere(options);
  const project = openProject(diskFiles(folder));
  const ids = checks.map(({ id }) => id);
  const { entries, problems } = readAccepted(project.files.read(ACCEPTED_FILE), ids);
  if (problems.length > 0) throw new UsageError(problems.join('\n'));

  const progress = progressOn(terminal);
  await using stack = new AsyncDisposableStack();
  const reach = await reachOf(options, project, progress.say, stack);
  const results = await audit(project, checks, reach, progress.step);
  progress.done();
  return conclude(reportOf({ project, results, entries, date: terminal.today, commit: commitOf(folder) }), options, terminal);
}

/** Writes the reports and gives the exit code. */
export function conclude(report: Report, { outputs, failOn }: Pick<AuditOptions, 'outputs' | 'failOn'>, terminal: Terminal): number {
  for (const { file, format } of outputs) {
    const text = rendered(report, format);
    if (file === null) terminal.out(text);
    else writeFileSync(file, text);
  }
  const isOpen = openRows(report.rows).some(({ severity }) => isAtLeast(severity, failOn));
  if (outputs.every(({ file }) => file !== null)) terminal.error(lastLines(report, outputs));
  return isOpen ? EXIT.findings : EXIT.fine;
}

async function reachOf(options: AuditOptions, project: Project, say: (text: string) => void, stack: AsyncDisposableStack): Promise<Reach> {
  const { databaseUrl, baseUrl, metricsUrl, isDrill } = options;
  return {
    ...(databaseUrl ? { database: stack.use(await openLiveDatabase(databaseUrl)) } : {}),
    ...(baseUrl ? { service: openLiveService(baseUrl, metricsUrl) } : {}),
    ...(isDrill ? { ground: stack.use(await openDrillGround(project, { ...(databaseUrl ? { databaseUrl } : {}), say })) } : {}),
  };
}

/** Drills stop databases and kill services: never those of anybody else. */
function refuseElsewhere({ databaseUrl, baseUrl, metricsUrl }: AuditOptions): void {
  for (const url of [databaseUrl, baseUrl, metricsUrl])
    if (url !== undefined && !isLoopback(url)) throw new UsageError('--drill only runs against this machine: localhost, 127.0.0.1 or ::1');
}

function isLoopback(url: string): boolean {
  const parsed = URL.parse(url);
  // Parameters of the URL go around its host.
  const hosts = parsed ? [parsed.hostname, ...['host', 'hostaddr'].flatMap((name) => parsed.searchParams.getAll(name))] : [''];
  return hosts.every((host) => /^(localhost|127(\.\d{1,3}){3}|\[?::1\]?)$/.test(host));
}

/** The commit that is checked out; null where there is no git. */
export function commitOf(folder: string): string | null {
  try {
    return execFileSync('git', ['rev-parse', 'HEAD'], { cwd: folder, encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] }).trim();
  } catch {
    return null;
  }
}

function lastLines(report: Report, outputs: Output[]): string {
  const { checked, proven } = report.score;
  const figures =
    checked.total === null ? '' : `, ${printed(checked.total)} / 100 of what was checked, ${printed(proven.total ?? 0)} proven`;
  return `${TITLES[report.status]}${figures}\n${outputs.map(({ file }) => `wrote ${file}\n`).join('')}`;
}
