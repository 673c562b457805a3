// What a team knows and lives with: findings accepted in readiness.json, each with a reason and the day it has to be looked at again.
import type { Finding } from './check.ts';
import type { Result } from './audit.ts';

/** Where the file lies, from the project's root. */
export const ACCEPTED_FILE = 'readiness.json';

export type Acceptance = {
  check: string;
  /** Only findings of this file; all findings of the check without it. */
  file?: string;
  reason: string;
  /** The last day on which it holds, as YYYY-MM-DD. */
  expires: string;
};

/** An entry as it turned out: it hides findings, it would but is over, or nothing is left that it could hide. */
export type AcceptanceUse = { entry: Acceptance; state: 'in use' | 'expired' | 'unused' | 'not looked at'; findings: number };

const KNOWN = new Set(['check', 'file', 'reason', 'expires']);

/** Reads the entries; each problem names its entry, and one problem is enough to refuse the file. */
export function readAccepted(text: string | null, checks: string[]): { entries: Acceptance[]; problems: string[] } {
  if (text === null) return { entries: [], problems: [] };
  const json = parsed(text);
  if (!isRecord(json)) return { entries: [], problems: [`${ACCEPTED_FILE} is not a JSON object`] };
  const list = json['accepted'] ?? [];
  if (!Array.isArray(list)) return { entries: [], problems: [`${ACCEPTED_FILE}: "accepted" is a list`] };
  const entries: Acceptance[] = [];
  const problems: string[] = [];
  for (const [index, one] of list.entries()) {
    const found = isRecord(one) ? problemsOf(one, checks) : ['is not an object'];
    const name = isRecord(one) && typeof one['check'] === 'string' ? ` (${one['check']})` : '';
    problems.push(...found.map((problem) => `${ACCEPTED_FILE}: entry ${index + 1}${name} ${problem}`));
    if (found.length === 0) entries.push(one as Acceptance);
  }
  return { entries, problems };
}

/** The entry that accepts a finding on a day, if any. */
export function acceptanceOf(check: string, finding: Finding, entries: Acceptance[], date: string): Acceptance | null {
  return entries.find((entry) => covers(entry, check, finding) && date <= entry.expires) ?? null;
}

/** What became of every entry, in the order of the file. */
export function usesOf(results: Result[], entries: Acceptance[], date: string): AcceptanceUse[] {
  return entries.map((entry) => {
    const judgement = results.find(({ check }) => check.id === entry.check)?.judgement;
    const findings = judgement?.findings.filter((finding) => covers(entry, entry.check, finding)).length ?? 0;
    const isBlind = judgement === undefined || judgement.verdict === 'could not check';
    const state = findings > 0 ? (date <= entry.expires ? 'in use' : 'expired') : isBlind ? 'not looked at' : 'unused';
    return { entry, state, findings };
  });
}

function covers(entry: Acceptance, check: string, finding: Finding): boolean {
  return entry.check === check && (entry.file === undefined || entry.file === finding.place?.file);
}

function problemsOf(entry: Record<string, unknown>, checks: string[]): string[] {
  const problems = Object.keys(entry).flatMap((key) => (KNOWN.has(key) ? [] : [`has "${key}", which means nothing here`]));
  const { check, file, reason, expires } = entry;
  if (typeof check !== 'string') problems.push('names no check');
  else if (!checks.includes(check)) problems.push('names no check of this tool; see `readiness checks`');
  if (file !== undefined && typeof file !== 'string') problems.push('has a file that is not a text');
  if (typeof reason !== 'string' || reason.trim() === '') problems.push('has no reason');
  if (typeof expires !== 'string' || !isDay(expires)) problems.push('has no day in "expires" (YYYY-MM-DD)');
  return problems;
}

function isDay(text: string): boolean {
  const day = new Date(`${text}T00:00:00Z`);
  return /^\d{4}-\d\d-\d\d$/.test(text) && !Number.isNaN(day.getTime()) && day.toISOString().startsWith(text);
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
