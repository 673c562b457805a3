import pg from 'pg';

/** A connection to the audited database, signed in as the service does. */
export type LiveDatabase = {
  /** Rows of one statement; it only reads. */
  query: <Row>(text: string, values?: unknown[]) => Promise<Row[]>;
};

const CONNECT_MILLIS = 5_000;

/**
 * Connects with the sign-in of the service. The session only reads, and no statement takes longer than five seconds; both are
 * set after the sign-in, so `pg_settings.reset_val` still says what the service itself would have. Throws a sentence that
 * names the server and never the password.
 */
export async function openLiveDatabase(url: string): Promise<LiveDatabase & AsyncDisposable> {
  let client: pg.Client;
  try {
    client = new pg.Client({ connectionString: url, connectionTimeoutMillis: CONNECT_MILLIS, application_name: 'readiness' });
  } catch {
    // The driver's own message may quote the URL.
    throw new Error('The database URL cannot be read; a password with "/", "@" or "%" must be percent-encoded.');
  }
  // Lost connections are told by the statement that runs into them.
  client.on('error', () => {});
  try {
    await client.connect();
    await client.query('SET default_transaction_read_only = on');
    await client.query("SET statement_timeout = '5s'");
  } catch (error) {
    await client.end().catch(() => {});
    const where = `"${client.database ?? ''}" at ${client.host}:${client.port} as "${client.user ?? ''}"`;
    throw new Error(`The database ${where} cannot be reached: ${reasonOf(error, client.password)}.`, { cause: error });
  }
  return {
    query: async <Row>(text: string, values: unknown[] = []) => (await client.query(text, values)).rows as Row[],
    [Symbol.asyncDispose]: () => client.end(),
  };
}

/** What the driver says; a refused connection to several addresses has its reason in its parts. */
function reasonOf(error: unknown, password: string | null | undefined): string {
  const parts = error instanceof AggregateError ? error.errors : [error];
  const said = parts.map((part) => (part instanceof Error ? part.message : 'unknown error')).join(', ');
  return password ? said.replaceAll(password, '***') : said;
}
