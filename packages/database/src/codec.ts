import { createCipheriv, createDecipheriv, createHmac, hkdfSync, randomBytes } from 'node:crypto';

/** Where a sealed value lives. It opens only there: moved to another row, column or organization it does not decrypt. */
export type Place = { organizationId: string; table: string; column: string; rowId: string };

/** Encrypts the columns that `column-classes.ts` declares sealed, and makes the keyed hashes by which they are found. */
export type Codec = {
  seal(place: Place, plain: string): Uint8Array<ArrayBuffer>;
  /** Throws `UnreadableValue` when the bytes were altered, moved, or sealed with a key that is not in the ring. */
  open(place: Place, sealed: Uint8Array): string;
  /** Equal for equal values of one column of one organization; 32 bytes. Without the key nobody can make it. */
  keyedHash(place: Omit<Place, 'rowId'>, value: string): Uint8Array<ArrayBuffer>;
  /** The first 16 bytes of the same, of a normalised value: enough to find it by. */
  blindIndex(place: Omit<Place, 'rowId'>, normalised: string): Uint8Array<ArrayBuffer>;
};

/** Wrapping keys by id, 32 bytes each. New values use `current`; the others still open old ones. */
export type KeyRing = { current: number; keys: ReadonlyMap<number, Uint8Array> };

export class UnreadableValue extends Error {
  override readonly name = 'UnreadableValue';
  constructor() {
    super('A sealed value cannot be opened.');
  }
}

const VERSION = 1;
const IV_BYTES = 12;
const TAG_BYTES = 16;
const HEADER_BYTES = 5;

/**
 * AES-256-GCM in the format `version (1) | key id (4) | iv (12) | ciphertext | tag (16)`.
 *
 * The key of an organization is derived from the ring's key (HKDF-SHA-256, salt = organization), so no two organizations
 * share one, and the keys of the hashes never serve encryption (NIST SP 800-38D limits one key to 2^32 random ivs).
 */
export function createCodec(ring: KeyRing): Codec {
  if (!ring.keys.has(ring.current)) throw new Error('The key ring does not hold its current key.');
  const derived = new Map<string, Buffer>();

  function keyFor(keyId: number, organizationId: string, purpose: string): Buffer {
    const name = `${keyId}|${organizationId}|${purpose}`;
    const known = derived.get(name);
    if (known) return known;
    const master = ring.keys.get(keyId);
    if (!master) throw new UnreadableValue();
    const key = Buffer.from(hkdfSync('sha256', master, organizationId, `medspa ${purpose}`, 32));
    derived.set(name, key);
    return key;
  }

  function keyedHash(place: Omit<Place, 'rowId'>, value: string): Buffer<ArrayBuffer> {
    // The first key of the ring for ever: a rotation of the data keys must not orphan look-ups and passwords.
    const key = keyFor(Math.min(...ring.keys.keys()), place.organizationId, `index ${place.table}.${place.column}`);
    return createHmac('sha256', key).update(value, 'utf8').digest();
  }

  return {
    keyedHash,

    seal(place, plain) {
      const header = Buffer.alloc(HEADER_BYTES);
      header.writeUInt8(VERSION, 0);
      header.writeUInt32BE(ring.current, 1);
      const iv = randomBytes(IV_BYTES);
      const cipher = createCipheriv('aes-256-gcm', keyFor(ring.current, place.organizationId, 'data'), iv);
      cipher.setAAD(addressOf(place));
      return Buffer.concat([header, iv, cipher.update(plain, 'utf8'), cipher.final(), cipher.getAuthTag()]);
    },

    open(place, sealed) {
      const bytes = Buffer.from(sealed.buffer, sealed.byteOffset, sealed.byteLength);
      if (bytes.length < HEADER_BYTES + IV_BYTES + TAG_BYTES || bytes.readUInt8(0) !== VERSION) throw new UnreadableValue();
      const iv = bytes.subarray(HEADER_BYTES, HEADER_BYTES + IV_BYTES);
      const decipher = createDecipheriv('aes-256-gcm', keyFor(bytes.readUInt32BE(1), place.organizationId, 'data'), iv, {
        authTagLength: TAG_BYTES,
      });
      decipher.setAAD(addressOf(place));
      decipher.setAuthTag(bytes.subarray(-TAG_BYTES));
      try {
        return Buffer.concat([decipher.update(bytes.subarray(HEADER_BYTES + IV_BYTES, -TAG_BYTES)), decipher.final()]).toString('utf8');
      } catch {
        throw new UnreadableValue();
      }
    },

    blindIndex(place, normalised) {
      return keyedHash(place, normalised).subarray(0, 16);
    },
  };
}

function addressOf(place: Place): Buffer {
  return Buffer.from(`${place.organizationId}|${place.table}|${place.column}|${place.rowId}`, 'utf8');
}
