import { createHash, randomBytes } from 'node:crypto';

// What gives access to whoever has it: they keep it, and the database only its hash.

/** 256 random bits, as they stand in a cookie or a link. */
export function newToken(): string {
  return randomBytes(32).toString('base64url');
}

/** SHA-256: enough for what is 128 random bits or more. */
export function hashOf(random: string): Buffer<ArrayBuffer> {
  return createHash('sha256').update(random).digest();
}
