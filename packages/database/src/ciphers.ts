import {
  createCipheriv,
  createDecipheriv,
  createHmac,
  createSecretKey,
  hkdfSync,
  randomBytes,
  type CipherKey,
  type KeyObject,
} from 'node:crypto';

/** Where a sealed value lives. It opens only there: moved to another row, column or organization it does not decrypt. */
export type Place = { organizationId: string; table: string; column: string; rowId: string };

/** Encrypts the columns that `column-classes.ts` declares sealed, and makes the keyed hashes by which they are found. */
export type Ciphers = {
  /** Throws `KeysNotLoaded` unless the organization's keys are in memory. */
  seal(place: Place, plain: string): Uint8Array<ArrayBuffer>;
  /** Throws `UnreadableValue` when the bytes were altered, moved, or sealed with a key that is there no more; `KeysNotLoaded`. */
  open(place: Place, sealed: Uint8Array): string;
  /** Equal for equal values of one column of one organization, for ever; 32 bytes. Without the key nobody can make it. */
  keyedHash(place: Omit<Place, 'rowId'>, value: string): Uint8Array<ArrayBuffer>;
  /** The first 16 bytes of the same, of a normalised value: enough to find it by. */
  blindIndex(place: Omit<Place, 'rowId'>, normalised: string): Uint8Array<ArrayBuffer>;
};

/** Keys of one organization, unwrapped. As key objects: of bytes, each use makes one, which takes four times as long as the rest. */
export type OrganizationKeys = {
  /** Seals; the others still open what they sealed. */
  current: number;
  data: ReadonlyMap<number, CipherKey>;
  /** Makes keyed hashes. Never a data key, and never another one: a rotation must not orphan look-ups and passwords. */
  index: Uint8Array;
};

export class UnreadableValue extends Error {
  override readonly name = 'UnreadableValue';
  constructor() {
    super('A sealed value cannot be opened.');
  }
}

/** The organization's keys are not in memory: nobody prepared them, there is no such organization, or they were destroyed. */
export class KeysNotLoaded extends Error {
  override readonly name = 'KeysNotLoaded';
  constructor() {
    super("An organization's keys are not loaded.");
  }
}

const VERSION = 1;
const IV_BYTES = 12;
const TAG_BYTES = 16;
const HEADER_BYTES = 5;

/** Told of what the ciphers do: shapes, never values. */
export type CipherObserver = { sealed?(organizationId: string, keyId: number): void; unreadable?(): void };

/**
 * AES-256-GCM in the format `version (1) | key id (4) | iv (12) | ciphertext | tag (16)`, with header, organization, table, column
 * and row as what is authenticated beside. `keysOf` gives the keys of an organization or throws.
 */
export function createCiphers(keysOf: (organizationId: string) => OrganizationKeys, observer: CipherObserver = {}): Ciphers {
  const hashKeys = new WeakMap<OrganizationKeys, Map<string, KeyObject>>();

  function hashKeyOf(keys: OrganizationKeys, { organizationId, table, column }: Omit<Place, 'rowId'>): KeyObject {
    const known = hashKeys.get(keys) ?? new Map<string, KeyObject>();
    hashKeys.set(keys, known);
    const purpose = `index ${table}.${column}`;
    const key = known.get(purpose) ?? createSecretKey(Buffer.from(hkdfSync('sha256', keys.index, organizationId, `medspa ${purpose}`, 32)));
    known.set(purpose, key);
    return key;
  }

  function keyedHash(place: Omit<Place, 'rowId'>, value: string): Buffer<ArrayBuffer> {
    return createHmac('sha256', hashKeyOf(keysOf(place.organizationId), place))
      .update(value, 'utf8')
      .digest();
  }

  /** Closed, and counted: no part of what may be altered is given out. */
  function refuse(): never {
    observer.unreadable?.();
    throw new UnreadableValue();
  }

  return {
    keyedHash,

    seal(place, plain) {
      const { current, data } = keysOf(place.organizationId);
      const header = Buffer.alloc(HEADER_BYTES);
      header.writeUInt8(VERSION, 0);
      header.writeUInt32BE(current, 1);
      const iv = randomBytes(IV_BYTES);
      const cipher = createCipheriv('aes-256-gcm', data.get(current) as CipherKey, iv);
      cipher.setAAD(addressOf(header, place));
      observer.sealed?.(place.organizationId, current);
      return Buffer.concat([header, iv, cipher.update(plain, 'utf8'), cipher.final(), cipher.getAuthTag()]);
    },

    open(place, sealed) {
      const bytes = Buffer.from(sealed.buffer, sealed.byteOffset, sealed.byteLength);
      const { data } = keysOf(place.organizationId);
      if (bytes.length < HEADER_BYTES + IV_BYTES + TAG_BYTES || bytes.readUInt8(0) !== VERSION) return refuse();
      const key = data.get(bytes.readUInt32BE(1));
      if (!key) return refuse();
      const iv = bytes.subarray(HEADER_BYTES, HEADER_BYTES + IV_BYTES);
      const decipher = createDecipheriv('aes-256-gcm', key, iv, { authTagLength: TAG_BYTES });
      decipher.setAAD(addressOf(bytes.subarray(0, HEADER_BYTES), place));
      decipher.setAuthTag(bytes.subarray(-TAG_BYTES));
      try {
        return Buffer.concat([decipher.update(bytes.subarray(HEADER_BYTES + IV_BYTES, -TAG_BYTES)), decipher.final()]).toString('utf8');
      } catch {
        return refuse();
      }
    },

    blindIndex(place, normalised) {
      return keyedHash(place, normalised).subarray(0, 16);
    },
  };
}

function addressOf(header: Uint8Array, { organizationId, table, column, rowId }: Place): Buffer {
  return Buffer.concat([header, Buffer.from(`${organizationId}|${table}|${column}|${rowId}`, 'utf8')]);
}
