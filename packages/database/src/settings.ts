/** How to reach the database and how much of it to use. Built by `parseDatabaseUrl` or from separate fields. */
export type DatabaseSettings = {
  /** Host name, address, or the folder of a Unix socket (`/cloudsql/project:region:instance`). */
  host: string;
  port: number;
  user: string;
  password: string;
  database: string;
  /** False without TLS; otherwise what Node's TLS needs to verify the server. */
  ssl: false | { ca?: string; cert?: string; key?: string; rejectUnauthorized: true; checkServerIdentity?: () => undefined };
  /** Most connections of this process's pool. */
  poolMax: number;
  /** Longest wait for a connection of the pool, milliseconds. */
  poolWaitMillis: number;
  /** Longest wait for a new connection to be established, milliseconds. */
  connectMillis: number;
  /** Longest wait for the answer to one statement, milliseconds: the server ends it before, so no answer is a lost connection. */
  answerMillis: number;
  /** Most distinct statements that each connection keeps prepared. */
  statementCacheSize: number;
  /** Shown in pg_stat_activity. */
  applicationName: string;
  /** Extra startup options, for example `-c role=app_rw`. */
  options: string;
};

/** What the driver needs to reach the database and sign in, and no more. */
export function signInOf({ host, port, user, password, database, ssl }: DatabaseSettings) {
  return { host, port, user, password, database, ssl };
}

export const DEFAULT_POOL = {
  poolMax: 8,
  poolWaitMillis: 3_000,
  connectMillis: 3_000,
  answerMillis: 9_000,
  statementCacheSize: 500,
  applicationName: 'medspa',
  options: '',
};

/**
 * The timeout ladder in milliseconds, each below the next: deadlock 1 s (server default) < lock < pool wait < idle in
 * transaction < statement < the driver's wait for an answer (`answerMillis`) < Prisma's transaction < the server's transaction < HTTP (15 s).
 */
export const TIMEOUTS = {
  lock: 2_000,
  idleInTransaction: 5_000,
  statement: 8_000,
  prismaTransaction: 10_000,
  transaction: 12_000,
} as const;
