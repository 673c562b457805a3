import type {
  AvailabilityQuery,
  CreateRoom,
  CreateShiftRotation,
  EndShiftRotation,
  PageQuery,
  ShiftRotationQuery,
  UpdateRoom,
} from '@medspa/contracts';
import { EndedShiftRotation, MAX_AVAILABILITY_DAYS, plainDate, Room, ShiftRotation } from '@medspa/contracts';
import type { Tx } from '@medspa/database';
import { v7 as newId } from 'uuid';
import type { Ctx } from '../../../platform/context.ts';
import { call, mutate, view } from '../../../platform/doors.ts';
import { Problem, problemAt } from '../../../platform/problem.ts';
import { changed, existing, pageAfter } from '../../../platform/versioned.ts';
import { getLocationZone, hasProvider } from '../../identity/index.ts';
import * as queries from '../queries.ts';
import { dayAfter, localDateOf, mondayOf } from '../rules.ts';

/** Open starts of a service at a location, per provider. Throws `not-found` for whatever is named, `invalid-request` for dates in the wrong order or too many. None is an answer, not a problem. */
export async function findAvailability(ctx: Ctx, { from, to, ...query }: AvailabilityQuery) {
  const { result } = await call(ctx, { needs: 'schedule:read', action: 'availability.find' }, (session) =>
    queries.availabilityVerb(session, {
      ...query,
      from: from ?? null,
      until: to === undefined ? null : dayAfter(to),
      providerId: query.providerId ?? null,
      patientId: query.patientId ?? null,
    }),
  );
  if (result.outcome === 'not-found') throw problemAt('not-found', result.pointer, 'query');
  if (result.outcome === 'not-a-window') {
    const detail = `Before the first day, or more than ${MAX_AVAILABILITY_DAYS} days with it.`;
    throw new Problem('invalid-request', { errors: [{ in: 'query', pointer: 'to', detail }] });
  }
  const starts = (minutes: number[]) => minutes.map((minute) => new Date(minute * 60_000).toISOString());
  const { timeZone, from: first, to: last, providers } = result;
  return {
    timeZone,
    from: first,
    to: last,
    providers: providers.map((provider) => ({ providerId: provider.providerId, starts: starts(provider.starts) })),
  };
}

export function listRooms(ctx: Ctx, page: PageQuery) {
  return view(ctx, { needs: 'schedule:read', action: 'room.list' }, async (tx) =>
    pageAfter(page, await queries.listRooms(tx, ctx.organizationId, page), (id) => queries.findRoom(tx, ctx.organizationId, id)),
  );
}

/** Throws `not-found` for location or room type, `already-exists` for the name at that location. */
export function createRoom(ctx: Ctx, input: CreateRoom) {
  return mutate(ctx, { needs: 'schedule:write', action: 'room.create', reply: Room }, async (tx) => {
    if (!(await getLocationZone(tx, ctx.organizationId, input.locationId))) throw problemAt('not-found', '/locationId');
    return queries.insertRoom(tx, ctx.organizationId, input);
  });
}

/** Throws `not-found`, `stale-version`, or `already-exists`. An inactive room takes no bookings; those it has stay. */
export function updateRoom(ctx: Ctx, id: string, input: UpdateRoom) {
  return mutate(ctx, { needs: 'schedule:write', action: 'room.update', reply: Room }, async (tx) =>
    changed(await queries.updateRoom(tx, ctx.organizationId, id, input), () => queries.findRoom(tx, ctx.organizationId, id)),
  );
}

/** Throws `not-found` for the provider or the location that is asked for. */
export function listShiftRotations(ctx: Ctx, query: ShiftRotationQuery) {
  return view(ctx, { needs: 'schedule:read', action: 'shift-rotation.list' }, async (tx) => {
    const { organizationId } = ctx;
    const { providerId, locationId } = query;
    if (providerId !== undefined && !(await hasProvider(tx, organizationId, providerId)))
      throw problemAt('not-found', 'providerId', 'query');
    if (locationId !== undefined && !(await getLocationZone(tx, organizationId, locationId)))
      throw problemAt('not-found', 'locationId', 'query');
    const { items, nextCursor } = await pageAfter(query, await queries.listRotations(tx, organizationId, query), (id) =>
      queries.findRotation(tx, organizationId, id),
    );
    return { items: await withShifts(ctx, tx, items), nextCursor };
  });
}

