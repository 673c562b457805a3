import { Hono } from 'hono';
import type { Database } from '@medspa/database';

/**
 * Where a load balancer looks. `/health` and `/health/live` do no I/O and stay 200 while the database is away: restarting
 * the process would not bring it back. `/health/ready` asks the database. These are not problem documents.
 */
export function healthRoutes(database: Pick<Database, 'checkDatabaseHealth'>, isStopping: () => boolean): Hono {
  const timestamp = () => new Date().toISOString();
  const routes = new Hono();
  routes.get('/health', (c) => c.json({ status: 'healthy', timestamp: timestamp() }));
  for (const path of ['/health/live', '/live']) routes.get(path, (c) => c.json({ status: 'alive', timestamp: timestamp() }));
  for (const path of ['/health/ready', '/ready']) {
    routes.get(path, async (c) => {
      const { healthy, latency, error } = await database.checkDatabaseHealth();
      const checks = {
        database: {
          status: healthy ? 'healthy' : 'unhealthy',
          ...(latency === undefined ? {} : { latency }),
          ...(error === undefined ? {} : { error }),
        },
      };
      const isReady = healthy && !isStopping();
      return c.json({ status: isReady ? 'ready' : 'not_ready', checks, timestamp: timestamp() }, isReady ? 200 : 503);
    });
  }
  return routes;
}
