import type { ProblemDocument } from '@medspa/contracts';
import { handleDatabaseError, type Tx } from '@medspa/database';
import { aClinic, arrange, createTestDatabase, NOW, sessionIn, type TestDatabase } from '@medspa/testing';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { testApp } from '../../../test/harness.ts';
import { openDesk } from '../../../test/visits.ts';

let t: TestDatabase;
beforeAll(async () => {
  t = await createTestDatabase();
});
afterAll(() => t.drop());

type Terms = { id: string; effectiveFrom: string; effectiveUntil: string | null; durationMinutes: number };
type Price = {
  id: string;
  legalEntityId: string;
  effectiveFrom: string;
  effectiveUntil: string | null;
  price: { amount: number; currency: string };
};
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
    await price('2026-03-02', 42_000);
    await price('2026-05-01', 45_000);
    await price('2026-04-01', 50_000, { legalEntityId: other, price: { amount: 50_000, currency: 'CAD' } });
    const { prices } = await read();
    expect(
      prices.filter(({ legalEntityId }) => legalEntityId !== other).map((one) => [one.effectiveFrom, one.effectiveUntil, one.price]),
    ).toEqual([
      ['2026-03-02', '2026-05-01', { amount: 42_000, currency: 'USD' }],
      ['2026-05-01', null, { amount: 45_000, currency: 'USD' }],
    ]);
    expect(prices.filter(({ legalEntityId }) => legalEntityId === other).map((one) => one.price)).toEqual([
      { amount: 50_000, currency: 'CAD' },
    ]);
  });

  test('is in the currency of the entity, in whole cents, and not negative', async () => {
    const { price, read } = await open();
    const foreign = await price('2026-04-01', 1, { price: { amount: 1, currency: 'EUR' } });
    expect([foreign.status, foreign.body.slug, foreign.body.errors?.[0]?.pointer]).toEqual([422, 'rule-violated', '/price/currency']);
    for (const amount of [-1, 0.5, 2_000_000_001, Number.MAX_SAFE_INTEGER, '100']) {
      const { status, body } = await price('2026-04-01', 0, { price: { amount, currency: 'USD' } });
      expect([status, body.errors?.[0]?.pointer], String(amount)).toEqual([400, '/price/amount']);
    }
    expect((await read()).prices).toEqual([]);
    expect((await price('2026-04-01', 0)).status).toBe(201);
    expect((await price('2026-05-01', 2_000_000_000)).body.prices).toHaveLength(2);
  });

  test('that begins on the day of another is refused', async () => {
    const { price } = await open();
    await price('2026-05-01', 45_000);
    const { status, body } = await price('2026-05-01', 46_000);
    expect([status, body.slug, body.errors?.[0]?.pointer]).toEqual([409, 'overlaps', '/effectiveFrom']);
  });
});

