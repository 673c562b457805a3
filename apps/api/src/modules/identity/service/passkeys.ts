import { v7 as newId } from 'uuid';
import { Passkey, PasskeyAdded, SignedIn, SignInSession, type AddPasskey, type Assertion, type PageQuery } from '@medspa/contracts';
import { demand, sessionIdOf, type Ctx } from '../../../platform/context.ts';
import { mutate, view } from '../../../platform/doors.ts';
import { Problem } from '../../../platform/problem.ts';
import type { SessionCookie } from '../../../platform/session-cookie.ts';
import { existing, pageAfter } from '../../../platform/versioned.ts';
import type { RelyingParty } from '../../../platform/webauthn.ts';
import * as queries from '../queries/passkeys.ts';
import { holderOf } from '../rules.ts';
import { beginFactor, endFactor, ownSecret, refuseBareShort } from './account.ts';
import { askForNewPasskey, askForPasskey, proveNewPasskey, provePasskey, type PasskeyTable } from './challenge.ts';
import { describe, keepOnlyThis, startSession, steppedUp, type Browser } from './session.ts';

const SECURE = 'account:secure';

/** Those of staff. */
export const STAFF_PASSKEYS: PasskeyTable = {
  action: 'passkey.try',
  findCredential: queries.findCredential,
  tryPasskeyVerb: queries.tryPasskeyVerb,
};

/** Asks the browser for a passkey of the person of the request. */
export async function beginPasskey(ctx: Ctx, party: RelyingParty) {
  const { organizationId, actor } = ctx;
  const { person, known } = await view(ctx, { needs: SECURE, action: 'passkey.begin' }, async (tx) => ({
    person: await ownSecret(ctx, tx),
    known: await queries.listCredentials(tx, organizationId, actor.id),
  }));
  const { email, givenName, familyName, organizationName } = person;
  return askForNewPasskey(ctx, party, { name: email, displayName: `${givenName} ${familyName}`, organizationName }, known);
}

/**
 * Keeps a passkey, and ends every other session. With the first second factor come recovery codes. Throws `passkey-unusable`, and
 * `already-exists` for one that is known.
 */
export async function addPasskey(ctx: Ctx, party: RelyingParty, { name, credential }: AddPasskey) {
  // Before the challenge is used up: whoever proves again who they are can show the same passkey.
  demand(ctx, SECURE);
  const { organizationId, actor } = ctx;
  const made = await proveNewPasskey(ctx, party, credential);
  return mutate(ctx, { needs: SECURE, action: 'passkey.add', reply: PasskeyAdded }, async (tx) => {
    const row = { ...made, organizationId, id: newId(), staffId: actor.id, name, createdAt: ctx.now() };
    const passkey = await queries.insertPasskey(tx, row);
    await keepOnlyThis(ctx, tx);
    return { passkey, recoveryCodes: await beginFactor(ctx, tx) };
  });
}

/** The passkeys of the person of the request, the first one first. */
export function listPasskeys(ctx: Ctx, page: PageQuery) {
  return view(ctx, { needs: 'account:read', action: 'passkey.list' }, async (tx) =>
    pageAfter(page, await queries.listPasskeys(tx, ctx.organizationId, ctx.actor.id, page), (id) =>
      queries.findPasskey(tx, ctx.organizationId, ctx.actor.id, id),
    ),
  );
}

/** Throws `not-found`, also for another's. */
export function renamePasskey(ctx: Ctx, id: string, name: string) {
  return mutate(ctx, { needs: 'account:write', action: 'passkey.rename', reply: Passkey }, async (tx) => {
    const [renamed] = await queries.updatePasskey(tx, ctx.organizationId, ctx.actor.id, id, { name });
    return existing(renamed ?? null);
  });
}

/**
 * Removes a passkey, and ends every other session. Throws `not-found`, also for another's, and `password-too-short` for the last
 * second factor beside a password that may not stand alone.
 */
export function removePasskey(ctx: Ctx, id: string) {
  return mutate(ctx, { needs: SECURE, action: 'passkey.remove', reply: SignedIn }, async (tx) => {
    const { organizationId, actor } = ctx;
    const { secret } = await ownSecret(ctx, tx);
    existing(await queries.findPasskey(tx, organizationId, actor.id, id));
    refuseBareShort({ ...secret, passkeys: secret.passkeys - 1 });
    if (!(await queries.deletePasskey(tx, organizationId, actor.id, id))) throw new Problem('not-found');
    await endFactor(ctx, tx);
    await keepOnlyThis(ctx, tx);
    return describe(ctx, tx);
  });
}

/** Asks the browser for any passkey that it has for us. */
export function beginPasskeySignIn(ctx: Ctx, party: RelyingParty) {
  return askForPasskey(ctx, party, { for: 'sign-in' });
}

/** Signs in by passkey alone: whoever's device asked for a finger or a code has shown both factors. Throws `passkey-refused`. */
export async function signInByPasskey(
  ctx: Ctx,
  party: RelyingParty,
  passkey: Assertion,
  browser: Browser,
): Promise<{ cookie: SessionCookie; signedIn: SignedIn }> {
  const use = { purpose: { for: 'sign-in' }, passkey, holder: holderOf(passkey.response.userHandle ?? '') } as const;
  const { organizationId, personId } = await provePasskey(ctx, party, STAFF_PASSKEYS, use);
  return startSession(ctx, { organizationId, staffId: personId, settle: () => Promise.resolve() }, browser);
}

/** Asks the browser for a passkey of the person of the request. */
export async function beginPasskeyStepUp(ctx: Ctx, party: RelyingParty) {
  const known = await view(ctx, { needs: 'account:read', action: 'session.step-up' }, (tx) =>
    queries.listCredentials(tx, ctx.organizationId, ctx.actor.id),
  );
  return askForPasskey(ctx, party, { for: 'step-up', sessionId: sessionIdOf(ctx) }, known);
}

/** Proves again who acts, by passkey. Throws `passkey-refused`. */
export async function stepUpByPasskey(ctx: Ctx, party: RelyingParty, passkey: Assertion) {
  demand(ctx, 'account:write');
  const holder = { organizationId: ctx.organizationId, personId: ctx.actor.id };
  await provePasskey(ctx, party, STAFF_PASSKEYS, { purpose: { for: 'step-up', sessionId: sessionIdOf(ctx) }, passkey, holder });
  return mutate(ctx, { needs: 'account:write', action: 'session.step-up', reply: SignInSession }, (tx) => steppedUp(ctx, tx));
}
