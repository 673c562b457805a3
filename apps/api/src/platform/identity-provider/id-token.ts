import { createLocalJWKSet, jwtVerify, errors, type JWTVerifyGetKey } from 'jose';
import { z } from 'zod';
import { Problem } from '../problem.ts';
import { fetchDocument } from './outbound.ts';

/** Public keys as providers publish them. What of a key matters to its kind, the library checks. */
const KeySet = z.object({ keys: z.array(z.looseObject({ kty: z.string(), kid: z.string().optional() })).max(100) });

/** Signed with a private key that nobody but the issuer has: `none`, and HMAC with what everybody may read, are not among them. */
export const ASYMMETRIC = ['RS256', 'PS256', 'ES256', 'ES384', 'EdDSA'];

/** Providers that say nothing of it rotate within days. */
const DEFAULT_MAX_AGE_SECONDS = 3_600;
const LONGEST_MAX_AGE_SECONDS = 86_400;
/** A token with a key that nobody knows makes us ask again, so often at most. */
const ASK_AGAIN_MILLIS = 60_000;

/**
 * The keys of an issuer, kept as long as its `max-age` says and fetched anew for a key that is not among them. One fetch at a time,
 * whoever asks; while the issuer is down, keys that are not too old still serve.
 */
export function issuerKeys(addressOf: () => Promise<string>, now: () => Date): JWTVerifyGetKey {
  type Known = { find: JWTVerifyGetKey; fetchedAt: number; until: number };
  let known: Known | null = null;
  let fetching: Promise<Known> | null = null;

  async function fetchKeys(): Promise<Known> {
    const { document, headers } = await fetchDocument(await addressOf(), { schema: KeySet });
    const told = Number(/\bmax-age=(\d+)/.exec(headers.get('cache-control') ?? '')?.[1] ?? DEFAULT_MAX_AGE_SECONDS);
    const fetchedAt = now().getTime();
    const until = fetchedAt + Math.min(told, LONGEST_MAX_AGE_SECONDS) * 1_000;
    known = { find: createLocalJWKSet(document), fetchedAt, until };
    return known;
  }
  const refresh = () => (fetching ??= fetchKeys().finally(() => (fetching = null)));

  return async (header, token) => {
    const at = now().getTime();
    const current = known && at < known.until ? known : await refresh();
    try {
      return await current.find(header, token);
    } catch (error) {
      if (!(error instanceof errors.JWKSNoMatchingKey) || at - current.fetchedAt < ASK_AGAIN_MILLIS) throw error;
      return (await refresh()).find(header, token);
    }
  };
}

/** Seconds by which two clocks may differ. */
const TOLERANCE = 10;

/** What every ID token says, whoever issued it. Of the rest, what is asked for. */
const Claims = z.looseObject({
  sub: z.string().min(1).max(255),
  exp: z.number(),
  iat: z.number(),
  aud: z.union([z.string(), z.array(z.string())]),
  auth_time: z.number().optional(),
  nonce: z.string().optional(),
  email: z.string().max(320).optional(),
  email_verified: z.boolean().optional(),
  amr: z.array(z.string()).optional(),
  acr: z.string().optional(),
});
export type Claims = z.infer<typeof Claims>;

export type Expected = { keys: JWTVerifyGetKey; issuer: string; audience: string; algorithms: string[]; now: Date };

/**
 * What an ID token says, once its signature, issuer, audience (ours alone), expiry and time of issue hold. Throws `wrong-id-token`,
 * which does not say what was wrong, and `provider-unavailable`.
 */
export async function verifyIdToken(token: string, { keys, issuer, audience, algorithms, now }: Expected): Promise<Claims> {
  let payload: unknown;
  try {
    ({ payload } = await jwtVerify(token, keys, { issuer, audience, algorithms, currentDate: now, clockTolerance: TOLERANCE }));
  } catch (error) {
    if (error instanceof Problem) throw error;
    throw new Problem('wrong-id-token');
  }
  const claims = Claims.safeParse(payload);
  if (!claims.success) throw new Problem('wrong-id-token');
  const latest = now.getTime() / 1_000 + TOLERANCE;
  const isForUsAlone = [claims.data.aud].flat().every((one) => one === audience);
  if (!isForUsAlone || claims.data.iat > latest || (claims.data.auth_time ?? 0) > latest) throw new Problem('wrong-id-token');
  return claims.data;
}

/** Somebody whom an identity provider vouches for. */
export type VouchedFor = {
  issuer: string;
  subject: string;
  /** The address, where the provider has verified it. */
  email: string | null;
  /** When they proved it to the provider; null where it does not say. */
  provedAt: Date | null;
  /** Whether the provider asked for a second factor that counts here. */
  hasSecondFactor: boolean;
};

/** The person of verified claims. */
export function vouchedFor(issuer: string, claims: Claims, hasSecondFactor: boolean): VouchedFor {
  return {
    issuer,
    subject: claims.sub,
    email: claims.email_verified === true && claims.email ? claims.email : null,
    provedAt: claims.auth_time === undefined ? null : new Date(claims.auth_time * 1_000),
    hasSecondFactor,
  };
}
