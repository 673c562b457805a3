import { v7 as newId } from 'uuid';
import { Passkey, PasskeyAdded, SignedIn, SignInSession, type AddPasskey, type Assertion, type PageQuery } from '@medspa/contracts';
import { ANYBODY, demand, sessionIdOf, type Ctx } from '../../../platform/context.ts';
import { call, mutate, view } from '../../../platform/doors.ts';
import { Problem } from '../../../platform/problem.ts';
import type { SessionCookie } from '../../../platform/session-cookie.ts';
import { existing, pageAfter } from '../../../platform/versioned.ts';
import { creationOptions, requestOptions, verifyNew, verifyUse, type RelyingParty } from '../../../platform/webauthn.ts';
import * as queries from '../queries/passkeys.ts';
import { handleOf, holderOf } from '../rules.ts';
import { beginFactor, endFactor, ownSecret, refuseBareShort } from './account.ts';
import { issueChallenge, useChallenge, type Purpose } from './challenge.ts';
import { describe, keepOnlyThis, startSession, steppedUp, type Browser } from './session.ts';

const SECURE = 'account:secure';

/** Asks the browser for a passkey of the person of the request. */
export async function beginPasskey(ctx: Ctx, party: RelyingParty) {
  const { organizationId, actor } = ctx;
  const { person, known } = await view(ctx, { needs: SECURE, action: 'passkey.begin' }, async (tx) => ({
    person: await ownSecret(ctx, tx),
    known: await queries.listCredentials(tx, organizationId, actor.id),
  }));
  const challenge = await issueChallenge(ctx, { for: 'registration', sessionId: sessionIdOf(ctx) });
  const holder = {
    handle: handleOf({ organizationId, staffId: actor.id }),
    name: person.email,
    displayName: `${person.givenName} ${person.familyName}`,
    organizationName: person.organizationName,
  };
  return creationOptions(party, holder, challenge, known);
}

/**
 * Keeps a passkey, and ends every other session. With the first second factor come recovery codes. Throws `passkey-unusable`, and
 * `already-exists` for one that is known.
 */
export async function addPasskey(ctx: Ctx, party: RelyingParty, { name, credential }: AddPasskey) {
  // Before the challenge is used up: whoever proves again who they are can show the same passkey.
  demand(ctx, SECURE);
  const { organizationId, actor } = ctx;
  const challenge = await useChallenge(ctx, { for: 'registration', sessionId: sessionIdOf(ctx) }, credential.response.clientDataJSON);
  const made = challenge && (await verifyNew(party, challenge, credential));
  if (!made) throw new Problem('passkey-unusable');
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
export async function beginPasskeySignIn(ctx: Ctx, party: RelyingParty) {
  return requestOptions(party, await issueChallenge(ctx, { for: 'sign-in' }), []);
}

/** Signs in by passkey alone: whoever's device asked for a finger or a code has shown both factors. Throws `passkey-refused`. */
export async function signInByPasskey(
  ctx: Ctx,
  party: RelyingParty,
  passkey: Assertion,
  browser: Browser,
): Promise<{ cookie: SessionCookie; signedIn: SignedIn }> {
  const person = await provePasskey(ctx, party, { for: 'sign-in' }, passkey, holderOf(passkey.response.userHandle ?? ''));
  return startSession(ctx, { ...person, settle: () => Promise.resolve() }, browser);
}

/** Asks the browser for a passkey of the person of the request. */
export async function beginPasskeyStepUp(ctx: Ctx, party: RelyingParty) {
  const sessionId = sessionIdOf(ctx);
  const known = await view(ctx, { needs: 'account:read', action: 'session.step-up' }, (tx) =>
    queries.listCredentials(tx, ctx.organizationId, ctx.actor.id),
  );
  return requestOptions(party, await issueChallenge(ctx, { for: 'step-up', sessionId }), known);
}

/** Proves again who acts, by passkey. Throws `passkey-refused`. */
export async function stepUpByPasskey(ctx: Ctx, party: RelyingParty, passkey: Assertion) {
  demand(ctx, 'account:write');
  const { organizationId, actor } = ctx;
  await provePasskey(ctx, party, { for: 'step-up', sessionId: sessionIdOf(ctx) }, passkey, { organizationId, staffId: actor.id });
  return mutate(ctx, { needs: 'account:write', action: 'session.step-up', reply: SignInSession }, (tx) => steppedUp(ctx, tx));
}

type Person = { organizationId: string; staffId: string };

/**
 * Proves that this person signed this challenge with a passkey of theirs, on a page of ours, and was asked for a finger or a code.
 * The challenge is used up whatever comes of it, and so is the count of the device: a copy that counts again what was counted is
 * refused and noted. Everything else that may be wrong is one answer. Throws `passkey-refused`.
 */
export async function provePasskey(
  ctx: Ctx,
  party: RelyingParty,
  purpose: Purpose,
  passkey: Assertion,
  person: Person | null,
): Promise<Person> {
  const challenge = await useChallenge(ctx, purpose, passkey.response.clientDataJSON);
  if (challenge === null || !person) throw new Problem('passkey-refused');
  const { organizationId, staffId } = person;
  const trying = { ...ctx, organizationId, actor: ANYBODY };
  const verb = { needs: 'account:sign-in', action: 'passkey.try' } as const;
  const credentialId = Buffer.from(passkey.id, 'base64url');
  const stored = await view(trying, verb, (tx) => queries.findCredential(tx, organizationId, staffId, credentialId));
  if (!stored) throw new Problem('passkey-refused');
  const used = await verifyUse(party, challenge, passkey, stored);
  const { isUsed } = await call(trying, verb, (session) => queries.tryPasskeyVerb(session, stored.id, used?.counter ?? null));
  if (!isUsed) throw new Problem('passkey-refused');
  return person;
}
