import type {
  CreateRoomType,
  CreateService,
  PageQuery,
  PlainDate,
  ReviseTerms,
  SetPrice,
  UpdateRoomType,
  UpdateService,
} from '@medspa/contracts';
import { keyset, Prisma, toPage, type Tx } from '@medspa/database';

const ROOM_TYPE = { id: true, name: true, version: true } as const;

/** A service with what holds or will hold on `from`; the whole past too when no date is given. */
function serviceShape(from?: PlainDate) {
  const current = from === undefined ? {} : { OR: [{ effectiveUntil: null }, { effectiveUntil: { gt: dateOf(from) } }] };
  return {
    id: true,
    name: true,
    category: true,
    isActive: true,
    version: true,
    versions: {
      where: current,
      orderBy: { effectiveFrom: 'asc' },
      take: 200,
      select: {
        id: true,
        effectiveFrom: true,
        effectiveUntil: true,
        durationMinutes: true,
        bufferBeforeMinutes: true,
        bufferAfterMinutes: true,
        roomTypeId: true,
        roomTurnoverMinutes: true,
      },
    },
    prices: {
      where: current,
      orderBy: [{ legalEntityId: 'asc' }, { effectiveFrom: 'asc' }],
      take: 500,
      select: {
        legalEntityId: true,
        effectiveFrom: true,
        effectiveUntil: true,
        priceCents: true,
        legalEntity: { select: { currency: true } },
      },
    },
    skills: { orderBy: { providerId: 'asc' }, take: 1_000, select: { providerId: true } },
  } satisfies Prisma.ServiceSelect;
}

export type ServiceRow = NonNullable<Awaited<ReturnType<typeof findService>>>;

/** A local date as Prisma's `date` columns take it. */
function dateOf(date: PlainDate): Date {
  return new Date(`${date}T00:00:00Z`);
}

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

export async function listServices(tx: Tx, organizationId: string, page: PageQuery, from: PlainDate) {
  return toPage(
    await tx.service.findMany({
      where: { organizationId },
      orderBy: { id: 'asc' },
      select: serviceShape(from),
      ...keyset(page, organizationId),
    }),
    page,
  );
}

export function findService(tx: Tx, organizationId: string, id: string) {
  return tx.service.findUnique({ where: { organizationId_id: { organizationId, id } }, select: serviceShape() });
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
  await tx.serviceVersion.create({ data: { organizationId, serviceId, effectiveFrom: dateOf(effectiveFrom), ...terms } });
}

/** Ends, on `date`, the terms that would hold on it. Terms that begin on or after it stay and refuse the new ones (overlap). */
export async function endTerms(tx: Tx, organizationId: string, serviceId: string, date: PlainDate): Promise<void> {
  await tx.serviceVersion.updateMany({
    where: { organizationId, serviceId, ...holdingBefore(date) },
    data: { effectiveUntil: dateOf(date) },
  });
}

export async function insertPrice(
  tx: Tx,
  organizationId: string,
  serviceId: string,
  { legalEntityId, effectiveFrom, price }: SetPrice,
): Promise<void> {
  await tx.servicePrice.create({
    data: { organizationId, serviceId, legalEntityId, effectiveFrom: dateOf(effectiveFrom), priceCents: price.amount },
  });
}

export async function endPrice(tx: Tx, organizationId: string, serviceId: string, legalEntityId: string, date: PlainDate): Promise<void> {
  await tx.servicePrice.updateMany({
    where: { organizationId, serviceId, legalEntityId, ...holdingBefore(date) },
    data: { effectiveUntil: dateOf(date) },
  });
}

function holdingBefore(date: PlainDate) {
  return { effectiveFrom: { lt: dateOf(date) }, OR: [{ effectiveUntil: null }, { effectiveUntil: { gt: dateOf(date) } }] };
}

/** Grants a skill; nothing happens when the provider has it. */
export async function insertSkill(tx: Tx, organizationId: string, serviceId: string, providerId: string): Promise<void> {
  await tx.providerService.createMany({ data: [{ organizationId, serviceId, providerId }], skipDuplicates: true });
}

export async function deleteSkill(tx: Tx, organizationId: string, serviceId: string, providerId: string): Promise<void> {
  await tx.providerService.deleteMany({ where: { organizationId, serviceId, providerId } });
}
