// The report as Markdown, as a good engineer would write it down after an audit.
import { SEVERITIES } from '../check.ts';
import { effortOf, nextReview, pathOf, PRIORITIES, riskOf, testsToAdd } from './advice.ts';
import { count, openRows, sections, type Report, type ReportFinding, type ReportRow } from './report.ts';
import { printed, ROW_WEIGHTS, SHARES, type Figure } from './score.ts';
import { markOf, summaryOf, TITLES } from './words.ts';

export function markdownReport(report: Report): string {
  const parts = [
    head(report),
    executive(report),
    strengths(report),
    ...sections(report.rows).map(({ category, rows }, index) => section(`${index + 1}. ${category}`, rows)),
    acceptances(report),
    checklist(report),
    score(report),
    priorities(report),
    tests(report),
    deployment(report),
    risk(report),
    path(report),
    unchecked(report),
    `---\n\n**Audited:** ${report.date}  \n**Next review:** ${nextReview(report)}`,
  ];
  return `${parts.filter(Boolean).join('\n\n')}\n`;
}

function head({ name, date, commit, facts }: Report): string {
  const rows = [['Date', date], ['Project', name], ['Commit', commit ?? 'not in git'], ...facts.map((fact) => [fact.name, fact.value])];
  return `# Production readiness: ${inline(name)}\n\n| | |\n|---|---|\n${rows.map(([key = '', value = '']) => `| ${key} | ${cell(value)} |`).join('\n')}`;
}

function executive(report: Report): string {
  const { checked, proven } = report.score;
  const figures =
    checked.total === null
      ? ''
      : `\n\n| Score of what was checked | Proven score (unchecked rows count 0) |\n|---|---|\n| **${printed(checked.total)} / 100** | **${printed(proven.total ?? 0)} / 100** |`;
  return `## Executive summary\n\n**Status: ${TITLES[report.status]}** - ${report.statusReason}.${figures}\n\n${summaryOf(report)}`;
}

function strengths({ rows }: Report): string {
  const passed = rows.filter(({ state }) => state === 'passed');
  if (passed.length === 0) return '';
  return `## Strengths\n\n${passed.map(({ title, id, evidence }) => `- **${inline(title)}** (${id})${evidence.length > 0 ? `: ${evidence.map(inline).join('; ')}` : ''}`).join('\n')}`;
}

function section(title: string, rows: ReportRow[]): string {
  return [`## ${title}`, ...rows.map(row)].join('\n\n');
}

function row(one: ReportRow): string {
  const heading = `### ${markOf(one)}: ${inline(one.title)}`;
  const about = `\`${one.id}\`, severity ${one.severity}`;
  const reason = one.reason ? `\n\n${capital(inline(one.reason))}.` : '';
  if (one.state === 'not applicable' || one.state === 'not checked') return `${heading}\n\n${about}.${reason}`;
  if (one.state === 'passed') {
    const seen = one.evidence.map((text) => `\n- ${inline(text)}`).join('');
    return `${heading}\n\n${about}. Looked for: ${inline(one.looksFor)}.${seen ? `\n${seen}` : ''}${one.reason ? `\n\nNot looked at: ${inline(one.reason)}.` : ''}`;
  }
  return [
    heading,
    `${about}.${one.reason ? ` Not looked at: ${inline(one.reason)}.` : ''}`,
    ...one.findings.map(found),
    ...(one.evidence.length > 0 ? [`Seen besides: ${one.evidence.map(inline).join('; ')}.`] : []),
    `**Impact:** ${inline(one.why)} [Read on](${one.link}).`,
    `**Fix** (${one.effort}, an estimate): ${inline(one.remedy)}${one.isFixable ? ` \`readiness fix --only ${one.id}\` shows the change.` : ''}`,
    ...example(one),
  ].join('\n\n');
}

function found({ message, place, excerpt, accepted }: ReportFinding): string {
  const where = place ? `**${code(`${place.file}:${place.line}`)}** - ` : '';
  const leave = accepted ? `\n\n  Accepted until ${accepted.expires}: ${inline(accepted.reason)}` : '';
  const quoted = excerpt ? `\n\n${indented(fenced(excerpt, languageOf(place?.file ?? '')))}` : '';
  return `- ${where}${inline(message)}${quoted}${leave}`;
}

function example({ example: one }: ReportRow): string[] {
  if (!one) return [];
  return [
    ...(one.before ? [`BEFORE:`, fenced(one.before, one.language)] : [`BEFORE: nothing of the kind.`]),
    `AFTER:`,
    fenced(one.after, one.language),
  ];
}

function acceptances({ acceptances: uses }: Report): string {
  if (uses.length === 0) return '';
  const rows = uses.map(
    ({ entry, state, findings }) =>
      `| ${entry.check} | ${cell(entry.file ?? 'any file')} | ${cell(entry.reason)} | ${entry.expires} | ${state === 'in use' ? `hides ${count(findings, 'finding', 'findings')}` : `**${state}**`} |`,
  );
  return `## Accepted findings\n\nWritten down in \`readiness.json\`. An accepted finding is not open, and its row keeps its verdict in the score. An expired entry hides nothing.\n\n| Check | File | Reason | Until | State |\n|---|---|---|---|---|\n${rows.join('\n')}`;
}

