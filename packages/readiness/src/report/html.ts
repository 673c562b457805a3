// The report as one page that a manager can read: no script, nothing from outside, light and dark, and good on paper.
import { SEVERITIES } from '../check.ts';
import { effortOf, nextReview, pathOf, PRIORITIES, riskOf, testsToAdd } from './advice.ts';
import { openRows, sections, type Report, type ReportFinding, type ReportRow } from './report.ts';
import { CATEGORIES, printed, type Figure, type Score } from './score.ts';
import { STYLE } from './style.ts';
import { markOf, summaryOf, TITLES } from './words.ts';

export function htmlReport(report: Report): string {
  const title = `Production readiness: ${escaped(report.name)}`;
  const parts = [
    head(report),
    block('summary', 'Summary', `<p class="lead">${inline(summaryOf(report))}</p>${chart(report.score)}`),
    risk(report),
    priorities(report),
    block(
      'path',
      'Recommended path',
      `<ol>${pathOf(report)
        .map((step) => `<li>${inline(step)}</li>`)
        .join('')}</ol>`,
    ),
    strengths(report),
    findings(report),
    acceptances(report),
    checklist(report),
    score(report),
    tests(report),
    deployment(report),
    unchecked(report),
  ];
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>${title}</title>
<style>${STYLE}</style>
</head>
<body>
<main>
${parts.filter(Boolean).join('\n')}
</main>
<footer><p>Audited on ${report.date}. Next review: ${inline(nextReview(report))}</p></footer>
</body>
</html>
`;
}

function head({ name, date, commit, facts, status, statusReason, score: { checked, proven } }: Report): string {
  const figures =
    checked.total === null
      ? ''
      : `<dl class="figures">
<div><dt>Score of what was checked</dt><dd>${printed(checked.total)}<small> / 100</small></dd></div>
<div><dt>Proven score: unchecked rows count 0</dt><dd>${printed(proven.total ?? 0)}<small> / 100</small></dd></div>
</dl>`;
  const about = [{ name: 'Date', value: date }, { name: 'Commit', value: commit ?? 'not in git' }, ...facts];
  return `<header>
<h1>Production readiness: ${escaped(name)}</h1>
<div class="status ${status.replaceAll(' ', '-')}"><p><strong>${TITLES[status]}</strong></p><p>${inline(statusReason)}.</p></div>
${figures}
<dl class="facts">${about.map((fact) => `<div><dt>${escaped(fact.name)}</dt><dd>${escaped(fact.value)}</dd></div>`).join('')}</dl>
</header>`;
}

const WIDTH = 420;
const LINE = 46;

/** A bar for each category, below its name: how much of its weight was earned. Narrow, so that it can be read on a phone. */
function chart({ checked, proven }: Score): string {
  if (checked.total === null) return '';
  const bars = CATEGORIES.map((category, index) => {
    const row = checked.rows.find((one) => one.category === category);
    const share = row ? row.earned / row.possible : 0;
    const absent = proven.rows.some((one) => one.category === category) ? 'not checked' : 'does not apply';
    const grade = share >= 0.9 ? 'good' : share >= 0.6 ? 'fair' : 'poor';
    const [y, text] = [index * LINE, `y="${index * LINE + 15}"`];
    return [
      `<text x="0" ${text}>${category}</text>`,
      `<text x="${WIDTH}" ${text} text-anchor="end">${row ? percent(share) : absent}</text>`,
      `<rect class="track" x="0" y="${y + 22}" width="${WIDTH}" height="12" rx="3"/>`,
      row ? `<rect class="${grade}" x="0" y="${y + 22}" width="${Math.round(share * WIDTH)}" height="12" rx="3"/>` : '',
    ].join('');
  });
  const sentence = checked.rows.map(({ category, earned, possible }) => `${category} ${percent(earned / possible)}`).join(', ');
  const picture = `<svg viewBox="0 0 ${WIDTH} ${CATEGORIES.length * LINE}" role="img" aria-label="Score by category: ${sentence}">${bars.join('')}</svg>`;
  return `<figure>${picture}<figcaption>What each category earned of what was checked in it.</figcaption></figure>`;
}

function percent(share: number): string {
  return `${Math.floor(share * 100)} %`;
}

function risk(report: Report): string {
  const { level, reasons } = riskOf(report);
  const list = reasons.map(({ title, why }) => `<li><strong>${escaped(title)}</strong>: ${inline(why)}</li>`).join('');
  const none = level === 'unknown' ? 'Nothing could be checked.' : 'No row is open. What was not checked is listed at the end.';
  return block('risk', `Risk if deployed as it is: ${level}`, list ? `<ul>${list}</ul>` : `<p>${none}</p>`);
}

function priorities({ rows }: Report): string {
  const open = openRows(rows);
  if (open.length === 0) return block('priorities', 'Priorities', '<p>Nothing is open.</p>');
  const tables = SEVERITIES.flatMap((severity) => {
    const some = open.filter((row) => row.severity === severity);
    const lines = some.map(
      (row) =>
        `<tr><th scope="row"><a href="#${row.id}">${escaped(row.title)}</a></th><td>${inline(row.remedy)}</td><td>${row.effort}</td><td>${inline(row.why)}</td><td class="number">+${printed(row.gain)}</td></tr>`,
    );
    return some.length > 0
      ? [
          table(
            `${capital(severity)}: ${PRIORITIES[severity]}`,
            ['Row', 'What to do', 'Effort (estimate)', 'Impact (estimate)', 'Score'],
            lines,
          ),
        ]
      : [];
  });
  return block('priorities', 'Priorities', `<p>Efforts and impacts are estimates; all together ${effortOf(open)}.</p>${tables.join('')}`);
}

function strengths({ rows }: Report): string {
  const passed = rows.filter(({ state }) => state === 'passed');
  const lines = passed.map(
    ({ title, evidence }) =>
      `<li><strong>${escaped(title)}</strong>${evidence.length > 0 ? `: ${evidence.map(inline).join('; ')}` : ''}</li>`,
  );
  return lines.length > 0 ? block('strengths', 'Strengths', `<ul>${lines.join('')}</ul>`) : '';
}

function findings({ rows }: Report): string {
  const parts = sections(rows).flatMap(({ category, rows: some }) => {
    const wrong = some.filter(({ state }) => state === 'open' || state === 'accepted');
    return wrong.length > 0 ? [`<h3>${category}</h3>${wrong.map(article).join('')}`] : [];
  });
  return parts.length > 0 ? block('findings', 'Findings', parts.join('')) : '';
}

function article(row: ReportRow): string {
  const { example } = row;
  return `<article id="${row.id}">
<h4><span class="mark ${row.verdict}">${markOf(row)}</span> ${escaped(row.title)}</h4>
<p class="about"><code>${row.id}</code>, severity ${row.severity}${row.reason ? `. Not looked at: ${inline(row.reason)}` : ''}</p>
<ul>${row.findings.map(found).join('')}</ul>
<p><strong>Impact:</strong> ${inline(row.why)} <a href="${escaped(row.link)}">Read on</a></p>
<p><strong>Fix</strong> (${row.effort}, an estimate): ${inline(row.remedy)}${row.isFixable ? ` <code>readiness fix --only ${row.id}</code> shows the change.` : ''}</p>
${example ? `<div class="example"><div><h5>Before</h5><pre><code>${escaped(example.before || '(nothing)')}</code></pre></div><div><h5>After</h5><pre><code>${escaped(example.after)}</code></pre></div></div>` : ''}
</article>`;
}

function found({ message, place, excerpt, accepted }: ReportFinding): string {
  return `<li>${place ? `<code>${escaped(`${place.file}:${place.line}`)}</code> - ` : ''}${inline(message)}${
    excerpt ? `<pre><code>${escaped(excerpt)}</code></pre>` : ''
  }${accepted ? `<p class="about">Accepted until ${accepted.expires}: ${inline(accepted.reason)}</p>` : ''}</li>`;
}

function acceptances({ acceptances: uses }: Report): string {
  const lines = uses.map(
    ({ entry, state }) =>
      `<tr><th scope="row"><code>${entry.check}</code></th><td>${escaped(entry.file ?? 'any file')}</td><td>${inline(entry.reason)}</td><td>${entry.expires}</td><td>${state}</td></tr>`,
  );
  return lines.length > 0
    ? block(
        'accepted',
        'Accepted findings',
        table('Entries of readiness.json; an expired one hides nothing', ['Check', 'File', 'Reason', 'Until', 'State'], lines),
      )
    : '';
}

function checklist({ rows }: Report): string {
  const lines = sections(rows).flatMap(({ category, rows: some }) =>
    some.map(
      (row) =>
        `<tr><th scope="row">${escaped(row.title)}</th><td>${category}</td><td>${row.severity}</td><td><span class="mark ${row.verdict.replaceAll(' ', '-')}">${markOf(row)}</span></td></tr>`,
    ),
  );
  return block('checklist', 'Checklist', table('Every row with its verdict', ['Row', 'Category', 'Severity', 'Verdict'], lines));
}

function score({ score: { checked, proven } }: Report): string {
  if (checked.total === null) return '';
  return block(
    'score',
    'How the score adds up',
    `${figure('What was checked', checked)}${figure('Proven, with unchecked rows at 0', proven)}<p>Within a category a row weighs 8 (critical), 4 (high), 2 (medium) or 1 (low). A pass earns all of it, a warning half, a failure nothing; an accepted finding changes nothing of that. Points are weight x earned / possible. The categories weigh 25, 20, 10, 10, 15, 15, 10, 5 and 5, each divided by 1.15 so that they add to 100; a category without a row to count gives its weight to the others in proportion. Totals are rounded down to a tenth, and rows so that they add to the total.</p>`,
  );
}

function figure(caption: string, { rows, total, absent }: Figure): string {
  const number = (text: string | number) => `<td class="number">${text}</td>`;
  const lines = rows.map(
    (row) =>
      `<tr><th scope="row">${row.category}</th>${number(`${row.counted} of ${row.applicable}`)}${number(`${row.earned / 2} of ${row.possible / 2}`)}${number(printed(row.weight))}${number(printed(row.points))}</tr>`,
  );
  const weight = rows.reduce((sum, row) => sum + row.weight, 0);
  lines.push(`<tr class="total"><th scope="row">Total</th><td></td><td></td>${number(printed(weight))}${number(printed(total ?? 0))}</tr>`);
  const gone = absent.length > 0 ? `<p>Nothing to count in ${absent.join(', ')}: the weight went to the others.</p>` : '';
  return table(caption, ['Category', 'Rows counted', 'Earned', 'Weight', 'Points'], lines) + gone;
}

function tests(report: Report): string {
  const missing = testsToAdd(report);
  const parts = missing.map(({ title, code }) => `<h3>${escaped(title)}</h3><pre><code>${escaped(code)}</code></pre>`);
  return parts.length > 0 ? block('tests', 'Tests to add', parts.join('')) : '';
}

function deployment({ checklist: steps }: Report): string {
  const lines = steps.map(
    ({ text, state, note }, index) =>
      `<tr><td class="number">${index + 1}</td><th scope="row">${escaped(text)}</th><td>${state}</td><td>${inline(note)}</td></tr>`,
  );
  return block(
    'deployment',
    'Before a deployment',
    table('The steps and what the audit knows of them', ['No.', 'Step', 'State', 'By'], lines),
  );
}

function unchecked({ rows, unreadable }: Report): string {
  const blind = rows.filter(({ state, missed }) => state === 'not checked' || (missed.length > 0 && state !== 'not applicable'));
  const lines = blind.map(
    (row) =>
      `<tr><th scope="row">${escaped(row.title)}</th><td>${row.severity}</td><td>${row.looked.join(', ') || 'nothing'}</td><td>${inline(row.reason ?? '')}</td></tr>`,
  );
  const files =
    unreadable.length > 0
      ? `<p>Files that could not be parsed, and so were not judged: ${unreadable.map((path) => `<code>${escaped(path)}</code>`).join(', ')}.</p>`
      : '';
  const body =
    lines.length > 0
      ? table('Rows that some means could not look at', ['Row', 'Severity', 'Looked at', 'What would check it'], lines)
      : '<p>Every row was checked by every means that it has.</p>';
  return block('unchecked', 'What was not checked', body + files);
}

function block(id: string, title: string, body: string): string {
  return `<section aria-labelledby="about-${id}"><h2 id="about-${id}">${title}</h2>${body}</section>`;
}

/** In a box of its own that can be moved sideways on a narrow screen, and reached by keyboard. */
function table(caption: string, columns: string[], lines: string[]): string {
  const headings = columns.map((column) => `<th scope="col">${column}</th>`).join('');
  return `<div class="table" role="region" tabindex="0" aria-label="${escaped(caption)}"><table><caption>${escaped(caption)}</caption><thead><tr>${headings}</tr></thead><tbody>${lines.join('')}</tbody></table></div>`;
}

function escaped(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;').replaceAll('"', '&quot;').replaceAll("'", '&#39;');
}

/** Texts of checks mark code with backticks. */
function inline(text: string): string {
  return escaped(text).replaceAll(/`([^`]+)`/g, '<code>$1</code>');
}

function capital(text: string): string {
  return text.charAt(0).toUpperCase() + text.slice(1);
}
