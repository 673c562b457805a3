import {
  AddPasskey,
  Passkey,
  PasskeyAdded,
  PasskeyCreation,
  PasskeyProof,
  PasskeyRequest,
  PageQuery,
  pageOf,
  RenamePasskey,
  SignedIn,
  SignInSession,
} from '@medspa/contracts';
import { createRoute, encode, IdParam, jsonBody, jsonReply, problems, router } from '../../../platform/http.ts';
import { sessionCookie } from '../../../platform/session-cookie.ts';
import type { RelyingParty } from '../../../platform/webauthn.ts';
import * as passkeys from '../service/passkeys.ts';
import { browserOf } from '../service/session.ts';

const tags = ['Sign-in'];
const SECURE = ['step-up-required', 'not-found'] as const;

/** Passkeys of the person who asks, and signing in with one. */
export function passkeyRoutes(party: RelyingParty) {
  return router()
    .openapi(
      createRoute({
        method: 'post',
        path: '/session/passkey/options',
        needs: 'account:sign-in',
        limit: 'write',
        tags,
        summary: 'Begin to sign in with a passkey',
        responses: { 201: jsonReply('What the browser is to sign, within five minutes', PasskeyRequest), ...problems('not-authenticated') },
      }),
      async (c) => c.json(encode(c, PasskeyRequest, await passkeys.beginPasskeySignIn(c.get('ctx'), party)), 201),
    )
    .openapi(
      createRoute({
        method: 'post',
        path: '/session/passkey',
        needs: 'account:sign-in',
        limit: 'sign-in',
        tags,
        summary: 'Sign in with a passkey, which is both factors',
        request: { body: jsonBody(PasskeyProof) },
        responses: { 201: jsonReply('Signed in; the cookie is the session', SignedIn), ...problems('passkey-refused') },
      }),
      async (c) => {
        const { passkey } = c.req.valid('json');
        const { cookie, signedIn } = await passkeys.signInByPasskey(c.get('ctx'), party, passkey, browserOf(c.req.raw.headers));
        c.header('set-cookie', sessionCookie(cookie));
        return c.json(encode(c, SignedIn, signedIn), 201);
      },
    )
    .openapi(
      createRoute({
        method: 'post',
        path: '/session/step-up/passkey/options',
        needs: 'account:read',
        limit: 'write',
        tags,
        summary: 'Begin to prove again who acts, with a passkey',
        responses: { 201: jsonReply('What the browser is to sign, within five minutes', PasskeyRequest), ...problems('not-authenticated') },
      }),
      async (c) => c.json(encode(c, PasskeyRequest, await passkeys.beginPasskeyStepUp(c.get('ctx'), party)), 201),
    )
    .openapi(
      createRoute({
        method: 'post',
        path: '/session/step-up/passkey',
        needs: 'account:write',
        limit: 'sign-in',
        tags,
        summary: 'Prove again who acts, with a passkey, for five minutes of what needs it',
        request: { body: jsonBody(PasskeyProof) },
        responses: { 200: jsonReply('The session', SignInSession), ...problems('passkey-refused') },
      }),
      async (c) => c.json(encode(c, SignInSession, await passkeys.stepUpByPasskey(c.get('ctx'), party, c.req.valid('json').passkey)), 200),
    )
    .openapi(
      createRoute({
        method: 'get',
        path: '/passkeys',
        needs: 'account:read',
        limit: 'read',
        tags,
        summary: 'Which passkeys one has',
        request: { query: PageQuery },
        responses: { 200: jsonReply('The first one first', pageOf(Passkey)), ...problems('not-found') },
      }),
      async (c) => c.json(encode(c, pageOf(Passkey), await passkeys.listPasskeys(c.get('ctx'), c.req.valid('query'))), 200),
    )
    .openapi(
      createRoute({
        method: 'post',
        path: '/passkeys/options',
        needs: 'account:secure',
        limit: 'write',
        tags,
        summary: 'Begin to add a passkey',
        responses: { 201: jsonReply('What the browser is to make, within five minutes', PasskeyCreation), ...problems(...SECURE) },
      }),
      async (c) => c.json(encode(c, PasskeyCreation, await passkeys.beginPasskey(c.get('ctx'), party)), 201),
    )
    .openapi(
      createRoute({
        method: 'post',
        path: '/passkeys',
        needs: 'account:secure',
        limit: 'write',
        tags,
        summary: 'Add the passkey that the browser made, and end every other session',
        request: { body: jsonBody(AddPasskey) },
        responses: {
          201: jsonReply('It, and recovery codes if it is the first second factor', PasskeyAdded),
          ...problems(...SECURE, 'passkey-unusable', 'already-exists', 'rule-violated'),
        },
      }),
      async (c) => c.json(encode(c, PasskeyAdded, await passkeys.addPasskey(c.get('ctx'), party, c.req.valid('json'))), 201),
    )
    .openapi(
      createRoute({
        method: 'patch',
        path: '/passkeys/{id}',
        needs: 'account:write',
        limit: 'write',
        tags,
        summary: 'Rename a passkey',
        request: { params: IdParam, body: jsonBody(RenamePasskey) },
        responses: { 200: jsonReply('It', Passkey), ...problems('not-found') },
      }),
      async (c) => {
        const { id } = c.req.valid('param');
        return c.json(encode(c, Passkey, await passkeys.renamePasskey(c.get('ctx'), id, c.req.valid('json').name)), 200);
      },
    )
    .openapi(
      createRoute({
        method: 'delete',
        path: '/passkeys/{id}',
        needs: 'account:secure',
        limit: 'write',
        tags,
        summary: 'Remove a passkey, and end every other session',
        request: { params: IdParam },
        responses: { 200: jsonReply('As it is now', SignedIn), ...problems(...SECURE, 'password-too-short') },
      }),
      async (c) => c.json(encode(c, SignedIn, await passkeys.removePasskey(c.get('ctx'), c.req.valid('param').id)), 200),
    );
}
