import { execFileSync, spawnSync } from 'node:child_process';
import { chownSync, existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmdirSync, rmSync } from 'node:fs';
import { tmpdir, userInfo } from 'node:os';
import { dirname, join } from 'node:path';
import { aFolder, eventually, run, type Started } from '@medspa/testing';
import pg from 'pg';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { FolderInUse, startLocalDatabase, type LocalDatabase, type LocalDatabaseOptions } from './index.ts';

// Real servers and real processes. What differs between root and an ordinary user is asserted for the one who runs this.
const isRoot = process.getuid?.() === 0;

const cleanups: (() => Promise<unknown> | void)[] = [];
afterEach(async () => {
  for (const cleanUp of cleanups.splice(0).toReversed()) await cleanUp();
});

/** Where nothing is yet. */
function emptyFolder(): string {
  const folder = aFolder();
  cleanups.push(() => rmSync(folder, { recursive: true, force: true, maxRetries: 5 }));
  return folder;
}

/** A copy of a cluster that was made once, since making one is slow. */
function folderWithCluster(): string {
  const folder = emptyFolder();
  execFileSync('cp', ['-a', `${made}/.`, folder]);
  return folder;
}
let made: string;
beforeAll(async () => {
  made = aFolder();
  await (await startLocalDatabase({ folder: made, settings: { fsync: 'off' } })).close();
});
afterAll(() => rmSync(made, { recursive: true, force: true }));

async function start(folder: string, options: Partial<LocalDatabaseOptions> = {}): Promise<{ server: LocalDatabase; said: string[] }> {
  const said: string[] = [];
  const settings = { fsync: 'off', shared_buffers: '16MB', ...options.settings };
  const server = await startLocalDatabase({ folder, say: (text) => said.push(text), ...options, settings });
  cleanups.push(() => server.close());
  return { server, said };
}

/** Another process that owns the folder. */
function startElsewhere(folder: string): Started {
  const other = run('packages/local-database/test/own.ts', {}, { args: [folder] });
  cleanups.push(() => other.end('SIGKILL'));
  return other;
}
/** Where its server is, once it is up. */
async function serverOf({ said }: Started): Promise<{ pid: number; port: number }> {
  return JSON.parse(await eventually('the other process is up', () => /^\{.*\}$/m.exec(said())?.[0])) as { pid: number; port: number };
}

async function query(server: { port: number; admin: { user: string; password: string } }, ...texts: string[]): Promise<object[]> {
  const client = new pg.Client({ host: '127.0.0.1', port: server.port, ...server.admin, database: 'postgres' });
  await client.connect();
  try {
    let rows: object[] = [];
    for (const text of texts) ({ rows } = await client.query(text));
    return rows;
  } finally {
    await client.end();
  }
}
const isAlive = (pid: number): boolean => {
  try {
    process.kill(pid, 0);
    // A killed child whose parent is gone may be left for somebody to bury.
    return !/^State:\s+Z/m.test(existsSync(`/proc/${pid}/status`) ? readFileSync(`/proc/${pid}/status`, 'utf8') : '');
  } catch {
    return false;
  }
};

