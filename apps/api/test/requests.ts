import type { Database } from '@medspa/database';
import { aNewProvider, aPatient, aProvider, arrange, type Clinic } from '@medspa/testing';
import { openApiDocument } from '../src/app.ts';
import { exampleAddress, exampleBody } from '../src/platform/documentation/example.ts';
import { callsOf, type Call } from '../src/platform/documentation/openapi.ts';
import type { TestApp } from './harness.ts';

const document = openApiDocument('');

/** The moment from which the requests below are valid, unless told. */
export const REQUEST_TIME = new Date('2026-03-02T12:00:00Z');

/** A request for one operation that the service answers with success. */
export type ValidRequest = { call: Call; method: string; path: string; body: unknown };

/**
 * A valid request for every operation of the API, each with rows of its own to work on, so that they can be sent in any order.
 * The documentation's examples with the clinic's ids; `app` books what is to be moved and cancelled.
 */
export async function validRequests(app: TestApp, database: Database, clinic: Clinic, now = REQUEST_TIME): Promise<ValidRequest[]> {
  const day = (ahead: number) => new Date(now.getTime() + ahead * 86_400_000).toISOString().slice(0, 10);
  const [patientId, relatedId, formerId] = [
    await aPatient(database, clinic),
    await aPatient(database, clinic),
    await aPatient(database, clinic),
  ];
  const { providerId: newcomerId, rotationId } = await arrange(database, clinic, (tx) => aProvider(tx, clinic));
  const idleId = await arrange(database, clinic, (tx) => aNewProvider(tx, clinic));
  await app.send('POST', `/v1/patients/${patientId}/relations`, { relatedId: formerId, kind: 'other' });
  const appointments = await Promise.all(['15', '16', '17', '18'].map((hour) => book(app, clinic, patientId, `${day(1)}T${hour}:00:00Z`)));
  const [read = '', moved = '', cancelled = '', confirmed = ''] = appointments;

  const { roomIds, ...own } = clinic;
  const [roomId = ''] = roomIds;
  const ids: Record<string, string> = { ...own, rotationId, patientId, relatedId, roomId, staffId: clinic.actorId };
  const owners: [path: RegExp, id: string][] = [
    [/reschedule$/, moved],
    [/cancel$/, cancelled],
    [/transitions$/, confirmed],
    [/^\/v1\/appointments/, read],
    [/^\/v1\/legal-entities/, clinic.legalEntityId],
    [/^\/v1\/locations/, clinic.locationId],
    [/^\/v1\/staff/, clinic.actorId],
    [/^\/v1\/providers/, clinic.providerId],
    [/^\/v1\/room-types/, clinic.roomTypeId],
    [/^\/v1\/services/, clinic.serviceId],
    [/^\/v1\/rooms/, roomId],
    [/^\/v1\/shift-rotations/, rotationId],
    [/^\/v1\/patients/, patientId],
  ];
  const changes: Record<string, object> = {
    'post-appointments': { startsAt: `${day(2)}T10:00` },
    'post-appointments-id-reschedule': { startsAt: `${day(2)}T14:00` },
    'post-shift-rotations': { providerId: idleId, locationId: clinic.locationId, effectiveFrom: day(1), effectiveUntil: day(60) },
    'post-shift-rotations-id-end': { effectiveUntil: day(7) },
    'patch-patients-id': { isActive: true },
  };

  return callsOf(document).map((call, index) => {
    // A relation that is there, and a provider whom no booking needs.
    const address: Record<string, string> = { relatedId: formerId, providerId: newcomerId };
    const owner = owners.find(([path]) => path.test(call.path))?.[1] ?? '';
    const filled = call.path.replace('{id}', owner).replaceAll(/\{(\w+)\}/g, (_, name: string) => address[name] ?? '');
    const query = new URLSearchParams(exampleAddress(document, call).split('?')[1]);
    for (const name of query.keys()) query.set(name, ids[name] ?? query.get(name) ?? '');
    const body = exampleBody(document, call);
    return {
      call,
      method: call.method.toUpperCase(),
      path: query.size === 0 ? filled : `${filled}?${query.toString()}`,
      body: body === undefined ? undefined : { ...(withIds(body, ids, index) as object), ...changes[call.anchor] },
    };
  });
}

async function book(app: TestApp, clinic: Clinic, patientId: string, startsAt: string): Promise<string> {
  const services = [{ serviceId: clinic.serviceId, providerId: clinic.providerId }];
  const { body } = await app.send<{ id: string }>('POST', '/v1/appointments', {
    locationId: clinic.locationId,
    patientId,
    startsAt,
    services,
  });
  return body.id;
}

/** The clinic's ids where the example has made-up ones, and names that nobody else has. */
function withIds(value: unknown, ids: Record<string, string>, index: number): unknown {
  if (Array.isArray(value)) return value.map((item) => withIds(item, ids, index));
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(
    Object.entries(value).map(([key, inner]) => {
      if (key === 'name') return [key, `${String(inner)} ${index}`];
      if (key === 'email') return [key, `someone${index}@example.com`];
      return [key, ids[key] ?? withIds(inner, ids, index)];
    }),
  );
}
