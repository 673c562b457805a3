import type { DatabaseSettings } from '@medspa/database';
import { beginPracticeSession, type SessionHeaders } from '@medspa/practice-data';
import { TEST_KEY, type Clinic, type TestDatabase } from '@medspa/testing';
import { startService, type Service } from '../src/compose.ts';
import { loadConfig, type Config } from '../src/platform/config.ts';
import { createLog } from '../src/platform/log.ts';
import type { Received } from '../src/platform/mailbox/page.ts';

/** The entry of a container. */
export const SERVICE = 'apps/api/src/main.ts';

/** What its process needs to work on this database. `name` shows in pg_stat_activity. */
export function serviceEnv(database: DatabaseSettings, name: string) {
  const { host, port, user, password } = database;
  return {
    DATABASE_URL: `postgresql://${user}:${password}@${host}:${port}/${database.database}?application_name=${name}`,
    ENCRYPTION_KEY: TEST_KEY,
    PRACTICE: 'on',
    // One person of one address is all the clients of a test.
    RATE_LIMIT_FACTOR: '1000',
  };
}

/** The whole service in this process, on ports of its own, with every line that it logged. */
export type RunningService = Service & {
  url: string;
  metricsUrl: string;
  lines: string[];
  /** With these a request is one of the clinic's owner. */
  signedIn: SessionHeaders;
  stop: () => Promise<void>;
};

/** Starts it on the test's database in practice mode, with the clinic's owner signed in. `name` keeps its pool apart from the test's. */
export async function startTestService(
  name: string,
  t: TestDatabase,
  clinic: Pick<Clinic, 'organizationId' | 'actorId'>,
  changes: { config?: Partial<Config>; database?: Partial<DatabaseSettings>; received?: () => readonly Received[] } = {},
): Promise<RunningService> {
  const config = await loadConfig({
    DATABASE_HOST: t.runtime.host,
    DATABASE_PASSWORD: t.runtime.password,
    ENCRYPTION_KEY: TEST_KEY,
    PORT: '0',
    METRICS_PORT: '0',
    PRACTICE: 'on',
    RATE_LIMIT_FACTOR: '1000',
  });
  const all = { ...config, ...changes.config, database: { ...t.runtime, applicationName: name, ...changes.database } };
  const lines: string[] = [];
  const log = createLog(all.logLevel, { write: (line) => void lines.push(line) }, { readable: all.environment === 'development' });
  const service = await startService(all, log, {
    serves: true,
    runsJobs: all.runsJobs,
    ...(changes.received ? { received: changes.received } : {}),
  });
  return {
    ...service,
    url: `http://127.0.0.1:${service.port}`,
    metricsUrl: `http://127.0.0.1:${service.metricsPort}/metrics`,
    lines,
    signedIn: await beginPracticeSession(t.database, clinic),
    stop: () => service.lifecycle.stop(),
  };
}