/**
 * Gives a provider repeating weeks at a location from today or later. Throws `not-found` for either, `in-the-past`, `overlaps`
 * when they have some there in that time or shifts overlap.
 */
export function createShiftRotation(ctx: Ctx, input: CreateShiftRotation) {
  const id = newId();
  return mutate(ctx, { needs: 'schedule:write', action: 'shift-rotation.create', reply: ShiftRotation }, async (tx) => {
    const timeZone = await getLocationZone(tx, ctx.organizationId, input.locationId);
    if (timeZone === null) throw problemAt('not-found', '/locationId');
    if (input.effectiveFrom < localDateOf(ctx.now(), timeZone)) throw problemAt('in-the-past', '/effectiveFrom');
    await queries.insertRotation(tx, ctx.organizationId, id, input.anchorDate ?? mondayOf(input.effectiveFrom), input);
    await queries.insertShifts(
      tx,
      ctx.organizationId,
      id,
      input.weeks,
      input.shifts.map((shift) => ({ id: newId(), ...shift })),
    );
    return readRotation(ctx, tx, id);
  });
}

/**
 * Sets the date on which repeating weeks end, as long as neither that date nor the one that was set before is over: past days
 * stay as they were (S6). Bookings stay too: those that no shift covers any more are in the answer. Throws `not-found`,
 * `stale-version`, `in-the-past`, `overlaps` with those that come after.
 */
export function endShiftRotation(ctx: Ctx, id: string, { effectiveUntil, version }: EndShiftRotation) {
  return mutate(ctx, { needs: 'schedule:write', action: 'shift-rotation.end', reply: EndedShiftRotation }, async (tx) => {
    const rotation = existing(await queries.findRotation(tx, ctx.organizationId, id));
    const timeZone = existing(await getLocationZone(tx, ctx.organizationId, rotation.locationId));
    const today = localDateOf(ctx.now(), timeZone);
    const endsAlready = plainDate(rotation.effectiveUntil);
    if (effectiveUntil < today || (endsAlready !== null && endsAlready < today)) throw problemAt('in-the-past', '/effectiveUntil');
    if (await queries.isFollowedBefore(tx, { ...rotation, organizationId: ctx.organizationId }, effectiveUntil))
      throw problemAt('overlaps', '/effectiveUntil');
    const count = await queries.endRotation(tx, ctx.organizationId, id, version, effectiveUntil);
    await changed(count === 1 ? [id] : [], () => queries.findRotation(tx, ctx.organizationId, id));
    const uncovered = await queries.findUncovered(tx, rotation.locationId, rotation.providerId, effectiveUntil);
    return { ...(await readRotation(ctx, tx, id)), ...uncovered };
  });
}

type RotationRow = NonNullable<Awaited<ReturnType<typeof queries.findRotation>>>;

async function readRotation(ctx: Ctx, tx: Tx, id: string) {
  const [rotation] = await withShifts(ctx, tx, [existing(await queries.findRotation(tx, ctx.organizationId, id))]);
  return existing(rotation ?? null);
}

async function withShifts(ctx: Ctx, tx: Tx, rotations: RotationRow[]) {
  const shifts = Map.groupBy(
    await queries.listShifts(
      tx,
      ctx.organizationId,
      rotations.map(({ id }) => id),
    ),
    (shift) => shift.rotationId,
  );
  return rotations.map((rotation) => ({
    ...rotation,
    anchorDate: plainDate(rotation.anchorDate),
    effectiveFrom: plainDate(rotation.effectiveFrom),
    effectiveUntil: plainDate(rotation.effectiveUntil),
    shifts: (shifts.get(rotation.id) ?? []).map(({ week, weekday, startsAt, endsAt }) => ({ week, weekday, startsAt, endsAt })),
  }));
}
