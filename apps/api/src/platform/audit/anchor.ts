import { createHash, createPrivateKey, createPublicKey, hkdfSync, sign, verify, type KeyObject } from 'node:crypto';
import type { KeyRing } from '@medspa/database';
import { z } from 'zod';

/** The last seal of one log of one organization. */
export type Head = { organization: string; log: string; sequence: number; head: string; count: number };

const Signed = z.strictObject({
  organization: z.uuid(),
  log: z.enum(['access_log', 'audit_log']),
  sequence: z.int().positive(),
  head: z.string().regex(/^[0-9a-f]{64}$/),
  count: z.int().positive(),
  time: z.iso.datetime(),
  key: z.string().regex(/^[\w-]{43}$/),
  signature: z.string().regex(/^[\w-]{86}$/),
});
/** A head with the time at which it was seen, signed: the proof that the log was so, kept where the database's owner cannot write. */
export type Anchor = z.infer<typeof Signed>;

/** What is signed, in one form. */
function statementOf({ organization, log, sequence, head, count, time }: Head & { time: string }): Buffer {
  return Buffer.from(JSON.stringify({ organization, log, sequence, head, count, time }));
}

/** PKCS #8 of an Ed25519 key up to its 32 bytes, and the same of a public key (RFC 8410). */
const PRIVATE_PREFIX = Buffer.from('302e020100300506032b657004220420', 'hex');
const PUBLIC_PREFIX = Buffer.from('302a300506032b6570032100', 'hex');

/** Signs heads. `publicKey` is all that a verifier needs: 32 bytes as base64url. */
export type Signer = { publicKey: string; sign: (head: Head, at: Date) => Anchor };

/**
 * Signs with an Ed25519 key that is derived from the ring's key of that number, the current one unless told. It is kept nowhere:
 * whoever has the encryption key has it, and the database has neither.
 */
export function createSigner(ring: KeyRing, keyId = ring.current): Signer {
  const master = ring.keys.get(keyId);
  if (!master) throw new Error('The key ring does not hold the key that signs.');
  const seed = Buffer.from(hkdfSync('sha256', master, '', 'medspa audit anchors', 32));
  const privateKey = createPrivateKey({ key: Buffer.concat([PRIVATE_PREFIX, seed]), format: 'der', type: 'pkcs8' });
  const publicKey = createPublicKey(privateKey)
    .export({ format: 'der', type: 'spki' })
    .subarray(PUBLIC_PREFIX.length)
    .toString('base64url');
  return {
    publicKey,
    sign: ({ organization, log, sequence, head, count }, at) => {
      const said = { organization, log, sequence, head, count, time: at.toISOString() };
      return Signed.parse({ ...said, key: publicKey, signature: sign(null, statementOf(said), privateKey).toString('base64url') });
    },
  };
}

/** An anchor as its line says it, or why it is none that counts. */
export type ReadAnchor =
  | { anchor: Anchor }
  | { refused: 'bad-signature' | 'foreign-signature'; organization: string | null; log: string | null };

/** Reads a line against the public keys that are trusted. */
export function readAnchor(line: string, trusted: ReadonlySet<string>): ReadAnchor {
  const { data } = Signed.safeParse(jsonOf(line));
  if (!data) return { refused: 'bad-signature', organization: null, log: null };
  const { organization, log } = data;
  if (!verify(null, statementOf(data), publicKeyOf(data.key), Buffer.from(data.signature, 'base64url')))
    return { refused: 'bad-signature', organization, log };
  return trusted.has(data.key) ? { anchor: data } : { refused: 'foreign-signature', organization, log };
}

/** A short name of a public key, for people who compare two. */
export function fingerprintOf(publicKey: string): string {
  return createHash('sha256').update(Buffer.from(publicKey, 'base64url')).digest('hex').slice(0, 16);
}

function publicKeyOf(key: string): KeyObject {
  return createPublicKey({ key: Buffer.concat([PUBLIC_PREFIX, Buffer.from(key, 'base64url')]), format: 'der', type: 'spki' });
}

function jsonOf(line: string): unknown {
  try {
    return JSON.parse(line);
  } catch {
    return null;
  }
}
