import { Problem } from '../problem.ts';
import { issuerKeys, verifyIdToken, vouchedFor, type VouchedFor } from './id-token.ts';

const GOOGLE_KEYS = 'https://www.googleapis.com/service_accounts/v1/jwk/securetoken@system.gserviceaccount.com';

/** An ID token is good for an hour, and a browser makes new ones for months: to sign in here, the person proved it just now. */
const FRESH_MILLIS = 5 * 60_000;

/** Says who an ID token of Firebase or Identity Platform is about. Throws `wrong-id-token` and `provider-unavailable`. */
export type Firebase = (idToken: string) => Promise<VouchedFor>;

/**
 * The rules of https://firebase.google.com/docs/auth/admin/verify-id-tokens, and a fresh sign-in. A second factor of Firebase does not
 * count, since what it is has been decided elsewhere: our own is asked for.
 */
export function createFirebase(projectId: string, now: () => Date, keysAddress = GOOGLE_KEYS): Firebase {
  const keys = issuerKeys(() => Promise.resolve(keysAddress), now);
  const issuer = `https://securetoken.google.com/${projectId}`;
  return async (idToken) => {
    const at = now();
    const claims = await verifyIdToken(idToken, { keys, issuer, audience: projectId, algorithms: ['RS256'], now: at });
    if (claims.auth_time === undefined || at.getTime() - claims.auth_time * 1_000 > FRESH_MILLIS) throw new Problem('wrong-id-token');
    return vouchedFor(issuer, claims, false);
  };
}
