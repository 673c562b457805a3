import pg from 'pg';
import { handleDatabaseError, type DatabaseErrorKind } from './errors.ts';
import { signInOf, type DatabaseSettings } from './settings.ts';

const WRITES = 'UPDATE health_probe SET at = clock_timestamp() WHERE id = 1';
/**
 * A row is changed within its page, which needs no space: on a full disk it succeeds while every booking fails. Keeping more than
 * `work_mem` holds takes a megabyte of the tables' volume for some milliseconds.
 */
const NEEDS_SPACE = `
  WITH kept AS MATERIALIZED (SELECT repeat(md5(n::text), 32) AS block FROM generate_series(1, 1000) n) SELECT count(block) FROM kept`;

/** `latency` in milliseconds. `error` is a class, never a text: messages name hosts. */
export type DatabaseHealth = { healthy: boolean; latency?: number; error?: DatabaseErrorKind };

const LIMIT_MILLIS = 1_000;
/** How long an answer holds. A lost connection ends it at once; a bad answer is soon asked again. */
const KEPT_MILLIS = { healthy: 2_000, unhealthy: 500 };

/**
 * Asks the database over a connection of its own, so that a full pool does not look like a dead database, and answers
 * within a second. Simultaneous callers share one question; a good answer is kept for two seconds, unless the connection
 * it came over is lost meanwhile.
 */
export function createHealthCheck(settings: DatabaseSettings, writes: boolean): { check(): Promise<DatabaseHealth>; end(): Promise<void> } {
  const pool = new pg.Pool({
    ...signInOf(settings),
    max: 1,
    connectionTimeoutMillis: LIMIT_MILLIS,
    statement_timeout: LIMIT_MILLIS,
    idleTimeoutMillis: 0,
    application_name: `${settings.applicationName}-health`,
    options: `-c work_mem=64kB ${settings.options}`.trim(),
  });
  let asking: Promise<DatabaseHealth> | null = null;
  let keptUntil = 0;
  pool.on('error', () => {
    keptUntil = 0;
  });

  async function ask(): Promise<DatabaseHealth> {
    const since = performance.now();
    try {
      const client = await pool.connect();
      let isHeld = true;
      const giveBack = (isBroken: boolean) => {
        if (isHeld) client.release(isBroken);
        isHeld = false;
      };
      // A black-holed connection answers neither the statement nor its cancellation: it is dropped after the limit.
      const limit = setTimeout(() => giveBack(true), LIMIT_MILLIS - (performance.now() - since));
      try {
        for (const statement of writes ? [WRITES, NEEDS_SPACE] : ['SELECT 1']) await client.query(statement);
        giveBack(false);
      } finally {
        clearTimeout(limit);
        giveBack(true);
      }
      return { healthy: true, latency: Math.round((performance.now() - since) * 100) / 100 };
    } catch (error) {
      return { healthy: false, error: handleDatabaseError(error)?.kind ?? 'other' };
    }
  }

  return {
    check: () => {
      if (!asking || performance.now() >= keptUntil) {
        keptUntil = Number.POSITIVE_INFINITY;
        asking = ask().then((health) => {
          keptUntil = performance.now() + (health.healthy ? KEPT_MILLIS.healthy : KEPT_MILLIS.unhealthy);
          return health;
        });
      }
      return asking;
    },
    end: () => pool.end(),
  };
}
