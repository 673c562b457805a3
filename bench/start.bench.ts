import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import type { SessionHeaders } from '@medspa/practice-data';
import { load, quantile, tableOf, type Bench } from './bench.ts';
import { fillWorld } from './booking-world.ts';
import { openBenchDatabase } from './database.ts';
import { residentMegabytes } from './processes.ts';
import { serviceEnvironment } from './service.ts';

// What a cold start costs: from the start of a process until it listens, until the first row is out, and the memory it then
// holds. The limit is a process of Node's own HTTP server and the driver alone that does the same.

/** Schemas, routes and the client are read from disk and compiled; more than this and somebody loads what is not needed. */
const MOST_RATIO = 6;

type Started = { listening: number; firstRow: number; megabytes: number };

export const bench: Bench = async ({ rounds, say }) => {
  await using db = await openBenchDatabase(say);
  const world = await fillWorld(db);
  const env = serviceEnvironment(db);
  say(`Starting each ${rounds} times ...`);
  const service: Started[] = [];
  const limit: Started[] = [];
  for (let round = 0; round < rounds; round++) {
    service.push(await started('service-process.ts', '/v1/locations', env, world.signedIn));
    limit.push(await started('start-limit.ts', '/', { ...env, BENCH_ORGANIZATION: world.organizationId }, world.signedIn));
  }
  const rows = [
    ['service', medianOf(service)],
    ['limit: node:http and the driver', medianOf(limit)],
  ] as const;
  const ratio = rows[0][1].firstRow / rows[1][1].firstRow;
  return {
    table: [
      tableOf(
        ['start', 'listens, ms', 'first row, ms', 'memory, MB'],
        rows.map(([name, { listening, firstRow, megabytes }]) => [name, listening.toFixed(0), firstRow.toFixed(0), megabytes.toFixed(0)]),
      ),
      '',
      `The first row is out after ${ratio.toFixed(1)} times the limit; load average ${load()}.`,
    ].join('\n'),
    result: { ratios: { first_row: ratio }, ratio, ok: ratio <= MOST_RATIO, service: rows[0][1], limit: rows[1][1], loadAverage: load() },
  };
};

async function started(program: string, path: string, env: NodeJS.ProcessEnv, headers: SessionHeaders): Promise<Started> {
  const since = performance.now();
  const child = spawn(process.execPath, [join(import.meta.dirname, program)], { stdio: ['ignore', 'inherit', 'inherit', 'ipc'], env });
  const [{ port }] = (await once(child, 'message')) as [{ port: number }];
  const listening = performance.now() - since;
  const answer = await fetch(`http://127.0.0.1:${port}${path}`, { headers });
  const body = await answer.text();
  const firstRow = performance.now() - since;
  if (answer.status !== 200 || !body.includes('Location 0')) throw new Error(`${program} answers ${answer.status} without the row.`);
  const megabytes = residentMegabytes(child.pid ?? 0);
  child.kill('SIGTERM');
  await once(child, 'exit');
  return { listening, firstRow, megabytes };
}

function medianOf(all: Started[]): Started {
  const median = (of: (one: Started) => number) =>
    quantile(
      all.map(of).toSorted((a, b) => a - b),
      0.5,
    );
  return { listening: median((one) => one.listening), firstRow: median((one) => one.firstRow), megabytes: median((one) => one.megabytes) };
}
