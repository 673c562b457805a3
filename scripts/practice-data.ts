// `npm run practice-data -- --size medium`: a made-up group of clinics at size, for benchmarks, load and trying things out.
import { createHash } from 'node:crypto';
import { existsSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { createCodec, openDatabase, parseDatabaseUrl } from '@medspa/database';
import { readMigrations } from '@medspa/database/migrate';
import { fillPracticeData, generatePracticeData, SIZES, type Filled, type Progress, type Size } from '@medspa/practice-data';
import { readEnvironment } from '../apps/api/src/platform/config.ts';
import { encryptionIn } from '../apps/api/src/platform/encryption.ts';
import { DATA, KEY_FILE, openEmbedded, openExternal, ROOT, ownsTables, type ReadyDatabase } from './local.ts';

const USAGE = `npm run practice-data -- --size ${Object.keys(SIZES).join('|')} [--seed 1] [--day YYYY-MM-DD] [--database URL] [--anew]`;
/** Nobody but the fill uses this server: rows of an empty table go to the disk at once, without a log for others. */
const FOR_FILLING = {
  wal_level: 'minimal',
  max_wal_senders: '0',
  max_wal_size: '8GB',
  checkpoint_timeout: '30min',
  log_min_duration_statement: '-1',
};
/** Time between two lines of progress. */
const TELL_MILLIS = 3_000;

type Wanted = { size: Size; seed: number; now: Date; day: string };
type Result = { rows: Filled; seconds: number };
/** What a cluster was filled with. Written beside it when everything is there, so an interrupted fill has none. */
type Kept = Result & { key: string; filledAt: string };

const say = (text: string) => process.stdout.write(`${text}\n`);
// A server that this process started ends with it, and an interrupted fill begins anew the next time.
for (const signal of ['SIGINT', 'SIGTERM'] as const)
  process.on(signal, () => {
    say(`Stopped by ${signal}.`);
    process.exit(1);
  });

try {
  await main();
} catch (error) {
  process.stderr.write(`\n${(error as Error).message}\n`);
  process.exit(1);
}

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      size: { type: 'string' },
      seed: { type: 'string', default: '1' },
      day: { type: 'string' },
      database: { type: 'string' },
      anew: { type: 'boolean', default: false },
    },
  });
  const wanted = wantedOf(values.size ?? '', values.seed, values.day);
  await (values.database ? fillExternal(wanted, values.database) : fillOwn(wanted, values.anew));
}

function wantedOf(size: string, seed: string, day: string | undefined): Wanted {
  if (!Object.hasOwn(SIZES, size)) throw new Error(`Which size? ${USAGE}`);
  if (!/^\d{1,9}$/.test(seed)) throw new Error(`A seed is a number. ${USAGE}`);
  const now = day === undefined ? new Date() : new Date(`${day}T12:00:00Z`);
  if (Number.isNaN(now.getTime()) || (day !== undefined && now.toISOString().slice(0, 10) !== day))
    throw new Error(`A day is written as YYYY-MM-DD. ${USAGE}`);
  return { size: size as Size, seed: Number(seed), now, day: now.toISOString().slice(0, 10) };
}

/** Fills the cluster of the size, unless it holds the same already. */
async function fillOwn(wanted: Wanted, anew: boolean): Promise<void> {
  const home = join(DATA, `practice-${wanted.size}`);
  const note = join(home, 'filled.json');
  const key = keyOf(wanted);
  const kept = existsSync(note) ? (JSON.parse(readFileSync(note, 'utf8')) as Kept) : null;
  const isKept = kept?.key === key && !anew;
  if (!isKept) rmSync(note, { force: true });

  const started = Date.now();
  const ready = await openEmbedded(say, { folder: join(home, 'postgres'), ...(isKept ? {} : { settings: FOR_FILLING, anew: true }) });
  try {
    if (isKept && !ready.isNew) {
      say(`\nThe same was filled before, at ${kept.filledAt}, and is ready after ${secondsSince(started)} s.`);
      tellRows(kept);
    } else {
      const result = await fill(wanted, ready, join(home, 'keys/encryption.json'));
      writeFileSync(note, JSON.stringify({ key, filledAt: new Date().toISOString(), ...result } satisfies Kept, null, 2));
      tellRows(result);
    }
    say(`
Serve it:  MEDSPA_DATA=${home} npm start
Check it:  MEDSPA_DATA=${home} npm run db:status
Drop it:   rm -rf ${home}${ready.folder?.startsWith(home) ? '' : ` ${ready.folder}`}`);
  } finally {
    await ready.close();
  }
}

