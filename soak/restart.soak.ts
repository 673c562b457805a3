import { setTimeout as sleep } from 'node:timers/promises';
import type { SessionHeaders } from '@medspa/practice-data';
import { faultReport } from './figures.ts';
import { groundOf, type Ground } from './ground.ts';
import { startHttpProxy, type HttpProxy } from './http-proxy.ts';
import { send } from './http.ts';
import { startServiceProcess, type ServiceProcess } from './service.ts';
import { atLeast, atMost, round, type Soak } from './soak.ts';
import { startLoad } from './workload.ts';

/** Reads per second, whatever becomes of them; writers come on top. */
const READS_PER_SECOND = 100;
/** The same where everything else is tested on the same processors. */
const READS_BESIDE_OTHERS = 20;
const NONE_LOST = 'no request that was accepted is lost';

export const soak: Soak = {
  title: 'The service is restarted under load',
  does: `Two processes behind a local proxy serve ${READS_PER_SECOND} reads a second and four clients that write. One after the other is replaced: a new one starts, the proxy sends the old one nothing more, it gets SIGTERM and finishes what it has.`,
  control: 'processes end at once (SIGKILL), and nobody tells the proxy',
  breaks: NONE_LOST,
  count: 10,
  minutes: 6,
  run: async (options) => {
    await using ground = await groundOf(options);
    await using proxy = await startHttpProxy();
    const processes: ServiceProcess[] = [];
    try {
      for (let one = 0; one < 2; one++) processes.push(await begin(ground, proxy));
      const reads = startReads(
        `${proxy.url}/v1/locations/${ground.clinic.locationId}/day`,
        ground.signedIn,
        options.ground ? READS_BESIDE_OTHERS : READS_PER_SECOND,
      );
      const load = startLoad(ground, { url: proxy.url, seed: options.seed, clients: 4 });
      const codes: (number | string)[] = [];
      const seconds: number[] = [];
      for (let restarts = 0; restarts < options.count; restarts++) {
        await sleep(300);
        const next = await begin(ground, proxy);
        const old = processes.shift();
        if (!old) throw new Error('There is nothing to restart.');
        const since = performance.now();
        if (!options.isControl) proxy.remove(old.port);
        codes.push(await old.started.end(options.isControl ? 'SIGKILL' : 'SIGTERM'));
        if (options.isControl) await sleep(300);
        proxy.remove(old.port);
        seconds.push((performance.now() - since) / 1_000);
        processes.push(next);
      }
      const read = await reads.stop();
      await load.stop();
      const lost = proxy.lost() + read.broken + load.counts.broken;
      const failed = read.failed + load.counts.busy;
      return await faultReport(ground, load, {
        name: 'restarts',
        faults: codes.length,
        wanted: options.count,
        recoverySeconds: options.recoverySeconds,
        figures: {
          acceptedRequests: proxy.accepted(),
          lostRequests: lost,
          reads: read.sent,
          slowestStopSeconds: round(Math.max(...seconds)),
        },
        more: [
          { rule: NONE_LOST, figure: `${lost} of ${proxy.accepted()}`, holds: lost === 0 },
          atMost('and none is answered with a failure', failed, 0),
          atLeast('reads were answered all the while', read.answered, read.sent),
          atMost('every process ended with 0', codes.filter((code) => code !== 0).length, 0),
        ],
      });
    } finally {
      for (const one of processes) await one[Symbol.asyncDispose]();
    }
  },
};

async function begin(ground: Ground, proxy: HttpProxy): Promise<ServiceProcess> {
  const service = await startServiceProcess(ground);
  proxy.add(service.port);
  return service;
}

/** Sends at a fixed rate and does not wait for answers: a service that stands still is not spared. */
function startReads(url: string, headers: SessionHeaders, perSecond: number) {
  const counts = { sent: 0, answered: 0, failed: 0, broken: 0 };
  const under = new Set<Promise<void>>();
  const one = async () => {
    counts.sent++;
    try {
      const { status } = await send(url, { headers });
      if (status === 200) counts.answered++;
      else counts.failed++;
    } catch {
      counts.broken++;
    }
  };
  const since = performance.now();
  const timer = setInterval(() => {
    for (const due = ((performance.now() - since) / 1_000) * perSecond; counts.sent < due;) {
      const sending = one();
      under.add(sending);
      void sending.finally(() => under.delete(sending));
    }
  }, 10);
  return {
    stop: async () => {
      clearInterval(timer);
      await Promise.all(under);
      return counts;
    },
  };
}
