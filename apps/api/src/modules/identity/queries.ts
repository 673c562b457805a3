import type {
  CreateLegalEntity,
  CreateLocation,
  CreateProvider,
  PageQuery,
  UpdateLegalEntity,
  UpdateLocation,
  UpdateProvider,
} from '@medspa/contracts';
import { insertDataKeys, keyset, toPage, type NewKey, type Page, type Tx } from '@medspa/database';

// What leaves each table: the columns of the contract, and nothing that a later migration adds.
const ORGANIZATION = { id: true, name: true, version: true } as const;
const LEGAL_ENTITY = { id: true, name: true, currency: true, version: true } as const;
const LOCATION = {
  id: true,
  legalEntityId: true,
  name: true,
  timeZone: true,
  slotMinutes: true,
  street: true,
  city: true,
  region: true,
  postalCode: true,
  country: true,
  isActive: true,
  version: true,
} as const;
const STAFF = { id: true, givenName: true, familyName: true, jobTitle: true, emailSealed: true, isActive: true, version: true } as const;
const PROVIDER = { id: true, staffId: true, displayName: true, credential: true, isActive: true, version: true } as const;

const byId = (organizationId: string, id: string) => ({ organizationId_id: { organizationId, id } });

export function findOrganization(tx: Tx, organizationId: string) {
  return tx.organization.findUnique({ where: { id: organizationId }, select: ORGANIZATION });
}

/** An organization, and the keys of its data. */
export async function insertOrganization(tx: Tx, id: string, name: string, keys: NewKey[]): Promise<void> {
  await insertDataKeys(tx, keys);
  await tx.organization.create({ data: { id, name }, select: { id: true } });
}

export function updateOrganization(tx: Tx, organizationId: string, version: number, data: { name: string }) {
  return tx.organization.updateManyAndReturn({
    where: { id: organizationId, version },
    data: { ...data, version: { increment: 1 } },
    select: ORGANIZATION,
  });
}

export async function listLegalEntities(tx: Tx, organizationId: string, page: PageQuery) {
  return toPage(
    await tx.legalEntity.findMany({
      where: { organizationId },
      orderBy: { id: 'asc' },
      select: LEGAL_ENTITY,
      ...keyset(page, organizationId),
    }),
    page,
  );
}

export function findLegalEntity(tx: Tx, organizationId: string, id: string) {
  return tx.legalEntity.findUnique({ where: byId(organizationId, id), select: LEGAL_ENTITY });
}

export function insertLegalEntity(tx: Tx, organizationId: string, data: CreateLegalEntity) {
  return tx.legalEntity.create({ data: { organizationId, ...data }, select: LEGAL_ENTITY });
}

export function updateLegalEntity(tx: Tx, organizationId: string, id: string, { version, ...data }: UpdateLegalEntity) {
  return tx.legalEntity.updateManyAndReturn({
    where: { organizationId, id, version },
    data: { ...data, version: { increment: 1 } },
    select: LEGAL_ENTITY,
  });
}

export async function listLocations(tx: Tx, organizationId: string, page: PageQuery) {
  return toPage(
    await tx.location.findMany({ where: { organizationId }, orderBy: { id: 'asc' }, select: LOCATION, ...keyset(page, organizationId) }),
    page,
  );
}

export function findLocation(tx: Tx, organizationId: string, id: string) {
  return tx.location.findUnique({ where: byId(organizationId, id), select: LOCATION });
}

/** ISO codes of the countries of all locations, in the order in which they opened, whichever of them the session is confined to. */
export async function listCountries(tx: Tx): Promise<string[]> {
  const rows = await tx.$queryRaw<{ countries: string[] }[]>`SELECT app.countries() AS countries`;
  return rows[0]?.countries ?? [];
}

/** Locations that are open, the first one first. */
export function listOpenLocations(tx: Tx, organizationId: string) {
  return tx.location.findMany({ where: { organizationId, isActive: true }, orderBy: { id: 'asc' }, select: { id: true, timeZone: true } });
}

