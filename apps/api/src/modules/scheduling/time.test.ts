import type { ProblemDocument } from '@medspa/contracts';
import { createTestDatabase, type TestDatabase } from '@medspa/testing';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { testApp, type TestApp } from '../../../test/harness.ts';
import { askOracle, type Oracle } from '../../../test/oracle.ts';
import { buildWorld, worlds, type World, type WorldSpec } from '../../../test/worlds.ts';
import type { AppointmentJson } from './queries.ts';

/** Fewer where the same is only repeated on a machine in another zone. SEED and WORLDS widen the search. */
const SEED = Number(process.env['SEED'] ?? 20_261_122);
const RUNS = Number(process.env['WORLDS'] ?? (process.env['TZ'] === 'UTC' ? 120 : 30));

let t: TestDatabase;
let app: TestApp;
/** Who asks and when: the app is made once, the worlds change. */
const asked = { organizationId: '', actorId: '', now: new Date() };

beforeAll(async () => {
  t = await createTestDatabase();
  app = testApp(t.database, { as: asked, now: () => asked.now });
});
afterAll(() => t.drop());

type Availability = { providers: { providerId: string; starts: string[] }[] };

async function enter(spec: WorldSpec): Promise<{ world: World; oracle: Oracle }> {
  const world = await buildWorld(t.database, spec);
  Object.assign(asked, { organizationId: world.organizationId, actorId: world.actorId, now: world.now });
  return { world, oracle: askOracle(spec) };
}

async function offered(spec: WorldSpec, world: World): Promise<Map<string, number[]>> {
  const to = new Date(Date.parse(spec.firstDay) + (spec.days - 1) * 86_400_000).toISOString().slice(0, 10);
  const query = new URLSearchParams({ locationId: world.locationId, serviceId: world.serviceId, from: spec.firstDay, to });
  if (spec.patient) query.set('patientId', world.patientId);
  const { status, body } = await app.get<Availability>(`/v1/availability?${query.toString()}`);
  expect(status).toBe(200);
  return new Map(body.providers.map(({ providerId, starts }) => [providerId, starts.map((start) => Date.parse(start) / 60_000)]));
}

type Visit = { startsAt: string; services: { serviceId: string; providerId: string }[] };

function book(world: World, visit: Visit) {
  const { locationId, patientId } = world;
  return app.send<AppointmentJson & ProblemDocument>('POST', '/v1/appointments', { locationId, patientId, ...visit });
}

function visitOf(world: World, minute: number, ...providers: number[]): Visit {
  const services = providers.map((provider) => ({ serviceId: world.serviceId, providerId: world.providerIds[provider] ?? '' }));
  return { startsAt: new Date(minute * 60_000).toISOString(), services };
}

async function cancel({ id, version }: AppointmentJson): Promise<void> {
  const { status } = await app.send('POST', `/v1/appointments/${id}/cancel`, { reason: 'other', version });
  expect(status).toBe(200);
}

/** Every minute of the grid with every provider, and what the oracle says of it. */
function judged(spec: WorldSpec, oracle: Oracle) {
  return spec.providers.flatMap((_, provider) =>
    oracle.grid.map((minute) => ({ provider, minute, verdict: oracle.judge(provider, minute) })),
  );
}

/** The same world with the room taken at that minute; undefined when there is no such room. */
function withTaken(spec: WorldSpec, room: number, minute: number): WorldSpec | undefined {
  const before = spec.rooms[room];
  if (!before) return undefined;
  const startsAt = minute - askOracle(spec).windowStart;
  const apart = before.claims.filter((claim) => claim.startsAt >= startsAt + 5 || claim.startsAt + claim.length <= startsAt);
  const claims = [...apart, { startsAt, length: 5, kind: 'block' as const, isBlocking: true, expires: 0 }];
  return { ...spec, rooms: spec.rooms.with(room, { ...before, claims }) };
}

function pickOf<T>(from: T[], chance: number): T | undefined {
  return from[Math.floor(chance * from.length)];
}

/** Between 0 and 1; small when it is shrunk. */
const chance = fc.nat(999).map((nat) => nat / 1_000);

describe('availability', () => {
  test('offers exactly the starts that a minute-by-minute search finds', { timeout: 120_000 }, async () => {
    await fc.assert(
      fc.asyncProperty(worlds, async (spec) => {
        const { world, oracle } = await enter(spec);
        const found = await offered(spec, world);
        const expected = world.providerIds
          .map((id, index) => [id, oracle.starts(index)] as const)
          .filter(([, starts]) => starts.length > 0);
        expect(found).toEqual(new Map(expected));
      }),
      { seed: SEED, numRuns: RUNS },
    );
  });

  test('and booking agree: what is offered can be had, what is not is refused for the reason', { timeout: 120_000 }, async () => {
    await fc.assert(
      fc.asyncProperty(worlds, chance, async (spec, which) => {
        const { world, oracle } = await enter(spec);
        const all = judged(spec, oracle);
        const picked = [
          pickOf(
            all.filter(({ verdict }) => verdict === 'slot-taken'),
            which,
          ),
          pickOf(
            all.filter(({ verdict }) => verdict !== null && verdict !== 'slot-taken'),
            which,
          ),
          // Last, since it changes the world.
          pickOf(
            all.filter(({ verdict }) => verdict === null),
            which,
          ),
        ];
        for (const one of picked) {
          if (!one) continue;
          const { status, body } = await book(world, visitOf(world, one.minute, one.provider));
          expect([status, body.slug ?? null]).toEqual([one.verdict === null ? 201 : one.verdict === 'slot-taken' ? 409 : 422, one.verdict]);
        }
      }),
      { seed: SEED, numRuns: Math.ceil(RUNS / 2) },
    );
  });
});

