// docs/audit-map.md answers every line of docs/audit-report.md: with our file and the test that proves it, with the reason to
// differ, or with the word `open`.
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

const REPORT = 'docs/audit-report.md';
const MAP = 'docs/audit-map.md';

/** Every line of the report without an answer, and every answer that is none, as `page: sentence`. */
export function findAuditMapViolations(root: string): string[] {
  if (!existsSync(join(root, MAP))) return [`${MAP}: is not there`];
  const wanted = linesOfReport(readFileSync(join(root, REPORT), 'utf8'));
  const answers = answersOfMap(readFileSync(join(root, MAP), 'utf8'));
  const missing = [...wanted].filter((line) => !answers.has(line)).map((line) => `${MAP}: no answer to "${line}"`);
  const stray = [...answers.keys()].filter((line) => !wanted.has(line)).map((line) => `${MAP}: the report has no line "${line}"`);
  const wrong = [...answers].flatMap(([line, { here, proof }]) => judge(here, proof).map((said) => `${MAP}: "${line}" ${said}`));
  return [...missing, ...stray, ...wrong];
}

/**
 * What must be answered: headings, lines of the summary checklist, the tests it asks for, rows of its tables (benchmarks, scores,
 * settings), numbered recommendations, deployment steps. Lines that the report repeats are one.
 */
export function linesOfReport(report: string): Set<string> {
  const lines = new Set<string>();
  let inCode = false;
  let isTableBody = false;
  for (const line of report.split('\n')) {
    if (line.startsWith('```')) inCode = !inCode;
    const test = /^\s*(?:it|describe)\('([^']+)'/.exec(line)?.[1];
    if (inCode) {
      if (test) lines.add(`test: ${test}`);
      continue;
    }
    const heading = /^#{2,3} (.+)$/.exec(line)?.[1];
    const item = /^(?:- \[ \] |- (?=[✅❌⚠🔴])|\d+\. \*\*)(.+)$/u.exec(line)?.[1];
    const cell = /^\| ([^|]+) \|/.exec(line)?.[1];
    if (heading) lines.add(plain(heading));
    else if (item) lines.add(plain(item));
    else if (/^\|[-| ]+\|$/.test(line)) isTableBody = true;
    else if (cell && isTableBody) lines.add(plain(cell));
    if (!line.startsWith('|')) isTableBody = false;
  }
  return lines;
}

type Answer = { here: string; proof: string };

/** Rows `| report's line | here | proof |` of the map. */
function answersOfMap(map: string): Map<string, Answer> {
  const rows = map.split('\n').flatMap((line) => {
    const [, report, here, proof] = /^\| (.+?) \| (.*?) \| (.*?) \|$/.exec(line) ?? [];
    return report && here !== undefined && proof !== undefined && !/^-+$/.test(report) && report !== 'Report'
      ? [[plain(report), { here, proof }] as const]
      : [];
  });
  return new Map(rows);
}

/**
 * An answer is a file of ours with its proof, a reason that begins with "differs:", or `open`. That the files exist is checked
 * as on every page (docs.ts).
 */
function judge(here: string, proof: string): string[] {
  if (here === '`open`' || here === 'the lines below') return [];
  if (here.startsWith('differs:')) return here.length > 30 ? [] : ['gives no reason'];
  return [...(namesPath(here) ? [] : ['names no file']), ...(namesPath(proof) ? [] : ['names no proof'])];
}

function namesPath(text: string): boolean {
  return /`(?:(?:apps|packages|scripts|bench|deploy|docs|\.ci)\/[\w@./-]+|README\.md|CONTRIBUTING\.md|package\.json|\.gitignore|\.npmrc|\.env\.example|\.env\.(?:development|production)\.template)`/.test(
    text,
  );
}

/** Without Markdown's marks and the symbols of verdicts. */
function plain(text: string): string {
  return text
    .replaceAll(/[*`]|(?:\u{1F534}|\u{1F7E0}|\u{1F7E1}|\u{1F7E2}|✅|❌|⚠|\uFE0F)/gu, '')
    .replaceAll(/\s+/g, ' ')
    .trim();
}
