import { execFileSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { copyFileSync, existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { aFolder, eventually, run } from '@medspa/testing';
import pg from 'pg';
import { afterAll, afterEach, beforeAll, describe, expect, test, vi } from 'vitest';
import {
  ArchiveError,
  backUpLocalDatabase,
  FolderInUse,
  listBackups,
  restoreLocalDatabase,
  startLocalDatabase,
  type BackupPlace,
  type LocalDatabase,
} from '../index.ts';

// Real clusters, real backups, and whatever can happen to either.
vi.setConfig({ testTimeout: 120_000, hookTimeout: 120_000 });
const SETTINGS = { shared_buffers: '16MB', max_connections: '30', fsync: 'off' };
const keys = { current: 1, keys: new Map([[1, randomBytes(32)]]) };
const said: string[] = [];
const say = (text: string) => said.push(text);

const cleanups: (() => Promise<unknown> | void)[] = [];
afterEach(async () => {
  for (const cleanUp of cleanups.splice(0).toReversed()) await cleanUp();
  said.length = 0;
});

type Place = { folder: string; backup: BackupPlace };

let made: string;
let harmed: { root: string; before: object[]; harmedAt: Date; after: object[] };
beforeAll(async () => {
  made = aFolder();
  await (await startLocalDatabase({ folder: made, settings: SETTINGS })).close();
  harmed = await makeHarmedClinic();
});
afterAll(() => {
  for (const folder of [made, harmed.root]) rmSync(folder, { recursive: true, force: true, maxRetries: 5 });
});

const placeIn = (root: string): Place => ({ folder: join(root, 'postgres'), backup: { folder: join(root, 'backup'), keys } });

function aRoot(): string {
  const root = aFolder();
  cleanups.push(() => rmSync(root, { recursive: true, force: true, maxRetries: 5 }));
  return root;
}

/** An empty cluster's folder, and where its backup goes. */
function places(): Place {
  const root = aRoot();
  execFileSync('cp', ['-a', made, join(root, 'postgres')]);
  return placeIn(root);
}

async function start(place: Place, settings: Record<string, string> = {}): Promise<LocalDatabase> {
  const server = await startLocalDatabase({ ...place, settings: { ...SETTINGS, ...settings }, say });
  cleanups.push(() => server.close());
  return server;
}

async function query<Row extends object>(server: LocalDatabase, ...texts: string[]): Promise<Row[]> {
  const client = new pg.Client({ connectionString: server.adminUrl() });
  await client.connect();
  try {
    let rows: Row[] = [];
    for (const text of texts) ({ rows } = await client.query<Row>(text));
    return rows;
  } finally {
    await client.end();
  }
}

const digest = (server: LocalDatabase) =>
  query<{ rows: string; hash: string }>(
    server,
    `SELECT count(*) AS rows, md5(string_agg(v::text, '|' ORDER BY v.id)) AS hash FROM visit v`,
  );
const now = async (server: LocalDatabase) => (await query<{ at: Date }>(server, 'SELECT clock_timestamp() AS at'))[0]?.at ?? new Date(0);
const TABLE = `CREATE TABLE visit (id integer PRIMARY KEY, note text); INSERT INTO visit SELECT n, repeat(md5(n::text), 8) FROM generate_series(1, 20000) n`;

const restore = (place: Place, target: Date | 'latest', database?: string) =>
  restoreLocalDatabase({ ...place, settings: SETTINGS, target, database, say });
const walFolder = async ({ backup }: Place) => join((await listBackups(backup))[0]?.archive.folder ?? '', 'wal');
const baseData = async ({ backup }: Place) => {
  const [one] = await listBackups(backup);
  return join(one?.archive.folder ?? '', 'base', one?.bases.at(-1)?.name ?? '', 'data.sealed');
};

/** A clinic that was copied, changed afterwards, damaged at `harmedAt`, used on, and stopped. */
async function makeHarmedClinic(): Promise<typeof harmed> {
  const root = aFolder();
  const place = placeIn(root);
  execFileSync('cp', ['-a', made, place.folder]);
  const server = await startLocalDatabase({ ...place, settings: SETTINGS });
  await query(server, TABLE);
  await backUpLocalDatabase({ ...place, say });
  await query(server, `UPDATE visit SET note = 'changed after the copy' WHERE id % 3 = 0`, `INSERT INTO visit VALUES (99999, 'new')`);
  const before = await digest(server);
  await sleep(30);
  const harmedAt = await now(server);
  await query(server, 'DELETE FROM visit WHERE id % 2 = 0');
  await query(server, `INSERT INTO visit VALUES (100001, 'after the harm')`);
  const after = await digest(server);
  await server.close();
  return { root, before, harmedAt, after };
}

/** One of its own for a test. */
function aHarmedClinic(): Place & typeof harmed {
  const root = aRoot();
  execFileSync('cp', ['-a', `${harmed.root}/.`, root]);
  return { ...harmed, ...placeIn(root), root };
}

describe('a restore', () => {
  test('to the instant before a bad delete has every row as it was, keeps what it replaced, and can be worked with', async () => {
    const clinic = aHarmedClinic();
    const restored = await restore(clinic, new Date(clinic.harmedAt.getTime() - 1));
    expect(restored.inspection.rows).toBeGreaterThan(20_000);
    const server = await start(clinic);
    expect(await digest(server)).toEqual(clinic.before);
    await query(server, `INSERT INTO visit VALUES (100002, 'life goes on')`);
    expect(existsSync(join(restored.kept ?? '', 'PG_VERSION'))).toBe(true);
    expect(readdirSync(clinic.folder).filter((name) => name.includes('restoring'))).toEqual([]);
  });

  test('to the latest state has everything that was committed before the database was closed', async () => {
    const clinic = aHarmedClinic();
    rmSync(clinic.folder, { recursive: true });
    const restored = await restore(clinic, 'latest');
    expect(restored.kept).toBeNull();
    expect(await digest(await start(clinic))).toEqual(clinic.after);
  });

  test('can be made again, after work on the restored database, to either side of the first', async () => {
    const clinic = aHarmedClinic();
    const target = new Date(clinic.harmedAt.getTime() - 1);
    await restore(clinic, target);
    await restore(clinic, target);
    const server = await start(clinic);
    await query(server, `INSERT INTO visit VALUES (100003, 'on the new timeline')`);
    const worked = await digest(server);
    await sleep(30);
    const workedAt = await now(server);
    await query(server, 'DELETE FROM visit');
    await server.close();

    await restore(clinic, workedAt);
    const again = await start(clinic);
    expect(await digest(again)).toEqual(worked);
    await again.close();
    await restore(clinic, target);
    const first = await start(clinic);
    expect(await digest(first)).toEqual(clinic.before);
  });

  test('asks which where the backup holds several databases', async () => {
    const clinic = aHarmedClinic();
    const [one] = await listBackups(clinic.backup);
    // One that was begun anew, copied later.
    const other = { ...clinic, folder: join(clinic.root, 'other') };
    await (await start(other)).close();
    await backUpLocalDatabase({ ...other, say });
    await expect(restore(clinic, 'latest')).rejects.toThrow(
      new RegExp(`several databases.*--database:.*${one?.archive.systemId}, copied last at`, 's'),
    );
    await expect(restore(clinic, 'latest', '12')).rejects.toThrow(/no copy of a database 12\./);
    await restore(clinic, clinic.harmedAt, one?.archive.systemId);
    expect(await digest(await start(clinic))).toEqual(clinic.before);
  });

  test('does without a copy whose removal was cut off', async () => {
    const clinic = aHarmedClinic();
    const [one] = await listBackups(clinic.backup);
    mkdirSync(join(one?.archive.folder ?? '', `base/${one?.bases[0]?.name}.draft-0a1b2c3d`));
    expect((await listBackups(clinic.backup))[0]?.bases).toHaveLength(1);
  });

  test('is refused while the database is used', async () => {
    const clinic = aHarmedClinic();
    const server = await start(clinic);
    await expect(restore(clinic, 'latest')).rejects.toThrow(FolderInUse);
    expect(await digest(server)).toEqual(clinic.after);
  });

  test('before the first copy, or after the last change, is refused with what there is', async () => {
    const clinic = aHarmedClinic();
    await expect(restore(clinic, new Date('2020-01-01T00:00:00Z'))).rejects.toThrow(/reaches back to \d{4}-/);
    await expect(restore(clinic, new Date(Date.now() + 60_000))).rejects.toThrow(
      /ends before the instant you named: its last change is of \d{4}-/,
    );
    expect(await digest(await start(clinic))).toEqual(clinic.after);
  });

  test('takes along what a killed database had not archived yet, and does without it where that no longer starts', async () => {
    const clinic = aHarmedClinic();
    const server = await start(clinic, { archive_timeout: '0' });
    await query(server, `INSERT INTO visit VALUES (100004, 'a moment before the power cut')`);
    const last = await digest(server);
    await server.halt('kill');
    await server.close();
    await restore(clinic, 'latest');
    const again = await start(clinic, { archive_timeout: '0' });
    expect(await digest(again)).toEqual(last);
    await query(again, `INSERT INTO visit VALUES (100005, 'lost')`);
    await again.halt('kill');
    await again.close();
    rmSync(join(clinic.folder, 'cluster/PG_VERSION'));
    await restore(clinic, 'latest');
    expect(said).toContain('The database that is there does not start; what it had not archived yet is not in the backup.');
    expect(await digest(await start(clinic))).toEqual(last);
  });

  test('that was killed between its two renames is finished by the next start', async () => {
    const clinic = aHarmedClinic();
    await restore(clinic, new Date(clinic.harmedAt.getTime() - 1));
    // What such a kill leaves: the intent, the old cluster set aside, the new one not yet in its place.
    execFileSync('mv', [join(clinic.folder, 'cluster'), join(clinic.folder, 'cluster.restoring-00000000')]);
    writeFileSync(join(clinic.folder, 'swap.json'), JSON.stringify({ draft: 'cluster.restoring-00000000', kept: 'cluster.before-x' }));
    const server = await start(clinic);
    expect(said).not.toContain('Creating a PostgreSQL 18 cluster ...');
    expect(await digest(server)).toEqual(clinic.before);
  });
});

describe('a backup that is not what was written', () => {
  const unchanged = async (clinic: ReturnType<typeof aHarmedClinic>) => {
    expect(await digest(await start(clinic))).toEqual(clinic.after);
    expect(readdirSync(clinic.folder).filter((name) => name.startsWith('cluster.'))).toEqual([]);
  };

  test('is refused by name when the copy was altered or cut', async () => {
    const clinic = aHarmedClinic();
    const path = await baseData(clinic);
    const whole = readFileSync(path);
    const altered = Buffer.from(whole);
    altered.writeUInt8(altered.readUInt8(whole.length >> 1) ^ 1, whole.length >> 1);
    for (const bytes of [altered, whole.subarray(0, whole.length - 100_000)]) {
      writeFileSync(path, bytes);
      const refused = await restore(clinic, 'latest').catch((error: unknown) => error as Error);
      expect(refused).toBeInstanceOf(ArchiveError);
      expect((refused as Error).message).toMatch(/\/data cannot be used\. It is damaged: /);
    }
    await unchanged(clinic);
  });

  test('is refused by name when a segment of the log was altered or is another one', async () => {
    const clinic = aHarmedClinic();
    const wal = await walFolder(clinic);
    const names = readdirSync(wal).filter((name) => /^[0-9A-F]{24}\.sealed$/.test(name));
    const last = names.at(-1) ?? '';
    const whole = readFileSync(join(wal, last));
    const altered = Buffer.from(whole);
    altered.writeUInt8(altered.readUInt8(whole.length - 40) ^ 1, whole.length - 40);
    for (const bytes of [altered, readFileSync(join(wal, names.at(-2) ?? ''))]) {
      writeFileSync(join(wal, last), bytes);
      await expect(restore(clinic, 'latest')).rejects.toThrow(`wal/${last.replace('.sealed', '')} cannot be used. It is damaged`);
    }
    await unchanged(clinic);
  });

  test('is refused with the name of the segment that is missing', async () => {
    const clinic = aHarmedClinic();
    const server = await start(clinic);
    for (const id of [1, 2, 3]) await query(server, `INSERT INTO visit VALUES (${200_000 + id}, 'more')`, 'SELECT pg_switch_wal()');
    await server.close();
    const wal = await walFolder(clinic);
    const missing =
      readdirSync(wal)
        .filter((name) => /^[0-9A-F]{24}\.sealed$/.test(name))
        .at(-3) ?? '';
    rmSync(join(wal, missing));
    await expect(restore(clinic, 'latest')).rejects.toThrow(
      `The segment ${missing.replace('.sealed', '')} of the log is missing in the backup`,
    );
    // What lies before the gap is there.
    await restore(clinic, new Date(clinic.harmedAt.getTime() - 1));
    expect(await digest(await start(clinic))).toEqual(clinic.before);
  });

  test('does not open with another key, and that is said', async () => {
    const clinic = aHarmedClinic();
    const other = { ...clinic, backup: { ...clinic.backup, keys: { current: 1, keys: new Map([[1, randomBytes(32)]]) } } };
    await expect(restore(other, 'latest')).rejects.toThrow('It was encrypted with another key');
    await unchanged(clinic);
  });

  test('holds nothing that can be read without the key', async () => {
    const clinic = aHarmedClinic();
    const files = execFileSync('find', [clinic.backup.folder, '-type', 'f'], { encoding: 'utf8' }).trim().split('\n');
    expect(files.length).toBeGreaterThan(3);
    for (const file of files) expect(readFileSync(file).includes('after the'), file).toBe(false);
  });
});

describe('the log', () => {
  test('reaches the archive without a gap, however often the process that archives and the server are killed', async () => {
    const place = places();
    const first = await start(place);
    await query(first, 'CREATE TABLE visit (id serial PRIMARY KEY, note text)');
    await backUpLocalDatabase({ ...place, say });
    await first.close();
    const keyFile = join(place.backup.folder, 'key.hex');
    writeFileSync(keyFile, Buffer.from(keys.keys.get(1) ?? []).toString('hex'));
    let written = 0;
    for (let round = 0; round < 4; round++) {
      const owner = run('packages/local-database/test/archive.ts', {}, { args: [place.folder, place.backup.folder, keyFile] });
      cleanups.push(() => owner.end('SIGKILL'));
      // It writes and finishes segments as fast as it can; what it says it wrote must come back.
      await eventually('it has written', () => owner.said().split('\n').length > 6 + round * 3, 30_000);
      await owner.end('SIGKILL');
      written += (owner.said().match(/^wrote$/gm) ?? []).length;
    }
    const server = await start(place);
    await server.close();
    rmSync(place.folder, { recursive: true });
    await restore(place, 'latest');
    const [row] = await query<{ rows: string }>(await start(place), 'SELECT count(*) AS rows FROM visit');
    expect(Number(row?.rows)).toBeGreaterThanOrEqual(written);
    expect(written).toBeGreaterThan(10);
  });

  test('stays with the database as long as the archive cannot be written, and that is said', async () => {
    const place = places();
    const server = await start(place);
    await query(server, TABLE);
    await backUpLocalDatabase({ ...place, say });
    const wal = await walFolder(place);
    execFileSync('mv', [wal, `${wal}.away`]);
    writeFileSync(wal, 'not a folder');
    await query(server, `INSERT INTO visit VALUES (300000, 'kept')`, 'SELECT pg_switch_wal()');
    await eventually('it is said', () => said.some((text) => text.startsWith('The backup does not get the')));
    rmSync(wal);
    execFileSync('mv', [`${wal}.away`, wal]);
    await eventually('it works again', () => said.includes('Archiving for the backup works again.'));
    const after = await digest(server);
    await server.close();
    rmSync(place.folder, { recursive: true });
    await restore(place, 'latest');
    expect(await digest(await start(place))).toEqual(after);
  });

  test('is handed over before a restore where the archive could not be written until the database stopped', async () => {
    const clinic = aHarmedClinic();
    const server = await start(clinic);
    const wal = await walFolder(clinic);
    execFileSync('mv', [wal, `${wal}.away`]);
    writeFileSync(wal, 'not a folder');
    await query(server, `INSERT INTO visit VALUES (300000, 'kept')`, 'SELECT pg_switch_wal()');
    await eventually('it is said', () => said.some((text) => text.startsWith('The backup does not get the')));
    const last = await digest(server);
    await server.close();
    rmSync(wal);
    execFileSync('mv', [`${wal}.away`, wal]);
    await restore(clinic, 'latest');
    expect(await digest(await start(clinic))).toEqual(last);
  });

  test('of another database of the same origin overwrites nothing', async () => {
    const place = places();
    const twin = { ...place, folder: `${place.folder}-twin` };
    execFileSync('cp', ['-a', place.folder, twin.folder]);
    const server = await start(place);
    await query(server, TABLE, 'SELECT pg_switch_wal()');
    await server.close();
    const wal = await walFolder(place);
    const [name = ''] = readdirSync(wal);
    const before = readFileSync(join(wal, name));
    const other = await start(twin, { archive_timeout: '0' });
    await query(other, 'CREATE TABLE something_else (id integer)', 'SELECT pg_switch_wal()');
    await eventually('it is said', () =>
      said.some((text) => text.includes(`${name.replace('.sealed', '')} is in the backup already with another content`)),
    );
    expect(readFileSync(join(wal, name)).equals(before)).toBe(true);
    // It would wait for its log to be archived.
    await other.halt('kill');
  });
});

test('a backup of a database that stands still is taken and leaves it standing still', async () => {
  const place = places();
  await (await start(place)).close();
  const base = await backUpLocalDatabase({ ...place, say });
  expect((await listBackups(place.backup))[0]?.bases).toEqual([base]);
  expect(existsSync(join(place.folder, 'cluster/postmaster.pid'))).toBe(false);
});

test('a copy with a file of another copy in it is refused', async () => {
  const clinic = aHarmedClinic();
  const older = await baseData(clinic);
  await backUpLocalDatabase({ ...clinic, say });
  copyFileSync(older, await baseData(clinic));
  await expect(restore(clinic, 'latest')).rejects.toThrow(/under another name/);
});
