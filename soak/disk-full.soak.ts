import { spawnSync } from 'node:child_process';
import { chownSync, closeSync, mkdirSync, openSync, rmSync, statSync, writeSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { aFolder, runAs } from '@medspa/testing';
import { faultReport } from './figures.ts';
import { openGround } from './ground.ts';
import { send } from './http.ts';
import { startServiceProcess } from './service.ts';
import { atLeast, atMost, round, type Soak } from './soak.ts';
import { startLoad } from './workload.ts';

const VOLUME_MEGABYTES = 96;
const FULL_MILLIS = 3_000;
const READY_IS_RED = 'readiness is red while the disk is full';

export const soak: Soak = {
  title: 'The disk of the tables is full',
  does: `The tables are on a volume of ${VOLUME_MEGABYTES} MB of their own, which is filled to the last byte for ${FULL_MILLIS / 1_000} s under load, and freed, again and again. Readiness is asked of a process in production mode, whose probe writes.`,
  control: 'readiness only reads',
  breaks: READY_IS_RED,
  count: 5,
  minutes: 3,
  run: async (options) => {
    const volume = mountVolume();
    if (volume === null) return { figures: {}, rules: [], skipped: 'a small volume (tmpfs) may not be mounted here; that takes root.' };
    const folder = aFolder();
    try {
      await using ground = await openGround({ folder });
      await moveTables(ground, volume);
      await using service = await startServiceProcess(ground);
      const mode = options.isControl ? 'test' : 'production';
      await using probe = await startServiceProcess(ground, {
        name: 'soak-probe',
        env: { NODE_ENV: mode, JOBS: 'off', API_URL: 'http://127.0.0.1', HOST: '127.0.0.1', PRACTICE: 'off' },
      });
      const load = startLoad(ground, { url: service.url, seed: options.seed, clients: 12 });
      const backSeconds: number[] = [];
      let red = 0;
      let green = 0;
      for (let fills = 0; fills < options.count; fills++) {
        await sleep(800);
        if (await isReady(probe.url)) green++;
        const ballast = fill(volume);
        await sleep(FULL_MILLIS);
        if (!(await isReady(probe.url))) red++;
        const freedAt = performance.now();
        rmSync(ballast);
        while (
          !load.done.some(({ outcome, lastSentAt }) => outcome === 'ok' && lastSentAt > freedAt) &&
          performance.now() < freedAt + 20_000
        )
          await sleep(10);
        backSeconds.push((performance.now() - freedAt) / 1_000);
      }
      await sleep(2_500);
      if (await isReady(probe.url)) green++;
      await load.stop();
      return await faultReport(ground, load, {
        name: 'fills',
        faults: backSeconds.length,
        wanted: options.count,
        recoverySeconds: options.recoverySeconds,
        recoveries: backSeconds,
        figures: { readinessRed: red, readinessGreen: green, slowestBackSeconds: round(Math.max(...backSeconds)) },
        more: [
          atLeast(READY_IS_RED, red, options.count),
          atLeast('readiness is green before and after', green, options.count + 1),
          atLeast('clients were told to wait (503)', load.counts.busy, 1),
          atMost('connections that broke', load.counts.broken, 0),
        ],
      });
    } finally {
      spawnSync('umount', ['-l', volume]);
      for (const left of [volume, folder]) rmSync(left, { recursive: true, force: true, maxRetries: 10, retryDelay: 100 });
    }
  },
};

/** A small volume in memory, or null where this user may not mount one. */
function mountVolume(): string | null {
  const volume = join(tmpdir(), `medspa-volume-${randomUUID()}`);
  mkdirSync(volume);
  const { status } = spawnSync('mount', ['-t', 'tmpfs', '-o', `size=${VOLUME_MEGABYTES}m`, 'tmpfs', volume]);
  if (status === 0) return volume;
  rmSync(volume, { recursive: true });
  return null;
}

/** The database to the volume; the log that a crash is recovered from stays where it is. */
async function moveTables({ admin, look }: Awaited<ReturnType<typeof openGround>>, volume: string): Promise<void> {
  const [cluster] = await look<{ folder: string }>(`SELECT current_setting('data_directory') AS folder`);
  const { uid, gid } = statSync(cluster?.folder ?? '');
  const place = join(volume, 'tables');
  mkdirSync(place, { mode: 0o700 });
  chownSync(place, uid, gid);
  await runAs(
    { ...admin, database: 'postgres' },
    `CREATE TABLESPACE soak_volume LOCATION '${place}'`,
    `ALTER DATABASE ${admin.database} SET TABLESPACE soak_volume`,
  );
}

/** Takes every byte that is left; the file that gives them back. */
function fill(volume: string): string {
  const file = join(volume, 'ballast');
  const ballast = openSync(file, 'w');
  try {
    for (let size = 1 << 20; size >= 512; size /= 2) {
      const block = Buffer.alloc(size, 1);
      try {
        while (writeSync(ballast, block) > 0);
      } catch (error) {
        if ((error as { code?: string }).code !== 'ENOSPC') throw error;
      }
    }
  } finally {
    closeSync(ballast);
  }
  return file;
}

async function isReady(url: string): Promise<boolean> {
  return (await send(`${url}/health/ready`, { limitMillis: 5_000 })).status === 200;
}
