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
import { deleteReset } from './queries/password-reset.ts';
import { deleteSessions, updateLoginKey } from './queries/sign-in.ts';
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
 * Throws `not-found`, `stale-version`, or `already-exists` for the e-mail address. Whoever is not active any more takes no
 * bookings either (I3), and is signed in nowhere (I4).
 */
export function updateStaff(ctx: Ctx, id: string, { email, version, ...input }: UpdateStaff) {
  return mutate(ctx, { needs: 'staff:write', action: 'staff.update', reply: Staff }, async (tx) => {
    const columns = { ...input, ...(email === undefined ? {} : sealEmail(ctx, id, email)) };
    if (email !== undefined) await updateLoginKey(tx, ctx.organizationId, id, email === null ? null : loginKeyOf(ctx, email));
    // A link that went to another address is nobody's any more.
    if (email !== undefined) await deleteReset(tx, ctx.organizationId, id);
    const row = await changed(await queries.updateStaff(tx, ctx.organizationId, id, version, columns), () =>
      queries.findStaff(tx, ctx.organizationId, id),
    );
    if (!row.isActive) {
      await queries.deactivateProviderOf(tx, ctx.organizationId, id);
      await deleteSessions(tx, ctx.organizationId, id);
    }
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

/** Makes a staff member bookable. Throws `not-found` and `staff-inactive` for the staff member, `already-exists` when they are a provider. */
export function createProvider(ctx: Ctx, input: CreateProvider) {
  return mutate(ctx, { needs: 'staff:write', action: 'provider.create', reply: Provider }, async (tx) => {
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
  return mutate(ctx, { needs: 'staff:write', action: 'provider.update', reply: Provider }, async (tx) => {
    if (input.isActive) {
      const { staffId } = existing(await queries.findProvider(tx, ctx.organizationId, id));
      const staff = existing(await queries.lockStaff(tx, ctx.organizationId, staffId));
      if (!staff.isActive) throw problemAt('staff-inactive', '/isActive');
    }
    return changed(await queries.updateProvider(tx, ctx.organizationId, id, input), () => queries.findProvider(tx, ctx.organizationId, id));
  });
}

function openStaff(ctx: Ctx, { emailSealed, ...row }: queries.SealedStaff) {
  const place = { organizationId: ctx.organizationId, table: 'staff', column: 'email_sealed', rowId: row.id };
  return { ...row, email: emailSealed ? ctx.codec.open(place, emailSealed) : null };
}

/** The two columns of an e-mail address. */
export function sealEmail(ctx: Pick<Ctx, 'codec' | 'organizationId'>, id: string, email: string | null) {
  if (email === null) return { emailSealed: null, emailIndex: null };
  const place = { organizationId: ctx.organizationId, table: 'staff', column: 'email_sealed' };
  return { emailSealed: ctx.codec.seal({ ...place, rowId: id }, email), emailIndex: ctx.codec.blindIndex(place, email.toLowerCase()) };
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
export function getCountries(tx: Tx, organizationId: string): Promise<string[]> {
  return queries.listCountries(tx, organizationId);
}
