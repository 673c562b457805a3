import { createTestDatabase, testCodec, type TestDatabase } from '@medspa/testing';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Browser } from '../../../test/browser.ts';
import { openPremises, type Reply } from '../../../test/devices.ts';
import { OPERATIONS, validRequests } from '../../../test/requests.ts';
import { createBreaker } from '../../platform/breaker.ts';
import { sessionOf } from '../../platform/context.ts';
import { findActor } from '../identity/index.ts';

let t: TestDatabase;
beforeAll(async () => {
  t = await createTestDatabase();
});
afterAll(() => t.drop());

async function aKiosk() {
  const premises = await openPremises(t);
  const manager = await premises.signedIn(await premises.anAccount());
  const { id, browser } = await premises.aDevice(manager, 'kiosk');
  return { ...premises, manager, kioskId: id, kiosk: browser, find: (who: object) => ask(browser, who) };
}
const withoutId = (text: string) => text.replace(/"requestId":"[^"]+"/, '');
const ask = (kiosk: Browser, who: object) => kiosk.send<Reply>('POST', '/v1/kiosk/check-in', who);
const nameOf = ({ givenName, familyName }: { givenName: string; familyName: string }) => ({ givenName, familyName });
const seen = ({ status, body }: { status: number; body: Reply }) => [status, body.slug];

