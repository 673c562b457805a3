import { EmergencyAccess, EmergencyAccessQuery, OpenEmergencyAccess, pageOf, ReviewEmergencyAccess } from '@medspa/contracts';
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
import * as emergency from '../service/emergency.ts';

const tags = ['Emergencies'];

export const emergencyRoutes = router()
  .openapi(
    createRoute({
      method: 'post',
      path: '/emergency-accesses',
      needs: 'break-glass:use',
      limit: 'write',
      tags,
      summary: "Open one patient's record in an emergency",
      description:
        'For an hour, whatever is read with the header `emergency-access` and the id of the answer is read under it: the patient and their ' +
        'visits, at every location, and nobody else. Each read is recorded with that id, and whoever reviews is told at once. Whoever ' +
        'has it open already gets the same one.',
      request: { headers: RepeatableHeader, body: jsonBody(OpenEmergencyAccess) },
      responses: {
        201: jsonReply('Open', EmergencyAccess),
        ...problems('not-found', 'overlaps', 'idempotency-key-reused'),
      },
    }),
    async (c) =>
      c.json(encode(c, EmergencyAccess, await emergency.openEmergencyAccess(repeatable(c, c.req.valid('json')), c.req.valid('json'))), 201),
  )
  .openapi(
    createRoute({
      method: 'get',
      path: '/emergency-accesses',
      needs: 'break-glass:review',
      limit: 'read',
      tags,
      summary: 'Emergency accesses to review, and those that were',
      request: { query: EmergencyAccessQuery },
      responses: { 200: jsonReply('A page, the one that waits longest first', pageOf(EmergencyAccess)), ...problems('not-found') },
    }),
    async (c) => c.json(encode(c, pageOf(EmergencyAccess), await emergency.listEmergencyAccesses(c.get('ctx'), c.req.valid('query'))), 200),
  )
  .openapi(
    createRoute({
      method: 'post',
      path: '/emergency-accesses/{id}/review',
      needs: 'break-glass:review',
      limit: 'write',
      tags,
      summary: 'Say what was found about an emergency access',
      description: 'By somebody else than who read, once. What was read stands in `GET /patients/{id}/accesses`.',
      request: { params: IdParam, headers: RepeatableHeader, body: jsonBody(ReviewEmergencyAccess) },
      responses: { 200: jsonReply('As it is now', EmergencyAccess), ...problems('not-found', 'wrong-status', 'idempotency-key-reused') },
    }),
    async (c) =>
      c.json(
        encode(
          c,
          EmergencyAccess,
          await emergency.reviewEmergencyAccess(repeatable(c, c.req.valid('json')), c.req.valid('param').id, c.req.valid('json')),
        ),
        200,
      ),
  );
