import {
  plainDate,
  RoomType,
  Service,
  type CreateRoomType,
  type CreateService,
  type PageQuery,
  type PlainDate,
  type ReviseTerms,
  type SetPrice,
  type UpdateRoomType,
  type UpdateService,
} from '@medspa/contracts';
import type { Tx } from '@medspa/database';
import type { Ctx } from '../../platform/context.ts';
import { call, mutate, view } from '../../platform/doors.ts';
import { Problem, problemAt } from '../../platform/problem.ts';
import { changed, existing, pageAfter } from '../../platform/versioned.ts';
import { getLegalEntityCurrency, hasProvider } from '../identity/index.ts';
import * as queries from './queries.ts';
import { earliestToday } from './rules.ts';

export function listRoomTypes(ctx: Ctx, page: PageQuery) {
  return view(ctx, { needs: 'catalog:read', action: 'room-type.list' }, async (tx) =>
    pageAfter(page, await queries.listRoomTypes(tx, ctx.organizationId, page), (id) => queries.findRoomType(tx, ctx.organizationId, id)),
  );
}

/** Throws `already-exists` for the name. */
export function createRoomType(ctx: Ctx, input: CreateRoomType) {
  return mutate(ctx, { needs: 'catalog:write', action: 'room-type.create', reply: RoomType }, (tx) =>
    queries.insertRoomType(tx, ctx.organizationId, input),
  );
}

/** Throws `not-found`, `stale-version`, or `already-exists` for the name. */
export function updateRoomType(ctx: Ctx, id: string, input: UpdateRoomType) {
  return mutate(ctx, { needs: 'catalog:write', action: 'room-type.update', reply: RoomType }, async (tx) =>
    changed(await queries.updateRoomType(tx, ctx.organizationId, id, input), () => queries.findRoomType(tx, ctx.organizationId, id)),
  );
}

/** Services with the terms and prices that hold today or later. Throws `not-found` for the cursor. */
export async function listServices(ctx: Ctx, page: PageQuery) {
  const verb = { needs: 'catalog:read', action: 'service.list' } as const;
  const { services } = await call(ctx, verb, (session) => queries.servicesVerb(session, page, earliestToday(ctx.now())));
  if (services === null) throw problemAt('not-found', 'cursor', 'query');
  return queries.pageOfServices(services, page);
}

/** A service with all terms and prices it ever had. Throws `not-found`. */
export function getService(ctx: Ctx, id: string) {
  return view(ctx, { needs: 'catalog:read', action: 'service.read' }, (tx) => readService(ctx, tx, id));
}

/** Adds a service with its first terms. Throws `already-exists` for the name, `not-found` for the room type. */
export function createService(ctx: Ctx, input: CreateService) {
  return mutate(ctx, { needs: 'catalog:write', action: 'service.create', reply: Service }, async (tx) => {
    const { roomTypeId } = input.terms;
    if (roomTypeId !== null && !(await queries.findRoomType(tx, ctx.organizationId, roomTypeId)))
      throw problemAt('not-found', '/terms/roomTypeId');
    return readService(ctx, tx, await queries.insertService(tx, ctx.organizationId, input));
  });
}

/** Throws `not-found`, `stale-version`, or `already-exists` for the name. An inactive service takes no bookings. */
export function updateService(ctx: Ctx, id: string, input: UpdateService) {
  return mutate(ctx, { needs: 'catalog:write', action: 'service.update', reply: Service }, async (tx) => {
    const count = await queries.updateService(tx, ctx.organizationId, id, input);
    await changed(count === 1 ? [id] : [], () => queries.findService(tx, ctx.organizationId, id));
    return readService(ctx, tx, id);
  });
}

/**
 * Gives a service new terms from today or a later date on; those that held until then end there. Appointments keep the terms
 * they were booked with. Throws `not-found`, `in-the-past`, and `overlaps` when terms begin on that date or after it.
 */
export function reviseTerms(ctx: Ctx, id: string, terms: ReviseTerms) {
  return mutate(ctx, { needs: 'catalog:write', action: 'service.revise', reply: Service }, async (tx) => {
    await holdService(ctx, tx, id);
    await refusePast(tx, terms.effectiveFrom, '/effectiveFrom');
    await queries.endTerms(tx, ctx.organizationId, id, terms.effectiveFrom);
    await queries.insertTerms(tx, ctx.organizationId, id, terms);
    return readService(ctx, tx, id);
  });
}

/**
 * Withdraws terms that begin today or later: the terms before them hold on, and others can begin on that date. Appointments
 * that were booked with them keep them. Again is the same as once. Throws `not-found` for either, `in-the-past`.
 */
