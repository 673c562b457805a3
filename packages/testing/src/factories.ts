import { insertRows, type Database, type Session, type Tx } from '@medspa/database';
import { v7 as newId } from 'uuid';

// Valid rows with unique values, through the same door as the service. Every test makes an organization of its own, so that
// tests of a file neither see nor disturb each other.

/** Monday morning, 07:00 in New York: before the factory's clinic opens. */
export const NOW = new Date('2026-03-02T12:00:00Z');

/** A clinic that can be booked: one location, one provider with one service, two rooms, all days 08:00-20:00. */
export type Clinic = {
  organizationId: string;
  actorId: string;
  legalEntityId: string;
  locationId: string;
  roomTypeId: string;
  roomIds: string[];
  providerId: string;
  serviceId: string;
  rotationId: string;
  timeZone: string;
};

export type ClinicOptions = {
  timeZone?: string;
  rooms?: number;
  providers?: number;
  durationMinutes?: number;
  bufferBeforeMinutes?: number;
  bufferAfterMinutes?: number;
  roomTurnoverMinutes?: number;
  needsRoom?: boolean;
  shift?: { startsAt: string; endsAt: string };
};

export function sessionIn(organizationId: string, actorId: string, action = 'test.arrange', now = new Date()): Session {
  return { organizationId, actorKind: 'staff', actorId, requestId: newId(), action, now, locations: null, patients: null };
}

/** Runs the work as the clinic's owner. */
export function arrange<T>(
  database: Database,
  clinic: Pick<Clinic, 'organizationId' | 'actorId'>,
  work: (tx: Tx) => Promise<T>,
): Promise<T> {
  return database.withTransaction(sessionIn(clinic.organizationId, clinic.actorId), work);
}

export async function aClinic(database: Database, options: ClinicOptions = {}): Promise<Clinic & { providerIds: string[] }> {
  const organizationId = newId();
  const timeZone = options.timeZone ?? 'America/New_York';
  const id = { actorId: newId(), legalEntityId: newId(), locationId: newId(), roomTypeId: newId(), serviceId: newId() };
  const roomIds = Array.from({ length: options.rooms ?? 2 }, () => newId());
  const of = { organizationId };
  return arrange(database, { organizationId, actorId: id.actorId }, async (tx) => {
    await tx.organization.create({ data: { id: organizationId, name: 'Test Aesthetics' } });
    await tx.legalEntity.create({ data: { ...of, id: id.legalEntityId, name: 'Test LLC', currency: 'USD' } });
    await tx.location.create({ data: { ...of, id: id.locationId, legalEntityId: id.legalEntityId, name: 'Main Street', timeZone } });
    await tx.staff.create({ data: { ...of, id: id.actorId, givenName: 'Olive', familyName: 'Owner', jobTitle: 'Owner' } });
    await tx.staffRole.create({ data: { ...of, staffId: id.actorId, role: 'owner' } });
    await tx.roomType.create({ data: { ...of, id: id.roomTypeId, name: 'Treatment' } });
    for (const [position, roomId] of roomIds.entries()) {
      await tx.room.create({
        data: { ...of, id: roomId, locationId: id.locationId, roomTypeId: id.roomTypeId, name: `Room ${position + 1}`, position },
      });
    }
    await tx.service.create({ data: { ...of, id: id.serviceId, name: 'Toxin', category: 'Injectables' } });
    await tx.serviceVersion.create({
      data: {
        ...of,
        serviceId: id.serviceId,
        effectiveFrom: new Date('2020-01-01'),
        durationMinutes: options.durationMinutes ?? 30,
        bufferBeforeMinutes: options.bufferBeforeMinutes ?? 0,
        bufferAfterMinutes: options.bufferAfterMinutes ?? 0,
        roomTurnoverMinutes: options.roomTurnoverMinutes ?? 0,
        roomTypeId: (options.needsRoom ?? true) ? id.roomTypeId : null,
      },
    });
    const clinic = { ...of, ...id, roomIds, timeZone };
    const providers: { providerId: string; rotationId: string }[] = [];
    for (let count = 0; count < (options.providers ?? 1); count++) providers.push(await aProvider(tx, clinic, options.shift));
    const [first] = providers;
    if (!first) throw new Error('A clinic has at least one provider.');
    return { ...clinic, ...first, providerIds: providers.map(({ providerId }) => providerId) };
  });
}

/** A provider who performs the clinic's service on every day of the week. */
export async function aProvider(
  tx: Tx,
  clinic: Pick<Clinic, 'organizationId' | 'locationId' | 'serviceId'>,
  shift = { startsAt: '08:00', endsAt: '20:00' },
): Promise<{ providerId: string; rotationId: string }> {
  const [providerId, rotationId] = [await aNewProvider(tx, clinic), newId()];
  const of = { organizationId: clinic.organizationId };
  await tx.providerService.create({ data: { ...of, providerId, serviceId: clinic.serviceId } });
  await tx.shiftRotation.create({
    data: {
      ...of,
      id: rotationId,
      providerId,
      locationId: clinic.locationId,
      weeks: 1,
      anchorDate: new Date('2020-01-06'),
      effectiveFrom: new Date('2020-01-01'),
    },
  });
  await insertRows(
    tx,
    'shift',
    [1, 2, 3, 4, 5, 6, 7].map((weekday) => ({
      organization_id: clinic.organizationId,
      id: newId(),
      rotation_id: rotationId,
      weeks: 1,
      week: 0,
      weekday,
      starts_at: shift.startsAt,
      ends_at: shift.endsAt,
    })),
  );
  return { providerId, rotationId };
}

/** A provider without skills and shifts. */
export async function aNewProvider(tx: Tx, { organizationId }: Pick<Clinic, 'organizationId'>): Promise<string> {
  const [staffId, id] = [newId(), newId()];
  await tx.staff.create({ data: { organizationId, id: staffId, givenName: 'Pat', familyName: 'Provider', jobTitle: 'Injector' } });
  await tx.provider.create({ data: { organizationId, id, staffId, displayName: 'Pat Provider', credential: 'RN' } });
  return id;
}

export async function aPatient(
  database: Database,
  clinic: Pick<Clinic, 'organizationId' | 'actorId'>,
  data: { givenName?: string; familyName?: string; isActive?: boolean } = {},
): Promise<string> {
  const id = newId();
  await arrange(database, clinic, async (tx) => {
    await tx.patient.create({
      data: {
        organizationId: clinic.organizationId,
        id,
        givenName: data.givenName ?? 'Paula',
        familyName: data.familyName ?? `Patient-${id.slice(-6)}`,
        isActive: data.isActive ?? true,
      },
    });
  });
  return id;
}