describe('AUT-9: a kiosk', () => {
  test('hands itself to the patient of one visit of today by name and birth date, who says that they have come', async () => {
    const { aPatient, aVisit, kiosk, kioskId, find, desk } = await aKiosk();
    const patient = await aPatient({ givenName: 'Zoë', familyName: "O'Brien" });
    const visit = await aVisit(patient);
    const found = await find({ givenName: 'zoe', familyName: 'O’BRIEN', birthDate: patient.birthDate });
    expect([found.status, found.body]).toEqual([
      201,
      { startsAt: visit.startsAt, status: 'booked', endsAt: '2026-03-02T12:05:00.000Z', idleSeconds: 90 },
    ]);
    expect((await kiosk.send<Reply>('GET', '/v1/check-in')).body).toEqual(found.body);
    const arrived = await kiosk.send<Reply>('POST', '/v1/check-in/arrival');
    expect([arrived.status, arrived.body]).toEqual([201, { isArrived: true }]);
    expect((await desk.read(visit)).status).toBe('arrived');

    // Which device it was is in the history, in the audit log, and in the log of who looked at the patient.
    const [change] = await t.look(
      'SELECT actor_kind, actor_id, channel FROM appointment_history WHERE appointment_id = $1 AND version = 2',
      [visit.id],
    );
    expect(change).toEqual({ actor_kind: 'kiosk', actor_id: kioskId, channel: 'kiosk' });
    const written = await t.look('SELECT DISTINCT actor_kind, action, table_name FROM audit_log WHERE actor_id = $1 ORDER BY 2, 3', [
      kioskId,
    ]);
    expect(written).toEqual([
      { actor_kind: 'kiosk', action: 'check-in.arrive', table_name: 'appointment' },
      { actor_kind: 'kiosk', action: 'check-in.arrive', table_name: 'check_in' },
      { actor_kind: 'kiosk', action: 'check-in.begin', table_name: 'check_in' },
      { actor_kind: 'kiosk', action: 'device.enrol', table_name: 'device' },
    ]);
    const looks = await t.look('SELECT actor_kind, action FROM access_log WHERE $1 = ANY (patient_ids) AND actor_id = $2', [
      patient.id,
      kioskId,
    ]);
    expect(looks).toEqual([
      { actor_kind: 'kiosk', action: 'check-in.begin' },
      { actor_kind: 'kiosk', action: 'check-in.read' },
    ]);
  });

  test('finds by phone as well, in any spelling, and by the name that they go by', async () => {
    const { aPatient, aVisit, find, desk } = await aKiosk();
    const patient = await aPatient();
    await desk.app.send('PATCH', `/v1/patients/${patient.id}`, { preferredName: 'May', version: 1 });
    await aVisit(patient);
    expect((await find({ ...nameOf(patient), givenName: 'May', phone: '(212) 555-0147' })).status).toBe(201);
  });

  test('gives the same answer for every miss', async () => {
    const { aPatient, aVisit, aDevice, manager, find, desk, clock, kiosk } = await aKiosk();
    const patient = await aPatient();
    const [tomorrow, twice, unknown, arrived] = [await aPatient(), await aPatient(), await aPatient(), await aPatient()];
    await aVisit(patient);
    await aVisit(tomorrow, '2026-03-03T15:00:00Z');
    await aVisit(twice, '2026-03-02T16:00:00Z');
    await aVisit(twice, '2026-03-02T18:00:00Z');
    const there = await desk.app.send<{ id: string }>('POST', '/v1/locations', {
      legalEntityId: desk.clinic.legalEntityId,
      name: 'Elsewhere',
      timeZone: 'America/New_York',
    });
    const { browser: kioskThere } = await aDevice(manager, 'kiosk', there.body.id);
    await desk.step(await aVisit(arrived, '2026-03-02T14:00:00Z'), 'arrive');

    const { birthDate } = patient;
    const misses: [string, object][] = [
      ['another birth date', { ...nameOf(patient), birthDate: '1987-04-13' }],
      ['another phone', { ...nameOf(patient), phone: '+12125550148' }],
      ['what is no phone number', { ...nameOf(patient), phone: '00000' }],
      ['one of the two wrong', { ...nameOf(patient), birthDate, phone: '+12125550148' }],
      ['the beginning of a name', { ...nameOf(patient), familyName: 'Lindqvist', birthDate }],
      ['a wildcard', { givenName: '%', familyName: '%', birthDate }],
      ['another given name', { ...nameOf(patient), givenName: 'Mia', birthDate }],
      ['a visit of tomorrow', { ...nameOf(tomorrow), birthDate }],
      ['two visits', { ...nameOf(twice), birthDate }],
      ['no visit', { ...nameOf(unknown), birthDate }],
      ['who has come already', { ...nameOf(arrived), birthDate }],
    ];
    const elsewhere = await ask(kioskThere, { ...nameOf(patient), birthDate });
    const answers = new Set([withoutId(elsewhere.text)]);
    for (const [why, who] of misses) {
      clock.pass(3_600 / 4);
      const { status, text } = await find(who);
      expect(status, why).toBe(404);
      answers.add(withoutId(text));
    }
    expect([...answers]).toHaveLength(1);
    expect(elsewhere.body.slug).toBe('no-such-visit');
    expect((await kiosk.send('GET', '/v1/check-in')).status).toBe(403);
    expect((await find({ ...nameOf(patient), birthDate })).status).toBe(201);
  });

  test('has no way to ask for less than a name and a birth date or phone', async () => {
    const { find } = await aKiosk();
    for (const who of [{}, { familyName: 'Lindqvist' }, { birthDate: '1987-04-12' }, { givenName: 'Maya', familyName: 'Lindqvist' }])
      expect((await find(who)).status).toBe(400);
  });

  test('lets five misses pass in a quarter of an hour, not even the right one after them, and tells the audit log', async () => {
    const { aPatient, aVisit, find, clock, kioskId } = await aKiosk();
    const patient = await aPatient();
    await aVisit(patient);
    const right = { ...nameOf(patient), birthDate: patient.birthDate };
    const wrong = { ...right, birthDate: '1990-01-01' };
    const tries: number[] = [];
    // A match in between does not make the misses good.
    for (const who of [wrong, wrong, wrong, wrong, right, wrong]) {
      tries.push((await find(who)).status);
      clock.pass(50);
    }
    expect(tries).toEqual([404, 404, 404, 404, 201, 404]);
    const waiting = await find(right);
    expect([...seen(waiting), waiting.body.retryAfterSeconds, waiting.headers.get('retry-after')]).toEqual([
      429,
      'too-many-tries',
      600,
      '600',
    ]);
    clock.pass(599);
    expect((await find(wrong)).status).toBe(429);
    clock.pass(1);
    expect((await find(right)).status).toBe(201);
    const misses = await t.look<{ misses: string | null }>(
      `SELECT after ->> 'misses' AS misses FROM audit_log WHERE row_id = $1 AND action = 'check-in.begin' ORDER BY id`,
      [kioskId],
    );
    expect(misses.flatMap(({ misses: count }) => count ?? [])).toEqual(['1', '2', '3', '4', '5']);
  });

  test('of two hundred wrong ones at once five are looked up', async () => {
    const { find } = await aKiosk();
    const wrong = { givenName: 'Maya', familyName: 'Nobody', birthDate: '1990-01-01' };
    const answers = await Promise.all(Array.from({ length: 200 }, () => find(wrong)));
    // A machine that is busy sheds some of them.
    const refused = answers.filter(({ status }) => status === 429 || status === 503);
    expect(answers.filter(({ status }) => status === 404)).toHaveLength(5);
    expect(refused).toHaveLength(195);
  }, 30_000);

  test('opens nothing but that, whoever stands before it: no list, no search, no record, not even of the patient', async () => {
    const { aPatient, aVisit, find, kiosk, desk } = await aKiosk();
    const patient = await aPatient();
    const requests = await validRequests(t.database, desk.clinic);
    const tryAll = async () => {
      const statuses = new Set<number>();
      for (const name of OPERATIONS.keys()) {
        const request = requests.get(name);
        if (request) statuses.add((await kiosk.send(request.method, request.path, request.body)).status);
      }
      for (const path of ['/v1/session', '/v1/sessions', '/v1/devices', '/v1/api-keys', `/v1/patients/${patient.id}`])
        statuses.add((await kiosk.send('GET', path)).status);
      return [...statuses];
    };
    expect(await tryAll()).toEqual([403]);
    const visit = await aVisit(patient);
    await find({ ...nameOf(patient), birthDate: patient.birthDate });
    expect(await tryAll()).toEqual([403]);
    expect((await kiosk.send('GET', `/v1/appointments/${visit.id}`)).status).toBe(403);
    expect((await kiosk.send<Reply>('GET', '/v1/device')).body).toMatchObject({ kind: 'kiosk', people: [], isWithPatient: true });
  }, 60_000);

  test('has no way back: what a patient opened is closed by their arrival, by the next patient, and by leaving', async () => {
    const { aPatient, aVisit, find, kiosk } = await aKiosk();
    const [first, second, third] = [await aPatient(), await aPatient(), await aPatient()];
    const [, visit] = [await aVisit(first), await aVisit(second, '2026-03-02T17:00:00Z'), await aVisit(third)];
    const as = (who: typeof first) => ({ ...nameOf(who), birthDate: who.birthDate });
    await find(as(first));
    await find(as(second));
    expect((await kiosk.send<Reply>('GET', '/v1/check-in')).body.startsAt).toBe(visit.startsAt);
    const arrivals = await Promise.all([
      kiosk.send<Reply>('POST', '/v1/check-in/arrival'),
      kiosk.send<Reply>('POST', '/v1/check-in/arrival'),
    ]);
    expect(arrivals.filter(({ status }) => status === 201)).toHaveLength(1);
    expect(seen(await kiosk.send<Reply>('GET', '/v1/check-in'))).toEqual([403, 'not-permitted']);

    const { headers } = await find(as(third));
    expect(headers.get('cache-control')).toBe('no-store');
    expect((await kiosk.send<Reply>('DELETE', '/v1/check-in')).body).toEqual({ isArrived: false });
    expect(seen(await kiosk.send<Reply>('POST', '/v1/check-in/arrival'))).toEqual([403, 'not-permitted']);
    // A miss closes what was open as well.
    await find(as(third));
    expect((await find({ ...as(third), birthDate: '1990-01-01' })).status).toBe(404);
    expect((await kiosk.send<Reply>('GET', '/v1/check-in')).status).toBe(403);
  });
});