export function withdrawTerms(ctx: Ctx, id: string, termsId: string) {
  return mutate(ctx, { needs: 'catalog:write', action: 'service.withdraw-terms', reply: Service }, async (tx) => {
    await holdService(ctx, tx, id);
    const terms = await queries.findTerms(tx, ctx.organizationId, id, termsId);
    if (!terms) throw problemAt('not-found', 'termsId', 'path');
    if (await canBeWithdrawn(tx, terms, 'termsId')) await queries.withdrawTerms(tx, ctx.organizationId, id, termsId, terms);
    return readService(ctx, tx, id);
  });
}

/**
 * Sets the list price of a legal entity from today or a later date on. Throws `not-found`, `in-the-past`, `rule-violated` for
 * another currency than the entity's, `overlaps` when a price begins on that date or after it.
 */
export function setPrice(ctx: Ctx, id: string, input: SetPrice) {
  return mutate(ctx, { needs: 'catalog:write', action: 'service.price', reply: Service }, async (tx) => {
    await holdService(ctx, tx, id);
    const currency = await getLegalEntityCurrency(tx, ctx.organizationId, input.legalEntityId);
    if (currency === null) throw problemAt('not-found', '/legalEntityId');
    if (currency !== input.price.currency) throw problemAt('rule-violated', '/price/currency');
    await refusePast(tx, input.effectiveFrom, '/effectiveFrom');
    await queries.endPrice(tx, ctx.organizationId, id, input.legalEntityId, input.effectiveFrom);
    await queries.insertPrice(tx, ctx.organizationId, id, input);
    return readService(ctx, tx, id);
  });
}

/** Withdraws a price that begins today or later; the one before it holds on. Throws `not-found` for either, `in-the-past`. */
export function withdrawPrice(ctx: Ctx, id: string, priceId: string) {
  return mutate(ctx, { needs: 'catalog:write', action: 'service.withdraw-price', reply: Service }, async (tx) => {
    await holdService(ctx, tx, id);
    const price = await queries.findPrice(tx, ctx.organizationId, id, priceId);
    if (!price) throw problemAt('not-found', 'priceId', 'path');
    if (await canBeWithdrawn(tx, price, 'priceId')) await queries.withdrawPrice(tx, ctx.organizationId, id, priceId, price);
    return readService(ctx, tx, id);
  });
}

/** Lets a provider perform the service. Throws `not-found` for either. Granting twice is the same as once. */
export function grantSkill(ctx: Ctx, id: string, providerId: string) {
  return mutate(ctx, { needs: 'catalog:write', action: 'service.grant', reply: Service }, async (tx) => {
    await expectBoth(ctx, tx, id, providerId);
    await queries.insertSkill(tx, ctx.organizationId, id, providerId);
    return readService(ctx, tx, id);
  });
}

/** Takes the skill back, if they have it; appointments that are booked stay. Throws `not-found` for service and provider. */
export function revokeSkill(ctx: Ctx, id: string, providerId: string) {
  return mutate(ctx, { needs: 'catalog:write', action: 'service.revoke', reply: Service }, async (tx) => {
    await expectBoth(ctx, tx, id, providerId);
    await queries.deleteSkill(tx, ctx.organizationId, id, providerId);
    return readService(ctx, tx, id);
  });
}

async function expectBoth(ctx: Ctx, tx: Tx, id: string, providerId: string): Promise<void> {
  existing(await queries.findService(tx, ctx.organizationId, id));
  if (!(await hasProvider(tx, ctx.organizationId, providerId))) throw problemAt('not-found', 'providerId', 'path');
}

async function holdService(ctx: Ctx, tx: Tx, id: string): Promise<void> {
  if (!(await queries.lockService(tx, ctx.organizationId, id))) throw new Problem('not-found');
}

async function refusePast(tx: Tx, date: PlainDate, pointer: string): Promise<void> {
  if (date < (await queries.findToday(tx))) throw problemAt('in-the-past', pointer);
}

/** False when it was withdrawn before. Throws `in-the-past` when the day on which it began is over. */
async function canBeWithdrawn(tx: Tx, { effectiveFrom, effectiveUntil }: queries.Dates, parameter: string): Promise<boolean> {
  const [from, until] = [plainDate(effectiveFrom), plainDate(effectiveUntil)];
  if (from === until) return false;
  if (from < (await queries.findToday(tx))) throw problemAt('in-the-past', parameter, 'path');
  return true;
}

async function readService(ctx: Ctx, tx: Tx, id: string) {
  return existing(await queries.findService(tx, ctx.organizationId, id));
}
