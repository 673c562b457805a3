import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { DatabaseSettings } from '@medspa/database';
import { TEST_KEY } from './harness.ts';
import { eventually } from './own-database.ts';

/** The service as a process of its own, as a container starts it. */
export type ServiceProcess = {
  child: ChildProcess;
  url: string;
  output: () => string;
  /** Exit code, or the signal that ended it. */
  ended: Promise<number | string>;
  kill: (signal: NodeJS.Signals) => void;
};

const MAIN = join(import.meta.dirname, '../src/main.ts');

/** What the process needs to work on this database. `name` shows in pg_stat_activity. */
export function serviceEnv(
  database: DatabaseSettings,
  name: string,
  practice: { organizationId: string; actorId: string },
): Record<string, string> {
  const { host, port, user, password } = database;
  return {
    DATABASE_URL: `postgresql://${user}:${password}@${host}:${port}/${database.database}?application_name=${name}`,
    ENCRYPTION_KEY: TEST_KEY,
    PORT: '0',
    PRACTICE_ORGANIZATION: practice.organizationId,
    PRACTICE_ACTOR: practice.actorId,
  };
}

/** Starts the process with these variables and nothing of the test's own environment. End it by its own handle. */
export function spawnService(env: Record<string, string>, nodeOptions: string[] = []): Omit<ServiceProcess, 'url'> {
  const child = spawn(process.execPath, [...nodeOptions, MAIN], {
    cwd: tmpdir(),
    env: { PATH: process.env['PATH'] ?? '', ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const chunks: string[] = [];
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk: Buffer) => chunks.push(chunk.toString('utf8')));
  return {
    child,
    output: () => chunks.join(''),
    ended: once(child, 'exit').then(([code, signal]) => (code ?? signal) as number | string),
    kill: (signal) => void child.kill(signal),
  };
}

/** The same, once it listens. */
export async function startServiceProcess(env: Record<string, string>, nodeOptions: string[] = []): Promise<ServiceProcess> {
  const service = spawnService(env, nodeOptions);
  const { answer } = await eventually(
    () => Promise.resolve(/listening.*?127\.0\.0\.1:(\d+)/.exec(service.output())?.[1] ?? (service.child.exitCode === null ? '' : 'ended')),
    (port) => port !== '',
    20_000,
  );
  if (answer === 'ended') throw new Error(`The service ended:\n${service.output()}`);
  return { ...service, url: `http://127.0.0.1:${answer}` };
}
