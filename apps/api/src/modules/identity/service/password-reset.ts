import { v7 as newId } from 'uuid';
import { MAX_PAGE } from '@medspa/database';
import { PasswordReset, type AskPasswordReset, type ResetLink, type ResetPassword } from '@medspa/contracts';
import { ANYBODY, NO_ORGANIZATION, type Ctx } from '../../../platform/context.ts';
import { call, mutate, view } from '../../../platform/doors.ts';
import { hashPassword } from '../../../platform/passwords.ts';
import { Problem } from '../../../platform/problem.ts';
import type { Sender } from '../../../platform/senders/index.ts';
import { hashOf, newToken } from '../../../platform/tokens.ts';
import type { RelyingParty } from '../../../platform/webauthn.ts';
import { listPasskeys } from '../queries/passkeys.ts';
import { deletePin, withdrawCodes } from '../queries/devices.ts';
import * as queries from '../queries/password-reset.ts';
import * as accounts from '../queries/sign-in.ts';
import { isLong, resetWords } from '../rules.ts';
import { ownSecret, refuseBadPassword } from './account.ts';
import { askForPasskey, provePasskey } from './challenge.ts';
import { STAFF_PASSKEYS } from './passkeys.ts';
import { beginAttempt, hasFactor, holdGround, keyedPassword, loginKeyOf, missingFactor, useFactor } from './prove.ts';
import { newcomer } from './session.ts';

/** A link, or a request for one, is good for so long. */
const RESET_MILLIS = 30 * 60_000;

const VERB = { needs: 'account:sign-in', action: 'password.reset' } as const;

/**
 * Has a link to a new password sent, if somebody has this address: the request does the same for one that nobody has, and a job finds
 * out. Throws `reset-paused` after three within an hour, for either.
 */
export async function askReset(ctx: Ctx, { email, organizationId }: AskPasswordReset) {
  const { asked } = await call(ctx, { ...VERB, action: 'password.ask-reset' }, (session) =>
    queries.askResetVerb(session, loginKeyOf(ctx, email), organizationId ?? null),
  );
  if (asked.outcome === 'wait') throw new Problem('reset-paused', { retryAfterSeconds: asked.seconds });
  return { isAsked: true as const };
}

/** What sending links takes, to a new password as to a first one: who carries them, null where nobody is configured, and where the page is that they lead to. */
export type LinkParts = { mail: Sender | null; apiUrl: string };

/**
 * Sends the link that was asked for, and makes it here, so that its token is stored nowhere but as a hash. Sent again it is a new
 * link, and only the last one works. Throws when the mail server has not taken it, for the queue to try again.
 */
export async function sendReset(
  ctx: Ctx,
  { mail, apiUrl }: LinkParts,
  { loginKey, organizationId: named, askedAt }: { loginKey: string; organizationId: string; askedAt: Date },
): Promise<void> {
  if (!mail || ctx.now().getTime() - askedAt.getTime() > RESET_MILLIS) return;
  const token = newToken();
  const verb = { ...VERB, action: 'password.send-reset' };
  const { begun } = await call(ctx, verb, (session) =>
    queries.beginResetVerb(session, Buffer.from(loginKey, 'hex'), named === NO_ORGANIZATION ? null : named, hashOf(token)),
  );
  if (!begun) return;
  const { organizationId, staffId } = begun;
  const person = { ...ctx, organizationId, actor: newcomer(staffId) };
  const { email, givenName, organizationName } = await view({ ...ctx, organizationId }, verb, (tx) => ownSecret(person, tx));
  // Behind the #, which stays in the browser: no log, no proxy and no other site gets to see it.
  const link = `${apiUrl}/reset-password#${organizationId}.${token}`;
  const words = resetWords({ givenName, organizationName, link });
  const handover = await mail.send({ organizationId, id: newId(), to: email, ...words });
  if (handover.outcome === 'later' || handover.outcome === 'unknown') throw new Error('The link was not taken.');
}

