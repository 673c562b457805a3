import { AskPasswordReset, PasskeyRequest, PasswordReset, PasswordResetAsked, ResetLink, ResetPassword } from '@medspa/contracts';
import { createRoute, encode, jsonBody, jsonReply, problems, router } from '../../../platform/http.ts';
import type { RelyingParty } from '../../../platform/webauthn.ts';
import * as reset from '../service/password-reset.ts';

const tags = ['Sign-in'];

/** The way back for whoever forgot their password. */
export function resetRoutes(party: RelyingParty) {
  return router()
    .openapi(
      createRoute({
        method: 'post',
        path: '/password-resets',
        needs: 'account:sign-in',
        limit: 'message',
        tags,
        summary: 'Have a link to a new password sent, if somebody has the address',
        request: { body: jsonBody(AskPasswordReset) },
        responses: { 202: jsonReply('Whether anybody has it or not', PasswordResetAsked), ...problems('reset-paused') },
      }),
      async (c) => c.json(encode(c, PasswordResetAsked, await reset.askReset(c.get('ctx'), c.req.valid('json'))), 202),
    )
    .openapi(
      createRoute({
        method: 'post',
        path: '/password-resets/passkey-options',
        needs: 'account:sign-in',
        limit: 'sign-in',
        tags,
        summary: 'Begin to show a passkey as the second factor of a new password',
        request: { body: jsonBody(ResetLink) },
        responses: {
          201: jsonReply('What the browser is to sign, within five minutes', PasskeyRequest),
          ...problems('reset-refused'),
        },
      }),
      async (c) => c.json(encode(c, PasskeyRequest, await reset.beginResetPasskey(c.get('ctx'), party, c.req.valid('json'))), 201),
    )
    .openapi(
      createRoute({
        method: 'post',
        path: '/password-resets/confirmation',
        needs: 'account:sign-in',
        limit: 'sign-in',
        tags,
        summary: 'Choose a new password by link and second factor, and end every session',
        request: { body: jsonBody(ResetPassword) },
        responses: {
          200: jsonReply('Chosen; the person signs in next. What else signs in for them', PasswordReset),
          ...problems(
            'reset-refused',
            'second-factor-required',
            'provider-sign-in-required',
            'wrong-credentials',
            'passkey-refused',
            'sign-in-paused',
            'sign-in-stopped',
          ),
          ...problems('password-too-short', 'password-too-common'),
        },
      }),
      async (c) => c.json(encode(c, PasswordReset, await reset.resetPassword(c.get('ctx'), party, c.req.valid('json'))), 200),
    );
}
