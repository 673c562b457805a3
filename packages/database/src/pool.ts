import pg from 'pg';
import { guardedClient, type Guarded, type Plans, type PoolObserver } from './client.ts';
import { signInOf, TIMEOUTS, type DatabaseSettings } from './settings.ts';

/** A connection that is lent; `release` gives it back. */
export type PoolClient = pg.PoolClient;

/** No connection became free in time. The code is the one Prisma's engine used to give it. */
export class PoolTimeout extends Error {
  override readonly name = 'PoolTimeout';
  readonly code = 'P2024';
  constructor() {
    super('No database connection became free in time.');
  }
}

type ConnectCallback = (error: Error | undefined, client: pg.PoolClient | undefined, done: (release?: boolean | Error) => void) => void;

/**
 * The one pool of the process, of guarded connections (client.ts). Beyond pg's own it
 * - keeps a connection after an ordinary SQL error (pg closes it: 18 duplicate e-mails were 18 reconnects),
 * - throws away a connection that comes back busy or inside a transaction, so that nobody reads or loses another's work,
 * - names the wait for a connection that took too long.
 *
 * Touches `readyForQuery` of pg's client; `pool.test.ts` fails when an upgrade changes it.
 */
export class GuardedPool extends pg.Pool {
  private readonly observer: PoolObserver;

  constructor(settings: DatabaseSettings, observer: PoolObserver = {}) {
    const plans: Plans = { generation: 0 };
    super({
      ...signInOf(settings),
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
      Client: guardedClient(settings, observer, plans),
      types: { getTypeParser },
    });
    this.observer = observer;
    // A lost connection fails the call that uses it; an idle one is simply replaced.
    this.on('error', () => {});
    this.on('connect', () => observer.connected?.());
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

  protected async acquire(): Promise<pg.PoolClient> {
    const since = performance.now();
    for (;;) {
      const client = await this.connectInTime();
      // Idle since before a schema change broke a plan: its own plans are suspect as well.
      if (guardOf(client).isStale()) {
        client.release(true);
        continue;
      }
      this.observer.acquired?.(performance.now() - since);
      this.guardRelease(client);
      return client;
    }
  }

  private async connectInTime(): Promise<pg.PoolClient> {
    try {
      return await super.connect();
    } catch (error) {
      if (!(error instanceof Error) || !error.message.startsWith('timeout exceeded')) throw error;
      this.observer.timedOut?.();
      throw new PoolTimeout();
    }
  }

  private guardRelease(client: pg.PoolClient): void {
    const release = client.release.bind(client);
    const guard = guardOf(client);
    client.release = (error?: Error | boolean): void => {
      const isSound = error === undefined || error === false || isStatementError(error);
      const isIdle = !guard.isBusy() && client.getTransactionStatus() === 'I';
      if (isSound && isIdle && !guard.isStale()) return release();
      if (isSound && !isIdle && !guard.isLost()) this.observer.discardedDirty?.();
      release(error instanceof Error ? error : true);
    };
  }
}

function guardOf(client: pg.PoolClient): Guarded {
  return client as unknown as Guarded;
}

/** True for an error of one statement, after which the connection is as good as before. */
function isStatementError(error: unknown): boolean {
  return (error as { severity?: string }).severity === 'ERROR';
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
