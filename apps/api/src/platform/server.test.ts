import type { Server } from 'node:http';
import { connect } from 'node:net';
import { aClinic, createTestDatabase, eventually, type Clinic, type TestDatabase } from '@medspa/testing';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { testApp } from '../../test/harness.ts';
import { createHttpServer, createMetricsServer, listen } from './server.ts';

let t: TestDatabase;
let clinic: Clinic;
let server: Server;
let port: number;
beforeAll(async () => {
  t = await createTestDatabase();
  clinic = await aClinic(t.database);
  const app = testApp(t.database, { as: clinic });
  server = createHttpServer(app.app.fetch, URL_OF_TESTS, { headersTimeout: 300, requestTimeout: 600, connectionsCheckingInterval: 50 });
  port = await listen(server, 0, '127.0.0.1');
});
afterAll(async () => {
  server.close();
  server.closeAllConnections();
  await t.drop();
});

const URL_OF_TESTS = 'http://127.0.0.1:8080';
const JSON_BODY = '{"name":"Smuggled"}';
const POST = ['POST /v1/room-types HTTP/1.1', 'Host: localhost', 'Content-Type: application/json'];

/** What the server says to these bytes until it closes the connection, or nothing more comes for a while. */
async function say(...parts: (string | Buffer)[]): Promise<string> {
  const socket = connect(port, '127.0.0.1');
  const chunks: Buffer[] = [];
  socket.on('data', (chunk) => chunks.push(chunk));
  socket.on('error', () => {});
  for (const part of parts) socket.write(part);
  socket.setTimeout(3_000, () => socket.destroy());
  await new Promise((resolve) => socket.once('close', resolve));
  return Buffer.concat(chunks).toString('latin1');
}

const request = (lines: string[], body = '') => `${lines.join('\r\n')}\r\n\r\n${body}`;
const statusOf = (answer: string) => Number(/^HTTP\/1\.1 (\d{3})/.exec(answer)?.[1]);
const countRooms = () => t.look(`SELECT name FROM room_type WHERE name = 'Smuggled'`);

describe('ASVS 4.2.1: over a socket, is refused without a word about why:', () => {
  const length = `Content-Length: ${JSON_BODY.length}`;
  test.each<[name: string, status: number, bytes: string]>([
    ['a length beside chunks', 400, request([...POST, length, 'Transfer-Encoding: chunked'], `13\r\n${JSON_BODY}\r\n0\r\n\r\n`)],
    ['two lengths', 400, request([...POST, length, 'Content-Length: 5'], JSON_BODY)],
    ['two equal lengths', 400, request([...POST, length, length], JSON_BODY)],
    ['a length that is no number', 400, request([...POST, 'Content-Length: 0x13'], JSON_BODY)],
    ['chunks spelled otherwise', 400, request([...POST, 'Transfer-Encoding: xchunked'], JSON_BODY)],
    ['no host', 400, request(['GET /v1/organization HTTP/1.1'])],
    ['two hosts', 400, request(['GET /v1/organization HTTP/1.1', 'Host: localhost', 'Host: evil.example'])],
    ['a host that is none', 400, request(['GET /v1/organization HTTP/1.1', 'Host: evil.example/path?'])],
    ['64 kB of headers', 431, request(['GET /v1/organization HTTP/1.1', 'Host: localhost', `X-Long: ${'x'.repeat(65_536)}`])],
    ['an address of 64 kB', 431, request([`GET /v1/${'x'.repeat(65_536)} HTTP/1.1`, 'Host: localhost'])],
    ['a header with a line feed alone', 400, 'GET /v1/organization HTTP/1.1\nHost: localhost\n\n'],
    ['a blank before the colon', 400, request(['GET /v1/organization HTTP/1.1', 'Host : localhost'])],
    ['a method that is none', 400, request(['STEAL /v1/organization HTTP/1.1', 'Host: localhost'])],
    ['an address that is none', 400, request(['GET v1/organization HTTP/1.1', 'Host: localhost'])],
    ['a backslash in the address', 400, request(['GET /v1\\organization HTTP/1.1', 'Host: localhost'])],
    ['another protocol', 400, 'SSH-2.0-OpenSSH_9.0\r\n\r\n'],
    ['a tunnel', 0, request(['CONNECT localhost:22 HTTP/1.1', 'Host: localhost'])],
  ])('%s', async (_name, status, bytes) => {
    const answer = await say(bytes);
    expect(statusOf(answer) || 0, answer.slice(0, 300)).toBe(status);
    expect(answer).not.toContain(clinic.organizationId);
    // An empty body, if need be in chunks.
    expect(answer.split('\r\n\r\n').slice(1).join('')).toMatch(/^0?$/);
    expect(answer).not.toMatch(/node|hono|error|stack|HPE_/i);
    expect(await countRooms()).toEqual([]);
  });

  test('TRACE, which gives nothing back of what was sent', async () => {
    const answer = await say(request(['TRACE /v1/organization HTTP/1.1', 'Host: localhost', 'X-Secret: canary-7', 'Connection: close']));
    expect(statusOf(answer)).toBe(405);
    expect(answer).not.toContain('canary-7');
  });
});

