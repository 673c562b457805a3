import { createSecretKey, randomBytes } from 'node:crypto';
import { createCiphers, KeysNotLoaded, type Ciphers, type CipherObserver, type OrganizationKeys } from './ciphers.ts';
import type { Database, Tx } from './database.ts';
import type { Session } from './session.ts';
import { sql } from './sql.ts';
import { WrappingAway, type WrappedKey, type Wrapping } from './wrapping.ts';

/** What belongs to no organization happens under this id: it sees no tenant's rows. */
export const NO_ORGANIZATION = '00000000-0000-0000-0000-000000000000';

/** The key of the keyed hashes, and the first that seals. */
export const INDEX_KEY = 0;
export const FIRST_KEY = 1;

/** Ciphers with the keys of the database, which are unwrapped once and kept in memory for a while. */
export type Codec = Ciphers & {
  /**
   * Sees to it that the keys of the organization are in memory, and those of no organization: for a minute without asking the
   * database. An organization that never had keys gets them. One that is not there has none afterwards either.
   */
  prepare(organizationId: string): Promise<void>;
  /** True while `prepare` has nothing to do. */
  isReady(organizationId: string): boolean;
  /** Prepares, and makes the keys of an organization that is not there yet; `insertDataKeys` in its transaction keeps them. */
  begin(organizationId: string): Promise<NewKey[]>;
};

/** A key that is not in the database yet. */
export type NewKey = WrappedKey & { keyId: number };

export type CodecOptions = {
  unreadable?: () => void;
  /** How long keys are used before the database is asked again. Far less than `ANNOUNCED_SECONDS`. */
  maxAgeMillis?: number;
};

/**
 * How long the keys of an organization are used before the database is asked again, so that a destroyed one dies everywhere; and
 * for how long, once it has, whoever is at work goes on with what it began with. The longest request ends sooner.
 */
const MAX_AGE_MILLIS = 60_000;
const GRACE_MILLIS = 60_000;
/**
 * A new key seals only so long after it was added: by then every process has asked again and has it. So none ever meets a value
 * that it cannot open, and nobody needs to ask twice.
 */
export const ANNOUNCED_SECONDS = 180;
/** An unwrapped key is unwrapped anew after an hour, so that a wrapping key that was destroyed elsewhere counts here as well. */
const UNWRAPPED_MILLIS = 3_600_000;
/** ... but while what wraps does not answer, what was unwrapped serves for so long. */
const UNWRAPPED_WITHOUT_ANSWER_MILLIS = 4 * 3_600_000;
/** Organizations whose keys are kept, unless more are at work at the same time. */
const MOST = 10_000;

type Unwrapped = { wrapped: string; key: Buffer; since: number };
type Entry = { keys: OrganizationKeys; unwrapped: Map<number, Unwrapped>; sealed: Map<number, number>; loadedAt: number };
type Found = { isNew: boolean; keys: { keyId: number; isUsable: boolean; wrappedBy: string; wrapped: string }[] };

