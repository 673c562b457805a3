// `npm start`: the whole service on this machine, with a practice clinic on the first run.
import { createWriteStream, mkdirSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { createCodec, keyRingFromFile, openDatabase } from '@medspa/database';
import { fillPracticeData, generatePracticeData, PRACTICE_ORGANIZATION_ID, PRACTICE_OWNER_ID } from '@medspa/practice-data';
import { FolderInUse } from '@medspa/local-database';
import { startService } from '../apps/api/src/compose.ts';
import { loadConfig } from '../apps/api/src/platform/config.ts';
import { createLog } from '../apps/api/src/platform/log.ts';
import { DATA, openEmbedded, openExternal, ROOT } from './local.ts';

const say = (text: string) => process.stdout.write(`${text}\n`);
const SEED = 1;

try {
  await start();
} catch (error) {
  if (error instanceof FolderInUse) {
    say(`The service is running already${error.about ? `: ${error.about}` : ''}. Stop it first, or open that address.`);
  } else {
    say(`\n${(error as Error).message}`);
  }
  process.exit(1);
}

async function start(): Promise<void> {
  const given = { ...process.env };
  const isExternal = Boolean(given['DATABASE_URL'] ?? given['DATABASE_HOST']);
  const keyFile = given['ENCRYPTION_KEY_FILE'] ?? join(DATA, 'keys/encryption.json');
  const envFile = join(ROOT, '.env');
  const port = await freePort(Number(given['PORT'] ?? 8_080));
  const metricsPort = await freePort(Number(given['METRICS_PORT'] ?? 9_464));
  const env = {
    ...given,
    PORT: String(port),
    METRICS_PORT: String(metricsPort),
    ...(given['ENCRYPTION_KEY'] ? {} : { ENCRYPTION_KEY_FILE: keyFile }),
    PRACTICE_ORGANIZATION: PRACTICE_ORGANIZATION_ID,
    PRACTICE_ACTOR: PRACTICE_OWNER_ID,
  };
  // The configuration is checked whole before anything starts; the embedded database's sign-in is filled in afterwards.
  const config = await loadConfig(isExternal ? env : { ...env, DATABASE_HOST: '127.0.0.1', DATABASE_PASSWORD: 'set when it runs' }, {
    envFile,
  });

  const ready = isExternal ? await openExternal(config.database, given['DATABASE_OWNER_URL'], say) : await openEmbedded(say);
  const settings = { ...ready.runtime, poolMax: config.database.poolMax };
  if (!given['ENCRYPTION_KEY']) keyRingFromFile(keyFile, ready.isNew);
  if (ready.isNew) await fillPractice(settings, keyFile);

  mkdirSync(join(DATA, 'log'), { recursive: true });
  const logFile = join(DATA, 'log/api.jsonl');
  const log = createLog(config.logLevel, createWriteStream(logFile, { flags: 'a' }));
  const service = await startService({ ...config, database: settings }, log, {
    serves: true,
    runsJobs: config.runsJobs,
    last: { name: 'postgres', stop: ready.close },
  });
  service.lifecycle.handleSignals();

  const address = `http://${config.host}:${service.port}`;
  ready.announce(address);
  say(`
Medical Spa Platform, practice mode: everyone who opens it acts as the owner of a made-up clinic.

  ${address}/docs            every call, with examples
  ${address}/health/ready    is it well
  http://127.0.0.1:${service.metricsPort}/metrics         what it measures
  ${logFile}   what it logs

Ctrl-C ends it. The README has the three calls that find a slot, book it and show the day.`);
}

async function fillPractice(settings: Parameters<typeof openDatabase>[0], keyFile: string): Promise<void> {
  const database = openDatabase({ ...settings, applicationName: 'medspa-practice' });
  const now = new Date();
  try {
    await fillPracticeData(database, createCodec(keyRingFromFile(keyFile, false)), generatePracticeData('small', SEED, now), now, say);
  } finally {
    await database.disconnectDatabase();
  }
}

/** The wanted port, or the next one that is free, saying so. */
async function freePort(wanted: number): Promise<number> {
  for (let port = wanted; port < wanted + 50; port++) {
    if (await isFree(port)) {
      if (port !== wanted) say(`Port ${wanted} is taken; using ${port}.`);
      return port;
    }
  }
  throw new Error(`No free port from ${wanted} on.`);
}

function isFree(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const probe = createServer();
    probe.once('error', () => resolve(false));
    probe.listen(port, '127.0.0.1', () => probe.close(() => resolve(true)));
  });
}
