import { setTimeout as sleep } from 'node:timers/promises';
import { couldNotCheck, finding, judged, type Finding } from '../check.ts';
import type { LiveDatabase } from '../live/database.ts';
import { drill, spokenStatuses } from './drill.ts';
import { isSuccess, sendingOf } from './http.ts';
import type { DrillRequest } from './settings.ts';

/** Rows may be written a moment after the answer. */
const LATEST_MILLIS = 3_000;

/** monitor.audit-log. A read and a write each leave a row in their audit table, which is there when the process is not. */
export const monitorAuditLog = drill('monitor.audit-log', async ({ start, settings, database }) => {
  const { audit, read, write } = settings;
  const tries: { what: string; request: DrillRequest; table: string }[] = [];
  if (audit.read) tries.push({ what: 'read', request: read, table: audit.read });
  if (audit.write && write) tries.push({ what: 'write', request: write, table: audit.write });
  if (tries.length === 0)
    return couldNotCheck(
      'readiness.json has no drill.audit; name the tables in which reads and writes of people leave a row, such as { "read": "access_log", "write": "audit_log" }',
    );
  const service = await start();
  const findings: Finding[] = [];
  const evidence: string[] = [];
  for (const { what, request, table } of tries) {
    const before = await countOf(database, table);
    const answer = await service.send(sendingOf(request));
    if (!isSuccess(answer)) return couldNotCheck(`drill.${what} is answered ${spokenStatuses([answer])}; give one that succeeds`);
    let added = 0;
    for (const deadline = performance.now() + LATEST_MILLIS; added <= 0 && performance.now() < deadline; await sleep(50))
      added = (await countOf(database, table)) - before;
    if (added > 0) evidence.push(`A ${what} (${request.method} ${request.path}) leaves ${added} row${added === 1 ? '' : 's'} in ${table}.`);
    else
      findings.push(
        finding('fail', `A ${what} (${request.method} ${request.path}) leaves no row in ${table} within ${LATEST_MILLIS / 1_000} s.`),
      );
  }
  if (tries.length === 1) evidence.push(`Only a ${tries[0]?.what} was tried: the other needs its table in drill.audit and a request.`);
  return judged(findings, evidence);
});

async function countOf(database: LiveDatabase, table: string): Promise<number> {
  const name = table
    .split('.')
    .map((part) => `"${part}"`)
    .join('.');
  const [row] = await database.query<{ count: string }>(`SELECT count(*) FROM ${name}`);
  return Number(row?.count);
}
