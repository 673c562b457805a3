import { PrismaPg } from '@prisma/adapter-pg';
import { Prisma, PrismaClient } from './generated/client.ts';
import { createHealthCheck, type DatabaseHealth } from './health.ts';
import type { PoolObserver } from './client.ts';
import { GuardedPool } from './pool.ts';
import { retryLostRaces } from './retry.ts';
import { sessionOfBegin, type Session } from './session.ts';
import { TIMEOUTS, type DatabaseSettings } from './settings.ts';
import { statementNames } from './statements.ts';
import { SqlText } from './sql.ts';

declare const insideTransaction: unique symbol;

/** The client inside a transaction. Only `withTransaction` makes one, so a query that takes it cannot run outside. */
export type Tx = Omit<Prisma.TransactionClient, '$transaction'> & { readonly [insideTransaction]: true };

/** One pool and one Prisma client on it: what the whole process uses. */
export type Database = {
  /** For platform code only; the application reaches data through the two doors. */
  prisma: PrismaClient;
  /** Runs the work in one transaction of the session, and again when it lost a race. Rolls back when it throws. */
  withTransaction<T>(session: Session, work: (tx: Tx) => Promise<T>): Promise<T>;
  /** Calls one SQL function that is a whole transaction, and again when it lost a race. `text` must pass the session on. */
  callFunction<Row>(session: Session, build: (session: Session) => SqlText<Row>): Promise<Row[]>;
  /**
   * Throws, with a sentence for the operator, when the database or the way we sign in to it is not fit for the service, or has
   * no room for the connections of this process; `besides` are those that others than pool and health check open.
   */
  assertUsable(besides?: number): Promise<void>;
  /** Asks the database over a connection of its own, within a second; answers are kept for two. */
  checkDatabaseHealth(): Promise<DatabaseHealth>;
  /** Ends client, pool and health connection. Calls that come later fail. */
  disconnectDatabase(): Promise<void>;
  pool: { total: number; idle: number; waiting: number; max: number };
};

export type DatabaseOptions = {
  /** Readiness writes its probe row instead of only reading: a full disk answers reads. */
  healthWrites?: boolean;
  observer?: PoolObserver & { retried?(): void };
  /** Told of Prisma's own warnings and errors: their class, never their text, which quotes values. */
  onPrismaEvent?: (level: 'warn' | 'error') => void;
};

// Survives a module being loaded twice (hot reload, a test runner): the same database of a process has one pool.
const opened = ((globalThis as { medspaDatabases?: Map<string, Database> }).medspaDatabases ??= new Map<string, Database>());

/**
 * The database of these settings. Opening it a second time in the same process gives the same pool and client, until
 * `disconnectDatabase`. Nothing connects yet.
 */
export function openDatabase(settings: DatabaseSettings, options: DatabaseOptions = {}): Database {
  const key = [settings.host, settings.port, settings.database, settings.user, settings.applicationName].join('|');
  const existing = opened.get(key);
  if (existing) return existing;

  const observer = options.observer ?? {};
  const pool = new GuardedPool(settings, observer);
  const nameOf = statementNames(settings.statementCacheSize);
  const prisma = new PrismaClient({
    adapter: new PrismaPg(pool, {
      statementNameGenerator: ((query) => nameOf(query.sql, query.args.length)) as (query: { sql: string; args: unknown[] }) => string,
    }),
    errorFormat: 'minimal',
    transactionOptions: { maxWait: settings.poolWaitMillis, timeout: TIMEOUTS.prismaTransaction },
    log: [
      { emit: 'event', level: 'warn' },
      { emit: 'event', level: 'error' },
    ],
  });
  prisma.$on('warn', () => options.onPrismaEvent?.('warn'));
  prisma.$on('error', () => options.onPrismaEvent?.('error'));
  const health = createHealthCheck(settings, options.healthWrites ?? false);

  const database: Database = {
    prisma,
    withTransaction: (session, work) =>
      retryLostRaces(
        // Awaited inside: Prisma's promises are lazy and would start outside of the session.
        () => sessionOfBegin.run(session, async () => await prisma.$transaction((tx) => work(tx as unknown as Tx))),
        observer.retried,
      ),
    callFunction: (session, build) => {
      const { text, values } = build(session);
      if (!values.includes(session)) throw new Error('A SQL verb is called with its session.');
      return retryLostRaces(async () => (await pool.query({ text, values, name: nameOf(text, values.length) })).rows, observer.retried);
    },
    assertUsable: (besides = 0) => assertUsable(pool, settings, besides),
    checkDatabaseHealth: health.check,
    disconnectDatabase: async () => {
      opened.delete(key);
      await prisma.$disconnect();
      await Promise.all([pool.end(), health.end()]);
    },
    get pool() {
      return { total: pool.totalCount, idle: pool.idleCount, waiting: pool.waitingCount, max: settings.poolMax };
    },
  };
  opened.set(key, database);
  return database;
}

/** Share of the server's connections that may be used; the rest is for reconnecting, people and backups. */
const CONNECTION_BUDGET = 0.9;
const HEALTH_CONNECTIONS = 1;

async function assertUsable(pool: GuardedPool, settings: DatabaseSettings, besides: number): Promise<void> {
  const { rows } = await pool.query(`
    SELECT current_setting('server_version_num')::int AS version, current_setting('TimeZone') AS "timeZone", current_setting('max_connections')::int AS "maxConnections",
      current_user AS "user", rolsuper OR rolbypassrls AS "isUnbound", EXISTS (SELECT FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'p') AND relowner = pg_roles.oid) AS "isOwner"
    FROM pg_roles WHERE rolname = current_user`);
  const { version, timeZone, maxConnections, user, isUnbound, isOwner } = rows[0];
  if (version < 170_000) throw new Error(`PostgreSQL 17 or newer is needed; this server is ${Math.floor(version / 10_000)}.`);
  if (timeZone !== 'UTC') throw new Error(`The session's time zone must be UTC; it is ${timeZone}.`);
  if (isUnbound || isOwner) {
    throw new Error(
      `DATABASE_URL signs in as "${user}", whom row-level security does not bind (${isUnbound ? 'superuser or BYPASSRLS' : 'owner of the tables'}). Sign in as app_rw.`,
    );
  }
  const connections = settings.poolMax + HEALTH_CONNECTIONS + besides;
  if (connections > maxConnections * CONNECTION_BUDGET) {
    throw new Error(
      `This process opens up to ${connections} connections (pool ${settings.poolMax}, health ${HEALTH_CONNECTIONS}, jobs ${besides}), more than ${CONNECTION_BUDGET * 100} % of the server's ${maxConnections}. Lower connection_limit.`,
    );
  }
}

export { Prisma };
