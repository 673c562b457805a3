import { setTimeout as sleep } from 'node:timers/promises';
import { Chance } from '@medspa/practice-data';
import { runAs } from '@medspa/testing';
import { faultReport, recoveries } from './figures.ts';
import { groundOf } from './ground.ts';
import { PROMISES } from './history.ts';
import { startServiceProcess } from './service.ts';
import type { Soak } from './soak.ts';
import { startLoad } from './workload.ts';

export const soak: Soak = {
  title: 'The service is killed under load',
  does: '24 clients book, move and cancel while SIGKILL hits the process of the service at random moments; another one is started on the same port.',
  control: 'the calendar has no exclusion constraint',
  breaks: PROMISES.overlaps,
  count: 20,
  minutes: 10,
  run: async (options) => {
    await using ground = await groundOf(options);
    if (options.isControl) await runAs(ground.owner, 'ALTER TABLE claim DROP CONSTRAINT claim_no_overlap');
    let service = await startServiceProcess(ground);
    const { url, port } = service;
    const kills: number[] = [];
    try {
      const chance = new Chance(options.seed);
      const load = startLoad(ground, { url, seed: options.seed, clients: 24 });
      for (const deadline = performance.now() + options.minutes * 60_000; kills.length < options.count && performance.now() < deadline;) {
        await sleep(500 + chance.next() * 1_500);
        kills.push(performance.now());
        await service.started.end('SIGKILL');
        service = await startServiceProcess(ground, { port });
        if (kills.length % 5 === 0) options.say(`${kills.length} kills, ${load.done.length} operations`);
      }
      await sleep(500);
      await load.stop();
      return await faultReport(ground, load, {
        name: 'kills',
        faults: kills.length,
        wanted: options.count,
        recoverySeconds: options.recoverySeconds,
        recoveries: recoveries(load, kills),
      });
    } finally {
      await service[Symbol.asyncDispose]();
    }
  },
};
