import { once } from 'node:events';
import { connect, createServer, type AddressInfo, type Socket } from 'node:net';

/**
 * The only road between the service and its database, so that a drill can close it without touching the server: to the service
 * it is the same whether the database is down or nobody can reach it.
 */
export type Proxy = AsyncDisposable & {
  port: number;
  /** Connections that the service has open now, and most at a time so far. */
  readonly open: number;
  readonly peak: number;
  /** Connections that were tried so far, also refused ones. */
  readonly tries: number;
  /** Everything goes through, also what was held. */
  pass: () => void;
  /** Nothing is answered any more, on old connections and on new ones, which are accepted. */
  hold: () => void;
  /** New connections are refused, and those that are there break. */
  stop: () => void;
  /** Those that are there break; the manner stays. */
  cut: () => void;
  /** As it was in the beginning, for the next drill. */
  reset: () => void;
};

type Pair = { client: Socket; server: Socket };

export async function startProxy(target: { host: string; port: number }): Promise<Proxy> {
  const pairs = new Set<Pair>();
  let manner: 'pass' | 'hold' | 'refuse' = 'pass';
  let tries = 0;
  let peak = 0;

  const carry = ({ client, server }: Pair) => {
    client.pipe(server);
    server.pipe(client);
  };
  const keep = ({ client, server }: Pair) => {
    // What is not read stays with the operating system, as on a network that went silent.
    client.unpipe(server);
    server.unpipe(client);
    client.pause();
    server.pause();
  };
  const pass = () => {
    if (manner === 'hold') for (const pair of pairs) carry(pair);
    manner = 'pass';
  };
  const cut = () => {
    for (const { client, server } of pairs) {
      client.resetAndDestroy();
      server.destroy();
    }
  };

  const listener = createServer({ pauseOnConnect: true }, (client) => {
    tries++;
    client.on('error', () => {});
    if (manner === 'refuse') {
      client.resetAndDestroy();
      return;
    }
    const server = connect(target.port, target.host);
    const pair = { client, server };
    pairs.add(pair);
    peak = Math.max(peak, pairs.size);
    for (const socket of [client, server]) socket.setNoDelay(true);
    server.on('error', () => {});
    client.on('close', () => {
      pairs.delete(pair);
      server.destroy();
    });
    server.on('close', () => client.destroy());
    if (manner === 'pass') carry(pair);
  });
  listener.listen(0, '127.0.0.1');
  await once(listener, 'listening');

  return {
    port: (listener.address() as AddressInfo).port,
    get open() {
      return pairs.size;
    },
    get peak() {
      return peak;
    },
    get tries() {
      return tries;
    },
    pass,
    hold: () => {
      manner = 'hold';
      for (const pair of pairs) keep(pair);
    },
    stop: () => {
      manner = 'refuse';
      cut();
    },
    cut,
    reset: () => {
      cut();
      pass();
      peak = 0;
      tries = 0;
    },
    [Symbol.asyncDispose]: async () => {
      cut();
      listener.close();
      await once(listener, 'close');
    },
  };
}
