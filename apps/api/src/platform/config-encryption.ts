import { keyRingOf } from '@medspa/database';
import { z } from 'zod';
import { isKmsKey } from './kms.ts';

const filled = z.string().trim().min(1);

/** Keys of the configuration that say what wraps the keys of the data. */
export const ENCRYPTION_KEYS = {
  ENCRYPTION_KEY: filled.optional(),
  ENCRYPTION_KEY_FILE: filled.optional(),
  KMS_KEY: filled.optional(),
};
type EncryptionEnvironment = z.infer<z.ZodObject<typeof ENCRYPTION_KEYS>>;

/**
 * A ring of keys, given as its text or as a file, or keys of Google Cloud KMS by their names, or both: KMS wraps then, and the ring
 * unwraps what it wrapped before and signs the anchors.
 */
export type EncryptionSettings = { ring: { text: string } | { file: string } | null; kms: string[] };

/** Adds to `problems` what is wrong; no line holds a value. */
export function encryptionOf(env: EncryptionEnvironment, problems: string[]): EncryptionSettings {
  const { ENCRYPTION_KEY: text, ENCRYPTION_KEY_FILE: file, KMS_KEY: names } = env;
  if (text !== undefined) {
    try {
      keyRingOf(text);
    } catch (error) {
      problems.push(`ENCRYPTION_KEY: ${(error as Error).message}`);
    }
  }
  const kms = names?.split(',').map((name) => name.trim()) ?? [];
  if (!kms.every(isKmsKey))
    problems.push('KMS_KEY: not the name of a key (projects/P/locations/L/keyRings/R/cryptoKeys/K; K may hold {organization}).');
  if (!text && !file && kms.length === 0)
    problems.push('ENCRYPTION_KEY: missing (or ENCRYPTION_KEY_FILE, a local key file, or KMS_KEY, a key of Google Cloud KMS).');
  return { ring: text ? { text } : file ? { file } : null, kms };
}
