import type { Tx } from '@medspa/database';
import { NO_ORGANIZATION, type Ctx } from '../../../platform/context.ts';
import { call, view } from '../../../platform/doors.ts';
import { hashPassword, inTurn, isCheap, isPasswordOf } from '../../../platform/passwords.ts';
import { Problem } from '../../../platform/problem.ts';
import { findTotpStep } from '../../../platform/totp.ts';
import * as queries from '../queries/sign-in.ts';
import { isAppCode, plainCode } from '../rules.ts';

/** By which an account is found before its organization is known: alike in all of them, and made by nobody without the key. */
export function loginKeyOf({ codec }: Pick<Ctx, 'codec'>, email: string) {
  return codec.blindIndex({ organizationId: NO_ORGANIZATION, table: 'staff_account', column: 'login_key' }, email.toLowerCase());
}

/** The password as it is hashed: keyed (a pepper), so that whoever has the hashes and not the key cannot try a word. */
export function keyedPassword({ codec, organizationId }: Pick<Ctx, 'codec' | 'organizationId'>, password: string) {
  // As text: the library checks no password that is not UTF-8.
  return Buffer.from(codec.keyedHash({ organizationId, table: 'staff_secret', column: 'password_hash' }, password)).toString('base64');
}

/** A recovery code as it is kept. */
export function recoveryKey({ codec, organizationId }: Pick<Ctx, 'codec' | 'organizationId'>, code: string) {
  return codec.blindIndex({ organizationId, table: 'staff_recovery_code', column: 'code_key' }, plainCode(code));
}

/** Where the secret of an authenticator app is sealed. */
export function totpPlace(organizationId: string, staffId: string, column: 'totp_sealed' | 'totp_pending_sealed') {
  return { organizationId, table: 'staff_secret', column, rowId: staffId };
}

/** What a person has beside the password. */
export type Factors = { totpSealed: Uint8Array | null; passkeys: number; hasProvidersFactor: boolean };

/** Whether a second factor of ours is asked for beside the password. */
export function hasFactor({ totpSealed, passkeys }: Pick<Factors, 'totpSealed' | 'passkeys'>): boolean {
  return totpSealed !== null || passkeys > 0;
}

/**
 * What is missing beside a password that is right, or a link to a new one: a factor of ours that somebody has and that was not given, or
 * the one that they have with their provider alone, which is shown there and nowhere else.
 */
export function missingFactor(factors: Factors, isGiven: boolean): Problem | null {
  if (hasFactor(factors)) return isGiven ? null : new Problem('second-factor-required');
  return factors.hasProvidersFactor ? new Problem('provider-sign-in-required') : null;
}

/** What a proof rests on, as it was looked at. */
type Ground = { staffId: string; passwordChangedAt: Date; totpSealed: Uint8Array | null; passkeys: number };

/**
 * Holds what a proof rests on, in the transaction of what it is for. Throws `wrong-credentials` where it has changed since it was looked
 * at: a password that was right a moment ago, or one that was alone then, opens nothing.
 */
export async function holdGround({ organizationId }: Pick<Ctx, 'organizationId'>, tx: Tx, ground: Ground): Promise<void> {
  const held = await queries.holdSecret(tx, organizationId, ground.staffId);
  const isSame =
    held?.passwordChangedAt.getTime() === ground.passwordChangedAt.getTime() &&
    hasFactor(held) === hasFactor(ground) &&
    Buffer.from(held.totpSealed ?? []).equals(ground.totpSealed ?? Buffer.alloc(0));
  if (!isSame) throw new Problem('wrong-credentials');
}

/** Somebody whose password is right; the second factor is settled in the transaction of what they came for. */
export type Proof = { organizationId: string; staffId: string; settle: (tx: Tx) => Promise<void> };

type Given = { password: string; code?: string | undefined };

/**
 * Proves a person by password and, where there is one, second factor. Unknown addresses, people who left and wrong passwords get
 * the same answer after the same work. Each try counts as wrong until it is settled, so that many at once are no more than one
 * after the other.
 *
 * Throws `wrong-credentials`, `second-factor-required`, `provider-sign-in-required`, `sign-in-paused`, `sign-in-stopped`.
 */
export async function prove(ctx: Ctx, loginKey: Uint8Array, organizationId: string | null, given: Given): Promise<Proof> {
  const { of, staffId, secret, keyed, isRight } = await inTurn(() => tryPassword(ctx, loginKey, organizationId, given.password));
  if (!secret || !isRight) throw new Problem('wrong-credentials');
  const missing = missingFactor(secret, given.code !== undefined);
  if (missing) {
    await call(of, TRY, (session) => queries.takeBackAttemptVerb(session, loginKey));
    throw missing;
  }
  const renewed = isCheap(secret.passwordHash) ? await hashPassword(keyed) : null;
  return {
    organizationId: of.organizationId,
    staffId,
    settle: async (tx) => {
      await holdGround(of, tx, secret);
      if (hasFactor(secret) && !(await useFactor(of, tx, secret, given.code ?? ''))) throw new Problem('wrong-credentials');
      if (renewed) await queries.updateSecret(tx, of.organizationId, staffId, { passwordHash: renewed });
      await queries.forgetFailures(tx, loginKey);
    },
  };
}

async function tryPassword(ctx: Ctx, loginKey: Uint8Array, organizationId: string | null, password: string) {
  const begun = await beginAttempt(ctx, loginKey, organizationId);
  const of = { ...ctx, organizationId: begun.organizationId ?? NO_ORGANIZATION };
  const staffId = begun.staffId ?? NO_ORGANIZATION;
  const secret = await view(of, TRY, (tx) => queries.findSecret(tx, of.organizationId, staffId));
  const keyed = keyedPassword(of, password);
  return { of, staffId, secret, keyed, isRight: await isPasswordOf(secret?.passwordHash ?? null, keyed) };
}

/** What trying to sign in is, to the doors. */
export const TRY = { needs: 'account:sign-in', action: 'session.try' } as const;

/** Lets one attempt be made for an address. It counts as wrong from here on. Throws `sign-in-paused`, `sign-in-stopped`. */
export async function beginAttempt(ctx: Ctx, loginKey: Uint8Array, organizationId: string | null) {
  const { begun } = await call(ctx, TRY, (session) => queries.beginSignInVerb(session, loginKey, organizationId));
  if (begun.outcome === 'wait') throw new Problem('sign-in-paused', { retryAfterSeconds: begun.seconds });
  if (begun.outcome === 'stopped') throw new Problem('sign-in-stopped');
  return begun;
}

/** Uses up a code of the app or a recovery code; false when it is neither, or was used. */
export async function useFactor(
  ctx: Ctx,
  tx: Tx,
  { staffId, totpSealed }: { staffId: string; totpSealed: Uint8Array | null },
  code: string,
): Promise<boolean> {
  if (!isAppCode(code)) return queries.useRecoveryCode(tx, ctx.organizationId, staffId, recoveryKey(ctx, code));
  if (!totpSealed) return false;
  const step = findTotpStep(openTotp(ctx, staffId, 'totp_sealed', totpSealed), code, ctx.now());
  return step !== null && (await queries.useTotpStep(tx, ctx.organizationId, staffId, step));
}

/** The secret of an authenticator app. */
export function openTotp(ctx: Ctx, staffId: string, column: 'totp_sealed' | 'totp_pending_sealed', sealed: Uint8Array): Buffer {
  return Buffer.from(ctx.codec.open(totpPlace(ctx.organizationId, staffId, column), sealed), 'hex');
}
