import pg from 'pg';
import { beginWith, sessionOfBegin } from './session.ts';
import type { DatabaseSettings } from './settings.ts';

/** What the pool tells about itself. Every hook gets shapes and times, never values. */
export type PoolObserver = {
  acquired?(waitMillis: number): void;
  timedOut?(): void;
  connected?(): void;
  /** A connection was thrown away because it came back busy or inside a transaction: a bug of the caller. */
  discardedDirty?(): void;
  queried?(text: string, millis: number, failed: boolean): void;
};

/** A transaction that PostgreSQL rolled back answered COMMIT: somebody swallowed an error inside it. */
export class SilentRollback extends Error {
  override readonly name = 'SilentRollback';
  readonly code = '25P02';
  readonly severity = 'ERROR';
  constructor() {
    super('The transaction had failed before its COMMIT, and nothing was written.');
  }
}

/** What the pool asks of a connection. */
export type Guarded = { isBusy: () => boolean; isLost: () => boolean; isStale: () => boolean };

/** Counts the schema changes that broke prepared plans; connections of an earlier count are replaced. */
export type Plans = { generation: number };

/**
 * The class of the pool's connections. Beyond pg's own, a connection
 * - opens every transaction with the session of `withTransaction` and refuses one without,
 * - sends one statement at a time (Prisma sends the parts of one read together, which pg deprecates),
 * - turns the COMMIT of a failed transaction into an error,
 * - removes row values from driver errors and puts the constraint's name where Prisma's error keeps it,
 * - gives a connection up that answers nothing (a black hole), which the server's own limits cannot end,
 * - says, once the server ended it, why: "idle in transaction too long" and not "not queryable".
 */
export function guardedClient(settings: DatabaseSettings, observer: PoolObserver, plans: Plans): typeof pg.Client {
  return class GuardedClient extends pg.Client implements Guarded {
    private unfinished = 0;
    private previous: Promise<unknown> = Promise.resolve();
    private lost = false;
    private farewell: pg.DatabaseError | undefined;
    private readonly generation = plans.generation;

    constructor(config: pg.ClientConfig) {
      // The pool hides its password from spreading.
      super({ ...config, password: settings.password, connectionTimeoutMillis: settings.connectMillis });
      this.on('end', () => (this.lost = true));
      this.on('error', (error) => {
        this.lost = true;
        if (error instanceof pg.DatabaseError) this.farewell ??= error;
      });
    }

    /** True while a statement runs or waits to be sent. */
    isBusy(): boolean {
      // The second half sees what pg's own machinery sends past the counter.
      return this.unfinished > 0 || !(this as unknown as { readyForQuery: boolean }).readyForQuery;
    }

    /** True once the connection has ended, whoever ended it. */
    isLost(): boolean {
      return this.lost;
    }

    /** True once a schema change broke a plan somewhere: such a plan fails for ever on its connection, and others share it. */
    isStale(): boolean {
      return this.generation !== plans.generation;
    }

    // oxlint-disable-next-line typescript/no-explicit-any -- see GuardedPool.query.
    override query(config: any, values?: any, callback?: any): any {
      const text: string | undefined = typeof config === 'string' ? config : config?.text;
      // Callbacks come from pg's own machinery only; there is nothing of ours to guard in them.
      if (text === undefined || typeof values === 'function' || typeof callback === 'function')
        return super.query(config, values, callback);
      const session = text === 'BEGIN' ? sessionOfBegin.getStore() : undefined;
      if (text === 'BEGIN' && !session) return Promise.reject(new Error('A transaction begins without a session; use withTransaction.'));
      const result = this.inTurn(() => super.query(session ? beginWith(session) : config, values), text);
      this.previous = result.catch(() => {});
      return result;
    }

    private async inTurn(send: () => Promise<pg.QueryResult>, text: string): Promise<pg.QueryResult> {
      const isFirst = this.unfinished++ === 0;
      let since = performance.now();
      try {
        if (!isFirst) {
          await this.previous;
          since = performance.now();
        }
        const result = await this.answered(send());
        observer.queried?.(text, performance.now() - since, false);
        if (text === 'COMMIT' && result.command === 'ROLLBACK') throw new SilentRollback();
        return result;
      } catch (error) {
        if (error instanceof SilentRollback) throw error;
        observer.queried?.(text, performance.now() - since, true);
        if (isBrokenPlan(error) && !this.isStale()) plans.generation++;
        await this.ready(error);
        throw withoutValues(error instanceof pg.DatabaseError ? error : (this.farewell ?? error));
      } finally {
        this.unfinished--;
      }
    }

    /** The answer, or the end of the connection: left to TCP, one that went silent would be held for a quarter of an hour. */
    private async answered(answer: Promise<pg.QueryResult>): Promise<pg.QueryResult> {
      const { stream } = (this as unknown as { connection: { stream: { destroy(): void } } }).connection;
      const limit = setTimeout(() => stream.destroy(), settings.answerMillis);
      try {
        return await answer;
      } finally {
        clearTimeout(limit);
      }
    }

    /**
     * After an error: until the connection takes statements again. The server sends the error and "ready" apart, and a
     * connection given back between the two would look busy.
     */
    private ready(error: unknown): Promise<void> | undefined {
      if (!(error instanceof pg.DatabaseError) || error.severity !== 'ERROR') {
        this.lost ||= error instanceof pg.DatabaseError;
        return undefined;
      }
      if ((this as unknown as { readyForQuery: boolean }).readyForQuery || this.lost) return undefined;
      return new Promise((resolve) => {
        const done = () => {
          this.off('drain', done).off('end', done);
          resolve();
        };
        this.on('drain', done).on('end', done);
      });
    }
  };
}

/** "cached plan must not change result type", or a prepared statement that is gone. */
function isBrokenPlan(error: unknown): boolean {
  return error instanceof pg.DatabaseError && (error.code === '0A000' || error.code === '26000');
}

/** The driver's error without the row values that PostgreSQL quotes in it; the constraint's name moves to `hint`. */
function withoutValues(error: unknown): unknown {
  if (!(error instanceof pg.DatabaseError)) return error;
  delete error.detail;
  delete error.where;
  delete error.internalQuery;
  // In the form from which Prisma's adapter takes the name of the column; the original quotes the whole row.
  if (error.code === '23502' && error.column) error.detail = `Key (${error.column})`;
  // Class 22 quotes the value it could not read in the message itself.
  if (error.code?.startsWith('22')) error.message = `data exception ${error.code}`;
  // A hint of the server's own goes as well: it may quote what it advises on.
  error.hint = error.constraint;
  return error;
}