/** Asks the browser for a passkey, for a link that is good. Throws `reset-refused`. */
export async function beginResetPasskey(ctx: Ctx, party: RelyingParty, link: ResetLink) {
  await view({ ...ctx, organizationId: link.organizationId }, VERB, (tx) => holderOfLink(ctx, tx, link));
  return askForPasskey(ctx, party, { for: 'reset', token: link.token });
}

/**
 * Chooses a new password by link and, where there is one, second factor; ends every session, and begins none. What still signs in
 * beside the password is listed, to be looked over. A code that is wrong counts like one of a sign-in.
 *
 * Throws `reset-refused`, `password-too-short`, `password-too-common`, `second-factor-required`,
 * `provider-sign-in-required`, `wrong-credentials`, `passkey-refused`, `sign-in-paused`, `sign-in-stopped`.
 */
export async function resetPassword(ctx: Ctx, party: RelyingParty, { password, code, passkey, ...link }: ResetPassword) {
  const { organizationId, token } = link;
  const of = { ...ctx, organizationId, actor: ANYBODY };
  const { staffId, secret, ...person } = await view(of, VERB, (tx) => holderOfLink(of, tx, link));
  const { email, givenName, familyName, organizationName } = person;
  const known = [email, ...email.split('@'), givenName, familyName, organizationName];
  refuseBadPassword(password, { hasSecondFactor: hasFactor(secret), known });
  if (!secret.loginKey) throw new Problem('reset-refused');
  const { loginKey } = secret;
  const missing = missingFactor(secret, code !== undefined || passkey !== undefined);
  if (missing) throw missing;
  if (hasFactor(secret)) {
    await beginAttempt(of, loginKey, organizationId);
    const holder = { organizationId, personId: staffId };
    if (passkey) await provePasskey(of, party, STAFF_PASSKEYS, { purpose: { for: 'reset', token }, passkey, holder });
  }
  const passwordHash = await hashPassword(keyedPassword(of, password));
  const own = { ...of, actor: newcomer(staffId) };
  return mutate(own, { needs: 'account:write', action: 'password.reset', reply: PasswordReset }, async (tx) => {
    const now = ctx.now();
    await holdGround(own, tx, secret);
    if (!(await queries.useReset(tx, organizationId, hashOf(token), now))) throw new Problem('reset-refused');
    if (hasFactor(secret) && !passkey && !(await useFactor(own, tx, secret, code ?? ''))) throw new Problem('wrong-credentials');
    await accounts.updateSecret(tx, organizationId, staffId, { passwordHash, passwordIsLong: isLong(password) });
    await accounts.updateAccount(tx, organizationId, staffId, { passwordChangedAt: now });
    await accounts.forgetFailures(tx, loginKey);
    await deletePin(tx, organizationId, staffId);
    await withdrawCodes(tx, organizationId, staffId);
    const { items: passkeys } = await listPasskeys(tx, organizationId, staffId, { limit: MAX_PAGE });
    return {
      sessionsEnded: await accounts.deleteSessions(tx, organizationId, staffId),
      hasAuthenticatorApp: secret.totpSealed !== null,
      passkeys,
      recoveryCodesLeft: await accounts.countRecoveryCodes(tx, organizationId, staffId),
    };
  });
}

/** Who a good link belongs to. Throws `reset-refused`, also for somebody who left. */
async function holderOfLink(ctx: Ctx, tx: Parameters<typeof queries.findReset>[0], { organizationId, token }: ResetLink) {
  const staffId = await queries.findReset(tx, organizationId, hashOf(token), ctx.now());
  const secret = staffId && (await accounts.findSecret(tx, organizationId, staffId));
  if (!secret) throw new Problem('reset-refused');
  return { staffId, ...(await ownSecret({ ...ctx, organizationId, actor: newcomer(staffId) }, tx)) };
}
