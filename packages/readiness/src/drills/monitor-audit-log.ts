import { setTimeout as sleep } from 'node:timers/promises';
import { couldNotCheck, finding, judged, type Finding } from '../check.ts';
import { drill, spokenStatuses } from './drill.ts';
import { isSuccess, sendingOf } from './http.ts';
import type { DrillRequest } from './settings.ts';

/** Rows may be written a moment after the answer. */
const LATEST_MILLIS = 3_000;

/** monitor.audit-log. A read and a write each leave a row in the audit table, and the rows survive the process. */
export const monitorAuditLog = drill('monitor.audit-log', async ({ start, settings, database }) => {
  const { auditTable } = settings;
  if (!auditTable)
    return couldNotCheck("readiness.json has no drill.auditTable; name the table in which reads and writes of people's data leave a row");
  const service = await start();
  const count = async () => {
    const name = auditTable
      .split('.')
      .map((part) => `"${part}"`)
      .join('.');
    const [row] = await database.query<{ count: string }>(`SELECT count(*) FROM ${name}`);
    return Number(row?.count);
  };
  const findings: Finding[] = [];
  const evidence: string[] = [];
  const look = async (what: string, request: DrillRequest) => {
    const before = await count();
    const answer = await service.send(sendingOf(request));
    if (!isSuccess(answer))
      throw new Error(`the ${what} of readiness.json is answered ${spokenStatuses([answer])}; give one that succeeds`);
    let after = before;
    for (const deadline = performance.now() + LATEST_MILLIS; after === before && performance.now() < deadline; await sleep(50))
      after = await count();
    if (after === before)
      findings.push(
        finding('fail', `A ${what} (${request.method} ${request.path}) leaves no row in ${auditTable} within ${LATEST_MILLIS / 1_000} s.`),
      );
    else evidence.push(`A ${what} leaves ${after - before} row${after - before === 1 ? '' : 's'} in ${auditTable}.`);
    return after;
  };
  await look('read', settings.read);
  if (!settings.write) evidence.push('No write was tried: readiness.json has no drill.write.');
  const kept = settings.write ? await look('write', settings.write) : await count();
  await service.kill();
  const left = await count();
  if (left < kept) findings.push(finding('fail', `${kept - left} rows of ${auditTable} are gone with the process.`));
  return judged(findings, evidence);
});
