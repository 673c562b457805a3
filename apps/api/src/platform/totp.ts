import { createHmac, timingSafeEqual } from 'node:crypto';

// Time-based one-time passwords (RFC 6238) as every authenticator app makes them: HMAC-SHA-1, six digits, steps of thirty seconds.

const STEP_SECONDS = 30;
const ALPHABET = 'ABCDEFGHIJKLMNOPQRSTUVWXYZ234567';

/** The six digits of a step. */
export function totpCode(secret: Uint8Array, step: number): string {
  const counter = Buffer.alloc(8);
  counter.writeBigUInt64BE(BigInt(step));
  const digest = createHmac('sha1', secret).update(counter).digest();
  const offset = digest.readUInt8(digest.length - 1) & 0xf;
  return String((digest.readUInt32BE(offset) & 0x7f_ff_ff_ff) % 1_000_000).padStart(6, '0');
}

/** The step of an instant. */
export function totpStep(at: Date): number {
  return Math.floor(at.getTime() / 1_000 / STEP_SECONDS);
}

/** The latest of the steps around now, one to each side, whose code this is; null when it is of none. */
export function findTotpStep(secret: Uint8Array, code: string, now: Date): number | null {
  const given = Buffer.from(code.padEnd(6).slice(0, 6));
  const current = totpStep(now);
  const found = [current + 1, current, current - 1].find((step) => timingSafeEqual(Buffer.from(totpCode(secret, step)), given));
  return code.length === 6 ? (found ?? null) : null;
}

/** Base32 (RFC 4648) without padding, as apps take secrets. */
export function toBase32(bytes: Uint8Array): string {
  const bits = [...bytes].map((byte) => byte.toString(2).padStart(8, '0')).join('');
  return (bits.match(/.{1,5}/g) ?? []).map((five) => ALPHABET[Number.parseInt(five.padEnd(5, '0'), 2)]).join('');
}