function checklist({ rows }: Report): string {
  const parts = sections(rows).map(
    ({ category, rows: some }) =>
      `### ${category}\n\n${some.map((one) => `- ${markOf(one)}: ${inline(one.title)} (${one.id})`).join('\n')}`,
  );
  return `## Summary checklist\n\n${parts.join('\n\n')}`;
}

function score({ score: { checked, proven } }: Report): string {
  if (checked.total === null) return '## Score\n\nNo row could be checked, so there is no score.';
  const shares = Object.values(SHARES).join('/');
  const weights = Object.entries(ROW_WEIGHTS).map(([severity, weight]) => `${severity} ${weight}`);
  return `## Score

### What was checked: ${printed(checked.total)} / 100

${figure(checked)}

### Proven, with unchecked rows at 0: ${printed(proven.total ?? 0)} / 100

${figure(proven)}

How it adds up: within a category each row weighs by its severity (${weights.join(', ')}); a pass earns all of it, a warning half, a failure nothing, and an accepted finding changes nothing of that. Rows that do not apply are left out. Points = weight x earned / possible. The categories weigh ${shares}, which add to 115, so each is divided by 1.15; a category without a row to count gives its weight to the others in proportion. Totals are rounded down to a tenth, and the rows are rounded so that they add to the total.`;
}

function figure({ rows, total, absent }: Figure): string {
  const lines = rows.map(
    (one) =>
      `| ${one.category} | ${one.counted} of ${one.applicable} | ${one.earned / 2} of ${one.possible / 2} | ${printed(one.weight)} | ${printed(one.points)} |`,
  );
  const weight = rows.reduce((sum, one) => sum + one.weight, 0);
  const gone = absent.length > 0 ? `\n\nNothing to count in ${absent.join(', ')}: the weight went to the others.` : '';
  return `| Category | Rows counted | Earned | Weight | Points |\n|---|---|---|---|---|\n${lines.join('\n')}\n| **Total** | | | **${printed(weight)}** | **${printed(total ?? 0)}** |${gone}`;
}

function priorities({ rows }: Report): string {
  const open = openRows(rows);
  if (open.length === 0) return '## Priorities\n\nNothing is open.';
  let number = 0;
  const parts = SEVERITIES.flatMap((severity) => {
    const some = open.filter((one) => one.severity === severity);
    const lines = some.map(
      (one) =>
        `${++number}. **${inline(one.title)}** (${one.id}): ${inline(one.remedy)}\n   - Effort (estimate): ${one.effort}\n   - Impact (estimate): ${inline(one.why)}\n   - Score: +${printed(one.gain)} when it passes`,
    );
    return some.length > 0 ? [`### ${capital(severity)}: ${PRIORITIES[severity]}\n\n${lines.join('\n')}`] : [];
  });
  return `## Priorities\n\nEfforts and impacts are estimates; all together ${effortOf(open)}.\n\n${parts.join('\n\n')}`;
}