test('HIP-4: a kiosk forgets the patient after five minutes whatever they do, and says after how many seconds its screen does', async () => {
  const { aPatient, aVisit, find, kiosk, clock, desk } = await aKiosk();
  const patient = await aPatient();
  const visit = await aVisit(patient);
  const found = await find({ ...nameOf(patient), birthDate: patient.birthDate });
  expect(found.body.idleSeconds).toBe(90);
  for (let minute = 0; minute < 4; minute++) {
    clock.pass(60);
    expect((await kiosk.send('GET', '/v1/check-in')).status).toBe(200);
  }
  clock.pass(60);
  expect((await kiosk.send('GET', '/v1/check-in')).status).toBe(403);
  expect((await kiosk.send('POST', '/v1/check-in/arrival')).status).toBe(403);
  expect((await desk.read(visit)).status).toBe('booked');
});

test('AUT-9: row-level security binds a kiosk to its patient, whatever a verb forgets to ask', async () => {
  const { aPatient, aVisit, find, kiosk, clock } = await aKiosk();
  const [patient, other] = [await aPatient(), await aPatient()];
  await aVisit(patient);
  await aVisit(other);
  const parts = { database: t.database, codec: testCodec(t.database), breaker: createBreaker().policy, now: () => clock.at };
  const visible = async () => {
    const found = await findActor(parts, { needsSecondFactor: true })(new Headers({ cookie: kiosk.device ?? '' }), 'GET /v1/patients');
    if (!found) throw new Error('Nobody is there.');
    const session = sessionOf({ ...parts, ...found, requestId: 'test' }, { needs: 'kiosk:check-in', action: 'test' });
    return t.database.withTransaction(session, async (tx) => ({
      patients: await tx.patient.findMany({ select: { id: true } }),
      appointments: await tx.appointment.findMany({ select: { patientId: true } }),
    }));
  };
  expect(await visible()).toEqual({ patients: [], appointments: [] });
  await find({ ...nameOf(patient), birthDate: patient.birthDate });
  expect(await visible()).toEqual({ patients: [{ id: patient.id }], appointments: [{ patientId: patient.id }] });
  clock.pass(300);
  expect(await visible()).toEqual({ patients: [], appointments: [] });
});
