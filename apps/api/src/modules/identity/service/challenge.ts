import { ANYBODY, type Ctx } from '../../../platform/context.ts';
import { call } from '../../../platform/doors.ts';
import { hashOf, newToken } from '../../../platform/tokens.ts';
import { challengeIn } from '../../../platform/webauthn.ts';
import { issueChallengeVerb, useChallengeVerb } from '../queries/passkeys.ts';

/** What a challenge is for, and whose it is. One that was issued for something else, or for somebody else, is not there. */
export type Purpose =
  | { for: 'sign-in' | 'patient-sign-in' }
  | { for: 'registration' | 'step-up'; sessionId: string }
  | { for: 'reset'; token: string };

const VERB = { needs: 'account:sign-in', action: 'passkey.challenge' } as const;

/** A new challenge, good once within five minutes. */
export async function issueChallenge(ctx: Ctx, purpose: Purpose): Promise<string> {
  const challenge = newToken();
  await call({ ...ctx, actor: ANYBODY }, VERB, (session) => issueChallengeVerb(session, boundHash(purpose, challenge)));
  return challenge;
}

/** Uses up the challenge that a browser answers; null when it was not issued for this, was used, or its time is over. */
export async function useChallenge(ctx: Ctx, purpose: Purpose, clientDataJSON: string): Promise<string | null> {
  const challenge = challengeIn(clientDataJSON);
  if (challenge === null) return null;
  const { isUsed } = await call({ ...ctx, actor: ANYBODY }, VERB, (session) => useChallengeVerb(session, boundHash(purpose, challenge)));
  return isUsed ? challenge : null;
}

function boundHash(purpose: Purpose, challenge: string) {
  return hashOf(JSON.stringify([...Object.values(purpose), challenge]));
}
