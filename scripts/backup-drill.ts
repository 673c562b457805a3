// The restore drill: a database of its own is filled, copied, written to, harmed, lost, and restored. What it prints was measured.
import { createHash, randomBytes, randomUUID } from 'node:crypto';
import { mkdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { createCodec, keyRingOf, openDatabase, parseDatabaseUrl, ringWrapping, type Database } from '@medspa/database';
import { deployMigrations } from '@medspa/database/migrate';
import { backUpLocalDatabase, restoreLocalDatabase, startLocalDatabase, type LocalDatabase } from '@medspa/local-database';
import { fillPracticeData, generatePracticeData, PRACTICE_ORGANIZATION_ID, PRACTICE_OWNER_ID } from '@medspa/practice-data';
import { v7 as newId } from 'uuid';
import { signIns, withClient } from './local.ts';

const DATABASE = 'medspa';
const WRITE_EVERY_MILLIS = 100;
/** Longer than it takes until activity is in the archive, so that the loss that is measured is the real one. */
const WRITES_FOR_SECONDS = 75;

/** Throws when a single row of a single table differs from what it was a second before the harm. */
export async function drill(args: string[], say: (text: string) => void): Promise<void> {
  const { values } = parseArgs({ args, options: { seconds: { type: 'string', default: String(WRITES_FOR_SECONDS) } } });
  const root = join(tmpdir(), `medspa-drill-${randomUUID()}`);
  mkdirSync(root, { mode: 0o755 });
  const place = {
    folder: join(root, 'postgres'),
    backup: { folder: join(root, 'backup'), keys: keyRingOf(randomBytes(32).toString('hex')) },
  };
  const open: LocalDatabase[] = [];
  const start = async (): Promise<LocalDatabase> => {
    const server = await startLocalDatabase({ ...place, say });
    open.push(server);
    return server;
  };
  try {
    const server = await start();
    const database = await aClinicOn(server, say);
    await writeFor(database, 500);
    const base = await backUpLocalDatabase({ ...place, say });
    say(
      `Base copy: ${base.files} files, ${(base.bytes / 1e6).toFixed(1)} MB, ${Date.parse(base.finishedAt) - Date.parse(base.startedAt)} ms. Writing on ...`,
    );
    await writeFor(database, Number(values.seconds) * 1_000);

    const before = await hashesOf(server);
    await sleep(1_500);
    const harmedAt = await harm(server);
    const lastAcknowledged = await writeFor(database, 2_000);
    await server.halt('kill');
    await server.close();
    await database.disconnectDatabase();

    say('The machine is lost. How much is lost with it?');
    const elsewhere = { ...place, folder: join(root, 'elsewhere') };
    const latest = await restoreLocalDatabase({ ...elsewhere, target: 'latest', say });
    const rpoSeconds = (lastAcknowledged.getTime() - (latest.inspection.lastChange ?? new Date(base.finishedAt)).getTime()) / 1_000;

    say('Now to one second before the harm ...');
    const began = performance.now();
    const target = new Date(harmedAt.getTime() - 1_000);
    const restored = await restoreLocalDatabase({ ...place, target, say });
    const again = await start();
    const after = await hashesOf(again);
    const rtoSeconds = (performance.now() - began) / 1_000;
    const differing = [...new Set([...before.keys(), ...after.keys()])].filter((table) => before.get(table) !== after.get(table));
    console.log(
      JSON.stringify({
        drill: 'restore',
        tables: before.size,
        rows_read: restored.inspection.rows,
        restore_hash_equal: differing.length === 0,
        rpo_s: round(rpoSeconds),
        rto_s: round(rtoSeconds),
        base_mb: round(base.bytes / 1e6),
        wrote_for_s: Number(values.seconds),
      }),
    );
    if (differing.length > 0) throw new Error(`These tables are not as they were: ${differing.join(', ')}.`);
  } finally {
    for (const server of open) await server.close();
    rmSync(root, { recursive: true, force: true, maxRetries: 5 });
  }
}

async function aClinicOn(server: LocalDatabase, say: (text: string) => void): Promise<Database> {
  const { owner, runtime } = await signIns(server, DATABASE);
  await deployMigrations(owner, say);
  const database = openDatabase({ ...runtime, poolMax: 4, applicationName: 'medspa-drill' });
  const now = new Date();
  const codec = createCodec(database, ringWrapping(keyRingOf(randomBytes(32).toString('hex'))));
  await fillPracticeData(database, codec, generatePracticeData('small', 1, now), now, { say });
  return database;
}

/** New patients, one after the other; when the last one was acknowledged. */
async function writeFor(database: Database, millis: number): Promise<Date> {
  let last = new Date();
  for (const until = Date.now() + millis; Date.now() < until; await sleep(WRITE_EVERY_MILLIS)) {
    const of = { organizationId: PRACTICE_ORGANIZATION_ID };
    const session = {
      ...of,
      actorKind: 'staff' as const,
      actorId: PRACTICE_OWNER_ID,
      requestId: newId(),
      action: 'drill.write',
      now: new Date(),
      locations: null,
      patients: null,
    };
    await database.withTransaction(session, (tx) =>
      tx.patient.create({ data: { ...of, id: newId(), givenName: 'Drill', familyName: 'Patient' } }),
    );
    last = new Date();
  }
  return last;
}

/** What must never happen, by the administrator's hand: half of the patients, past every rule. Says when. */
async function harm(server: LocalDatabase): Promise<Date> {
  return withClient(parseDatabaseUrl(server.adminUrl(DATABASE)).settings, async (client) => {
    const { rows } = await client.query<{ now: Date }>('SELECT clock_timestamp() AS now');
    await client.query('SET session_replication_role = replica');
    await client.query(`DELETE FROM patient WHERE id::text < '8' OR family_name = 'Patient'`);
    return rows[0]?.now ?? new Date();
  });
}

/** A hash of all rows of every table, by table. */
async function hashesOf(server: LocalDatabase): Promise<Map<string, string>> {
  return withClient(parseDatabaseUrl(server.adminUrl(DATABASE)).settings, async (client) => {
    const hashes = new Map<string, string>();
    const { rows: tables } = await client.query<{ name: string }>(
      `SELECT format('%I.%I', schemaname, tablename) AS name FROM pg_tables WHERE schemaname NOT IN ('pg_catalog', 'information_schema') ORDER BY 1`,
    );
    for (const { name } of tables) {
      const { rows } = await client.query<{ row: string }>(`SELECT t::text AS row FROM ONLY ${name} t ORDER BY t::text COLLATE "C"`);
      const hash = createHash('sha256');
      for (const { row } of rows) hash.update(`${row}\n`);
      hashes.set(name, `${rows.length} ${hash.digest('hex')}`);
    }
    return hashes;
  });
}

function round(value: number): number {
  return Math.round(value * 100) / 100;
}
