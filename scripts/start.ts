// `npm start`: the whole service on this machine, with a practice clinic on the first run.
import { mkdirSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { assertKeysFit, createCodec, openDatabase, type DatabaseSettings, type Wrapping } from '@medspa/database';
import { issueSetupCode } from '@medspa/database/migrate';
import { fillPracticeData, generatePracticeData } from '@medspa/practice-data';
import { startLocalMailbox, type LocalMailbox } from '@medspa/local-mailbox';
import { ageNotice, FolderInUse } from '@medspa/local-database';
import { startService } from '../apps/api/src/compose.ts';
import { loadConfig, readEnvironment, type Config } from '../apps/api/src/platform/config.ts';
import { openEncryption } from '../apps/api/src/platform/encryption.ts';
import { logFile } from '../apps/api/src/platform/log-file.ts';
import { createLog } from '../apps/api/src/platform/log.ts';
import { DATA, KEY_FILE, openEmbedded, openExternal, ownsTables, ROOT, type ReadyDatabase } from './local.ts';
import { openPracticeSignIns, tellSignIns } from './practice-sign-ins.ts';

const say = (text: string) => process.stdout.write(`${text}\n`);
const SEED = 1;

// Until the service runs and drains, a signal ends the process at once; an embedded server ends with it.
const endAtOnce = () => process.exit(0);
const SIGNALS = ['SIGINT', 'SIGTERM'] as const;
for (const signal of SIGNALS) process.on(signal, endAtOnce);

try {
  await start();
} catch (error) {
  const sentence =
    error instanceof FolderInUse
      ? `The service is running already${error.about ? `: ${error.about}` : ''}. Stop it first, or open that address.`
      : `\n${(error as Error).message}`;
  process.stderr.write(`${sentence}\n`);
  process.exit(1);
}

async function start(): Promise<void> {
  const given = await readEnvironment(process.env, { envFile: join(ROOT, '.env') });
  const isExternal = Boolean(given['DATABASE_URL'] ?? given['DATABASE_HOST']);
  const basis = environmentOf(given, isExternal);
  // The configuration is checked whole before anything starts.
  const wanted = await loadConfig(basis);
  const ready = isExternal ? await openExternal(wanted.database, given['DATABASE_OWNER_URL'], say) : await openEmbedded(say);
  const isPractice = ready.isPractice || (ready.isNew && wanted.isPractice);
  if (isPractice && !wanted.isPractice) {
    await ready.close();
    throw new Error(
      'PRACTICE is off, and the database holds the practice clinic. Name another database, or another folder by MEDSPA_DATA.',
    );
  }
  const mailbox = isPractice ? await startLocalMailbox() : null;
  // Only now: another instance that holds the folder is told of before its ports are.
  const config = await withFreePorts({ ...basis, PRACTICE: isPractice ? 'on' : 'off', ...(mailbox ? sendersIn(mailbox) : {}) }, wanted);
  const settings = { ...ready.runtime, poolMax: config.database.poolMax };
  const { wrapping } = openEncryption(config.encryption, ready.isNew);
  if (isPractice && ready.isNew) await fillPractice(settings, wrapping);
  const welcome = isPractice ? await welcomeToPractice(settings, wrapping) : await welcomeToOwn(ready);

  mkdirSync(join(DATA, 'log'), { recursive: true });
  const logPath = join(DATA, 'log/api.jsonl');
  const log = createLog(config.logLevel, logFile(logPath));
  const service = await startService({ ...config, database: settings }, log, {
    serves: true,
    runsJobs: config.runsJobs,
    ...(mailbox ? { received: mailbox.entries } : {}),
    last: {
      name: 'postgres and mailbox',
      stop: async () => {
        await Promise.all([ready.close(), mailbox?.stop()]);
      },
    },
  });
  for (const signal of SIGNALS) process.off(signal, endAtOnce);
  service.lifecycle.handleSignals();

  const address = `http://${config.host}:${service.port}`;
  ready.announce(address);
  say(`
Medical Spa Platform${isPractice ? ', practice mode: a made-up clinic' : ''}

  ${address}/sign-in         sign in
  ${address}/docs            every call, with examples
${isPractice ? `  ${address}/mailbox         what its patients were sent\n` : ''}  ${address}/health/ready    is it well
  http://127.0.0.1:${service.metricsPort}/metrics         what it measures
  ${logPath}   what it logs

${welcome(address)}

Ctrl-C ends it.${isPractice ? ' The README has the calls that sign in, find a slot, book it and show the day.' : ''}`);
  const notice = isExternal ? null : ageNotice(new Date());
  if (notice) say(`\n${notice}`);
}

/**
 * What is given, practice mode unless it is switched off, and a key file of our own where no key is given. The embedded database's sign-in is filled in
 * when it runs.
 */
function environmentOf(given: Record<string, string | undefined>, isExternal: boolean): Record<string, string | undefined> {
  return {
    ...given,
    METRICS_PORT: given['METRICS_PORT'] ?? '9464',
    ...(given['ENCRYPTION_KEY'] || given['ENCRYPTION_KEY_FILE'] || given['KMS_KEY'] ? {} : { ENCRYPTION_KEY_FILE: KEY_FILE }),
    ...(given['AUDIT_ANCHOR_FOLDER'] || given['AUDIT_ANCHOR_BUCKET'] ? {} : { AUDIT_ANCHOR_FOLDER: join(DATA, 'anchors') }),
    ...(isExternal ? {} : { DATABASE_HOST: '127.0.0.1', DATABASE_PASSWORD: 'set when it runs' }),
    PRACTICE: given['PRACTICE'] ?? 'on',
  };
}

/** Practice mode writes to nobody: whatever is configured, its messages go to stand-ins on this machine. */
function sendersIn({ smtpUrl, texts }: LocalMailbox): Record<string, string> {
  return {
    SMTP_URL: smtpUrl,
    MAIL_FROM: 'Willow & Ash (practice) <desk@clinic.example>',
    TWILIO_URL: texts.url,
    TWILIO_ACCOUNT_SID: texts.accountSid,
    TWILIO_AUTH_TOKEN: texts.authToken,
    TWILIO_FROM: texts.from,
  };
}

async function withFreePorts(env: Record<string, string | undefined>, wanted: Config): Promise<Config> {
  const port = await freePort(wanted.port, wanted.host);
  const metricsPort = await freePort(wanted.metrics?.port ?? 0, wanted.metrics?.host ?? wanted.host);
  return loadConfig({ ...env, PORT: String(port), METRICS_PORT: String(metricsPort) });
}

/** Who can sign in to the practice clinic. */
async function welcomeToPractice(settings: DatabaseSettings, wrapping: Wrapping): Promise<() => string> {
  const signIns = await openPracticeSignIns(settings, wrapping, join(DATA, 'keys/practice-password'));
  return () => tellSignIns(signIns);
}

/** How the first person begins, while there is nobody: with a code of this start, where its sign-in to the database may make one. */
async function welcomeToOwn({ isNew, owner }: ReadyDatabase): Promise<(address: string) => string> {
  if (!isNew) return () => 'Sign in with your own account.';
  const code = (await ownsTables(owner)) ? await issueSetupCode(owner) : null;
  const how = code
    ? `with the setup code ${code}, good once and for a day`
    : 'with a setup code, which npm run setup-code makes as the owner';
  return (address) => `Nobody has an account yet. The first person makes the organization at\n  ${address}/setup\n${how}.`;
}

async function fillPractice(settings: DatabaseSettings, wrapping: Wrapping): Promise<void> {
  const database = openDatabase({ ...settings, applicationName: 'medspa-practice' });
  const now = new Date();
  try {
    await assertKeysFit(database, wrapping);
    await fillPracticeData(database, createCodec(database, wrapping), generatePracticeData('small', SEED, now), now, { say });
  } finally {
    await database.disconnectDatabase();
  }
}

/** The wanted port, or the next one that is free, saying so. */
async function freePort(wanted: number, host: string): Promise<number> {
  for (let port = wanted; port < wanted + 50; port++) {
    if (await isFree(port, host)) {
      if (port !== wanted) say(`Port ${wanted} is taken; using ${port}.`);
      return port;
    }
  }
  throw new Error(`No free port from ${wanted} on.`);
}

function isFree(port: number, host: string): Promise<boolean> {
  return new Promise((resolve) => {
    const probe = createServer();
    probe.once('error', () => resolve(false));
    probe.listen(port, host, () => probe.close(() => resolve(true)));
  });
}
