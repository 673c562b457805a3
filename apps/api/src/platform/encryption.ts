import { keyRingFromFile, keyRingOf, ringWrapping, WrongWrapping, type KeyRing, type Wrapping } from '@medspa/database';
import { encryptionOf, type EncryptionSettings } from './config-encryption.ts';
import { GOOGLE_KMS, isOfKms, kmsWrapping, type KmsSource } from './kms.ts';

/** What wraps the keys of the data, and the ring where one is given, of which anchors of the audit log are signed. */
export type Encryption = { ring: KeyRing | null; kmsKeys: string[]; wrapping: Wrapping };

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
    kmsKeys: names,
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

/**
 * The same for a task: what these keys of the environment name, or the key file where they name nothing. Throws a sentence for the
 * operator.
 */
export function encryptionIn(given: Record<string, string | undefined>, keyFile?: string, mayCreate = false): Encryption {
  const { ENCRYPTION_KEY, ENCRYPTION_KEY_FILE, KMS_KEY } = given;
  const isGiven = ENCRYPTION_KEY ?? ENCRYPTION_KEY_FILE ?? KMS_KEY;
  const problems: string[] = [];
  const settings = encryptionOf(isGiven ? { ENCRYPTION_KEY, ENCRYPTION_KEY_FILE, KMS_KEY } : { ENCRYPTION_KEY_FILE: keyFile }, problems);
  if (problems.length > 0) throw new Error(problems.join('\n'));
  return openEncryption(settings, mayCreate);
}
