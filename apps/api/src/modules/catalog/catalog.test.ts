import type { ProblemDocument } from '@medspa/contracts';
import { aClinic, createTestDatabase, NOW, type TestDatabase } from '@medspa/testing';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { testApp } from '../../../test/harness.ts';

// What every operation does is tested in test/operations.test.ts; here is what these alone do.

let t: TestDatabase;
beforeAll(async () => {
  t = await createTestDatabase();
});
afterAll(() => t.drop());

type Service = { id: string; providerIds: string[] };

async function open() {
  const clinic = await aClinic(t.database);
  const app = testApp(t.database, { as: clinic, now: () => NOW });
  return {
    clinic,
    app,
    send: (method: string, path: string, body?: object) => app.send<Service & ProblemDocument>(method, path, body),
    listed: async () => (await app.get<{ items: Service[] }>('/v1/services')).body.items.find(({ id }) => id === clinic.serviceId),
  };
}

describe('names', () => {
  test.each([
    ['/v1/room-types', { name: 'Laser' }, { name: 'Facial' }],
    [
      '/v1/services',
      { name: 'Peel', category: 'Skin', terms: { effectiveFrom: '2026-01-01', durationMinutes: 30 } },
      { name: 'Mask', category: 'Skin', terms: { effectiveFrom: '2026-01-01', durationMinutes: 30 } },
    ],
  ])('of %s are given once in an organization, when they are made and when they are changed', async (path, first, second) => {
    const { send } = await open();
    expect((await send('POST', path, first)).status).toBe(201);
    const other = await send('POST', path, second);
    for (const answer of [
      await send('POST', path, first),
      await send('PATCH', `${path}/${other.body.id}`, { name: first.name, version: 1 }),
    ]) {
      expect([answer.status, answer.body.slug]).toEqual([409, 'already-exists']);
      expect(answer.body.errors).toMatchObject([{ in: 'body', pointer: '/name' }]);
    }
    const elsewhere = await open();
    expect((await elsewhere.send('POST', path, first)).status).toBe(201);
  });

  test('that differ in composition only are the same name', async () => {
    const { send } = await open();
    expect((await send('POST', '/v1/room-types', { name: 'Caf\u00E9 ' })).status).toBe(201);
    expect((await send('POST', '/v1/room-types', { name: 'Cafe\u0301' })).status).toBe(409);
  });

  test('that differ in case only are the same name, and the case of a name can be corrected', async () => {
    const { clinic, send } = await open();
    const terms = { effectiveFrom: '2026-03-02', durationMinutes: 30 };
    const paths: [path: string, rest: object][] = [
      ['/v1/room-types', {}],
      ['/v1/services', { category: 'Skin', terms }],
      ['/v1/rooms', { locationId: clinic.locationId, roomTypeId: clinic.roomTypeId }],
    ];
    for (const [path, rest] of paths) {
      const { body } = await send('POST', path, { name: 'LÉON laser', ...rest });
      const twin = await send('POST', path, { name: 'Léon Laser', ...rest });
      expect([twin.status, twin.body.errors?.[0]?.pointer], path).toEqual([409, '/name']);
      expect((await send('PATCH', `${path}/${body.id}`, { name: 'Léon Laser', version: 1 })).status, path).toBe(200);
    }
  });
});

describe('a skill', () => {
  test('is granted once however often it is said, and taken back as calmly', async () => {
    const { clinic, send, listed } = await open();
    const path = `/v1/services/${clinic.serviceId}/providers/${clinic.providerId}`;
    const answers = [await send('PUT', path), await send('PUT', path)];
    expect(answers.map(({ status, body }) => [status, body.providerIds])).toEqual([
      [200, [clinic.providerId]],
      [200, [clinic.providerId]],
    ]);
    const taken = [await send('DELETE', path), await send('DELETE', path)];
    expect(taken.map(({ status, body }) => [status, body.providerIds])).toEqual([
      [200, []],
      [200, []],
    ]);
    expect((await listed())?.providerIds).toEqual([]);
  });
});
