import { aClinic, aPatient, arrange, createTestDatabase, NOW, type Clinic, type TestDatabase } from '@medspa/testing';
import { v7 as newId } from 'uuid';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { bodyOf } from '../src/platform/documentation/openapi.ts';
import { testApp, type TestApp } from './harness.ts';
import { queue } from './messages.ts';
import { OPERATIONS } from './requests.ts';

let t: TestDatabase;
beforeAll(async () => {
  t = await createTestDatabase();
});
afterAll(() => t.drop());

type Page = { items: { id: string }[]; nextCursor: string | null };

/** The clinic, and the patient whose lists are read. */
type Place = Clinic & { patientId: string };
type Request = [path: string, body: object];
let visits = 0;

/** How a row is added to each list; names and times are in no order. */
const ADD: Record<
  string,
  (place: Place) => Request | { first: Request; next: (id: string) => Request } | { first: Request; finish: () => Promise<void> }
> = {
  '/v1/legal-entities': () => ['/v1/legal-entities', { name: aName(), currency: 'USD' }],
  '/v1/locations': ({ legalEntityId }) => ['/v1/locations', { legalEntityId, name: aName(), timeZone: 'UTC' }],
  '/v1/staff': () => ['/v1/staff', aPerson()],
  '/v1/custom-roles': () => ['/v1/custom-roles', { name: aName(), permissions: ['catalog:read'] }],
  '/v1/role-assignments': () => ({
    first: ['/v1/staff', aPerson()],
    next: (staffId) => ['/v1/role-assignments', { staffId, role: 'biller' }],
  }),
  '/v1/invitations': () => ({
    first: ['/v1/staff', { ...aPerson(), email: `${aName()}@clinic.example` }],
    next: (staffId) => ['/v1/invitations', { staffId, delivery: 'link' }],
  }),
  '/v1/providers': () => ({
    first: ['/v1/staff', aPerson()],
    next: (staffId) => ['/v1/providers', { staffId, displayName: aName(), credential: 'RN' }],
  }),
  '/v1/room-types': () => ['/v1/room-types', { name: aName() }],
  '/v1/services': () => ['/v1/services', { name: aName(), category: 'Skin', terms: { effectiveFrom: '2026-01-01', durationMinutes: 30 } }],
  '/v1/rooms': ({ locationId, roomTypeId }) => ['/v1/rooms', { locationId, roomTypeId, name: aName() }],
  '/v1/shift-rotations': ({ legalEntityId, providerId }) => ({
    first: ['/v1/locations', { legalEntityId, name: aName(), timeZone: 'UTC' }],
    next: (locationId) => [
      '/v1/shift-rotations',
      {
        providerId,
        locationId,
        weeks: 1,
        effectiveFrom: '2026-03-02',
        shifts: [{ week: 0, weekday: 1, startsAt: '09:00', endsAt: '17:00' }],
      },
    ],
  }),
  '/v1/patients': () => ['/v1/patients', { givenName: aName(), familyName: aName() }],
  '/v1/emergency-accesses': () => ({
    first: ['/v1/patients', { givenName: aName(), familyName: aName() }],
    next: (patientId) => ['/v1/emergency-accesses', { patientId, reason: 'Swelling after filler.' }],
  }),
  '/v1/message-templates': () => [
    '/v1/message-templates',
    { kind: 'appointment.reminder', channel: 'email', title: aName(), body: 'On {{appointment.date}}.' },
  ],
  '/v1/patients/{id}/appointments': aVisit,
  '/v1/providers/{id}/appointments': aVisit,
  '/v1/patients/{id}/messages': (place) => ({
    first: ['/v1/message-templates', { kind: 'appointment.reminder', channel: 'email', title: aName(), body: 'On {{appointment.date}}.' }],
    finish: () => queue(t, place, place.patientId),
  }),
  '/v1/patients/{id}/proxies': (place) => ({
    first: ['/v1/patients', { givenName: 'Mia', familyName: aName() }],
    finish: async () => {
      const { organizationId, patientId } = place;
      const proxyId = await aPatient(t.database, place);
      await arrange(t.database, place, (tx) =>
        tx.patientProxy.create({ data: { organizationId, patientId, proxyId, basis: 'minor', startsAt: NOW }, select: { id: true } }),
      );
    },
  }),
  '/v1/patients/search': () => ['/v1/patients', { givenName: 'Quinn', familyName: aName() }],
};

function aName(): string {
  return newId().slice(-9);
}

