import {
  midnightOf,
  type CreateRoomType,
  type CreateService,
  type PageQuery,
  type PlainDate,
  type ReviseTerms,
  type Service,
  type SetPrice,
  type UpdateRoomType,
  type UpdateService,
} from '@medspa/contracts';
import { keyset, rowsOf, sql, toPage, type Session, type Tx } from '@medspa/database';

const ROOM_TYPE = { id: true, name: true, version: true } as const;

/** The day it is for the organization: the latest one at its locations. What begins on an earlier day is refused. */
export async function findToday(tx: Tx): Promise<PlainDate> {
  const [row] = await tx.$queryRaw<{ today: PlainDate }[]>`SELECT app.organization_today()::text AS today`;
  if (!row) throw new Error('A query without conditions has a row.');
  return row.today;
}

/** Holds the service until this transaction ends, so that its terms and prices are changed by one at a time. False when there is none. */
export async function lockService(tx: Tx, organizationId: string, id: string): Promise<boolean> {
  const rows = await tx.$queryRaw<unknown[]>`
    SELECT 1 FROM service WHERE organization_id = ${organizationId}::uuid AND id = ${id}::uuid FOR NO KEY UPDATE`;
  return rows.length === 1;
}

const DATES = { effectiveFrom: true, effectiveUntil: true } as const;
export type Dates = { effectiveFrom: Date; effectiveUntil: Date | null };

export async function listRoomTypes(tx: Tx, organizationId: string, page: PageQuery) {
  return toPage(
    await tx.roomType.findMany({ where: { organizationId }, orderBy: { id: 'asc' }, select: ROOM_TYPE, ...keyset(page, organizationId) }),
    page,
  );
}

export function findRoomType(tx: Tx, organizationId: string, id: string) {
  return tx.roomType.findUnique({ where: { organizationId_id: { organizationId, id } }, select: ROOM_TYPE });
}

export function insertRoomType(tx: Tx, organizationId: string, data: CreateRoomType) {
  return tx.roomType.create({ data: { organizationId, ...data }, select: ROOM_TYPE });
}

export function updateRoomType(tx: Tx, organizationId: string, id: string, { version, name }: UpdateRoomType) {
  return tx.roomType.updateManyAndReturn({
    where: { organizationId, id, version },
    data: { name, version: { increment: 1 } },
    select: ROOM_TYPE,
  });
}

/** A page of services with the terms and prices that hold on `from` or later; null when the cursor is no service. */
export function servicesVerb(session: Session, page: PageQuery, from: PlainDate) {
  return sql<{ services: Service[] | null }>`
    SELECT app.list_services(${session}::jsonb, ${from}::date, ${page.cursor ?? null}::uuid, ${rowsOf(page)}::int) AS services`;
}

export function pageOfServices(services: Service[], page: PageQuery) {
  return toPage(services, page);
}

/** A service with all terms and prices it ever had. */
export async function findService(tx: Tx, organizationId: string, id: string): Promise<Service | null> {
  const [row] = await tx.$queryRaw<{ card: Service }[]>`
    SELECT app.service_card(s, NULL) AS card FROM service s WHERE organization_id = ${organizationId}::uuid AND id = ${id}::uuid`;
  return row?.card ?? null;
}

export async function insertService(tx: Tx, organizationId: string, { name, category, terms }: CreateService): Promise<string> {
  const { id } = await tx.service.create({ data: { organizationId, name, category }, select: { id: true } });
  await insertTerms(tx, organizationId, id, terms);
  return id;
}

/** How many rows were changed: one, or none when the row is missing or has moved on. */
export async function updateService(tx: Tx, organizationId: string, id: string, { version, ...data }: UpdateService): Promise<number> {
  const { count } = await tx.service.updateMany({ where: { organizationId, id, version }, data: { ...data, version: { increment: 1 } } });
  return count;
}

