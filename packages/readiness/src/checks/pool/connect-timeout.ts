import type { Check } from '../../check.ts';
import { fixConnectTimeout } from '../../fix/pool.connect-timeout.ts';
import { poolConnectTimeout } from '../../drills/pool-connect-timeout.ts';
import { eachService } from './services.ts';
import { judgeSetting, type PoolSetting } from './settings.ts';

const SETTING: PoolSetting = {
  parameter: 'connect_timeout',
  engineDefault: 'the engine tries for 5 s, which nobody has chosen',
  option: 'connectionTimeoutMillis',
  driverDefault: 'a connection to an address that answers nothing is tried for minutes',
  ignored: ['connect_timeout'],
  judge: (value, unit) => {
    if (value === 0) return { grade: 'fail', what: '0 is no bound' };
    if (unit === 'option' && value < 100) return { grade: 'fail', what: 'milliseconds are meant, and nothing connects in so few' };
    const seconds = unit === 'option' ? value / 1_000 : value;
    return seconds > 30 ? { grade: 'warn', what: 'a dead address holds every request for that long' } : null;
  },
};

export const connectTimeout: Check = {
  id: 'pool.connect-timeout',
  title: 'Connecting is bounded',
  category: 'Connection pool',
  severity: 'critical',
  why: 'A failover or a firewall leaves an address that answers nothing. TCP gives up after minutes; until then every request waits.',
  link: 'https://node-postgres.com/apis/pool',
  looksFor:
    'up to Prisma 6 with its own engine: connect_timeout in the URL of production, in seconds; with a driver: connectionTimeoutMillis of the pool, which bounds the connect as well',
  remedy: (project) =>
    project.prisma && !project.prisma.hasAdapter
      ? 'Add connect_timeout=5 to the URL of production.'
      : 'Give connectionTimeoutMillis to the pool: the driver bounds the wait and the connect by it, and ignores connect_timeout in the URL.',
  example: {
    language: 'ts',
    before: 'new Pool({ connectionString })',
    after: 'new Pool({ connectionString, connectionTimeoutMillis: 3_000 })',
  },
  effort: '5 minutes',
  static: (project) => eachService(project, (service) => judgeSetting(project, service, SETTING)),
  drill: poolConnectTimeout,
  fix: fixConnectTimeout,
};
