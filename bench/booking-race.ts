import type pg from 'pg';
import type { Slot } from './booking-world.ts';

/** What became of a number of rounds in which everybody wanted one slot. */
export type Race = { contenders: number; rounds: number; oneWinnerEach: boolean; deadlocks: number; worstMillis: number };

/** Rounds of `contenders` simultaneous tries for one slot each; `attempt` answers whether it won. */
export async function contend(
  watch: pg.Pool,
  contenders: number,
  rounds: number,
  nextSlot: () => Slot,
  attempt: (slot: Slot, caller: number) => Promise<boolean>,
): Promise<Race> {
  const deadlocksBefore = await deadlocks(watch);
  let worstMillis = 0;
  let oneWinnerEach = true;
  for (let round = 0; round < rounds; round++) {
    const slot = nextSlot();
    const wins = await Promise.all(
      Array.from({ length: contenders }, async (_, caller) => {
        const since = performance.now();
        const won = await attempt(slot, caller);
        worstMillis = Math.max(worstMillis, performance.now() - since);
        return won;
      }),
    );
    oneWinnerEach &&= wins.filter(Boolean).length === 1;
  }
  return { contenders, rounds, oneWinnerEach, deadlocks: (await deadlocks(watch)) - deadlocksBefore, worstMillis: Math.round(worstMillis) };
}

async function deadlocks(watch: pg.Pool): Promise<number> {
  const client = await watch.connect();
  try {
    await client.query('SELECT pg_stat_force_next_flush()');
    return (
      (await client.query<{ deadlocks: number }>('SELECT deadlocks::int FROM pg_stat_database WHERE datname = current_database()')).rows[0]
        ?.deadlocks ?? 0
    );
  } finally {
    client.release();
  }
}

/**
 * The control that must fail: claims by a plain INSERT, without the order of locks and without ON CONFLICT. Writers then wait
 * for each other in a cycle until the server kills one after another, a second each.
 */
export async function breakClaims(owner: pg.Pool): Promise<void> {
  await owner.query(`
    CREATE OR REPLACE FUNCTION app.take_claims(p_appointment uuid, p_resources uuid[], p_ranges tstzrange[], p_evict boolean) RETURNS boolean LANGUAGE plpgsql AS $$
    BEGIN
      INSERT INTO claim (organization_id, resource_id, during, kind, appointment_id)
      SELECT app.organization_id(), u.id, u.during, 'booking', p_appointment FROM unnest(p_resources, p_ranges) u(id, during) ORDER BY random();
      RETURN true;
    EXCEPTION WHEN exclusion_violation THEN
      RETURN false;
    END $$`);
  const { rowCount } = await owner.query(`SELECT FROM pg_proc WHERE proname = 'take_claims'`);
  if (rowCount !== 1) throw new Error('The control stands beside app.take_claims instead of in its place: its parameters have changed.');
}
