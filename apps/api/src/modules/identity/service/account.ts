import { randomBytes } from 'node:crypto';
import { v7 as newId } from 'uuid';
import { RecoveryCodes, SetUpDone, SignedIn, SessionsEnded, TotpSetup, type ChangePassword, type SetUp } from '@medspa/contracts';
import type { Tx } from '@medspa/database';
import type { Ctx } from '../../../platform/context.ts';
import { mutate, view } from '../../../platform/doors.ts';
import { hashPassword, isCommonPassword } from '../../../platform/passwords.ts';
import { Problem, problemAt } from '../../../platform/problem.ts';
import { hashOf } from '../../../platform/tokens.ts';
import { findTotpStep, toBase32 } from '../../../platform/totp.ts';
import { insertOrganization, insertStaff } from '../queries.ts';
import { insertAssignment } from '../queries/access.ts';
import { deleteReset } from '../queries/password-reset.ts';
import * as queries from '../queries/sign-in.ts';
import { faultOfPassword, groupedCode, isAppCode, isLong, plainCode, RECOVERY_CODES } from '../rules.ts';
import { openEmail, sealEmail } from './address.ts';
import { hasFactor, keyedPassword, loginKeyOf, openTotp, recoveryKey, totpPlace, type Factors } from './prove.ts';
import { describe, keepOnlyThis, ownerOf } from './session.ts';

const SECURE = 'account:secure';

/**
 * Makes an organization and its owner. Throws `setup-code-refused`, `password-too-short`, `password-too-common`; a code that was
 * used is used for good, and of two at once one gets it.
 */
export async function setUp(ctx: Ctx, { code, organizationName, email, password, ...name }: SetUp) {
  const codeHash = hashOf(plainCode(code));
  const verb = { needs: 'account:sign-in', action: 'organization.set-up' } as const;
  // Whoever has no code has no hash and no keys made for them, which cost more than the answer.
  if (!(await view(ctx, verb, (tx) => queries.hasSetupCode(tx, codeHash)))) throw new Problem('setup-code-refused');
  refuseBadPassword(password, {
    hasSecondFactor: false,
    known: [email, ...email.split('@'), organizationName, name.givenName, name.familyName],
  });
  const [organizationId, staffId] = [newId(), newId()];
  const own = { ...ctx, organizationId, actor: ownerOf(staffId) };
  const keys = await ctx.codec.begin(organizationId);
  const passwordHash = await hashPassword(keyedPassword(own, password));
  return mutate(own, { ...verb, needs: 'organization:write', reply: SetUpDone }, async (tx) => {
    if (!(await queries.useSetupCode(tx, codeHash))) throw new Problem('setup-code-refused');
    await insertOrganization(tx, organizationId, organizationName, keys);
    await insertStaff(tx, organizationId, staffId, { ...name, jobTitle: 'Owner', ...sealEmail(own, staffId, email) });
    await insertAssignment(tx, organizationId, { staffId, role: 'owner', customRoleId: null, locationId: null });
    const account = { organizationId, staffId, loginKey: loginKeyOf(ctx, email) };
    await queries.insertAccount(tx, account, { passwordHash, passwordIsLong: isLong(password) }, ctx.now());
    return { organizationId, staffId };
  });
}

/** Changes the password and ends every other session. Throws `password-too-short`, `password-too-common`. */
export async function changePassword(ctx: Ctx, { password }: ChangePassword) {
  const person = await view(ctx, { needs: SECURE, action: 'account.password' }, async (tx) => {
    const { secret, ...found } = await ownSecret(ctx, tx);
    return { ...found, hasSecondFactor: hasFactor(secret) };
  });
  const { email, givenName, familyName, organizationName, hasSecondFactor } = person;
  refuseBadPassword(password, { hasSecondFactor, known: [email, ...email.split('@'), givenName, familyName, organizationName] });
  const passwordHash = await hashPassword(keyedPassword(ctx, password));
  return mutate(ctx, { needs: SECURE, action: 'account.password', reply: SessionsEnded }, async (tx) => {
    const { organizationId, actor } = ctx;
    await queries.updateSecret(tx, organizationId, actor.id, { passwordHash, passwordIsLong: isLong(password) });
    await queries.updateAccount(tx, organizationId, actor.id, { passwordChangedAt: ctx.now() });
    await deleteReset(tx, organizationId, actor.id);
    return keepOnlyThis(ctx, tx);
  });
}

/** Gives a new secret for an authenticator app. The one in use stays until a code confirms this one. */
export function beginTotp(ctx: Ctx) {
  const { organizationId, actor, codec } = ctx;
  const secret = randomBytes(20);
  return mutate(ctx, { needs: SECURE, action: 'account.totp-begin', reply: TotpSetup }, async (tx) => {
    const { email, organizationName } = await ownSecret(ctx, tx);
    const totpPendingSealed = codec.seal(totpPlace(organizationId, actor.id, 'totp_pending_sealed'), secret.toString('hex'));
    await queries.updateSecret(tx, organizationId, actor.id, { totpPendingSealed });
    await queries.updateAccount(tx, organizationId, actor.id, { totpBegunAt: ctx.now() });
    const [issuer, shown] = [encodeURIComponent(organizationName), toBase32(secret)];
    return { secret: shown, uri: `otpauth://totp/${issuer}:${encodeURIComponent(email)}?secret=${shown}&issuer=${issuer}` };
  });
}

