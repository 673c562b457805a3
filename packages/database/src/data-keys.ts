import type pg from 'pg';
import { addDataKeys, ANNOUNCED_SECONDS, findKeys, keySession, newKeys, NO_ORGANIZATION } from './codec.ts';
import { TABLES } from './column-classes.ts';
import type { Database } from './database.ts';
import { ownerPool } from './migrate/connection.ts';
import type { DatabaseSettings } from './settings.ts';
import type { Wrapping } from './wrapping.ts';

// What is done with keys beside using them. Making one is the service's; wrapping anew and destroying is the owner's.

/**
 * Adds a key that seals for the organization, once every process has it; returns its number and when that is. Of two that rotate at
 * once, one adds a key. Throws when the organization has none: it is not there, or its keys were destroyed.
 */
export async function rotateDataKey(
  database: Pick<Database, 'callFunction'>,
  wrapping: Wrapping,
  organizationId: string,
  delaySeconds = ANNOUNCED_SECONDS,
): Promise<{ keyId: number; usableFrom: Date }> {
  const { keys } = await findKeys(database, organizationId, new Map());
  const newest = keys.at(-1);
  if (!newest) throw new Error(`The organization ${organizationId} has no keys.`);
  const keyId = newest.keyId + 1;
  await addDataKeys(database, organizationId, await newKeys(wrapping, organizationId, [keyId]), delaySeconds);
  return { keyId, usableFrom: new Date(Date.now() + delaySeconds * 1_000) };
}

/** A key and what depends on it. `wrappedBy` is null for a destroyed one. */
export type DataKeyState = {
  keyId: number;
  createdAt: Date;
  usableFrom: Date;
  destroyedAt: Date | null;
  wrappedBy: string | null;
  sealings: number;
  /** values of live tables that it alone opens */
  live: number;
  /** values before and after changes, in the audit log, that it alone opens */
  audited: number;
};

/** Runs the work in one transaction of the owner, in the session of an organization. */
export async function asOwner<T>(
  owner: DatabaseSettings,
  organizationId: string,
  action: string,
  work: (client: pg.PoolClient) => Promise<T>,
): Promise<T> {
  await using pool = ownerPool(owner);
  const client = await pool.connect();
  try {
    await client.query('BEGIN');
    await client.query('SET LOCAL search_path = public');
    await client.query('SELECT app.enter($1::jsonb)', [JSON.stringify(keySession(organizationId, action))]);
    const result = await work(client);
    await client.query('COMMIT');
    return result;
  } finally {
    // Ending the session undoes whatever was not committed.
    client.release(true);
  }
}

/** Everybody who has keys: every organization, and nobody's. */
export function listKeyHolders(owner: DatabaseSettings): Promise<string[]> {
  return asOwner(owner, NO_ORGANIZATION, 'data-key.list', async (client) => {
    await client.query(`SELECT set_config('app.upkeep', 'on', true)`);
    const { rows } = await client.query<{ id: string }>('SELECT DISTINCT organization_id AS id FROM data_key ORDER BY 1');
    return rows.map(({ id }) => id);
  });
}

/** The keys of an organization, the first one first, with what each is needed for. Reads every table that has sealed columns. */
export function readDataKeys(owner: DatabaseSettings, organizationId: string): Promise<DataKeyState[]> {
  return asOwner(owner, organizationId, 'data-key.status', (client) => stateOf(client, organizationId));
}

async function stateOf(client: pg.PoolClient, organizationId: string): Promise<DataKeyState[]> {
  const { rows } = await client.query<Omit<DataKeyState, 'live' | 'audited'>>(
    `SELECT k.key_id AS "keyId", k.created_at AS "createdAt", k.usable_from AS "usableFrom", k.destroyed_at AS "destroyedAt", s.wrapped_by AS "wrappedBy",
       coalesce(s.sealings, 0)::float AS sealings
     FROM data_key k LEFT JOIN data_key_secret s USING (organization_id, key_id) WHERE organization_id = $1 ORDER BY k.key_id`,
    [organizationId],
  );
  const live = new Map<number, number>();
  for (const { table, columns } of sealedTables())
    for (const column of columns)
      for (const { key, count } of await countsOf(
        client,
        `SELECT ${column} AS sealed FROM ${table} WHERE organization_id = $1`,
        organizationId,
      ))
        live.set(key, (live.get(key) ?? 0) + count);
  const audited = new Map(
    (
      await countsOf(
        client,
        String.raw`SELECT decode(substring(value FROM 3), 'hex') AS sealed FROM audit_log a, LATERAL (
           SELECT * FROM jsonb_each_text(coalesce(a.before, '{}')) UNION ALL SELECT * FROM jsonb_each_text(coalesce(a.after, '{}'))) one(name, value)
         WHERE organization_id = $1 AND name LIKE '%\_sealed' AND value LIKE '\\x01%'`,
        organizationId,
      )
    ).map(({ key, count }) => [key, count]),
  );
  return rows.map((row) => ({ ...row, live: live.get(row.keyId) ?? 0, audited: audited.get(row.keyId) ?? 0 }));
}

