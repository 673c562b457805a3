import { spawnSync } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { availableParallelism, loadavg, totalmem } from 'node:os';
import { join } from 'node:path';
import { round, type Outcome, type SoakOptions } from './soak.ts';

export const ROOT = join(import.meta.dirname, '..');
export const REPORTS = join(ROOT, 'reports');

/** A run as it is kept: what was done, on what, and what came of it. No name of a machine, a person or a folder. */
export type Report = {
  run: string;
  isControl: boolean;
  /** Of a run: every rule holds. Of a control: the rule that it must break is broken. */
  ok: boolean;
  skipped?: string;
  command: string;
  seed: number;
  commit: string;
  date: string;
  seconds: number;
  host: { processors: number; memoryGb: number; system: string; node: string; loadAverage: number };
  figures: Record<string, number>;
  rules: Outcome['rules'];
  notes?: string[];
};

/** Writes `reports/NAME.json`, of a control `reports/NAME.control.json`; returns the file from the root. */
export function writeReport(
  run: string,
  { seed, count, isControl }: Pick<SoakOptions, 'seed' | 'count' | 'isControl'>,
  { isGood, seconds, ...outcome }: Outcome & { isGood: boolean; seconds: number },
): string {
  const report: Report = {
    run,
    isControl,
    ok: isGood,
    command: `npm run soak -- ${run} --seed ${seed} --kills ${count}${isControl ? ' --control' : ''}`,
    seed,
    commit: commit(),
    date: new Date().toISOString().slice(0, 10),
    seconds: round(seconds),
    host: {
      processors: availableParallelism(),
      memoryGb: Math.round(totalmem() / 2 ** 30),
      system: `${process.platform} ${process.arch}`,
      node: process.version,
      loadAverage: round(loadavg()[0] ?? 0),
    },
    ...outcome,
  };
  mkdirSync(REPORTS, { recursive: true });
  const file = `${run}${isControl ? '.control' : ''}.json`;
  writeFileSync(join(REPORTS, file), `${JSON.stringify(report, null, 2)}\n`);
  return `reports/${file}`;
}

/** The commit that ran, marked when files beside the reports differ from it. */
function commit(): string {
  const git = (...args: string[]) => spawnSync('git', args, { cwd: ROOT, encoding: 'utf8' }).stdout.trim();
  const changed = git('status', '--porcelain', '--', '.', ':!reports', ':!docs/reliability.md');
  return `${git('rev-parse', '--short=12', 'HEAD')}${changed === '' ? '' : ' with changes'}`;
}
