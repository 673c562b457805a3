import { finding, judged, notApplicable, type Check, type Finding } from '../../check.ts';
import type { Project } from '../../project/project.ts';
import { concurrentDangers, dangersOf, setsLockTimeout, type Danger } from './locks.ts';
import { readMigrations, type Migration } from './migrations.ts';
import { statementsOf } from './sql.ts';

/** Older ones are applied long since; only what is about to be released can still be changed. */
const NEWEST = 10;
/** Tables are taken for unreleased as long as the migrations that make and change them are of the same day. */
const SAME_WORK_HOURS = 24;

type Judged = { migration: Migration; dangers: Danger[]; planned: Danger[]; hasTimeout: boolean };

export const safety: Check = {
  id: 'migrate.safety',
  title: 'Migrations do not lock or break what is running',
  category: 'Cloud configuration',
  severity: 'high',
  why: 'A statement that waits for its lock lets every later query on that table wait behind it. One that drops or renames breaks the revision that still serves requests.',
  link: 'https://www.postgresql.org/docs/current/sql-altertable.html',
  looksFor: `the newest ${NEWEST} migrations: statements that rewrite, lock, drop or rename tables that were there before, and a lock_timeout. A statement that must be so says why in a comment before it: \`-- plan: ...\``,
  remedy:
    'Expand and contract: add what is new, deploy code that knows both, fill in batches, and take the old away in a later release. Begin migrations with `SET lock_timeout`, add constraints NOT VALID and validate them afterwards, build indexes CONCURRENTLY in a migration of their own.',
  example: {
    language: 'sql',
    before: 'ALTER TABLE "appointment" ADD CONSTRAINT "room_fk" FOREIGN KEY ("room_id") REFERENCES "room" ("id");',
    after:
      'SET lock_timeout = \'3s\';\nALTER TABLE "appointment" ADD CONSTRAINT "room_fk" FOREIGN KEY ("room_id") REFERENCES "room" ("id") NOT VALID;\nALTER TABLE "appointment" VALIDATE CONSTRAINT "room_fk";',
  },
  effort: '1 day',
  static: (project) => {
    const all = readMigrations(project);
    if (all.length === 0) return notApplicable('no SQL migrations found');
    if (project.schemas.every(({ provider }) => provider !== null && !/postgres|cockroach/.test(provider)))
      return notApplicable('the database is not PostgreSQL');
    const results = [...Map.groupBy(all, ({ folder }) => folder).values()].map(judgeFolder);
    const newest = results.flatMap((folder) => folder.slice(-NEWEST));
    const older = results.flatMap((folder) => folder.slice(0, -NEWEST)).filter(({ dangers }) => dangers.length > 0);
    const findings = newest.flatMap(({ migration, dangers }) =>
      dangers.map(({ grade, message, line }) => finding(grade, message, { file: migration.path, line })),
    );
    const planned = newest.flatMap((one) => one.planned);
    return judged(
      [...findings, ...timeoutFinding(project, newest)],
      [
        `${newest.length} migrations read`,
        ...(planned.length > 0 ? [`${planned.length} statements have a plan written before them`] : []),
        ...(older.length > 0 ? [`${older.length} older migrations hold such statements; they are taken for applied`] : []),
      ],
    );
  },
};

function judgeFolder(migrations: Migration[]): Judged[] {
  const bornAt = new Map<string, number>();
  const checked = new Set<string>();
  return migrations.map((migration) => {
    const known = { created: new Set<string>(), checked };
    const at = timeOf(migration.name);
    const dangers: Danger[] = [];
    const planned: Danger[] = [];
    let hasTimeout = false;
    const statements = statementsOf(migration.sql);
    for (const statement of statements) {
      hasTimeout ||= setsLockTimeout(statement);
      const found = dangersOf(statement, known).filter(({ table }) => !isYoung(bornAt.get(table), at));
      if (statements.length > 1) found.push(...concurrentDangers(statement));
      (/\bplan:/i.test(statement.comment) ? planned : dangers).push(...found);
    }
    for (const table of known.created) bornAt.set(table, at);
    return { migration, dangers, planned, hasTimeout };
  });
}

/** One finding for all: the time is best set once, for the role that migrates. */
function timeoutFinding(project: Project, newest: Judged[]): Finding[] {
  const last = newest.findLast(({ dangers, planned, hasTimeout }) => dangers.length + planned.length > 0 && !hasTimeout);
  const [danger] = last ? [...last.dangers, ...last.planned] : [];
  if (!last || !danger || setsTimeoutElsewhere(project)) return [];
  const place = { file: last.migration.path, line: danger.line };
  return [finding('warn', 'no lock_timeout: while it waits for its lock, all queries on the table wait behind it', place)];
}

/** For the role, in the connection string of the job, or where the runner connects. */
function setsTimeoutElsewhere(project: Project): boolean {
  const texts = [
    ...project.envFiles.flatMap(({ entries }) => entries.map(({ value }) => value)),
    ...project.deployments.deployments.flatMap(({ env }) => env.map(({ value }) => value ?? '')),
    ...project.deployments.steps.map(({ text }) => text),
  ];
  const isInSql = project.files.paths.some(
    (path) => path.endsWith('.sql') && /\balter\s+role\b[^;]*lock_timeout/i.test(project.files.read(path) ?? ''),
  );
  return isInSql || texts.some((text) => text.includes('lock_timeout')) || runnerSetsTimeout(project);
}

/** A runner of the project's own. */
function runnerSetsTimeout(project: Project): boolean {
  return project.files.paths.some(
    (path) =>
      /migrat\w*\.[cm]?[jt]s$/.test(path) &&
      !['test', 'generated'].includes(project.kindOf(path)) &&
      (project.files.read(path) ?? '').includes('lock_timeout'),
  );
}

/** Prisma names folders by the time of their making; NaN for other names. */
function timeOf(name: string): number {
  const [, year, month, day, hour, minute, second] = /^(\d{4})(\d\d)(\d\d)(\d\d)(\d\d)(\d\d)/.exec(name) ?? [];
  return Date.UTC(Number(year), Number(month) - 1, Number(day), Number(hour), Number(minute), Number(second));
}

function isYoung(bornAt: number | undefined, at: number): boolean {
  return bornAt !== undefined && at - bornAt < SAME_WORK_HOURS * 3_600_000;
}
