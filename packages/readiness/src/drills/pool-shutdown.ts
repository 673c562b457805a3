import { setTimeout as sleep } from 'node:timers/promises';
import { couldNotCheck, finding, judged, type Finding } from '../check.ts';
import { drill, spoken, spokenStatuses } from './drill.ts';
import { isSuccess, isToldToWait, sendingOf } from './http.ts';
import { burst, startLoad } from './load.ts';
import { spokenEnding } from './process.ts';

const IN_FLIGHT = 20;
/** For the requests to arrive, and for the service to begin its end while they wait. */
const ARRIVE_MILLIS = 500;
const WAIT_MILLIS = 400;
const NEW_PER_SECOND = 20;
/** Cloud Run ends what has not ended then. */
const GRACE_MILLIS = 10_000;

/**
 * pool.shutdown. Requests are in the middle of their work (the database is silent for a moment) when SIGTERM comes. Each of
 * them is answered, and the process ends by itself with 0 within ten seconds.
 */
export const poolShutdown = drill('pool.shutdown', async ({ start, settings, proxy, quoted }) => {
  const service = await start();
  const change = settings.write ?? settings.read;
  const first = await service.send(sendingOf(settings.read));
  if (!isSuccess(first)) return couldNotCheck(`drill.read is answered ${spokenStatuses([first])}; give one that succeeds`);
  proxy.hold();
  const inFlight = burst(IN_FLIGHT, (index) => service.send(sendingOf(index % 4 === 3 ? change : settings.read), 2 * GRACE_MILLIS));
  await sleep(ARRIVE_MILLIS);
  const since = performance.now();
  service.signal('SIGTERM');
  const more = startLoad(NEW_PER_SECOND, () => service.send(sendingOf(settings.read)));
  await sleep(WAIT_MILLIS);
  proxy.pass();
  const ending = await Promise.race([service.ended, sleep(GRACE_MILLIS - (performance.now() - since), null, { ref: false })]);
  const tookMillis = performance.now() - since;
  if (!ending) await service.kill();
  const [answers, late] = await Promise.all([inFlight, more.stop()]);

  // Whoever had to wait for a connection may be told to come back: that is an answer.
  const lost = answers.filter((answer) => !isSuccess(answer) && !isToldToWait(answer));
  const told = answers.filter(isToldToWait).length;
  const findings: Finding[] = [];
  if (lost.length > 0)
    findings.push(finding('fail', `${lost.length} of ${IN_FLIGHT} requests in flight at SIGTERM were lost: ${spokenStatuses(lost)}.`));
  if (!ending) findings.push(finding('fail', `The process still ran ${spoken(GRACE_MILLIS)} after SIGTERM.`));
  else if (ending.code !== 0)
    findings.push(finding('fail', `After SIGTERM it did not end with 0: ${spokenEnding(ending)}.`, undefined, quoted(service.output())));
  const turnedAway = late.filter((answer) => !isSuccess(answer)).length;
  return judged(findings, [
    `SIGTERM with ${IN_FLIGHT} requests in flight: ${IN_FLIGHT - lost.length - told} served, ${told} told to come back, ${lost.length} lost.`,
    ...(ending ? [`The process ended ${spoken(tookMillis)} after SIGTERM: ${spokenEnding(ending)}.`] : []),
    `Of ${late.length} requests that came after SIGTERM, ${turnedAway} were turned away.`,
  ]);
});
