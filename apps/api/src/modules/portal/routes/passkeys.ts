import { AddPasskey, PageQuery, pageOf, Passkey, PasskeyCreation, PasskeyProof, PasskeyRequest, SignedInPatient } from '@medspa/contracts';
import { createRoute, encode, IdParam, jsonBody, jsonReply, problems, router } from '../../../platform/http.ts';
import { readSessionCookie, sessionCookie } from '../../../platform/session-cookie.ts';
import type { RelyingParty } from '../../../platform/webauthn.ts';
import * as passkeys from '../service/passkeys.ts';

const tags = ['Portal'];

/** Passkeys of patients, and signing in with one. */
export function portalPasskeyRoutes(party: RelyingParty) {
  return router()
    .openapi(
      createRoute({
        method: 'post',
        path: '/portal/session/passkey/options',
        needs: 'account:sign-in',
        limit: 'write',
        tags,
        summary: 'Begin to sign a patient in with a passkey',
        responses: { 201: jsonReply('What the browser is to sign, within five minutes', PasskeyRequest), ...problems() },
      }),
      async (c) => c.json(encode(c, PasskeyRequest, await passkeys.beginPasskeySignIn(c.get('ctx'), party)), 201),
    )
    .openapi(
      createRoute({
        method: 'post',
        path: '/portal/session/passkey',
        needs: 'account:sign-in',
        limit: 'sign-in',
        tags,
        summary: 'Sign a patient in with a passkey',
        request: { body: jsonBody(PasskeyProof) },
        responses: {
          201: jsonReply('Signed in; the cookie is the session', SignedInPatient),
          ...problems('passkey-refused', 'not-of-age'),
        },
      }),
      async (c) => {
        const browser = { userAgent: c.req.header('user-agent') ?? '', cookie: readSessionCookie(c.req.raw.headers, 'patient') };
        const { passkey } = c.req.valid('json');
        const { cookie, signedIn } = await passkeys.signInByPasskey(c.get('ctx'), party, passkey, browser);
        c.header('set-cookie', sessionCookie(cookie, 'patient'));
        return c.json(encode(c, SignedInPatient, signedIn), 201);
      },
    )
    .openapi(
      createRoute({
        method: 'get',
        path: '/portal/passkeys',
        needs: 'self:read',
        limit: 'read',
        tags,
        summary: 'Passkeys of the patient',
        request: { query: PageQuery },
        responses: { 200: jsonReply('The first one first', pageOf(Passkey)), ...problems('not-found') },
      }),
      async (c) => c.json(encode(c, pageOf(Passkey), await passkeys.listPasskeys(c.get('ctx'), c.req.valid('query'))), 200),
    )
    .openapi(
      createRoute({
        method: 'post',
        path: '/portal/passkeys/options',
        needs: 'self:secure',
        limit: 'write',
        tags,
        summary: 'Begin to add a passkey of the patient',
        description: 'Within five minutes of signing in.',
        responses: { 201: jsonReply('What the browser is to make', PasskeyCreation), ...problems('not-found') },
      }),
      async (c) => c.json(encode(c, PasskeyCreation, await passkeys.beginPasskey(c.get('ctx'), party)), 201),
    )
    .openapi(
      createRoute({
        method: 'post',
        path: '/portal/passkeys',
        needs: 'self:secure',
        limit: 'write',
        tags,
        summary: 'Add a passkey of the patient',
        request: { body: jsonBody(AddPasskey) },
        responses: {
          201: jsonReply('It signs in from now on', Passkey),
          ...problems('passkey-unusable', 'already-exists', 'rule-violated'),
        },
      }),
      async (c) => c.json(encode(c, Passkey, await passkeys.addPasskey(c.get('ctx'), party, c.req.valid('json'))), 201),
    )
    .openapi(
      createRoute({
        method: 'delete',
        path: '/portal/passkeys/{id}',
        needs: 'self:secure',
        limit: 'write',
        tags,
        summary: 'Remove a passkey of the patient',
        request: { params: IdParam },
        responses: { 200: jsonReply('It signs in no more', Passkey), ...problems('not-found') },
      }),
      async (c) => c.json(encode(c, Passkey, await passkeys.removePasskey(c.get('ctx'), c.req.valid('param').id)), 200),
    );
}
