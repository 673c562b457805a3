import type { ProblemDocument } from '@medspa/contracts';
import { aClinic, arrange, createTestDatabase, NOW, type TestDatabase } from '@medspa/testing';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { testApp } from '../../../test/harness.ts';

// What every operation does is tested in test/operations.test.ts; here is what these alone do.

let t: TestDatabase;
beforeAll(async () => {
  t = await createTestDatabase();
});
afterAll(() => t.drop());

type Terms = { effectiveFrom: string; effectiveUntil: string | null; durationMinutes: number };
type Price = { legalEntityId: string; effectiveFrom: string; effectiveUntil: string | null; price: { amount: number; currency: string } };
type Service = { id: string; version: number; terms: Terms[]; prices: Price[]; providerIds: string[] };

async function open(now = NOW) {
  const clinic = await aClinic(t.database);
  const app = testApp(t.database, { as: clinic, now: () => now });
  const { serviceId } = clinic;
  const send = (method: string, path: string, body?: object) => app.send<Service & ProblemDocument>(method, path, body);
  return {
    clinic,
    app,
    send,
    revise: (effectiveFrom: string, durationMinutes: number) =>
      send('POST', `/v1/services/${serviceId}/terms`, { effectiveFrom, durationMinutes }),
    price: (effectiveFrom: string, amount: number, changes: object = {}) =>
      send('POST', `/v1/services/${serviceId}/prices`, {
        legalEntityId: clinic.legalEntityId,
        effectiveFrom,
        price: { amount, currency: 'USD' },
        ...changes,
      }),
    read: async () => (await app.get<Service>(`/v1/services/${serviceId}`)).body,
    listed: async () => (await app.get<{ items: Service[] }>('/v1/services')).body.items.find(({ id }) => id === serviceId),
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
});

describe('C2: the terms of a service', () => {
  test('follow each other without gap or overlap, and the record keeps them all', async () => {
    const { revise, read } = await open();
    expect((await revise('2026-04-01', 40)).status).toBe(201);
    expect((await revise('2026-06-01', 50)).status).toBe(201);
    expect(
      (await read()).terms.map(({ effectiveFrom, effectiveUntil, durationMinutes }) => [effectiveFrom, effectiveUntil, durationMinutes]),
    ).toEqual([
      ['2020-01-01', '2026-04-01', 30],
      ['2026-04-01', '2026-06-01', 40],
      ['2026-06-01', null, 50],
    ]);
  });

  test('are not put before those that come later, nor twice on one day, and then nothing changes', async () => {
    const { revise, read } = await open();
    await revise('2026-06-01', 50);
    const before = await read();
    for (const date of ['2026-04-01', '2026-06-01']) {
      const { status, body } = await revise(date, 45);
      expect([status, body.slug, body.errors?.[0]?.pointer], date).toEqual([409, 'overlaps', '/effectiveFrom']);
    }
    expect(await read()).toEqual(before);
  });

  test('cannot be rewritten: visits point to what they were booked on', async () => {
    const { clinic } = await open();
    const rewrite = arrange(t.database, clinic, (tx) =>
      tx.serviceVersion.updateMany({ where: { serviceId: clinic.serviceId }, data: { durationMinutes: 5 } }),
    );
    await expect(rewrite).rejects.toMatchObject({ code: 'P2039' });
  });

  test('are listed while they hold on the last clock on Earth, and later ones too', async () => {
    const { clinic, revise, app } = await open();
    await revise('2026-03-10', 40);
    const durations = async (now: string) => {
      const later = testApp(t.database, { as: clinic, now: () => new Date(now) });
      const { items } = (await later.get<{ items: Service[] }>('/v1/services')).body;
      return items[0]?.terms.map(({ durationMinutes }) => durationMinutes);
    };
    expect(await durations('2026-03-09T12:00:00Z')).toEqual([30, 40]);
    expect(await durations('2026-03-10T11:59:00Z')).toEqual([30, 40]);
    expect(await durations('2026-03-10T12:00:00Z')).toEqual([40]);
    expect((await app.get<Service>(`/v1/services/${clinic.serviceId}`)).body.terms).toHaveLength(2);
  });
});

describe('C3: the list price', () => {
  test('follows in time like the terms, for each legal entity apart', async () => {
    const { send, price, read } = await open();
    const other = (await send('POST', '/v1/legal-entities', { name: 'Second LLC', currency: 'CAD' })).body.id;
    await price('2026-01-01', 42_000);
    await price('2026-05-01', 45_000);
    await price('2026-02-01', 50_000, { legalEntityId: other, price: { amount: 50_000, currency: 'CAD' } });
    const { prices } = await read();
    expect(
      prices.filter(({ legalEntityId }) => legalEntityId !== other).map((one) => [one.effectiveFrom, one.effectiveUntil, one.price]),
    ).toEqual([
      ['2026-01-01', '2026-05-01', { amount: 42_000, currency: 'USD' }],
      ['2026-05-01', null, { amount: 45_000, currency: 'USD' }],
    ]);
    expect(prices.filter(({ legalEntityId }) => legalEntityId === other).map((one) => one.price)).toEqual([
      { amount: 50_000, currency: 'CAD' },
    ]);
  });

  test('is in the currency of the entity, in whole cents, and not negative', async () => {
    const { price, read } = await open();
    const foreign = await price('2026-01-01', 1, { price: { amount: 1, currency: 'EUR' } });
    expect([foreign.status, foreign.body.slug, foreign.body.errors?.[0]?.pointer]).toEqual([422, 'rule-violated', '/price/currency']);
    for (const amount of [-1, 0.5, 2_000_000_001, Number.MAX_SAFE_INTEGER, '100']) {
      const { status, body } = await price('2026-01-01', 0, { price: { amount, currency: 'USD' } });
      expect([status, body.errors?.[0]?.pointer], String(amount)).toEqual([400, '/price/amount']);
    }
    expect((await read()).prices).toEqual([]);
    expect((await price('2026-01-01', 0)).status).toBe(201);
    expect((await price('2026-02-01', 2_000_000_000)).body.prices).toHaveLength(2);
  });

  test('that begins on the day of another is refused', async () => {
    const { price } = await open();
    await price('2026-05-01', 45_000);
    const { status, body } = await price('2026-05-01', 46_000);
    expect([status, body.slug, body.errors?.[0]?.pointer]).toEqual([409, 'overlaps', '/effectiveFrom']);
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

describe('terms out of range', () => {
  test.each([
    ['/durationMinutes', { durationMinutes: 0 }],
    ['/durationMinutes', { durationMinutes: 7 }],
    ['/durationMinutes', { durationMinutes: 725 }],
    ['/bufferBeforeMinutes', { bufferBeforeMinutes: -5 }],
    ['/bufferAfterMinutes', { bufferAfterMinutes: 245 }],
    ['/roomTurnoverMinutes', { roomTurnoverMinutes: 3 }],
    ['/effectiveFrom', { effectiveFrom: '2026-02-30' }],
  ])('are refused at %s: %o', async (pointer, change) => {
    const { clinic, send } = await open();
    const { status, body } = await send('POST', `/v1/services/${clinic.serviceId}/terms`, {
      effectiveFrom: '2026-04-01',
      durationMinutes: 30,
      ...change,
    });
    expect([status, body.errors?.[0]?.pointer]).toEqual([400, pointer]);
  });
});
