import { couldNotCheck, judged, warned, type Check, type Judgement } from '../../check.ts';
import { fixPoolLimit } from '../../fix/pool.limit.ts';
import type { LiveDatabase } from '../../live/database.ts';
import type { Project } from '../../project/project.ts';
import { poolSizeOf } from './size.ts';
import { eachService } from './services.ts';
import { judgeSetting, type PoolSetting } from './settings.ts';

const SETTING: PoolSetting = {
  parameter: 'connection_limit',
  engineDefault: 'the engine takes twice the processors plus one, whatever the machine has',
  option: 'max',
  driverDefault: 'the driver takes 10, which nobody has counted',
  ignored: ['connection_limit', 'max', 'pgbouncer', 'schema'],
  judge: (value) => {
    if (value === 0) return { grade: 'fail', what: '0 is not a limit; the default holds' };
    return value > 100 ? { grade: 'warn', what: 'more connections than one process can keep busy' } : null;
  },
};

export const limit: Check = {
  id: 'pool.limit',
  title: 'The pool has an explicit limit where the driver reads it',
  category: 'Connection pool',
  severity: 'critical',
  why: 'Instances times connections must fit the server. A limit that nobody set, or that stands where the driver never looks, is found out when the server refuses everybody.',
  link: 'https://www.prisma.io/docs/orm/prisma-client/setup-and-configuration/databases-connections/connection-pool',
  looksFor:
    'up to Prisma 6 with its own engine: connection_limit in the URL of production; with a driver adapter, Prisma 7 or pg itself: `max` of the pool, and no parameter in the URL that only looks like a limit',
  remedy: (project) =>
    project.prisma && !project.prisma.hasAdapter
      ? 'Add connection_limit to the URL of production, sized by the budget of pool.budget.'
      : 'Give `max` to the pool where it is made, sized by the budget of pool.budget; remove pool parameters from the URL, which the driver ignores.',
  example: (project) =>
    project.prisma && !project.prisma.hasAdapter
      ? {
          language: 'env',
          before: 'DATABASE_URL=postgresql://USER:PASSWORD@HOST:5432/DATABASE',
          after: 'DATABASE_URL=postgresql://USER:PASSWORD@HOST:5432/DATABASE?connection_limit=8&pool_timeout=3&connect_timeout=5',
        }
      : {
          language: 'ts',
          before: 'new PrismaPg({ connectionString: process.env.DATABASE_URL })',
          after: 'new PrismaPg({ connectionString: process.env.DATABASE_URL, max: 8, connectionTimeoutMillis: 3_000 })',
        },
  effort: '30 minutes',
  static: (project) => eachService(project, (service) => judgeSetting(project, service, SETTING)),
  database: openConnections,
  fix: fixPoolLimit,
};

type Group = { name: string; address: string; connections: number };

/** No process may hold more connections than its pool is given. */
async function openConnections(database: LiveDatabase, project: Project): Promise<Judgement> {
  const groups = await database.query<Group>(`
    SELECT coalesce(nullif(application_name, ''), 'unnamed') AS name, coalesce(host(client_addr), 'socket') AS address, count(*)::int AS connections
    FROM pg_stat_activity
    WHERE backend_type = 'client backend' AND usename = current_user AND datname = current_database() AND pid <> pg_backend_pid()
    GROUP BY 1, 2 ORDER BY 3 DESC LIMIT 10`);
  const [largest] = groups;
  if (!largest) return couldNotCheck('nobody but this audit is connected, so no pool could be counted');
  const sizes = project.services.map((service) => poolSizeOf(project, service));
  const known = sizes.map((size) => size?.connections ?? null);
  const seen = groups.map(({ name, address, connections }) => `${name} at ${address} holds ${connections} connections`);
  if (known.length === 0 || known.includes(null)) return { ...couldNotCheck('the size of the pool is not written down'), evidence: seen };
  // Several processes may share an address (a proxy, one machine); far more than one pool is still worth a look.
  const most = Math.max(...known.map(Number)) + 1;
  if (largest.connections > most * 2)
    return warned(
      `${largest.name} at ${largest.address} holds ${largest.connections} connections; one process is given ${most} with its health check`,
    );
  return judged([], seen);
}
