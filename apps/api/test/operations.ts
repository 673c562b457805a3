import type { Permission } from '@medspa/contracts';
import { aClinic, aNewProvider, aPatient, arrange, type TestDatabase } from '@medspa/testing';
import { v7 as newId } from 'uuid';
import { openApiDocument } from '../src/app.ts';
import { testApp } from './harness.ts';

// One valid request for every operation of the OpenAPI document, on a clinic with a row of every kind. Properties that hold for
// all of them (who may, whose rows, what is refused) are tested from this table; an operation that is not in it fails the tests.

export const NOW = new Date('2026-03-02T12:00:00Z');

export type Ids = Awaited<ReturnType<typeof aFurnishedClinic>>;
export type Request = { params?: Record<string, string>; query?: Record<string, string>; body?: Record<string, unknown> };
export type Recipe = { needs: Permission; request: (ids: Ids) => Request };

/** A clinic with at least one row of everything that a request can name, and an appointment. */
export async function aFurnishedClinic(t: TestDatabase) {
  const clinic = await aClinic(t.database);
  const { organizationId } = clinic;
  const [staffId, patientId, relatedId] = [newId(), await aPatient(t.database, clinic), await aPatient(t.database, clinic)];
  const spareProviderId = await arrange(t.database, clinic, async (tx) => {
    await tx.staff.create({ data: { organizationId, id: staffId, givenName: 'Sam', familyName: 'Spare', jobTitle: 'Aesthetician' } });
    await tx.patientRelation.create({ data: { organizationId, patientId, relatedId, kind: 'spouse' } });
    return aNewProvider(tx, clinic);
  });
  const roomId = clinic.roomIds[0] ?? '';
  const { locationId, serviceId, providerId } = clinic;
  const { status, body } = await testApp(t.database, { as: clinic, now: () => NOW }).send<{ id: string; services: { id: string }[] }>(
    'POST',
    '/v1/appointments',
    { locationId, patientId, startsAt: '2026-03-04T15:00:00Z', services: [{ serviceId, providerId, roomId }] },
  );
  if (status !== 201) throw new Error(`The clinic's appointment could not be booked: ${status}.`);
  return {
    ...clinic,
    roomId,
    staffId,
    spareProviderId,
    patientId,
    relatedId,
    appointmentId: body.id,
    segmentId: body.services[0]?.id ?? '',
  };
}

const version = 1;
const list = (needs: Permission, cursor: (ids: Ids) => string): Recipe => ({
  needs,
  request: (ids) => ({ query: { limit: '10', cursor: cursor(ids) } }),
});
const read = (needs: Permission, id: (ids: Ids) => string): Recipe => ({ needs, request: (ids) => ({ params: { id: id(ids) } }) });
const create = (needs: Permission, body: (ids: Ids) => Record<string, unknown>): Recipe => ({
  needs,
  request: (ids) => ({ body: body(ids) }),
});
const change = (needs: Permission, id: (ids: Ids) => string, body: (ids: Ids) => Record<string, unknown>): Recipe => ({
  needs,
  request: (ids) => ({ params: { id: id(ids) }, body: body(ids) }),
});

