import { couldNotCheck, finding, judged, type Finding } from '../check.ts';
import { drill, spoken, spokenStatuses } from './drill.ts';
import { isSuccess, isToldToWait, sendingOf } from './http.ts';
import { burst } from './load.ts';

/** As many instances' worth arrive at one when others start slowly. */
const TIMES = 3;
const WITHIN_MILLIS = 12_000;

/** cloud.concurrency. Three times as many requests as an instance gets are at once in it: each is served or told to come back. */
export const cloudConcurrency = drill('cloud.concurrency', async ({ start, settings }) => {
  const service = await start();
  const count = settings.concurrency * TIMES;
  const answers = await burst(count, () => service.send(sendingOf(settings.read), WITHIN_MILLIS));
  const served = answers.filter(isSuccess);
  if (served.length === 0) return couldNotCheck(`drill.read is answered ${spokenStatuses(answers)}; give one that succeeds`);

  const lost = answers.filter((one) => one.lost !== null);
  const wrong = answers.filter((one) => one.lost === null && !isSuccess(one) && !isToldToWait(one));
  const findings: Finding[] = [];
  if (lost.length > 0)
    findings.push(finding('fail', `${lost.length} of ${count} requests at once had no answer: ${spokenStatuses(lost)}.`));
  if (wrong.length > 0) {
    const isOnlyUntold = wrong.every(({ status }) => status === 503 || status === 429);
    findings.push(
      finding(
        isOnlyUntold ? 'warn' : 'fail',
        `${wrong.length} of ${count} requests at once were answered ${spokenStatuses(wrong)}${isOnlyUntold ? ' without Retry-After' : ''}.`,
      ),
    );
  }
  const told = answers.filter(isToldToWait).length;
  const slowest = Math.max(...answers.map(({ millis }) => millis));
  return judged(findings, [
    `${count} requests at once (${TIMES} x ${settings.concurrency}): ${served.length} served, ${told} told to come back, the slowest answer after ${spoken(slowest)}.`,
  ]);
});
