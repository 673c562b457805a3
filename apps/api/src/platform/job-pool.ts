import { GuardedPool, handleDatabaseError, type DatabaseSettings, type PoolClient } from '@medspa/database';

/** Sets the advisory locks that say "this worker lives" apart from the others. */
const PRESENCE = 3;

/** What graphile-worker repeats by itself, for hours: "cannot connect now". */
class NotNow extends Error {
  override readonly name = 'NotNow';
  readonly code = '57P03';
  constructor(cause: unknown) {
    super('The database does not do this now.', { cause });
  }
}

/**
 * The pool of a job queue's runner. Beyond the guarded one
 * - it names what passes (a restart of the server, a lock, a full pool) in the one way that makes the queue write again what
 *   became of a job: the queue awaits that nowhere, so any other error would end the process,
 * - its connections hold a lock in the name of the worker, so that others see that it lives.
 */
export class JobPool extends GuardedPool {
  private worker: string | null = null;
  private readonly present = new WeakSet<PoolClient>();

  constructor(settings: DatabaseSettings) {
    super(settings);
    this.on('connect', (client) => {
      // oxlint-disable-next-line typescript/no-explicit-any -- see GuardedPool.query
      const query = client.query.bind(client) as (...args: any[]) => Promise<unknown>;
      client.query = ((...args: unknown[]) => {
        const result = query(...args) as Promise<unknown> | undefined;
        return result instanceof Promise ? result.catch(throwNotNow) : result;
      }) as typeof client.query;
    });
  }

  /** From now on every connection holds the lock of this worker. */
  showPresence(worker: string): void {
    this.worker = worker;
  }

  protected override async acquire(): Promise<PoolClient> {
    // Only the queue's own repeating still asks then; the process ends, and the next worker takes the job up.
    if (this.ending) return new Promise(() => {});
    const client = await super.acquire().catch(throwNotNow);
    if (this.worker === null || this.present.has(client)) return client;
    try {
      await client.query('SELECT pg_advisory_lock_shared(hashtextextended($1, $2))', [this.worker, PRESENCE]);
      this.present.add(client);
      return client;
    } catch (error) {
      client.release(error as Error);
      throw error;
    }
  }

  /** The workers that hold jobs and of whose connections none is left. */
  async findGoneWorkers(): Promise<string[]> {
    const { rows } = await this.query(
      `SELECT locked_by AS worker FROM (SELECT DISTINCT locked_by FROM graphile_worker._private_jobs WHERE locked_by IS NOT NULL) holding
       WHERE pg_try_advisory_xact_lock(hashtextextended(locked_by, $1))`,
      [PRESENCE],
    );
    return (rows as { worker: string }[]).map(({ worker }) => worker);
  }

  /** Gives their jobs back to the queue. */
  async unlock(workers: string[]): Promise<void> {
    await this.query('SELECT graphile_worker.force_unlock_workers($1::text[])', [workers]);
  }
}

function throwNotNow(error: unknown): never {
  const report = handleDatabaseError(error);
  throw report && (report.infrastructure || report.status >= 503) ? new NotNow(error) : error;
}