/** How many values each key sealed, by the number in front of each. */
async function countsOf(client: pg.PoolClient, values: string, organizationId: string): Promise<{ key: number; count: number }[]> {
  const { rows } = await client.query<{ key: number; count: number }>(
    `SELECT key, count(*)::int AS count FROM (
       SELECT ('x' || encode(substring(sealed FROM 2 FOR 4), 'hex'))::bit(32)::int AS key FROM (${values}) all_values WHERE sealed IS NOT NULL) numbered
     GROUP BY key`,
    [organizationId],
  );
  return rows;
}

/** Tables with sealed columns, as they are declared; each has an organization. */
export function sealedTables(): { table: string; columns: string[]; boundTo: string[] }[] {
  return Object.entries(TABLES).flatMap(([table, { columns, boundTo }]) => {
    const sealed = Object.keys(columns).filter((column) => columns[column]?.stored === 'sealed');
    return sealed.length > 0 ? [{ table, columns: sealed, boundTo }] : [];
  });
}

/**
 * Wraps every key of the organization with what wraps now, one statement each, and only in the place of the wrapped key that was
 * read. Nothing that is sealed changes. Returns how many were wrapped anew.
 */
export function rewrapDataKeys(owner: DatabaseSettings, wrapping: Wrapping, organizationId: string): Promise<number> {
  return asOwner(owner, organizationId, 'data-key.rewrap', async (client) => {
    const { rows } = await client.query<{ keyId: number; wrappedBy: string; wrapped: Buffer<ArrayBuffer> }>(
      'SELECT key_id AS "keyId", wrapped_by AS "wrappedBy", wrapped_key AS wrapped FROM data_key_secret WHERE organization_id = $1',
      [organizationId],
    );
    let rewrapped = 0;
    for (const { keyId, wrappedBy, wrapped } of rows) {
      const place = { organizationId, keyId };
      const anew = await wrapping.wrap(place, await wrapping.unwrap(place, { wrappedBy, wrapped }));
      if (anew.wrappedBy === wrappedBy) continue;
      const { rowCount } = await client.query(
        'UPDATE data_key_secret SET wrapped_by = $3, wrapped_key = $4 WHERE organization_id = $1 AND key_id = $2 AND wrapped_key = $5',
        [organizationId, keyId, anew.wrappedBy, anew.wrapped, wrapped],
      );
      rewrapped += rowCount ?? 0;
    }
    return rewrapped;
  });
}

/**
 * Destroys a key that seals no more. Throws while a live value needs it, or while it may still seal somewhere; and, unless
 * `withHistory`, while a value of the audit log needs it, which then nobody reads again. The log itself stays whole and verifies.
 */
export function destroyDataKey(
  owner: DatabaseSettings,
  organizationId: string,
  keyId: number,
  { withHistory = false, settledSeconds = ANNOUNCED_SECONDS }: { withHistory?: boolean; settledSeconds?: number } = {},
): Promise<void> {
  return asOwner(owner, organizationId, 'data-key.destroy', async (client) => {
    const keys = await stateOf(client, organizationId);
    const key = keys.find((one) => one.keyId === keyId);
    const settled = Date.now() - settledSeconds * 1_000;
    const successor = keys.find((one) => one.keyId > keyId && one.wrappedBy && one.usableFrom.getTime() < settled);
    if (!key?.wrappedBy) throw new Error(`There is no key ${keyId}.`);
    if (keyId === 0)
      throw new Error('Key 0 makes the hashes by which people are found and passwords are checked; it goes with its organization alone.');
    if (!successor)
      throw new Error(`Key ${keyId} may still seal. Rotate first, and wait ${settledSeconds} seconds from when the new key seals.`);
    if (key.live > 0) throw new Error(`${key.live} values are sealed with key ${keyId}. Seal them anew first.`);
    if (key.audited > 0 && !withHistory)
      throw new Error(
        `${key.audited} values of the audit log open with key ${keyId} alone. It can stay; to destroy it, and them, say --with-history.`,
      );
    await destroy(client, organizationId, [keyId]);
  });
}

/** Destroys every key of an organization: nothing that it sealed is ever opened again in this database. Returns how many. */
export async function shredOrganization(owner: DatabaseSettings, organizationId: string): Promise<number> {
  if (organizationId === NO_ORGANIZATION) throw new Error('The keys of no organization serve all of them.');
  return asOwner(owner, organizationId, 'data-key.shred', async (client) => {
    const { rows } = await client.query<{ key_id: number }>('SELECT key_id FROM data_key_secret WHERE organization_id = $1', [
      organizationId,
    ]);
    await destroy(
      client,
      organizationId,
      rows.map(({ key_id: keyId }) => keyId),
    );
    return rows.length;
  });
}

async function destroy(client: pg.PoolClient, organizationId: string, keyIds: number[]): Promise<void> {
  await client.query('DELETE FROM data_key_secret WHERE organization_id = $1 AND key_id = ANY ($2)', [organizationId, keyIds]);
  await client.query('UPDATE data_key SET destroyed_at = now() WHERE organization_id = $1 AND key_id = ANY ($2)', [organizationId, keyIds]);
}
