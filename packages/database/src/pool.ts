import pg from 'pg';
import { beginWith, sessionOfBegin } from './session.ts';
import { TIMEOUTS, type DatabaseSettings } from './settings.ts';

/** What the pool tells about itself. Every hook gets shapes and times, never values. */
export type PoolObserver = {
  acquired?(waitMillis: number): void;
  timedOut?(): void;
  connected?(): void;
  /** A connection was thrown away because it came back busy or inside a transaction: a bug of the caller. */
  discardedDirty?(): void;
  queried?(text: string, millis: number, failed: boolean): void;
};

/** No connection became free in time. The code is the one Prisma's engine used to give it. */
export class PoolTimeout extends Error {
  override readonly name = 'PoolTimeout';
  readonly code = 'P2024';
  constructor() {
    super('No database connection became free in time.');
  }
}

/** A transaction that PostgreSQL rolled back answered COMMIT: somebody swallowed an error inside it. */
export class SilentRollback extends Error {
  override readonly name = 'SilentRollback';
  readonly code = '25P02';
  readonly severity = 'ERROR';
  constructor() {
    super('The transaction had failed before its COMMIT, and nothing was written.');
  }
}

type ConnectCallback = (error: Error | undefined, client: pg.PoolClient | undefined, done: (release?: boolean | Error) => void) => void;

/**
 * The one pool of the process. Beyond pg's own it
 * - opens every transaction with the session of `withTransaction` and refuses one without,
 * - keeps a connection after an ordinary SQL error (pg closes it: 18 duplicate e-mails were 18 reconnects),
 * - throws away a connection that comes back busy or inside a transaction, so that nobody reads or loses another's work,
 * - turns the COMMIT of a failed transaction into an error,
 * - removes row values from driver errors and puts the constraint's name where Prisma's error keeps it,
 * - names the wait for a connection that took too long.
 *
 * Touches `readyForQuery` of pg's client; `pool.test.ts` fails when an upgrade changes it.
 */
export class GuardedPool extends pg.Pool {
  private readonly observer: PoolObserver;

  constructor(settings: DatabaseSettings, observer: PoolObserver = {}) {
    super({
      host: settings.host,
      port: settings.port,
      user: settings.user,
      password: settings.password,
      database: settings.database,
      ssl: settings.ssl,
      max: settings.poolMax,
      min: 1,
      connectionTimeoutMillis: settings.poolWaitMillis,
      idleTimeoutMillis: 60_000,
      maxLifetimeSeconds: 1_800,
      keepAlive: true,
      application_name: settings.applicationName,
      // On the server, where a late statement is really cancelled. Never query_timeout: it answers while the statement
      // runs on, and the connection goes back to the pool inside its transaction.
      statement_timeout: TIMEOUTS.statement,
      lock_timeout: TIMEOUTS.lock,
      idle_in_transaction_session_timeout: TIMEOUTS.idleInTransaction,
      options: `-c timezone=UTC -c transaction_timeout=${TIMEOUTS.transaction} ${settings.options}`.trim(),
      Client: clientClass(settings, observer),
      types: { getTypeParser },
    });
    this.observer = observer;
    // A lost connection fails the call that uses it; an idle one is simply replaced.
    this.on('error', () => {});
    this.on('connect', (client) => {
      client.on('error', () => {});
      observer.connected?.();
    });
  }

  override connect(): Promise<pg.PoolClient>;
  override connect(callback: ConnectCallback): void;
  override connect(callback?: ConnectCallback): Promise<pg.PoolClient> | undefined {
    if (callback === undefined) return this.acquire();
    // oxlint-disable promise/no-callback-in-promise -- graphile-worker's listener asks with a callback
    this.acquire().then(
      (client) => callback(undefined, client, client.release),
      (error: Error) => callback(error, undefined, () => {}),
    );
    // oxlint-enable promise/no-callback-in-promise
    return undefined;
  }

