import { rmSync } from 'node:fs';
import { openDatabase, parseDatabaseUrl, type DatabaseSettings } from '@medspa/database';
import { deployMigrations } from '@medspa/database/migrate';
import { startLocalDatabase, type LocalDatabase } from '@medspa/local-database';
import { aClinic, aFolder, aPatient, connect, type Clinic } from '@medspa/testing';
import { signIns } from '../scripts/local.ts';

const PROVIDERS = 8;
const PATIENTS = 48;

/** A clinic to work in, and the database that it is in. */
export type Ground = {
  admin: DatabaseSettings;
  owner: DatabaseSettings;
  runtime: DatabaseSettings;
  clinic: Clinic & { providerIds: string[] };
  patientIds: string[];
  /** Rows past row-level security, over a connection of their own. */
  look: <Row extends object>(text: string, values?: unknown[]) => Promise<Row[]>;
};

export type OwnGround = Ground & { server: LocalDatabase } & AsyncDisposable;

/**
 * A server of the run's own with one migrated clinic. It writes to disk as in production (fsync on) unless `settings` say
 * otherwise, since what a crash leaves is the question.
 */
export async function openGround(options: { folder?: string; settings?: Record<string, string> } = {}): Promise<OwnGround> {
  const folder = options.folder ?? aFolder();
  const server = await startLocalDatabase({
    folder,
    settings: { max_connections: '100', shared_buffers: '64MB', log_min_duration_statement: '-1', ...options.settings },
  });
  const end = async () => {
    await server.close();
    rmSync(folder, { recursive: true, force: true, maxRetries: 10, retryDelay: 100 });
  };
  try {
    const { runtime, owner } = await signIns(server, 'soak');
    await deployMigrations(owner);
    const admin = { ...parseDatabaseUrl(server.adminUrl()).settings, database: 'soak' };
    return { ...(await fillGround({ admin, owner, runtime })), server, [Symbol.asyncDispose]: end };
  } catch (error) {
    await end();
    throw error;
  }
}

/** The clinic of a run in a database that is there and migrated. */
export async function fillGround({ admin, owner, runtime }: Pick<Ground, 'admin' | 'owner' | 'runtime'>): Promise<Ground> {
  const database = openDatabase({ ...runtime, applicationName: 'soak-fill' });
  try {
    const clinic = await aClinic(database, { timeZone: 'UTC', providers: PROVIDERS, rooms: PROVIDERS });
    const patientIds = await Promise.all(Array.from({ length: PATIENTS }, () => aPatient(database, clinic)));
    return { admin, owner, runtime, clinic, patientIds, look: (text, values) => look(admin, text, values) };
  } finally {
    await database.disconnectDatabase();
  }
}

/** The given one, or an own server that ends with the run. */
export async function groundOf({ ground }: { ground?: Ground }): Promise<Ground & AsyncDisposable> {
  return ground ? { ...ground, [Symbol.asyncDispose]: () => Promise.resolve() } : openGround();
}

async function look<Row extends object>(admin: DatabaseSettings, text: string, values: unknown[] = []): Promise<Row[]> {
  const client = await connect(admin);
  try {
    return (await client.query<Row>(text, values)).rows;
  } finally {
    await client.end();
  }
}
