import { z } from 'zod';
import { Assertion, Passkey } from './passkeys.ts';
import { Email, Id, wrong } from './primitives.ts';
import { FactorCode, Password } from './sign-in.ts';

export const AskPasswordReset = z.strictObject({
  email: Email,
  organizationId: Id.optional().describe('needed by people who work for two organizations under one e-mail address'),
});
export type AskPasswordReset = z.infer<typeof AskPasswordReset>;

/** The same for an address that nobody has. */
export const PasswordResetAsked = z.object({ isAsked: z.literal(true) }).meta({ id: 'PasswordResetAsked' });

/** What stands behind the # of the link, which no browser sends by itself. */
export const ResetLink = z.strictObject({
  organizationId: Id,
  token: z
    .string()
    .regex(/^[\w-]{43}$/, wrong('Not the token of a link.'))
    .meta({ examples: ['mX2vPp0b8Qe4d9Yc1sT6uR3wZ7aK5nLhJfGi0oEyBqM'] }),
});
export type ResetLink = z.infer<typeof ResetLink>;

export const ResetPassword = ResetLink.extend({
  password: Password,
  code: FactorCode.optional(),
  passkey: Assertion.optional().describe('in place of the code'),
});
export type ResetPassword = z.infer<typeof ResetPassword>;

export const PasswordReset = z
  .object({
    sessionsEnded: z.int(),
    hasAuthenticatorApp: z.boolean(),
    passkeys: z.array(Passkey).describe('which still sign in: remove those that are not yours'),
    recoveryCodesLeft: z.int().describe('which still work: renew them where somebody else may have them'),
  })
  .meta({ id: 'PasswordReset' });
export type PasswordReset = z.infer<typeof PasswordReset>;
