import { setTimeout as sleep } from 'node:timers/promises';
import { finding, judged, type Finding } from '../check.ts';
import { drill, spokenRange, spokenStatuses } from './drill.ts';
import { burst, startLoad } from './load.ts';
import { sendingOf } from './http.ts';

const WATCHED_MILLIS = 2_500;
const WITHIN_MILLIS = 1_500;
const CALLERS = 20;

/**
 * health.liveness. While the database is gone, and while it is silent and callers pile up, liveness stays 200 and quick: a
 * restart would not bring the database back.
 */
export const healthLiveness = drill('health.liveness', async ({ start, settings, proxy }) => {
  const service = await start();
  const findings: Finding[] = [];
  const evidence: string[] = [];
  for (const [how, outage] of [
    ['gone', proxy.stop],
    ['silent', proxy.hold],
  ] as const) {
    outage();
    const callers = burst(CALLERS, () => service.send(sendingOf(settings.read), WATCHED_MILLIS));
    const watch = startLoad(10, () => service.get(settings.live, WITHIN_MILLIS));
    await sleep(WATCHED_MILLIS);
    const answers = await watch.stop();
    await callers;
    proxy.pass();
    const bad = answers.filter(({ status }) => status !== 200);
    if (bad.length > 0)
      findings.push(
        finding(
          'fail',
          `While the database is ${how}, ${settings.live} was answered ${spokenStatuses(bad)} (${bad.length} of ${answers.length}): the instance would be restarted.`,
        ),
      );
    else
      evidence.push(
        `While the database is ${how}, ${settings.live} was 200 ${answers.length} times of ${answers.length}, in ${spokenRange(answers.map(({ millis }) => millis))}.`,
      );
  }
  return judged(findings, evidence);
});
