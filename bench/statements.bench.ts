import { openDatabase, type Tx } from '@medspa/database';
import pg from 'pg';
import { interleave, load, tableOf, type Bench, type Contender } from './bench.ts';
import { fillWorld, sessionOf } from './booking-world.ts';
import { openBenchDatabase } from './database.ts';
import { cpuMillis } from './processes.ts';

// What named statements are worth: the same reads with and without them, by rate and by the server's processor time. Prisma
// sends its statements without names unless it is told how to name them.

const CALLERS = 8;
/** A list as a page asks for it, with a join, and the driver's statement for the same rows. */
const list = (tx: Tx, organizationId: string) =>
  tx.providerService.findMany({
    where: { organizationId },
    orderBy: [{ providerId: 'asc' }],
    take: 20,
    select: { providerId: true, provider: { select: { displayName: true } }, service: { select: { name: true } } },
  });
const SQL = `SELECT ps.provider_id, p.display_name, s.name FROM provider_service ps
  JOIN provider p ON p.organization_id = ps.organization_id AND p.id = ps.provider_id
  JOIN service s ON s.organization_id = ps.organization_id AND s.id = ps.service_id
  WHERE ps.organization_id = $1 ORDER BY ps.provider_id LIMIT 20`;

export const bench: Bench = async (options) => {
  const { say } = options;
  await using db = await openBenchDatabase(say);
  const world = await fillWorld(db);
  const { organizationId } = world;
  const session = sessionOf(world, 'bench.statements');
  const unnamed = openDatabase({ ...db.runtime, applicationName: 'bench-unnamed', statementCacheSize: 0 });
  const { host, port, user, password, database } = db.runtime;
  // The driver is bound to the organization for the whole connection: the limit has no session to open each time.
  const startup = `-c app.organization_id=${organizationId}`;
  const driver = new pg.Pool({ host, port, user, password, database, max: db.runtime.poolMax, options: startup });

  const byPrisma = (through: typeof unnamed) => () => through.withTransaction(session, (tx) => list(tx, organizationId));
  const byDriver = (name?: string) => () => driver.query({ ...(name ? { name } : {}), text: SQL, values: [organizationId] });
  const idsOf = async (rows: Promise<{ providerId: string }[]>) => (await rows).map((row) => row.providerId).join();
  const expected = (await byDriver()()).rows.map((row) => row.provider_id).join();
  for (const through of [db.database, unnamed])
    if ((await idsOf(byPrisma(through)())) !== expected || expected === '') throw new Error('The contenders do not read the same rows.');

  const contender = (name: string, call: () => Promise<unknown>): Contender => ({ name, call: async () => void (await call()) });
  const contenders = [
    contender('driver, named (limit)', byDriver('list')),
    contender('driver, unnamed', byDriver()),
    contender('service, named', byPrisma(db.database)),
    contender('service, unnamed', byPrisma(unnamed)),
  ];
  say(`Measuring ${CALLERS} callers ...`);
  const measured = await interleave(contenders, CALLERS, options, () => cpuMillis(db.serverPid));
  await driver.end();
  await unnamed.disconnectDatabase();

  const rate = (name: string) => measured.get(name)?.perSecond ?? Number.NaN;
  const cpu = (name: string) => measured.get(name)?.metered ?? Number.NaN;
  const limit = rate('driver, named (limit)');
  const gained = rate('service, named') / rate('service, unnamed');
  const saved = 1 - cpu('service, named') / cpu('service, unnamed');
  return {
    table: [
      tableOf(
        ['a list of 20 with two joins', 'per s', 'of limit', 'p50 ms', 'p99 ms', 'server ms a call'],
        [...measured].map(([name, { perSecond, p50, p99, metered }]) => [
          name,
          perSecond.toFixed(0),
          (perSecond / limit).toFixed(2),
          p50.toFixed(1),
          p99.toFixed(1),
          metered.toFixed(2),
        ]),
      ),
      '',
      `Names make the service ${((gained - 1) * 100).toFixed(0)} % faster and save ${(saved * 100).toFixed(0)} % of the server's time; load average ${load()}.`,
    ].join('\n'),
    result: {
      ratios: { named_to_unnamed: gained },
      ratio: gained,
      ok: gained > 1 && saved > 0,
      serverTimeSaved: saved,
      loadAverage: load(),
    },
  };
};
