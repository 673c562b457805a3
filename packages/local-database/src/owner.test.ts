import { once } from 'node:events';
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { eventually } from '@medspa/testing';
import { afterAll, afterEach, describe, expect, test } from 'vitest';
import { FolderInUse, ownFolder, type Ownership } from './owner.ts';

const root = mkdtempSync(join(tmpdir(), 'medspa-owner-'));
afterAll(() => rmSync(root, { recursive: true }));
let count = 0;
const aFolder = () => join(root, String(count++));

const owned: Ownership[] = [];
afterEach(() => {
  for (const owner of owned.splice(0)) owner.release();
});
async function own(folder: string): Promise<Ownership> {
  const owner = await ownFolder(folder);
  owned.push(owner);
  return owner;
}

/** A folder whose recorded owner is at this port with this process id. */
async function leftBy(owner: { port: number; pid: number }): Promise<string> {
  const folder = aFolder();
  (await ownFolder(folder)).release();
  writeFileSync(join(folder, 'owner-1.json'), JSON.stringify({ token: 'theirs', ...owner }));
  return folder;
}

/** A loopback port where every caller is met in this way. */
async function meetingEveryone(how: (socket: NodeJS.WritableStream) => void): Promise<{ port: number; close: () => void }> {
  const server = createServer((socket) => {
    socket.on('error', () => {});
    how(socket);
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  return { port: (server.address() as AddressInfo).port, close: () => server.close() };
}
const NOBODY = 2 ** 22 + 1;

describe('a folder', () => {
  test('has one owner, and the next one is told what that one said of itself', async () => {
    const folder = aFolder();
    const first = await own(folder);
    await expect(ownFolder(folder)).rejects.toThrow(FolderInUse);
    first.announce('http://127.0.0.1:8080');
    const refused = await ownFolder(folder).catch((error: unknown) => error);
    expect(refused).toMatchObject({
      about: 'http://127.0.0.1:8080',
      message: `${folder} is in use by another running instance (http://127.0.0.1:8080).`,
    });
  });

  test('can be owned again once it was given up, any number of times, and keeps one record', async () => {
    const folder = aFolder();
    for (let round = 0; round < 5; round++) (await ownFolder(folder)).release();
    await own(folder);
    expect(readdirSync(folder)).toHaveLength(1);
  });

  test('of a dead owner goes to exactly one of many who come at the same moment', async () => {
    for (let round = 0; round < 10; round++) {
      const folder = await leftBy({ port: 1, pid: NOBODY });
      const came = await Promise.allSettled(Array.from({ length: 8 }, () => own(folder)));
      expect(came.filter(({ status }) => status === 'fulfilled')).toHaveLength(1);
      expect(came.filter((one) => one.status === 'rejected' && !(one.reason instanceof FolderInUse))).toEqual([]);
    }
  });

  test('does not go to one who was too slow: others came and went meanwhile', async () => {
    const calls: NodeJS.WritableStream[] = [];
    const stranger = await meetingEveryone((socket) => {
      calls.push(socket);
      // Only the first caller has to wait.
      if (calls.length > 1) socket.end();
    });
    const folder = await leftBy({ port: stranger.port, pid: NOBODY });
    const slow = ownFolder(folder).catch((error: unknown) => error);
    await eventually('the slow one waits for an answer', () => calls.length === 1);
    (await ownFolder(folder)).release();
    await own(folder);
    calls[0]?.end();
    expect(await slow).toBeInstanceOf(FolderInUse);
    await expect(ownFolder(folder)).rejects.toThrow(FolderInUse);
    stranger.close();
  });

  test('is not kept by a record that a killed writer left half-written', async () => {
    const folder = await leftBy({ port: 1, pid: NOBODY });
    writeFileSync(join(folder, 'owner-2.json'), '{"token": "th');
    await own(folder);
    await expect(ownFolder(folder)).rejects.toThrow(FolderInUse);
  });
});

describe('the owner of a record', () => {
  test('is gone when nobody listens at its port, even where its process id lives on as somebody else', async () => {
    await expect(own(await leftBy({ port: 1, pid: process.pid }))).resolves.toBeDefined();
  });

  test.each([
    ['answers something else', '{"token": "another"}'],
    ['answers no JSON', 'HTTP/1.1 400 Bad Request'],
    ['hangs up', ''],
  ])('is gone when whoever listens there now %s', async (_, said) => {
    const stranger = await meetingEveryone((socket) => socket.end(said));
    await expect(own(await leftBy({ port: stranger.port, pid: process.pid }))).resolves.toBeDefined();
    stranger.close();
  });

  test('lives when it takes the call and is too busy to answer', async () => {
    const busy = await meetingEveryone(() => {});
    await expect(ownFolder(await leftBy({ port: busy.port, pid: process.pid }))).rejects.toThrow(FolderInUse);
    busy.close();
  });

  test('is gone when somebody else takes the call and says nothing', async () => {
    const silent = await meetingEveryone(() => {});
    await expect(own(await leftBy({ port: silent.port, pid: NOBODY }))).resolves.toBeDefined();
    silent.close();
  });
});
