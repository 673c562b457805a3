import { grant, type LocationEvents } from '@medspa/contracts';
import { aPatient, arrange, createTestDatabase, eventually, type Clinic, type TestDatabase } from '@medspa/testing';
import { connect } from 'node:net';
import { v7 as newId } from 'uuid';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { listen, type Listening } from '../../../test/event-source.ts';
import { testApp, type TestApp } from '../../../test/harness.ts';
import { startTestService, type RunningService } from '../../../test/service.ts';
import { openDesk, type Desk } from '../../../test/visits.ts';
import type { FindActor } from '../../platform/edge.ts';

let t: TestDatabase;
beforeAll(async () => {
  t = await createTestDatabase({ poolMax: 20 });
});
afterAll(() => t.drop());

const open: { stop: () => Promise<unknown> }[] = [];
afterEach(async () => {
  for (const one of open.splice(0).toReversed()) await one.stop();
});

/** A second process of the desk's clinic, which looks often. */
function another({ clinic }: Desk, options: Parameters<typeof testApp>[1] = {}): TestApp {
  const app = testApp(t.database, { as: clinic, live: { lookMillis: 10 }, ...options });
  open.push(app.live);
  return app;
}

async function follow(app: TestApp, locationId: string, query = '', headers: Record<string, string> = {}): Promise<Listening> {
  return listen(await app.app.request(`/v1/locations/${locationId}/events/stream${query}`, { headers }));
}

/** So many events at the location at once, of a size. */
function emit(clinic: Clinic, count: number, payload: object = { version: 1, startsAt: '2026-03-03T15:00:00.000Z' }) {
  return arrange(
    t.database,
    clinic,
    (tx) => tx.$executeRaw`
      SELECT app.emit(${clinic.locationId}::uuid, 'appointment.book', ${newId()}::uuid, ${JSON.stringify(payload)}::jsonb) FROM generate_series(1, ${count})`,
  );
}

const upTo = (last: number, first = 1) => Array.from({ length: last - first + 1 }, (_, index) => first + index);

async function metricOf({ metrics }: TestApp, name: string): Promise<number> {
  const line = (await metrics.render()).text.split('\n').find((one) => one.startsWith(`${name} `));
  return Number(line?.split(' ').at(-1) ?? 0);
}

