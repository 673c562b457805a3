import { once } from 'node:events';
import { Agent, createServer, request, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

/** A load balancer as small as can be: it gives each request to one of its backends, once, and never repeats one. */
export type HttpProxy = AsyncDisposable & {
  url: string;
  /** What it gave to a backend and got no whole answer for. */
  lost: () => number;
  accepted: () => number;
  add: (port: number) => void;
  /** No new request goes there; those under way are waited for. */
  remove: (port: number) => void;
};

export async function startHttpProxy(): Promise<HttpProxy> {
  const backends = new Map<number, Agent>();
  let turn = 0;
  let lost = 0;
  let accepted = 0;

  function forward(incoming: IncomingMessage, outgoing: ServerResponse): void {
    const all = [...backends];
    const [port, agent] = all[turn++ % all.length] ?? [];
    if (port === undefined) {
      outgoing.writeHead(503).end();
      return;
    }
    accepted++;
    const lose = () => {
      lost++;
      if (outgoing.headersSent) outgoing.destroy();
      else outgoing.writeHead(502).end();
    };
    const { connection: _, ...headers } = incoming.headers;
    const sent = request({ host: '127.0.0.1', port, agent, method: incoming.method, path: incoming.url, headers }, (answer) => {
      // The connection to a backend that ends is the proxy's business, not the client's.
      const { connection: _connection, 'keep-alive': _keep, ...kept } = answer.headers;
      outgoing.writeHead(answer.statusCode ?? 502, kept);
      answer.pipe(outgoing);
      answer.on('close', () => answer.complete || lose());
    });
    sent.on('error', lose);
    incoming.pipe(sent);
  }

  const server = createServer(forward);
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    lost: () => lost,
    accepted: () => accepted,
    add: (port) => backends.set(port, new Agent({ keepAlive: true })),
    remove: (port) => backends.delete(port),
    [Symbol.asyncDispose]: async () => {
      server.close();
      server.closeAllConnections();
      await once(server, 'close').catch(() => {});
    },
  };
}
