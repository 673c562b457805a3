import { spawn, type ChildProcessWithoutNullStreams } from 'node:child_process';
import { once } from 'node:events';
import { rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach } from 'vitest';
import { eventually } from './eventually.ts';
import { aFolder } from './folder.ts';

const ROOT = join(import.meta.dirname, '../../..');

/** A program of the repository as a process of its own, and all that it has said. */
export type Started = {
  child: ChildProcessWithoutNullStreams;
  said: () => string;
  /** Its exit code, or the signal that ended it. */
  ended: Promise<number | NodeJS.Signals>;
  end: (signal: NodeJS.Signals) => Promise<number | NodeJS.Signals>;
};

/** Runs a program with this environment and no other, outside of the repository; its port is a free one unless it is told which. */
export function run(program: string, env: Record<string, string>, options: { node?: string[]; args?: string[] } = {}): Started {
  const { PATH = '', HOME = '' } = process.env;
  const child = spawn(process.execPath, [...(options.node ?? []), join(ROOT, program), ...(options.args ?? [])], {
    cwd: tmpdir(),
    env: { PATH, HOME, PORT: '0', ...env },
  });
  let output = '';
  for (const stream of [child.stdout, child.stderr]) stream.setEncoding('utf8').on('data', (chunk: string) => (output += chunk));
  const ended = once(child, 'close').then(([code, signal]) => (code ?? signal) as number | NodeJS.Signals);
  return {
    child,
    said: () => output,
    ended,
    end: (signal) => {
      child.kill(signal);
      return ended;
    },
  };
}

/**
 * `npm start` as a person uses it: real processes on data folders of their own. What a test started ends with the test, and the
 * folders go with the file.
 */
export function launcher() {
  const running: Started[] = [];
  const folders: string[] = [];
  afterEach(async () => {
    for (const one of running.splice(0)) await one.end('SIGKILL');
  });
  afterAll(() => {
    for (const folder of folders) rmSync(folder, { recursive: true, force: true, maxRetries: 10, retryDelay: 100 });
  });
  return {
    start: (data: string, env: Record<string, string> = {}): Started => {
      const started = run('scripts/start.ts', { MEDSPA_DATA: data, METRICS_PORT: '0', ...env });
      running.push(started);
      return started;
    },
    aDataFolder: (): string => {
      const folder = aFolder();
      folders.push(folder);
      return folder;
    },
  };
}

/** Where the service listens, once it says so. */
export async function served({ said, child }: Started): Promise<string> {
  const address = () => /listening.*?(127\.0\.0\.1:\d+)|http:\/\/(\S+)\/docs/.exec(said())?.slice(1).find(Boolean);
  await eventually('the service is up', () => address() ?? child.exitCode !== null, 60_000).catch(() => {});
  const at = address();
  if (!at) throw new Error(`The service did not start. It said:\n${said()}`);
  return `http://${at}`;
}

/** Signs in as the practice clinic's owner with what `npm start` printed; the headers of a browser that did. */
export async function signedInAsPrinted(started: Started): Promise<Record<string, string>> {
  const address = await served(started);
  const password = () => /password of all of them: (\S+)/.exec(started.said())?.[1];
  await eventually('it prints the sign-ins', () => password() !== undefined);
  const answer = await fetch(`${address}/v1/session`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ email: 'owner@clinic.example', password: password() }),
  });
  const cookie = answer.headers.get('set-cookie')?.split(';')[0];
  if (!cookie) throw new Error(`Nobody is signed in: ${answer.status} ${await answer.text()}`);
  return { cookie, 'sec-fetch-site': 'same-origin' };
}

/** How many patients the first page of a started practice clinic shows, at most a hundred. */
export async function patientsAt(started: Started): Promise<number> {
  const headers = await signedInAsPrinted(started);
  const { items } = (await (await fetch(`${await served(started)}/v1/patients?limit=100`, { headers })).json()) as { items: unknown[] };
  return items.length;
}
