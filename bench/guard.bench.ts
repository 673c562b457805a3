import { interleave, load, tableOf, type Bench, type Measured } from './bench.ts';
import { openBenchServer } from './database.ts';
import { GUARDS, guardedService, type GuardedService, type Part } from './guard-world.ts';
import { withClient } from '../scripts/local.ts';

// What the guards cost: a booking and the reading of a patient, each a whole request without its socket, with none of them, with each
// alone and with all. Whose session it is, is found in every one of these: without that there is nobody to guard from. `permission` is
// what the roles of its person allow; `audit` is the rows of the audit log that triggers write and the row of the access log;
// `encryption` seals, opens and keys. What finding the session costs is shown by one more, which takes everybody for the owner.

const TARGET = 0.6;
const CALLERS = 16;
const VARIANTS: [name: string, parts: readonly Part[]][] = [
  ['nobody is identified', []],
  ['none', ['session']],
  ...GUARDS.map((guard): [string, Part[]] => [guard, ['session', guard]]),
  ['all', ['session', ...GUARDS]],
];
const WORK = { booking: 'book', 'patient read': 'readPatient' } as const satisfies Record<string, keyof GuardedService>;

/** Bookings that are made before the tables are analysed: what autovacuum does once a minute. Plans for empty tables cost half as much again. */
const FIRST_BOOKINGS = 800;

export const bench: Bench = async (options) => {
  const { say } = options;
  await using server = await openBenchServer(say);
  await using made = new AsyncDisposableStack();
  const services = new Map<string, GuardedService>();
  for (const [name, parts] of VARIANTS) {
    say(`Preparing the service: ${name} ...`);
    const db = made.use(await server.makeDatabase());
    const service = await guardedService(db, parts);
    for (let count = 0; count < FIRST_BOOKINGS; count += CALLERS) await Promise.all(Array.from({ length: CALLERS }, service.book));
    await withClient(db.owner, (client) => client.query('VACUUM ANALYZE'));
    services.set(name, service);
  }
  const measured = new Map<string, Map<string, Measured>>();
  for (const [work, verb] of Object.entries(WORK)) {
    say(`Measuring ${work}, ${CALLERS} callers ...`);
    const contenders = [...services].map(([name, service]) => ({ name, call: () => service[verb]() }));
    measured.set(work, await interleave(contenders, CALLERS, options));
  }
  return report(measured);
};

function report(measured: Map<string, Map<string, Measured>>) {
  const rate = (work: string, name: string) => measured.get(work)?.get(name)?.perSecond ?? Number.NaN;
  const share = (work: string, name: string) => Math.round((rate(work, name) / rate(work, 'none')) * 1_000) / 1_000;
  const works = Object.keys(WORK);
  const rows = works.flatMap((work) =>
    VARIANTS.map(([name]) => {
      const { p50 = Number.NaN, p99 = Number.NaN } = measured.get(work)?.get(name) ?? {};
      return [`${work}, ${name}`, rate(work, name).toFixed(0), share(work, name).toFixed(2), p50.toFixed(1), p99.toFixed(1)];
    }),
  );
  const ratios = Object.fromEntries(
    works.flatMap((work) =>
      VARIANTS.filter(([name]) => name !== 'none').map(([name]) => [`${work}: ${name}`.replaceAll(/[ :-]+/g, '_'), share(work, name)]),
    ),
  );
  const ratio = Math.min(...works.map((work) => share(work, 'all')));
  return {
    table: [
      tableOf(['with which guards', 'per s', 'of none', 'p50 ms', 'p99 ms'], rows),
      '',
      `With all of them ${ratio.toFixed(2)} of the rate with none (at least ${TARGET}); load average ${load()}.`,
    ].join('\n'),
    result: { ratios, ratio, ok: ratio >= TARGET, loadAverage: load() },
  };
}
