// What a report says, before any format says it: rows with their state, the score, the status, and what follows from them.
import { acceptanceOf, usesOf, type Acceptance, type AcceptanceUse } from '../accepted.ts';
import type { Result } from '../audit.ts';
import { SEVERITIES, type Category, type Example, type Finding, type Means, type Severity, type Verdict } from '../check.ts';
import type { Project } from '../project/project.ts';
import { checklistOf, type StepState } from './checklist.ts';
import { detected, type Fact } from './detected.ts';
import { cleaner } from './masking.ts';
import { CATEGORIES, gainOf, printed, scoreOf, type Score, type Tenths } from './score.ts';

export const TOOL = { name: 'readiness', version: '0.1.0' };

/** A finding, and the entry of readiness.json that accepts it. */
export type ReportFinding = Finding & { accepted?: Acceptance };

/** `open` has to be dealt with; `accepted` has findings, all of them accepted. */
type State = 'open' | 'accepted' | 'passed' | 'not applicable' | 'not checked';

export type ReportRow = {
  id: string;
  title: string;
  category: Category;
  severity: Severity;
  verdict: Verdict;
  state: State;
  findings: ReportFinding[];
  evidence: string[];
  reason: string | null;
  why: string;
  link: string;
  looksFor: string;
  remedy: string;
  example: Example | null;
  effort: string;
  /** Points of the score that the row would bring if it passed. */
  gain: Tenths;
  /** `readiness fix --only <id>` has something to offer. */
  isFixable: boolean;
  looked: Means[];
  missed: Means[];
};

export type Status = 'ready' | 'needs improvement' | 'not ready' | 'nothing checked';

export type Report = {
  /** YYYY-MM-DD. */
  date: string;
  name: string;
  commit: string | null;
  facts: Fact[];
  status: Status;
  /** Why the status is what it is, in one sentence. */
  statusReason: string;
  score: Score;
  rows: ReportRow[];
  acceptances: AcceptanceUse[];
  checklist: StepState[];
  /** Files that could not be parsed. */
  unreadable: string[];
  /** The web framework, for the tests to add. */
  framework: string | null;
};

export type Given = { project: Project; results: Result[]; entries: Acceptance[]; date: string; commit: string | null };

/** Puts the report together. The day comes from outside, so that a report can be made again. No text of it holds a secret. */
export function reportOf({ project, results, entries, date, commit }: Given): Report {
  const clean = cleaner(project);
  const rows = results.map((result) => rowOf(result, results, { project, entries, date, clean }));
  const score = scoreOf(results);
  return {
    date,
    name: clean(project.name),
    commit,
    facts: detected(project),
    ...(project.services.length === 0 && project.schemas.length === 0 ? NOTHING_TO_AUDIT : statusOf(score, rows)),
    score,
    rows,
    acceptances: usesOf(results, entries, date).map((use) => ({ ...use, entry: { ...use.entry, reason: clean(use.entry.reason) } })),
    checklist: checklistOf(rows),
    unreadable: [...project.unreadable].toSorted(),
    framework: project.services.find(({ framework }) => framework !== null)?.framework ?? null,
  };
}

type Around = Pick<Given, 'project' | 'entries' | 'date'> & { clean: (text: string) => string };

function rowOf(result: Result, results: Result[], { project, entries, date, clean }: Around): ReportRow {
  const { check, judgement, looked, missed } = result;
  const isWrong = judgement.verdict === 'fail' || judgement.verdict === 'warn';
  const findings = judgement.findings.map((one): ReportFinding => {
    const entry = acceptanceOf(check.id, one, entries, date);
    return {
      grade: one.grade,
      message: clean(one.message),
      ...(one.place ? { place: one.place } : {}),
      ...(one.excerpt ? { excerpt: clean(one.excerpt) } : {}),
      ...(entry ? { accepted: { ...entry, reason: clean(entry.reason) } } : {}),
    };
  });
  const isAccepted = findings.length > 0 && findings.every(({ accepted }) => accepted);
  const example = typeof check.example === 'function' ? guarded(() => check.example, project) : (check.example ?? null);
  const remedy = typeof check.remedy === 'function' ? (guarded(() => check.remedy, project) ?? check.looksFor) : check.remedy;
  return {
    id: check.id,
    title: check.title,
    category: check.category,
    severity: check.severity,
    verdict: judgement.verdict,
    state: isWrong ? (isAccepted ? 'accepted' : 'open') : STATES[judgement.verdict],
    findings,
    evidence: judgement.evidence.map(clean),
    reason: judgement.reason === undefined ? null : clean(judgement.reason),
    why: check.why,
    link: check.link,
    looksFor: check.looksFor,
    remedy: clean(remedy),
    example: example && { language: example.language, before: clean(example.before), after: clean(example.after) },
    effort: check.effort,
    gain: isWrong ? gainOf(result, results) : 0,
    isFixable: isWrong && (guarded(() => (check.fix?.(project) ?? []).length > 0, project) ?? false),
    looked,
    missed,
  };
}

