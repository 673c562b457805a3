import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { load, quantile, tableOf, type Bench } from './bench.ts';

// How long the readiness audit takes for a large repository, from the start of the process to its report: this platform's own
// source, in as many copies as make three thousand files of production code and what belongs to it.

const FILES = 3_000;
const MOST_SECONDS = 5;
const MOST_MEGABYTES = 400;
const ROOT = join(import.meta.dirname, '..');

export const bench: Bench = async ({ rounds, say }) => {
  const folder = mkdtempSync(join(tmpdir(), 'medspa-readiness-'));
  try {
    const production = makeRepository(folder);
    say(`${FILES} files, ${production} of them copies of apps/ and packages/ ...`);
    const runs = Array.from({ length: Math.min(rounds, 5) }, () => run(folder));
    const seconds = quantile(
      runs.map((one) => one.seconds).toSorted((a, b) => a - b),
      0.5,
    );
    const megabytes = Math.max(...runs.map((one) => one.megabytes));
    return {
      table: [
        tableOf(
          ['audit of a repository', 'seconds', 'MB at most'],
          [[`${FILES} files, median of ${runs.length}`, seconds.toFixed(2), megabytes.toFixed(0)]],
        ),
        `At most ${MOST_SECONDS} s and ${MOST_MEGABYTES} MB. Runs: ${runs.map((one) => one.seconds.toFixed(2)).join(', ')} s; load average ${load()}.`,
      ].join('\n'),
      result: {
        ratios: { seconds_to_bound: seconds / MOST_SECONDS, memory_to_bound: megabytes / MOST_MEGABYTES },
        ratio: seconds / MOST_SECONDS,
        ok: seconds <= MOST_SECONDS && megabytes <= MOST_MEGABYTES,
        seconds,
        megabytes,
        loadAverage: load(),
      },
    };
  } finally {
    rmSync(folder, { recursive: true });
  }
};

/** Copies keep their place below a folder each, so that one copy is one monorepo beside others. */
function makeRepository(folder: string): number {
  const { stdout } = spawnSync(
    'git',
    ['ls-files', '-z', 'apps', 'packages', 'package.json', 'package-lock.json', '.env.example', 'deploy'],
    {
      cwd: ROOT,
      encoding: 'utf8',
    },
  );
  // The audit's own planted projects hold findings by design, and are no such repository.
  const paths = stdout.split('\0').filter((path) => path !== '' && !path.startsWith('packages/readiness/'));
  for (let written = 0; written < FILES; written++) {
    const path = paths[written % paths.length] ?? '';
    const copy = join(folder, `copy-${Math.floor(written / paths.length)}`, path);
    mkdirSync(dirname(copy), { recursive: true });
    writeFileSync(copy, readFileSync(join(ROOT, path)));
  }
  const git = (...args: string[]) =>
    spawnSync('git', ['-c', 'user.name=bench', '-c', 'user.email=bench@example.com', ...args], { cwd: folder });
  git('init', '--quiet');
  git('add', '--all');
  git('commit', '--quiet', '--message', 'bench');
  return FILES;
}

function run(folder: string): { seconds: number; megabytes: number } {
  const program = `import { run } from ${JSON.stringify(join(ROOT, 'packages/readiness/src/cli.ts'))};
    await run(['audit', ${JSON.stringify(folder)}], { out: () => {}, error: () => {}, isTerminal: false, today: '2026-01-01' });
    process.stdout.write(String(process.resourceUsage().maxRSS));`;
  const since = performance.now();
  const { stdout, status, stderr } = spawnSync(process.execPath, ['--input-type=module', '-e', program], { cwd: ROOT, encoding: 'utf8' });
  if (status !== 0) throw new Error(`the audit ended with ${status}: ${stderr.slice(0, 500)}`);
  return { seconds: (performance.now() - since) / 1_000, megabytes: Number(stdout) / 1_024 };
}
