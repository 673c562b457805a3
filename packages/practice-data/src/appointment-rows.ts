import type { BatchRow } from '@medspa/database';
import { PRACTICE_ORGANIZATION_ID } from './generate.ts';
import { PRACTICE_OWNER_ID } from './people.ts';
import type { Appointment } from './visits.ts';

const organization = { organization_id: PRACTICE_ORGANIZATION_ID };
/** Claims of older days are not kept by the service either. */
const CLAIMS_KEPT_MILLIS = 7 * 86_400_000;
const LONGEST_CLAIM_MILLIS = 86_400_000;

/** True when it is so long over that nothing of it is kept but its record. */
export function isRecordOnly(one: Appointment, now: Date): boolean {
  return one.endsAt < now.getTime() - CLAIMS_KEPT_MILLIS - LONGEST_CLAIM_MILLIS;
}

/** As text: the steps of a visit repeat its times, and making the text of a Date is what costs. */
function iso(at: number): string {
  return new Date(at).toISOString();
}

export function appointmentRow(one: Appointment): BatchRow {
  const status = one.steps.at(-1)?.status;
  return {
    ...organization,
    id: one.id,
    location_id: one.locationId,
    patient_id: one.patientId,
    status,
    starts_at: iso(one.startsAt),
    ends_at: iso(one.endsAt),
    channel: one.channel,
    cancel_reason: status === 'cancelled' ? 'patient_request' : null,
    version: one.steps.length,
    created_at: iso(one.steps[0].at),
  };
}

export function segmentRow(one: Appointment): BatchRow {
  return {
    ...organization,
    id: one.segmentId,
    appointment_id: one.id,
    position: 0,
    service_id: one.service.id,
    service_version_id: one.service.versionId,
    provider_id: one.providerId,
    room_id: one.roomId,
    starts_at: iso(one.startsAt),
    ends_at: iso(one.endsAt),
  };
}

/** One row for each step that it has taken. */
export function historyRows(one: Appointment): BatchRow[] {
  const [startsAt, endsAt] = [iso(one.startsAt), iso(one.endsAt)];
  const segments = [
    {
      id: one.segmentId,
      serviceId: one.service.id,
      providerId: one.providerId,
      roomId: one.roomId,
      startsAt,
      endsAt,
    },
  ];
  return one.steps.map((step, position) => ({
    ...organization,
    appointment_id: one.id,
    version: position + 1,
    at: iso(step.at),
    actor_kind: 'staff',
    actor_id: PRACTICE_OWNER_ID,
    action: step.action,
    channel: one.channel,
    reason: step.action === 'cancel' ? 'patient_request' : null,
    status: step.status,
    starts_at: startsAt,
    ends_at: endsAt,
    segments,
  }));
}

export function claimRows(one: Appointment, now: Date): BatchRow[] {
  return one.claims
    .filter((claim) => claim.until > now.getTime() - CLAIMS_KEPT_MILLIS)
    .map((claim) => ({
      ...organization,
      resource_id: claim.resourceId,
      during: `[${iso(claim.from)},${iso(claim.until)})`,
      kind: 'booking',
      is_blocking: true,
      appointment_id: one.id,
    }));
}
