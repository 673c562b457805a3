import { createServer, type Server, type ServerOptions } from 'node:http';
import type { AddressInfo } from 'node:net';
import { getRequestListener, RequestError } from '@hono/node-server';
import { securityHeaders } from './headers.ts';

/** The whole answer must be on its way within this; the database's own limits end before it. */
export const HTTP_MILLIS = 15_000;

/**
 * Limits that a slow or hostile client runs into: headers within 5 s and 16 kB, the whole request within 10 s, idle
 * connections dropped after 65 s (a load balancer's own limit is 60).
 */
const LIMITS = {
  headersTimeout: 5_000,
  requestTimeout: 10_000,
  connectionsCheckingInterval: 1_000,
  keepAliveTimeout: 65_000,
  maxHeaderSize: 16_384,
} satisfies ServerOptions;

/** A connection on which nothing moves for this long is dropped: its client does not take the answer. Above `HTTP_MILLIS`. */
const SILENT_MILLIS = 20_000;

/** Requests of one connection that may wait for their answers. Browsers and proxies send one; answers of many fill the memory. */
const PIPELINED = 16;

/**
 * An HTTP server for the app. What is not HTTP never reaches it: Node refuses it with a bare status, and hosts and request
 * lines that make no address are refused here, both without a word about why.
 */
export function createHttpServer(
  fetch: (request: Request, env: never) => Response | Promise<Response>,
  apiUrl: string,
  { silentMillis = SILENT_MILLIS, ...limits }: ServerOptions & { silentMillis?: number } = {},
): Server {
  const bare = { ...securityHeaders(apiUrl), connection: 'close' };
  const listener = getRequestListener(fetch as never, {
    errorHandler: (error) => new Response(null, { status: error instanceof RequestError ? 400 : 500, headers: bare }),
  });
  const unanswered = new WeakMap<object, number>();
  const server = createServer({ ...LIMITS, ...limits }, (request, response) => {
    const { socket } = request;
    const waiting = (unanswered.get(socket) ?? 0) + 1;
    unanswered.set(socket, waiting);
    if (waiting > PIPELINED) {
      socket.destroy();
      return;
    }
    response.once('close', () => unanswered.set(socket, (unanswered.get(socket) ?? 1) - 1));
    if (namesOneHost(request.rawHeaders)) void listener(request, response);
    else response.writeHead(400, bare).end();
  });
  return server.setTimeout(silentMillis);
}

/** Node refuses a request without a host, and takes the first of two; a proxy before it may have taken the second. */
function namesOneHost(rawHeaders: string[]): boolean {
  let hosts = 0;
  for (let index = 0; index < rawHeaders.length; index += 2) if (rawHeaders[index]?.toLowerCase() === 'host') hosts++;
  return hosts === 1;
}

/** Metrics for a scraper inside the network: a port of their own, never the public one. */
export function createMetricsServer(render: () => Promise<{ type: string; text: string }>): Server {
  return createServer((request, response) => {
    if (request.method !== 'GET' || request.url !== '/metrics') {
      response.writeHead(404).end();
      return;
    }
    render().then(
      ({ type, text }) => response.writeHead(200, { 'content-type': type }).end(text),
      () => response.writeHead(500).end(),
    );
  });
}

/** Listens and returns the port. Throws when the address is taken. */
export async function listen(server: Server, port: number, host: string): Promise<number> {
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, host, () => {
      server.off('error', reject);
      resolve();
    });
  });
  return (server.address() as AddressInfo).port;
}