function aVisit({ locationId, patientId, serviceId, providerId }: Place): Request {
  const startsAt = `2026-03-${3 + ((visits++ * 7) % 11)}T15:00:00Z`.replace(/-(\d)T/, '-0$1T');
  return ['/v1/appointments', { locationId, patientId, startsAt, services: [{ serviceId, providerId }] }];
}

function aPerson() {
  return { givenName: aName(), familyName: aName(), jobTitle: 'Injector' };
}

async function add(app: TestApp, place: Place, list: string): Promise<void> {
  const send = async ([path, body]: Request) => {
    const { status, body: made, text } = await app.send<{ id: string }>('POST', path, body);
    expect(status, text).toBe(201);
    return made.id;
  };
  const how = ADD[list]?.(place) ?? [list, {}];
  if (Array.isArray(how)) await send(how);
  else if ('next' in how) await send(how.next(await send(how.first)));
  else {
    await send(how.first);
    await how.finish();
  }
}

async function read(app: TestApp, list: string, limit: number, cursor?: string): Promise<Page> {
  const page = { limit: String(limit), ...(cursor === undefined ? {} : { cursor }) };
  const { status, body, text } = list.endsWith('/search')
    ? await app.send<Page>('POST', list, { name: 'Quinn', ...page, limit })
    : await app.get<Page>(`${list}?${new URLSearchParams(page).toString()}`);
  expect(status, text).toBe(200);
  return body;
}

/** Every page of a list; `between` runs after each but the last. */
async function walk(app: TestApp, list: string, limit: number, between: () => Promise<void> = async () => {}): Promise<Page[]> {
  const pages: Page[] = [];
  for (;;) {
    const page = await read(app, list, limit, pages.at(-1)?.nextCursor ?? undefined);
    pages.push(page);
    if (page.nextCursor === null) return pages;
    await between();
  }
}

const idsOf = (pages: Page[]) => pages.flatMap(({ items }) => items.map(({ id }) => id));

test('every list of the document is walked here', () => {
  const lists = [...OPERATIONS.values()].filter(
    (call) => call.parameters?.some(({ name }) => name === 'cursor') || bodyOf(call)?.properties?.['cursor'],
  );
  expect(lists.map(({ path }) => path).toSorted()).toEqual(Object.keys(ADD).toSorted());
});

describe('a list, page after page', () => {
  test.each(Object.keys(ADD))(
    'shows every row once, though others are added meanwhile, and names only an id as cursor: %s',
    async (list) => {
      const clinic = await aClinic(t.database);
      const place = { ...clinic, patientId: await aPatient(t.database, clinic) };
      const path = list.replace('{id}', list.startsWith('/v1/providers') ? place.providerId : place.patientId);
      const app = testApp(t.database, { as: clinic, now: () => NOW });
      for (let count = 0; count < 7; count++) await add(app, place, list);
      const before = idsOf(await walk(app, path, 100));
      expect(before.length).toBeGreaterThanOrEqual(7);
      let added = 0;
      // Some, and not one a page: the walk must end.
      const pages = await walk(app, path, 2, async () => {
        if (++added <= 4) await add(app, place, list);
      });
      const ids = idsOf(pages);
      expect(new Set(ids).size).toBe(ids.length);
      expect(before.filter((id) => !ids.includes(id))).toEqual([]);
      for (const { items, nextCursor } of pages.slice(0, -1)) {
        expect(items).toHaveLength(2);
        expect(nextCursor).toBe(items.at(-1)?.id);
      }
      expect(idsOf(await walk(app, path, 3)).length).toBe(before.length + Math.min(added, 4));
    },
  );

  test('gives fifty rows unless told, and never more than a hundred', async () => {
    const clinic = await aClinic(t.database);
    const app = testApp(t.database, { as: clinic, now: () => NOW });
    const patients = Array.from({ length: 130 }, (_, index) => ({ sourceId: String(index), givenName: 'Quinn', familyName: `Same` }));
    await app.send('POST', '/v1/patients/import', { patients });
    expect((await app.get<Page>('/v1/patients')).body.items).toHaveLength(50);
    const pages = await walk(app, '/v1/patients', 100);
    expect(pages.map(({ items }) => items.length)).toEqual([100, 30]);
    // All have one name: only the id tells them apart.
    expect(new Set(idsOf(pages)).size).toBe(130);
    expect(new Set(idsOf(await walk(app, '/v1/patients/search', 7))).size).toBe(130);
  });

  test('ends at the last row: its id as cursor gives an empty page and no refusal', async () => {
    const clinic = await aClinic(t.database);
    const app = testApp(t.database, { as: clinic, now: () => NOW });
    expect(await read(app, '/v1/locations', 10, clinic.locationId)).toEqual({ items: [], nextCursor: null });
  });
});
