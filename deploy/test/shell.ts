// Shell commands with the cloud's programs replaced, everything else for real.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { ROOT } from './image.ts';
import type { Call } from './gcloud.ts';

export type Ran = { status: number | null; said: string; calls: Call[] };

/**
 * Runs a bash script from the repository's root, with a stand-in of gcloud first on the PATH. `answers` are what its commands
 * print, by their names; `folder` is a temporary one of the caller.
 */
export async function runShell(
  folder: string,
  script: string,
  { env = {}, answers = {}, args = [] }: { env?: Record<string, string>; answers?: Record<string, unknown>; args?: string[] } = {},
): Promise<Ran> {
  const bin = join(folder, 'bin');
  mkdirSync(bin, { recursive: true });
  standIn(join(bin, 'gcloud'), join(import.meta.dirname, 'gcloud.ts'));
  // The Node of this process before an older one of the machine.
  writeFileSync(join(bin, 'node'), `#!/bin/sh\nexec '${process.execPath}' "$@"\n`);
  chmodSync(join(bin, 'node'), 0o755);
  // Tests run in the run that this is part of; a page that names one must name one that is there.
  const npm = `#!/bin/sh
if [ "$1" = test ]; then shift 2; for file; do [ -f "$file" ] || { echo "There is no $file" >&2; exit 1; }; done; exit 0; fi
PATH="\${PATH#*:}" exec npm "$@"
`;
  writeFileSync(join(bin, 'npm'), npm);
  chmodSync(join(bin, 'npm'), 0o755);
  const [log, told] = [join(folder, 'calls.jsonl'), join(folder, 'answers.json')];
  writeFileSync(log, '');
  writeFileSync(told, JSON.stringify(answers));
  const { PATH = '', HOME = '' } = process.env;
  const child = spawn('bash', ['-c', script, 'bash', ...args], {
    cwd: ROOT,
    env: { PATH: `${bin}:${PATH}`, HOME, TMPDIR: folder, GCLOUD_LOG: log, GCLOUD_ANSWERS: told, ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let said = '';
  for (const stream of [child.stdout, child.stderr]) stream.setEncoding('utf8').on('data', (chunk: string) => (said += chunk));
  const [status] = (await once(child, 'close')) as [number | null];
  const calls = existsSync(log)
    ? readFileSync(log, 'utf8')
        .split('\n')
        .filter(Boolean)
        .map((line) => JSON.parse(line) as Call)
    : [];
  return { status, said, calls };
}

function standIn(path: string, program: string): void {
  writeFileSync(path, `#!/bin/sh\nexec '${process.execPath}' '${program}' "$@"\n`);
  chmodSync(path, 0o755);
}