describe('what is over', () => {
  const refusal = ({ status, body }: { status: number; body: ProblemDocument }) => [status, body.slug, body.errors?.[0]?.pointer];

  test('keeps its terms and prices: both begin today or later', async () => {
    const { revise, price, read } = await open();
    const before = await read();
    for (const date of ['2026-03-01', '2025-07-01', '2019-01-01'])
      for (const answer of [await revise(date, 45), await price(date, 45_000)])
        expect(refusal(answer), date).toEqual([422, 'in-the-past', '/effectiveFrom']);
    expect(await read()).toEqual(before);
    expect([(await revise('2026-03-02', 45)).status, (await price('2026-03-02', 45_000)).status]).toEqual([201, 201]);
  });

  test('is over when it is over at one of the open locations', async () => {
    const { clinic, send, revise } = await open();
    const tokyo = { legalEntityId: clinic.legalEntityId, name: 'Tokyo', timeZone: 'Asia/Tokyo' };
    // Seven in the morning in New York; in Tokyo the day ends at ten.
    const { body } = await send('POST', '/v1/locations', tokyo);
    const late = testApp(t.database, { as: clinic, now: () => new Date('2026-03-02T15:00:00Z') });
    const reviseLate = (effectiveFrom: string) =>
      late.send<ProblemDocument>('POST', `/v1/services/${clinic.serviceId}/terms`, { effectiveFrom, durationMinutes: 40 });
    expect(refusal(await reviseLate('2026-03-02'))).toEqual([422, 'in-the-past', '/effectiveFrom']);
    expect((await revise('2026-03-02', 35)).status).toBe(201);
    await send('PATCH', `/v1/locations/${body.id}`, { isActive: false, version: 1 });
    expect(refusal(await reviseLate('2026-03-02'))).toEqual([409, 'overlaps', '/effectiveFrom']);
    expect((await reviseLate('2026-03-03')).status).toBe(201);
  });

  test('is kept by PostgreSQL too, but for the first versions of a service', async () => {
    const { clinic, revise, price } = await open();
    await revise('2026-04-01', 40);
    await price('2026-03-02', 42_000);
    const { organizationId, serviceId, legalEntityId } = clinic;
    const at = (date: string) => new Date(`${date}T00:00:00Z`);
    const of = { organizationId, serviceId };
    const write = (work: (tx: Tx) => Promise<unknown>, now = '2026-06-01T12:00:00Z') =>
      t.database.withTransaction(sessionIn(organizationId, clinic.actorId, 'test', new Date(now)), work);
    const terms = { ...of, durationMinutes: 30 };
    const cost = { ...of, legalEntityId, priceCents: 1 };
    const attempts: ((tx: Tx) => Promise<unknown>)[] = [
      // ended in the past, begun again after they were over, moved to another past day
      (tx) => tx.serviceVersion.updateMany({ where: { ...of, effectiveUntil: null }, data: { effectiveUntil: at('2026-05-01') } }),
      (tx) => tx.serviceVersion.updateMany({ where: { ...of, effectiveUntil: at('2026-04-01') }, data: { effectiveUntil: null } }),
      (tx) =>
        tx.serviceVersion.updateMany({ where: { ...of, effectiveUntil: at('2026-04-01') }, data: { effectiveUntil: at('2026-03-20') } }),
      (tx) => tx.servicePrice.updateMany({ where: of, data: { effectiveUntil: at('2026-05-31') } }),
      // put before what is there
      (tx) => tx.serviceVersion.create({ data: { ...terms, effectiveFrom: at('2019-01-01'), effectiveUntil: at('2020-01-01') } }),
      (tx) => tx.servicePrice.create({ data: { ...cost, effectiveFrom: at('2025-01-01'), effectiveUntil: at('2026-03-02') } }),
    ];
    for (const attempt of attempts) expect(handleDatabaseError(await write(attempt).catch((error: unknown) => error))?.kind).toBe('check');
    const another = await write((tx) => tx.service.create({ data: { organizationId, name: 'Peel', category: 'Skin' } }));
    const { id } = another as { id: string };
    await write((tx) => tx.serviceVersion.create({ data: { ...terms, serviceId: id, effectiveFrom: at('2019-01-01') } }));
    await write((tx) => tx.servicePrice.create({ data: { ...cost, serviceId: id, effectiveFrom: at('2019-01-01') } }));
  });
});

