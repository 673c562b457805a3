import {
  CreateRoomType,
  CreateService,
  Id,
  PageQuery,
  pageOf,
  ReviseTerms,
  RoomType,
  Service,
  SetPrice,
  UpdateRoomType,
  UpdateService,
} from '@medspa/contracts';
import { createRoute, encode, IdParam, jsonBody, jsonReply, problems, repeatable, RepeatableHeader, router } from '../../platform/http.ts';
import * as service from './service.ts';

const tags = ['Catalog'];
const SkillParams = IdParam.extend({ providerId: Id });
const TermsParams = IdParam.extend({ termsId: Id });
const PriceParams = IdParam.extend({ priceId: Id });

export const catalogRoutes = router()
  .openapi(
    createRoute({
      method: 'get',
      path: '/room-types',
      needs: 'catalog:read',
      limit: 'read',
      tags,
      summary: 'Kinds of rooms',
      request: { query: PageQuery },
      responses: { 200: jsonReply('A page', pageOf(RoomType)), ...problems('not-found') },
    }),
    async (c) => c.json(encode(c, pageOf(RoomType), await service.listRoomTypes(c.get('ctx'), c.req.valid('query'))), 200),
  )
  .openapi(
    createRoute({
      method: 'post',
      path: '/room-types',
      needs: 'catalog:write',
      limit: 'write',
      tags,
      summary: 'Add a kind of room',
      request: { headers: RepeatableHeader, body: jsonBody(CreateRoomType) },
      responses: { 201: jsonReply('Added', RoomType), ...problems('already-exists', 'idempotency-key-reused') },
    }),
    async (c) => c.json(encode(c, RoomType, await service.createRoomType(repeatable(c, c.req.valid('json')), c.req.valid('json'))), 201),
  )
  .openapi(
    createRoute({
      method: 'patch',
      path: '/room-types/{id}',
      needs: 'catalog:write',
      limit: 'write',
      tags,
      summary: 'Rename a kind of room',
      request: { params: IdParam, body: jsonBody(UpdateRoomType) },
      responses: { 200: jsonReply('As it is now', RoomType), ...problems('not-found', 'stale-version', 'already-exists') },
    }),
    async (c) => c.json(encode(c, RoomType, await service.updateRoomType(c.get('ctx'), c.req.valid('param').id, c.req.valid('json'))), 200),
  )
  .openapi(
    createRoute({
      method: 'get',
      path: '/services',
      needs: 'catalog:read',
      limit: 'read',
      tags,
      summary: 'Services with the terms that hold now or later',
      request: { query: PageQuery },
      responses: { 200: jsonReply('A page', pageOf(Service)), ...problems('not-found') },
    }),
    async (c) => c.json(encode(c, pageOf(Service), await service.listServices(c.get('ctx'), c.req.valid('query'))), 200),
  )
  .openapi(
    createRoute({
      method: 'post',
      path: '/services',
      needs: 'catalog:write',
      limit: 'write',
      tags,
      summary: 'Add a service with its first terms',
      request: { headers: RepeatableHeader, body: jsonBody(CreateService) },
      responses: { 201: jsonReply('Added', Service), ...problems('not-found', 'already-exists', 'idempotency-key-reused') },
    }),
    async (c) => c.json(encode(c, Service, await service.createService(repeatable(c, c.req.valid('json')), c.req.valid('json'))), 201),
  )
  .openapi(
    createRoute({
      method: 'get',
      path: '/services/{id}',
      needs: 'catalog:read',
      limit: 'read',
      tags,
      summary: 'A service with all terms it ever had',
      request: { params: IdParam },
      responses: { 200: jsonReply('The service', Service), ...problems('not-found') },
    }),
    async (c) => c.json(encode(c, Service, await service.getService(c.get('ctx'), c.req.valid('param').id)), 200),
  )
  .openapi(
    createRoute({
      method: 'patch',
      path: '/services/{id}',
      needs: 'catalog:write',
      limit: 'write',
      tags,
      summary: 'Rename or retire a service',
      request: { params: IdParam, body: jsonBody(UpdateService) },
      responses: { 200: jsonReply('As it is now', Service), ...problems('not-found', 'stale-version', 'already-exists') },
    }),
    async (c) => c.json(encode(c, Service, await service.updateService(c.get('ctx'), c.req.valid('param').id, c.req.valid('json'))), 200),
  )
  .openapi(
    createRoute({
      method: 'post',
      path: '/services/{id}/terms',
      needs: 'catalog:write',
      limit: 'write',
      tags,
      summary: 'Give a service new terms from a date on',
      description: 'From today or later. Terms that begin on that date already, or after it, must be withdrawn first.',
      request: { params: IdParam, headers: RepeatableHeader, body: jsonBody(ReviseTerms) },
      responses: { 201: jsonReply('As it is now', Service), ...problems('not-found', 'in-the-past', 'overlaps', 'idempotency-key-reused') },
    }),
    async (c) =>
      c.json(
        encode(c, Service, await service.reviseTerms(repeatable(c, c.req.valid('json')), c.req.valid('param').id, c.req.valid('json'))),
        201,
      ),
  )
  .openapi(
    createRoute({
      method: 'delete',
      path: '/services/{id}/terms/{termsId}',
      needs: 'catalog:write',
      limit: 'write',
      tags,
      summary: 'Withdraw terms whose first day is not over',
      description: 'The terms before them hold on. Appointments that were booked with the withdrawn terms keep them.',
      request: { params: TermsParams },
      responses: { 200: jsonReply('As it is now', Service), ...problems('not-found', 'in-the-past') },
    }),
    async (c) =>
      c.json(encode(c, Service, await service.withdrawTerms(c.get('ctx'), c.req.valid('param').id, c.req.valid('param').termsId)), 200),
  )
  .openapi(
    createRoute({
      method: 'post',
      path: '/services/{id}/prices',
      needs: 'catalog:write',
      limit: 'write',
      tags,
      summary: 'Set the list price of a legal entity from a date on',
      description: 'From today or later. A price that begins on that date already, or after it, must be withdrawn first.',
      request: { params: IdParam, headers: RepeatableHeader, body: jsonBody(SetPrice) },
      responses: {
        201: jsonReply('As it is now', Service),
        ...problems('not-found', 'in-the-past', 'overlaps', 'rule-violated', 'idempotency-key-reused'),
      },
    }),
    async (c) =>
      c.json(
        encode(c, Service, await service.setPrice(repeatable(c, c.req.valid('json')), c.req.valid('param').id, c.req.valid('json'))),
        201,
      ),
  )
  .openapi(
    createRoute({
      method: 'delete',
      path: '/services/{id}/prices/{priceId}',
      needs: 'catalog:write',
      limit: 'write',
      tags,
      summary: 'Withdraw a price whose first day is not over',
      description: 'The price before it holds on.',
      request: { params: PriceParams },
      responses: { 200: jsonReply('As it is now', Service), ...problems('not-found', 'in-the-past') },
    }),
    async (c) =>
      c.json(encode(c, Service, await service.withdrawPrice(c.get('ctx'), c.req.valid('param').id, c.req.valid('param').priceId)), 200),
  )
  .openapi(
    createRoute({
      method: 'put',
      path: '/services/{id}/providers/{providerId}',
      needs: 'catalog:write',
      limit: 'write',
      tags,
      summary: 'Let a provider perform the service',
      request: { params: SkillParams },
      responses: { 200: jsonReply('As it is now', Service), ...problems('not-found') },
    }),
    async (c) =>
      c.json(encode(c, Service, await service.grantSkill(c.get('ctx'), c.req.valid('param').id, c.req.valid('param').providerId)), 200),
  )
  .openapi(
    createRoute({
      method: 'delete',
      path: '/services/{id}/providers/{providerId}',
      needs: 'catalog:write',
      limit: 'write',
      tags,
      summary: 'Take the skill back',
      request: { params: SkillParams },
      responses: { 200: jsonReply('As it is now', Service), ...problems('not-found') },
    }),
    async (c) =>
      c.json(encode(c, Service, await service.revokeSkill(c.get('ctx'), c.req.valid('param').id, c.req.valid('param').providerId)), 200),
  );
