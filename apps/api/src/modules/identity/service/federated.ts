import { ProviderSignIn, type FinishProviderSignIn, type FirebaseSignIn } from '@medspa/contracts';
import { NO_ORGANIZATION, type Ctx } from '../../../platform/context.ts';
import { call, view } from '../../../platform/doors.ts';
import type { Attempt } from '../../../platform/identity-provider/attempt-cookie.ts';
import type { IdentityProviders, VouchedFor } from '../../../platform/identity-provider/index.ts';
import { Problem } from '../../../platform/problem.ts';
import { newToken } from '../../../platform/tokens.ts';
import { bindIdentity, findFederatedVerb, updateProvidersFactor } from '../queries/federated.ts';
import { findSecret, forgetFailures } from '../queries/sign-in.ts';
import { beginAttempt, hasFactor, holdGround, loginKeyOf, TRY, useFactor, type Proof } from './prove.ts';
import { startSession, type Begun, type Browser } from './session.ts';

/** How long somebody who came back from the provider may take to type the code of their app. */
const VOUCHED_MILLIS = 5 * 60_000;
const VOUCHED = { organizationId: NO_ORGANIZATION, table: 'staff_identity', column: 'vouched', rowId: NO_ORGANIZATION };

/** Begins with the identity provider: where the browser goes, and the secret that it keeps. Throws `not-found` where there is none. */
export async function beginProviderSignIn({ oidc }: IdentityProviders): Promise<{ attempt: Attempt; begun: ProviderSignIn }> {
  if (!oidc) throw new Problem('not-found');
  const value = newToken();
  return { attempt: { kind: 'secret', value }, begun: { authorizationUrl: await oidc.authorizationUrl(value) } };
}

/**
 * Signs in whoever came back from the identity provider to the browser that went there. Where our own second factor is wanted, who they
 * are is sealed into the browser's cookie, and `awaiting` is that cookie: the provider's code works once.
 *
 * Throws `wrong-id-token`, `person-unknown`, `provider-unavailable`, `wrong-credentials`, `sign-in-paused`, `sign-in-stopped`, and
 * `not-found` where there is no provider.
 */
export async function finishProviderSignIn(
  ctx: Ctx,
  { oidc }: IdentityProviders,
  attempt: Attempt | null,
  { returned, ...more }: FinishProviderSignIn,
  browser: Browser,
): Promise<Begun | { awaiting: Attempt }> {
  if (!oidc) throw new Problem('not-found');
  const wanted = returned ? 'secret' : 'vouched';
  if (attempt?.kind !== wanted) throw new Problem('wrong-id-token');
  const vouched = returned ? await oidc.finish(attempt.value, returned) : openVouched(ctx, attempt.value);
  try {
    return await signInVouched(ctx, vouched, more, browser);
  } catch (error) {
    if (!(error instanceof Problem && error.slug === 'second-factor-required' && returned)) throw error;
    return { awaiting: { kind: 'vouched', value: sealVouched(ctx, vouched) } };
  }
}

/** Signs in whom an ID token of Firebase is about. Throws the same, and `second-factor-required`: the token may be sent again. */
export async function signInWithFirebase(
  ctx: Ctx,
  { firebase }: IdentityProviders,
  authorization: string | undefined,
  more: FirebaseSignIn,
  browser: Browser,
): Promise<Begun> {
  if (!firebase) throw new Problem('not-found');
  const [, idToken] = /^Bearer ([\w.-]{1,20000})$/i.exec(authorization ?? '') ?? [];
  if (!idToken) throw new Problem('wrong-id-token');
  return signInVouched(ctx, await firebase(idToken), more, browser);
}

/**
 * Signs in a person who has an account here: found by the subject that they are bound to, the first time by their verified address,
 * which binds them. Nobody is made. The code of an app is tried and counted as beside a password.
 */
async function signInVouched(ctx: Ctx, vouched: VouchedFor, { code, organizationId }: FirebaseSignIn, browser: Browser): Promise<Begun> {
  const { issuer, subject, email } = vouched;
  const place = { organizationId: NO_ORGANIZATION, table: 'staff_identity', column: 'subject_key' };
  const subjectKey = ctx.codec.blindIndex(place, JSON.stringify([issuer, subject]));
  const identity = { issuer, subjectKey, loginKey: email === null ? null : loginKeyOf(ctx, email), organizationId: organizationId ?? null };
  const { found } = await call(ctx, TRY, (session) => findFederatedVerb(session, identity));
  if (!found) throw new Problem('person-unknown');

  const own = { ...ctx, organizationId: found.organizationId };
  const secret = await view(own, TRY, (tx) => findSecret(tx, found.organizationId, found.staffId));
  if (!secret) throw new Problem('person-unknown');
  const { loginKey } = secret;
  const needsCode = hasFactor(secret) && !vouched.hasSecondFactor;
  // Without an address nothing counts the codes that are tried.
  if (needsCode && !loginKey) throw new Problem('person-unknown');
  if (needsCode && code === undefined) throw new Problem('second-factor-required');
  if (needsCode && loginKey) await beginAttempt(ctx, loginKey, found.organizationId);

  const settle: Proof['settle'] = async (tx) => {
    await holdGround(own, tx, secret);
    if (needsCode && !(await useFactor(own, tx, secret, code ?? ''))) throw new Problem('wrong-credentials');
    if (needsCode && loginKey) await forgetFailures(tx, loginKey);
    const bound = { organizationId: found.organizationId, staffId: found.staffId, issuer, subjectKey, boundAt: ctx.now() };
    if (!found.isBound && !(await bindIdentity(tx, bound))) throw new Problem('person-unknown');
    // From here on a password alone is less than what they have.
    if (vouched.hasSecondFactor) await updateProvidersFactor(tx, found.organizationId, found.staffId, issuer, ctx.now());
  };
  const proof = { organizationId: found.organizationId, staffId: found.staffId, settle };
  // A provider that does not say when they proved it leaves the session without a fresh proof.
  const provedAt = vouched.provedAt ?? new Date(0);
  return startSession(ctx, proof, browser, { provedAt, isByProvidersFactor: vouched.hasSecondFactor });
}

type Sealed = Omit<VouchedFor, 'provedAt'> & { provedAt: string | null; until: number };

function sealVouched({ codec, now }: Ctx, { provedAt, ...vouched }: VouchedFor): string {
  const sealed: Sealed = { ...vouched, provedAt: provedAt?.toISOString() ?? null, until: now().getTime() + VOUCHED_MILLIS };
  return Buffer.from(codec.seal(VOUCHED, JSON.stringify(sealed))).toString('base64url');
}

/** Who came back. Throws `wrong-id-token` for what we have not sealed, or too long ago. */
function openVouched({ codec, now }: Ctx, value: string): VouchedFor {
  try {
    const { until, provedAt, ...vouched } = JSON.parse(codec.open(VOUCHED, Buffer.from(value, 'base64url'))) as Sealed;
    if (until > now().getTime()) return { ...vouched, provedAt: provedAt === null ? null : new Date(provedAt) };
  } catch {
    // Not sealed here.
  }
  throw new Problem('wrong-id-token');
}