  // oxlint-disable-next-line typescript/no-explicit-any -- pg declares nine overloads; both doors and Prisma use the promise form of each.
  override async query(...args: any[]): Promise<any> {
    const client = await this.acquire();
    try {
      const result = await (client.query as (...all: unknown[]) => Promise<unknown>)(...args);
      client.release();
      return result;
    } catch (error) {
      client.release(error as Error);
      throw error;
    }
  }

  private async acquire(): Promise<pg.PoolClient> {
    const since = performance.now();
    let client: pg.PoolClient;
    try {
      client = await super.connect();
    } catch (error) {
      if (error instanceof Error && error.message.startsWith('timeout exceeded')) {
        this.observer.timedOut?.();
        throw new PoolTimeout();
      }
      throw error;
    }
    this.observer.acquired?.(performance.now() - since);
    this.guardRelease(client);
    return client;
  }

  private guardRelease(client: pg.PoolClient): void {
    const release = client.release.bind(client);
    client.release = (error?: Error | boolean): void => {
      const isAlive = error === undefined || error === false || isStatementError(error);
      const isIdle = (client as unknown as { readyForQuery: boolean }).readyForQuery && client.getTransactionStatus() === 'I';
      if (isAlive && isIdle) return release();
      if (isAlive) this.observer.discardedDirty?.();
      release(error instanceof Error ? error : new Error('connection discarded'));
    };
  }
}

/** True for an error of one statement, after which the connection is as good as before. */
function isStatementError(error: unknown): boolean {
  const { severity, code } = error as { severity?: string; code?: string };
  // A plan that a schema change broke fails for ever on its connection.
  return severity === 'ERROR' && code !== '0A000' && code !== '26000';
}

function clientClass(settings: DatabaseSettings, observer: PoolObserver): typeof pg.Client {
  return class GuardedClient extends pg.Client {
    constructor(config: pg.ClientConfig) {
      // The pool hides its password from spreading.
      super({ ...config, password: settings.password, connectionTimeoutMillis: settings.connectMillis });
    }

    // oxlint-disable-next-line typescript/no-explicit-any -- see GuardedPool.query.
    override query(config: any, values?: any, callback?: any): any {
      const text: string | undefined = typeof config === 'string' ? config : config?.text;
      // Callbacks come from pg's own machinery only; there is nothing of ours to guard in them.
      if (text === undefined || typeof values === 'function' || typeof callback === 'function')
        return super.query(config, values, callback);
      const session = text === 'BEGIN' ? sessionOfBegin.getStore() : undefined;
      if (text === 'BEGIN' && !session) return Promise.reject(new Error('A transaction begins without a session; use withTransaction.'));
      const since = performance.now();
      return super.query(session ? beginWith(session) : config, values).then(
        (result: pg.QueryResult) => {
          observer.queried?.(text, performance.now() - since, false);
          if (text === 'COMMIT' && result.command === 'ROLLBACK') throw new SilentRollback();
          return result;
        },
        (error: unknown) => {
          observer.queried?.(text, performance.now() - since, true);
          throw withoutValues(error);
        },
      );
    }
  };
}

/** The driver's error without the row values that PostgreSQL quotes in it; the constraint's name moves to `hint`. */
function withoutValues(error: unknown): unknown {
  if (!(error instanceof pg.DatabaseError)) return error;
  delete error.detail;
  delete error.where;
  delete error.internalQuery;
  // Class 22 quotes the value it could not read in the message itself.
  if (error.code?.startsWith('22')) error.message = `data exception ${error.code}`;
  // A hint of the server's own goes as well: it may quote what it advises on.
  error.hint = error.constraint;
  return error;
}

/** Dates stay text (a local day is not an instant); 64-bit integers become numbers, and an unsafe one throws. */
function getTypeParser(oid: number, format?: 'text' | 'binary'): (value: string) => unknown {
  if (oid === 1082) return (value) => value;
  if (oid === 20) return safeInteger;
  return pg.types.getTypeParser(oid, format) as (value: string) => unknown;
}

function safeInteger(value: string): number {
  const number = Number(value);
  if (!Number.isSafeInteger(number)) throw new RangeError('A 64-bit integer of the database does not fit a number.');
  return number;
}
