import { randomBytes } from 'node:crypto';
import { v7 as newId } from 'uuid';
import { Device, DEVICE_POLICY, grant, NewDevice, union, type CreateDevice, type OwnDevice, type PageQuery } from '@medspa/contracts';
import { ANYBODY, type Actor, type Ctx } from '../../../platform/context.ts';
import { call, mutate, view } from '../../../platform/doors.ts';
import type { FindActor } from '../../../platform/edge.ts';
import { Problem, problemAt } from '../../../platform/problem.ts';
import { readDeviceCookie, type DeviceCookie } from '../../../platform/session-cookie.ts';
import { hashOf, newToken } from '../../../platform/tokens.ts';
import { toBase32 } from '../../../platform/totp.ts';
import { existing, pageAfter } from '../../../platform/versioned.ts';
import { findLocation } from '../queries.ts';
import * as queries from '../queries/devices.ts';
import { ENROLMENT_MINUTES, groupedCode, plainCode } from '../rules.ts';
import type { SignInParts } from './session.ts';

/** A device by itself: what its kind may do at its location. It sees no patient but the one in whose hands it is. */
function actorOf({ id, kind, locationId, patientId }: queries.FoundDevice): Actor {
  const places = [locationId];
  const own = grant(DEVICE_POLICY[kind], places);
  if (!patientId) return { kind, id, grants: own, patients: [] };
  return { kind, id, grants: union([own, grant(DEVICE_POLICY['check-in'], places)]), patients: [patientId] };
}

/** Says which device a request comes from; null when it says none, or one that was revoked. Asked for each request, like a session. */
export function findDevice(parts: SignInParts): FindActor {
  return async (headers) => {
    const cookie = readDeviceCookie(headers);
    if (!cookie) return null;
    const { organizationId } = cookie;
    const ctx = { ...parts, organizationId, actor: ANYBODY, requestId: 'device' };
    const { found } = await call(ctx, { needs: 'account:sign-in', action: 'device.find' }, (session) =>
      queries.findDeviceVerb(session, hashOf(cookie.token)),
    );
    return found && { organizationId, actor: actorOf(found) };
  };
}

/** Makes a device at a location, and the code that it is enrolled with. Throws `not-found` for the location. */
export function createDevice(ctx: Ctx, input: CreateDevice) {
  const { organizationId, actor } = ctx;
  const [id, code, createdAt] = [newId(), toBase32(randomBytes(10)), ctx.now()];
  const codeExpiresAt = new Date(createdAt.getTime() + ENROLMENT_MINUTES * 60_000);
  return mutate(ctx, { needs: 'device:write', action: 'device.create', reply: NewDevice }, async (tx) => {
    if (!(await findLocation(tx, organizationId, input.locationId))) throw problemAt('not-found', '/locationId');
    const row = { ...input, id, codeHash: hashOf(code), codeExpiresAt, createdBy: actor.id, createdAt };
    return { ...(await queries.insertDevice(tx, organizationId, row)), code: groupedCode(code, 4), codeExpiresAt };
  });
}

export function listDevices(ctx: Ctx, page: PageQuery) {
  return view(ctx, { needs: 'device:read', action: 'device.list' }, async (tx) =>
    pageAfter(page, await queries.listDevices(tx, ctx.organizationId, page), (id) => queries.findDevice(tx, ctx.organizationId, id)),
  );
}

/** Ends a device for good, whoever is signed in on it, and what a patient has open there. Throws `not-found`; twice is once. */
export function revokeDevice(ctx: Ctx, id: string) {
  const { organizationId } = ctx;
  return mutate(ctx, { needs: 'device:write', action: 'device.revoke', reply: Device }, async (tx) => {
    if (await queries.revokeDevice(tx, organizationId, id, ctx.now())) {
      await queries.lockDevice(tx, id);
      await queries.deleteSessionsOfDevice(tx, organizationId, id);
    }
    return existing(await queries.findDevice(tx, organizationId, id));
  });
}

/** Uses up a code and gives the device its key. Throws `enrolment-refused`; of two at once one gets it. */
export async function enrolDevice(ctx: Ctx, code: string): Promise<{ cookie: DeviceCookie; device: OwnDevice }> {
  const token = newToken();
  const { enrolled } = await call(ctx, { needs: 'account:sign-in', action: 'device.enrol' }, (session) =>
    queries.enrolDeviceVerb(session, hashOf(plainCode(code)), hashOf(token)),
  );
  if (!enrolled) throw new Problem('enrolment-refused');
  const { organizationId } = enrolled;
  return { cookie: { organizationId, token }, device: await getOwnDevice({ ...ctx, organizationId, actor: actorOf(enrolled) }) };
}

/** The device that asks, and who may come back to it. Throws `not-found` for whoever is none. */
export function getOwnDevice(ctx: Ctx): Promise<OwnDevice> {
  const { organizationId, actor } = ctx;
  return view(forStaff(ctx), { needs: 'device:use', action: 'device.read' }, async (tx) => {
    const { location, ...device } = existing(await queries.findOwnDevice(tx, organizationId, actor.id));
    const people = await queries.listReturning(tx, organizationId, actor.id, ctx.now());
    return { ...device, locationName: location.name, people, isWithPatient: (actor.patients ?? []).length > 0 };
  });
}

/** What a device does for staff is not confined to the patient in whose hands it is. */
export function forStaff(ctx: Ctx): Ctx {
  const { patients: _, ...actor } = ctx.actor;
  return { ...ctx, actor };
}
