import { setTimeout as sleep } from 'node:timers/promises';
import { couldNotCheck, finding, judged, type Finding } from '../check.ts';
import { drill, spoken, spokenRange, spokenStatuses } from './drill.ts';
import { again, isSuccess, sendingOf } from './http.ts';
import { startLoad, until } from './load.ts';

const DUPLICATES = 25;
const OUTAGE_MILLIS = 4_000;
const PER_SECOND = 25;
/** Of the requests that come when the breaker should be open, this share may still try the database. */
const MOST_TRYING = 0.5;
const BACK_MILLIS = 8_000;

/**
 * resilience.circuit-breaker. Refusals by the database (duplicates) never stop anybody. When nobody can reach it, callers are
 * soon refused without another try, which the road to the database counts, and are let in again after its return.
 */
export const resilienceCircuitBreaker = drill('resilience.circuit-breaker', async ({ start, settings, proxy }) => {
  const service = await start();
  const ask = () => service.send(sendingOf(settings.read), 10_000);
  const findings: Finding[] = [];
  const evidence: string[] = [];
  const { duplicate } = settings;
  if (duplicate) {
    const sending = sendingOf(duplicate);
    const first = await service.send(sending);
    if (!isSuccess(first))
      return couldNotCheck(`drill.duplicate is answered ${first.status} at its first time; give one that succeeds once`);
    for (let count = 0; count < DUPLICATES; count++) await service.send(again(sending, duplicate));
    const next = await ask();
    if (isSuccess(next)) evidence.push(`${DUPLICATES} duplicates in a row stop nobody: the next request is served.`);
    else
      findings.push(
        finding(
          'fail',
          `After ${DUPLICATES} duplicates an innocent request is answered ${spokenStatuses([next])}: refusals of data count as failures of the database.`,
        ),
      );
    await until(BACK_MILLIS, ask, isSuccess);
  } else evidence.push('Not tried: duplicates (no drill.duplicate).');

  proxy.stop();
  const load = startLoad(PER_SECOND, ask);
  await sleep(OUTAGE_MILLIS / 2);
  const tries = proxy.tries;
  await sleep(OUTAGE_MILLIS / 2);
  const trying = proxy.tries - tries;
  const answers = await load.stop();
  if (answers.some(isSuccess)) return couldNotCheck('drill.read is answered while nobody can reach the database; give a path that asks it');
  const later = answers.slice(answers.length / 2);
  const lost = answers.filter((one) => one.lost !== null);
  if (lost.length > 0) findings.push(finding('fail', `Without a database ${spokenStatuses(lost)} of ${answers.length} requests.`));
  if (trying > later.length * MOST_TRYING)
    findings.push(
      finding(
        'warn',
        `Nothing stops callers while the database is away: of ${later.length} requests in the last ${spoken(OUTAGE_MILLIS / 2)} of an outage, ${trying} tried to connect.`,
      ),
    );
  else
    evidence.push(
      `In the last ${spoken(OUTAGE_MILLIS / 2)} of an outage ${later.length} requests made ${trying} tries to connect and were answered in ${spokenRange(later.map(({ millis }) => millis))}: ${spokenStatuses(later)}.`,
    );

  proxy.pass();
  const back = await until(BACK_MILLIS, ask, isSuccess);
  if (back) evidence.push(`Requests are served again ${spoken(back.millis)} after its return.`);
  else findings.push(finding('fail', `Requests were not served within ${spoken(BACK_MILLIS)} of the database's return.`));
  return judged(findings, evidence);
});
