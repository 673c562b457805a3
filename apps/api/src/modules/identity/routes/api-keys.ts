import { ApiKey, CreateApiKey, NewApiKey, PageQuery, pageOf } from '@medspa/contracts';
import { createRoute, encode, IdParam, jsonBody, jsonReply, problems, router } from '../../../platform/http.ts';
import * as service from '../service/api-keys.ts';

const tags = ['API keys'];

export const apiKeyRoutes = router()
  .openapi(
    createRoute({
      method: 'get',
      path: '/api-keys',
      needs: 'api-key:read',
      limit: 'read',
      tags,
      summary: 'Keys of integrations, without their secrets',
      request: { query: PageQuery },
      responses: { 200: jsonReply('The last one first', pageOf(ApiKey)), ...problems('not-found') },
    }),
    async (c) => c.json(encode(c, pageOf(ApiKey), await service.listKeys(c.get('ctx'), c.req.valid('query'))), 200),
  )
  .openapi(
    createRoute({
      method: 'post',
      path: '/api-keys',
      needs: 'api-key:write',
      limit: 'write',
      tags,
      summary: 'Make a key for an integration',
      request: { body: jsonBody(CreateApiKey) },
      responses: {
        201: jsonReply('The key, shown this once', NewApiKey),
        ...problems('not-found', 'beyond-own-permissions'),
      },
    }),
    async (c) => c.json(encode(c, NewApiKey, await service.createKey(c.get('ctx'), c.req.valid('json'))), 201),
  )
  .openapi(
    createRoute({
      method: 'delete',
      path: '/api-keys/{id}',
      needs: 'api-key:write',
      limit: 'write',
      tags,
      summary: 'End a key for good',
      request: { params: IdParam },
      responses: { 200: jsonReply('As it is now', ApiKey), ...problems('not-found') },
    }),
    async (c) => c.json(encode(c, ApiKey, await service.revokeKey(c.get('ctx'), c.req.valid('param').id)), 200),
  );
