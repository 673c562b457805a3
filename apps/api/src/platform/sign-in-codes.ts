import { timingSafeEqual } from 'node:crypto';
import type { Ctx } from './context.ts';

// What a message signs its reader in with. Both are made from the id of what was asked for by a key that the database has not: nothing
// is stored that could be read, tried or lost, and a message that is sent twice says the same.

type Keys = Pick<Ctx, 'codec' | 'organizationId'>;

function hashOf({ codec, organizationId }: Keys, column: 'code' | 'link', signInId: string): Buffer {
  return Buffer.from(codec.keyedHash({ organizationId, table: 'patient_sign_in', column }, signInId));
}

/** Eight digits, each number as likely as the next to one part in 10^11. */
export function signInCode(keys: Keys, signInId: string): string {
  return String(hashOf(keys, 'code', signInId).readBigUInt64BE() % 100_000_000n).padStart(8, '0');
}

/** 256 bits as text. */
function linkToken(keys: Keys, signInId: string): string {
  return hashOf(keys, 'link', signInId).toString('base64url');
}

/** The link of a message. What signs in stands behind the #, which no browser sends and no server logs. */
export function signInLink(keys: Keys, apiUrl: string, signInId: string): string {
  return `${apiUrl}/portal/sign-in#${keys.organizationId}.${signInId}.${linkToken(keys, signInId)}`;
}

/** Whether this is the code or the end of the link, in the same time whatever of it is right. */
export function isSignInCode(keys: Keys, signInId: string, typed: string): boolean {
  const isDigits = /^[\d -]+$/.test(typed) && typed.length < 10;
  const given = Buffer.from(isDigits ? typed.replaceAll(/[ -]/g, '') : typed);
  const right = Buffer.from(isDigits ? signInCode(keys, signInId) : linkToken(keys, signInId));
  return given.length === right.length && timingSafeEqual(given, right);
}