export function createCodec(
  database: Pick<Database, 'callFunction'>,
  wrapping: Wrapping,
  { unreadable, maxAgeMillis = MAX_AGE_MILLIS }: CodecOptions = {},
): Codec {
  // In the order in which they were loaded.
  const entries = new Map<string, Entry>();
  const loading = new Map<string, Promise<void>>();

  const ageOf = (entry: Entry) => performance.now() - entry.loadedAt;
  /** The hashes of no organization are made with one key for ever; it is there once. */
  const lastsFor = (organizationId: string) => (organizationId === NO_ORGANIZATION ? Infinity : maxAgeMillis);

  function keysOf(organizationId: string): OrganizationKeys {
    const entry = entries.get(organizationId);
    if (!entry || ageOf(entry) > lastsFor(organizationId) + GRACE_MILLIS) throw new KeysNotLoaded();
    return entry.keys;
  }

  const observer: CipherObserver = {
    sealed: (organizationId, keyId) => {
      const sealed = entries.get(organizationId)?.sealed;
      sealed?.set(keyId, (sealed.get(keyId) ?? 0) + 1);
    },
    ...(unreadable ? { unreadable } : {}),
  };

  async function load(organizationId: string): Promise<void> {
    const before = entries.get(organizationId);
    const told = new Map(before?.sealed);
    let found = await findKeys(database, organizationId, told);
    for (const [keyId, count] of told) before?.sealed.set(keyId, (before.sealed.get(keyId) ?? 0) - count);
    if (found.isNew) {
      // Of two that begin at once one is kept, and both read that one.
      await addDataKeys(database, organizationId, await newKeys(wrapping, organizationId, [INDEX_KEY, FIRST_KEY]));
      found = await findKeys(database, organizationId, new Map());
    }
    const unwrapped = new Map(
      await Promise.all(
        found.keys.map(async (one) => [one.keyId, await unwrap(organizationId, one, before?.unwrapped.get(one.keyId))] as const),
      ),
    );
    keep(
      organizationId,
      unwrapped,
      Math.max(...found.keys.flatMap(({ keyId, isUsable }) => (isUsable && keyId !== INDEX_KEY ? [keyId] : []))),
      before?.sealed,
    );
  }

  async function unwrap(
    organizationId: string,
    { keyId, wrappedBy, wrapped }: Found['keys'][number],
    known?: Unwrapped,
  ): Promise<Unwrapped> {
    const age = known?.wrapped === wrapped ? performance.now() - known.since : Infinity;
    if (known && age < UNWRAPPED_MILLIS) return known;
    try {
      const key = await wrapping.unwrap({ organizationId, keyId }, { wrappedBy, wrapped: Buffer.from(wrapped, 'hex') });
      return { wrapped, key, since: performance.now() };
    } catch (error) {
      if (known && error instanceof WrappingAway && age < UNWRAPPED_WITHOUT_ANSWER_MILLIS) return known;
      throw error;
    }
  }

  function keep(organizationId: string, unwrapped: Map<number, Unwrapped>, current: number, sealed = new Map<number, number>()): void {
    entries.delete(organizationId);
    const index = unwrapped.get(INDEX_KEY)?.key;
    // None, or destroyed.
    if (!index || !unwrapped.has(current)) return;
    const data = new Map(
      [...unwrapped].flatMap(([keyId, { key }]) => (keyId === INDEX_KEY ? [] : [[keyId, createSecretKey(key)] as const])),
    );
    entries.set(organizationId, { keys: { current, data, index }, unwrapped, sealed, loadedAt: performance.now() });
    for (const [oldest, entry] of entries) {
      if (entries.size <= MOST || ageOf(entry) < maxAgeMillis + GRACE_MILLIS) break;
      if (oldest !== NO_ORGANIZATION) entries.delete(oldest);
    }
  }

  function isFresh(organizationId: string): boolean {
    const entry = entries.get(organizationId);
    return entry !== undefined && ageOf(entry) < lastsFor(organizationId);
  }

  async function prepare(organizationId: string): Promise<void> {
    for (const one of [NO_ORGANIZATION, organizationId]) {
      if (isFresh(one)) continue;
      const pending = loading.get(one) ?? load(one).finally(() => loading.delete(one));
      loading.set(one, pending);
      await pending;
    }
  }

  return {
    ...createCiphers(keysOf, observer),
    prepare,
    isReady: (organizationId) => isFresh(NO_ORGANIZATION) && isFresh(organizationId),
    begin: async (organizationId) => {
      await prepare(NO_ORGANIZATION);
      const plain = new Map([INDEX_KEY, FIRST_KEY].map((keyId) => [keyId, randomBytes(32)]));
      const made = await Promise.all(
        [...plain].map(async ([keyId, key]) => ({ keyId, ...(await wrapping.wrap({ organizationId, keyId }, key)) })),
      );
      const since = performance.now();
      keep(
        organizationId,
        new Map(made.map(({ keyId, wrapped }) => [keyId, { wrapped: hexOf(wrapped), key: plain.get(keyId) as Buffer, since }])),
        FIRST_KEY,
      );
      return made;
    },
  };
}

/** Random keys of these numbers, wrapped. */
export function newKeys(wrapping: Wrapping, organizationId: string, keyIds: number[]): Promise<NewKey[]> {
  return Promise.all(keyIds.map(async (keyId) => ({ keyId, ...(await wrapping.wrap({ organizationId, keyId }, randomBytes(32))) })));
}

/** Keeps keys in the transaction that makes their organization. */
export async function insertDataKeys(tx: Tx, keys: NewKey[]): Promise<void> {
  await tx.$executeRaw`SELECT app.add_data_keys(${argumentOf(keys)}::jsonb, interval '0')`;
}

/** Adds keys in a transaction of their own; false when somebody else did. They seal after `delaySeconds`. */
export async function addDataKeys(
  database: Pick<Database, 'callFunction'>,
  organizationId: string,
  keys: NewKey[],
  delaySeconds = 0,
): Promise<boolean> {
  const [row] = await database.callFunction(
    keySession(organizationId, 'data-key.add'),
    (session) =>
      sql<{
        isAdded: boolean;
      }>`SELECT app.add_data_keys(${session}::jsonb, ${argumentOf(keys)}::jsonb, make_interval(secs => ${delaySeconds}::int)) AS "isAdded"`,
  );
  return row?.isAdded ?? false;
}

/** The keys of an organization as the database has them; adds to what each has sealed. */
export async function findKeys(
  database: Pick<Database, 'callFunction'>,
  organizationId: string,
  sealed: Map<number, number>,
): Promise<Found> {
  const counts = JSON.stringify(Object.fromEntries([...sealed].filter(([, count]) => count > 0)));
  const [row] = await database.callFunction(
    keySession(organizationId, 'data-key.find'),
    (session) => sql<{ found: Found }>`SELECT app.find_data_keys(${session}::jsonb, ${counts}::jsonb) AS found`,
  );
  return row?.found ?? { isNew: false, keys: [] };
}

/** Keys are the platform's own affair, whoever's request needs them. */
export function keySession(organizationId: string, action: string): Session {
  return {
    organizationId,
    actorKind: 'job',
    actorId: '00000000-0000-7000-8000-000000000004',
    requestId: 'data-keys',
    action,
    now: new Date(),
    locations: null,
    patients: null,
  };
}

function argumentOf(keys: NewKey[]): string {
  return JSON.stringify(keys.map(({ wrapped, ...key }) => ({ ...key, wrapped: hexOf(wrapped) })));
}

function hexOf(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('hex');
}
