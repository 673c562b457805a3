import { setTimeout as sleep } from 'node:timers/promises';
import type { Answer } from './http.ts';

/** All at the same moment. */
export function burst(count: number, ask: (index: number) => Promise<Answer>): Promise<Answer[]> {
  return Promise.all(Array.from({ length: count }, (_, index) => ask(index)));
}

export type Load = { stop: () => Promise<Answer[]> };

/** Requests that arrive at a rate, whether or not earlier ones are answered: a service that stands still is not spared. */
export function startLoad(perSecond: number, ask: (index: number) => Promise<Answer>): Load {
  const asked: Promise<Answer>[] = [];
  const since = performance.now();
  let isOn = true;
  const running = (async () => {
    for (; isOn; await sleep(5)) while (asked.length < ((performance.now() - since) / 1_000) * perSecond) asked.push(ask(asked.length));
  })();
  return {
    stop: async () => {
      isOn = false;
      await running;
      return Promise.all(asked);
    },
  };
}

/** Asks every 50 ms until the answer fits; how long that took, or null when it did not happen in time. */
export async function until(withinMillis: number, ask: () => Promise<Answer>, fits: (answer: Answer) => boolean) {
  const since = performance.now();
  for (; ; await sleep(50)) {
    const answer = await ask();
    const millis = performance.now() - since;
    if (fits(answer)) return { answer, millis };
    if (millis > withinMillis) return null;
  }
}
