import { Agent, request } from 'node:http';

export type Reply = { status: number; body: string; retryAfter: number | null };
export type Sending = { method?: string; body?: string; headers?: Record<string, string>; limitMillis?: number; agent?: Agent };

/** No connection is kept: what a fault does to one request it does to no other. */
const FRESH = new Agent({ keepAlive: false });

/** One request, once. Throws when there is no whole answer within the limit, 20 s unless told. */
export function send(
  url: string,
  { method = 'GET', body, headers = {}, limitMillis = 20_000, agent = FRESH }: Sending = {},
): Promise<Reply> {
  const content = body === undefined ? {} : { 'content-type': 'application/json', 'content-length': String(Buffer.byteLength(body)) };
  return new Promise((resolve, reject) => {
    const sent = request(url, { method, agent, headers: { ...content, ...headers } }, (response) => {
      let text = '';
      response.setEncoding('utf8');
      response.on('data', (chunk: string) => (text += chunk));
      response.on('error', reject);
      response.on('close', () => {
        clearTimeout(limit);
        if (!response.complete) return reject(new Error('The answer broke off.'));
        const after = Number(response.headers['retry-after'] ?? Number.NaN);
        resolve({ status: response.statusCode ?? 0, body: text, retryAfter: Number.isNaN(after) ? null : after });
      });
    });
    const limit = setTimeout(() => sent.destroy(new Error('No answer in time.')), limitMillis);
    sent.on('error', (error) => {
      clearTimeout(limit);
      reject(error);
    });
    sent.end(body);
  });
}
