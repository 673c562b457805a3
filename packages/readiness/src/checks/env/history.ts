// Secrets in what git's history once added: taking a file away does not take it back.
import { spawnSync } from 'node:child_process';
import type { Kind } from '../../project/kinds.ts';
import { isPassedOver, secretsIn, type Secret } from './secrets.ts';

type PastSecret = Secret & { path: string; commit: string };

export type Past = {
  secrets: PastSecret[];
  /** Everything that the look was after was read; else why not. */
  files: 'read' | 'in part' | 'none';
  lines: 'read' | 'in part' | 'none';
  isShallow: boolean;
};

/** Where secrets are kept: such files are read through the whole history. */
const LIKELY = [
  '*.env',
  '*.env.*',
  '*.pem',
  '*.key',
  '*credentials*',
  '*secrets*',
  '*service-account*',
  '*serviceAccount*',
  '*.tfvars',
  '*.npmrc',
];
const LIMITS = { likely: { millis: 2_000, bytes: 32e6 }, all: { millis: 1_500, bytes: 48e6 } };

/** Reads the added lines of every branch, newest first, within limits of time and size. */
export function lookIntoPast(folder: string, kindOf: (path: string) => Kind): Past {
  if (run(folder, ['rev-parse', '--git-dir'], { millis: 1_000, bytes: 1e4 }) === null)
    return { secrets: [], files: 'none', lines: 'none', isShallow: false };
  const isShallow = run(folder, ['rev-parse', '--is-shallow-repository'], { millis: 1_000, bytes: 1e4 })?.text.trim() === 'true';
  const likely = run(folder, patches(LIKELY.map((one) => `:(glob,icase)**/${one}`)), LIMITS.likely);
  const all = run(folder, patches(['.', ':(exclude,glob)**/*lock*', ':(exclude,glob)**/*.{svg,map,csv,snap}']), LIMITS.all);
  const secrets = new Map<string, PastSecret>();
  for (const patch of [likely, all])
    for (const one of addedSecrets(patch?.text ?? '', kindOf)) secrets.set(one.fingerprint, secrets.get(one.fingerprint) ?? one);
  const state = (one: Output | null) => (one === null ? 'none' : one.isCut ? 'in part' : 'read');
  return { secrets: [...secrets.values()], files: state(likely), lines: state(all), isShallow };
}

/**
 * What a file of a commit has that could hold a secret, for git to choose by: whole histories are too much to read. Wider than
 * what is looked for then (secrets.ts).
 */
const SUSPICIOUS = [
  String.raw`AKIA|ASIA|k_live_|whsec_|SK[0-9a-f]{32}|xox[abeoprs]-|hooks\.slack|gh[pousr]_|github_pat_|glpat-|npm_|SG\.|AIza|sk-|eyJ|PRIVATE KEY`,
  '://[^ ]*:[^ ]*@',
  String.raw`(secret|token|passw|pwd|api_?key|_key|credential|pepper)[A-Za-z0-9_.-]*["']?[[:space:]]*(:|=)`,
].join('|');

function patches(paths: string[]): string[] {
  const form = [
    '--format=%x00%h',
    '--relative',
    '--no-color',
    '--no-ext-diff',
    '--no-textconv',
    '--no-renames',
    '-p',
    '-U0',
    '--regexp-ignore-case',
    `-G${SUSPICIOUS}`,
  ];
  return ['-c', 'core.quotePath=false', 'log', '--all', '--diff-filter=AM', ...form, '--', ...paths];
}

type Output = { text: string; isCut: boolean };

/** Null when git cannot do it at all. */
function run(folder: string, args: string[], { millis, bytes }: { millis: number; bytes: number }): Output | null {
  const { stdout, status, error } = spawnSync('git', args, {
    cwd: folder,
    // One byte a character: what is looked for is ASCII, and a single other letter would double the text in memory.
    encoding: 'latin1',
    timeout: millis,
    maxBuffer: bytes,
    stdio: ['ignore', 'pipe', 'ignore'],
  });
  const isCut = error !== undefined && /ETIMEDOUT|ENOBUFS/.test((error as NodeJS.ErrnoException).code ?? '');
  return status === 0 || isCut ? { text: stdout ?? '', isCut } : null;
}

function addedSecrets(patch: string, kindOf: (path: string) => Kind): PastSecret[] {
  const secrets: PastSecret[] = [];
  for (const commit of patch.split('\0')) {
    const hash = commit.slice(0, Math.max(commit.indexOf('\n'), 0));
    for (const file of commit.split(/^diff --git /m).slice(1)) {
      const named = /^\+\+\+ "?(?:b\/)?(.+?)"?$/m.exec(file)?.[1];
      const path = named && Buffer.from(named, 'latin1').toString('utf8');
      if (path && !isPassedOver(path)) secrets.push(...inAdded(path, file, kindOf(path)).map((one) => ({ ...one, path, commit: hash })));
    }
  }
  return secrets;
}

/** Added lines as one text, so that a key of many lines is seen whole. */
function inAdded(path: string, diff: string, kind: Kind): Secret[] {
  const lines: string[] = [];
  const numbers: number[] = [];
  let number = 0;
  for (const line of diff.split('\n')) {
    const start = /^@@ -\S+ \+(\d+)/.exec(line)?.[1];
    if (start) number = Number(start);
    else if (number > 0 && line.startsWith('+')) {
      lines.push(line.slice(1));
      numbers.push(number++);
    }
  }
  return secretsIn(path, lines.join('\n'), kind).map((one) => ({ ...one, line: numbers[one.line - 1] ?? one.line }));
}
