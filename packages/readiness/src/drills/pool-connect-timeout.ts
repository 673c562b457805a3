import { couldNotCheck, finding, judged, type Finding } from '../check.ts';
import { drill, spokenRange, spokenStatuses } from './drill.ts';
import { isSuccess, sendingOf } from './http.ts';
import { burst } from './load.ts';

const CALLERS = 5;

/**
 * pool.connect-timeout. All connections break, and new ones are accepted by somebody who never says a word, as in a black hole.
 * Whoever asks then is answered within the patience.
 */
export const poolConnectTimeout = drill('pool.connect-timeout', async ({ start, settings, proxy }) => {
  const service = await start();
  const ask = () => service.send(sendingOf(settings.read), settings.patienceSeconds * 1_000);
  await burst(CALLERS, ask);
  proxy.hold();
  proxy.cut();
  const tries = proxy.tries;
  const answers = await burst(CALLERS, ask);
  if (answers.some(isSuccess)) return couldNotCheck('drill.read is answered while nobody can reach the database; give a path that asks it');

  const late = answers.filter(({ lost }) => lost !== null);
  const wrong = answers.filter(({ status }) => status > 0 && status !== 503);
  const findings: Finding[] = [];
  if (late.length > 0)
    findings.push(
      finding(
        'fail',
        `${late.length} of ${CALLERS} callers had no answer within ${settings.patienceSeconds} s while no connection could be made.`,
      ),
    );
  if (wrong.length > 0)
    findings.push(finding('warn', `While no connection could be made callers were answered ${spokenStatuses(wrong)} instead of 503.`));
  const answered = answers.filter(({ lost }) => lost === null).map(({ millis }) => millis);
  return judged(
    findings,
    answered.length > 0
      ? [
          `With a database that takes connections and says nothing (${proxy.tries - tries} were tried), ${answered.length} of ${CALLERS} callers were answered after ${spokenRange(answered)}: ${spokenStatuses(answers)}.`,
        ]
      : [],
  );
});
