import pg from 'pg';
import { signInOf, type DatabaseSettings } from '../settings.ts';

/**
 * A small pool for the owner or the administrator: no statement timeout, since a migration may take its time, and a short
 * lock timeout, since waiting for a lock makes everybody behind it wait as well. Ends with `await using`.
 */
export function ownerPool(settings: DatabaseSettings): pg.Pool & AsyncDisposable {
  const pool = new pg.Pool({
    ...signInOf(settings),
    max: 3,
    connectionTimeoutMillis: 10_000,
    application_name: `${settings.applicationName}-migrate`,
    options: `-c timezone=UTC -c lock_timeout=3s ${settings.options}`.trim(),
  });
  // A lost connection fails the call that uses it; nobody else needs to hear of it.
  pool.on('error', () => {});
  pool.on('connect', (client) => client.on('error', () => {}));
  return Object.assign(pool, { [Symbol.asyncDispose]: () => pool.end() });
}
