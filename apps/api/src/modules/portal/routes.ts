import {
  AskPatientSignIn,
  Id,
  PageQuery,
  pageOf,
  PatientSession,
  PatientSignIn,
  PortalMessage,
  PortalProfile,
  PortalVisit,
  SessionsEnded,
  SignedInPatient,
  SignedOut,
  SignInPatient,
  UpdatePortalProfile,
} from '@medspa/contracts';
import { createRoute, encode, IdParam, jsonBody, jsonReply, problems, router } from '../../platform/http.ts';
import { endedSessionCookie, readSessionCookie, sessionCookie } from '../../platform/session-cookie.ts';
import * as self from './service/self.ts';
import * as session from './service/session.ts';
import { askSignIn, signInPatient } from './service/sign-in.ts';

const tags = ['Portal'];

export const portalRoutes = router()
  .openapi(
    createRoute({
      method: 'post',
      path: '/portal/sign-ins',
      needs: 'account:sign-in',
      limit: 'message',
      tags,
      summary: 'Ask for a code and a link by e-mail or text',
      description:
        'The answer is the same whether or not a patient has the address. The message is good for ten minutes and five tries, and works once. An address gets five an hour and ten a day.',
      request: { body: jsonBody(AskPatientSignIn) },
      responses: {
        202: jsonReply('If a patient has the address, a message is on its way', PatientSignIn),
        ...problems('not-found', 'code-paused'),
      },
    }),
    async (c) => c.json(encode(c, PatientSignIn, await askSignIn(c.get('ctx'), c.req.valid('json'))), 202),
  )
  .openapi(
    createRoute({
      method: 'post',
      path: '/portal/session',
      needs: 'account:sign-in',
      limit: 'sign-in',
      tags,
      summary: 'Sign a patient in',
      request: { body: jsonBody(SignInPatient) },
      responses: {
        201: jsonReply('Signed in; the cookie is the session', SignedInPatient),
        ...problems('code-refused', 'birth-date-required', 'person-not-clear', 'not-of-age', 'not-found'),
      },
    }),
    async (c) => {
      const browser = { userAgent: c.req.header('user-agent') ?? '', cookie: readSessionCookie(c.req.raw.headers, 'patient') };
      const { cookie, signedIn } = await signInPatient(c.get('ctx'), c.req.valid('json'), browser);
      c.header('set-cookie', sessionCookie(cookie, 'patient'));
      return c.json(encode(c, SignedInPatient, signedIn), 201);
    },
  )
  .openapi(
    createRoute({
      method: 'get',
      path: '/portal/session',
      needs: 'self:read',
      limit: 'read',
      tags,
      summary: 'Who is signed in, and whom they may act for',
      responses: { 200: jsonReply('They', SignedInPatient), ...problems('not-found') },
    }),
    async (c) => c.json(encode(c, SignedInPatient, await session.getSignedInPatient(c.get('ctx'))), 200),
  )
  .openapi(
    createRoute({
      method: 'delete',
      path: '/portal/session',
      needs: 'self:write',
      limit: 'write',
      tags,
      summary: 'Sign a patient out',
      responses: { 200: jsonReply('Signed out; the browser forgets what it kept of this site', SignedOut), ...problems() },
    }),
    async (c) => {
      const done = await session.signOutPatient(c.get('ctx'));
      c.header('set-cookie', endedSessionCookie('patient'));
      c.header('clear-site-data', '"cache", "storage"');
      return c.json(encode(c, SignedOut, done), 200);
    },
  )
  .openapi(
    createRoute({
      method: 'get',
      path: '/portal/sessions',
      needs: 'self:read',
      limit: 'read',
      tags,
      summary: 'Where the patient is signed in',
      request: { query: PageQuery },
      responses: { 200: jsonReply('The last one first', pageOf(PatientSession)), ...problems('not-found') },
    }),
    async (c) => c.json(encode(c, pageOf(PatientSession), await session.listPatientSessions(c.get('ctx'), c.req.valid('query'))), 200),
  )
  .openapi(
    createRoute({
      method: 'delete',
      path: '/portal/sessions',
      needs: 'self:write',
      limit: 'write',
      tags,
      summary: 'Sign the patient out everywhere else',
      responses: { 200: jsonReply('How many ended', SessionsEnded), ...problems() },
    }),
    async (c) => c.json(encode(c, SessionsEnded, await session.endOtherPatientSessions(c.get('ctx'))), 200),
  )
  .openapi(
    createRoute({
      method: 'delete',
      path: '/portal/sessions/{id}',
      needs: 'self:write',
      limit: 'write',
      tags,
      summary: 'Sign the patient out there',
      request: { params: IdParam },
      responses: { 200: jsonReply('How many ended', SessionsEnded), ...problems('not-found') },
    }),
    async (c) => c.json(encode(c, SessionsEnded, await session.endPatientSession(c.get('ctx'), c.req.valid('param').id)), 200),
  )
  .openapi(
    createRoute({
      method: 'get',
      path: '/portal/patients/{id}',
      needs: 'self:read',
      limit: 'read',
      tags,
      summary: 'What the clinic knows of a patient and how it reaches them',
      request: { params: IdParam },
      responses: { 200: jsonReply('The patient', PortalProfile), ...problems('not-found') },
    }),
    async (c) => c.json(encode(c, PortalProfile, await self.getProfile(c.get('ctx'), c.req.valid('param').id)), 200),
  )
  .openapi(
    createRoute({
      method: 'patch',
      path: '/portal/patients/{id}',
      needs: 'self:write',
      limit: 'write',
      tags,
      summary: 'Change how the clinic reaches and calls a patient',
      description: 'Where codes are sent, phone and e-mail address, nobody changes who stands in for the patient.',
      request: { params: IdParam, body: jsonBody(UpdatePortalProfile) },
      responses: {
        200: jsonReply('As it is now', PortalProfile),
        ...problems('not-found', 'stale-version', 'address-is-theirs', 'step-up-required'),
      },
    }),
    async (c) =>
      c.json(encode(c, PortalProfile, await self.updateProfile(c.get('ctx'), c.req.valid('param').id, c.req.valid('json'))), 200),
  )
  .openapi(
    createRoute({
      method: 'get',
      path: '/portal/patients/{id}/appointments',
      needs: 'self:read',
      limit: 'read',
      tags,
      summary: 'Visits of a patient, past and to come',
      request: { params: IdParam, query: PageQuery },
      responses: { 200: jsonReply('The latest start first', pageOf(PortalVisit)), ...problems('not-found') },
    }),
    async (c) =>
      c.json(encode(c, pageOf(PortalVisit), await self.listVisits(c.get('ctx'), c.req.valid('param').id, c.req.valid('query'))), 200),
  )
  .openapi(
    createRoute({
      method: 'get',
      path: '/portal/patients/{id}/appointments/{appointmentId}',
      needs: 'self:read',
      limit: 'read',
      tags,
      summary: 'A visit of a patient',
      request: { params: IdParam.extend({ appointmentId: Id }) },
      responses: { 200: jsonReply('The visit', PortalVisit), ...problems('not-found') },
    }),
    async (c) => {
      const { id, appointmentId } = c.req.valid('param');
      return c.json(encode(c, PortalVisit, await self.getVisit(c.get('ctx'), id, appointmentId)), 200);
    },
  )
  .openapi(
    createRoute({
      method: 'get',
      path: '/portal/patients/{id}/messages',
      needs: 'self:read',
      limit: 'read',
      tags,
      summary: 'What the clinic wrote to a patient',
      request: { params: IdParam, query: PageQuery },
      responses: { 200: jsonReply('The latest first', pageOf(PortalMessage)), ...problems('not-found') },
    }),
    async (c) =>
      c.json(encode(c, pageOf(PortalMessage), await self.listMessages(c.get('ctx'), c.req.valid('param').id, c.req.valid('query'))), 200),
  );
