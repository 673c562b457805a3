import type { Config } from '../config.ts';
import { createFirebase, type Firebase } from './firebase.ts';
import { createOidc, type Oidc } from './oidc.ts';

export type { VouchedFor } from './id-token.ts';

/** Who else may vouch for people; null where it is not configured. */
export type IdentityProviders = { oidc: Oidc | null; firebase: Firebase | null };

export const NO_PROVIDERS: IdentityProviders = { oidc: null, firebase: null };

export function createIdentityProviders({ oidc, firebaseProjectId }: Config['identityProviders'], now: () => Date): IdentityProviders {
  return {
    oidc: oidc ? createOidc(oidc, now) : null,
    firebase: firebaseProjectId ? createFirebase(firebaseProjectId, now) : null,
  };
}