describe('starting', () => {
  test('makes the cluster the first time and finds it with its data the second time', async () => {
    const folder = emptyFolder();
    const first = await start(folder);
    expect(first.said).toEqual(['Creating a PostgreSQL 18 cluster ...']);
    await query(first.server, 'CREATE TABLE kept (id integer)', 'INSERT INTO kept VALUES (1)');
    await first.server.close();
    const second = await start(folder);
    expect(second.said).toEqual([]);
    expect(await query(second.server, 'SELECT id FROM kept')).toEqual([{ id: 1 }]);
    expect(await query(second.server, 'SHOW data_checksums')).toEqual([{ data_checksums: 'on' }]);
  });

  test('makes a cluster again that a killed start left half-made', async () => {
    const folder = emptyFolder();
    const other = startElsewhere(folder);
    const drafts = () => readdirSync(folder).filter((name) => name.startsWith('cluster.making-'));
    await eventually('initdb is at work', () => drafts().some((name) => existsSync(join(folder, name, 'PG_VERSION'))));
    await other.end('SIGKILL');
    expect(existsSync(join(folder, 'cluster'))).toBe(false);
    const { server, said } = await start(folder);
    expect(said).toEqual(['Creating a PostgreSQL 18 cluster ...']);
    expect(await query(server, 'SELECT 1 AS one')).toEqual([{ one: 1 }]);
    expect(drafts()).toEqual([]);
  });

  test("listens on loopback only, with a password that is nobody else's", async () => {
    const { server } = await start(folderWithCluster());
    expect(await query(server, 'SHOW listen_addresses')).toEqual([{ listen_addresses: '127.0.0.1' }]);
    await expect(query({ ...server, admin: { user: 'postgres', password: 'postgres' } }, 'SELECT 1')).rejects.toMatchObject({
      code: '28P01',
    });
  });

  test('runs the server as somebody who is not root', async () => {
    const { server, said } = await start(folderWithCluster());
    expect(said).toEqual([]);
    const uid = Number(spawnSync('ps', ['-o', 'uid=', '-p', String(server.pid)], { encoding: 'utf8' }).stdout);
    expect(isRoot ? uid > 0 : uid === process.getuid?.()).toBe(true);
  });

  test('says why when it cannot, and leaves neither a server nor an owner', async () => {
    const folder = folderWithCluster();
    await expect(start(folder, { settings: { no_such_setting: '1' } })).rejects.toThrow(
      /does not start.*unrecognized configuration parameter "no_such_setting"/s,
    );
    const { server } = await start(folder);
    expect(await query(server, 'SELECT 1 AS one')).toEqual([{ one: 1 }]);
  });
});

describe('a server that is killed', () => {
  test('is started again on the same port, with its data, and that is said', async () => {
    const { server, said } = await start(folderWithCluster(), { supervise: true });
    await query(server, 'CREATE TABLE kept (id integer)', 'INSERT INTO kept VALUES (1)');
    const { pid, port } = server;
    process.kill(pid ?? 0, 'SIGKILL');
    await eventually('it is back', () => said.includes('PostgreSQL is back.'));
    expect(server.port).toBe(port);
    expect(server.pid).not.toBe(pid);
    expect(await query(server, 'SELECT id FROM kept')).toEqual([{ id: 1 }]);
    expect(said).toContain('PostgreSQL ended unexpectedly; starting it again ...');
    process.kill(server.pid ?? 0, 'SIGKILL');
    await eventually('it is back again', () => said.filter((text) => text === 'PostgreSQL is back.').length === 2);
  });

  test('while it is being closed stays down, and nothing of it is left', async () => {
    const folder = folderWithCluster();
    const { server, said } = await start(folder, { supervise: true });
    process.kill(server.pid ?? 0, 'SIGKILL');
    await eventually('that is noticed', () => said.includes('PostgreSQL ended unexpectedly; starting it again ...'));
    await server.close();
    expect(server.pid).toBeUndefined();
    const left = spawnSync('ps', ['-eo', 'args='], { encoding: 'utf8' }).stdout;
    expect(left).not.toContain(`-D ${join(folder, 'cluster')}`);
    expect(said.filter((text) => text.startsWith('PostgreSQL stays down'))).toEqual([]);
  });

  test('by a fault test stays down until it is started again', async () => {
    const { server, said } = await start(folderWithCluster(), { supervise: true });
    await server.halt('kill');
    await expect(query(server, 'SELECT 1')).rejects.toMatchObject({ code: 'ECONNREFUSED' });
    await server.start();
    expect(await query(server, 'SELECT 1 AS one')).toEqual([{ one: 1 }]);
    expect(said).toEqual([]);
  });
});

