import { createCipheriv, createDecipheriv, hkdfSync, randomBytes } from 'node:crypto';
import type { KeyRing } from './keys.ts';

/** Which key is wrapped: it unwraps as this one and no other. */
export type KeyPlace = { organizationId: string; keyId: number };

/** A key that can be kept in the database, and the name of what wrapped it. */
export type WrappedKey = { wrappedBy: string; wrapped: Uint8Array<ArrayBuffer> };

/** Wraps data keys with a key that the database never sees. */
export type Wrapping = {
  /** Throws `WrappingAway` when what wraps does not answer. */
  wrap(place: KeyPlace, key: Uint8Array): Promise<WrappedKey>;
  /** Throws `WrappingAway`, or `WrongWrapping` when this one did not wrap it, or the bytes were altered or moved. */
  unwrap(place: KeyPlace, wrapped: WrappedKey): Promise<Buffer>;
};

/** The wrapping key is another one than the given, is not there any more, or the wrapped bytes are not what it made. */
export class WrongWrapping extends Error {
  override readonly name = 'WrongWrapping';
}

/** What wraps does not answer now; the same may work later. */
export class WrappingAway extends Error {
  override readonly name = 'WrappingAway';
}

const VERSION = 1;
const IV_BYTES = 12;
const TAG_BYTES = 16;

/** To what a wrapped key is bound. */
export function addressOf({ organizationId, keyId }: KeyPlace): Buffer {
  return Buffer.from(`medspa data key|${organizationId}|${keyId}`, 'utf8');
}

/** Wraps with the current key of a ring: AES-256-GCM as `version (1) | iv (12) | ciphertext (32) | tag (16)`. */
export function ringWrapping(ring: KeyRing): Wrapping {
  if (!ring.keys.has(ring.current)) throw new Error('The key ring does not hold its current key.');

  // Derived, since the ring's key also signs anchors: one key, one use.
  function keyOf(id: number): Buffer | null {
    const master = ring.keys.get(id);
    return master ? Buffer.from(hkdfSync('sha256', master, '', 'medspa wrapping', 32)) : null;
  }

  return {
    async wrap(place, key) {
      const iv = randomBytes(IV_BYTES);
      const cipher = createCipheriv('aes-256-gcm', keyOf(ring.current) as Buffer, iv);
      cipher.setAAD(addressOf(place));
      const wrapped = Buffer.concat([Buffer.of(VERSION), iv, cipher.update(key), cipher.final(), cipher.getAuthTag()]);
      return { wrappedBy: `ring/${ring.current}`, wrapped };
    },

    async unwrap(place, { wrappedBy, wrapped }) {
      const [, number = ''] = /^ring\/(\d+)$/.exec(wrappedBy) ?? [];
      const key = keyOf(Number(number));
      if (!key) throw new WrongWrapping(`Key ${number} of the encryption is missing.`);
      const bytes = Buffer.from(wrapped);
      try {
        if (bytes.readUInt8(0) !== VERSION) throw new Error();
        const decipher = createDecipheriv('aes-256-gcm', key, bytes.subarray(1, 1 + IV_BYTES), { authTagLength: TAG_BYTES });
        decipher.setAAD(addressOf(place));
        decipher.setAuthTag(bytes.subarray(-TAG_BYTES));
        return Buffer.concat([decipher.update(bytes.subarray(1 + IV_BYTES, -TAG_BYTES)), decipher.final()]);
      } catch (error) {
        throw new WrongWrapping(`Key ${number} of the encryption is not the one that this database was filled with.`, { cause: error });
      }
    },
  };
}
