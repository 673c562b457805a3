import { aClinic, arrange, createTestDatabase, type Clinic, type TestDatabase } from '@medspa/testing';
import { afterAll, beforeAll, expect, test } from 'vitest';

// Row-level security lets only leakproof conditions near the rows; any other keeps an index from being used without a word.
// So the plans of what reads claims are looked at, as the runtime role and on a provider with a long past.

let t: TestDatabase;
let clinic: Clinic;
beforeAll(async () => {
  t = await createTestDatabase();
  clinic = await aClinic(t.database);
  await arrange(t.database, clinic, async (tx) => {
    await tx.$executeRaw`INSERT INTO claim (organization_id, resource_id, during, kind)
      SELECT ${clinic.organizationId}::uuid, ${clinic.providerId}::uuid, tstzrange(at, at + interval '30 minutes'), 'block'
      FROM generate_series(timestamptz '2026-01-01', timestamptz '2026-01-01' + interval '1 hour' * 5000, '1 hour') at`;
  });
  await t.look('ANALYZE claim');
});
afterAll(() => t.drop());

const WINDOW = `tstzrange('2026-03-02 00:00Z', '2026-03-03 00:00Z')`;

test.each([
  ['what is busy in a window', `app.busy($1::uuid, ARRAY[$2::uuid], ${WINDOW}, NULL)`],
  ['what is in the way of a visit', `app.in_the_way(ARRAY[$2::uuid], ARRAY[${WINDOW}], $1::uuid)`],
])('%s is read by resource and start, and not by all that the resource ever did', async (_, source) => {
  const rows = await arrange(t.database, clinic, async (tx) => {
    await tx.$executeRaw`SET LOCAL plan_cache_mode = force_generic_plan`;
    return tx.$queryRawUnsafe<{ 'QUERY PLAN': string }[]>(
      `EXPLAIN (ANALYZE, TIMING OFF) SELECT * FROM ${source}`,
      clinic.organizationId,
      clinic.providerId,
    );
  });
  const plan = rows.map((row) => row['QUERY PLAN']);
  expect(plan.find((line) => line.includes('Index Cond'))).toMatch(/organization_id = .*resource_id = .*starts_at > .*starts_at < /);
  expect(plan.join('\n')).not.toMatch(/Rows Removed by Filter: \d{3}/);
});
