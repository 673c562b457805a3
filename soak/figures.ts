import type { Ground } from './ground.ts';
import { judge } from './history.ts';
import { atLeast, atMost, quantile, round, rulesOf, type Outcome, type Rule } from './soak.ts';
import { readStored } from './stored.ts';
import type { Load } from './workload.ts';

/** For each fault that something was acknowledged after: seconds until the first operation sent and answered after it. */
export function recoveries({ done }: Pick<Load, 'done'>, faults: number[]): number[] {
  return faults.flatMap((fault) => {
    const later = done.filter(({ outcome, lastSentAt }) => outcome === 'ok' && lastSentAt > fault);
    return later.length === 0 ? [] : [(Math.min(...later.map(({ answeredAt }) => answeredAt)) - fault) / 1_000];
  });
}

type Faults = {
  name: string;
  recoverySeconds: number;
  faults: number;
  wanted: number;
  recoveries?: number[];
  figures?: Record<string, number>;
  more?: Rule[];
};

/** What a fault run under load comes to: the history held against the database, and how fast the service was back. */
export async function faultReport(
  ground: Ground,
  load: Load,
  { name, faults, wanted, recoverySeconds, recoveries: took, figures, more }: Faults,
): Promise<Outcome> {
  const judgement = judge(load.done, await readStored(ground));
  const acknowledged = load.done.filter(({ outcome }) => outcome === 'ok');
  const recovery: Record<string, number> = took
    ? { recoveryP50Seconds: round(quantile(took, 0.5)), recoveryMaxSeconds: round(Math.max(...took)) }
    : {};
  return {
    figures: {
      [name]: faults,
      operations: load.done.length,
      acknowledged: acknowledged.length,
      acknowledgedBookings: acknowledged.filter(({ verb }) => verb === 'book').length,
      refused: load.done.filter(({ outcome }) => outcome === 'refused').length,
      lost: judgement.lost.length,
      doubled: judgement.doubled.length,
      keysWithAnotherEffect: judgement.keys.length,
      unasked: judgement.unasked.length,
      overlaps: judgement.overlaps.length,
      triesWithoutAnswer: load.counts.broken,
      triesToldToWait: load.counts.busy,
      slowestAnswerSeconds: round(load.counts.slowestMillis / 1_000),
      ...recovery,
      ...figures,
    },
    rules: [
      ...rulesOf(judgement),
      atLeast(`at least ${wanted} ${name}`, faults, wanted),
      { rule: 'something was acknowledged', figure: String(acknowledged.length), holds: acknowledged.length > 0 },
      atMost('every client heard how its operation went', load.done.filter(({ outcome }) => outcome === 'unknown').length, 0),
      { rule: 'no answer is a failure of ours (500)', figure: `${load.faults.length}`, holds: load.faults.length === 0 },
      ...(took
        ? [
            atLeast('the service came back after every one', took.length, faults),
            atMost(`it is back within ${recoverySeconds} s`, Math.max(...took), recoverySeconds, ' s'),
          ]
        : []),
      ...(more ?? []),
    ],
  };
}
