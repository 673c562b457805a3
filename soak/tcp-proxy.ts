import { once } from 'node:events';
import { connect, createServer, type AddressInfo, type Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Chance } from '@medspa/practice-data';

/** How a connection is cut. After `reset-after-request` nobody on this side knows whether the server did the work. */
export const CUTS = ['reset-after-request', 'cut-mid-reply', 'black-hole', 'refuse'] as const;
type Cut = (typeof CUTS)[number];

/** A network between the service and PostgreSQL that behaves as badly as it is told to. */
export type TcpProxy = AsyncDisposable & {
  port: number;
  cuts: Record<Cut, number>;
  /** Cuts this share of requests and connections; 0 makes it a good network for what comes. */
  misbehave: (share: number) => void;
};

/** The first chunks of a connection are its sign-in; what is cut there is a refused connection, which is cut by itself. */
const SIGN_IN_CHUNKS = 4;
const SLICE_BYTES = 7;
const LATENCY_MILLIS = 60;
const BY_WEIGHT = [
  ['reset-after-request', 55],
  ['cut-mid-reply', 40],
  ['black-hole', 5],
] as const;

export async function startTcpProxy(target: { host: string; port: number }, chance: Chance): Promise<TcpProxy> {
  const cuts: TcpProxy['cuts'] = { 'reset-after-request': 0, 'cut-mid-reply': 0, 'black-hole': 0, refuse: 0 };
  const sockets = new Set<Socket>();
  let share = 0;

  const server = createServer((client) => {
    const keep = (socket: Socket) => {
      sockets.add(socket);
      socket.setNoDelay(true).on('error', () => {});
      socket.on('close', () => sockets.delete(socket));
    };
    keep(client);
    if (chance.happens(share)) {
      cuts.refuse++;
      client.resetAndDestroy();
      return;
    }
    const upstream = connect(target.port, target.host);
    keep(upstream);
    carry(client, upstream);
  });

  function carry(client: Socket, upstream: Socket): void {
    const manner = chance.weighted([['plain', 6] as const, ['slow', 1] as const, ['sliced', 1] as const]);
    let chunks = 0;
    let isHole = false;
    let cutsReply = false;
    const cut = (kind: Cut) => {
      cuts[kind]++;
      client.resetAndDestroy();
      // The server reads what it was sent, and finds nobody to answer.
      upstream.end();
    };
    client.on('data', (chunk) => {
      if (isHole) return;
      const kind = ++chunks > SIGN_IN_CHUNKS && chance.happens(share) ? chance.weighted(BY_WEIGHT) : null;
      if (kind === 'black-hole') {
        cuts[kind]++;
        isHole = true;
        return;
      }
      cutsReply ||= kind === 'cut-mid-reply';
      upstream.write(chunk, () => {
        if (kind === 'reset-after-request') cut(kind);
      });
    });
    let sending = Promise.resolve();
    upstream.on('data', (chunk) => {
      if (isHole) return;
      sending = sending.then(async () => {
        if (manner === 'slow' && share > 0) await sleep(LATENCY_MILLIS);
        if (cutsReply) {
          cutsReply = false;
          client.write(chunk.subarray(0, Math.floor(chunk.length / 2)), () => cut('cut-mid-reply'));
        } else if (manner === 'sliced' && share > 0) {
          for (let at = 0; at < chunk.length; at += SLICE_BYTES) {
            client.write(chunk.subarray(at, at + SLICE_BYTES));
            await new Promise(setImmediate);
          }
        } else client.write(chunk);
      });
    });
    client.on('close', () => upstream.end());
    // In a hole nobody hears of the other's end.
    upstream.on('close', () => void sending.then(() => isHole || client.destroy()));
  }

  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    port: (server.address() as AddressInfo).port,
    cuts,
    misbehave: (wanted) => (share = wanted),
    [Symbol.asyncDispose]: async () => {
      for (const socket of sockets) socket.destroy();
      server.close();
      await once(server, 'close');
    },
  };
}
