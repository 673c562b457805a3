import { createHash } from 'node:crypto';
import type { Patient, ProblemDocument } from '@medspa/contracts';
import { aClinic, createTestDatabase, NOW, testCodec, writesOf, type Clinic, type TestDatabase } from '@medspa/testing';
import { v7 as newId } from 'uuid';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { testApp, type TestApp } from '../../test/harness.ts';
import { OPERATIONS, validRequests, type ValidRequest } from '../../test/requests.ts';
import { hashBody } from './repeatable.ts';

let t: TestDatabase;
let clinic: Clinic;
let app: TestApp;
let requests: Map<string, ValidRequest>;
let now = NOW;
beforeAll(async () => {
  t = await createTestDatabase({ poolMax: 10 });
  clinic = await aClinic(t.database);
  app = testApp(t.database, { as: clinic, now: () => now });
  requests = await validRequests(t.database, clinic);
});
afterAll(() => t.drop());

const PERSON = { givenName: 'Canary-Given-41', familyName: 'Canary-Family-41', email: 'canary-41@example.com', note: 'Canary-Note-41' };
const key = () => ({ 'idempotency-key': newId() });
const create = (body: object, headers: Record<string, string>, by = app) =>
  by.send<Patient & ProblemDocument>('POST', '/v1/patients', body, headers);
const countPatients = async () => (await t.look<{ count: number }>('SELECT count(*)::int AS count FROM patient'))[0]?.count ?? 0;

describe('a request with an Idempotency-Key happens once, in a row and at the same moment, and gives one answer:', () => {
  const repeatable = [...OPERATIONS].filter(([, { parameters }]) => parameters?.some(({ name }) => name === 'idempotency-key'));

  test.each(repeatable)('%s', async (name) => {
    const { method, path, body } = requests.get(name) as ValidRequest;
    const headers = key();
    const send = () => app.send(method, path, body, headers);
    const together = await Promise.all(Array.from({ length: 4 }, send));
    expect(together[0]?.status, together[0]?.text).toBeLessThan(300);
    const after = await writesOf(t);
    const later = await send();
    expect(new Set([...together, later].map(({ status, text }) => `${status} ${text}`)).size).toBe(1);
    expect(await writesOf(t)).toEqual(after);
    // HIP-6: what it did is in the audit log already. That it showed a patient once more is in the access log.
    const shown = (await t.look<{ id: string }>('SELECT id FROM patient')).filter(({ id }) => later.text.includes(id));
    const logged = await t.look('SELECT FROM access_log WHERE request_id = $1', [later.headers.get('x-request-id')]);
    expect(logged).toHaveLength(shown.length > 0 ? 1 : 0);
  });

  test('which is every request that adds something', () => {
    // Leaving and coming back are what they are however often they are said, and an invitation's link is kept in no answer.
    const adding = [...OPERATIONS.keys()].filter(
      (name) => name.startsWith('POST ') && !/\/(search|off-boarding|reinstatement|invitations)$/.test(name),
    );
    expect(repeatable.map(([name]) => name)).toEqual(adding);
  });
});