describe('an owner that is killed', () => {
  test('gives the folder to the next one, who ends the server that was left and finds the data', async () => {
    const folder = folderWithCluster();
    const other = startElsewhere(folder);
    const left = await serverOf(other);
    const admin = { user: 'postgres', password: readFileSync(join(folder, 'admin-password'), 'utf8') };
    await query({ port: left.port, admin }, 'CREATE TABLE kept (id integer)', 'INSERT INTO kept VALUES (1)');
    await other.end('SIGKILL');
    expect(isAlive(left.pid)).toBe(true);
    const { server } = await start(folder);
    expect(isAlive(left.pid)).toBe(false);
    expect(await query(server, 'SELECT id FROM kept')).toEqual([{ id: 1 }]);
  });

  test('while it lives refuses the second one, with what it announced', async () => {
    const folder = folderWithCluster();
    await serverOf(startElsewhere(folder));
    const refused = await start(folder).catch((error: unknown) => error);
    expect(refused).toBeInstanceOf(FolderInUse);
    expect(refused).toMatchObject({ about: 'http://127.0.0.1:4711' });
  });

  test('but is only busy is not taken for dead', async () => {
    const folder = folderWithCluster();
    const other = startElsewhere(folder);
    const { pid } = await serverOf(other);
    other.child.stdin.write('be busy');
    await eventually('it says busy', () => other.said().includes('busy'));
    await expect(start(folder)).rejects.toThrow(FolderInUse);
    expect(isAlive(pid)).toBe(true);
  });
});

describe('the folder', () => {
  test('of another user is left alone, and whose it is, is said', async () => {
    const folder = isRoot ? emptyFolder() : '/usr';
    if (isRoot) chownSync(folder, 12_345, 12_345);
    const [whose, me] = isRoot ? ['user 12345', 'root'] : ['root', `user ${process.getuid?.()}`];
    await expect(start(folder)).rejects.toThrow(
      `${folder} was made by ${whose}, and this is ${me}. Start as the same user, or remove the folder to begin anew.`,
    );
    expect(readdirSync(folder).filter((name) => name.startsWith('owner-'))).toEqual([]);
  });

  test('that cannot be made is named', async () => {
    await expect(start('/dev/null/data')).rejects.toThrow('The folder /dev/null/data cannot be made');
  });

  test("below a closed home is used by its user; root's server has its data elsewhere, and that is said", async () => {
    const home = mkdtempSync(join(tmpdir(), 'medspa-home-'));
    cleanups.push(() => rmSync(home, { recursive: true, force: true }));
    const folder = join(home, 'data');
    mkdirSync(folder);
    const { server, said } = await start(folder);
    expect(await query(server, 'SELECT 1 AS one')).toEqual([{ one: 1 }]);
    const told = /^PostgreSQL runs as "(.+)", which cannot enter .*; its data is in (\/var\/lib\/medspa\/[0-9a-f]{12})\.$/.exec(
      said[0] ?? '',
    );
    const [, account = userInfo().username, place = folder] = told ?? [];
    cleanups.unshift(() => {
      rmSync(place, { recursive: true, force: true });
      if (isRoot && readdirSync(dirname(place)).length === 0) rmdirSync(dirname(place));
    });
    expect([account === userInfo().username, place === folder]).toEqual([!isRoot, !isRoot]);
    expect(readdirSync(place)).toContain('cluster');
    expect(readdirSync(folder).includes('cluster')).toBe(!isRoot);
    // The same folder leads to the same place, where everything is.
    await server.close();
    expect((await start(folder)).said).toEqual(isRoot ? [said[0]] : []);
  });
});

describe("the server's log", () => {
  test('holds no value: not of an error, not of a slow statement', async () => {
    const folder = folderWithCluster();
    const { server } = await start(folder, { settings: { log_min_duration_statement: '0' } });
    const canary = 'Canary-Quill-1987';
    const client = new pg.Client({ host: '127.0.0.1', port: server.port, ...server.admin, database: 'postgres' });
    await client.connect();
    await client.query('CREATE TABLE people (name text PRIMARY KEY)');
    for (const text of ['INSERT INTO people VALUES ($1)', 'INSERT INTO people VALUES ($1)', 'SELECT $1::uuid', 'SELECT $1::jsonb'])
      await client.query(text, [canary]).catch(() => {});
    await client.end();
    const log = () => readFileSync(join(folder, 'server.log'), 'utf8');
    await eventually('it is written', () => log().includes('INSERT INTO people VALUES ($1)'));
    expect(log()).not.toContain(canary);
  });
});