describe('a slow client', () => {
  test('that does not finish its headers is cut off', async () => {
    const since = performance.now();
    expect(statusOf(await say('GET /v1/organization HTTP/1.1\r\nHost: localhost\r\nX-Slow: '))).toBe(408);
    expect(performance.now() - since).toBeLessThan(2_900);
  });

  test('that does not finish its body is cut off, and nothing is written', async () => {
    const answer = await say(request([...POST, `Content-Length: ${JSON_BODY.length}`], '{"name":'));
    expect([400, 408]).toContain(statusOf(answer));
    expect(await countRooms()).toEqual([]);
  });
});

describe('a client that does not read', () => {
  /** Asks for large answers and takes none; how long the server keeps it. */
  async function ask(times: number): Promise<number> {
    const own = createHttpServer(() => new Response('x'.repeat(4_000_000)), URL_OF_TESTS, { silentMillis: 700 });
    const connections = () => new Promise<number>((resolve) => own.getConnections((_, count) => resolve(count)));
    const socket = connect({ port: await listen(own, 0, '127.0.0.1'), host: '127.0.0.1' }).pause();
    socket.on('error', () => {});
    await eventually('it is there', async () => (await connections()) === 1);
    const since = performance.now();
    socket.write(request(['GET / HTTP/1.1', 'Host: localhost']).repeat(times));
    await eventually('the server has dropped it', async () => (await connections()) === 0, 5_000);
    socket.destroy();
    own.close();
    return performance.now() - since;
  }

  test('is dropped when nothing has moved for a while', async () => {
    expect(await ask(16)).toBeGreaterThan(600);
  });

  test('is dropped at once when more answers wait for it than anybody asks for', async () => {
    expect(await ask(17)).toBeLessThan(600);
  });
});

describe('a body over a socket', () => {
  const chunk = (text: string) => `${text.length.toString(16)}\r\n${text}\r\n`;

  test('in chunks is read', async () => {
    const body = `${chunk('{"name":')}${chunk('"Steam"}')}0\r\n\r\n`;
    expect(statusOf(await say(request([...POST, 'Transfer-Encoding: chunked', 'Connection: close'], body)))).toBe(201);
  });

  test('in chunks of more than a million bytes is refused, and what follows on the connection is no request', async () => {
    const large = chunk(' '.repeat(100_000)).repeat(11);
    const answer = await say(
      request([...POST, 'Transfer-Encoding: chunked'], `${large}0\r\n\r\n`),
      request(['GET /v1/organization HTTP/1.1', 'Host: localhost', 'Connection: close']),
    );
    expect(statusOf(answer)).toBe(413);
    expect(answer).toContain('body-too-large');
    expect(await countRooms()).toEqual([]);
  });

  test('that is larger than it may be is refused by its declared length alone', async () => {
    const answer = await say(request([...POST, 'Content-Length: 3000000', 'Connection: close']));
    expect(statusOf(answer)).toBe(413);
  });
});

test('two requests in one packet get two answers, in order', async () => {
  const get = ['GET /health/live HTTP/1.1', 'Host: localhost'];
  const answer = await say(request(get) + request([...get, 'Connection: close']));
  expect(answer.match(/HTTP\/1\.1 200/g)).toHaveLength(2);
});

describe('metrics', () => {
  test('ASVS 13.4.5: have a port of their own, on which there is nothing else', async () => {
    const metrics = createMetricsServer(() => Promise.resolve({ type: 'text/plain', text: 'up 1\n' }));
    const own = await listen(metrics, 0, '127.0.0.1');
    const get = async (path: string, method = 'GET') => {
      const answer = await fetch(`http://127.0.0.1:${own}${path}`, { method });
      return [answer.status, await answer.text()];
    };
    expect(await get('/metrics')).toEqual([200, 'up 1\n']);
    for (const path of ['/', '/metrics/', '/v1/organization', '/metrics?x=1']) expect(await get(path)).toEqual([404, '']);
    expect(await get('/metrics', 'POST')).toEqual([404, '']);
    metrics.close();
    metrics.closeAllConnections();
    expect((await fetch(`http://127.0.0.1:${port}/metrics`)).status).toBe(404);
  });

  test('that cannot be made are a bare failure, and the process goes on', async () => {
    const metrics = createMetricsServer(() => Promise.reject(new Error('no')));
    const own = await listen(metrics, 0, '127.0.0.1');
    const answer = await fetch(`http://127.0.0.1:${own}/metrics`);
    expect([answer.status, await answer.text()]).toEqual([500, '']);
    metrics.close();
    metrics.closeAllConnections();
  });
});

test('a port that is taken is said, not waited for', async () => {
  await expect(
    listen(
      createHttpServer(() => new Response(), URL_OF_TESTS),
      port,
      '127.0.0.1',
    ),
  ).rejects.toThrow(/EADDRINUSE/);
});