describe('a version that was withdrawn', () => {
  test('gives its date back: what held before holds on, and another can begin', async () => {
    const { clinic, send, revise, price, read, listed } = await open();
    const path = `/v1/services/${clinic.serviceId}`;
    const at = (rows: (Terms | Price)[] | undefined) => rows?.map(({ effectiveFrom, effectiveUntil }) => [effectiveFrom, effectiveUntil]);
    await price('2026-03-02', 42_000);
    const wrong = [(await revise('2027-01-01', 400)).body.terms[1]?.id, (await price('2027-01-01', 4)).body.prices[1]?.id];
    const { status } = await send('DELETE', `${path}/terms/${wrong[0]}`);
    const { body } = await send('DELETE', `${path}/prices/${wrong[1]}`);
    expect(status).toBe(200);
    expect([at(body.terms), at(body.prices)]).toEqual([
      [
        ['2020-01-01', null],
        ['2027-01-01', '2027-01-01'],
      ],
      [
        ['2026-03-02', null],
        ['2027-01-01', '2027-01-01'],
      ],
    ]);
    expect([at((await listed())?.terms), at((await listed())?.prices)]).toEqual([[['2020-01-01', null]], [['2026-03-02', null]]]);
    expect([(await revise('2027-01-01', 40)).status, (await price('2027-01-01', 44_000)).status]).toEqual([201, 201]);
    const now = await read();
    expect([at(now.terms), at(now.prices)]).toEqual([
      [
        ['2020-01-01', '2027-01-01'],
        ['2027-01-01', '2027-01-01'],
        ['2027-01-01', null],
      ],
      [
        ['2026-03-02', '2027-01-01'],
        ['2027-01-01', '2027-01-01'],
        ['2027-01-01', null],
      ],
    ]);
    // Again is the same as once: what took its place stays.
    await send('DELETE', `${path}/terms/${wrong[0]}`);
    await send('DELETE', `${path}/prices/${wrong[1]}`);
    expect(await read()).toEqual(now);
  });

  test('between two others lets the first hold until the last; prices of another legal entity stay as they are', async () => {
    const { clinic, send, revise, price } = await open();
    const path = `/v1/services/${clinic.serviceId}`;
    const other = (await send('POST', '/v1/legal-entities', { name: 'Second LLC', currency: 'USD' })).body.id;
    await price('2026-03-02', 40_000, { legalEntityId: other });
    await price('2026-04-01', 50_000, { legalEntityId: other });
    for (const [date, value] of [
      ['2026-03-02', 30],
      ['2026-04-01', 40],
      ['2026-05-01', 50],
    ] as const)
      expect([(await revise(date, value)).status, (await price(date, value)).status]).toEqual([201, 201]);
    const { body } = await send('GET', path);
    const own = body.prices.filter(({ legalEntityId }) => legalEntityId === clinic.legalEntityId);
    await send('DELETE', `${path}/terms/${body.terms[2]?.id}`);
    const after = (await send('DELETE', `${path}/prices/${own[1]?.id}`)).body;
    const shown = (rows: (Terms | Price)[]) =>
      rows.filter((row) => row.effectiveUntil !== row.effectiveFrom).map((row) => [row.effectiveFrom, row.effectiveUntil]);
    expect(shown(after.terms)).toEqual([
      ['2020-01-01', '2026-03-02'],
      ['2026-03-02', '2026-05-01'],
      ['2026-05-01', null],
    ]);
    expect(shown(after.prices.filter(({ legalEntityId }) => legalEntityId !== other))).toEqual([
      ['2026-03-02', '2026-05-01'],
      ['2026-05-01', null],
    ]);
    expect(shown(after.prices.filter(({ legalEntityId }) => legalEntityId === other))).toEqual([
      ['2026-03-02', '2026-04-01'],
      ['2026-04-01', null],
    ]);
  });

  test('is not one that began on a day that is over', async () => {
    const { clinic, send, price, read } = await open();
    const { id } = (await price('2026-03-02', 42_000)).body.prices[0] ?? {};
    const before = await read();
    const later = testApp(t.database, { as: clinic, now: () => new Date('2026-03-03T12:00:00Z') });
    const path = `/v1/services/${clinic.serviceId}`;
    const old = await send('DELETE', `${path}/terms/${before.terms[0]?.id}`);
    expect([old.status, old.body.slug, old.body.errors?.[0]]).toEqual([
      422,
      'in-the-past',
      expect.objectContaining({ in: 'path', pointer: 'termsId' }),
    ]);
    const late = await later.send<ProblemDocument>('DELETE', `${path}/prices/${id}`);
    expect([late.status, late.body.slug, late.body.errors?.[0]?.pointer]).toEqual([422, 'in-the-past', 'priceId']);
    expect(await read()).toEqual(before);
    // The day on which it begins is not over.
    expect((await send('DELETE', `${path}/prices/${id}`)).status).toBe(200);
  });

  test('leaves the visits that were booked with it as they were agreed, also when they move', async () => {
    const desk = await openDesk(t);
    const path = `/v1/services/${desk.clinic.serviceId}`;
    const terms = { effectiveFrom: '2026-04-01', durationMinutes: 45, roomTypeId: desk.clinic.roomTypeId };
    const { body } = await desk.app.send<Service>('POST', `${path}/terms`, terms);
    const visit = await desk.booked('2026-04-02T15:00:00Z');
    expect((await desk.app.send('DELETE', `${path}/terms/${body.terms[1]?.id}`)).status).toBe(200);
    expect(await desk.read(visit)).toEqual(visit);
    expect((await desk.move(visit, '2026-04-03T15:00:00Z')).body).toMatchObject({ endsAt: '2026-04-03T15:45:00.000Z' });
    expect((await desk.booked('2026-04-02T15:00:00Z')).endsAt).toBe('2026-04-02T15:30:00.000Z');
  });

  test('is withdrawn once, whoever else changes the service at that moment', async () => {
    const { clinic, send, revise, read } = await open();
    const { id } = (await revise('2026-04-01', 40)).body.terms[1] ?? {};
    const answers = await Promise.all([
      send('DELETE', `/v1/services/${clinic.serviceId}/terms/${id}`),
      revise('2026-05-01', 50),
      send('DELETE', `/v1/services/${clinic.serviceId}/terms/${id}`),
    ]);
    expect(answers.map(({ status }) => status)).toEqual([200, 201, 200]);
    expect((await read()).terms.map((row) => [row.effectiveFrom, row.effectiveUntil, row.durationMinutes])).toEqual([
      ['2020-01-01', '2026-05-01', 30],
      ['2026-04-01', '2026-04-01', 40],
      ['2026-05-01', null, 50],
    ]);
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
