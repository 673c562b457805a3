import { z } from 'zod';
import { Id, Instant, text, wrong } from './primitives.ts';

// Web Authentication (https://www.w3.org/TR/webauthn-3/) as browsers speak it: the options that `parseCreationOptionsFromJSON` and
// `parseRequestOptionsFromJSON` of PublicKeyCredential read, and what `toJSON()` of a credential writes.

const bytes = (most: number) =>
  z
    .string()
    .min(1)
    .max(most)
    .regex(/^[\w-]+$/, wrong('Not base64url.'));
const shown = z.string().meta({ description: 'base64url' });

const Known = z.object({ id: shown, type: z.literal('public-key'), transports: z.array(z.string()) });

/** What `navigator.credentials.create()` is given. */
export const PasskeyCreation = z
  .object({
    rp: z.object({ id: z.string(), name: z.string() }),
    user: z.object({ id: shown, name: z.string(), displayName: z.string() }),
    challenge: shown,
    pubKeyCredParams: z.array(z.object({ type: z.literal('public-key'), alg: z.int() })),
    timeout: z.int(),
    excludeCredentials: z.array(Known),
    authenticatorSelection: z.object({
      residentKey: z.literal('required'),
      requireResidentKey: z.literal(true),
      userVerification: z.literal('required'),
    }),
    attestation: z.literal('none'),
  })
  .meta({ id: 'PasskeyCreation' });
export type PasskeyCreation = z.infer<typeof PasskeyCreation>;

/** What `navigator.credentials.get()` is given. */
export const PasskeyRequest = z
  .object({
    challenge: shown,
    rpId: z.string(),
    timeout: z.int(),
    allowCredentials: z.array(Known).describe('empty where the browser is to offer what it has'),
    userVerification: z.literal('required'),
  })
  .meta({ id: 'PasskeyRequest' });
export type PasskeyRequest = z.infer<typeof PasskeyRequest>;

const credential = { id: bytes(1_400), rawId: bytes(1_400), type: z.literal('public-key') };

/** A new credential. What else its browser says of it is left aside. */
export const NewCredential = z.object({
  ...credential,
  response: z.object({
    clientDataJSON: bytes(4_000),
    attestationObject: bytes(20_000),
    transports: z.array(z.string().max(20)).max(10).optional(),
  }),
});
export type NewCredential = z.infer<typeof NewCredential>;

/** A challenge, signed by a passkey. What else its browser says of it is left aside. */
export const Assertion = z.object({
  ...credential,
  response: z.object({
    clientDataJSON: bytes(4_000),
    authenticatorData: bytes(4_000),
    signature: bytes(8_000),
    userHandle: bytes(100).nullish(),
  }),
});
export type Assertion = z.infer<typeof Assertion>;

const Name = text(60).meta({ description: 'what the person calls it', examples: ['Phone'] });

export const AddPasskey = z.strictObject({ name: Name, credential: NewCredential });
export type AddPasskey = z.infer<typeof AddPasskey>;

export const RenamePasskey = z.strictObject({ name: Name });

/** A proof by passkey: who they are and, since the device asked for a finger or a code, that it is they. */
export const PasskeyProof = z.strictObject({ passkey: Assertion });
export type PasskeyProof = z.infer<typeof PasskeyProof>;

export const Passkey = z
  .object({
    id: Id,
    name: z.string(),
    isBackedUp: z.boolean().describe('its maker copies it to other devices of the person'),
    createdAt: Instant,
    lastUsedAt: Instant.nullable(),
    regressedAt: Instant.nullable().describe('when it was last refused for counting backwards, as a copy of it would: remove it'),
  })
  .meta({ id: 'Passkey' });
export type Passkey = z.infer<typeof Passkey>;

export const PasskeyAdded = z
  .object({
    passkey: Passkey,
    recoveryCodes: z.array(z.string()).describe('with the first second factor: shown this once. Empty where there are codes already'),
  })
  .meta({ id: 'PasskeyAdded' });
