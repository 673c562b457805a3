import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { connect, createServer, type AddressInfo } from 'node:net';
import { join } from 'node:path';
import { randomUUID } from 'node:crypto';

/** Thrown when a living process holds the folder; `about` is what that process said of itself (its address). */
export class FolderInUse extends Error {
  readonly about: string;
  constructor(folder: string, about: string) {
    super(`${folder} is in use by another running instance${about ? ` (${about})` : ''}.`);
    this.about = about;
  }
}

export type Ownership = { announce(about: string): void; release(): void };

/**
 * Makes this process the one owner of the folder until it ends, however it ends.
 *
 * The owner listens on a loopback port and answers with a token that only it knows, so a killed owner is recognised
 * at once and a recycled process id never looks alive. Throws `FolderInUse`.
 */
export async function ownFolder(folder: string): Promise<Ownership> {
  mkdirSync(folder, { recursive: true });
  const file = join(folder, 'owner.json');
  const token = randomUUID();
  let about = '';
  const server = createServer((socket) => {
    socket.on('error', () => socket.destroy());
    socket.end(JSON.stringify({ token, about }));
  });
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(0, '127.0.0.1', resolve);
  });
  server.unref();
  const record = JSON.stringify({ token, port: (server.address() as AddressInfo).port, pid: process.pid });

  for (let attempt = 0; ; attempt++) {
    try {
      writeFileSync(file, record, { flag: 'wx' });
      break;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST' || attempt > 3) throw error;
    }
    const living = await askOwner(file);
    if (living !== null) {
      server.close();
      throw new FolderInUse(folder, living);
    }
    rmSync(file, { force: true });
  }
  return {
    announce: (text) => {
      about = text;
    },
    release: () => {
      server.close();
      rmSync(file, { force: true });
    },
  };
}

/** What the recorded owner says of itself, or null when it no longer runs. */
async function askOwner(file: string): Promise<string | null> {
  const record = parse(existsSync(file) ? readFileSync(file, 'utf8') : '');
  if (!record) return null;
  return new Promise((resolve) => {
    let answer = '';
    const socket = connect({ host: '127.0.0.1', port: record.port, timeout: 1_000 });
    socket.on('data', (chunk) => (answer += chunk));
    socket.on('timeout', () => socket.destroy());
    socket.on('error', () => resolve(null));
    socket.on('close', () => {
      const said = parse(answer);
      resolve(said?.token === record.token ? said.about : null);
    });
  });
}

/** Null for what a killed writer left half-written. */
function parse(text: string): { token: string; port: number; about: string } | null {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}
