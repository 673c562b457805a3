import type { Role } from '@medspa/contracts';
import { insertRows, type BatchRow, type Codec, type Tx } from '@medspa/database';
import { PRACTICE_ORGANIZATION_ID, type Clinic, type Patient } from './generate.ts';
import { PRACTICE_PEOPLE } from './people.ts';
import { TEMPLATES } from './templates.ts';

const organization = { organization_id: PRACTICE_ORGANIZATION_ID };

/** Writes everything of a clinic but its patients and appointments. */
export async function insertClinic(tx: Tx, codec: Codec, data: Clinic, now: Date): Promise<void> {
  await tx.organization.create({ data: { id: PRACTICE_ORGANIZATION_ID, name: 'Willow & Ash Aesthetics (practice)' } });
  await insertRows(tx, 'legal_entity', [{ ...organization, id: data.legalEntityId, name: 'Willow & Ash Aesthetics LLC', currency: 'USD' }]);
  await insertRows(
    tx,
    'location',
    data.locations.map(({ id, name, timeZone, street, city, region, postalCode }) => ({
      ...organization,
      id,
      name,
      street,
      city,
      region,
      legal_entity_id: data.legalEntityId,
      time_zone: timeZone,
      slot_minutes: 15,
      postal_code: postalCode,
      country: 'US',
      is_active: true,
      version: 1,
      created_at: now,
    })),
  );
  await insertRows(
    tx,
    'message_template',
    TEMPLATES.map(({ kind, channel, title, body }, position) => ({
      ...organization,
      id: `01a00000-0000-7000-8000-00000000b${String(position).padStart(3, '0')}`,
      kind,
      channel,
      title,
      body,
      revision: 1,
      is_active: true,
      created_at: now,
    })),
  );
  const known = new Set(PRACTICE_PEOPLE.map(({ id }) => id));
  const others = [
    ...data.frontDesk,
    ...data.providers.map(({ staffId, givenName, familyName, jobTitle }) => ({ id: staffId, givenName, familyName, jobTitle })),
  ].filter(({ id }) => !known.has(id));
  const staff = [
    ...PRACTICE_PEOPLE,
    ...others.map((person, position) => ({
      ...person,
      email: `${person.givenName}.${person.familyName}.${position}@clinic.example`.toLowerCase(),
    })),
  ];
  await insertRows(
    tx,
    'staff',
    staff.map(({ id, givenName, familyName, jobTitle, email }) => ({
      ...organization,
      id,
      given_name: givenName,
      family_name: familyName,
      job_title: jobTitle,
      email_sealed: seal(codec, 'staff', 'email_sealed', id, email),
      email_index: index(codec, 'staff', 'email_sealed', email),
      is_active: true,
      version: 1,
      created_at: now,
    })),
  );
  await insertRows(tx, 'staff_role', roleRows(data, now));
  await insertRows(
    tx,
    'provider',
    data.providers.map(({ id, staffId, givenName, familyName, credential }) => ({
      ...organization,
      id,
      staff_id: staffId,
      display_name: `${givenName} ${familyName}`,
      credential,
      is_active: true,
      version: 1,
      created_at: now,
    })),
  );
  await insertRows(
    tx,
    'room_type',
    data.roomTypes.map(({ id, kind }) => ({ ...organization, id, name: kind, version: 1, created_at: now })),
  );
  const typeOf = new Map(data.roomTypes.map(({ id, kind }) => [kind, id]));
  await insertRows(
    tx,
    'room',
    data.rooms.map(({ id, locationId, kind, name, position }) => ({
      ...organization,
      id,
      location_id: locationId,
      room_type_id: typeOf.get(kind),
      name,
      position,
      is_active: true,
      version: 1,
      created_at: now,
    })),
  );
  await insertRows(
    tx,
    'service',
    data.services.map(({ id, name, category }) => ({
      ...organization,
      id,
      name,
      category,
      is_active: true,
      version: 1,
      created_at: now,
    })),
  );
  await insertRows(
    tx,
    'service_version',
    data.services.map((service) => ({
      ...organization,
      id: service.versionId,
      service_id: service.id,
      effective_from: data.since,
      duration_minutes: service.minutes,
      buffer_before_minutes: service.before,
      buffer_after_minutes: service.after,
      room_type_id: typeOf.get(service.room),
      room_turnover_minutes: service.turnover,
      created_at: now,
    })),
  );
  await insertRows(
    tx,
    'service_price',
    data.services.map((service) => ({
      ...organization,
      id: service.versionId,
      service_id: service.id,
      legal_entity_id: data.legalEntityId,
      effective_from: data.since,
      price_cents: service.cents,
      created_at: now,
    })),
  );
  await insertRows(
    tx,
    'provider_service',
    data.providers.flatMap((provider) =>
      data.services
        .filter((service) => service.by.includes(provider.credential))
        .map((service) => ({ ...organization, provider_id: provider.id, service_id: service.id, created_at: now })),
    ),
  );
  await insertRows(
    tx,
    'shift_rotation',
    data.providers.map(({ id, rotationId, locationId }) => ({
      ...organization,
      id: rotationId,
      provider_id: id,
      location_id: locationId,
      weeks: 2,
      anchor_date: data.since,
      effective_from: data.since,
      version: 1,
      created_at: now,
    })),
  );
  await insertRows(
    tx,
    'shift',
    data.providers.flatMap(({ rotationId, shifts }) =>
      shifts.map(({ id, week, weekday, startsAt, endsAt }) => ({
        ...organization,
        id,
        rotation_id: rotationId,
        weeks: 2,
        week,
        weekday,
        starts_at: startsAt,
        ends_at: endsAt,
      })),
    ),
  );
}

