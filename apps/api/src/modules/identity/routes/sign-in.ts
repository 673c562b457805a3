import {
  ChangePassword,
  ConfirmTotp,
  RecoveryCodes,
  SetUp,
  SetUpDone,
  pageOf,
  PageQuery,
  SessionsEnded,
  SignedIn,
  SignedOut,
  SignIn,
  SignInSession,
  StepUp,
  TotpSetup,
} from '@medspa/contracts';
import { createRoute, encode, IdParam, jsonBody, jsonReply, problems, router } from '../../../platform/http.ts';
import { endedSessionCookie, sessionCookie } from '../../../platform/session-cookie.ts';
import * as account from '../service/account.ts';
import * as session from '../service/session.ts';

const tags = ['Sign-in'];
const PROOF = ['wrong-credentials', 'second-factor-required', 'provider-sign-in-required', 'sign-in-paused', 'sign-in-stopped'] as const;
const SECURE = ['step-up-required', 'not-found'] as const;

export const signInRoutes = router()
  .openapi(
    createRoute({
      method: 'post',
      path: '/setup',
      needs: 'account:sign-in',
      limit: 'sign-in',
      tags,
      summary: 'Make an organization and its owner, with the code that the operator was shown',
      request: { body: jsonBody(SetUp) },
      responses: {
        201: jsonReply('Made. The owner signs in next.', SetUpDone),
        ...problems('setup-code-refused', 'password-too-short', 'password-too-common'),
      },
    }),
    async (c) => c.json(encode(c, SetUpDone, await account.setUp(c.get('ctx'), c.req.valid('json'))), 201),
  )
  .openapi(
    createRoute({
      method: 'post',
      path: '/session',
      needs: 'account:sign-in',
      limit: 'sign-in',
      tags,
      summary: 'Sign in',
      request: { body: jsonBody(SignIn) },
      responses: { 201: jsonReply('Signed in; the cookie is the session', SignedIn), ...problems(...PROOF) },
    }),
    async (c) => {
      const { cookie, signedIn } = await session.signIn(c.get('ctx'), c.req.valid('json'), session.browserOf(c.req.raw.headers));
      c.header('set-cookie', sessionCookie(cookie));
      return c.json(encode(c, SignedIn, signedIn), 201);
    },
  )
  .openapi(
    createRoute({
      method: 'get',
      path: '/session',
      needs: 'account:read',
      limit: 'read',
      tags,
      summary: 'Who is signed in',
      responses: { 200: jsonReply('They', SignedIn), ...problems('not-found') },
    }),
    async (c) => c.json(encode(c, SignedIn, await session.getSignedIn(c.get('ctx'))), 200),
  )
  .openapi(
    createRoute({
      method: 'delete',
      path: '/session',
      needs: 'account:write',
      limit: 'write',
      tags,
      summary: 'Sign out',
      responses: { 200: jsonReply('Signed out; the browser forgets what it kept of this site', SignedOut), ...problems() },
    }),
    async (c) => {
      const done = await session.signOut(c.get('ctx'));
      c.header('set-cookie', endedSessionCookie());
      c.header('clear-site-data', '"cache", "cookies", "storage"');
      return c.json(encode(c, SignedOut, done), 200);
    },
  )
  .openapi(
    createRoute({
      method: 'post',
      path: '/session/step-up',
      needs: 'account:write',
      limit: 'sign-in',
      tags,
      summary: 'Prove again who acts, for five minutes of what needs it',
      request: { body: jsonBody(StepUp) },
      responses: { 200: jsonReply('The session', SignInSession), ...problems(...PROOF) },
    }),
    async (c) => c.json(encode(c, SignInSession, await session.stepUp(c.get('ctx'), c.req.valid('json'))), 200),
  )
  .openapi(
    createRoute({
      method: 'put',
      path: '/session/password',
      needs: 'account:secure',
      limit: 'write',
      tags,
      summary: 'Change the password and end every other session',
      request: { body: jsonBody(ChangePassword) },
      responses: {
        200: jsonReply('How many ended', SessionsEnded),
        ...problems(...SECURE, 'password-too-short', 'password-too-common'),
      },
    }),
    async (c) => c.json(encode(c, SessionsEnded, await account.changePassword(c.get('ctx'), c.req.valid('json'))), 200),
  )
  .openapi(
    createRoute({
      method: 'post',
      path: '/session/totp',
      needs: 'account:secure',
      limit: 'write',
      tags,
      summary: 'Begin with an authenticator app',
      responses: { 201: jsonReply('Its secret, shown this once', TotpSetup), ...problems(...SECURE) },
    }),
    async (c) => c.json(encode(c, TotpSetup, await account.beginTotp(c.get('ctx'))), 201),
  )
  .openapi(
    createRoute({
      method: 'post',
      path: '/session/totp/confirmation',
      needs: 'account:secure',
      limit: 'write',
      tags,
      summary: 'Show that the app has the secret; from now on its code is asked for',
      request: { body: jsonBody(ConfirmTotp) },
      responses: {
        200: jsonReply('Codes for the day on which the phone is gone', RecoveryCodes),
        ...problems(...SECURE, 'second-factor-missing', 'wrong-code'),
      },
    }),
    async (c) => c.json(encode(c, RecoveryCodes, await account.confirmTotp(c.get('ctx'), c.req.valid('json').code)), 200),
  )
  .openapi(
    createRoute({
      method: 'delete',
      path: '/session/totp',
      needs: 'account:secure',
      limit: 'write',
      tags,
      summary: 'Stop asking for a code',
      responses: { 200: jsonReply('As it is now', SignedIn), ...problems(...SECURE, 'second-factor-missing', 'password-too-short') },
    }),
    async (c) => c.json(encode(c, SignedIn, await account.removeTotp(c.get('ctx'))), 200),
  )
  .openapi(
    createRoute({
      method: 'post',
      path: '/session/recovery-codes',
      needs: 'account:secure',
      limit: 'write',
      tags,
      summary: 'New recovery codes; the old ones work no more',
      responses: { 201: jsonReply('Shown this once', RecoveryCodes), ...problems(...SECURE, 'second-factor-missing') },
    }),
    async (c) => c.json(encode(c, RecoveryCodes, await account.renewRecoveryCodes(c.get('ctx'))), 201),
  )
  .openapi(
    createRoute({
      method: 'get',
      path: '/sessions',
      needs: 'account:read',
      limit: 'read',
      tags,
      summary: 'Where one is signed in',
      request: { query: PageQuery },
      responses: { 200: jsonReply('The last one first', pageOf(SignInSession)), ...problems('not-found') },
    }),
    async (c) => c.json(encode(c, pageOf(SignInSession), await session.listSessions(c.get('ctx'), c.req.valid('query'))), 200),
  )
  .openapi(
    createRoute({
      method: 'delete',
      path: '/sessions',
      needs: 'account:write',
      limit: 'write',
      tags,
      summary: 'Sign out everywhere else',
      responses: { 200: jsonReply('How many ended', SessionsEnded), ...problems() },
    }),
    async (c) => c.json(encode(c, SessionsEnded, await session.endOtherSessions(c.get('ctx'))), 200),
  )
  .openapi(
    createRoute({
      method: 'delete',
      path: '/sessions/{id}',
      needs: 'account:write',
      limit: 'write',
      tags,
      summary: 'Sign out there',
      request: { params: IdParam },
      responses: { 200: jsonReply('How many ended', SessionsEnded), ...problems('not-found') },
    }),
    async (c) => c.json(encode(c, SessionsEnded, await session.endSession(c.get('ctx'), c.req.valid('param').id)), 200),
  );