export async function insertTerms(
  tx: Tx,
  organizationId: string,
  serviceId: string,
  { effectiveFrom, ...terms }: ReviseTerms,
): Promise<void> {
  await tx.serviceVersion.create({ data: { organizationId, serviceId, effectiveFrom: midnightOf(effectiveFrom), ...terms } });
}

/** Ends, on `date`, the terms that would hold on it. Terms that begin on or after it stay and refuse the new ones (overlap). */
export async function endTerms(tx: Tx, organizationId: string, serviceId: string, date: PlainDate): Promise<void> {
  await tx.serviceVersion.updateMany({
    where: { organizationId, serviceId, ...holdingBefore(date) },
    data: { effectiveUntil: midnightOf(date) },
  });
}

export function findTerms(tx: Tx, organizationId: string, serviceId: string, id: string) {
  return tx.serviceVersion.findUnique({ where: { organizationId_id: { organizationId, id }, serviceId }, select: DATES });
}

/** Empties the terms' dates; those that ended where they begin hold on for as long as these would have. */
export async function withdrawTerms(tx: Tx, organizationId: string, serviceId: string, id: string, dates: Dates): Promise<void> {
  await tx.serviceVersion.update({ where: { organizationId_id: { organizationId, id } }, data: { effectiveUntil: dates.effectiveFrom } });
  await tx.serviceVersion.updateMany({
    where: { organizationId, serviceId, ...endingWhere(dates) },
    data: { effectiveUntil: dates.effectiveUntil },
  });
}

export async function insertPrice(
  tx: Tx,
  organizationId: string,
  serviceId: string,
  { legalEntityId, effectiveFrom, price }: SetPrice,
): Promise<void> {
  await tx.servicePrice.create({
    data: { organizationId, serviceId, legalEntityId, effectiveFrom: midnightOf(effectiveFrom), priceCents: price.amount },
  });
}

export async function endPrice(tx: Tx, organizationId: string, serviceId: string, legalEntityId: string, date: PlainDate): Promise<void> {
  await tx.servicePrice.updateMany({
    where: { organizationId, serviceId, legalEntityId, ...holdingBefore(date) },
    data: { effectiveUntil: midnightOf(date) },
  });
}

export function findPrice(tx: Tx, organizationId: string, serviceId: string, id: string) {
  return tx.servicePrice.findUnique({
    where: { organizationId_id: { organizationId, id }, serviceId },
    select: { ...DATES, legalEntityId: true },
  });
}

/** The same for a price, within its legal entity. */
export async function withdrawPrice(
  tx: Tx,
  organizationId: string,
  serviceId: string,
  id: string,
  { legalEntityId, ...dates }: Dates & { legalEntityId: string },
): Promise<void> {
  await tx.servicePrice.update({ where: { organizationId_id: { organizationId, id } }, data: { effectiveUntil: dates.effectiveFrom } });
  await tx.servicePrice.updateMany({
    where: { organizationId, serviceId, legalEntityId, ...endingWhere(dates) },
    data: { effectiveUntil: dates.effectiveUntil },
  });
}

function holdingBefore(date: PlainDate) {
  return { effectiveFrom: { lt: midnightOf(date) }, OR: [{ effectiveUntil: null }, { effectiveUntil: { gt: midnightOf(date) } }] };
}

/** What held until these dates began. */
function endingWhere({ effectiveFrom }: Dates) {
  return { effectiveFrom: { lt: effectiveFrom }, effectiveUntil: effectiveFrom };
}

/** Grants a skill; nothing happens when the provider has it. */
export async function insertSkill(tx: Tx, organizationId: string, serviceId: string, providerId: string): Promise<void> {
  await tx.providerService.createMany({ data: [{ organizationId, serviceId, providerId }], skipDuplicates: true });
}

export async function deleteSkill(tx: Tx, organizationId: string, serviceId: string, providerId: string): Promise<void> {
  await tx.providerService.deleteMany({ where: { organizationId, serviceId, providerId } });
}
