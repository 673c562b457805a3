import { z } from 'zod';
import { HeldPermission, OwnRole } from './access.ts';
import { Email, Id, Instant, text, wrong } from './primitives.ts';

/**
 * A password as it is typed, with blanks and without a rule of what it must contain. In one Unicode form, so that two keyboards
 * type the same one. Which are too short or too common, the service says.
 */
export const Password = z
  .string()
  .min(1)
  .max(256)
  .refine((value) => value.isWellFormed(), wrong('Contains characters that cannot be read.'))
  .normalize('NFC')
  .meta({ description: 'up to 256 characters of any kind', examples: ['correct horse battery staple'] });

const Code = z
  .string()
  .trim()
  .regex(/^[0-9A-Za-z -]{6,40}$/, wrong('Not a code, like 123456.'));
/** Six digits of an authenticator app, or a recovery code. */
export const FactorCode = Code.meta({ description: 'six digits of the authenticator app, or a recovery code', examples: ['123456'] });

export const SignIn = z.strictObject({
  email: Email,
  password: Password,
  code: FactorCode.optional(),
  organizationId: Id.optional().describe('needed by people who work for two organizations under one e-mail address'),
});
export type SignIn = z.infer<typeof SignIn>;

/** Where to sign in with the configured identity provider; it sends the browser back to the page /sign-in. */
export const ProviderSignIn = z
  .object({ authorizationUrl: z.url().meta({ examples: ['https://login.example.com/authorize?client_id=medspa&state=Xb1'] }) })
  .meta({ id: 'ProviderSignIn' });
export type ProviderSignIn = z.infer<typeof ProviderSignIn>;

const WhoMore = { code: FactorCode.optional(), organizationId: SignIn.shape.organizationId };

/** What the identity provider sent the browser back with; left out by a browser that brings its second factor afterwards. */
export const FinishProviderSignIn = z.strictObject({
  returned: z.strictObject({ code: z.string().min(1).max(2_000), state: z.string().min(1).max(200) }).optional(),
  ...WhoMore,
});
export type FinishProviderSignIn = z.infer<typeof FinishProviderSignIn>;

export const FirebaseSignIn = z.strictObject(WhoMore);
export type FirebaseSignIn = z.infer<typeof FirebaseSignIn>;

export const StepUp = z.strictObject({ password: Password, code: FactorCode.optional() });
export type StepUp = z.infer<typeof StepUp>;

export const ChangePassword = z.strictObject({ password: Password });
export type ChangePassword = z.infer<typeof ChangePassword>;

/** A signed-in browser. */
export const SignInSession = z
  .object({
    id: Id,
    device: z.string().meta({ description: 'browser and system', examples: ['Firefox, Linux'] }),
    isCurrent: z.boolean(),
    createdAt: Instant,
    seenAt: Instant.describe('last use, to half a minute'),
    endsAt: Instant.describe('when it ends however much it is used'),
    steppedUpAt: Instant.describe('when the person last proved who they are'),
  })
  .meta({ id: 'SignInSession' });
export type SignInSession = z.infer<typeof SignInSession>;

/** How many sessions ended. */
export const SessionsEnded = z.object({ ended: z.int() }).meta({ id: 'SessionsEnded' });

export const SignedIn = z
  .object({
    organizationId: Id,
    organizationName: z.string(),
    staffId: Id,
    givenName: z.string(),
    familyName: z.string(),
    roles: z.array(OwnRole),
    permissions: z.array(HeldPermission),
    hasSecondFactor: z.boolean(),
    recoveryCodesLeft: z.int(),
    session: SignInSession.nullable().describe('null for whoever comes without one'),
  })
  .meta({ id: 'SignedIn' });
export type SignedIn = z.infer<typeof SignedIn>;

export const SignedOut = z.object({ isSignedIn: z.literal(false) }).meta({ id: 'SignedOut' });

export const TotpSetup = z
  .object({
    secret: z.string().meta({ description: 'base32, to type into the app', examples: ['JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP'] }),
    uri: z.string().meta({
      description: 'the same for a QR code',
      examples: ['otpauth://totp/Harbor%20Aesthetics:maya@example.com?secret=JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP'],
    }),
  })
  .meta({ id: 'TotpSetup' });

export const ConfirmTotp = z.strictObject({ code: Code.meta({ description: 'six digits of the app', examples: ['123456'] }) });

export const RecoveryCodes = z
  .object({ codes: z.array(z.string()).describe('shown this once; each works once instead of the app') })
  .meta({ id: 'RecoveryCodes' });

/** The first person of a new organization, with the code that the operator was shown. */
export const SetUp = z.strictObject({
  code: z
    .string()
    .trim()
    .regex(/^[0-9A-Za-z -]{26,50}$/, wrong('Not a setup code.'))
    .meta({ examples: ['JBSWY-3DPEH-PK3PX-PJBSW-Y3DPE-H'] }),
  organizationName: text(120),
  givenName: text(80),
  familyName: text(80),
  email: Email,
  password: Password,
});
export type SetUp = z.infer<typeof SetUp>;

export const SetUpDone = z.object({ organizationId: Id, staffId: Id }).meta({ id: 'SetUpDone' });

/** Somebody who was invited chooses the password that they sign in with from then on. */
export const AcceptInvitation = z.strictObject({
  organizationId: Id,
  token: z
    .string()
    .regex(/^[\w-]{43}$/, wrong('Not the token of an invitation.'))
    .meta({ examples: ['0'.repeat(43)] }),
  password: Password,
});
export type AcceptInvitation = z.infer<typeof AcceptInvitation>;
export const AcceptedInvitation = z.object({ organizationId: Id, staffId: Id, email: Email }).meta({ id: 'AcceptedInvitation' });
