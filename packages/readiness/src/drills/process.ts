import { spawn, type ChildProcess } from 'node:child_process';
import { dirname, delimiter } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { getting, send, type Answer, type Sending } from './http.ts';

/** How a process ended: its exit code, or the signal that ended it. */
export type Ending = { code: number | null; signal: NodeJS.Signals | null };

/** The audited service as a process of ours. */
export type ServiceProcess = {
  url: string;
  metricsUrl: string | null;
  /** All that it said so far, or the last of very much. */
  output: () => string;
  ended: Promise<Ending>;
  ending: () => Ending | null;
  signal: (name: NodeJS.Signals) => void;
  /** Sends one request. Never throws; an answer is waited for five seconds unless told. */
  send: (sending: Sending, withinMillis?: number) => Promise<Answer>;
  get: (path: string, withinMillis?: number) => Promise<Answer>;
  /** Ends it now, and waits until it is gone. */
  kill: () => Promise<void>;
};

export type Launch = {
  command: string[];
  cwd: string;
  env: Record<string, string>;
  port: number;
  metricsUrl: string | null;
};

const KEPT_CHARACTERS = 4_000_000;
const WITHIN_MILLIS = 5_000;
/** What a program needs of the caller's environment to run at all; nothing else goes in. */
const INHERITED = ['HOME', 'TMPDIR', 'TEMP', 'TMP', 'LANG', 'TZ', 'SystemRoot', 'USERPROFILE'];

/** Starts it. It is told nothing of the caller's environment but how to run; `node` is the Node that runs the audit. */
export function launch({ command: [program = '', ...args], cwd, env, port, metricsUrl }: Launch): ServiceProcess {
  const inherited = Object.fromEntries(INHERITED.flatMap((name) => (process.env[name] ? [[name, process.env[name]]] : [])));
  const path = [dirname(process.execPath), process.env['PATH']].filter(Boolean).join(delimiter);
  const child = spawn(program, args, { cwd, env: { ...inherited, PATH: path, ...env }, stdio: ['ignore', 'pipe', 'pipe'] });
  let output = '';
  const keep = (text: string) => (output = (output + text).slice(-KEPT_CHARACTERS));
  for (const stream of [child.stdout, child.stderr]) stream.setEncoding('utf8').on('data', keep);
  const ended = endingOf(child, keep);
  let ending: Ending | null = null;
  void ended.then((how) => (ending = how));
  const url = `http://127.0.0.1:${port}`;
  return {
    url,
    metricsUrl,
    output: () => output,
    ended,
    ending: () => ending,
    signal: (name) => void child.kill(name),
    send: (sending, withinMillis = WITHIN_MILLIS) => send(url, sending, withinMillis),
    get: (at, withinMillis = WITHIN_MILLIS) => send(url, getting(at), withinMillis),
    kill: async () => {
      // A process whose output nobody closes (it has children) is gone as well.
      if (child.exitCode === null && child.signalCode === null) child.kill('SIGKILL');
      await Promise.race([ended, sleep(2_000, undefined, { ref: false })]);
    },
  };
}

/** When the process is gone and its output is read. A program that cannot be started ends with 127, as in a shell. */
function endingOf(child: ChildProcess, keep: (text: string) => void): Promise<Ending> {
  return new Promise((resolve) => {
    child.once('error', (error) => {
      keep(error.message);
      resolve({ code: 127, signal: null });
    });
    child.once('close', (code, signal) => resolve({ code, signal }));
  });
}

export function spokenEnding({ code, signal }: Ending): string {
  return signal === null ? `exit code ${code}` : `it was ended by ${signal}`;
}