describe('the alternatives of a refusal', () => {
  test('are three where there are three, and each can be booked', { timeout: 120_000 }, async () => {
    await fc.assert(
      fc.asyncProperty(worlds, chance, async (spec, which) => {
        const { world, oracle } = await enter(spec);
        const all = judged(spec, oracle);
        const wanted = pickOf(
          all.filter(({ verdict }) => verdict === 'slot-taken' || verdict === 'provider-not-working'),
          which,
        );
        if (!wanted) return;
        const { alternatives = [] } = (await book(world, visitOf(world, wanted.minute, wanted.provider))).body;
        const openMinutes = new Set(all.filter(({ verdict }) => verdict === null).map(({ minute }) => minute));
        expect(alternatives.length).toBeGreaterThanOrEqual(Math.min(3, openMinutes.size));
        for (const alternative of alternatives) {
          const { status, body } = await book(world, alternative);
          expect(status).toBe(201);
          await cancel(body);
        }
      }),
      { seed: SEED, numRuns: Math.ceil(RUNS / 4) },
    );
  });

  test('are in any room: where the named one is taken also the same time, and each can be booked', { timeout: 120_000 }, async () => {
    let elsewhere = 0;
    await fc.assert(
      fc.asyncProperty(worlds, chance, fc.nat(2), async (spec, which, room) => {
        const wanted = pickOf(
          judged(spec, askOracle(spec)).filter(({ verdict }) => verdict === null),
          which,
        );
        const taken = wanted && withTaken(spec, room, wanted.minute);
        if (!taken) return;
        const { world, oracle } = await enter(taken);
        if (oracle.judge(wanted.provider, wanted.minute, room) !== 'slot-taken') return;
        const visit = visitOf(world, wanted.minute, wanted.provider);
        const inRoom = { ...visit, services: visit.services.map((service) => ({ ...service, roomId: world.roomIds[room] })) };
        const { status, body } = await book(world, inRoom);
        expect([status, body.slug]).toEqual([409, 'slot-taken']);
        const isOpenElsewhere = oracle.judge(wanted.provider, wanted.minute) === null;
        const [nearest] = body.alternatives ?? [];
        expect(nearest?.startsAt === visit.startsAt && nearest.services[0]?.providerId === visit.services[0]?.providerId).toBe(
          isOpenElsewhere,
        );
        elsewhere += isOpenElsewhere ? 1 : 0;
        for (const alternative of body.alternatives ?? []) {
          const booked = await book(world, alternative);
          expect(booked.status).toBe(201);
          await cancel(booked.body);
        }
      }),
      { seed: SEED, numRuns: RUNS },
    );
    // Often enough for the property to mean something.
    expect(elsewhere).toBeGreaterThan(RUNS / 20);
  });

  test('can be booked for visits of several services too, and moved to when a visit cannot be moved', { timeout: 120_000 }, async () => {
    await fc.assert(
      fc.asyncProperty(worlds, chance, chance, fc.integer({ min: 2, max: 4 }), async (spec, which, other, services) => {
        const { world, oracle } = await enter(spec);
        const who = Array.from({ length: services }, (_, index) => Math.floor(which * 997 + index) % spec.providers.length);
        const minute = pickOf(oracle.grid, which);
        if (minute === undefined) return;
        const first = await book(world, visitOf(world, minute, ...who));
        let booked = first.status === 201 ? first.body : undefined;
        for (const alternative of first.body.alternatives ?? []) {
          if (booked) await cancel(booked);
          const { status, body } = await book(world, alternative);
          expect(status).toBe(201);
          booked = body;
        }
        const target = pickOf(oracle.grid, other);
        if (!booked || target === undefined) return;
        const move = (version: number, startsAt: string, assignments: object[] = []) =>
          app.send<AppointmentJson & ProblemDocument>('POST', `/v1/appointments/${booked.id}/reschedule`, {
            startsAt,
            assignments,
            reason: 'other',
            version,
          });
        const moved = await move(booked.version, new Date(target * 60_000).toISOString());
        let { version } = booked;
        for (const { startsAt, services: assigned } of moved.body.alternatives ?? []) {
          const assignments = assigned.map(({ providerId }, index) => ({ id: booked.services[index]?.id, providerId }));
          const { status, body } = await move(version, startsAt, assignments);
          expect(status).toBe(200);
          version = body.version;
        }
      }),
      { seed: SEED, numRuns: Math.ceil(RUNS / 4) },
    );
  });
});