describe('the same key', () => {
  test('with another body is refused, and nothing is done', async () => {
    const headers = key();
    await create(PERSON, headers);
    const before = await countPatients();
    const { status, body } = await create({ ...PERSON, note: 'another' }, headers);
    expect([status, body.slug]).toEqual([422, 'idempotency-key-reused']);
    expect(await countPatients()).toBe(before);
  });

  test('with the same body spelt otherwise is the same request', async () => {
    const headers = key();
    const first = await create(PERSON, headers);
    const again = await app.send(
      'POST',
      '/v1/patients',
      JSON.stringify(Object.fromEntries(Object.entries(PERSON).toReversed()), null, 4),
      headers,
    );
    expect(again.text).toBe(first.text);
  });

  test('of another person is another request', async () => {
    const headers = key();
    const other = testApp(t.database, { as: { organizationId: clinic.organizationId, actorId: newId() }, now: () => now });
    const [mine, theirs] = [await create(PERSON, headers), await create({ ...PERSON, note: 'theirs' }, headers, other)];
    expect([mine.status, theirs.status]).toEqual([201, 201]);
    expect(theirs.body.id).not.toBe(mine.body.id);
  });

  test('of another organization is another request', async () => {
    const headers = key();
    const elsewhere = testApp(t.database, { as: { ...(await aClinic(t.database)), actorId: clinic.actorId }, now: () => now });
    const [mine, theirs] = [await create(PERSON, headers), await create(PERSON, headers, elsewhere)];
    expect([mine.status, theirs.status]).toEqual([201, 201]);
    expect(theirs.body.id).not.toBe(mine.body.id);
  });

  test('at another address is another request', async () => {
    const headers = key();
    await create(PERSON, headers);
    expect((await app.send('POST', '/v1/room-types', { name: newId() }, headers)).status).toBe(201);
  });

  test('is new again after a day', async () => {
    const headers = key();
    const first = await create(PERSON, headers);
    now = new Date(NOW.getTime() + 24 * 3_600_000 - 1_000);
    expect((await create(PERSON, headers)).body.id).toBe(first.body.id);
    now = new Date(NOW.getTime() + 24 * 3_600_000);
    const second = await create({ ...PERSON, note: 'a day later' }, headers);
    expect(second.status).toBe(201);
    expect(second.body.id).not.toBe(first.body.id);
    now = NOW;
  });

  test('after a refusal is as good as new, since a refusal keeps nothing', async () => {
    const headers = key();
    const name = newId();
    await app.send('POST', '/v1/room-types', { name });
    const kept = () => t.look('SELECT key FROM idempotency_key WHERE key = $1', [headers['idempotency-key']]);
    expect((await app.send('POST', '/v1/room-types', { name }, headers)).status).toBe(409);
    expect((await app.send('POST', '/v1/room-types', { name: '' }, headers)).status).toBe(400);
    expect(await kept()).toEqual([]);
    expect((await app.send('POST', '/v1/room-types', { name: newId() }, headers)).status).toBe(201);
    expect(await kept()).toHaveLength(1);
  });
});

test('a request without a key happens as often as it is sent', async () => {
  const before = await countPatients();
  await create(PERSON, {});
  await create(PERSON, {});
  expect(await countPatients()).toBe(before + 2);
});

test('what is kept of the body is hashed with a key of the organization, so that nobody without it can try all birth dates', async () => {
  const headers = key();
  const birthDate = '1987-06-05';
  await create({ givenName: 'Kay', familyName: 'Keyed', birthDate }, headers);
  const [kept] = await t.look<{ hash: string; bytes: number }>(
    `SELECT encode(body_hash, 'hex') AS hash, octet_length(body_hash) AS bytes FROM idempotency_key WHERE key = $1`,
    [headers['idempotency-key']],
  );
  const body = JSON.stringify({ givenName: 'Kay', familyName: 'Keyed', birthDate });
  const unkeyed = createHash('sha256').update(body).digest('hex');
  expect(kept?.hash).not.toBe(unkeyed);
  expect(unkeyed).not.toContain(kept?.hash);
  const codec = testCodec(t.database);
  const hashed = async (as: Clinic) => {
    await codec.prepare(as.organizationId);
    return hashBody({ codec, organizationId: as.organizationId }, JSON.parse(body));
  };
  expect(kept?.hash).toBe(await hashed(clinic));
  expect(await hashed(await aClinic(t.database))).not.toBe(await hashed(clinic));
});

test('the kept answer is sealed: no word of the patient stands in its row, and it opens in its place only', async () => {
  const headers = key();
  await create(PERSON, headers);
  const read = () =>
    t.look<{ row: string; raw: string }>(
      `SELECT k::text AS row, encode(coalesce(reply_sealed, ''), 'escape') AS raw FROM idempotency_key k WHERE key = $1`,
      [headers['idempotency-key']],
    );
  const [kept] = await read();
  expect(kept?.raw.length).toBeGreaterThan(100);
  expect(`${kept?.row}${kept?.raw}`).not.toMatch(/canary/i);

  // Put under another key it does not open, and the caller learns nothing from it.
  const moved = newId();
  await t.look(`UPDATE idempotency_key SET key = $1 WHERE key = $2`, [moved, headers['idempotency-key']]);
  const { status, text } = await create(PERSON, { 'idempotency-key': moved });
  expect(status).toBe(500);
  expect(text).not.toMatch(/canary/i);
});
