import { v7 as newId } from 'uuid';
import { withClient } from '../scripts/local.ts';
import { load, quantile, tableOf, type Bench } from './bench.ts';
import { fillWorld, sessionOf } from './booking-world.ts';
import { openBenchDatabase } from './database.ts';
import { BenchConnection } from './http-client.ts';
import { startBenchService } from './service.ts';

// "Who looked at this record?" beside as many accesses as the medium practice data would have after some years: a few of the patient
// who is asked for, at the far end of all the others. The log has no index by patient, since row-level security would not let a list
// of them be one; what is read is the organization's part of it, from the latest back.

const ROWS = 2_000_000;
const OF_THE_PATIENT = 40;
const MOST_MILLIS = 5_000;
/** Kept below the time that a statement of the owner may take. */
const AT_ONCE = 100_000;

export const bench: Bench = async ({ rounds, say }) => {
  await using db = await openBenchDatabase(say);
  const world = await fillWorld(db);
  const [patientId, others] = [world.patientIds[0], world.patientIds.slice(1)];
  await withClient(db.owner, async (client) => {
    const log = async (ids: string[], count: number, since: string) => {
      await client.query('BEGIN');
      await client.query('SELECT app.enter($1::jsonb)', [JSON.stringify(sessionOf(world, 'patient.read'))]);
      await client.query(
        `INSERT INTO access_log (organization_id, at, actor_kind, actor_id, request_id, action, patient_ids)
         SELECT $1, now() - $5::interval + n * interval '1 millisecond', 'staff', $2, $6, 'patient.read', ARRAY[($3::uuid[])[1 + n % cardinality($3::uuid[])]]
         FROM generate_series(1, $4::int) n`,
        [world.organizationId, world.actorId, ids, count, since, newId()],
      );
      await client.query('COMMIT');
    };
    await log([patientId ?? ''], OF_THE_PATIENT, '2 hours');
    for (let done = 0; done < ROWS; done += AT_ONCE) {
      await log(others, AT_ONCE, '1 hour');
      say(`${(done + AT_ONCE).toLocaleString('en-US')} of ${ROWS.toLocaleString('en-US')} accesses`);
    }
    await client.query('VACUUM ANALYZE access_log');
  });
  await using service = await startBenchService(db);
  const connection = await BenchConnection.open(service.port, world.signedIn);
  const taken: number[] = [];
  for (let round = 0; round < rounds; round++) {
    const since = performance.now();
    const answer = await connection.get(`/v1/patients/${patientId}/accesses?limit=50`);
    taken.push(performance.now() - since);
    const { items } = JSON.parse(answer.body) as { items: unknown[] };
    // Each look is an access itself, and stands there the next time.
    if (items.length !== Math.min(50, OF_THE_PATIENT + round)) throw new Error(`The report has ${items.length} accesses.`);
  }
  connection.close();
  const sorted = taken.toSorted((a, b) => a - b);
  const [median, most] = [quantile(sorted, 0.5), sorted.at(-1) ?? Number.NaN];
  return {
    table: [
      tableOf(
        ['accesses of the organization', 'report p50 ms', 'longest ms'],
        [[ROWS.toLocaleString('en-US'), median.toFixed(0), most.toFixed(0)]],
      ),
      '',
      `At most ${MOST_MILLIS} ms; load average ${load()}.`,
    ].join('\n'),
    result: {
      ratios: { report: Math.round((most / MOST_MILLIS) * 1_000) / 1_000 },
      ratio: most / MOST_MILLIS,
      ok: most <= MOST_MILLIS,
      loadAverage: load(),
    },
  };
};