/** An explanation that cannot be made for this project is left out; the finding stands without it. */
function guarded<T>(part: () => T | ((project: Project) => T) | undefined, project: Project): T | null {
  try {
    const made = part();
    return typeof made === 'function' ? (made as (project: Project) => T)(project) : (made ?? null);
  } catch {
    return null;
  }
}

const STATES: Record<Verdict, State> = {
  fail: 'open',
  warn: 'open',
  pass: 'passed',
  'not applicable': 'not applicable',
  'could not check': 'not checked',
};

/** Rows that any folder passes say nothing about a backend that is not there. */
const NOTHING_TO_AUDIT = { status: 'nothing checked', statusReason: 'no service that uses Prisma or pg was found, and no schema' } as const;

/** Ready takes 90 points and nothing critical or high open; 60 points or more are worth improving; less is not ready. */
function statusOf({ checked, proven }: Score, rows: ReportRow[]): Pick<Report, 'status' | 'statusReason'> {
  if (checked.total === null)
    return { status: 'nothing checked', statusReason: 'nothing in this project could be checked, so there is no score' };
  const open = openRows(rows);
  const pressing = open.filter(({ severity }) => severity === 'critical' || severity === 'high').length;
  const unchecked = rows.filter(
    ({ state, severity }) => state === 'not checked' && (severity === 'critical' || severity === 'high'),
  ).length;
  const score = `${printed(checked.total)} of 100 points for what was checked`;
  if (checked.total < 600) return { status: 'not ready', statusReason: `${score}; less than 60 is not ready` };
  if (checked.total < 900)
    return {
      status: 'needs improvement',
      statusReason: `${score}; ready takes 90${pressing > 0 ? ` and nothing critical or high open (${pressing} now)` : ''}`,
    };
  if (pressing > 0)
    return {
      status: 'needs improvement',
      statusReason: `${score}, but ${count(pressing, 'critical or high row is', 'critical or high rows are')} open`,
    };
  const blind =
    unchecked > 0
      ? `; ${count(unchecked, 'critical or high row was', 'critical or high rows were')} not checked, and ${printed(proven.total ?? 0)} points are proven`
      : '';
  return { status: 'ready', statusReason: `${score}, and nothing critical or high is open${blind}` };
}

/** Open rows, the most severe first; within a severity what fails before what warns, then what gains most. */
export function openRows(rows: ReportRow[]): ReportRow[] {
  return rows
    .filter(({ state }) => state === 'open')
    .toSorted((a, b) => rank(a) - rank(b) || Number(b.verdict === 'fail') - Number(a.verdict === 'fail') || b.gain - a.gain);
}

/** Rows of each category that has any, in the report's order. */
export function sections(rows: ReportRow[]): { category: Category; rows: ReportRow[] }[] {
  return CATEGORIES.map((category) => ({ category, rows: rows.filter((row) => row.category === category) })).filter(
    (one) => one.rows.length > 0,
  );
}

export function isAtLeast(severity: Severity, least: Severity): boolean {
  return SEVERITIES.indexOf(severity) <= SEVERITIES.indexOf(least);
}

export function count(number: number, one: string, many: string): string {
  return `${number} ${number === 1 ? one : many}`;
}

function rank({ severity }: ReportRow): number {
  return SEVERITIES.indexOf(severity);
}
