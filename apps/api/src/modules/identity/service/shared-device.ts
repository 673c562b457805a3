import { DeviceLocked, DeviceUnlocked, PinChosen, type UnlockDevice } from '@medspa/contracts';
import type { Tx } from '@medspa/database';
import { demand, type Ctx } from '../../../platform/context.ts';
import { call, mutate } from '../../../platform/doors.ts';
import { hashPassword, isPasswordOf } from '../../../platform/passwords.ts';
import { Problem, problemAt } from '../../../platform/problem.ts';
import type { DeviceCookie, SessionCookie } from '../../../platform/session-cookie.ts';
import { hashOf, newToken } from '../../../platform/tokens.ts';
import * as queries from '../queries/devices.ts';
import { isCommonPin, SHARED_SESSION, STAFF_SESSION } from '../rules.ts';
import { forStaff } from './devices.ts';

/** A PIN is no proof that something with step-up could rest on: whoever came back with one has proved nothing yet. */
const NEVER = new Date(0);

/** The PIN as it is hashed: keyed, since of a million it would be tried out in a day by whoever had the hash alone. */
function keyedPin({ codec, organizationId }: Pick<Ctx, 'codec' | 'organizationId'>, pin: string): string {
  return Buffer.from(codec.keyedHash({ organizationId, table: 'staff_pin', column: 'pin_hash' }, pin)).toString('base64');
}

/** Chooses the PIN with which the person comes back to shared devices. Throws `pin-too-common`. */
export async function choosePin(ctx: Ctx, pin: string) {
  demand(ctx, 'account:secure');
  if (isCommonPin(pin)) throw problemAt('pin-too-common', '/pin');
  const [pinHash, setAt] = [await hashPassword(keyedPin(ctx, pin)), ctx.now()];
  return mutate(ctx, { needs: 'account:secure', action: 'account.pin', reply: PinChosen }, async (tx) => {
    await queries.upsertPin(tx, ctx.organizationId, ctx.actor.id, pinHash, setAt);
    return { setAt };
  });
}

/**
 * How a session begins in this browser: on a shared device whoever was signed in there before is locked, and the pause after which this
 * one is locked is shorter. Inside the caller's transaction.
 */
export async function beginOnDevice(tx: Tx, organizationId: string, staffId: string, cookie: DeviceCookie | null) {
  const isHere = cookie !== null && cookie.organizationId === organizationId;
  const device = isHere ? await queries.findSharedDevice(tx, organizationId, hashOf(cookie.token)) : null;
  if (!device) return { ...STAFF_SESSION, deviceId: null };
  await queries.lockDevice(tx, device.id);
  await queries.deleteSessionsOfDevice(tx, organizationId, device.id, staffId);
  return { ...SHARED_SESSION, deviceId: device.id };
}

/**
 * Locks the shared device on which the session of the request was begun, and returns it. Inside the caller's transaction. Throws
 * `not-a-shared-device`.
 */
export async function lockOwnDevice({ organizationId, signIn }: Ctx, tx: Tx): Promise<{ id: string; locationId: string }> {
  const device = signIn ? await queries.findDeviceOfSession(tx, organizationId, signIn.sessionId) : null;
  if (!device) throw new Problem('not-a-shared-device');
  await queries.lockDevice(tx, device.id);
  return device;
}

/** Leaves the device without signing out: the person's PIN goes on. Throws `not-a-shared-device`. */
export function lockDevice(ctx: Ctx) {
  return mutate(ctx, { needs: 'account:write', action: 'device.lock', reply: DeviceLocked }, async (tx) => {
    await lockOwnDevice(ctx, tx);
    return { isLocked: true as const };
  });
}

/**
 * Lets somebody back in by their PIN who signed in fully on this device: with a new token, and without a proof that counts. Also
 * takes the device back from a patient. Throws `wrong-pin`, `full-sign-in-required`. Each try counts as wrong until it is settled, so
 * that many at once are no more than one after the other.
 */
export async function unlockDevice(
  given: Ctx,
  { staffId, pin }: UnlockDevice,
): Promise<{ cookie: SessionCookie; unlocked: { staffId: string } }> {
  const ctx = forStaff(given);
  const { organizationId, actor } = ctx;
  const verb = { needs: 'device:use', action: 'device.unlock' } as const;
  const { begun } = await call(ctx, verb, (session) => queries.beginUnlockVerb(session, staffId));
  if (!begun) throw new Problem('full-sign-in-required');
  if (!(await isPasswordOf(begun.pinHash, keyedPin(ctx, pin)))) throw new Problem('wrong-pin');
  const token = newToken();
  const unlocked = await mutate(ctx, { ...verb, reply: DeviceUnlocked }, async (tx) => {
    await queries.lockDevice(tx, actor.id);
    const renewed = { tokenHash: hashOf(token), steppedUpAt: NEVER, seenAt: ctx.now() };
    if (!(await queries.unlockSession(tx, organizationId, begun.sessionId, renewed))) throw new Problem('full-sign-in-required');
    return { staffId };
  });
  return { cookie: { organizationId, token }, unlocked };
}
