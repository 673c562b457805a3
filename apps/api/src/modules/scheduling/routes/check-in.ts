import { BeginCheckIn, CheckIn, CheckInEnded, HandOver } from '@medspa/contracts';
import { createRoute, encode, jsonBody, jsonReply, problems, router } from '../../../platform/http.ts';
import { endedSessionCookie } from '../../../platform/session-cookie.ts';
import * as service from '../service/check-in.ts';

const tags = ['Devices'];

export const checkInRoutes = router()
  .openapi(
    createRoute({
      method: 'post',
      path: '/kiosk/check-in',
      needs: 'kiosk:check-in',
      limit: 'sign-in',
      tags,
      summary: 'Find one’s visit of today at a kiosk, by name and birth date or phone',
      request: { body: jsonBody(BeginCheckIn) },
      responses: { 201: jsonReply('The kiosk is this patient’s for a while', CheckIn), ...problems('no-such-visit', 'too-many-tries') },
    }),
    async (c) => c.json(encode(c, CheckIn, await service.beginCheckIn(c.get('ctx'), c.req.valid('json'))), 201),
  )
  .openapi(
    createRoute({
      method: 'post',
      path: '/device/hand-over',
      needs: 'appointment:write',
      limit: 'write',
      tags,
      summary: 'Hand a shared device to the patient of a visit',
      request: { body: jsonBody(HandOver) },
      responses: { 201: jsonReply('It opens that visit and nothing else', CheckIn), ...problems('not-found', 'not-a-shared-device') },
    }),
    async (c) => {
      const open = await service.handOver(c.get('ctx'), c.req.valid('json').appointmentId);
      c.header('set-cookie', endedSessionCookie());
      return c.json(encode(c, CheckIn, open), 201);
    },
  )
  .openapi(
    createRoute({
      method: 'get',
      path: '/check-in',
      needs: 'check-in:read',
      limit: 'read',
      tags,
      summary: 'The visit of the patient in whose hands the device is',
      responses: { 200: jsonReply('It', CheckIn), ...problems('not-found') },
    }),
    async (c) => c.json(encode(c, CheckIn, await service.getCheckIn(c.get('ctx'))), 200),
  )
  .openapi(
    createRoute({
      method: 'post',
      path: '/check-in/arrival',
      needs: 'check-in:write',
      limit: 'write',
      tags,
      summary: 'Say that one has come; ends the check-in',
      responses: {
        201: jsonReply('The clinic knows', CheckInEnded),
        ...problems('not-found', 'stale-version', 'wrong-status', 'too-early'),
      },
    }),
    async (c) => c.json(encode(c, CheckInEnded, await service.arrive(c.get('ctx'))), 201),
  )
  .openapi(
    createRoute({
      method: 'delete',
      path: '/check-in',
      needs: 'check-in:write',
      limit: 'write',
      tags,
      summary: 'Go back to the beginning; ends the check-in',
      responses: { 200: jsonReply('Nothing is open any more', CheckInEnded), ...problems('not-found') },
    }),
    async (c) => c.json(encode(c, CheckInEnded, await service.endCheckIn(c.get('ctx'))), 200),
  );
