import { randomUUID } from 'node:crypto';
import { connect } from 'node:net';
import type { SessionHeaders } from '@medspa/practice-data';
import { footprintOf } from '@medspa/testing';
import { openApiDocument } from '../apps/api/src/app.ts';
import { callsOf } from '../apps/api/src/platform/documentation/openapi.ts';
import { groundOf } from './ground.ts';
import { send } from './http.ts';
import { startServiceProcess } from './service.ts';
import { shapesFor, type Shape } from './shapes.ts';
import { atLeast, atMost, quantile, round, type Soak } from './soak.ts';

const NOTHING_WRITTEN = 'not one row is written';
const AT_ONCE = 16;

export const soak: Soak = {
  title: 'Oversized and malformed requests on every route',
  does: 'Requests that are no HTTP, HTTP in two readings, too large, or bodies that are no acceptable JSON go to every operation of the API over raw sockets.',
  control: 'one request among them is well formed',
  breaks: NOTHING_WRITTEN,
  count: 1_000,
  minutes: 5,
  run: async (options) => {
    await using ground = await groundOf(options);
    await using service = await startServiceProcess(ground, { env: { JOBS: 'off' } });
    const requests = callsOf(openApiDocument('')).flatMap((call) => {
      const method = call.method.toUpperCase();
      return shapesFor(method).map((shape) => ({ method, path: call.path.replaceAll(/\{\w+\}/g, () => randomUUID()), shape }));
    });
    // A short form takes every so many of them, which meets every shape and every route.
    const step = options.ground ? Math.max(1, Math.floor(requests.length / options.count)) : 1;
    const chosen = requests.filter((_, index) => index % step === 0);
    if (options.isControl) chosen.push({ method: 'POST', path: '/v1/room-types', shape: WELL_FORMED });
    // The first who come have keys made, for the organization and for those who belong to none.
    await send(`http://127.0.0.1:${service.port}/v1/organization`, { headers: ground.signedIn });
    await send(`http://127.0.0.1:${service.port}/v1/session`, { method: 'POST', body: '{}' });
    const before = await footprintOf(ground);
    const answers = await inTurns(chosen, ({ method, path, shape }) =>
      say(service.port, asSignedIn(shape.bytes(method, path), ground.signedIn)),
    );
    // What takes no body begins before one that came along is seen to be malformed: a read is logged, a challenge for a passkey is
    // given, and a session notes that it is used. Nothing else changes.
    const changed = changedTables(before, await footprintOf(ground)).filter(
      (table) => !/^public\.(access_log|staff_session_use|webauthn_challenge$)/.test(table),
    );
    const of = (least: number, below: number) => answers.filter(({ status }) => status >= least && status < below).length;
    const failures = answers.flatMap(({ status }, index) =>
      status >= 500 ? [`${status} to ${chosen[index]?.shape.name} at ${chosen[index]?.method} ${chosen[index]?.path}`] : [],
    );
    const telling = answers.filter(({ text }) => /node_modules|at file:|SELECT |HPE_|prisma/i.test(text)).length;
    const isAlive = (await send(`${service.url}/health/ready`)).status === 200;
    return {
      figures: {
        requests: answers.length,
        routes: new Set(chosen.map(({ method, path }) => `${method} ${path.replaceAll(/[0-9a-f-]{36}/g, '')}`)).size,
        shapes: new Set(chosen.map(({ shape }) => shape.name)).size,
        refused: of(400, 500),
        closedWithoutAnswer: of(0, 1),
        accepted: of(200, 400),
        failures: failures.length,
        slowestAnswerMillis: round(Math.max(...answers.map(({ millis }) => millis))),
        p99Millis: round(
          quantile(
            answers.map(({ millis }) => millis),
            0.99,
          ),
        ),
      },
      rules: [
        atLeast('every operation and shape was tried', answers.length, options.ground ? 100 : requests.length),
        { rule: 'no answer is a failure of ours (5xx)', figure: failures.slice(0, 3).join('; ') || '0', holds: failures.length === 0 },
        { rule: NOTHING_WRITTEN, figure: changed.join(', ') || 'no table changed', holds: changed.length === 0 },
        atMost('no answer tells of code or SQL', telling, 0),
        { rule: 'the service is ready afterwards', figure: String(isAlive), holds: isAlive },
      ],
    };
  },
};

const WELL_FORMED: Shape = {
  name: 'well formed',
  bytes: (method, path) =>
    `${method} ${path} HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: 19\r\nConnection: close\r\n\r\n{"name":"Smuggled"}`,
};

/** The same bytes from somebody who is signed in, where they name a host. */
function asSignedIn(bytes: string | Buffer, headers: SessionHeaders): Buffer {
  const raw = Buffer.from(bytes);
  const host = 'Host: localhost\r\n';
  const at = raw.indexOf(host);
  if (at < 0) return raw;
  const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}\r\n`);
  return Buffer.concat([raw.subarray(0, at), Buffer.from(host + lines.join('')), raw.subarray(at + host.length)]);
}

/** What the server says to these bytes until it closes, or nothing comes for a while; status 0 without an answer. */
function say(port: number, bytes: string | Buffer): Promise<{ status: number; text: string; millis: number }> {
  const since = performance.now();
  const socket = connect(port, '127.0.0.1');
  let text = '';
  socket.setEncoding('latin1');
  socket.on('data', (chunk: string) => (text += chunk));
  socket.on('error', () => {});
  socket.end(bytes);
  socket.setTimeout(12_000, () => socket.destroy());
  return new Promise((resolve) => {
    socket.once('close', () =>
      resolve({ status: Number(/^HTTP\/1\.1 (\d{3})/.exec(text)?.[1] ?? 0), text, millis: performance.now() - since }),
    );
  });
}

function changedTables(before: object[], after: object[]): string[] {
  const known = new Set(before.map((table) => JSON.stringify(table)));
  return after.flatMap((table) => (known.has(JSON.stringify(table)) ? [] : [(table as { name: string }).name]));
}

async function inTurns<T, R>(all: T[], work: (one: T) => Promise<R>): Promise<R[]> {
  const results: R[] = [];
  let next = 0;
  await Promise.all(
    Array.from({ length: AT_ONCE }, async () => {
      while (next < all.length) {
        const index = next++;
        results[index] = await work(all[index] as T);
      }
    }),
  );
  return results;
}
