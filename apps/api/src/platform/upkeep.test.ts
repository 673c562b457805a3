import { EVERYTHING } from '@medspa/contracts';
import { sql } from '@medspa/database';
import { aClinic, arrange, createTestDatabase, sessionIn, testCodec, type Clinic, type TestDatabase } from '@medspa/testing';
import { v7 as newId } from 'uuid';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { createBreaker } from './breaker.ts';
import { upkeepJobs } from './upkeep.ts';

// What runs as the owner across organizations is bounded by itself: its caller is the runtime role, which anybody may be who
// got into the service.

let t: TestDatabase;
let mine: Clinic;
let theirs: Clinic;
beforeAll(async () => {
  t = await createTestDatabase();
  [mine, theirs] = [await aClinic(t.database), await aClinic(t.database)];
});
afterAll(() => t.drop());

const session = (now = new Date()) => sessionIn(mine.organizationId, mine.actorId, 'upkeep', now);
const FAR = new Date('2999-01-01');

/** Half hours of a provider's time from `since` on. */
const claims = (clinic: Clinic, since: string, count: number) =>
  arrange(t.database, clinic, async (tx) => {
    await tx.$executeRaw`INSERT INTO claim (organization_id, resource_id, during, kind)
      SELECT ${clinic.organizationId}::uuid, ${clinic.providerId}::uuid, tstzrange(at, at + interval '30 minutes'), 'block'
      FROM generate_series(now() + ${since}::interval, now() + ${since}::interval + interval '30 minutes' * ${count - 1}, '30 minutes') at`;
  });
const countClaims = async (clinic: Clinic) =>
  (await t.look<{ count: number }>('SELECT count(*)::int FROM claim WHERE organization_id = $1', [clinic.organizationId]))[0]?.count;
const replies = (clinic: Clinic, expires: string, count: number) =>
  arrange(t.database, clinic, async (tx) => {
    await tx.$executeRaw`INSERT INTO idempotency_key (organization_id, actor_id, route, key, body_hash, outcome, expires_at)
      SELECT ${clinic.organizationId}::uuid, ${clinic.actorId}::uuid, 'POST /', ${newId()} || n, decode(repeat('00', 16), 'hex'), jsonb_build_object('appointmentId', n, 'version', 1), now() + ${expires}::interval
      FROM generate_series(1, ${count}::int) n`;
  });
const countReplies = async () => (await t.look<{ count: number }>('SELECT count(*)::int FROM idempotency_key'))[0]?.count;
const drop = {
  claims: (limit: number, now?: Date) =>
    t.database.callFunction(
      session(now),
      (given) => sql<{ n: number }>`SELECT app.drop_past_claims(${given}::jsonb, ${FAR}::timestamptz, ${limit}::int) AS n`,
    ),
  replies: (limit: number, now?: Date) =>
    t.database.callFunction(
      session(now),
      (given) => sql<{ n: number }>`SELECT app.drop_expired_replies(${given}::jsonb, ${limit}::int) AS n`,
    ),
};

describe('upkeep', () => {
  test('removes no claim of today or later, of whatever organization, whatever it is told', async () => {
    await claims(theirs, '-20 hours', 100);
    await drop.claims(1_000_000, FAR);
    expect(await countClaims(theirs)).toBe(100);
  });

  test('removes at most twenty thousand claims at once, of those that ended a day ago', async () => {
    await claims(theirs, '-500 days', 20_100);
    expect(await drop.claims(1_000_000)).toEqual([{ n: 20_000 }]);
    expect(await drop.claims(60)).toEqual([{ n: 60 }]);
    expect(await drop.claims(1_000_000)).toEqual([{ n: 40 }]);
  });

  test('removes no reply that can still be asked for, by the clock of the server, and at most twenty thousand', async () => {
    await replies(theirs, '1 hour', 5);
    await replies(theirs, '-1 minute', 20_003);
    expect(await drop.replies(1_000_000, FAR)).toEqual([{ n: 20_000 }]);
    expect(await drop.replies(1_000_000)).toEqual([{ n: 3 }]);
    expect(await countReplies()).toBe(5);
  });

  test('goes on until no expired reply is left', async () => {
    await replies(theirs, '-1 minute', 10_100);
    const work = upkeepJobs.find(({ name }) => name === 'drop-expired-replies');
    await work?.run(
      {
        database: t.database,
        codec: testCodec(t.database),
        breaker: createBreaker().policy,
        organizationId: mine.organizationId,
        actor: { kind: 'job', id: mine.actorId, grants: EVERYTHING },
        requestId: 'job-1',
        now: () => new Date(),
      },
      {},
    );
    expect(await countReplies()).toBe(5);
  });
});

describe('what upkeep reads is what it removes, not the table:', () => {
  type Reads = { seq: number; fetched: number };
  /** Rows of the table that were read one after the other, and by an index, in a call that removes ten. */
  const readsOf = (table: string, call: string): Promise<Reads> =>
    arrange(t.database, mine, async (tx) => {
      const soFar = async (): Promise<Reads> => {
        const [row] = await tx.$queryRaw<
          Reads[]
        >`SELECT seq_tup_read::int AS seq, idx_tup_fetch::int AS fetched FROM pg_stat_xact_user_tables WHERE relname = ${table}`;
        return row ?? { seq: 0, fetched: 0 };
      };
      await tx.$executeRaw`SET LOCAL plan_cache_mode = force_generic_plan`;
      // A connection tells with these numbers also what it did shortly before.
      const before = await soFar();
      expect(await tx.$queryRawUnsafe(`SELECT ${call} AS n`, JSON.stringify(session()))).toEqual([{ n: 10 }]);
      const after = await soFar();
      return { seq: after.seq - before.seq, fetched: after.fetched - before.fetched };
    });

  test('claims', async () => {
    await claims(mine, '3 days', 5_000);
    await claims(mine, '-400 days', 10);
    await t.look('ANALYZE claim');
    const { seq, fetched } = await readsOf('claim', 'app.drop_past_claims($1::jsonb, now(), 20000)::int');
    expect(seq).toBe(0);
    expect(fetched).toBeLessThan(100);
  });

  test('replies', async () => {
    await replies(mine, '1 hour', 5_000);
    await replies(mine, '-1 hour', 10);
    await t.look('ANALYZE idempotency_key');
    const { seq, fetched } = await readsOf('idempotency_key', 'app.drop_expired_replies($1::jsonb, 20000)::int');
    expect(seq).toBe(0);
    expect(fetched).toBeLessThan(100);
  });
});
