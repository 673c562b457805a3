import {
  AccessQuery,
  AddRelation,
  CreatePatient,
  Id,
  ImportPatients,
  ImportReport,
  PageQuery,
  pageOf,
  Patient,
  PatientAccesses,
  PatientSummary,
  SearchPatients,
  UpdatePatient,
} from '@medspa/contracts';
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
  sqlJson,
} from '../../platform/http.ts';
import * as service from './service.ts';

const tags = ['Patients'];

export const patientRoutes = router()
  .openapi(
    createRoute({
      method: 'get',
      path: '/patients',
      needs: 'patient:read',
      limit: 'search',
      tags,
      summary: 'Patients by name',
      request: { query: PageQuery },
      responses: { 200: jsonReply('A page', pageOf(PatientSummary)), ...problems('not-found') },
    }),
    async (c) => c.json(encode(c, pageOf(PatientSummary), await service.listPatients(c.get('ctx'), c.req.valid('query'))), 200),
  )
  .openapi(
    createRoute({
      method: 'post',
      path: '/patients/search',
      needs: 'patient:read',
      limit: 'search',
      tags,
      summary: 'Find patients',
      description: 'A POST, so that what is searched for stands in no address and no log.',
      request: { body: jsonBody(SearchPatients) },
      responses: { 200: jsonReply('A page', pageOf(PatientSummary)), ...problems('not-found') },
    }),
    async (c) => c.json(encode(c, pageOf(PatientSummary), await service.searchPatients(c.get('ctx'), c.req.valid('json'))), 200),
  )
  .openapi(
    createRoute({
      method: 'post',
      path: '/patients',
      needs: 'patient:write',
      limit: 'write',
      tags,
      summary: 'Add a patient',
      request: { headers: RepeatableHeader, body: jsonBody(CreatePatient) },
      responses: { 201: jsonReply('Added', Patient), ...problems('in-the-future', 'idempotency-key-reused') },
    }),
    async (c) => c.json(encode(c, Patient, await service.createPatient(repeatable(c, c.req.valid('json')), c.req.valid('json'))), 201),
  )
  .openapi(
    createRoute({
      method: 'post',
      path: '/patients/import',
      needs: 'patient:import',
      limit: 'bulk',
      tags,
      summary: 'Import patients of another system',
      description:
        'Up to 1,000 at once, all or none; a `sourceId` that was imported before is left as it is, so an import can be sent again.',
      request: { headers: RepeatableHeader, body: jsonBody(ImportPatients) },
      responses: {
        200: jsonReply('What was done', ImportReport),
        ...problems('in-the-future', 'rule-violated', 'idempotency-key-reused'),
      },
    }),
    async (c) =>
      c.json(encode(c, ImportReport, await service.importPatients(repeatable(c, c.req.valid('json')), c.req.valid('json'))), 200),
  )
  .openapi(
    createRoute({
      method: 'get',
      path: '/patients/{id}',
      needs: 'patient:read',
      limit: 'read',
      tags,
      summary: 'A patient',
      request: { params: IdParam },
      responses: { 200: jsonReply('The patient', Patient), ...problems('not-found') },
    }),
    async (c) => c.json(encode(c, Patient, await service.getPatient(c.get('ctx'), c.req.valid('param').id)), 200),
  )
  .openapi(
    createRoute({
      method: 'get',
      path: '/patients/{id}/accesses',
      needs: 'audit:read',
      limit: 'read',
      tags,
      summary: 'Who looked at a patient',
      description:
        'The latest first: every request that was answered with something of the patient, whoever asked. This one will be among them.',
      request: { params: IdParam, query: AccessQuery },
      responses: { 200: jsonReply('A page', PatientAccesses), ...problems('not-found') },
    }),
    async (c) => sqlJson(c, PatientAccesses, await service.listAccesses(c.get('ctx'), c.req.valid('param').id, c.req.valid('query'))),
  )
  .openapi(
    createRoute({
      method: 'patch',
      path: '/patients/{id}',
      needs: 'patient:write',
      limit: 'write',
      tags,
      summary: 'Change a patient',
      request: { params: IdParam, body: jsonBody(UpdatePatient) },
      responses: { 200: jsonReply('As it is now', Patient), ...problems('not-found', 'stale-version', 'in-the-future', 'rule-violated') },
    }),
    async (c) => c.json(encode(c, Patient, await service.updatePatient(c.get('ctx'), c.req.valid('param').id, c.req.valid('json'))), 200),
  )
  .openapi(
    createRoute({
      method: 'post',
      path: '/patients/{id}/relations',
      needs: 'patient:write',
      limit: 'write',
      tags,
      summary: 'Say what somebody is to the patient',
      request: { params: IdParam, headers: RepeatableHeader, body: jsonBody(AddRelation) },
      responses: {
        201: jsonReply('The patient as it is now', Patient),
        ...problems('not-found', 'already-exists', 'rule-violated', 'idempotency-key-reused'),
      },
    }),
    async (c) =>
      c.json(
        encode(c, Patient, await service.addRelation(repeatable(c, c.req.valid('json')), c.req.valid('param').id, c.req.valid('json'))),
        201,
      ),
  )
  .openapi(
    createRoute({
      method: 'delete',
      path: '/patients/{id}/relations/{relatedId}',
      needs: 'patient:write',
      limit: 'write',
      tags,
      summary: 'Take a relation back',
      request: { params: IdParam.extend({ relatedId: Id }) },
      responses: { 200: jsonReply('The patient as it is now', Patient), ...problems('not-found') },
    }),
    async (c) =>
      c.json(encode(c, Patient, await service.removeRelations(c.get('ctx'), c.req.valid('param').id, c.req.valid('param').relatedId)), 200),
  );
