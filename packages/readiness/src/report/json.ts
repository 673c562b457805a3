// The report as JSON, for programs. Its shape is documented in the README and only grows; `schema` changes when it cannot.
import { nextReview, pathOf, riskOf } from './advice.ts';
import { TOOL, type Report } from './report.ts';
import type { Figure } from './score.ts';

export function jsonReport(report: Report): string {
  const { date, name, commit, facts, status, statusReason, score, rows, acceptances, checklist, unreadable } = report;
  const risk = riskOf(report);
  const json = {
    schema: 'readiness/1',
    tool: TOOL,
    date,
    project: { name, commit, facts },
    status,
    statusReason,
    score: { checked: figure(score.checked), proven: figure(score.proven) },
    rows: rows.map(({ gain, ...row }) => ({ ...row, gain: gain / 10 })),
    accepted: acceptances.map(({ entry, state, findings }) => ({ ...entry, state, findings })),
    checklist,
    risk: { level: risk.level, rows: risk.reasons.map(({ id }) => id) },
    path: pathOf(report),
    nextReview: nextReview(report),
    unreadable,
  };
  return `${JSON.stringify(json, null, 2)}\n`;
}

/** Points as people say them, not in tenths. */
function figure({ total, rows, absent }: Figure): unknown {
  return {
    total: total === null ? null : total / 10,
    categories: rows.map((row) => ({
      ...row,
      earned: row.earned / 2,
      possible: row.possible / 2,
      weight: row.weight / 10,
      points: row.points / 10,
    })),
    absent,
  };
}
