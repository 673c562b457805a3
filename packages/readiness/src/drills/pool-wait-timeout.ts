import { couldNotCheck, finding, judged, type Finding } from '../check.ts';
import { drill, spokenRange, spokenStatuses } from './drill.ts';
import { isSuccess, isToldToWait, sendingOf, type Answer } from './http.ts';
import { burst } from './load.ts';

/** More than any sensible pool of one process. */
const LEAST_CALLERS = 60;

/**
 * pool.wait-timeout. The pool is filled, then the database goes silent, so every connection is held and whoever comes next
 * waits. They must be told so: 503 with Retry-After, within the patience.
 */
export const poolWaitTimeout = drill('pool.wait-timeout', async ({ start, settings, proxy }) => {
  const patience = settings.patienceSeconds * 1_000;
  const callers = Math.max(LEAST_CALLERS, (settings.connections ?? 0) * 3);
  const service = await start();
  const ask = () => service.send(sendingOf(settings.read), patience);
  await burst(callers, ask);
  const held = proxy.open;
  if (held === 0) return couldNotCheck('drill.read opens no connection to the database; give a path that asks it');
  if (held >= callers)
    return couldNotCheck(`${callers} callers opened ${held} connections, so nobody had to wait; the pool is larger than the drill`);
  proxy.hold();
  // Those that have a connection wait for the database itself, which another limit ends: nobody waits for them here.
  const answers = await firstOf(callers - held, callers, ask);
  if (answers.some(isSuccess)) return couldNotCheck('drill.read is answered while the database is silent; give a path that asks it');

  const told = answers.filter(isToldToWait);
  const untold = answers.filter((answer) => (answer.status === 503 || answer.status === 429) && !isToldToWait(answer));
  const wrong = answers.filter(({ status }) => status > 0 && status !== 503 && status !== 429);
  const late = answers.filter(({ lost }) => lost !== null);
  const findings: Finding[] = [];
  if (late.length > 0)
    findings.push(
      finding('fail', `${late.length} callers that had to wait for a connection had no answer within ${settings.patienceSeconds} s.`),
    );
  if (wrong.length > 0)
    findings.push(
      finding(
        'fail',
        `Callers that got no connection were answered ${spokenStatuses(wrong)}; 503 with Retry-After tells them to come back.`,
      ),
    );
  if (untold.length > 0) findings.push(finding('warn', `${untold.length} answers were 503 without Retry-After.`));
  const evidence =
    told.length > 0
      ? [
          `${told.length} of ${callers} callers were told to come back (503 with Retry-After) after ${spokenRange(told.map(({ millis }) => millis))}, while ${held} connections were held.`,
        ]
      : [];
  return judged(findings, evidence);
});

/** The first answers to many requests at the same moment. */
function firstOf(wanted: number, count: number, ask: () => Promise<Answer>): Promise<Answer[]> {
  return new Promise((resolve) => {
    const answers: Answer[] = [];
    const take = (answer: Answer) => {
      answers.push(answer);
      if (answers.length === wanted) resolve([...answers]);
    };
    for (let index = 0; index < count; index++) void ask().then(take);
  });
}
