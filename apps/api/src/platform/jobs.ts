import { EventEmitter } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import type { DatabaseSettings } from '@medspa/database';
import { Logger, run as runQueue, type JobHelpers, type Runner, type WorkerEvents } from 'graphile-worker';
import { z } from 'zod';
import { JOB_ACTOR, loadKeys, NO_ORGANIZATION, type Ctx } from './context.ts';
import { JobPool } from './job-pool.ts';
import { errorFields, type Log } from './log.ts';
import type { Metrics } from './metrics.ts';

/** Connections that the queue opens beside the pool of the service: one listens, the others work. */
export const JOB_CONNECTIONS = 4;

/** Between two looks for workers that are gone. */
const LOOK_MILLIS = 20_000;
/** Running jobs get as long to end as running requests. */
const STOP_MILLIS = 8_000;
/** Before a queue that ended by itself is started again. */
const RESTART_MILLIS = 1_000;

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

type Queue = { pool: JobPool; runner: Runner };

/**
 * Runs jobs until `stop`, which lets those that run finish. A queue that ends by itself is started again, and what a worker
 * held that is gone is given back: within a minute, and not after the queue's own four hours.
 */
export async function startJobs(
  settings: DatabaseSettings,
  jobs: Job[],
  parts: Pick<Ctx, 'database' | 'codec' | 'breaker' | 'now'> & { log: Log; metrics: Metrics },
  lookMillis = LOOK_MILLIS,
): Promise<{ stop: () => Promise<void> }> {
  const { log, metrics, ...rest } = parts;

  async function perform(work: Job, payload: unknown, helpers: JobHelpers): Promise<void> {
    const since = performance.now();
    const { id, attempts } = helpers.job;
    // Upkeep belongs to none: its SQL functions delete only what is past use.
    const organizationId = z.object({ organizationId: z.uuid() }).safeParse(payload).data?.organizationId ?? NO_ORGANIZATION;
    const about = { job: work.name, jobId: id, attempt: attempts };
    try {
      await loadKeys(rest, organizationId);
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

  /** A queue on a pool of its own, so that no connection speaks for a worker that is no more. */
  async function begin(): Promise<Queue> {
    const pool = new JobPool({ ...settings, poolMax: JOB_CONNECTIONS, applicationName: `${settings.applicationName}-jobs` });
    const events: WorkerEvents = new EventEmitter();
    events.on('pool:create', ({ workerPool }) => pool.showPresence(workerPool.id));
    try {
      const runner = await runQueue({
        pgPool: pool,
        events,
        concurrency: JOB_CONNECTIONS - 1,
        noHandleSignals: true,
        logger: new Logger(() => (level) => level === 'error' && log.error('job queue')),
        taskList: Object.fromEntries(
          jobs.map((work) => [work.name, (payload: unknown, helpers: JobHelpers) => perform(work, payload, helpers)]),
        ),
        crontab: jobs.flatMap((work) => (work.cron ? [`${work.cron} ${work.name}`] : [])).join('\n'),
      });
      return { pool, runner };
    } catch (error) {
      await pool.end();
      throw error;
    }
  }

  let queue: Queue | null = await begin();
  const stopping = new AbortController();

  async function keepRunning(): Promise<void> {
    for (;;) {
      if (queue) {
        await queue.runner.promise.catch(() => {});
        if (stopping.signal.aborted) return;
        log.error('job queue', { state: 'ended' });
        queue.pool.end().catch(() => {});
        queue = null;
      }
      if (!(await pause(RESTART_MILLIS, stopping.signal))) return;
      try {
        queue = await begin();
        log.info('job queue', { state: 'running' });
      } catch (error) {
        log.error('job queue', errorFields(error));
      }
      if (stopping.signal.aborted) return;
    }
  }

  /** A worker that is missed once may be connecting anew; one that is missed twice is gone. */
  async function freeJobs(): Promise<void> {
    let missed: string[] = [];
    let wait = 0;
    while (await pause(wait, stopping.signal)) {
      try {
        const gone = (await queue?.pool.findGoneWorkers()) ?? [];
        const surelyGone = gone.filter((worker) => missed.includes(worker));
        if (surelyGone.length > 0) {
          await queue?.pool.unlock(surelyGone);
          log.warn('job queue', { state: 'freed', count: surelyGone.length });
        }
        missed = gone;
        wait = lookMillis;
      } catch (error) {
        // Soon again: looking is also what shows others, once the database is back, that this worker lives.
        missed = [];
        wait = RESTART_MILLIS;
        log.warn('job queue', errorFields(error));
      }
    }
  }

  async function endQueue(): Promise<void> {
    // Twice, for a queue that was just being started again.
    await queue?.runner.stop().catch(() => {});
    await running;
    await queue?.runner.stop().catch(() => {});
    await queue?.pool.end();
  }

  const running = keepRunning();
  void freeJobs();
  return {
    stop: async () => {
      stopping.abort();
      // What still runs then is taken up by the next worker; so is what the queue cannot write while the database is away.
      await Promise.race([endQueue(), sleep(STOP_MILLIS, undefined, { ref: false })]);
    },
  };
}

/** Waits; false when it was told to stop. */
function pause(millis: number, signal: AbortSignal): Promise<boolean> {
  return sleep(millis, true, { signal }).catch(() => false);
}
