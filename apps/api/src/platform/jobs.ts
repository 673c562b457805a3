import { PERMISSIONS } from '@medspa/contracts';
import { GuardedPool, type DatabaseSettings } from '@medspa/database';
import { Logger, run as runQueue, type JobHelpers, type Runner } from 'graphile-worker';
import { z } from 'zod';
import type { Actor, Ctx } from './context.ts';
import { errorFields, type Log } from './log.ts';
import type { Metrics } from './metrics.ts';

/** Connections of a process that runs jobs: one listens, the others work. */
/** Connections that the queue opens beside the pool of the service. */
export const JOB_CONNECTIONS = 4;

/** Jobs act as themselves, never as a person. */
const JOB_ACTOR: Actor = { kind: 'job', id: '00000000-0000-7000-8000-000000000001', permissions: new Set(PERMISSIONS) };

/** Upkeep belongs to no organization: it sees no tenant's rows, and its SQL functions delete only what is past use. */
const NO_ORGANIZATION = '00000000-0000-0000-0000-000000000000';

/**
 * Work done later, by name. The payload holds ids only; whoever runs it reads what it needs when it runs. A job runs at
 * least once, so its effect must be one that can be repeated.
 */
export type Job = {
  name: string;
  /** minute hour day month weekday, UTC: the queue runs it by itself */
  cron?: string;
  run: (ctx: Ctx, payload: unknown) => Promise<void>;
};

/** A job of one organization, whose payload has this form. */
export function job<Payload extends { organizationId: string }>(
  name: string,
  schema: z.ZodType<Payload>,
  run: (ctx: Ctx, payload: Payload) => Promise<void>,
): Job {
  return { name, run: (ctx, payload) => run(ctx, schema.parse(payload)) };
}

/** Runs jobs until `stop`, which lets those that run finish. */
export async function startJobs(
  settings: DatabaseSettings,
  jobs: Job[],
  parts: Pick<Ctx, 'database' | 'codec' | 'breaker' | 'now'> & { log: Log; metrics: Metrics },
): Promise<{ stop: () => Promise<void> }> {
  const { log, metrics, ...rest } = parts;
  const pool = new GuardedPool({ ...settings, poolMax: JOB_CONNECTIONS, applicationName: `${settings.applicationName}-jobs` });

  async function perform(work: Job, payload: unknown, helpers: JobHelpers): Promise<void> {
    const since = performance.now();
    const { id, attempts } = helpers.job;
    const organizationId = z.object({ organizationId: z.uuid() }).safeParse(payload).data?.organizationId ?? NO_ORGANIZATION;
    const about = { job: work.name, jobId: id, attempt: attempts };
    try {
      await work.run({ ...rest, organizationId, actor: JOB_ACTOR, requestId: `job-${id}` }, payload);
      metrics.job(work.name, 'done', (performance.now() - since) / 1_000);
      log.info('job done', about);
    } catch (error) {
      metrics.job(work.name, 'failed', (performance.now() - since) / 1_000);
      log.error('job failed', { ...about, ...errorFields(error) });
      // The queue stores what is thrown: a class, not a message that may quote a row.
      // oxlint-disable-next-line preserve-caught-error -- see above
      throw new Error(errorFields(error).kind);
    }
  }

  const runner: Runner = await runQueue({
    pgPool: pool,
    concurrency: JOB_CONNECTIONS - 1,
    noHandleSignals: true,
    logger: new Logger(() => (level) => level === 'error' && log.error('job queue')),
    taskList: Object.fromEntries(
      jobs.map((work) => [work.name, (payload: unknown, helpers: JobHelpers) => perform(work, payload, helpers)]),
    ),
    crontab: jobs.flatMap((work) => (work.cron ? [`${work.cron} ${work.name}`] : [])).join('\n'),
  });
  return {
    stop: async () => {
      await runner.stop();
      await pool.end();
    },
  };
}
