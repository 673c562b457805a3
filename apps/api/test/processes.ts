import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, afterEach } from 'vitest';
import { aFolder, eventually } from './scratch.ts';

const ROOT = join(import.meta.dirname, '../../..');

/** A program of the repository as a process of its own, and all that it has said. */
export type Started = {
  child: ChildProcess;
  said: () => string;
  /** Its exit code; null when a signal ended it. */
  ended: Promise<number | null>;
  end: (signal: NodeJS.Signals) => Promise<number | null>;
};

/** Runs a program with this environment and no other; its ports are free ones unless it is told which. */
export function run(program: string, env: Record<string, string>): Started {
  const { PATH = '', HOME = '' } = process.env;
  const child = spawn(process.execPath, [join(ROOT, program)], { cwd: ROOT, env: { PATH, HOME, PORT: '0', METRICS_PORT: '0', ...env } });
  let output = '';
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk) => (output += chunk));
  const ended = once(child, 'close').then(([code]) => code as number | null);
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
      const started = run('scripts/start.ts', { MEDSPA_DATA: data, ...env });
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

/** Waits until a launched service says where it is, and returns the address. */
export async function served(started: Started): Promise<string> {
  const address = () => /(http:\S+)\/docs/.exec(started.said())?.[1];
  await eventually('the service is up', () => address() !== undefined || started.child.exitCode !== null, 60_000).catch(() => {});
  const at = address();
  if (!at) throw new Error(`The service did not start. It said:\n${started.said()}`);
  return at;
}

/** How many patients the service's first page shows, at most a hundred. */
export async function patientsAt(address: string): Promise<number> {
  const { items } = (await (await fetch(`${address}/v1/patients?limit=100`)).json()) as { items: unknown[] };
  return items.length;
}
