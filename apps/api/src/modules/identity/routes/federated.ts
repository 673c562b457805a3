import { FinishProviderSignIn, FirebaseSignIn, ProviderSignIn, SignedIn } from '@medspa/contracts';
import { createRoute, encode, jsonBody, jsonReply, problems, router } from '../../../platform/http.ts';
import { attemptCookie, ENDED_ATTEMPT_COOKIE, readAttemptCookie } from '../../../platform/identity-provider/attempt-cookie.ts';
import type { IdentityProviders } from '../../../platform/identity-provider/index.ts';
import { Problem } from '../../../platform/problem.ts';
import { sessionCookie } from '../../../platform/session-cookie.ts';
import * as federated from '../service/federated.ts';
import { browserOf } from '../service/session.ts';

const tags = ['Sign-in'];
const PROOF = [
  'not-found',
  'wrong-id-token',
  'person-unknown',
  'second-factor-required',
  'wrong-credentials',
  'sign-in-paused',
  'sign-in-stopped',
  'provider-unavailable',
] as const;

/** Signing in with somebody else's word for it; the operations are there and answer `not-found` where nobody is configured. */
export function federatedRoutes(providers: IdentityProviders) {
  return router()
    .openapi(
      createRoute({
        method: 'post',
        path: '/session/provider',
        needs: 'account:sign-in',
        limit: 'sign-in',
        tags,
        summary: 'Begin to sign in with the identity provider',
        responses: { 201: jsonReply('Where the browser goes next', ProviderSignIn), ...problems('not-found', 'provider-unavailable') },
      }),
      async (c) => {
        const { attempt, begun } = await federated.beginProviderSignIn(providers);
        c.header('set-cookie', attemptCookie(attempt));
        return c.json(encode(c, ProviderSignIn, begun), 201);
      },
    )
    .openapi(
      createRoute({
        method: 'post',
        path: '/session/provider/return',
        needs: 'account:sign-in',
        limit: 'sign-in',
        tags,
        summary: 'Sign in with what the identity provider sent back',
        request: { body: jsonBody(FinishProviderSignIn) },
        responses: { 201: jsonReply('Signed in; the cookie is the session', SignedIn), ...problems(...PROOF) },
      }),
      async (c) => {
        const browser = browserOf(c.req.raw.headers);
        const attempt = readAttemptCookie(c.req.raw.headers);
        const done = await federated.finishProviderSignIn(c.get('ctx'), providers, attempt, c.req.valid('json'), browser);
        if ('awaiting' in done) {
          c.header('set-cookie', attemptCookie(done.awaiting));
          throw new Problem('second-factor-required');
        }
        c.header('set-cookie', sessionCookie(done.cookie));
        c.header('set-cookie', ENDED_ATTEMPT_COOKIE, { append: true });
        return c.json(encode(c, SignedIn, done.signedIn), 201);
      },
    )
    .openapi(
      createRoute({
        method: 'post',
        path: '/session/firebase',
        needs: 'account:sign-in',
        limit: 'sign-in',
        tags,
        summary: 'Sign in with an ID token of Firebase or Identity Platform, as `Authorization: Bearer`',
        request: { body: jsonBody(FirebaseSignIn) },
        responses: { 201: jsonReply('Signed in; the cookie is the session', SignedIn), ...problems(...PROOF) },
      }),
      async (c) => {
        const browser = browserOf(c.req.raw.headers);
        const { cookie, signedIn } = await federated.signInWithFirebase(
          c.get('ctx'),
          providers,
          c.req.header('authorization'),
          c.req.valid('json'),
          browser,
        );
        c.header('set-cookie', sessionCookie(cookie));
        return c.json(encode(c, SignedIn, signedIn), 201);
      },
    );
}
