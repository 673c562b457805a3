import { connect, type Socket } from 'node:net';

/** What a slow client does to a server: it never finishes its headers, its body, or reading its answers. */
export const ATTACKS = ['headers', 'body', 'reading'] as const;
type Attack = (typeof ATTACKS)[number];

/** One connection that a server should not keep, and how long it did. */
export type Attacker = { attack: Attack; heldSeconds: () => number; isHeld: () => boolean; end: () => void };

const PACE_MILLIS = 900;
/** As many as one client may ask for at once; after a few times they fit no buffer any more. */
const UNREAD_ANSWERS = 15;
const ROUNDS = 4;
/** When somebody who does not read should have been dropped. */
const PROBE_MILLIS = 45_000;

export function startAttacker(port: number, attack: Attack, largePath: string): Attacker {
  const since = performance.now();
  let endedAt: number | null = null;
  const socket = connect(port, '127.0.0.1');
  socket.on('error', () => {});
  socket.on('close', () => {
    endedAt = performance.now();
    clearInterval(drip);
  });
  begin(socket, attack, largePath);
  let rounds = 1;
  const drip = setInterval(() => {
    if (!socket.writable) return;
    if (attack !== 'reading') socket.write(attack === 'headers' ? 'X-A: b\r\n' : ' ');
    else if (rounds++ < ROUNDS) askForMuch(socket, largePath);
    // Who does not read does not see the end either; a letter that nobody takes any more brings the news.
    else if (performance.now() - since > PROBE_MILLIS) socket.write('G');
  }, PACE_MILLIS);
  return {
    attack,
    heldSeconds: () => ((endedAt ?? performance.now()) - since) / 1_000,
    isHeld: () => endedAt === null,
    end: () => socket.destroy(),
  };
}

function begin(socket: Socket, attack: Attack, largePath: string): void {
  const host = 'Host: localhost\r\n';
  if (attack === 'headers') socket.write(`GET /health/live HTTP/1.1\r\n${host}`);
  if (attack === 'body')
    socket.write(`POST /v1/room-types HTTP/1.1\r\n${host}Content-Type: application/json\r\nContent-Length: 5000\r\n\r\n{"name":`);
  if (attack === 'reading') {
    socket.pause();
    askForMuch(socket, largePath);
  } else socket.resume();
}

function askForMuch(socket: Socket, path: string): void {
  socket.write(`GET ${path} HTTP/1.1\r\nHost: localhost\r\n\r\n`.repeat(UNREAD_ANSWERS));
}