export function insertLocation(tx: Tx, organizationId: string, data: CreateLocation) {
  return tx.location.create({ data: { organizationId, ...data }, select: LOCATION });
}

export function updateLocation(tx: Tx, organizationId: string, id: string, { version, ...data }: UpdateLocation) {
  return tx.location.updateManyAndReturn({
    where: { organizationId, id, version },
    data: { ...data, version: { increment: 1 } },
    select: LOCATION,
  });
}

/** A staff row with its e-mail still sealed. */
export type SealedStaff = NonNullable<Awaited<ReturnType<typeof findStaff>>>;
export type StaffColumns = {
  givenName: string;
  familyName: string;
  jobTitle: string;
  emailSealed: Uint8Array<ArrayBuffer> | null;
  emailIndex: Uint8Array<ArrayBuffer> | null;
};

export async function listStaff(tx: Tx, organizationId: string, page: PageQuery): Promise<Page<SealedStaff>> {
  return toPage(
    await tx.staff.findMany({ where: { organizationId }, orderBy: { id: 'asc' }, select: STAFF, ...keyset(page, organizationId) }),
    page,
  );
}

export function findStaff(tx: Tx, organizationId: string, id: string) {
  return tx.staff.findUnique({ where: byId(organizationId, id), select: STAFF });
}

export function insertStaff(tx: Tx, organizationId: string, id: string, data: StaffColumns) {
  return tx.staff.create({ data: { organizationId, id, ...data }, select: STAFF });
}

export function updateStaff(tx: Tx, organizationId: string, id: string, version: number, data: Partial<StaffColumns>) {
  return tx.staff.updateManyAndReturn({
    where: { organizationId, id, version },
    data: { ...data, version: { increment: 1 } },
    select: STAFF,
  });
}

/** Whether they work here; nothing changes for whoever is so already. */
export async function setActive(tx: Tx, organizationId: string, id: string, isActive: boolean): Promise<void> {
  await tx.staff.updateMany({ where: { organizationId, id, isActive: !isActive }, data: { isActive, version: { increment: 1 } } });
}

export async function listProviders(tx: Tx, organizationId: string, page: PageQuery) {
  return toPage(
    await tx.provider.findMany({ where: { organizationId }, orderBy: { id: 'asc' }, select: PROVIDER, ...keyset(page, organizationId) }),
    page,
  );
}

export function findProviderOf(tx: Tx, organizationId: string, staffId: string) {
  return tx.provider.findUnique({ where: { organizationId_staffId: { organizationId, staffId } }, select: { id: true } });
}

export function findProvider(tx: Tx, organizationId: string, id: string) {
  return tx.provider.findUnique({ where: byId(organizationId, id), select: PROVIDER });
}

export function insertProvider(tx: Tx, organizationId: string, data: CreateProvider) {
  return tx.provider.create({ data: { organizationId, ...data }, select: PROVIDER });
}

/** The staff member, held so that their status cannot change before this transaction ends. */
export async function lockStaff(tx: Tx, organizationId: string, id: string): Promise<{ isActive: boolean } | null> {
  const rows = await tx.$queryRaw<{ isActive: boolean }[]>`
    SELECT is_active AS "isActive" FROM staff WHERE organization_id = ${organizationId}::uuid AND id = ${id}::uuid FOR SHARE`;
  return rows[0] ?? null;
}

export async function deactivateProviderOf(tx: Tx, organizationId: string, staffId: string): Promise<void> {
  await tx.provider.updateMany({
    where: { organizationId, staffId, isActive: true },
    data: { isActive: false, version: { increment: 1 } },
  });
}

export function updateProvider(tx: Tx, organizationId: string, id: string, { version, ...data }: UpdateProvider) {
  return tx.provider.updateManyAndReturn({
    where: { organizationId, id, version },
    data: { ...data, version: { increment: 1 } },
    select: PROVIDER,
  });
}
