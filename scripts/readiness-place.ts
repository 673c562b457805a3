// Where `npm run readiness` tries this platform: a database of the run's own, with a clinic in it.
import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import {
  assertKeysFit,
  createCodec,
  keyRingOf,
  openDatabase,
  parseDatabaseUrl,
  ringWrapping,
  type DatabaseSettings,
} from '@medspa/database';
import { deployMigrations } from '@medspa/database/migrate';
import { startLocalDatabase } from '@medspa/local-database';
import {
  beginPracticeSession,
  fillPracticeData,
  generatePracticeData,
  PRACTICE_ORGANIZATION_ID,
  PRACTICE_OWNER_ID,
  type SessionHeaders,
} from '@medspa/practice-data';
import { DATA, signIns, withClient } from './local.ts';

const DATABASE = 'readiness';
const SEED = 1;
/** Connections as in production; and nothing here must survive a crash of the machine. */
const SETTINGS = { max_connections: '250', fsync: 'off', synchronous_commit: 'off', full_page_writes: 'off' };

/** The environment that readiness.json refers to. */
export type Place = { environment: Record<'DATABASE_URL' | 'DATABASE_ADMIN_URL', string> & Record<string, string> } & AsyncDisposable;

/** Starts a server that ends with the run, and makes a migrated database with a small clinic anew on it. */
export async function openPlace(say: (text: string) => void): Promise<Place> {
  const server = await startLocalDatabase({ folder: join(DATA, 'readiness'), settings: SETTINGS, say });
  try {
    const { settings: admin } = parseDatabaseUrl(server.adminUrl());
    await withClient(admin, (client) => client.query(`DROP DATABASE IF EXISTS ${DATABASE} WITH (FORCE)`));
    const { runtime, owner } = await signIns(server, DATABASE);
    await deployMigrations(owner);
    const key = randomBytes(32).toString('hex');
    const { cookie } = await fill(runtime, key);
    say('the database is ready');
    return {
      environment: {
        DATABASE_URL: `postgresql://${runtime.user}:${runtime.password}@${runtime.host}:${runtime.port}/${DATABASE}`,
        DATABASE_ADMIN_URL: server.adminUrl(DATABASE),
        ENCRYPTION_KEY: key,
        SESSION_COOKIE: cookie,
      },
      [Symbol.asyncDispose]: server.close,
    };
  } catch (error) {
    await server.close();
    throw error;
  }
}

/** Fills it, and signs the owner in. */
async function fill(settings: DatabaseSettings, key: string): Promise<SessionHeaders> {
  const database = openDatabase({ ...settings, applicationName: 'medspa-practice' });
  const wrapping = ringWrapping(keyRingOf(key));
  const now = new Date();
  try {
    await assertKeysFit(database, wrapping);
    await fillPracticeData(database, createCodec(database, wrapping), generatePracticeData('small', SEED, now), now);
    return await beginPracticeSession(database, { organizationId: PRACTICE_ORGANIZATION_ID, actorId: PRACTICE_OWNER_ID });
  } finally {
    await database.disconnectDatabase();
  }
}
