import { keyRingFromFile, keyRingOf, ringWrapping, WrongWrapping, type KeyRing, type Wrapping } from '@medspa/database';
import type { EncryptionSettings } from './config-encryption.ts';
import { GOOGLE_KMS, isOfKms, kmsWrapping, type KmsSource } from './kms.ts';

/** What wraps the keys of the data, and the ring where one is given, of which anchors of the audit log are signed. */
export type Encryption = { ring: KeyRing | null; wrapping: Wrapping };

/**
 * Opens what the configuration names. A key file that is not there is made when `mayCreate` says that there is no data yet.
 * Throws a sentence for the operator.
 */
export function openEncryption(
  { ring: given, kms: names }: EncryptionSettings,
  mayCreate = false,
  source: KmsSource = GOOGLE_KMS,
): Encryption {
  const ring = given && ('text' in given ? keyRingOf(given.text) : keyRingFromFile(given.file, mayCreate));
  const byRing = ring && ringWrapping(ring);
  const byKms = names.length > 0 ? kmsWrapping(names, source) : null;
  const wrapsNow = byKms ?? byRing;
  if (!wrapsNow) throw new Error('Nothing is given that wraps keys.');
  return {
    ring,
    wrapping: {
      wrap: wrapsNow.wrap,
      unwrap: (place, wrapped) => {
        const by = isOfKms(wrapped.wrappedBy) ? byKms : byRing;
        if (!by) return Promise.reject(new WrongWrapping(`What wrapped keys of this database (${wrapped.wrappedBy}) is not given.`));
        return by.unwrap(place, wrapped);
      },
    },
  };
}
