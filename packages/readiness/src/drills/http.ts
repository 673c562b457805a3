import { randomBytes, randomUUID } from 'node:crypto';
import { request as httpRequest, type IncomingHttpHeaders } from 'node:http';
import type { DrillRequest } from './settings.ts';

/** What became of one request. `status` is 0 when there was no whole answer; then `lost` says why. */
export type Answer = {
  status: number;
  headers: IncomingHttpHeaders;
  text: string;
  millis: number;
  /** Nobody took the connection; it broke before the whole answer was there; or nothing came in time. */
  lost: 'refused' | 'broken' | 'late' | null;
};

/** A request that can be sent, with the word in it that must not show in logs. */
export type Sending = { method: string; path: string; headers: Record<string, string>; body: string | null; canary: string };

/** Fills the placeholders. The same sending twice is the same body twice. */
export function sendingOf(request: DrillRequest, canary = newCanary()): Sending {
  const uuid = randomUUID();
  const fill = (text: string) => text.replaceAll('{{uuid}}', uuid).replaceAll('{{canary}}', canary);
  const body = request.body === undefined ? null : fill(JSON.stringify(request.body));
  const headers = Object.fromEntries(Object.entries(request.headers).map(([name, value]) => [name.toLowerCase(), fill(value)]));
  return {
    method: request.method,
    path: fill(request.path),
    headers: {
      ...(body === null ? {} : { 'content-type': 'application/json' }),
      ...headers,
      ...(request.idempotencyHeader ? { [request.idempotencyHeader.toLowerCase()]: randomUUID() } : {}),
    },
    body,
    canary,
  };
}

/** The same body as a request of its own: its idempotency key is a new one. */
export function again(sending: Sending, { idempotencyHeader }: DrillRequest): Sending {
  if (!idempotencyHeader) return sending;
  return { ...sending, headers: { ...sending.headers, [idempotencyHeader.toLowerCase()]: randomUUID() } };
}

/** Letters only, so that it passes for a name or the first part of an address. */
function newCanary(): string {
  return `canary${[...randomBytes(12)].map((byte) => String.fromCodePoint(97 + (byte % 26))).join('')}`;
}

/** Sends it once, on a connection of its own: what happens to one request happens to no other. Never throws. */
export function send(baseUrl: string, { method, path, headers, body }: Sending, withinMillis: number): Promise<Answer> {
  const since = performance.now();
  return new Promise((resolve) => {
    let isLate = false;
    const end = (answer: Pick<Answer, 'status' | 'headers' | 'text' | 'lost'>) => {
      clearTimeout(limit);
      resolve({ ...answer, millis: performance.now() - since });
    };
    const lose = (lost: Answer['lost']) => end({ status: 0, headers: {}, text: '', lost: isLate ? 'late' : lost });
    const length = body === null ? {} : { 'content-length': String(Buffer.byteLength(body)) };
    const sent = httpRequest(`${baseUrl}${path}`, { method, agent: false, headers: { ...headers, ...length } }, (response) => {
      let text = '';
      response.setEncoding('utf8');
      response.on('data', (chunk: string) => (text += chunk));
      // A broken answer ends without this.
      response.on('end', () => end({ status: response.statusCode ?? 0, headers: response.headers, text, lost: null }));
      response.on('error', () => {});
    });
    const limit = setTimeout(() => {
      isLate = true;
      sent.destroy();
    }, withinMillis);
    sent.on('error', (error: NodeJS.ErrnoException) => lose(error.code === 'ECONNREFUSED' ? 'refused' : 'broken'));
    sent.on('close', () => lose('broken'));
    sent.end(body);
  });
}

/** A GET without anything else. */
export function getting(path: string): Sending {
  return { method: 'GET', path, headers: {}, body: null, canary: '' };
}

/** 503 or 429 with a time to come back. */
export function isToldToWait({ status, headers }: Answer): boolean {
  return (status === 503 || status === 429) && headers['retry-after'] !== undefined;
}

export function isSuccess({ status }: Answer): boolean {
  return status >= 200 && status < 300;
}
