import { AddProxy, Id, PageQuery, pageOf, PatientProxy } from '@medspa/contracts';
import {
  createRoute,
  encode,
  IdParam,
  jsonBody,
  jsonReply,
  problems,
  repeatable,
  RepeatableHeader,
  router,
} from '../../../platform/http.ts';
import * as service from '../service/proxies.ts';

const tags = ['Patients'];

export const proxyRoutes = router()
  .openapi(
    createRoute({
      method: 'get',
      path: '/patients/{id}/proxies',
      needs: 'patient:read',
      limit: 'read',
      tags,
      summary: 'Who may act for a patient',
      description: 'The latest first, with those whose time is over or yet to come.',
      request: { params: IdParam, query: PageQuery },
      responses: { 200: jsonReply('A page', pageOf(PatientProxy)), ...problems('not-found') },
    }),
    async (c) =>
      c.json(encode(c, pageOf(PatientProxy), await service.listProxies(c.get('ctx'), c.req.valid('param').id, c.req.valid('query'))), 200),
  )
  .openapi(
    createRoute({
      method: 'post',
      path: '/patients/{id}/proxies',
      needs: 'patient:write',
      limit: 'write',
      tags,
      summary: 'Let somebody act for a patient',
      description:
        'A parent or guardian for a minor, until the 18th birthday at the latest; somebody related to whom the patient has agreed, for a time, where they are of age. It takes the place of what held between the two.',
      request: { params: IdParam, headers: RepeatableHeader, body: jsonBody(AddProxy) },
      responses: {
        201: jsonReply('From now on, or from when it starts', PatientProxy),
        ...problems(
          'not-found',
          'not-related',
          'birth-date-missing',
          'end-required',
          'rule-violated',
          'already-exists',
          'idempotency-key-reused',
        ),
      },
    }),
    async (c) =>
      c.json(
        encode(c, PatientProxy, await service.addProxy(repeatable(c, c.req.valid('json')), c.req.valid('param').id, c.req.valid('json'))),
        201,
      ),
  )
  .openapi(
    createRoute({
      method: 'delete',
      path: '/patients/{id}/proxies/{proxyId}',
      needs: 'patient:write',
      limit: 'write',
      tags,
      summary: 'End that somebody acts for a patient',
      request: { params: IdParam.extend({ proxyId: Id.describe('who acts') }) },
      responses: { 200: jsonReply('As it ended', PatientProxy), ...problems('not-found') },
    }),
    async (c) =>
      c.json(encode(c, PatientProxy, await service.revokeProxy(c.get('ctx'), c.req.valid('param').id, c.req.valid('param').proxyId)), 200),
  );
