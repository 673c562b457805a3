import type { ProblemDocument } from '@medspa/contracts';
import { aClinic, createTestDatabase, TEST_KEY, type Clinic, type TestDatabase } from '@medspa/testing';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { testApp, type TestApp } from '../../test/harness.ts';
import { loadConfig } from './config.ts';

let t: TestDatabase;
let clinic: Clinic;
let app: TestApp;
let nobody: TestApp;
beforeAll(async () => {
  t = await createTestDatabase();
  clinic = await aClinic(t.database);
  // The origins that the report allows in development, read as the service reads them.
  const { corsOrigins } = await loadConfig({
    DATABASE_URL: 'postgresql://app_rw:secret@db.example/medspa',
    ENCRYPTION_KEY: TEST_KEY,
    CORS_ORIGINS: DEVELOPMENT.join(','),
  });
  app = testApp(t.database, { as: clinic, config: { corsOrigins } });
  nobody = testApp(t.database, { as: null });
});
afterAll(() => t.drop());

const DEVELOPMENT = [3000, 3001, 3002, 3003].map((port) => `http://localhost:${port}`);
const ROOM_TYPE = { name: 'Sauna' };
const countRoomTypes = () => t.look('SELECT name FROM room_type ORDER BY name');

describe('WEB-2: CORS', () => {
  test.each(DEVELOPMENT)('lets %s in, by name and with credentials', async (origin) => {
    const { status, headers } = await app.get('/v1/organization', { origin });
    expect(status).toBe(200);
    expect(headers.get('access-control-allow-origin')).toBe(origin);
    expect(headers.get('access-control-allow-credentials')).toBe('true');
    expect(headers.get('vary')).toBe('Origin');
    const preflight = await app.send('OPTIONS', '/v1/appointments', undefined, {
      origin,
      'access-control-request-method': 'POST',
      'access-control-request-headers': 'content-type, idempotency-key',
    });
    expect([preflight.status, preflight.text]).toEqual([204, '']);
    expect(preflight.headers.get('access-control-allow-origin')).toBe(origin);
    for (const method of ['POST', 'PUT', 'PATCH', 'DELETE'])
      expect(preflight.headers.get('access-control-allow-methods')).toContain(method);
    for (const header of ['content-type', 'idempotency-key'])
      expect(preflight.headers.get('access-control-allow-headers')).toContain(header);
    expect(Number(preflight.headers.get('access-control-max-age'))).toBeLessThanOrEqual(600);
  });

  test.each([
    'null',
    '*',
    '',
    'http://localhost:30000',
    'http://localhost:3004',
    'http://localhost',
    'https://localhost:3000',
    'HTTP://LOCALHOST:3000',
    'http://LOCALHOST:3000',
    'http://localhost:3000/',
    'http://localhost:3000.evil.example',
    'http://evil.example/http://localhost:3000',
    'http://evil-localhost:3000',
    'http://sub.localhost:3000',
    'http://localhost.:3000',
    'http://user@localhost:3000',
    'http://localhost:3000, http://evil.example',
    'http://localhost:3000 http://evil.example',
    'file://',
    'http://127.0.0.1:3000',
    'http://[::1]:3000',
    'https://evil.example',
    'http://localhost:3000#',
    'http://localhost:3000?',
    'http://localhost:3000\\@evil.example',
    'http://localhost:3000%00.evil.example',
    'http://localhost:03000',
    'http://localhost%3A3000',
    'http:localhost:3000',
    'ftp://localhost:3000',
    '//localhost:3000',
    'localhost:3000',
  ])('keeps "%s" out, whatever it asks, and writes nothing for it', async (origin) => {
    const before = await countRoomTypes();
    for (const method of ['GET', 'OPTIONS', 'POST']) {
      const answer = await app.send<ProblemDocument>(method, '/v1/room-types', method === 'POST' ? ROOM_TYPE : undefined, { origin });
      expect(answer.status, method).toBe(403);
      expect(answer.body.slug).toBe('origin-refused');
      expect(answer.headers.get('access-control-allow-origin')).toBeNull();
      expect(answer.headers.get('access-control-allow-credentials')).toBeNull();
    }
    expect(await countRoomTypes()).toEqual(before);
  });

  test('does not believe a page that only calls itself by our host', async () => {
    const headers = { origin: 'http://rebound.example:8080', host: 'rebound.example:8080' };
    expect((await app.get('/v1/organization', headers)).status).toBe(403);
  });

  test('knows the address of the service itself', async () => {
    expect((await app.get('/v1/organization', { origin: 'http://127.0.0.1:8080' })).status).toBe(200);
  });

  test.each(['http://127.0.0.1:8080', 'http://localhost:8080'])(
    'knows both names of this machine in practice mode, served as %s',
    async (apiUrl) => {
      const local = testApp(t.database, { as: clinic, config: { apiUrl, isPractice: true } });
      const statusOf = async (origin: string) => (await local.get('/v1/organization', { origin })).status;
      expect(await Promise.all(['http://127.0.0.1:8080', 'http://localhost:8080'].map(statusOf))).toEqual([200, 200]);
      expect(
        await Promise.all(['http://localhost:8081', 'https://localhost:8080', 'http://localhost.evil.example:8080'].map(statusOf)),
      ).toEqual([403, 403, 403]);
    },
  );

  test('knows one name of the service where it is not practice mode', async () => {
    expect((await app.get('/v1/organization', { origin: 'http://localhost:8080' })).status).toBe(403);
  });

  test('says that answers differ by origin also where none was sent', async () => {
    expect((await app.get('/v1/organization')).headers.get('vary')).toBe('Origin');
  });
});

