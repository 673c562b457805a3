import type { CreateDevice, DEVICE_KINDS, PageQuery } from '@medspa/contracts';
import { keyset, sql, toPage, type Session, type Tx } from '@medspa/database';

type Kind = (typeof DEVICE_KINDS)[number];
type Hash = Uint8Array<ArrayBuffer>;

const byId = (organizationId: string, id: string) => ({ organizationId_id: { organizationId, id } });
const DEVICE = {
  id: true,
  locationId: true,
  kind: true,
  name: true,
  createdAt: true,
  enrolledAt: true,
  revokedAt: true,
  use: { select: { seenAt: true } },
} as const;

/** A device that asks, and the patient in whose hands it is. */
export type FoundDevice = { id: string; kind: Kind; locationId: string; patientId?: string | null };

export function findDeviceVerb(session: Session, keyHash: Hash) {
  return sql<{ found: FoundDevice | null }>`SELECT app.find_device(${session}::jsonb, ${keyHash}::bytea) AS found`;
}

export function enrolDeviceVerb(session: Session, codeHash: Hash, keyHash: Hash) {
  return sql<{ enrolled: (FoundDevice & { organizationId: string }) | null }>`
    SELECT app.enrol_device(${session}::jsonb, ${codeHash}::bytea, ${keyHash}::bytea) AS enrolled`;
}

/** The session and the hash of a PIN that may be tried now; null for none. */
export function beginUnlockVerb(session: Session, staffId: string) {
  return sql<{ begun: { sessionId: string; pinHash: string } | null }>`
    SELECT app.begin_unlock(${session}::jsonb, ${staffId}::uuid) AS begun`;
}

/** Locks every session that was begun on a device, and ends what is open for a patient. */
export async function lockDevice(tx: Tx, deviceId: string): Promise<void> {
  await tx.$executeRaw`SELECT app.lock_device(${deviceId}::uuid)`;
}

export async function insertDevice(
  tx: Tx,
  organizationId: string,
  device: CreateDevice & { id: string; codeHash: Hash; codeExpiresAt: Date; createdBy: string; createdAt: Date },
) {
  return shownDevice(await tx.device.create({ data: { organizationId, ...device }, select: DEVICE }));
}

export async function listDevices(tx: Tx, organizationId: string, page: PageQuery) {
  const rows = await tx.device.findMany({
    where: { organizationId },
    orderBy: { id: 'asc' },
    select: DEVICE,
    ...keyset(page, organizationId),
  });
  return toPage(rows.map(shownDevice), page);
}

export async function findDevice(tx: Tx, organizationId: string, id: string) {
  const row = await tx.device.findUnique({ where: byId(organizationId, id), select: DEVICE });
  return row && shownDevice(row);
}

function shownDevice<Row extends { kind: string; use: { seenAt: Date } | null }>({ use, kind, ...row }: Row) {
  return { ...row, kind: kind as Kind, seenAt: use?.seenAt ?? null };
}

/** Takes code and key from a device; false when it has neither, or is not there. */
export async function revokeDevice(tx: Tx, organizationId: string, id: string, at: Date): Promise<boolean> {
  const { count } = await tx.device.updateMany({
    where: { organizationId, id, revokedAt: null },
    data: { revokedAt: at, keyHash: null, codeHash: null, codeExpiresAt: null },
  });
  return count === 1;
}

/** Takes the codes back that somebody made and nobody used. */
export async function withdrawCodes(tx: Tx, organizationId: string, createdBy: string): Promise<void> {
  await tx.device.updateMany({
    where: { organizationId, createdBy, codeHash: { not: null } },
    data: { codeHash: null, codeExpiresAt: null },
  });
}

/** A device as it sees itself. */
export async function findOwnDevice(tx: Tx, organizationId: string, id: string) {
  const row = await tx.device.findUnique({
    where: byId(organizationId, id),
    select: { id: true, locationId: true, kind: true, name: true, location: { select: { name: true } } },
  });
  return row && { ...row, kind: row.kind as Kind };
}

/** The shared device of a key, or null. */
export function findSharedDevice(tx: Tx, organizationId: string, keyHash: Hash) {
  return tx.device.findFirst({ where: { organizationId, keyHash, kind: 'shared-device' }, select: { id: true } });
}

/** The shared device on which a session was begun, or null. */
export async function findDeviceOfSession(tx: Tx, organizationId: string, sessionId: string) {
  const found = await tx.staffSession.findUnique({
    where: byId(organizationId, sessionId),
    select: { sharedDevice: { select: { id: true, locationId: true } } },
  });
  return found?.sharedDevice ?? null;
}

/** Who may come back to a device with their PIN. */
export async function listReturning(tx: Tx, organizationId: string, deviceId: string, now: Date) {
  const rows = await tx.staffSession.findMany({
    where: {
      organizationId,
      deviceId,
      endsAt: { gt: now },
      use: { pinFailures: { lt: 5 } },
      account: { pin: { isNot: null }, staff: { isActive: true } },
    },
    orderBy: { id: 'asc' },
    select: { staffId: true, account: { select: { staff: { select: { givenName: true, familyName: true } } } } },
  });
  return rows.map(({ staffId, account }) => ({ staffId, ...account.staff }));
}

export async function upsertPin(tx: Tx, organizationId: string, staffId: string, pinHash: string, at: Date): Promise<void> {
  const of = { organizationId, staffId };
  await tx.staffPin.upsert({ where: { organizationId_staffId: of }, create: { ...of, pinHash }, update: { pinHash } });
  await tx.staffAccount.update({ where: { organizationId_staffId: of }, data: { pinSetAt: at }, select: { staffId: true } });
}

export async function deletePin(tx: Tx, organizationId: string, staffId: string): Promise<void> {
  const { count } = await tx.staffPin.deleteMany({ where: { organizationId, staffId } });
  if (count > 0) await tx.staffAccount.updateMany({ where: { organizationId, staffId }, data: { pinSetAt: null } });
}

/** Goes on with a session under another token; false when it was ended meanwhile. */
export async function unlockSession(
  tx: Tx,
  organizationId: string,
  id: string,
  { tokenHash, steppedUpAt, seenAt }: { tokenHash: Hash; steppedUpAt: Date; seenAt: Date },
): Promise<boolean> {
  const { count } = await tx.staffSession.updateMany({ where: { organizationId, id }, data: { tokenHash, steppedUpAt } });
  await tx.staffSessionUse.updateMany({ where: { organizationId, sessionId: id }, data: { seenAt, pinFailures: 0 } });
  return count === 1;
}

/** Ends every session that was begun on a device, or one person's. */
export async function deleteSessionsOfDevice(tx: Tx, organizationId: string, deviceId: string, staffId?: string): Promise<void> {
  await tx.staffSession.deleteMany({ where: { organizationId, deviceId, ...(staffId === undefined ? {} : { staffId }) } });
}
