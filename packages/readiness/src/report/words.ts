// The words that both pages, Markdown and HTML, use for the same thing.
import { SEVERITIES } from '../check.ts';
import { count, openRows, type Report, type ReportRow, type Status } from './report.ts';

export const TITLES: Record<Status, string> = {
  ready: 'READY',
  'needs improvement': 'NEEDS IMPROVEMENT',
  'not ready': 'NOT READY',
  'nothing checked': 'NOT AUDITED',
};

/** What stands before a row wherever it is named: its verdict, and that it was accepted. */
export function markOf({ verdict, state }: ReportRow): string {
  const marks = { fail: 'FAIL', warn: 'WARNING', pass: 'PASS', 'not applicable': 'NOT APPLICABLE', 'could not check': 'NOT CHECKED' };
  return state === 'accepted' ? `${marks[verdict]} (accepted)` : marks[verdict];
}

/** How the rows came out, in two or three sentences. */
export function summaryOf(report: Report): string {
  const { rows } = report;
  const having = (state: ReportRow['state']) => rows.filter((row) => row.state === state).length;
  const open = openRows(rows);
  const bySeverity = SEVERITIES.flatMap((severity) => {
    const number = open.filter((row) => row.severity === severity).length;
    return number > 0 ? [`${number} ${severity}`] : [];
  });
  const fails = open.filter(({ verdict }) => verdict === 'fail').length;
  const worst = open.slice(0, 3).map(({ title }) => title);
  return [
    `Of ${count(rows.length, 'row', 'rows')}, ${having('passed')} passed, ${fails} failed and ${open.length - fails} gave a warning. Accepted: ${having('accepted')}; not applicable: ${having('not applicable')}; not checked: ${having('not checked')}.`,
    open.length > 0 ? `Open by severity: ${bySeverity.join(', ')}.` : 'Nothing is open.',
    ...(worst.length > 0 ? [`Not so yet, and weighs most: ${worst.join('; ')}.`] : []),
    ...(report.acceptances.some(({ state }) => state === 'expired') ? ['Some accepted findings have expired and are open again.'] : []),
  ].join(' ');
}
