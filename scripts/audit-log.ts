// `npm run audit-log -- verify`: is the audit trail as it was written? `-- readers PATIENT_ID`: who looked at this record?
import { join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { parseDatabaseUrl, type DatabaseSettings } from '@medspa/database';
import type pg from 'pg';
import { createSigner, fingerprintOf } from '../apps/api/src/platform/audit/anchor.ts';
import { readEnvironment } from '../apps/api/src/platform/config.ts';
import { encryptionIn } from '../apps/api/src/platform/encryption.ts';
import { readAnchors, type Anchors } from './audit-log/anchors.ts';
import { CANNOT_PROVE, KINDS, type Finding, type Verified } from './audit-log/findings.ts';
import { findReaders } from './audit-log/readers.ts';
import { verifyLogs } from './audit-log/verify.ts';
import { DATA, KEY_FILE, ownsTables, ROOT, withClient, withOwner } from './local.ts';

const USAGE = `npm run audit-log -- verify [--database-url URL] [--anchors FILE_OR_FOLDER] [--public-key=KEY ...]
npm run audit-log -- readers PATIENT_ID [--database-url URL]
npm run audit-log -- public-key`;

const say = (text: string) => process.stdout.write(`${text}\n`);
const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    'database-url': { type: 'string' },
    anchors: { type: 'string' },
    'public-key': { type: 'string', multiple: true, default: [] },
  },
});
const tasks: Record<string, (...args: string[]) => Promise<void>> = { verify, readers, 'public-key': publicKey };
try {
  const [task = '', ...args] = positionals;
  if (!Object.hasOwn(tasks, task)) throw new Error(`What of the audit log?\n${USAGE}`);
  await tasks[task]?.(...args);
} catch (error) {
  process.stderr.write(`${(error as Error).message}\n`);
  process.exitCode = 2;
}

/** Ends with 0 when nothing is wrong, with 1 when something is. */
async function verify(): Promise<void> {
  const given = await readEnvironment(process.env, { envFile: join(ROOT, '.env') });
  const isOwn = !values['database-url'] && !given['DATABASE_OWNER_URL'];
  const place = values.anchors ?? given['AUDIT_ANCHOR_FOLDER'] ?? (isOwn ? join(DATA, 'anchors') : undefined);
  const outside: Anchors = place ? readAnchors(resolve(place), values['public-key']) : { anchors: [], findings: [], signedBy: [] };
  const { findings, verified } = await readOnly((client) => verifyLogs(client, outside.anchors));
  const all = [...outside.findings, ...findings];
  for (const one of verified) say(lineOf(one, all));
  for (const { organization, log, kind } of outside.findings)
    say(`BAD  ${organization ?? 'anchors'} ${log ?? ''}  ${kind}: ${KINDS[kind]}`);
  if (verified.length === 0) say('There is nothing to verify: no row, no seal, no anchor.');
  if (outside.signedBy.length > 0) say(`\nAnchors were signed by key ${outside.signedBy.join(', ')}: compare it with what you wrote down.`);
  else say('\nNo anchor was given (--anchors): a log that was cut off or written anew together with its seals looks like a true one.');
  say(`\n${CANNOT_PROVE}`);
  process.exitCode = all.length === 0 ? 0 : 1;
}

function lineOf({ organization, log, seals, rows, unsealed, anchored }: Verified, findings: Finding[]): string {
  const found = findings.find((one) => one.organization === organization && one.log === log && one.sequence !== null);
  if (found) return `BAD  ${organization} ${log}  at seal ${found.sequence}: ${found.kind}: ${KINDS[found.kind]}`;
  const until = anchored ? `anchored up to seal ${anchored.sequence} (${anchored.time})` : 'not anchored';
  return `ok   ${organization} ${log}  ${rows} rows in ${seals} seals, ${until}, ${unsealed} not sealed yet`;
}

async function readers(patientId = ''): Promise<void> {
  if (!/^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i.test(patientId)) throw new Error(`Whose record? PATIENT_ID is not an id.\n${USAGE}`);
  const accesses = await readOnly((client) => findReaders(client, patientId));
  for (const { at, actorKind, actor, action, requestId } of accesses)
    say(`${at.toISOString()}  ${actorKind} ${actor}  ${action}  ${requestId}`);
  say(accesses.length === 0 ? 'Nobody was shown a patient of this id.' : `${accesses.length} accesses.`);
}

/** Every key that may have signed, the current one first, and its short name. */
async function publicKey(): Promise<void> {
  const given = await readEnvironment(process.env, { envFile: join(ROOT, '.env') });
  const { ring } = encryptionIn(given, KEY_FILE);
  if (!ring) throw new Error('Anchors are signed with ENCRYPTION_KEY, and none is given.');
  for (const id of new Set([ring.current, ...ring.keys.keys()])) {
    const { publicKey: key } = createSigner(ring, id);
    say(`${key}  key ${fingerprintOf(key)}`);
  }
}

/** One transaction that can change nothing, of a role that sees every organization. */
async function readOnly<T>(work: (client: pg.Client) => Promise<T>): Promise<T> {
  const at = (settings: DatabaseSettings) => readOnlyAt(settings, work);
  return values['database-url'] ? at(parseDatabaseUrl(values['database-url'], '--database-url').settings) : withOwner(at);
}

async function readOnlyAt<T>(settings: DatabaseSettings, work: (client: pg.Client) => Promise<T>): Promise<T> {
  if (!(await ownsTables(settings)))
    throw new Error(`"${settings.user}" does not see every organization; sign in as app_owner or an administrator.`);
  return withClient(settings, async (client) => {
    await client.query(`SET search_path = pg_catalog; SET statement_timeout = 0; SET TimeZone = 'UTC'`);
    await client.query('BEGIN TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY');
    await client.query(`SELECT set_config('app.upkeep', 'on', true)`);
    return work(client);
  });
}
