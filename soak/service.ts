import type { DatabaseSettings } from '@medspa/database';
import { freePort } from '@medspa/local-database';
import { eventually, run, type Started } from '@medspa/testing';
import { SERVICE, serviceEnv } from '../apps/api/test/service.ts';
import { send } from './http.ts';
import type { Ground } from './ground.ts';

/** The service as a container runs it: `main.ts` in a process of its own. */
export type ServiceProcess = {
  url: string;
  port: number;
  started: Started;
  /** SIGTERM, and SIGKILL when that is not enough: nothing of a run stays. */
  [Symbol.asyncDispose]: () => Promise<void>;
};

export type ServiceChanges = {
  port?: number;
  /** Another way to the database than straight to it. */
  database?: Partial<DatabaseSettings>;
  env?: Record<string, string>;
  /** Arguments of Node itself. */
  node?: string[];
  name?: string;
};

/** Starts it and waits until it is alive; throws with what it said when it does not start. */
export async function startServiceProcess(ground: Ground, changes: ServiceChanges = {}): Promise<ServiceProcess> {
  const port = changes.port ?? (await freePort());
  const started = run(
    SERVICE,
    {
      ...serviceEnv({ ...ground.runtime, ...changes.database }, changes.name ?? 'soak'),
      NODE_ENV: 'test',
      LOG_LEVEL: 'error',
      PORT: String(port),
      ...changes.env,
    },
    { node: changes.node ?? [] },
  );
  const url = `http://127.0.0.1:${port}`;
  const hasEnded = () => started.child.exitCode !== null || started.child.signalCode !== null;
  await eventually('the service is alive', async () => hasEnded() || (await isAlive(url)), 60_000).catch(() => {});
  if (hasEnded() || !(await isAlive(url))) {
    await started.end('SIGKILL');
    throw new Error(`The service did not start. It said:\n${started.said()}`);
  }
  return {
    url,
    port,
    started,
    [Symbol.asyncDispose]: async () => {
      if (hasEnded()) return;
      const limit = setTimeout(() => started.child.kill('SIGKILL'), 12_000);
      await started.end('SIGTERM');
      clearTimeout(limit);
    },
  };
}

async function isAlive(url: string): Promise<boolean> {
  try {
    return (await send(`${url}/health/live`, { limitMillis: 1_000 })).status === 200;
  } catch {
    return false;
  }
}
