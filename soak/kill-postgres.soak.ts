import { spawnSync } from 'node:child_process';
import { setTimeout as sleep } from 'node:timers/promises';
import { Chance } from '@medspa/practice-data';
import { faultReport, recoveries } from './figures.ts';
import { openGround } from './ground.ts';
import { PROMISES } from './history.ts';
import { startServiceProcess } from './service.ts';
import { quantile, round, type Soak } from './soak.ts';
import { damagedIndexes } from './stored.ts';
import { startLoad } from './workload.ts';

export const soak: Soak = {
  title: 'PostgreSQL is killed under load',
  does: '24 clients book, move and cancel through the service while SIGKILL hits the postmaster and all of its children at random moments; the server starts again and recovers from its log.',
  control: 'the server acknowledges commits before its log is written (synchronous_commit off)',
  breaks: PROMISES.lost,
  count: 50,
  minutes: 15,
  run: async (options) => {
    // Of the control, nothing but the server's promise is taken away.
    const settings: Record<string, string> = options.isControl ? { synchronous_commit: 'off', wal_writer_delay: '10000' } : {};
    await using ground = await openGround({ settings });
    await using service = await startServiceProcess(ground);
    // Only what clients are told from here on can be lost, not the clinic itself.
    await ground.look('CHECKPOINT');
    const chance = new Chance(options.seed);
    const load = startLoad(ground, { url: service.url, seed: options.seed, clients: 24 });
    const kills: number[] = [];
    const ups: number[] = [];
    for (const deadline = performance.now() + options.minutes * 60_000; kills.length < options.count && performance.now() < deadline;) {
      await sleep(300 + chance.next() * 900);
      const { pid } = ground.server;
      if (pid === undefined) throw new Error('PostgreSQL is not there to be killed.');
      const all = [pid, ...childrenOf(pid)];
      kills.push(performance.now());
      for (const one of all) endAtOnce(one);
      await ground.server.halt('kill');
      await ground.server.start();
      ups.push((performance.now() - (kills.at(-1) ?? 0)) / 1_000);
      await recovered(load, kills);
      if (kills.length % 10 === 0) options.say(`${kills.length} kills, ${load.done.length} operations`);
    }
    await load.stop();
    const damaged = await damagedIndexes(ground);
    return await faultReport(ground, load, {
      name: 'kills',
      faults: kills.length,
      wanted: options.count,
      recoverySeconds: options.recoverySeconds,
      recoveries: recoveries(load, kills),
      // How much of it is the server's own start and recovery.
      figures: { serverUpP50Seconds: round(quantile(ups, 0.5)), serverUpMaxSeconds: round(Math.max(...ups)) },
      more: [{ rule: 'every index agrees with its table (amcheck)', figure: damaged.join('; ') || 'all', holds: damaged.length === 0 }],
    });
  },
};

/** Until something was acknowledged after the last kill, at most ten seconds: the next kill waits for a service that works. */
async function recovered(load: Parameters<typeof recoveries>[0], kills: number[]): Promise<void> {
  for (const deadline = performance.now() + 10_000; performance.now() < deadline; await sleep(10))
    if (recoveries(load, kills.slice(-1)).length > 0) return;
}

function childrenOf(pid: number): number[] {
  const { stdout } = spawnSync('ps', ['-A', '-o', 'pid=,ppid='], { encoding: 'utf8' });
  return stdout.split('\n').flatMap((line) => {
    const [child = 0, parent = 0] = line.trim().split(/\s+/).map(Number);
    return parent === pid ? [child] : [];
  });
}

function endAtOnce(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL');
  } catch (error) {
    // It ended by itself between being listed and being killed.
    if ((error as { code?: string }).code !== 'ESRCH') throw error;
  }
}
