import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { createAdaptorServer } from '@hono/node-server';

/** The whole answer must be on its way within this; the database's own limits end before it. */
export const HTTP_MILLIS = 15_000;

/**
 * An HTTP server for the app, with limits that a slow or hostile client runs into: headers within 5 s and 16 kB, the whole
 * request within 10 s, idle connections dropped after 65 s (a load balancer's own limit is 60).
 */
export function createHttpServer(fetch: (request: Request, env: never) => Response | Promise<Response>): Server {
  const server = createAdaptorServer({
    fetch: fetch as never,
    serverOptions: {
      headersTimeout: 5_000,
      requestTimeout: 10_000,
      connectionsCheckingInterval: 1_000,
      keepAliveTimeout: 65_000,
      maxHeaderSize: 16_384,
    },
  }) as Server;
  return server;
}

/** Metrics for a scraper inside the network: a port of their own, never the public one. */
export function createMetricsServer(render: () => Promise<{ type: string; text: string }>): Server {
  return createServer((request, response) => {
    if (request.method !== 'GET' || request.url !== '/metrics') {
      response.writeHead(404).end();
      return;
    }
    void render().then(({ type, text }) => response.writeHead(200, { 'content-type': type }).end(text));
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
