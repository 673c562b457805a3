import { createCodec, insertRows, keyRingOf, ringWrapping } from '@medspa/database';
import { v7 as newId } from 'uuid';
import { keyedPassword, loginKeyOf } from '../apps/api/src/modules/identity/service/prove.ts';
import { hashPassword } from '../apps/api/src/platform/passwords.ts';
import { load, quantile, tableOf, type Bench } from './bench.ts';
import { fillWorld, openSlots, sessionOf, wireOf, type World } from './booking-world.ts';
import { openBenchDatabase, type BenchDatabase } from './database.ts';
import { BenchConnection } from './http-client.ts';
import { OpenLoad, type Answer } from './open-load.ts';
import { BENCH_KEY, startBenchService } from './service.ts';

// AUT-1: a hundred people who sign in at once, beside bookings. A password costs some 40 ms of a processor and of a thread that
// bookings need too: the hashes in flight are limited, so that the desk does not wait for the morning's passwords.

const PEOPLE = 100;
const BOOKINGS_PER_SECOND = 30;
const WARM_SECONDS = 4;
/** Of a booking, as under load (docs/performance.md). */
const P99_MILLIS = 100;
const PASSWORD = 'slow green harbour morning';
/** As the service's own page. */
const OWN_PAGE = { 'sec-fetch-site': 'same-origin' };

export const bench: Bench = async ({ rounds, secondsPerRound, say }) => {
  await using db = await openBenchDatabase(say);
  const world = await fillWorld(db);
  const emails = await addPeople(db, world);
  await using service = await startBenchService(db);
  const nextSlot = openSlots(world);
  const book = () => ({ method: 'POST' as const, path: '/v1/appointments', body: wireOf(nextSlot()) });
  const bookings = new OpenLoad(service.port, book, world.signedIn);
  say(`Warming up for ${WARM_SECONDS} s ...`);
  await bookings.run(BOOKINGS_PER_SECOND, WARM_SECONDS);

  const [alone, beside]: [Answer[], Answer[]] = [[], []];
  const signIns = { done: 0, shed: 0, failed: 0 };
  for (let round = 0; round < rounds; round++) {
    alone.push(...(await bookings.run(BOOKINGS_PER_SECOND, secondsPerRound)));
    const signing = signInAll(service.port, emails, signIns);
    beside.push(...(await bookings.run(BOOKINGS_PER_SECOND, secondsPerRound)));
    await signing;
  }
  bookings.close();

  const [without, during] = [alone, beside].map((answers) => answers.map(({ millis }) => millis).toSorted((a, b) => a - b));
  const p99 = (sorted: number[] = []) => quantile(sorted, 0.99);
  const errors = [...alone, ...beside].filter(({ status }) => status !== 201).length;
  const row = (name: string, sorted: number[] = []) => [
    name,
    String(sorted.length),
    quantile(sorted, 0.5).toFixed(1),
    p99(sorted).toFixed(1),
  ];
  return {
    table: [
      tableOf(['bookings', 'answers', 'p50 ms', 'p99 ms'], [row('alone', without), row(`beside ${PEOPLE} who sign in`, during)]),
      '',
      `Signed in ${signIns.done} times; ${signIns.shed} were told to come again in a moment, ${signIns.failed} failed. Load average ${load()}.`,
    ].join('\n'),
    result: {
      ratios: { p99_to_bound: p99(during) / P99_MILLIS, p99_to_alone: p99(during) / p99(without) },
      ratio: p99(during) / P99_MILLIS,
      ok: errors === 0 && signIns.failed === 0 && signIns.done > 0 && p99(during) <= P99_MILLIS,
      p99Alone: p99(without),
      p99Beside: p99(during),
      errors,
      ...signIns,
      loadAverage: load(),
    },
  };
};

/** Everybody at once, each on a connection of their own, until they are in. */
async function signInAll(port: number, emails: string[], counts: { done: number; shed: number; failed: number }): Promise<void> {
  await Promise.all(
    emails.map(async (email) => {
      const connection = await BenchConnection.open(port);
      const ask = () => connection.post('/v1/session', JSON.stringify({ email, password: PASSWORD }), OWN_PAGE);
      let { status } = await ask();
      for (; status === 503; { status } = await ask()) {
        counts.shed++;
        // `Retry-After: 1`, which clients keep.
        await new Promise((resolve) => setTimeout(resolve, 1_000));
      }
      counts[status === 201 ? 'done' : 'failed']++;
      connection.close();
    }),
  );
}

/** People of the clinic with one password; their addresses. */
async function addPeople({ database }: BenchDatabase, world: World): Promise<string[]> {
  const { organizationId } = world;
  const codec = createCodec(database, ringWrapping(keyRingOf(BENCH_KEY)));
  await codec.prepare(organizationId);
  const passwordHash = await hashPassword(keyedPassword({ codec, organizationId }, PASSWORD));
  const people = Array.from({ length: PEOPLE }, (_, index) => ({ id: newId(), email: `person-${index}@clinic.example` }));
  const now = new Date();
  const of = { organization_id: organizationId };
  await database.withTransaction(sessionOf(world, 'bench.fill'), async (tx) => {
    await insertRows(
      tx,
      'staff',
      people.map(({ id }) => ({
        ...of,
        id,
        given_name: 'Bench',
        family_name: 'Person',
        job_title: 'Desk',
        is_active: true,
        version: 1,
        created_at: now,
      })),
    );
    for (const { id: staffId, email } of people) {
      const account = { organizationId, staffId };
      await tx.staffAccount.create({ data: { ...account, loginKey: loginKeyOf({ codec }, email), passwordChangedAt: now } });
      await tx.staffSecret.create({ data: { ...account, passwordHash, passwordIsLong: true } });
    }
  });
  return people.map(({ email }) => email);
}