/** What people are by their job; whoever performs services and has no other is a provider. */
const ROLE_OF_JOB: Record<string, Role> = {
  'Front desk': 'front-desk',
  'Office manager': 'manager',
  'Medical director': 'medical-director',
};

/** People of the desk and providers at the location where they work, medical directors and whoever runs the group everywhere. */
function roleRows({ locations, frontDesk, providers }: Clinic, now: Date): BatchRow[] {
  const people = [...frontDesk, ...providers.map(({ staffId, ...provider }) => ({ ...provider, id: staffId }))];
  const given = people.map(({ id, jobTitle, locationId }) => {
    const role = ROLE_OF_JOB[jobTitle] ?? 'provider';
    return { id, role, locationId: role === 'medical-director' ? null : locationId };
  });
  const atFirst = new Set<Role>(['front-desk', 'provider']);
  const known = PRACTICE_PEOPLE.map(({ id, role }) => ({ id, role, locationId: atFirst.has(role) ? (locations[0]?.id ?? null) : null }));
  const ids = new Set(known.map(({ id }) => id));
  return [...known, ...given.filter(({ id }) => !ids.has(id))].map(({ id, role, locationId }) => ({
    ...organization,
    id,
    role,
    staff_id: id,
    location_id: locationId,
    created_at: now,
  }));
}

/** The row of a patient, what is sealed sealed. */
export function patientRow(codec: Codec, patient: Patient, now: Date): BatchRow {
  return {
    ...organization,
    id: patient.id,
    given_name: patient.givenName,
    family_name: patient.familyName,
    preferred_name: patient.preferredName,
    birth_date_sealed: seal(codec, 'patient', 'birth_date_sealed', patient.id, patient.birthDate),
    birth_date_index: index(codec, 'patient', 'birth_date_sealed', patient.birthDate),
    phone_sealed: seal(codec, 'patient', 'phone_sealed', patient.id, patient.phone),
    phone_index: index(codec, 'patient', 'phone_sealed', patient.phone),
    email_sealed: seal(codec, 'patient', 'email_sealed', patient.id, patient.email),
    email_index: index(codec, 'patient', 'email_sealed', patient.email),
    is_active: true,
    version: 1,
    created_at: now,
  };
}

function seal(codec: Codec, table: string, column: string, rowId: string, value: string): Uint8Array {
  return codec.seal({ organizationId: PRACTICE_ORGANIZATION_ID, table, column, rowId }, value);
}

function index(codec: Codec, table: string, column: string, value: string): Uint8Array {
  return codec.blindIndex({ organizationId: PRACTICE_ORGANIZATION_ID, table, column }, value);
}
