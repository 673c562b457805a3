// `npm run soak -- NAME [--seed N] [--kills N] [--minutes M] [--control]`: one fault run, by the name of its file.
// `npm run soak -- scoreboard` writes docs/reliability.md from reports/.
import { parseArgs } from 'node:util';
import { writeReport } from './report.ts';
import { loadSoak, RUNS, writeScoreboard } from './scoreboard.ts';
import { isAsItMustBe } from './soak.ts';

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    seed: { type: 'string' },
    kills: { type: 'string' },
    minutes: { type: 'string' },
    control: { type: 'boolean', default: false },
  },
});
const [name = ''] = positionals;
const say = (text: string) => process.stderr.write(`${text}\n`);

if (name === 'scoreboard') say(`Wrote ${await writeScoreboard()}.`);
else if (RUNS.includes(name)) await runSoak();
else {
  say(`There is no run "${name}". Known: ${RUNS.join(', ')}, and scoreboard.`);
  process.exitCode = 1;
}

async function runSoak(): Promise<void> {
  const soak = await loadSoak(name);
  const options = {
    seed: Number(values.seed ?? 1),
    count: Number(values.kills ?? soak.count),
    minutes: Number(values.minutes ?? soak.minutes),
    recoverySeconds: 3,
    isControl: values.control,
    say,
  };
  say(`${soak.title}${options.isControl ? `; control, in which ${soak.control}` : ''} (seed ${options.seed}) ...`);
  const since = performance.now();
  const outcome = await soak.run(options);
  for (const { rule, figure, holds: isGood } of outcome.rules) say(`${isGood ? 'holds ' : 'BROKEN'}  ${rule}: ${figure}`);
  if (outcome.skipped) say(`Skipped: ${outcome.skipped}`);
  say(`\n${JSON.stringify(outcome.figures)}`);
  const isGood = isAsItMustBe(soak, outcome, options.isControl);
  const file = writeReport(name, options, { ...outcome, isGood, seconds: (performance.now() - since) / 1_000 });
  say(`${isGood ? 'As it must be' : 'NOT AS IT MUST BE'}; written to ${file}.`);
  process.exitCode = isGood || outcome.skipped ? 0 : 1;
}
