import { interleave, load, tableOf, type Bench, type Measured } from './bench.ts';
import { openBenchServer } from './database.ts';
import { GUARDS, guardedService, type Guard, type GuardedService } from './guard-world.ts';
import { withClient } from '../scripts/local.ts';

// What the guards cost: a booking and the reading of a patient, each a whole request without its socket, with none of them, with each
// alone and with all. `permission` is finding whose session it is and what they may; `audit` is the rows of the audit log that
// triggers write and the row of the access log; `encryption` seals, opens and keys.

const TARGET = 0.6;
const CALLERS = 8;
const VARIANTS: [name: string, guards: readonly Guard[]][] = [
  ['none', []],
  ...GUARDS.map((guard): [string, Guard[]] => [guard, [guard]]),
  ['all', GUARDS],
];
const WORK = { booking: 'book', 'patient read': 'readPatient' } as const satisfies Record<string, keyof GuardedService>;

export const bench: Bench = async (options) => {
  const { say } = options;
  await using server = await openBenchServer(say);
  await using made = new AsyncDisposableStack();
  const services = new Map<string, GuardedService>();
  for (const [name, guards] of VARIANTS) {
    say(`Preparing the service with ${guards.length === GUARDS.length ? 'all' : guards.join(', ') || 'none'} of its guards ...`);
    const db = made.use(await server.makeDatabase());
    services.set(name, await guardedService(db, guards));
    // What autovacuum does once a minute; plans made while the tables were empty read more than they need.
    await withClient(db.owner, (client) => client.query('ANALYZE'));
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
    works.flatMap((work) => VARIANTS.slice(1).map(([name]) => [`${work}: ${name}`.replaceAll(/[ :-]+/g, '_'), share(work, name)])),
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
