import { v7 as newId } from 'uuid';
import {
  LegalEntity,
  Location,
  Organization,
  Provider,
  Staff,
  type CreateLegalEntity,
  type CreateLocation,
  type CreateProvider,
  type CreateStaff,
  type PageQuery,
  type UpdateLegalEntity,
  type UpdateLocation,
  type UpdateProvider,
  type UpdateStaff,
} from '@medspa/contracts';
import type { Tx } from '@medspa/database';
import type { Ctx } from '../../platform/context.ts';
import { mutate, view } from '../../platform/doors.ts';
import { problemAt } from '../../platform/problem.ts';
import { changed, existing, pageAfter } from '../../platform/versioned.ts';
import * as queries from './queries.ts';
import { updateLoginKey } from './queries/sign-in.ts';
import { openStaff, sealEmail } from './service/address.ts';
import { admitAddressChange } from './service/leaving.ts';
import { loginKeyOf } from './service/prove.ts';

/** The organization of the caller. */
export function getOrganization(ctx: Ctx) {
  return view(ctx, { needs: 'organization:read', action: 'organization.read' }, async (tx) =>
    existing(await queries.findOrganization(tx, ctx.organizationId)),
  );
}

/** Renames the organization. Throws `stale-version`. */
export function updateOrganization(ctx: Ctx, { version, name }: { version: number; name: string }) {
  return mutate(ctx, { needs: 'organization:write', action: 'organization.update', reply: Organization }, async (tx) =>
    changed(await queries.updateOrganization(tx, ctx.organizationId, version, { name }), () =>
      queries.findOrganization(tx, ctx.organizationId),
    ),
  );
}

export function listLegalEntities(ctx: Ctx, page: PageQuery) {
  return view(ctx, { needs: 'organization:read', action: 'legal-entity.list' }, async (tx) =>
    pageAfter(page, await queries.listLegalEntities(tx, ctx.organizationId, page), (id) =>
      queries.findLegalEntity(tx, ctx.organizationId, id),
    ),
  );
}

/** Adds a party that owns books; its currency is that of its locations and never changes. */
export function createLegalEntity(ctx: Ctx, input: CreateLegalEntity) {
  return mutate(ctx, { needs: 'organization:write', action: 'legal-entity.create', reply: LegalEntity }, (tx) =>
    queries.insertLegalEntity(tx, ctx.organizationId, input),
  );
}

/** Throws `not-found` or `stale-version`. */
export function updateLegalEntity(ctx: Ctx, id: string, input: UpdateLegalEntity) {
  return mutate(ctx, { needs: 'organization:write', action: 'legal-entity.update', reply: LegalEntity }, async (tx) =>
    changed(await queries.updateLegalEntity(tx, ctx.organizationId, id, input), () => queries.findLegalEntity(tx, ctx.organizationId, id)),
  );
}

export function listLocations(ctx: Ctx, page: PageQuery) {
  return view(ctx, { needs: 'organization:read', action: 'location.list' }, async (tx) =>
    pageAfter(page, await queries.listLocations(tx, ctx.organizationId, page), (id) => queries.findLocation(tx, ctx.organizationId, id)),
  );
}

/** Throws `not-found`. */
export function getLocation(ctx: Ctx, id: string) {
  return view(ctx, { needs: 'organization:read', action: 'location.read' }, async (tx) =>
    existing(await queries.findLocation(tx, ctx.organizationId, id)),
  );
}

/** Opens a location. Throws `not-found` when the legal entity does not exist. */
export function createLocation(ctx: Ctx, input: CreateLocation) {
  return mutate(ctx, { needs: 'organization:write', action: 'location.create', reply: Location }, (tx) =>
    queries.insertLocation(tx, ctx.organizationId, input),
  );
}

/** Throws `not-found` or `stale-version`. An inactive location takes no bookings; those it has stay. */
export function updateLocation(ctx: Ctx, id: string, input: UpdateLocation) {
  return mutate(ctx, { needs: 'organization:write', action: 'location.update', reply: Location }, async (tx) =>
    changed(await queries.updateLocation(tx, ctx.organizationId, id, input), () => queries.findLocation(tx, ctx.organizationId, id)),
  );
}

export function listStaff(ctx: Ctx, page: PageQuery) {
  return view(ctx, { needs: 'staff:read', action: 'staff.list' }, async (tx) => {
    const { items, nextCursor } = await pageAfter(page, await queries.listStaff(tx, ctx.organizationId, page), (id) =>
      queries.findStaff(tx, ctx.organizationId, id),
    );
    return { items: items.map((row) => openStaff(ctx, row)), nextCursor };
  });
}

/** Throws `not-found`. */
export function getStaff(ctx: Ctx, id: string) {
  return view(ctx, { needs: 'staff:read', action: 'staff.read' }, async (tx) =>
    openStaff(ctx, existing(await queries.findStaff(tx, ctx.organizationId, id))),
  );
}

/** Throws `already-exists` when somebody of the organization has the e-mail address. */
export function createStaff(ctx: Ctx, { email, ...input }: CreateStaff) {
  const id = newId();
  return mutate(ctx, { needs: 'staff:write', action: 'staff.create', reply: Staff }, async (tx) =>
    openStaff(ctx, await queries.insertStaff(tx, ctx.organizationId, id, { ...input, ...sealEmail(ctx, id, email ?? null) })),
  );
}

