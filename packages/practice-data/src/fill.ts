import { insertRows, type BatchRow, type Codec, type Database, type Tx } from '@medspa/database';
import { TEMPLATES } from './templates.ts';
import { EPOCH, PRACTICE_ORGANIZATION_ID, PRACTICE_OWNER_ID, type Appointment, type PracticeData } from './generate.ts';

/** Rows of one statement. */
const CHUNK = 2_000;
/** Claims of older days are not kept by the service either. */
const CLAIMS_KEPT_MILLIS = 7 * 86_400_000;

/**
 * Writes a generated organization, by set-based statements and as the owner of the practice: row-level security, constraints,
 * and audit triggers hold as for anybody. One transaction a group of tables, so that a broken fill is noticed at its place.
 */
export async function fillPracticeData(
  database: Database,
  codec: Codec,
  data: PracticeData,
  now: Date,
  say: (text: string) => void = () => {},
): Promise<void> {
  const organization = { organization_id: PRACTICE_ORGANIZATION_ID };
  const seal = (table: string, column: string, rowId: string, value: string) =>
    codec.seal({ organizationId: PRACTICE_ORGANIZATION_ID, table, column, rowId }, value);
  const index = (table: string, column: string, value: string) =>
    codec.blindIndex({ organizationId: PRACTICE_ORGANIZATION_ID, table, column }, value);
  const session = {
    organizationId: PRACTICE_ORGANIZATION_ID,
    actorKind: 'staff',
    actorId: PRACTICE_OWNER_ID,
    requestId: 'practice-data',
    action: 'practice.fill',
    now,
  };
  const write = (work: (tx: Tx) => Promise<void>) => database.withTransaction(session, work);

  say('Filling a practice clinic ...');
  await write(async (tx) => {
    await tx.organization.create({ data: { id: PRACTICE_ORGANIZATION_ID, name: 'Willow & Ash Aesthetics (practice)' } });
    await insert(tx, 'legal_entity', [{ ...organization, id: data.legalEntityId, name: 'Willow & Ash Aesthetics LLC', currency: 'USD' }]);
    await insert(
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
    await insert(
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
    const owner = { id: PRACTICE_OWNER_ID, givenName: 'Rowan', familyName: 'Ash', jobTitle: 'Owner' };
    const staff = [
      owner,
      ...data.frontDesk,
      ...data.providers.map(({ staffId, givenName, familyName, jobTitle }) => ({ id: staffId, givenName, familyName, jobTitle })),
    ];
    await insert(
      tx,
      'staff',
      staff.map(({ id, givenName, familyName, jobTitle }, position) => {
        const email = `${givenName}.${familyName}.${position}@clinic.example`.toLowerCase();
        return {
          ...organization,
          id,
          given_name: givenName,
          family_name: familyName,
          job_title: jobTitle,
          email_sealed: seal('staff', 'email_sealed', id, email),
          email_index: index('staff', 'email_sealed', email),
          is_active: true,
          version: 1,
          created_at: now,
        };
      }),
    );
    await insert(
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
    await insert(
      tx,
      'room_type',
      data.roomTypes.map(({ id, kind }) => ({ ...organization, id, name: kind, version: 1, created_at: now })),
    );
    const typeOf = new Map(data.roomTypes.map(({ id, kind }) => [kind, id]));
    await insert(
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
    await insert(
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
    await insert(
      tx,
      'service_version',
      data.services.map((service) => ({
        ...organization,
        id: service.versionId,
        service_id: service.id,
        effective_from: EPOCH,
        duration_minutes: service.minutes,
        buffer_before_minutes: service.before,
        buffer_after_minutes: service.after,
        room_type_id: typeOf.get(service.room),
        room_turnover_minutes: service.turnover,
        created_at: now,
      })),
    );
    await insert(
      tx,
      'service_price',
      data.services.map((service) => ({
        ...organization,
        id: service.versionId,
        service_id: service.id,
        legal_entity_id: data.legalEntityId,
        effective_from: EPOCH,
        price_cents: service.cents,
        created_at: now,
      })),
    );
    await insert(
      tx,
      'provider_service',
      data.providers.flatMap((provider) =>
        data.services
          .filter((service) => service.by.includes(provider.credential))
          .map((service) => ({ ...organization, provider_id: provider.id, service_id: service.id, created_at: now })),
      ),
    );
    await insert(
      tx,
      'shift_rotation',
      data.providers.map(({ id, rotationId, locationId }) => ({
        ...organization,
        id: rotationId,
        provider_id: id,
        location_id: locationId,
        weeks: 2,
        anchor_date: EPOCH,
        effective_from: EPOCH,
        version: 1,
        created_at: now,
      })),
    );
    await insert(
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
  });

  await write((tx) =>
    insert(
      tx,
      'patient',
      data.patients.map((patient) => ({
        ...organization,
        id: patient.id,
        given_name: patient.givenName,
        family_name: patient.familyName,
        preferred_name: patient.preferredName,
        birth_date_sealed: seal('patient', 'birth_date_sealed', patient.id, patient.birthDate),
        birth_date_index: index('patient', 'birth_date_sealed', patient.birthDate),
        phone_sealed: seal('patient', 'phone_sealed', patient.id, patient.phone),
        phone_index: index('patient', 'phone_sealed', patient.phone),
        email_sealed: seal('patient', 'email_sealed', patient.id, patient.email),
        email_index: index('patient', 'email_sealed', patient.email),
        is_active: true,
        version: 1,
        created_at: now,
      })),
    ),
  );
  say(`  ${data.locations.length} location, ${data.providers.length} providers, ${data.patients.length} patients`);

  for (let done = 0; done < data.appointments.length; done += CHUNK) {
    const chunk = data.appointments.slice(done, done + CHUNK);
    await write((tx) => insertAppointments(tx, chunk, now));
    say(`  ${Math.min(done + CHUNK, data.appointments.length)} of ${data.appointments.length} appointments`);
  }
  // The last row of a fill: without it, the next start knows that this one was interrupted.
  await write(async (tx) => {
    await tx.$executeRaw`SELECT app.emit(${PRACTICE_ORGANIZATION_ID}::uuid, 'practice.filled', ${PRACTICE_ORGANIZATION_ID}::uuid, '{}')`;
  });
}

async function insertAppointments(tx: Tx, appointments: Appointment[], now: Date): Promise<void> {
  const organization = { organization_id: PRACTICE_ORGANIZATION_ID };
  await insert(
    tx,
    'appointment',
    appointments.map((one) => ({
      ...organization,
      id: one.id,
      location_id: one.locationId,
      patient_id: one.patientId,
      status: one.steps.at(-1)?.status,
      starts_at: new Date(one.startsAt),
      ends_at: new Date(one.endsAt),
      channel: one.channel,
      cancel_reason: one.steps.at(-1)?.status === 'cancelled' ? 'patient_request' : null,
      version: one.steps.length,
      created_at: new Date(one.steps[0].at),
    })),
  );
  await insert(
    tx,
    'appointment_segment',
    appointments.map((one) => ({
      ...organization,
      id: one.segmentId,
      appointment_id: one.id,
      position: 0,
      service_id: one.service.id,
      service_version_id: one.service.versionId,
      provider_id: one.providerId,
      room_id: one.roomId,
      starts_at: new Date(one.startsAt),
      ends_at: new Date(one.endsAt),
    })),
  );
  await insert(
    tx,
    'appointment_history',
    appointments.flatMap((one) =>
      one.steps.map((step, position) => ({
        ...organization,
        appointment_id: one.id,
        version: position + 1,
        at: new Date(step.at),
        actor_kind: 'staff',
        actor_id: PRACTICE_OWNER_ID,
        action: step.action,
        channel: one.channel,
        reason: step.action === 'cancel' ? 'patient_request' : null,
        status: step.status,
        starts_at: new Date(one.startsAt),
        ends_at: new Date(one.endsAt),
        segments: [
          {
            id: one.segmentId,
            serviceId: one.service.id,
            providerId: one.providerId,
            roomId: one.roomId,
            startsAt: new Date(one.startsAt).toISOString(),
            endsAt: new Date(one.endsAt).toISOString(),
          },
        ],
      })),
    ),
  );
  await insert(
    tx,
    'claim',
    appointments.flatMap((one) =>
      one.claims
        .filter((claim) => claim.until > now.getTime() - CLAIMS_KEPT_MILLIS)
        .map((claim) => ({
          ...organization,
          resource_id: claim.resourceId,
          during: `[${new Date(claim.from).toISOString()},${new Date(claim.until).toISOString()})`,
          kind: 'booking',
          is_blocking: true,
          appointment_id: one.id,
        })),
    ),
  );
  const coming = appointments.filter((one) => one.startsAt > now.getTime() && one.claims.length > 0).map((one) => one.id);
  await tx.$executeRaw`SELECT count(app.watch_arrival(id, starts_at + interval '15 minutes')) FROM appointment WHERE organization_id = ${PRACTICE_ORGANIZATION_ID}::uuid AND id = ANY (${coming}::uuid[])`;
}

async function insert(tx: Tx, table: string, rows: BatchRow[]): Promise<void> {
  await insertRows(tx, table, rows);
}
