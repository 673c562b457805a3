import { linkSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
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

/** How long an owner may take to answer before only its process id speaks for it. */
const PATIENCE_MILLIS = 1_000;

/**
 * Makes this process the one owner of the folder until it ends, however it ends. Throws `FolderInUse`.
 *
 * The owner listens on a loopback port and answers with a token that only it knows, so a killed owner is recognised at once
 * and a recycled process id never looks alive. Its record is a file with a number; whoever takes over writes the next
 * number, which only one process can, and numbers are never used again: of two that find a dead owner at the same moment,
 * one becomes the owner.
 */
export async function ownFolder(folder: string): Promise<Ownership> {
  mkdirSync(folder, { recursive: true });
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
  try {
    await takeOver(folder, JSON.stringify({ token, port: (server.address() as AddressInfo).port, pid: process.pid }));
  } catch (error) {
    server.close();
    throw error;
  }
  return {
    announce: (text) => {
      about = text;
    },
    // The record stays, as one of an owner that is gone.
    release: () => server.close(),
  };
}

async function takeOver(folder: string, record: string): Promise<void> {
  for (;;) {
    const last = numbersIn(folder).at(-1) ?? 0;
    const living = last === 0 ? null : await askOwner(fileOf(folder, last));
    if (living !== null) throw new FolderInUse(folder, living);
    const mine = last + 1;
    if (!writeNew(fileOf(folder, mine), record)) continue;
    const numbers = numbersIn(folder);
    // Too slow: others came and went since the folder was read.
    if (numbers.at(-1) !== mine) {
      rmSync(fileOf(folder, mine), { force: true });
      continue;
    }
    for (const number of numbers) if (number < mine) rmSync(fileOf(folder, number), { force: true });
    return;
  }
}

function fileOf(folder: string, number: number): string {
  return join(folder, `owner-${number}.json`);
}

/** Ascending. */
function numbersIn(folder: string): number[] {
  return readdirSync(folder)
    .flatMap((name) => /^owner-(\d+)\.json$/.exec(name)?.[1] ?? [])
    .map(Number)
    .toSorted((a, b) => a - b);
}

/** Makes the file with its whole content at once; false when it exists. */
function writeNew(file: string, content: string): boolean {
  const draft = `${file}.${randomUUID()}`;
  writeFileSync(draft, content);
  try {
    linkSync(draft, file);
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
    return false;
  } finally {
    rmSync(draft, { force: true });
  }
}

/** What the recorded owner says of itself, or null when it no longer runs. */
function askOwner(file: string): Promise<string | null> {
  const record = parse(readOrNothing(file));
  if (!record) return Promise.resolve(null);
  return new Promise((resolve) => {
    let answer = '';
    const socket = connect({ host: '127.0.0.1', port: record.port, timeout: PATIENCE_MILLIS });
    socket.on('data', (chunk) => (answer += chunk));
    socket.on('timeout', () => {
      // Somebody took the call and is too busy to answer.
      resolve(isAlive(record.pid) ? '' : null);
      socket.destroy();
    });
    socket.on('error', () => resolve(null));
    socket.on('close', () => {
      const said = parse(answer);
      resolve(said?.token === record.token ? said.about : null);
    });
  });
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}

/** Empty when somebody took the folder over meanwhile. */
function readOrNothing(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch {
    return '';
  }
}

function parse(text: string): { token: string; port: number; pid: number; about: string } | null {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}
