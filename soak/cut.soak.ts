import { setTimeout as sleep } from 'node:timers/promises';
import { Chance } from '@medspa/practice-data';
import { faultReport } from './figures.ts';
import { groundOf } from './ground.ts';
import { PROMISES } from './history.ts';
import { startServiceProcess } from './service.ts';
import { atMost, type Soak } from './soak.ts';
import { CUTS, startTcpProxy } from './tcp-proxy.ts';
import { startLoad } from './workload.ts';

/** This share of requests to the database and new connections is cut. */
const CUT = 0.16;
/** Node's own limit for an answer is 15 s; whoever fell into a black hole is told before. */
const LONGEST_ANSWER_SECONDS = 15;

export const soak: Soak = {
  title: 'The network between service and database is cut',
  does: 'All connections of the service go through a proxy that delays them, sends the answer in slices of seven bytes, resets them right after a request went through (nobody knows whether it was committed), in the middle of an answer, swallows everything (black hole), or refuses new ones, while 24 clients book, move and cancel.',
  control: 'clients make a new Idempotency-Key for every try',
  breaks: PROMISES.unasked,
  count: 2_000,
  minutes: 12,
  run: async (options) => {
    await using ground = await groundOf(options);
    await using proxy = await startTcpProxy(ground.runtime, new Chance(options.seed));
    await using service = await startServiceProcess(ground, { database: { host: '127.0.0.1', port: proxy.port } });
    const load = startLoad(ground, { url: service.url, seed: options.seed, clients: 24, newKeyPerTry: options.isControl });
    const cuts = () => Object.values(proxy.cuts).reduce((sum, count) => sum + count, 0);
    proxy.misbehave(CUT);
    const deadline = performance.now() + options.minutes * 60_000;
    for (let said = 0; cuts() < options.count && performance.now() < deadline; await sleep(50)) {
      if (cuts() - said < 250) continue;
      said = cuts();
      options.say(`${said} cuts, ${load.done.length} operations`);
    }
    proxy.misbehave(0);
    await load.stop();
    return await faultReport(ground, load, {
      name: 'cuts',
      faults: cuts(),
      wanted: options.count,
      recoverySeconds: options.recoverySeconds,
      figures: Object.fromEntries(CUTS.map((kind) => [`cuts: ${kind}`, proxy.cuts[kind]])),
      more: [
        atMost(
          `every answer comes within ${LONGEST_ANSWER_SECONDS} s, also from a black hole`,
          load.counts.slowestMillis / 1_000,
          LONGEST_ANSWER_SECONDS,
          ' s',
        ),
      ],
    });
  },
};