function tests(report: Report): string {
  const missing = testsToAdd(report);
  if (missing.length === 0) return '';
  return `## Tests to add\n\n${missing.map(({ title, row: id, code: text }) => `### ${title} (${id})\n\n${fenced(text, 'ts')}`).join('\n\n')}`;
}

function deployment({ checklist: steps }: Report): string {
  const lines = steps.map(
    ({ text, state, note }) => `- [${state === 'done' ? 'x' : ' '}] ${text} - ${state}${note ? ` (${inline(note)})` : ''}`,
  );
  return `## Deployment checklist\n\n${lines.join('\n')}`;
}

function risk(report: Report): string {
  const { level, reasons } = riskOf(report);
  const list = reasons.map(({ title, why, id }) => `\n- **${inline(title)}** (${id}): ${inline(why)}`).join('');
  const none = level === 'unknown' ? 'Nothing could be checked.' : 'No row is open. What was not checked is listed below.';
  return `## Risk if deployed as it is: ${level.toUpperCase()}\n\n${list ? `The open rows that decide it:\n${list}` : none}`;
}

function path(report: Report): string {
  return `## Recommended path\n\n${pathOf(report)
    .map((step, index) => `${index + 1}. ${step}`)
    .join('\n')}`;
}

function unchecked({ rows, unreadable }: Report): string {
  const blind = rows.filter(({ state, missed }) => state === 'not checked' || (missed.length > 0 && state !== 'not applicable'));
  const lines = blind.map(
    (one) => `| ${one.id} | ${cell(one.title)} | ${one.severity} | ${one.looked.join(', ') || 'nothing'} | ${cell(one.reason ?? '')} |`,
  );
  const table =
    lines.length > 0
      ? `| Row | | Severity | Looked at | What would check it |\n|---|---|---|---|---|\n${lines.join('\n')}`
      : 'Every row was checked by every means that it has.';
  const files =
    unreadable.length > 0 ? `\n\nFiles that could not be parsed, and so were not judged: ${unreadable.map(code).join(', ')}.` : '';
  return `## What was not checked\n\n${table}${files}`;
}

/** A fence that no line of the text can close. */
function fenced(text: string, language: string): string {
  const longest = Math.max(2, ...[...text.matchAll(/`+/g)].map(([ticks]) => ticks.length));
  const fence = '`'.repeat(longest + 1);
  return `${fence}${language}\n${text.trimEnd()}\n${fence}`;
}

function indented(text: string): string {
  return text.replaceAll(/^/gm, '  ');
}

function code(text: string): string {
  return `\`${text.replaceAll('`', "'")}\``;
}

/** One line, so that no text of a project becomes a heading, a list or HTML. */
function inline(text: string): string {
  const [first = '', ...rest] = text
    .replaceAll(/\s*\n\s*/g, ' ')
    .trim()
    .split('`');
  // What stands between a pair of backticks is code already.
  const isPaired = rest.length % 2 === 0;
  return [first, ...rest].map((part, index) => (isPaired && index % 2 === 1 ? part : part.replaceAll('<', '&lt;'))).join('`');
}

function cell(text: string): string {
  return inline(text).replaceAll('|', String.raw`\|`);
}

function capital(text: string): string {
  return text.charAt(0).toUpperCase() + text.slice(1);
}

function languageOf(file: string): string {
  const extension = /\.(\w+)$/.exec(file)?.[1] ?? '';
  if (/(^|\/)\.env/.test(file)) return 'env';
  if (/(^|\/)Dockerfile/.test(file)) return 'dockerfile';
  return { mts: 'ts', cts: 'ts', mjs: 'js', cjs: 'js', yml: 'yaml', prisma: 'prisma' }[extension] ?? extension;
}
