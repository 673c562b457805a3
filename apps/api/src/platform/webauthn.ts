import { verifyAuthenticationResponse, verifyRegistrationResponse } from '@simplewebauthn/server';
import { z } from 'zod';
import type { Assertion, NewCredential, PasskeyCreation, PasskeyRequest } from '@medspa/contracts';

// Passkeys (Web Authentication): what a browser is asked, and whether what it says proves what it should. Knows no table and nobody:
// staff and patients are verified alike. The challenge is the caller's to issue, to bind to its purpose, and to use up.

/** Whose passkeys they are: the domain that devices keep them under, and the pages that may use them. */
export type RelyingParty = { id: string; origins: readonly string[] };

/**
 * Kinds of keys that we take: EdDSA, ES256, RS256, which are those of all devices. The library's own list depends on what this Node can
 * do, and grows by experiments.
 */
const ALGORITHMS = [-8, -7, -257];

/** How long a browser may take to answer. */
const ANSWER_MILLIS = 5 * 60_000;

/** A passkey as it is kept. */
export type StoredPasskey = { credentialId: Uint8Array<ArrayBuffer>; publicKey: Uint8Array<ArrayBuffer>; transports: string[] };

/** The part of a stored passkey by which a browser recognises it. */
export type KnownPasskey = Pick<StoredPasskey, 'credentialId' | 'transports'>;

/** The person as their device shows them. `handle` comes back with each use, and says nothing to whoever reads it. */
export type PasskeyHolder = { handle: Uint8Array<ArrayBuffer>; name: string; displayName: string; organizationName: string };

/** What to ask a browser for a new passkey: one that is found without a name, on a device that asks who holds it. */
export function creationOptions(
  { id }: RelyingParty,
  { handle, name, displayName, organizationName }: PasskeyHolder,
  challenge: string,
  known: KnownPasskey[],
): PasskeyCreation {
  return {
    rp: { id, name: organizationName },
    user: { id: Buffer.from(handle).toString('base64url'), name, displayName },
    challenge,
    pubKeyCredParams: ALGORITHMS.map((alg) => ({ type: 'public-key', alg })),
    timeout: ANSWER_MILLIS,
    excludeCredentials: known.map(descriptorOf),
    authenticatorSelection: { residentKey: 'required', requireResidentKey: true, userVerification: 'required' },
    attestation: 'none',
  };
}

/** What to ask a browser for a proof: with one of these passkeys, or with any that it has when none is named. */
export function requestOptions({ id }: RelyingParty, challenge: string, allowed: KnownPasskey[]): PasskeyRequest {
  return { challenge, rpId: id, timeout: ANSWER_MILLIS, allowCredentials: allowed.map(descriptorOf), userVerification: 'required' };
}

function descriptorOf({ credentialId, transports }: KnownPasskey) {
  return { id: Buffer.from(credentialId).toString('base64url'), type: 'public-key' as const, transports };
}

const ClientData = z.object({ challenge: z.string().max(200), crossOrigin: z.boolean().optional() });

/** The challenge that a browser says it was given, or null where it says none, or says that another site's page framed ours. */
export function challengeIn(clientDataJSON: string): string | null {
  try {
    const { challenge, crossOrigin } = ClientData.parse(JSON.parse(Buffer.from(clientDataJSON, 'base64url').toString('utf8')));
    return crossOrigin ? null : challenge;
  } catch {
    return null;
  }
}

/** A new passkey that may be kept, or null: another challenge, origin or domain, nobody verified, or a key that we do not take. */
export async function verifyNew(
  party: RelyingParty,
  challenge: string,
  { response, ...credential }: NewCredential,
): Promise<(StoredPasskey & { counter: number; isBackedUp: boolean }) | null> {
  const { transports = [], ...said } = response;
  const verified = await orNull(
    verifyRegistrationResponse({
      response: { ...credential, response: said, clientExtensionResults: {} },
      supportedAlgorithmIDs: ALGORITHMS,
      ...expectedOf(party, challenge),
    }),
  );
  if (!verified?.verified) return null;
  const { credential: made, credentialBackedUp } = verified.registrationInfo;
  return {
    credentialId: Buffer.from(made.id, 'base64url'),
    publicKey: Uint8Array.from(made.publicKey),
    transports,
    counter: made.counter,
    isBackedUp: credentialBackedUp,
  };
}

/**
 * What the device has counted with this proof, or null where it proves nothing. That the count rises is for the caller to hold, where
 * it is kept: of two proofs at once the later one must see the earlier.
 */
export async function verifyUse(
  party: RelyingParty,
  challenge: string,
  { response, ...credential }: Assertion,
  stored: StoredPasskey,
): Promise<{ counter: number } | null> {
  const { userHandle, ...said } = response;
  const verified = await orNull(
    verifyAuthenticationResponse({
      response: { ...credential, response: { ...said, ...(userHandle ? { userHandle } : {}) }, clientExtensionResults: {} },
      credential: { id: Buffer.from(stored.credentialId).toString('base64url'), publicKey: stored.publicKey, counter: 0 },
      ...expectedOf(party, challenge),
    }),
  );
  return verified?.verified ? { counter: verified.authenticationInfo.newCounter } : null;
}

function expectedOf({ id, origins }: RelyingParty, expectedChallenge: string) {
  return { expectedChallenge, expectedOrigin: [...origins], expectedRPID: id, requireUserVerification: true };
}

/** The library throws for whatever does not fit, with what was sent in its words: they go no further. */
async function orNull<Result>(verifying: Promise<Result>): Promise<Result | null> {
  try {
    return await verifying;
  } catch {
    return null;
  }
}
