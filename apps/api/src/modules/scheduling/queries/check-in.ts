import type { AppointmentStatus } from '@medspa/contracts';
import { sql, type Session, type Tx } from '@medspa/database';

/** What became of looking for a visit; a miss says nothing of why. */
export type Begun =
  | { outcome: 'found'; startsAt: string; status: AppointmentStatus }
  | { outcome: 'miss' }
  | { outcome: 'wait'; seconds: number };

export function beginCheckInVerb(session: Session, asked: object) {
  return sql<{ result: Begun }>`SELECT app.begin_check_in(${session}::jsonb, ${asked}::jsonb) AS result`;
}

type NewCheckIn = { deviceId: string; appointmentId: string; patientId: string; endsAt: Date };

export async function insertCheckIn(tx: Tx, organizationId: string, checkIn: NewCheckIn): Promise<void> {
  await tx.checkIn.create({ data: { organizationId, ...checkIn }, select: { deviceId: true } });
}

/** What a device has open for a patient, or null. */
export async function findCheckIn(tx: Tx, organizationId: string, deviceId: string) {
  const row = await tx.checkIn.findUnique({
    where: { organizationId_deviceId: { organizationId, deviceId } },
    select: { endsAt: true, appointment: { select: { startsAt: true, status: true } } },
  });
  return row && { endsAt: row.endsAt, startsAt: row.appointment.startsAt, status: row.appointment.status as AppointmentStatus };
}

/** Ends it and returns its visit, or null when there was none; of two at once one gets it. */
export async function endCheckIn(tx: Tx, organizationId: string, deviceId: string): Promise<string | null> {
  const rows = await tx.$queryRaw<{ id: string }[]>`
    DELETE FROM check_in WHERE organization_id = ${organizationId}::uuid AND device_id = ${deviceId}::uuid RETURNING appointment_id AS id`;
  return rows[0]?.id ?? null;
}
