// What a check is, and what it answers.
import type { LiveDatabase } from './live/database.ts';
import type { LiveService } from './live/service.ts';
import type { DrillGround } from './drills/ground.ts';
import type { Patch } from './fix/patch.ts';
import type { Project } from './project/project.ts';

/** The nine categories of the report that this tool grew from; report/score.ts says what each weighs. */
export type Category =
  | 'Connection pool'
  | 'Environment'
  | 'Logging'
  | 'Health'
  | 'Best practices'
  | 'Security'
  | 'Cloud configuration'
  | 'Monitoring'
  | 'Resilience';

export const SEVERITIES = ['critical', 'high', 'medium', 'low'] as const;
export type Severity = (typeof SEVERITIES)[number];

/** What a check looks at: files, a database, a service over HTTP, or a service that it starts, loads and signals. */
export type Means = 'static' | 'database' | 'http' | 'drill';

export type Verdict = 'fail' | 'warn' | 'pass' | 'not applicable' | 'could not check';

/** A line of a file of the project, counted from 1. */
export type Place = { file: string; line: number };

/** Something that is wrong. No field may hold a secret: quote a line only through `excerptOf`. */
export type Finding = {
  grade: 'fail' | 'warn';
  /** One sentence that names what is wrong here. */
  message: string;
  place?: Place;
  excerpt?: string;
};

/** What one look at the project says. */
export type Judgement = {
  verdict: Verdict;
  findings: Finding[];
  /** What was seen that speaks for the project, as sentences with their place. */
  evidence: string[];
  /** Why it does not apply, or could not be checked. */
  reason?: string;
};

/** Code or configuration before and after, as the report prints them. */
export type Example = { language: string; before: string; after: string };

export type Check = {
  /** The row, for example `pool.limit`. */
  id: string;
  title: string;
  category: Category;
  severity: Severity;
  /** What happens to a service that fails it: one or two sentences, with a source to read on. */
  why: string;
  link: string;
  /** What the check looks for, so that a reader knows what a pass means. */
  looksFor: string;
  /** What to do, in words, and by example. Functions see the project, since the right place depends on its versions. */
  remedy: string | ((project: Project) => string);
  example?: Example | ((project: Project) => Example);
  /** Estimates for the priority list. */
  effort: '5 minutes' | '30 minutes' | '2 hours' | '1 day' | 'days';
  /** Each means is optional; what could not be used is said in the report. */
  static?: (project: Project) => Judgement;
  database?: (database: LiveDatabase, project: Project) => Promise<Judgement>;
  http?: (service: LiveService, project: Project) => Promise<Judgement>;
  drill?: (ground: DrillGround, project: Project) => Promise<Judgement>;
  /** Changes that make the check pass, as `readiness fix` shows and applies them. */
  fix?: (project: Project) => Patch[];
};

/** The verdict is that of the worst finding; without findings the project passes. */
export function judged(findings: Finding[], evidence: string[] = []): Judgement {
  const verdict = findings.some(({ grade }) => grade === 'fail') ? 'fail' : findings.length > 0 ? 'warn' : 'pass';
  return { verdict, findings, evidence };
}

export function passed(...evidence: string[]): Judgement {
  return judged([], evidence);
}

export function failed(message: string, place?: Place, excerpt?: string): Judgement {
  return judged([finding('fail', message, place, excerpt)]);
}

export function warned(message: string, place?: Place, excerpt?: string): Judgement {
  return judged([finding('warn', message, place, excerpt)]);
}

export function finding(grade: Finding['grade'], message: string, place?: Place, excerpt?: string): Finding {
  return { grade, message, ...(place ? { place } : {}), ...(excerpt ? { excerpt } : {}) };
}

/** The project has no such thing, so there is nothing to judge. */
export function notApplicable(reason: string): Judgement {
  return { verdict: 'not applicable', findings: [], evidence: [], reason };
}

/** There may be such a thing, but it cannot be seen from here. Never counted as a pass. */
export function couldNotCheck(reason: string): Judgement {
  return { verdict: 'could not check', findings: [], evidence: [], reason };
}
