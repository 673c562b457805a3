/**
 * The field of a request that each constraint speaks of. A violation without an entry is answered without naming a field.
 * `constraints.test.ts` fails when a name here is not in the catalog.
 */
const FIELDS: Record<string, string> = {
  location_organization_id_legal_entity_id_fkey: 'legalEntityId',
  location_time_zone_known: 'timeZone',
  staff_organization_id_email_index_key: 'email',
  emergency_access_organization_id_patient_id_fkey: 'patientId',
  custom_role_organization_id_name_key: 'name',
  staff_role_once: 'role',
  device_organization_id_location_id_fkey: 'locationId',
  provider_organization_id_staff_id_key: 'staffId',
  provider_organization_id_staff_id_fkey: 'staffId',
  room_type_organization_id_name_key: 'name',
  service_organization_id_name_key: 'name',
  service_version_organization_id_room_type_id_fkey: 'roomTypeId',
  service_version_one_at_a_time: 'effectiveFrom',
  service_price_one_at_a_time: 'effectiveFrom',
  service_price_organization_id_legal_entity_id_fkey: 'legalEntityId',
  provider_service_organization_id_provider_id_fkey: 'providerId',
  provider_service_organization_id_service_id_fkey: 'serviceId',
  room_organization_id_location_id_name_key: 'name',
  room_organization_id_location_id_fkey: 'locationId',
  room_organization_id_room_type_id_fkey: 'roomTypeId',
  shift_rotation_organization_id_provider_id_fkey: 'providerId',
  shift_rotation_organization_id_location_id_fkey: 'locationId',
  shift_rotation_one_at_a_time: 'effectiveFrom',
  shift_rotation_dates: 'effectiveUntil',
  shift_no_overlap: 'shifts',
  patient_relation_organization_id_related_id_fkey: 'relatedId',
  patient_relation_not_to_itself: 'relatedId',
  patient_relation_pkey: 'relatedId',
  patient_proxy_ends_later: 'endsAt',
  patient_proxy_one_at_a_time: 'proxyId',
  patient_deceased_is_inactive: 'isActive',
  patient_merged_is_inactive: 'isActive',
};

export const MAPPED_CONSTRAINTS = Object.keys(FIELDS);

export function fieldOfConstraint(constraint: string | undefined): string | undefined {
  return constraint === undefined ? undefined : FIELDS[constraint];
}