/**
 * Throws `not-found`, `stale-version`, `already-exists` for the e-mail address, and for another one what `admitAddressChange` does.
 */
export function updateStaff(ctx: Ctx, id: string, { email, version, ...input }: UpdateStaff) {
  return mutate(ctx, { needs: 'staff:write', action: 'staff.update', reply: Staff }, async (tx) => {
    const before = openStaff(ctx, existing(await queries.findStaff(tx, ctx.organizationId, id)));
    const isOther = email !== undefined && email?.toLowerCase() !== before.email?.toLowerCase();
    if (isOther) {
      await admitAddressChange(ctx, tx, id);
      await updateLoginKey(tx, ctx.organizationId, id, email === null ? null : loginKeyOf(ctx, email));
    }
    const columns = { ...input, ...(email === undefined ? {} : sealEmail(ctx, id, email)) };
    const row = await changed(await queries.updateStaff(tx, ctx.organizationId, id, version, columns), () =>
      queries.findStaff(tx, ctx.organizationId, id),
    );
    return openStaff(ctx, row);
  });
}

export function listProviders(ctx: Ctx, page: PageQuery) {
  return view(ctx, { needs: 'staff:read', action: 'provider.list' }, async (tx) =>
    pageAfter(page, await queries.listProviders(tx, ctx.organizationId, page), (id) => queries.findProvider(tx, ctx.organizationId, id)),
  );
}

/** Throws `not-found`. */
export function getProvider(ctx: Ctx, id: string) {
  return view(ctx, { needs: 'staff:read', action: 'provider.read' }, async (tx) =>
    existing(await queries.findProvider(tx, ctx.organizationId, id)),
  );
}

/**
 * Makes a staff member bookable, and somebody who may open a record in an emergency (I19). Throws `not-found` and `staff-inactive` for
 * the staff member, `already-exists` when they are a provider.
 */
export function createProvider(ctx: Ctx, input: CreateProvider) {
  return mutate(ctx, { needs: 'provider:write', action: 'provider.create', reply: Provider }, async (tx) => {
    const staff = await queries.lockStaff(tx, ctx.organizationId, input.staffId);
    if (!staff) throw problemAt('not-found', '/staffId');
    if (!staff.isActive) throw problemAt('staff-inactive', '/staffId');
    return queries.insertProvider(tx, ctx.organizationId, input);
  });
}

/**
 * Throws `not-found` or `stale-version`. An inactive provider takes no bookings; those they have stay. Throws `staff-inactive`
 * for making one active whose staff member is not.
 */
export function updateProvider(ctx: Ctx, id: string, input: UpdateProvider) {
  return mutate(ctx, { needs: 'provider:write', action: 'provider.update', reply: Provider }, async (tx) => {
    if (input.isActive) {
      const { staffId } = existing(await queries.findProvider(tx, ctx.organizationId, id));
      const staff = existing(await queries.lockStaff(tx, ctx.organizationId, staffId));
      if (!staff.isActive) throw problemAt('staff-inactive', '/isActive');
    }
    return changed(await queries.updateProvider(tx, ctx.organizationId, id, input), () => queries.findProvider(tx, ctx.organizationId, id));
  });
}

/** Currency of a legal entity's books, or null when there is no such entity. Inside the caller's transaction. */
export async function getLegalEntityCurrency(tx: Tx, organizationId: string, id: string): Promise<string | null> {
  return (await queries.findLegalEntity(tx, organizationId, id))?.currency ?? null;
}

/** Time zone of a location, or null when there is no such location. Inside the caller's transaction. */
export async function getLocationZone(tx: Tx, organizationId: string, id: string): Promise<string | null> {
  return (await queries.findLocation(tx, organizationId, id))?.timeZone ?? null;
}

/** What a location is called and where it is, and whose it is; null when there is no such location. Inside the caller's transaction. */
export async function getPlace(tx: Tx, organizationId: string, id: string) {
  const location = await queries.findLocation(tx, organizationId, id);
  const organization = await queries.findOrganization(tx, organizationId);
  if (!location || !organization) return null;
  const { name, timeZone, street, city, region } = location;
  return { organizationName: organization.name, name, timeZone, address: [street, city, region].filter(Boolean).join(', ') };
}

/** Whether there is such a provider. Inside the caller's transaction. */
export async function hasProvider(tx: Tx, organizationId: string, id: string): Promise<boolean> {
  return (await queries.findProvider(tx, organizationId, id)) !== null;
}

/** Countries in which the organization has locations, the first one first. Inside the caller's transaction. */
export function getCountries(tx: Tx): Promise<string[]> {
  return queries.listCountries(tx);
}

/** The provider that a staff member is, or null. Inside the caller's transaction. */
export async function findProviderOf(tx: Tx, organizationId: string, staffId: string): Promise<string | null> {
  return (await queries.findProviderOf(tx, organizationId, staffId))?.id ?? null;
}

/** Open locations with their zones, the first one first. Inside the caller's transaction. */
export function getOpenLocations(tx: Tx, organizationId: string): Promise<{ id: string; timeZone: string }[]> {
  return queries.listOpenLocations(tx, organizationId);
}

/** What the organization is called, or null when there is none. Inside the caller's transaction. */
export async function getOrganizationName(tx: Tx, organizationId: string): Promise<string | null> {
  return (await queries.findOrganization(tx, organizationId))?.name ?? null;
}
