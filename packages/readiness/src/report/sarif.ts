// The report as SARIF 2.1.0, which code hosts show beside the lines that it is about.
import { createHash } from 'node:crypto';
import type { Severity } from '../check.ts';
import { TOOL, type Report, type ReportFinding, type ReportRow } from './report.ts';

const LEVELS: Record<Severity, 'error' | 'warning' | 'note'> = { critical: 'error', high: 'error', medium: 'warning', low: 'note' };
/** As code hosts sort alerts: above 9 critical, above 7 high, 4 and more medium. */
const RANKS: Record<Severity, string> = { critical: '9.5', high: '8.0', medium: '5.0', low: '2.0' };

/** One result for each finding, at its line. A finding without a place stands at `home`, since hosts refuse results without one. */
export function sarifReport(report: Report, home = 'package.json'): string {
  const { rows, commit } = report;
  const log = {
    $schema: 'https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json',
    version: '2.1.0',
    runs: [
      {
        tool: {
          driver: {
            name: TOOL.name,
            semanticVersion: TOOL.version,
            rules: rows.map(rule),
          },
        },
        columnKind: 'utf16CodeUnits',
        invocations: [
          {
            executionSuccessful: true,
            toolExecutionNotifications: rows.filter(({ state }) => state === 'not checked').map(notification),
          },
        ],
        results: rows.flatMap((row, index) => resultsOf(row, index, home)),
        properties: {
          status: report.status,
          score: report.score.checked.total === null ? null : report.score.checked.total / 10,
          provenScore: report.score.proven.total === null ? null : report.score.proven.total / 10,
          ...(commit ? { commit } : {}),
        },
      },
    ],
  };
  return `${JSON.stringify(log, null, 2)}\n`;
}

function rule(row: ReportRow): object {
  return {
    id: row.id,
    name: row.id.replaceAll(/(?:^|[.-])(\w)/g, (_, letter: string) => letter.toUpperCase()),
    shortDescription: { text: row.title },
    fullDescription: { text: row.why },
    helpUri: row.link,
    help: { text: row.remedy, markdown: `${row.remedy}\n\nLooks for: ${row.looksFor}\n\n[Read on](${row.link})` },
    defaultConfiguration: { level: LEVELS[row.severity] },
    properties: {
      tags: ['production-readiness', row.category],
      'problem.severity': { error: 'error', warning: 'warning', note: 'recommendation' }[LEVELS[row.severity]],
      ...(row.category === 'Security' || row.id.includes('secret') ? { 'security-severity': RANKS[row.severity] } : {}),
    },
  };
}

function resultsOf(row: ReportRow, ruleIndex: number, home: string): object[] {
  const seen = new Map<string, number>();
  return row.findings.map((finding) => {
    const mark = fingerprint(row.id, finding);
    const times = (seen.get(mark) ?? 0) + 1;
    seen.set(mark, times);
    return result(row, ruleIndex, finding, { mark: `${mark}:${times}`, home });
  });
}

function result(row: ReportRow, ruleIndex: number, finding: ReportFinding, { mark, home }: { mark: string; home: string }): object {
  const { message, place, excerpt, accepted, grade } = finding;
  const region = { startLine: place?.line ?? 1, ...(excerpt ? { snippet: { text: excerpt } } : {}) };
  return {
    ruleId: row.id,
    ruleIndex,
    kind: 'fail',
    level: grade === 'warn' ? 'warning' : LEVELS[row.severity],
    message: { text: `${message}. ${row.remedy}` },
    locations: [{ physicalLocation: { artifactLocation: { uri: uriOf(place?.file ?? home), uriBaseId: '%SRCROOT%' }, region } }],
    partialFingerprints: { 'readiness/v1': mark },
    // On every result or on none: an empty list says that it is not suppressed, a missing one that nobody knows.
    suppressions: accepted
      ? [{ kind: 'external', status: 'accepted', justification: `${accepted.reason} (until ${accepted.expires})` }]
      : [],
  };
}

function notification(row: ReportRow): object {
  return {
    level: 'note',
    message: { text: `${row.id} could not be checked: ${row.reason ?? 'no reason given'}` },
    associatedRule: { id: row.id },
  };
}

/** Stays when the line moves: digits of the message are lines and counts. */
function fingerprint(id: string, { place, message }: ReportFinding): string {
  const text = `${id}\n${place?.file ?? ''}\n${message.replaceAll(/\d+/g, '#')}`;
  return createHash('sha256').update(text).digest('hex').slice(0, 32);
}

function uriOf(path: string): string {
  return path.split('/').map(encodeURIComponent).join('/');
}