/** Fills a database of a server that somebody else runs; it must be empty. */
async function fillExternal(wanted: Wanted, url: string): Promise<void> {
  const { settings } = parseDatabaseUrl(url, '--database');
  const ready = await openExternal(settings, url, say);
  if (!(await ownsTables(settings)))
    throw new Error(`"${settings.user}" does not own the tables of "${settings.database}"; sign in as app_owner or an administrator.`);
  if (!ready.isNew) throw new Error(`"${settings.database}" holds data; practice data goes into an empty database.`);
  tellRows(await fill(wanted, ready, KEY_FILE));
}

async function fill({ size, seed, now }: Wanted, ready: ReadyDatabase, keyFile: string): Promise<Result> {
  const given = await readEnvironment(process.env, { envFile: join(ROOT, '.env') });
  const { wrapping } = encryptionIn(given, keyFile, true);
  const database = openDatabase({ ...ready.owner, applicationName: 'medspa-practice' });
  const started = Date.now();
  try {
    const data = generatePracticeData(size, seed, now);
    const rows = await fillPracticeData(database, createCodec(database, wrapping), data, now, { owner: ready.owner, progress: teller() });
    return { rows, seconds: secondsSince(started) };
  } finally {
    await database.disconnectDatabase();
  }
}

/** Says every few seconds how far a step is and, by its pace so far, how long it still takes. */
function teller(): (progress: Progress) => void {
  const NAMES = {
    patients: 'patients',
    past: 'past appointments',
    keys: 'making the keys and indexes again',
    coming: 'coming appointments',
  };
  let step = '';
  let began = 0;
  let told = 0;
  return (progress) => {
    const now = Date.now();
    if (progress.step !== step) [step, began, told] = [progress.step, now, 0];
    if (now - told < TELL_MILLIS && progress.share < 1) return;
    told = now;
    const left = Math.ceil(((now - began) * (1 - progress.share)) / Math.max(progress.share, 0.001) / 1_000);
    const rest = progress.share < 1 && now > began ? `, ${left} s left` : '';
    say(`  ${NAMES[progress.step]}: ${progress.rows.toLocaleString('en-US')}, ${Math.floor(progress.share * 100)} %${rest}`);
  };
}

function tellRows({ rows, seconds }: Result): void {
  const total = Object.values(rows).reduce((sum, count) => sum + count, 0);
  for (const [table, count] of Object.entries(rows)) say(`  ${count.toLocaleString('en-US').padStart(12)}  ${table}`);
  say(`  ${total.toLocaleString('en-US').padStart(12)}  rows in ${seconds} s`);
}

/** What the content of a cluster depends on: what was asked for, the tables, and the generator. */
function keyOf({ size, seed, day }: Wanted): string {
  const generator = join(ROOT, 'packages/practice-data/src');
  const sources = readdirSync(generator)
    .filter((name) => !name.endsWith('.test.ts'))
    .toSorted()
    .map((name) => readFileSync(join(generator, name), 'utf8'));
  const migrations = readMigrations().map(({ checksum }) => checksum);
  return createHash('sha256')
    .update(JSON.stringify([size, seed, day, migrations, sources]))
    .digest('hex');
}

function secondsSince(started: number): number {
  return Math.round((Date.now() - started) / 100) / 10;
}
