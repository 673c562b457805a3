import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { REPORTS, ROOT, type Report } from './report.ts';
import type { Soak } from './soak.ts';

const PAGE = 'docs/reliability.md';

/** Every run there is, by its name. */
export const RUNS = readdirSync(import.meta.dirname).flatMap((file) => (file.endsWith('.soak.ts') ? [file.replace('.soak.ts', '')] : []));

export async function loadSoak(name: string): Promise<Soak> {
  return ((await import(join(import.meta.dirname, `${name}.soak.ts`))) as { soak: Soak }).soak;
}

/** Writes the page and returns its path. */
export async function writeScoreboard(): Promise<string> {
  writeFileSync(join(ROOT, PAGE), await scoreboard());
  return PAGE;
}

/** The page as the reports make it. */
export async function scoreboard(): Promise<string> {
  const sections: string[] = [];
  const rows: string[] = [];
  for (const name of RUNS) {
    const soak = await loadSoak(name);
    const [report, control] = [readReport(name), readReport(`${name}.control`)];
    rows.push(`| [${name}](#${name}) | ${soak.title} | ${verdictOf(report)} | ${controlVerdictOf(control)} | ${report?.date ?? ''} |`);
    sections.push(sectionOf(name, soak, report, control));
  }
  return `# Reliability

What happens when things break, as last measured. Each run is \`npm run soak -- NAME\`: the real service in processes of its own, a real
PostgreSQL, a workload of clients that behave well, and a judge (\`soak/history.ts\`) that holds what clients were told against what
the database has; but \`availability\`, which holds the engine of the calendar against an oracle. Each has a control in which something is broken on purpose; a run whose control passes proves nothing. Short forms of
all of them are in \`npm test\`. This page is written by \`npm run soak -- scoreboard\` from the files in \`reports/\`, not by hand.

| Run | What | Result | Control | Date |
| --- | --- | --- | --- | --- |
${rows.join('\n')}

${sections.join('\n')}`;
}

function sectionOf(name: string, soak: Soak, report: Report | null, control: Report | null): string {
  const lines = [`## ${name}`, '', soak.does, ''];
  if (!report) return [...lines, 'Not run yet.', ''].join('\n');
  const { host } = report;
  lines.push(
    `\`${report.command}\`, ${report.date}, commit ${report.commit}, ${Math.round(report.seconds)} s on ${host.processors} processors and ${host.memoryGb} GB (${host.system}, Node ${host.node}), load average ${host.loadAverage}.`,
    '',
  );
  if (report.skipped) return [...lines, `Skipped: ${report.skipped}`, ''].join('\n');
  lines.push(...report.rules.map(({ rule, figure, holds }) => `- ${holds ? 'holds' : '**broken**'}: ${rule} (${figure})`), '');
  const figures = Object.entries(report.figures).map(([figure, value]) => `${wordsOf(figure)} ${value}`);
  lines.push(`Figures: ${figures.join(', ')}.`, '');
  for (const note of report.notes ?? []) lines.push(note, '');
  const broken = control?.rules.find(({ rule }) => rule === soak.breaks);
  lines.push(
    broken && !broken.holds
      ? `Control: ${soak.control}. It breaks "${soak.breaks}", as it must (${broken.figure.replace(/, first: .*/, '')}).`
      : `Control: ${soak.control}. Not shown to fail yet.`,
    '',
  );
  return lines.join('\n');
}

function verdictOf(report: Report | null): string {
  if (!report) return 'not run';
  if (report.skipped) return 'skipped';
  return report.ok ? 'holds' : '**broken**';
}

function controlVerdictOf(control: Report | null): string {
  return control?.ok ? 'fails, as it must' : 'not shown';
}

/** `recoveryMaxSeconds` as `recovery max seconds`. */
function wordsOf(name: string): string {
  return name.replaceAll(/([A-Z])/g, (letter) => ` ${letter.toLowerCase()}`);
}

function readReport(name: string): Report | null {
  const file = join(REPORTS, `${name}.json`);
  return existsSync(file) ? (JSON.parse(readFileSync(file, 'utf8')) as Report) : null;
}
