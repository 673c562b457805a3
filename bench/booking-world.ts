import { createHash, randomUUID } from 'node:crypto';
import type { BookAppointment } from '@medspa/contracts';
import { insertRows, type Session } from '@medspa/database';
import { beginPracticeSession, type SessionHeaders } from '@medspa/practice-data';
import { v7 as newId } from 'uuid';
import type { BenchDatabase } from './database.ts';

const LOCATIONS = 10;
const PROVIDERS = 100;
const DAYS = 700;
const SLOTS_PER_DAY = 24;
const SLOT_MINUTES = 30;

/** A chain whose every provider is open all day, so that a benchmark never runs out of slots. */
export type World = {
  organizationId: string;
  actorId: string;
  /** With these a request is one of the clinic's owner. */
  signedIn: SessionHeaders;
  serviceId: string;
  locationIds: string[];
  providerIds: string[];
  patientIds: string[];
  firstDay: number;
};

export type Slot = { locationId: string; providerId: string; patientId: string; serviceId: string; startsAt: Date };

export async function fillWorld({ database }: BenchDatabase): Promise<World> {
  const ids = (count: number) => Array.from({ length: count }, () => newId());
  const [organizationId = '', actorId = '', serviceId = '', legalEntityId = '', roomTypeId = ''] = ids(5);
  const [locationIds, providerIds, staffIds, rotationIds, patientIds] = [
    ids(LOCATIONS),
    ids(PROVIDERS),
    ids(PROVIDERS),
    ids(PROVIDERS),
    ids(PROVIDERS * 5),
  ];
  const locationOf = (index: number) => locationIds[index % LOCATIONS] ?? '';
  const of = { organization_id: organizationId };
  const made = { version: 1, created_at: new Date() };
  await database.withTransaction(sessionOf({ organizationId, actorId }, 'bench.fill'), async (tx) => {
    await tx.organization.create({ data: { id: organizationId, name: 'Bench' } });
    await insertRows(tx, 'legal_entity', [{ ...of, ...made, id: legalEntityId, name: 'Bench LLC', currency: 'USD' }]);
    await insertRows(
      tx,
      'location',
      locationIds.map((id, index) => ({
        ...of,
        ...made,
        id,
        legal_entity_id: legalEntityId,
        name: `Location ${index}`,
        time_zone: 'UTC',
        slot_minutes: 30,
        country: 'US',
        is_active: true,
      })),
    );
    await insertRows(
      tx,
      'staff',
      [actorId, ...staffIds].map((id, index) => ({
        ...of,
        ...made,
        id,
        given_name: 'Bench',
        family_name: `Provider ${index}`,
        job_title: 'Injector',
        is_active: true,
      })),
    );
    await tx.staffRole.create({ data: { organizationId, staffId: actorId, role: 'owner' } });
    await insertRows(
      tx,
      'provider',
      providerIds.map((id, index) => ({
        ...of,
        ...made,
        id,
        staff_id: staffIds[index],
        display_name: `Provider ${index}`,
        credential: 'RN',
        is_active: true,
      })),
    );
    await insertRows(tx, 'room_type', [{ ...of, ...made, id: roomTypeId, name: 'Treatment' }]);
    await insertRows(
      tx,
      'room',
      providerIds.map((_, index) => ({
        ...of,
        ...made,
        id: newId(),
        location_id: locationOf(index),
        room_type_id: roomTypeId,
        name: `Room ${index}`,
        position: index,
        is_active: true,
      })),
    );
    await insertRows(tx, 'service', [{ ...of, ...made, id: serviceId, name: 'Toxin', category: 'Injectables', is_active: true }]);
    await insertRows(tx, 'service_version', [
      {
        ...of,
        id: newId(),
        service_id: serviceId,
        effective_from: '2020-01-01',
        duration_minutes: SLOT_MINUTES,
        buffer_before_minutes: 0,
        buffer_after_minutes: 0,
        room_type_id: roomTypeId,
        room_turnover_minutes: 0,
        created_at: new Date(),
      },
    ]);
    await insertRows(
      tx,
      'provider_service',
      providerIds.map((id) => ({ ...of, provider_id: id, service_id: serviceId, created_at: new Date() })),
    );
    await insertRows(
      tx,
      'shift_rotation',
      rotationIds.map((id, index) => ({
        ...of,
        ...made,
        id,
        provider_id: providerIds[index],
        location_id: locationOf(index),
        weeks: 1,
        anchor_date: '2020-01-06',
        effective_from: '2020-01-06',
      })),
    );
    await insertRows(
      tx,
      'shift',
      rotationIds.flatMap((id) =>
        [1, 2, 3, 4, 5, 6, 7].map((weekday) => ({
          ...of,
          id: newId(),
          rotation_id: id,
          weeks: 1,
          week: 0,
          weekday,
          starts_at: '08:00',
          ends_at: '20:00',
        })),
      ),
    );
    await insertRows(
      tx,
      'patient',
      patientIds.map((id, index) => ({ ...of, ...made, id, given_name: 'Bench', family_name: `Patient ${index}`, is_active: true })),
    );
  });
  const signedIn = await beginPracticeSession(database, { organizationId, actorId });
  const tomorrow = Math.floor(Date.now() / 86_400_000) + 1;
  return { organizationId, actorId, signedIn, serviceId, locationIds, providerIds, patientIds, firstDay: tomorrow };
}