export const RECIPES: Record<string, Recipe> = {
  'GET /v1/organization': { needs: 'organization:read', request: () => ({}) },
  'PATCH /v1/organization': create('organization:write', () => ({ name: 'Renamed', version })),
  'GET /v1/legal-entities': list('organization:read', (ids) => ids.legalEntityId),
  'POST /v1/legal-entities': create('organization:write', () => ({ name: 'Second LLC', currency: 'USD' })),
  'PATCH /v1/legal-entities/{id}': change(
    'organization:write',
    (ids) => ids.legalEntityId,
    () => ({ name: 'Renamed LLC', version }),
  ),
  'GET /v1/locations': list('organization:read', (ids) => ids.locationId),
  'POST /v1/locations': create('organization:write', ({ legalEntityId }) => ({
    legalEntityId,
    name: 'Second Street',
    timeZone: 'America/Chicago',
    slotMinutes: 20,
    street: '2 Second Street',
    city: 'Chicago',
    region: 'IL',
    postalCode: '60601',
    country: 'US',
  })),
  'GET /v1/locations/{id}': read('organization:read', (ids) => ids.locationId),
  'PATCH /v1/locations/{id}': change(
    'organization:write',
    (ids) => ids.locationId,
    () => ({ name: 'Moved', isActive: true, version }),
  ),
  'GET /v1/staff': list('staff:read', (ids) => ids.staffId),
  'POST /v1/staff': create('staff:write', () => ({
    givenName: 'Nora',
    familyName: 'New',
    jobTitle: 'Front desk',
    email: 'nora@clinic.example',
  })),
  'GET /v1/staff/{id}': read('staff:read', (ids) => ids.staffId),
  'PATCH /v1/staff/{id}': change(
    'staff:write',
    (ids) => ids.staffId,
    () => ({ jobTitle: 'Manager', email: null, version }),
  ),
  'GET /v1/providers': list('staff:read', (ids) => ids.providerId),
  'POST /v1/providers': create('staff:write', ({ staffId }) => ({ staffId, displayName: 'Sam S.', credential: 'LE' })),
  'GET /v1/providers/{id}': read('staff:read', (ids) => ids.providerId),
  'PATCH /v1/providers/{id}': change(
    'staff:write',
    (ids) => ids.providerId,
    () => ({ credential: 'NP', isActive: true, version }),
  ),
  'GET /v1/room-types': list('catalog:read', (ids) => ids.roomTypeId),
  'POST /v1/room-types': create('catalog:write', () => ({ name: 'Laser' })),
  'PATCH /v1/room-types/{id}': change(
    'catalog:write',
    (ids) => ids.roomTypeId,
    () => ({ name: 'Treatment room', version }),
  ),
  'GET /v1/services': list('catalog:read', (ids) => ids.serviceId),
  'POST /v1/services': create('catalog:write', ({ roomTypeId }) => ({
    name: 'Peel',
    category: 'Skin',
    terms: { effectiveFrom: '2026-01-01', durationMinutes: 45, bufferAfterMinutes: 10, roomTypeId, roomTurnoverMinutes: 5 },
  })),
  'GET /v1/services/{id}': read('catalog:read', (ids) => ids.serviceId),
  'PATCH /v1/services/{id}': change(
    'catalog:write',
    (ids) => ids.serviceId,
    () => ({ name: 'Toxin, three areas', isActive: true, version }),
  ),
  'POST /v1/services/{id}/terms': change(
    'catalog:write',
    (ids) => ids.serviceId,
    ({ roomTypeId }) => ({
      effectiveFrom: '2026-04-01',
      durationMinutes: 40,
      bufferBeforeMinutes: 5,
      roomTypeId,
    }),
  ),
  'POST /v1/services/{id}/prices': change(
    'catalog:write',
    (ids) => ids.serviceId,
    ({ legalEntityId }) => ({
      legalEntityId,
      effectiveFrom: '2026-04-01',
      price: { amount: 42_000, currency: 'USD' },
    }),
  ),
  'PUT /v1/services/{id}/providers/{providerId}': {
    needs: 'catalog:write',
    request: (ids) => ({ params: { id: ids.serviceId, providerId: ids.spareProviderId } }),
  },
  'DELETE /v1/services/{id}/providers/{providerId}': {
    needs: 'catalog:write',
    request: (ids) => ({ params: { id: ids.serviceId, providerId: ids.providerId } }),
  },
  'GET /v1/rooms': list('schedule:read', (ids) => ids.roomId),
  'POST /v1/rooms': create('schedule:write', ({ locationId, roomTypeId }) => ({ locationId, roomTypeId, name: 'Room 9', position: 9 })),
  'PATCH /v1/rooms/{id}': change(
    'schedule:write',
    (ids) => ids.roomId,
    () => ({ name: 'Room A', position: 2, isActive: false, version }),
  ),
  'GET /v1/shift-rotations': {
    needs: 'schedule:read',
    request: (ids) => ({ query: { providerId: ids.providerId, locationId: ids.locationId, cursor: ids.rotationId } }),
  },
  'POST /v1/shift-rotations': create('schedule:write', ({ spareProviderId, locationId }) => ({
    providerId: spareProviderId,
    locationId,
    weeks: 2,
    anchorDate: '2026-03-02',
    effectiveFrom: '2026-03-02',
    effectiveUntil: '2026-09-01',
    shifts: [{ week: 1, weekday: 3, startsAt: '09:00', endsAt: '17:00' }],
  })),
  'POST /v1/shift-rotations/{id}/end': change(
    'schedule:write',
    (ids) => ids.rotationId,
    () => ({ effectiveUntil: '2026-06-01', version }),
  ),
  'GET /v1/availability': {
    needs: 'schedule:read',
    request: (ids) => ({
      query: {
        locationId: ids.locationId,
        serviceId: ids.serviceId,
        providerId: ids.providerId,
        patientId: ids.patientId,
        from: '2026-03-03',
        to: '2026-03-05',
      },
    }),
  },
  'GET /v1/locations/{id}/day': {
    needs: 'appointment:read',
    request: (ids) => ({ params: { id: ids.locationId }, query: { date: '2026-03-04' } }),
  },
  'GET /v1/locations/{id}/events': {
    needs: 'appointment:read',
    request: (ids) => ({ params: { id: ids.locationId }, query: { after: '0', limit: '10' } }),
  },
  'POST /v1/appointments': create('appointment:write', ({ locationId, patientId, serviceId, providerId, roomId }) => ({
    locationId,
    patientId,
    startsAt: '2026-03-03T15:00:00Z',
    services: [{ serviceId, providerId, roomId }],
    channel: 'phone',
    note: 'Prefers the window.',
  })),
  'GET /v1/appointments/{id}': read('appointment:read', (ids) => ids.appointmentId),
  'GET /v1/appointments/{id}/history': read('appointment:read', (ids) => ids.appointmentId),
  'POST /v1/appointments/{id}/reschedule': change(
    'appointment:write',
    (ids) => ids.appointmentId,
    ({ segmentId, providerId, roomId }) => ({
      startsAt: '2026-03-04T17:00:00Z',
      assignments: [{ id: segmentId, providerId, roomId }],
      reason: 'patient_request',
      version,
    }),
  ),
  'POST /v1/appointments/{id}/cancel': change(
    'appointment:write',
    (ids) => ids.appointmentId,
    () => ({ reason: 'patient_unwell', note: 'Flu.', version }),
  ),
  'POST /v1/appointments/{id}/transitions': change(
    'appointment:write',
    (ids) => ids.appointmentId,
    () => ({ action: 'confirm', version }),
  ),
  'GET /v1/patients': list('patient:read', (ids) => ids.patientId),
  'POST /v1/patients': create('patient:write', () => ({
    givenName: 'Nina',
    familyName: 'Neu',
    preferredName: 'Ni',
    pronouns: 'she/her',
    birthDate: '1990-05-17',
    phone: '+1 212 555 0100',
    email: 'nina@patients.example',
    address: { street: '1 Elm Street', city: 'New York' },
    note: 'Likes tea.',
  })),
  'POST /v1/patients/search': create('patient:read', ({ patientId }) => ({ name: 'P', limit: 5, cursor: patientId })),
  'POST /v1/patients/import': create('patient:import', () => ({
    patients: [{ sourceId: 'old-1', givenName: 'Ivy', familyName: 'Import' }],
  })),
  'GET /v1/patients/{id}': read('patient:read', (ids) => ids.patientId),
  'PATCH /v1/patients/{id}': change(
    'patient:write',
    (ids) => ids.patientId,
    () => ({ preferredName: 'Pia', phone: null, version }),
  ),
  'POST /v1/patients/{id}/relations': change(
    'patient:write',
    (ids) => ids.patientId,
    ({ relatedId }) => ({ relatedId, kind: 'payer' }),
  ),
  'DELETE /v1/patients/{id}/relations/{relatedId}': {
    needs: 'patient:write',
    request: (ids) => ({ params: { id: ids.patientId, relatedId: ids.relatedId } }),
  },
};

