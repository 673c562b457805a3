import {
  ChoosePin,
  CreateDevice,
  Device,
  DeviceLocked,
  DeviceUnlocked,
  EnrolDevice,
  NewDevice,
  OwnDevice,
  PageQuery,
  pageOf,
  PinChosen,
  UnlockDevice,
} from '@medspa/contracts';
import { createRoute, encode, IdParam, jsonBody, jsonReply, problems, router } from '../../../platform/http.ts';
import { deviceCookie, endedSessionCookie, readSessionCookie, sessionCookie } from '../../../platform/session-cookie.ts';
import * as devices from '../service/devices.ts';
import { endSessionOf } from '../service/session.ts';
import * as shared from '../service/shared-device.ts';

const tags = ['Devices'];

export const deviceRoutes = router()
  .openapi(
    createRoute({
      method: 'get',
      path: '/devices',
      needs: 'device:read',
      limit: 'read',
      tags,
      summary: 'Kiosks and shared devices',
      request: { query: PageQuery },
      responses: { 200: jsonReply('A page', pageOf(Device)), ...problems('not-found') },
    }),
    async (c) => c.json(encode(c, pageOf(Device), await devices.listDevices(c.get('ctx'), c.req.valid('query'))), 200),
  )
  .openapi(
    createRoute({
      method: 'post',
      path: '/devices',
      needs: 'device:write',
      limit: 'write',
      tags,
      summary: 'Make a device, and the code to type on it within ten minutes',
      request: { body: jsonBody(CreateDevice) },
      responses: { 201: jsonReply('Its code, shown this once', NewDevice), ...problems('not-found') },
    }),
    async (c) => c.json(encode(c, NewDevice, await devices.createDevice(c.get('ctx'), c.req.valid('json'))), 201),
  )
  .openapi(
    createRoute({
      method: 'delete',
      path: '/devices/{id}',
      needs: 'device:write',
      limit: 'write',
      tags,
      summary: 'End a device for good',
      request: { params: IdParam },
      responses: { 200: jsonReply('As it is now', Device), ...problems('not-found') },
    }),
    async (c) => c.json(encode(c, Device, await devices.revokeDevice(c.get('ctx'), c.req.valid('param').id)), 200),
  )
  .openapi(
    createRoute({
      method: 'post',
      path: '/device',
      needs: 'account:sign-in',
      limit: 'sign-in',
      tags,
      summary: 'Enrol the device that asks, with the code that was made for it',
      description: 'Whoever is signed in there is signed out: from now on the browser is no person’s.',
      request: { body: jsonBody(EnrolDevice) },
      responses: { 201: jsonReply('Enrolled; the cookie is its key', OwnDevice), ...problems('enrolment-refused', 'not-found') },
    }),
    async (c) => {
      const { cookie, device } = await devices.enrolDevice(c.get('ctx'), c.req.valid('json').code);
      const session = readSessionCookie(c.req.raw.headers);
      c.header('set-cookie', deviceCookie(cookie));
      if (session) {
        await endSessionOf(c.get('ctx'), session);
        c.header('set-cookie', endedSessionCookie(), { append: true });
      }
      return c.json(encode(c, OwnDevice, device), 201);
    },
  )
  .openapi(
    createRoute({
      method: 'get',
      path: '/device',
      needs: 'device:use',
      limit: 'read',
      tags,
      summary: 'The device that asks, and who may come back to it',
      responses: { 200: jsonReply('It', OwnDevice), ...problems('not-found') },
    }),
    async (c) => c.json(encode(c, OwnDevice, await devices.getOwnDevice(c.get('ctx'))), 200),
  )
  .openapi(
    createRoute({
      method: 'post',
      path: '/device/lock',
      needs: 'account:write',
      limit: 'write',
      tags,
      summary: 'Leave a shared device without signing out',
      responses: { 200: jsonReply('Locked; the PIN goes on', DeviceLocked), ...problems('not-a-shared-device') },
    }),
    async (c) => {
      const locked = await shared.lockDevice(c.get('ctx'));
      c.header('set-cookie', endedSessionCookie());
      return c.json(encode(c, DeviceLocked, locked), 200);
    },
  )
  .openapi(
    createRoute({
      method: 'post',
      path: '/device/unlock',
      needs: 'device:use',
      limit: 'sign-in',
      tags,
      summary: 'Come back to a shared device with one’s PIN, or take it back from a patient',
      request: { body: jsonBody(UnlockDevice) },
      responses: {
        200: jsonReply('The cookie is the session again', DeviceUnlocked),
        ...problems('wrong-pin', 'full-sign-in-required'),
      },
    }),
    async (c) => {
      const { cookie, unlocked } = await shared.unlockDevice(c.get('ctx'), c.req.valid('json'));
      c.header('set-cookie', sessionCookie(cookie));
      return c.json(encode(c, DeviceUnlocked, unlocked), 200);
    },
  )
  .openapi(
    createRoute({
      method: 'put',
      path: '/session/pin',
      needs: 'account:secure',
      limit: 'write',
      tags,
      summary: 'Choose the PIN with which one comes back to shared devices',
      request: { body: jsonBody(ChoosePin) },
      responses: { 200: jsonReply('Chosen', PinChosen), ...problems('pin-too-common') },
    }),
    async (c) => c.json(encode(c, PinChosen, await shared.choosePin(c.get('ctx'), c.req.valid('json').pin)), 200),
  );