/** Open slots in scattered order, each once; a patient is never wanted by two providers at the same time. */
export function openSlots(world: World): () => Slot {
  const count = PROVIDERS * DAYS * SLOTS_PER_DAY;
  let turn = 0;
  return () => {
    if (turn === count) throw new Error('The benchmark has run out of slots.');
    // A step that shares no factor with the count visits every slot once.
    const index = (turn++ * 1_000_003) % count;
    const provider = index % PROVIDERS;
    const time = Math.floor(index / PROVIDERS);
    const [day, slot] = [Math.floor(time / SLOTS_PER_DAY), time % SLOTS_PER_DAY];
    return {
      locationId: world.locationIds[provider % LOCATIONS] ?? '',
      providerId: world.providerIds[provider] ?? '',
      patientId: world.patientIds[provider + PROVIDERS * (time % 5)] ?? '',
      serviceId: world.serviceId,
      startsAt: new Date((world.firstDay + day) * 86_400_000 + 8 * 3_600_000 + slot * SLOT_MINUTES * 60_000),
    };
  };
}

export function sessionOf({ organizationId, actorId }: Pick<World, 'organizationId' | 'actorId'>, action: string): Session {
  return { organizationId, actorKind: 'staff', actorId, requestId: randomUUID(), action, now: new Date(), locations: null, patients: null };
}

/** A slot as the service takes it, and as it travels through HTTP. */
export function inputOf({ locationId, patientId, providerId, serviceId, startsAt }: Slot): BookAppointment {
  return { locationId, patientId, startsAt: { instant: startsAt }, services: [{ serviceId, providerId }], channel: 'desk' };
}

export function wireOf({ startsAt, ...slot }: Slot): string {
  return JSON.stringify({
    locationId: slot.locationId,
    patientId: slot.patientId,
    startsAt: startsAt.toISOString(),
    services: [{ serviceId: slot.serviceId, providerId: slot.providerId }],
  });
}

/** The parameters of the SQL verb, as the service sends them. */
export function parametersOf(world: World, { locationId, patientId, providerId, serviceId, startsAt }: Slot): [string, string] {
  const request = {
    appointmentId: newId(),
    locationId,
    patientId,
    startsAt,
    channel: 'desk',
    noteSealed: null,
    idempotency: {
      route: 'POST /v1/appointments',
      key: randomUUID(),
      bodyHash: createHash('sha256').update(patientId).digest('hex').slice(0, 32),
      expiresAt: new Date(Date.now() + 86_400_000),
    },
    services: [{ segmentId: newId(), serviceId, providerId }],
  };
  return [JSON.stringify(sessionOf(world, 'appointment.book')), JSON.stringify(request)];
}
