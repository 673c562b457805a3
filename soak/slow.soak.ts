import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { ATTACKS, startAttacker } from './attackers.ts';
import { faultReport } from './figures.ts';
import { groundOf } from './ground.ts';
import { startServiceProcess } from './service.ts';
import { atMost, quantile, round, type Soak } from './soak.ts';
import { startLoad } from './workload.ts';

/**
 * Headers have 5 s, a request 10 s; the server looks once a second. An answer that nobody takes has 20 s, twice where a part of it
 * was still taken at first.
 */
const LONGEST_HOLD_SECONDS = { headers: 15, body: 20, reading: 60 };
const HONEST_P99_MILLIS = 250;
const LET_GO = 'no slow client is held for longer than the limits say';

export const soak: Soak = {
  title: 'Slow clients hold connections',
  does: 'Attackers open connections and finish neither their headers, nor their body, nor reading what they asked for, while eight honest clients work as usual.',
  control: 'the service has no limits for slow clients',
  breaks: LET_GO,
  count: 800,
  minutes: 2,
  run: async (options) => {
    await using ground = await groundOf(options);
    await using service = await startServiceProcess(ground, {
      node: options.isControl ? ['--import', join(import.meta.dirname, 'no-limits.ts')] : [],
    });
    const { pid = 0 } = service.started.child;
    const rssBefore = rssMegabytes(pid);
    const load = startLoad(ground, { url: service.url, seed: options.seed, clients: 8 });
    await sleep(500);
    // Answers that nobody takes are waited for longest; the short form leaves them to the server's own test.
    const attacks = ATTACKS.slice(0, options.ground ? 2 : 3);
    const attackers = Array.from({ length: options.count }, (_, index) =>
      startAttacker(service.port, attacks[index % attacks.length] ?? 'headers', '/openapi.json'),
    );
    const begun = load.done.length;
    let rssPeak = 0;
    const longestHold = Math.max(...attacks.map((attack) => LONGEST_HOLD_SECONDS[attack]));
    for (const deadline = performance.now() + longestHold * 1_000; performance.now() < deadline; await sleep(100)) {
      rssPeak = Math.max(rssPeak, rssMegabytes(pid));
      if (attackers.every(({ isHeld }) => !isHeld())) break;
    }
    const during = load.done.slice(begun).map(({ lastSentAt, answeredAt }) => answeredAt - lastSentAt);
    await load.stop();
    const held = attackers.filter(({ attack, heldSeconds }) => heldSeconds() > LONGEST_HOLD_SECONDS[attack]).length;
    const p99 = quantile(during, 0.99);
    const longest = attacks.map((attack) => {
      const seconds = attackers.filter((attacker) => attacker.attack === attack).map(({ heldSeconds }) => heldSeconds());
      return [`longestHold${attack[0]?.toUpperCase()}${attack.slice(1)}Seconds`, round(Math.max(...seconds))] as const;
    });
    for (const { end } of attackers) end();
    return await faultReport(ground, load, {
      name: 'attackers',
      faults: attackers.length,
      wanted: options.count,
      recoverySeconds: options.recoverySeconds,
      figures: {
        honestP50Millis: round(quantile(during, 0.5)),
        honestP99Millis: round(p99),
        ...Object.fromEntries(longest),
        rssBeforeMegabytes: rssBefore,
        rssPeakMegabytes: rssPeak,
      },
      more: [
        { rule: LET_GO, figure: `${held} held for longer`, holds: held === 0 },
        atMost('no honest request fails or is told to wait', load.counts.broken + load.counts.busy, 0),
        // What a crowded machine takes is not the attackers' doing.
        atMost('p99 of honest clients meanwhile', p99, options.ground ? options.recoverySeconds * 1_000 : HONEST_P99_MILLIS, ' ms'),
      ],
    });
  },
};

/** Memory of a process, where the system tells; 0 elsewhere. */
function rssMegabytes(pid: number): number {
  try {
    return Math.round(Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1] ?? 0) / 1_024);
  } catch {
    return 0;
  }
}