/**
 * Asks for the second factor from now on, once a code shows that the app has the secret; gives recovery codes and ends every other
 * session. Throws `second-factor-missing` when none was begun, `wrong-code`.
 */
export function confirmTotp(ctx: Ctx, code: string) {
  const { organizationId, actor, codec } = ctx;
  return mutate(ctx, { needs: SECURE, action: 'account.totp-confirm', reply: RecoveryCodes }, async (tx) => {
    const { secret } = await ownSecret(ctx, tx);
    if (!secret.totpPendingSealed) throw new Problem('second-factor-missing');
    const pending = openTotp(ctx, actor.id, 'totp_pending_sealed', secret.totpPendingSealed);
    const step = isAppCode(code) ? findTotpStep(pending, code, ctx.now()) : null;
    if (step === null || !(await queries.useTotpStep(tx, organizationId, actor.id, step))) throw problemAt('wrong-code', '/code');
    const totpSealed = codec.seal(totpPlace(organizationId, actor.id, 'totp_sealed'), pending.toString('hex'));
    await queries.updateSecret(tx, organizationId, actor.id, { totpSealed, totpPendingSealed: null });
    await queries.updateAccount(tx, organizationId, actor.id, { secondFactorSince: ctx.now() });
    await keepOnlyThis(ctx, tx);
    return newRecoveryCodes(ctx, tx);
  });
}

/** Gives up the authenticator app. Throws `second-factor-missing`, and `password-too-short` for a password that may not stand alone. */
export function removeTotp(ctx: Ctx) {
  const { organizationId, actor } = ctx;
  return mutate(ctx, { needs: SECURE, action: 'account.totp-remove', reply: SignedIn }, async (tx) => {
    const { secret } = await ownSecret(ctx, tx);
    if (!secret.totpSealed) throw new Problem('second-factor-missing');
    refuseBareShort({ ...secret, totpSealed: null });
    await queries.updateSecret(tx, organizationId, actor.id, { totpSealed: null, totpPendingSealed: null });
    await endFactor(ctx, tx);
    await keepOnlyThis(ctx, tx);
    return describe(ctx, tx);
  });
}

/** Gives new recovery codes; the old ones work no more. Throws `second-factor-missing`. */
export function renewRecoveryCodes(ctx: Ctx) {
  return mutate(ctx, { needs: SECURE, action: 'account.recovery-codes', reply: RecoveryCodes }, async (tx) => {
    const { secret } = await ownSecret(ctx, tx);
    if (!hasFactor(secret)) throw new Problem('second-factor-missing');
    return newRecoveryCodes(ctx, tx);
  });
}

/** Recovery codes, where the passkey that was just kept is the first second factor; none where there was one. */
export async function beginFactor(ctx: Ctx, tx: Tx): Promise<string[]> {
  const { secret } = await ownSecret(ctx, tx);
  if (secret.totpSealed || secret.passkeys > 1) return [];
  await queries.updateAccount(tx, ctx.organizationId, ctx.actor.id, { secondFactorSince: ctx.now() });
  return (await newRecoveryCodes(ctx, tx)).codes;
}

/** What is left to do where the second factor that just went was the last one: recovery codes go with it. */
export async function endFactor(ctx: Ctx, tx: Tx): Promise<void> {
  const { secret } = await ownSecret(ctx, tx);
  if (hasFactor(secret)) return;
  await queries.updateAccount(tx, ctx.organizationId, ctx.actor.id, { secondFactorSince: null });
  await queries.replaceRecoveryCodes(tx, ctx.organizationId, ctx.actor.id, []);
}

/** Throws `password-too-short` where these would leave a short password alone (AUT-2). */
export function refuseBareShort(secret: Factors & { passwordIsLong: boolean }): void {
  if (!secret.passwordIsLong && !hasFactor(secret)) throw new Problem('password-too-short');
}

async function newRecoveryCodes(ctx: Ctx, tx: Tx) {
  const codes = Array.from({ length: RECOVERY_CODES }, () => groupedCode(toBase32(randomBytes(10)), 4));
  await queries.replaceRecoveryCodes(
    tx,
    ctx.organizationId,
    ctx.actor.id,
    codes.map((code) => recoveryKey(ctx, code)),
  );
  return { codes };
}

/** What the person of the request signs in with, and who they are. */
export async function ownSecret(ctx: Ctx, tx: Tx) {
  const { organizationId, actor } = ctx;
  const secret = await queries.findSecret(tx, organizationId, actor.id);
  const person = await queries.findPerson(tx, organizationId, actor.id);
  if (!secret || !person) throw new Problem('not-found');
  const { emailSealed, organization, givenName, familyName } = person;
  const email = emailSealed ? openEmail(ctx, actor.id, emailSealed) : '';
  return { secret, givenName, familyName, organizationName: organization.name, email };
}

/** Throws `password-too-short`, `password-too-common`. */
export function refuseBadPassword(password: string, about: { hasSecondFactor: boolean; known: string[] }): void {
  const fault = faultOfPassword(password, { ...about, isCommon: isCommonPassword });
  if (fault) throw problemAt(fault, '/password');
}
