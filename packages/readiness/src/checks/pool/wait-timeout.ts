import type { Check } from '../../check.ts';
import { fixWaitTimeout } from '../../fix/pool.wait-timeout.ts';
import { poolWaitTimeout } from '../../drills/pool-wait-timeout.ts';
import { eachService } from './services.ts';
import { judgeSetting, type PoolSetting } from './settings.ts';

const SETTING: PoolSetting = {
  parameter: 'pool_timeout',
  engineDefault: 'the engine lets requests wait for 10 s, longer than most callers do',
  option: 'connectionTimeoutMillis',
  driverDefault: 'a request waits for a free connection without end',
  ignored: ['pool_timeout'],
  judge: (value, unit) => {
    if (value === 0) return { grade: 'fail', what: '0 is a wait without end' };
    if (unit === 'option' && value < 100) return { grade: 'fail', what: 'milliseconds are meant, and nothing connects in so few' };
    const seconds = unit === 'option' ? value / 1_000 : value;
    return seconds > 20 ? { grade: 'warn', what: 'whoever asked has given up long before' } : null;
  },
};

export const waitTimeout: Check = {
  id: 'pool.wait-timeout',
  title: 'The wait for a connection is bounded',
  category: 'Connection pool',
  severity: 'critical',
  why: 'When all connections are busy, requests queue. Without a bound the queue only grows, and every request in it holds memory and a client that has left.',
  link: 'https://node-postgres.com/apis/pool',
  looksFor:
    'up to Prisma 6 with its own engine: pool_timeout in the URL of production, in seconds; with a driver: connectionTimeoutMillis of the pool, whose default is to wait without end',
  remedy: (project) =>
    project.prisma && !project.prisma.hasAdapter
      ? 'Add pool_timeout=3 to the URL of production, and answer P2024 with 503 and Retry-After.'
      : 'Give connectionTimeoutMillis: 3_000 to the pool, and answer its error with 503 and Retry-After.',
  example: {
    language: 'ts',
    before: 'new Pool({ connectionString, max: 8 })',
    after: 'new Pool({ connectionString, max: 8, connectionTimeoutMillis: 3_000 })',
  },
  effort: '30 minutes',
  static: (project) => eachService(project, (service) => judgeSetting(project, service, SETTING)),
  drill: poolWaitTimeout,
  fix: fixWaitTimeout,
};