describe('a request that a page can send without asking first is refused', () => {
  test.each(['text/plain', 'application/x-www-form-urlencoded', 'multipart/form-data; boundary=x', 'text/plain;application/json', ''])(
    'as "%s", from elsewhere with 403 and from nowhere with 415',
    async (type) => {
      const before = await countRoomTypes();
      const send = (headers: Record<string, string>) =>
        app.send<ProblemDocument>('POST', '/v1/room-types', JSON.stringify(ROOM_TYPE), { 'content-type': type, ...headers });
      expect((await send({ origin: 'https://evil.example' })).status).toBe(403);
      const refused = await send({});
      expect(refused.status).toBe(415);
      expect(refused.body.errors).toEqual([{ in: 'header', pointer: 'content-type', detail: 'Must be application/json.' }]);
      expect(await countRoomTypes()).toEqual(before);
    },
  );

  test('also with no body at all', async () => {
    const refused = await app.send<ProblemDocument>('POST', '/v1/room-types', undefined, { 'content-type': 'text/plain' });
    expect([refused.status, refused.body.slug]).toEqual([415, 'unsupported-media-type']);
  });

  test.each([
    ['application/json', 'Sauna 1'],
    ['Application/JSON', 'Sauna 2'],
    ['application/json; charset=utf-8', 'Sauna 3'],
    ['application/json ; charset="UTF-8"', 'Sauna 4'],
  ])('but not as "%s"', async (type, name) => {
    const { status } = await app.send('POST', '/v1/room-types', JSON.stringify({ name }), { 'content-type': type });
    expect(status).toBe(201);
  });
});

describe('a body', () => {
  test('that declares more than a million bytes is refused unread', async () => {
    const answer = await app.send<ProblemDocument>('POST', '/v1/room-types', '{}', { 'content-length': '1000001' });
    expect(answer.status).toBe(413);
    expect(answer.body.errors?.[0]).toMatchObject({ in: 'body', pointer: '' });
  });

  test('without a length is counted while it arrives, and given up at a million bytes', async () => {
    let sent = 0;
    const endless = new ReadableStream<Uint8Array>({
      pull(controller) {
        sent += 65_536;
        controller.enqueue(new Uint8Array(65_536).fill(0x20));
      },
    });
    const answer = await app.app.request('/v1/room-types', {
      method: 'POST',
      headers: { 'content-type': 'application/json', 'transfer-encoding': 'chunked' },
      body: endless,
      duplex: 'half',
    });
    expect(answer.status).toBe(413);
    expect(sent).toBeLessThan(2_000_000);
  });

  test('without a length and of good size is read', async () => {
    const parts = ['{"name":', '"Steam"', '}'].map((part) => new TextEncoder().encode(part));
    const answer = await app.app.request('/v1/room-types', {
      method: 'POST',
      headers: { 'content-type': 'application/json', 'transfer-encoding': 'chunked' },
      body: new ReadableStream<Uint8Array>({
        pull(controller) {
          const part = parts.shift();
          if (part) controller.enqueue(part);
          else controller.close();
        },
      }),
      duplex: 'half',
    });
    expect(answer.status).toBe(201);
  });
});

describe('an address', () => {
  test.each([
    ['PUT', '/v1/organization', 'GET, HEAD, PATCH'],
    ['DELETE', '/v1/patients', 'GET, HEAD, POST'],
    ['POST', '/v1/services/0199e6ea-ea18-7e88-85e1-078829b56df3/providers/0199e6ea-ea18-7e88-85e1-078829b56df3', 'DELETE, PUT'],
    ['POST', '/health/ready', 'GET, HEAD'],
    ['DELETE', '/docs', 'GET, HEAD'],
    ['PROPFIND', '/v1/organization', 'GET, HEAD, PATCH'],
  ])('answers %s %s with the methods that it knows', async (method, path, allow) => {
    const { status, headers, body } = await app.send<ProblemDocument>(method, path);
    expect([status, body.slug]).toEqual([405, 'method-not-allowed']);
    expect(headers.get('allow')?.split(', ').toSorted().join(', ')).toBe(allow);
  });

  test('that does not exist is a problem document as well', async () => {
    const { status, body, headers } = await app.get<ProblemDocument>('/v1/nothing');
    expect([status, body.slug, headers.get('content-type')]).toEqual([404, 'not-found', 'application/problem+json']);
  });

  test('asked for with HEAD answers like GET, without a body', async () => {
    const { status, text } = await app.send('HEAD', '/v1/organization');
    expect([status, text]).toEqual([200, '']);
  });

  const TRICKS = [
    '//v1/organization',
    '/v1//organization',
    '/v1/organization/',
    '/v1%2Forganization',
    '/v1/%2e%2e/v1/organization',
    '/v1/./organization',
    '/%76%31/organization',
    '/V1/organization',
    '/v1/organization%00',
    '/v1/organization;x=1',
    '/health/..%2Fv1/organization',
    '/docs/../v1/organization',
    '/docs/%2e%2e/v1/organization',
    '/v1\\organization',
    '/v1/organization%2f..%2f..%2fdocs',
  ];
  test.each(TRICKS)('written as %s gives nothing to whoever is not signed in', async (path) => {
    const { status, text } = await nobody.get(path);
    expect(status).toBeGreaterThanOrEqual(400);
    expect(status).toBeLessThan(500);
    expect(text).not.toContain(clinic.organizationId);
  });
});

test('nobody in particular is refused before the body is looked at, and before an address is told from none', async () => {
  for (const [method, path, body] of [
    ['GET', '/v1/organization', undefined],
    ['GET', '/v1/nothing', undefined],
    ['POST', '/v1/room-types', '{'],
  ] as const) {
    expect((await nobody.send<ProblemDocument>(method, path, body)).body.slug).toBe('not-authenticated');
  }
});
