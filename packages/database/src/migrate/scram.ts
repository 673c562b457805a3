import { createHash, createHmac, pbkdf2Sync, randomBytes } from 'node:crypto';

/** PostgreSQL's own number, which it also uses for the imitation that it shows to unknown roles. */
const ITERATIONS = 4_096;
const SALT_BYTES = 16;

/**
 * What PostgreSQL keeps of a password (RFC 5802 and 7677, with SHA-256), in its own notation. Given in place of the password
 * it is stored as it is, so that the password itself never reaches the server, its log or its statistics.
 *
 * Throws for a password that is not of visible ASCII characters and spaces: others would have to be normalised (SASLprep)
 * before both sides mean the same.
 */
export function scramVerifier(password: string, salt: Buffer = randomBytes(SALT_BYTES)): string {
  if (!/^[\x20-\x7e]+$/.test(password)) throw new Error('has characters beside the visible ones of ASCII, or none at all.');
  const salted = pbkdf2Sync(password, salt, ITERATIONS, 32, 'sha256');
  const keyOf = (name: string) => createHmac('sha256', salted).update(name).digest();
  const storedKey = createHash('sha256').update(keyOf('Client Key')).digest('base64');
  return `SCRAM-SHA-256$${ITERATIONS}:${salt.toString('base64')}$${storedKey}:${keyOf('Server Key').toString('base64')}`;
}
