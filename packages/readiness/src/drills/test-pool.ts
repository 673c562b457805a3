import { setTimeout as sleep } from 'node:timers/promises';
import { couldNotCheck, finding, judged, type Finding } from '../check.ts';
import { drill, spokenStatuses } from './drill.ts';
import { isSuccess, isToldToWait, sendingOf } from './http.ts';
import { burst } from './load.ts';

const PROCESSES = 3;
const ROUNDS = 3;

/**
 * test.pool. Several processes with as many requests in flight as production lets in: none fails, and the connections stay within
 * processes x what readiness.json says one process has. Counted on the road to the database and in pg_stat_activity.
 */
export const testPool = drill('test.pool', async ({ start, settings, proxy, database }) => {
  const { connections } = settings;
  if (connections === null)
    return couldNotCheck(
      'readiness.json has no drill.connections; say how many one process may have, all pools and the health check together',
    );
  const sessions = async () => {
    const [row] = await database.query<{ count: string }>(
      "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND backend_type = 'client backend'",
    );
    return Number(row?.count);
  };
  const before = await sessions();
  const services = await Promise.all(Array.from({ length: PROCESSES }, () => start()));
  const inFlight = services.length * settings.concurrency;
  let isOn = true;
  let mostSessions = 0;
  const counting = (async () => {
    for (; isOn; await sleep(50)) mostSessions = Math.max(mostSessions, (await sessions()) - before);
  })();
  const answers = [];
  for (let round = 0; round < ROUNDS; round++)
    answers.push(
      ...(await burst(
        inFlight,
        (index) => services[index % PROCESSES]?.send(sendingOf(settings.read), 10_000) ?? Promise.reject(new Error('no process')),
      )),
    );
  isOn = false;
  await counting;

  const budget = PROCESSES * connections;
  const failed = answers.filter((one) => !isSuccess(one) && !isToldToWait(one));
  const findings: Finding[] = [];
  if (proxy.peak > budget)
    findings.push(
      finding(
        'fail',
        `${PROCESSES} processes had ${proxy.peak} connections at a time; ${PROCESSES} x ${connections} = ${budget} were announced.`,
      ),
    );
  if (failed.length > 0)
    findings.push(finding('fail', `Of ${answers.length} requests, ${inFlight} in flight at a time, failed: ${spokenStatuses(failed)}.`));
  return judged(findings, [
    `${PROCESSES} processes, ${ROUNDS} x ${inFlight} requests in flight: ${spokenStatuses(answers)}; at most ${proxy.peak} connections at a time (pg_stat_activity saw ${mostSessions} more than before), ${budget} are the budget.`,
  ]);
});
