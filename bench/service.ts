import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import type { BenchDatabase } from './database.ts';

/** The key of every benchmark: the service and calls past it must open each other's rows. */
export const BENCH_KEY = '8f1c3a5e7092b4d6f8e1a3c5b7092d4f6e81a3c5d7f90b2e4a6c8d0f1e3b5a79';

export type BenchService = { port: number; metricsPort: number; pid: number } & AsyncDisposable;

/** What a process of the service needs to work on this database. */
export function serviceEnvironment({ runtime }: BenchDatabase): NodeJS.ProcessEnv {
  return {
    ...process.env,
    DATABASE_URL: `postgresql://${runtime.user}:${runtime.password}@${runtime.host}:${runtime.port}/${runtime.database}`,
    NODE_ENV: 'test',
    PORT: '0',
    METRICS_PORT: '0',
    ENCRYPTION_KEY: BENCH_KEY,
    PRACTICE: 'on',
    // One person of one address is all of the load.
    RATE_LIMIT_FACTOR: '1000',
  };
}

/** Starts the service in a process of its own. */
export async function startBenchService(db: BenchDatabase): Promise<BenchService> {
  const child = spawn(process.execPath, [join(import.meta.dirname, 'service-process.ts')], {
    stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
    env: serviceEnvironment(db),
  });
  const [ports] = (await once(child, 'message')) as [{ port: number; metricsPort: number }];
  return {
    ...ports,
    pid: child.pid ?? 0,
    [Symbol.asyncDispose]: async () => {
      child.kill('SIGTERM');
      await once(child, 'exit');
    },
  };
}

/** Connections of the service's pool that nobody gave back, now that nobody asks. */
export async function leakedConnections(metricsPort: number): Promise<number> {
  const text = await (await fetch(`http://127.0.0.1:${metricsPort}/metrics`)).text();
  const of = (state: string) => Number(new RegExp(`^db_pool_connections\\{state="${state}"\\} (\\d+)`, 'm').exec(text)?.[1]);
  return of('total') - of('idle');
}
