import type { Session, SqlText, Tx } from '@medspa/database';
import type { Assertion, NewCredential } from '@medspa/contracts';
import { ANYBODY, sessionIdOf, type Ctx } from '../../../platform/context.ts';
import { call, view } from '../../../platform/doors.ts';
import { Problem } from '../../../platform/problem.ts';
import { hashOf, newToken } from '../../../platform/tokens.ts';
import {
  challengeIn,
  creationOptions,
  requestOptions,
  verifyNew,
  verifyUse,
  type KnownPasskey,
  type PasskeyHolder,
  type RelyingParty,
  type StoredPasskey,
} from '../../../platform/webauthn.ts';
import { issueChallengeVerb, useChallengeVerb } from '../queries/passkeys.ts';
import { handleOf, type Holder } from '../rules.ts';

// What browsers are asked and what they answer, of staff and of patients alike (decision 0016).

/** What a challenge is for, and whose it is. One that was issued for something else, or for somebody else, is not there. */
export type Purpose =
  | { for: 'sign-in' | 'patient-sign-in' }
  | { for: 'registration' | 'step-up'; sessionId: string }
  | { for: 'reset'; token: string };

const VERB = { needs: 'account:sign-in', action: 'passkey.challenge' } as const;

/** Where passkeys are kept, those of staff or those of patients, and the action of using one. */
export type PasskeyTable = {
  action: string;
  findCredential: (
    tx: Tx,
    organizationId: string,
    personId: string,
    credentialId: Uint8Array<ArrayBuffer>,
  ) => Promise<(StoredPasskey & { id: string }) | null>;
  /** Notes a use with what the device counted, or with null one that proved nothing; false where it may not count. */
  tryPasskeyVerb: (session: Session, id: string, counter: number | null) => SqlText<{ isUsed: boolean }>;
};

/** Asks the browser for a new passkey of the person of the request, whose device has none of the known ones. */
export async function askForNewPasskey(ctx: Ctx, party: RelyingParty, holder: Omit<PasskeyHolder, 'handle'>, known: KnownPasskey[]) {
  const challenge = await issueChallenge(ctx, { for: 'registration', sessionId: sessionIdOf(ctx) });
  const handle = handleOf({ organizationId: ctx.organizationId, personId: ctx.actor.id });
  return creationOptions(party, { ...holder, handle }, challenge, known);
}

/** Asks the browser for a proof with one of these passkeys, or with any that it has for us when none is named. */
export async function askForPasskey(ctx: Ctx, party: RelyingParty, purpose: Purpose, known: KnownPasskey[] = []) {
  return requestOptions(party, await issueChallenge(ctx, purpose), known);
}

/** A new passkey of the person of the request, that may be kept. Its challenge is used up. Throws `passkey-unusable`. */
export async function proveNewPasskey(ctx: Ctx, party: RelyingParty, credential: NewCredential) {
  const purpose = { for: 'registration', sessionId: sessionIdOf(ctx) } as const;
  const challenge = await useChallenge(ctx, purpose, credential.response.clientDataJSON);
  const made = challenge && (await verifyNew(party, challenge, credential));
  if (!made) throw new Problem('passkey-unusable');
  return made;
}

/**
 * Proves that this person signed this challenge with a passkey of theirs, on a page of ours, and was asked for a finger or a code.
 * The challenge is used up whatever comes of it, and so is the count of the device: a copy that counts again what was counted is
 * refused and noted. Everything else that may be wrong is one answer. Throws `passkey-refused`.
 */
export async function provePasskey(
  ctx: Ctx,
  party: RelyingParty,
  { action, findCredential, tryPasskeyVerb }: PasskeyTable,
  { purpose, passkey, holder }: { purpose: Purpose; passkey: Assertion; holder: Holder | null },
): Promise<Holder> {
  const challenge = await useChallenge(ctx, purpose, passkey.response.clientDataJSON);
  if (challenge === null || !holder) throw new Problem('passkey-refused');
  const { organizationId, personId } = holder;
  const trying = { ...ctx, organizationId, actor: ANYBODY };
  const verb = { needs: 'account:sign-in', action } as const;
  const credentialId = Buffer.from(passkey.id, 'base64url');
  const stored = await view(trying, verb, (tx) => findCredential(tx, organizationId, personId, credentialId));
  if (!stored) throw new Problem('passkey-refused');
  const used = await verifyUse(party, challenge, passkey, stored);
  const { isUsed } = await call(trying, verb, (session) => tryPasskeyVerb(session, stored.id, used?.counter ?? null));
  if (!isUsed) throw new Problem('passkey-refused');
  return holder;
}

/** A new challenge, good once within five minutes. */
async function issueChallenge(ctx: Ctx, purpose: Purpose): Promise<string> {
  const challenge = newToken();
  await call({ ...ctx, actor: ANYBODY }, VERB, (session) => issueChallengeVerb(session, boundHash(purpose, challenge)));
  return challenge;
}

/** Uses up the challenge that a browser answers; null when it was not issued for this, was used, or its time is over. */
async function useChallenge(ctx: Ctx, purpose: Purpose, clientDataJSON: string): Promise<string | null> {
  const challenge = challengeIn(clientDataJSON);
  if (challenge === null) return null;
  const { isUsed } = await call({ ...ctx, actor: ANYBODY }, VERB, (session) => useChallengeVerb(session, boundHash(purpose, challenge)));
  return isUsed ? challenge : null;
}

function boundHash(purpose: Purpose, challenge: string) {
  return hashOf(JSON.stringify([...Object.values(purpose), challenge]));
}
