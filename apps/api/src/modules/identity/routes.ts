import {
  CreateLegalEntity,
  CreateLocation,
  CreateProvider,
  CreateStaff,
  LegalEntity,
  Location,
  Organization,
  PageQuery,
  pageOf,
  Provider,
  Staff,
  UpdateLegalEntity,
  UpdateLocation,
  UpdateOrganization,
  UpdateProvider,
  UpdateStaff,
} from '@medspa/contracts';
import { createRoute, encode, IdParam, jsonBody, jsonReply, problems, repeatable, RepeatableHeader, router } from '../../platform/http.ts';
import * as service from './service.ts';

const tags = ['Organization'];

export const identityRoutes = router()
  .openapi(
    createRoute({
      method: 'get',
      path: '/organization',
      needs: 'organization:read',
      limit: 'read',
      tags,
      summary: 'The organization',
      responses: { 200: jsonReply('It', Organization), ...problems() },
    }),
    async (c) => c.json(encode(c, Organization, await service.getOrganization(c.get('ctx'))), 200),
  )
  .openapi(
    createRoute({
      method: 'patch',
      path: '/organization',
      needs: 'organization:write',
      limit: 'write',
      tags,
      summary: 'Rename the organization',
      request: { body: jsonBody(UpdateOrganization) },
      responses: { 200: jsonReply('As it is now', Organization), ...problems('stale-version') },
    }),
    async (c) => c.json(encode(c, Organization, await service.updateOrganization(c.get('ctx'), c.req.valid('json'))), 200),
  )
  .openapi(
    createRoute({
      method: 'get',
      path: '/legal-entities',
      needs: 'organization:read',
      limit: 'read',
      tags,
      summary: 'Parties that own books',
      request: { query: PageQuery },
      responses: { 200: jsonReply('A page', pageOf(LegalEntity)), ...problems('not-found') },
    }),
    async (c) => c.json(encode(c, pageOf(LegalEntity), await service.listLegalEntities(c.get('ctx'), c.req.valid('query'))), 200),
  )
  .openapi(
    createRoute({
      method: 'post',
      path: '/legal-entities',
      needs: 'organization:write',
      limit: 'write',
      tags,
      summary: 'Add a party that owns books',
      request: { headers: RepeatableHeader, body: jsonBody(CreateLegalEntity) },
      responses: { 201: jsonReply('Added', LegalEntity), ...problems('idempotency-key-reused') },
    }),
    async (c) =>
      c.json(encode(c, LegalEntity, await service.createLegalEntity(repeatable(c, c.req.valid('json')), c.req.valid('json'))), 201),
  )
  .openapi(
    createRoute({
      method: 'patch',
      path: '/legal-entities/{id}',
      needs: 'organization:write',
      limit: 'write',
      tags,
      summary: 'Change a party that owns books',
      request: { params: IdParam, body: jsonBody(UpdateLegalEntity) },
      responses: { 200: jsonReply('As it is now', LegalEntity), ...problems('not-found', 'stale-version') },
    }),
    async (c) =>
      c.json(encode(c, LegalEntity, await service.updateLegalEntity(c.get('ctx'), c.req.valid('param').id, c.req.valid('json'))), 200),
  )
  .openapi(
    createRoute({
      method: 'get',
      path: '/locations',
      needs: 'organization:read',
      limit: 'read',
      tags,
      summary: 'Locations',
      request: { query: PageQuery },
      responses: { 200: jsonReply('A page', pageOf(Location)), ...problems('not-found') },
    }),
    async (c) => c.json(encode(c, pageOf(Location), await service.listLocations(c.get('ctx'), c.req.valid('query'))), 200),
  )
  .openapi(
    createRoute({
      method: 'post',
      path: '/locations',
      needs: 'organization:write',
      limit: 'write',
      tags,
      summary: 'Open a location',
      request: { headers: RepeatableHeader, body: jsonBody(CreateLocation) },
      responses: { 201: jsonReply('Opened', Location), ...problems('not-found', 'idempotency-key-reused') },
    }),
    async (c) => c.json(encode(c, Location, await service.createLocation(repeatable(c, c.req.valid('json')), c.req.valid('json'))), 201),
  )
  .openapi(
    createRoute({
      method: 'get',
      path: '/locations/{id}',
      needs: 'organization:read',
      limit: 'read',
      tags,
      summary: 'A location',
      request: { params: IdParam },
      responses: { 200: jsonReply('It', Location), ...problems('not-found') },
    }),
    async (c) => c.json(encode(c, Location, await service.getLocation(c.get('ctx'), c.req.valid('param').id)), 200),
  )
  .openapi(
    createRoute({
      method: 'patch',
      path: '/locations/{id}',
      needs: 'organization:write',
      limit: 'write',
      tags,
      summary: 'Change a location',
      request: { params: IdParam, body: jsonBody(UpdateLocation) },
      responses: { 200: jsonReply('As it is now', Location), ...problems('not-found', 'stale-version') },
    }),
    async (c) => c.json(encode(c, Location, await service.updateLocation(c.get('ctx'), c.req.valid('param').id, c.req.valid('json'))), 200),
  )
  .openapi(
    createRoute({
      method: 'get',
      path: '/staff',
      needs: 'staff:read',
      limit: 'read',
      tags,
      summary: 'Staff',
      request: { query: PageQuery },
      responses: { 200: jsonReply('A page', pageOf(Staff)), ...problems('not-found') },
    }),
    async (c) => c.json(encode(c, pageOf(Staff), await service.listStaff(c.get('ctx'), c.req.valid('query'))), 200),
  )
  .openapi(
    createRoute({
      method: 'post',
      path: '/staff',
      needs: 'staff:write',
      limit: 'write',
      tags,
      summary: 'Add a staff member',
      request: { headers: RepeatableHeader, body: jsonBody(CreateStaff) },
      responses: { 201: jsonReply('Added', Staff), ...problems('already-exists', 'idempotency-key-reused') },
    }),
    async (c) => c.json(encode(c, Staff, await service.createStaff(repeatable(c, c.req.valid('json')), c.req.valid('json'))), 201),
  )
  .openapi(
    createRoute({
      method: 'get',
      path: '/staff/{id}',
      needs: 'staff:read',
      limit: 'read',
      tags,
      summary: 'A staff member',
      request: { params: IdParam },
      responses: { 200: jsonReply('It', Staff), ...problems('not-found') },
    }),
    async (c) => c.json(encode(c, Staff, await service.getStaff(c.get('ctx'), c.req.valid('param').id)), 200),
  )
  .openapi(
    createRoute({
      method: 'patch',
      path: '/staff/{id}',
      needs: 'staff:write',
      limit: 'write',
      tags,
      summary: 'Change a staff member; another address takes as much as they may do, and a fresh proof where they sign in',
      request: { params: IdParam, body: jsonBody(UpdateStaff) },
      responses: {
        200: jsonReply('As it is now', Staff),
        ...problems('not-found', 'stale-version', 'already-exists', 'step-up-required', 'beyond-own-access'),
      },
    }),
    async (c) => c.json(encode(c, Staff, await service.updateStaff(c.get('ctx'), c.req.valid('param').id, c.req.valid('json'))), 200),
  )
  .openapi(
    createRoute({
      method: 'get',
      path: '/providers',
      needs: 'staff:read',
      limit: 'read',
      tags,
      summary: 'Providers',
      request: { query: PageQuery },
      responses: { 200: jsonReply('A page', pageOf(Provider)), ...problems('not-found') },
    }),
    async (c) => c.json(encode(c, pageOf(Provider), await service.listProviders(c.get('ctx'), c.req.valid('query'))), 200),
  )
  .openapi(
    createRoute({
      method: 'post',
      path: '/providers',
      needs: 'provider:write',
      limit: 'write',
      tags,
      summary: 'Make a staff member bookable',
      request: { headers: RepeatableHeader, body: jsonBody(CreateProvider) },
      responses: {
        201: jsonReply('Added', Provider),
        ...problems('not-found', 'staff-inactive', 'already-exists', 'idempotency-key-reused'),
      },
    }),
    async (c) => c.json(encode(c, Provider, await service.createProvider(repeatable(c, c.req.valid('json')), c.req.valid('json'))), 201),
  )
  .openapi(
    createRoute({
      method: 'get',
      path: '/providers/{id}',
      needs: 'staff:read',
      limit: 'read',
      tags,
      summary: 'A provider',
      request: { params: IdParam },
      responses: { 200: jsonReply('It', Provider), ...problems('not-found') },
    }),
    async (c) => c.json(encode(c, Provider, await service.getProvider(c.get('ctx'), c.req.valid('param').id)), 200),
  )
  .openapi(
    createRoute({
      method: 'patch',
      path: '/providers/{id}',
      needs: 'provider:write',
      limit: 'write',
      tags,
      summary: 'Change a provider',
      request: { params: IdParam, body: jsonBody(UpdateProvider) },
      responses: { 200: jsonReply('As it is now', Provider), ...problems('not-found', 'staff-inactive', 'stale-version') },
    }),
    async (c) => c.json(encode(c, Provider, await service.updateProvider(c.get('ctx'), c.req.valid('param').id, c.req.valid('json'))), 200),
  );