describe('S9: whoever follows a location', () => {
  test('4.4: hears of what is done in another process of the service, as the list of events tells it', async () => {
    const { clinic } = await openDesk(t);
    const start = async (name: string): Promise<RunningService> => {
      const service = await startTestService(name, t, clinic, { config: { runsJobs: false } });
      open.push(service);
      return service;
    };
    const [here, there] = [await start('live-here'), await start('live-there')];
    const { locationId, serviceId, providerId } = clinic;
    const stream = await fetch(`${there.url}/v1/locations/${locationId}/events/stream?since=0`, { headers: there.signedIn });
    const client = listen(stream);
    expect([client.status, stream.headers.get('content-type')]).toEqual([200, 'text/event-stream']);

    const openTimes = await fetch(`${here.url}/v1/availability?locationId=${locationId}&serviceId=${serviceId}`, {
      headers: here.signedIn,
    });
    const { providers } = (await openTimes.json()) as { providers: { starts: string[] }[] };
    const visit = {
      locationId,
      patientId: await aPatient(t.database, clinic),
      startsAt: providers[0]?.starts.at(-1),
      services: [{ serviceId, providerId }],
    };
    const headers = { ...here.signedIn, 'content-type': 'application/json' };
    const booked = await fetch(`${here.url}/v1/appointments`, { method: 'POST', headers, body: JSON.stringify(visit) });
    expect(booked.status, await booked.clone().text()).toBe(201);

    await eventually('the client of the other process hears of it', () => client.heard.length > 0);
    const listed = await fetch(`${here.url}/v1/locations/${locationId}/events`, { headers: here.signedIn });
    const { items } = (await listed.json()) as LocationEvents;
    expect(client.heard).toEqual(items.map((data) => ({ event: 'change', id: data.sequence, data })));
    expect(items[0]?.subjectId).toBe(((await booked.json()) as { id: string }).id);

    const told = (await (await fetch(there.metricsUrl)).text()).split('\n');
    expect(told).toContain('live_streams 1');
    expect(told).toContain('live_event_lag_seconds_count 1');
  });

  test('loses nothing and hears nothing twice however often they come back, while eight book at once', async () => {
    const desk = await openDesk(t, { providers: 8, rooms: 8 });
    const app = another(desk);
    const patients = await Promise.all(desk.clinic.providerIds.map(() => desk.aPatient()));
    const writers = desk.clinic.providerIds.map(async (providerId, index) => {
      const services = [{ serviceId: desk.clinic.serviceId, providerId }];
      for (let hour = 14; hour < 23; hour++) await desk.booked(`2026-03-03T${hour}:00:00Z`, { patientId: patients[index], services });
    });
    const all = upTo(8 * 9);
    const heard: number[] = [];
    let times = 0;
    while (heard.length < all.length) {
      const back: Record<string, string> = times++ === 0 ? {} : { 'last-event-id': String(heard.at(-1) ?? 0) };
      const client = await follow(app, desk.clinic.locationId, '?since=0', back);
      await eventually('a few more are told', () => client.heard.length >= Math.min(5, all.length - heard.length));
      await client.leave();
      expect(client.heard.map(({ event }) => event)).toEqual(client.numbers().map(() => 'change'));
      // The connection broke there: what came later it has not seen.
      heard.push(...client.numbers().slice(0, 5));
    }
    await Promise.all(writers);
    expect(heard).toEqual(all);
    expect(times).toBe(Math.ceil(all.length / 5));
  });

  test('catches up with more than is read at once, beside others who know it already', async () => {
    const desk = await openDesk(t);
    const app = another(desk);
    await emit(desk.clinic, 450);
    const [late, early] = await Promise.all([
      follow(app, desk.clinic.locationId, '?since=0'),
      follow(app, desk.clinic.locationId, '?since=449'),
    ]);
    await eventually('both know all', () => late.heard.length >= 450 && early.heard.length >= 1);
    await emit(desk.clinic, 1);
    await eventually('both hear of the next one', () => late.heard.length >= 451 && early.heard.length >= 2);
    expect(late.numbers()).toEqual(upTo(451));
    expect(early.numbers()).toEqual([450, 451]);
  });

  test.each([
    ['has seen nothing', ''],
    ['has seen what there is not yet', '?since=1206'],
    ['missed more than a thousand events', '?since=204'],
  ])('and %s is told to read the day again, and hears what comes then', async (_, query) => {
    const desk = await openDesk(t);
    const app = another(desk);
    await emit(desk.clinic, 1_205);
    const client = await follow(app, desk.clinic.locationId, query);
    await eventually('it is told', () => client.heard.length > 0);
    await emit(desk.clinic, 1);
    await eventually('the next one is told', () => client.heard.length > 1);
    expect(client.heard.map(({ event, id }) => [event, id])).toEqual([
      ['reload', 1_205],
      ['change', 1_206],
    ]);
  });

  test('is told to read the day again where events are kept no longer', async () => {
    const desk = await openDesk(t);
    const app = another(desk);
    await emit(desk.clinic, 5);
    await t.look('ALTER TABLE outbox_event DISABLE TRIGGER append_only');
    await t.look('DELETE FROM outbox_event WHERE stream_id = $1 AND sequence < 4', [desk.clinic.locationId]);
    await t.look('ALTER TABLE outbox_event ENABLE TRIGGER append_only');
    const client = await follow(app, desk.clinic.locationId, '?since=1');
    await eventually('all is told', () => client.heard.length > 1);
    expect(client.heard.map(({ event, id }) => [event, id])).toEqual([
      ['reload', 4],
      ['change', 5],
    ]);
  });

  test('hears of their location alone, and of no other one of the same organization or of another', async () => {
    const desk = await openDesk(t);
    const foreign = await openDesk(t);
    const app = another(desk);
    const branch = { legalEntityId: desk.clinic.legalEntityId, name: 'Elsewhere', timeZone: 'America/Chicago' };
    const { body } = await desk.app.send<{ id: string }>('POST', '/v1/locations', branch);
    const [own, elsewhere] = [await follow(app, desk.clinic.locationId, '?since=0'), await follow(app, body.id, '?since=0')];
    await emit({ ...desk.clinic, locationId: body.id }, 2);
    await emit(foreign.clinic, 3);
    await emit(desk.clinic, 1);
    await eventually('each hears their own', () => own.heard.length >= 1 && elsewhere.heard.length >= 2);
    expect([own.numbers(), elsewhere.numbers()]).toEqual([[1], [1, 2]]);
    const missing = await app.get(`/v1/locations/${newId()}/events/stream`);
    const theirs = await app.get(`/v1/locations/${foreign.clinic.locationId}/events/stream`);
    const facts = ({ status, text }: typeof missing) => [status, text.replace(/"requestId":"[^"]+"/, '')];
    expect(facts(theirs)).toEqual(facts(missing));
    expect(missing.status).toBe(404);
  });

  test('goes on when the database could not be read for a while, which is logged once', async () => {
    const desk = await openDesk(t);
    const lines: string[] = [];
    const log = { error: (event: string) => void lines.push(event), info: () => {}, debug: () => {}, warn: () => {}, flush: () => {} };
    const app = another(desk, { log });
    const client = await follow(app, desk.clinic.locationId, '?since=0');
    await t.look('ALTER FUNCTION app.events_since RENAME TO broken');
    await eventually('it is noticed', () => lines.length > 0);
    await t.look('ALTER FUNCTION app.broken RENAME TO events_since');
    await emit(desk.clinic, 1);
    await eventually('it goes on', () => client.heard.length > 0);
    expect(lines).toEqual(['live calendar']);
  });

  test('is sent a sign of life while nothing happens', async () => {
    const desk = await openDesk(t);
    const client = await follow(another(desk, { live: { lookMillis: 10, heartbeatMillis: 30 } }), desk.clinic.locationId, '?since=0');
    await eventually('there are several', () => client.heartbeats() > 2);
    expect(client.heard).toEqual([]);
  });
});

describe('a stream', () => {
  test('whose client takes nothing is ended, and what it missed is told when it is back', async () => {
    const desk = await openDesk(t);
    const app = another(desk);
    const path = `/v1/locations/${desk.clinic.locationId}/events/stream?since=0`;
    const idle = await app.app.request(path);
    const reader = idle.body?.getReader();
    await reader?.read();
    expect(await metricOf(app, 'live_streams')).toBe(1);
    await emit(desk.clinic, 900);
    await eventually('it is ended', async () => (await metricOf(app, 'live_streams_ended_total{reason="slow"}')) === 1);
    expect(await metricOf(app, 'live_streams')).toBe(0);
    const back = await follow(app, desk.clinic.locationId, '?since=0');
    await eventually('all is told', () => back.heard.length >= 900);
    expect(back.numbers()).toEqual(upTo(900));
  });

  test('whose client takes nothing gives its connection up with all that was not taken', async () => {
    const { clinic } = await openDesk(t);
    const service = await startTestService('live-slow', t, clinic, { config: { runsJobs: false } });
    open.push(service);
    const socket = connect(service.port, '127.0.0.1');
    const asked = Object.entries({ ...service.signedIn, host: 'localhost' }).map(([name, value]) => `${name}: ${value}\r\n`);
    socket.write(`GET /v1/locations/${clinic.locationId}/events/stream?since=0 HTTP/1.1\r\n${asked.join('')}\r\n`);
    await new Promise((resolve) => socket.once('data', resolve));
    let isClosed = false;
    socket.once('close', () => (isClosed = true));
    socket.on('error', () => {});
    await emit(clinic, 40, { version: 1, startsAt: 'x'.repeat(20_000) });
    await eventually('the connection is gone', () => (socket.resume(), isClosed));
    expect(await (await fetch(service.metricsUrl)).text()).toContain('live_streams_ended_total{reason="slow"} 1');
  });

  test('ends at once, and whole, when the service stops', async () => {
    const { clinic } = await openDesk(t);
    const service = await startTestService('live-stop', t, clinic, { config: { runsJobs: false } });
    const url = `${service.url}/v1/locations/${clinic.locationId}/events/stream?since=0`;
    const client = listen(await fetch(url, { headers: service.signedIn }));
    await emit(clinic, 1);
    await eventually('it is followed', () => client.heard.length > 0);
    await service.stop();
    expect(await client.ended).toBe(true);
    expect(service.lines.filter((line) => line.includes('"stopping"'))).toEqual([]);
  });

  test('is one of so many that a person may have, and of as many as the process bears; the others are refused', async () => {
    const desk = await openDesk(t);
    const { organizationId, locationId } = desk.clinic;
    const grants = grant(['appointment:read']);
    const as: FindActor = (headers) =>
      Promise.resolve({ organizationId, actor: { kind: 'staff', id: headers.get('x-asking') ?? '', grants } });
    const app = another(desk, { as, live: { lookMillis: 10, mostOfOne: 2, most: 3 } });
    const [one, other] = [newId(), newId()];
    const ask = (id: string) => follow(app, locationId, '?since=0', { 'x-asking': id });
    const clients = [await ask(one), await ask(one)];
    expect((await ask(one)).status).toBe(429);
    clients.push(await ask(other));
    await eventually('three are followed', async () => (await metricOf(app, 'live_streams')) === 3);
    expect((await ask(other)).status).toBe(503);
    await clients[0]?.leave();
    expect((await ask(one)).status).toBe(200);
  });

  test('that nobody reads is none: the headers alone were asked for', async () => {
    const desk = await openDesk(t);
    const app = another(desk);
    const answer = await app.app.request(`/v1/locations/${desk.clinic.locationId}/events/stream?since=0`, { method: 'HEAD' });
    expect(answer.status).toBe(200);
    expect(await metricOf(app, 'live_streams')).toBe(0);
  });
});
