// Runs the checks and puts together what they say.
import type { Check, Judgement, Means, Verdict } from './check.ts';
import { couldNotCheck } from './check.ts';
import type { DrillGround } from './drills/ground.ts';
import type { LiveDatabase } from './live/database.ts';
import type { LiveService } from './live/service.ts';
import type { Project } from './project/project.ts';

/** What an audit may use beside the files. What is missing is said, and never counts as passed. */
export type Reach = { database?: LiveDatabase; service?: LiveService; ground?: DrillGround };

export type Result = {
  check: Check;
  /** Of all means together. */
  judgement: Judgement;
  /** Means that looked, and those that the check has and could not use. */
  looked: Means[];
  missed: Means[];
};

export type Progress = (done: number, all: number, check: Check, means: Means) => void;

/** Judges the project by every check, in their order. A check that throws could not check; its error is said, not hidden. */
export async function audit(project: Project, checks: Check[], reach: Reach = {}, progress: Progress = () => {}): Promise<Result[]> {
  const results: Result[] = [];
  for (const [index, check] of checks.entries()) {
    const parts: Judgement[] = [];
    const looked: Means[] = [];
    const missed: Means[] = [];
    for (const [means, look] of looksOf(check, project, reach)) {
      if (!look) {
        missed.push(means);
        continue;
      }
      progress(index, checks.length, check, means);
      looked.push(means);
      parts.push(await attempt(look));
    }
    results.push({ check, judgement: together(parts, missed), looked, missed });
  }
  return results;
}

type Look = () => Judgement | Promise<Judgement>;

function looksOf(check: Check, project: Project, { database, service, ground }: Reach): [Means, Look | null][] {
  const looks: [Means, Look | null | undefined][] = [
    ['static', check.static && (() => check.static?.(project) ?? couldNotCheck(''))],
    ['database', check.database && (database ? () => check.database?.(database, project) ?? couldNotCheck('') : null)],
    ['http', check.http && (service ? () => check.http?.(service, project) ?? couldNotCheck('') : null)],
    ['drill', check.drill && (ground ? () => check.drill?.(ground, project) ?? couldNotCheck('') : null)],
  ];
  return looks.filter((one): one is [Means, Look | null] => one[1] !== undefined);
}

async function attempt(look: Look): Promise<Judgement> {
  try {
    return await look();
  } catch (error) {
    return couldNotCheck(`the check itself failed: ${error instanceof Error ? error.message : 'unknown error'}`);
  }
}

const WORST_FIRST: Verdict[] = ['fail', 'warn', 'pass', 'could not check', 'not applicable'];

/**
 * The verdict of several looks: the worst that was found, else a pass when any look could tell, else what stood in the way.
 * A check whose only means was missing could not check.
 */
function together(parts: Judgement[], missed: Means[]): Judgement {
  const verdict = WORST_FIRST.find((one) => parts.some((part) => part.verdict === one)) ?? 'could not check';
  const reasons = parts.flatMap(({ reason }) => reason ?? []);
  const lacking = missed.map((means) => NEEDS[means]);
  const reason = verdict === 'not applicable' ? reasons[0] : [...reasons, ...lacking].join('; ');
  return {
    verdict: verdict === 'not applicable' && parts.length === 0 ? 'could not check' : verdict,
    findings: parts.flatMap(({ findings }) => findings),
    evidence: parts.flatMap(({ evidence }) => evidence),
    ...(reason ? { reason } : {}),
  };
}

const NEEDS: Record<Means, string> = {
  static: 'needs the files',
  database: 'needs --database-url',
  http: 'needs --base-url',
  drill: 'needs --drill',
};