export type JsonSchema = {
  type?: string | string[];
  format?: string;
  enum?: unknown[];
  required?: string[];
  properties?: Record<string, JsonSchema>;
  items?: JsonSchema;
  anyOf?: JsonSchema[];
};
export type Operation = {
  name: string;
  method: string;
  path: string;
  success: number;
  parameters: { in: 'path' | 'query' | 'header'; name: string; required?: boolean; schema: JsonSchema }[];
  body: JsonSchema | undefined;
};

type Documented = {
  parameters?: Operation['parameters'];
  requestBody?: { content: { 'application/json': { schema: JsonSchema } } };
  responses: Record<string, unknown>;
};

/** Every operation of the OpenAPI document. */
export function allOperations(): Operation[] {
  const { paths } = openApiDocument('http://127.0.0.1:8080') as unknown as { paths: Record<string, Record<string, Documented>> };
  return Object.entries(paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, { parameters = [], requestBody, responses }]) => ({
      name: `${method.toUpperCase()} ${path}`,
      method: method.toUpperCase(),
      path,
      success: Number(Object.keys(responses).find((status) => status.startsWith('2'))),
      parameters,
      body: requestBody?.content['application/json'].schema,
    })),
  );
}

/** The address of a request. */
export function addressOf({ path }: Operation, { params = {}, query = {} }: Request): string {
  const filled = path.replaceAll(/\{(\w+)\}/g, (_, name: string) => params[name] ?? '');
  const search = new URLSearchParams(query).toString();
  return search === '' ? filled : `${filled}?${search}`;
}
