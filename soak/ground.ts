import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { openDatabase, parseDatabaseUrl, type DatabaseSettings } from '@medspa/database';
import { deployMigrations } from '@medspa/database/migrate';
import { FolderInUse, startLocalDatabase, type LocalDatabase } from '@medspa/local-database';
import { beginPracticeSession, type SessionHeaders } from '@medspa/practice-data';
import { aClinic, aFolder, arrange, connect, type Clinic } from '@medspa/testing';
import { v7 as newId } from 'uuid';
import { DATA, signIns } from '../scripts/local.ts';

const PROVIDERS = 8;
const PATIENTS = 48;

/** A clinic to work in, and the database that it is in. */
export type Ground = {
  admin: DatabaseSettings;
  owner: DatabaseSettings;
  runtime: DatabaseSettings;
  clinic: Clinic & { providerIds: string[] };
  patientIds: string[];
  /** With these a request is one of the clinic's owner. */
  signedIn: SessionHeaders;
  /** Rows past row-level security, over a connection of their own. */
  look: <Row extends object>(text: string, values?: unknown[]) => Promise<Row[]>;
};

export type OwnGround = Ground & { server: LocalDatabase } & AsyncDisposable;

/**
 * A server of the run's own with one migrated clinic. It writes to disk as in production (fsync on) unless `settings` say
 * otherwise, since what a crash leaves is the question. The cluster stays in the project's folder, where the next run finds
 * it; beside a run that is under way it is made in a folder that goes with the run.
 */
export async function openGround(options: { folder?: string; settings?: Record<string, string> } = {}): Promise<OwnGround> {
  const { server, end } = await startServer(options.folder, { ...SETTINGS, ...options.settings });
  try {
    const name = `soak_${Date.now()}`;
    const { settings: superuser } = parseDatabaseUrl(server.adminUrl());
    const old = await look<{ name: string }>(superuser, `SELECT datname AS name FROM pg_database WHERE datname LIKE 'soak\\_%'`);
    for (const { name: left } of old) await look(superuser, `DROP DATABASE ${left} WITH (FORCE)`);
    const { runtime, owner } = await signIns(server, name);
    await deployMigrations(owner);
    const ground = await fillGround({ admin: { ...superuser, database: name }, owner, runtime });
    return { ...ground, server, [Symbol.asyncDispose]: end };
  } catch (error) {
    await end();
    throw error;
  }
}

const SETTINGS = { max_connections: '100', shared_buffers: '64MB', log_min_duration_statement: '-1' };

async function startServer(given: string | undefined, settings: Record<string, string>) {
  try {
    const server = await startLocalDatabase({ folder: given ?? join(DATA, 'soak'), settings });
    return { server, end: server.close };
  } catch (error) {
    if (!(error instanceof FolderInUse) || given !== undefined) throw error;
    const folder = aFolder();
    const server = await startLocalDatabase({ folder, settings });
    const end = async () => {
      await server.close();
      rmSync(folder, { recursive: true, force: true, maxRetries: 10, retryDelay: 100 });
    };
    return { server, end };
  }
}

/** The clinic of a run in a database that is there and migrated. */
export async function fillGround({ admin, owner, runtime }: Pick<Ground, 'admin' | 'owner' | 'runtime'>): Promise<Ground> {
  const database = openDatabase({ ...runtime, applicationName: 'soak-fill' });
  try {
    const clinic = await aClinic(database, { timeZone: 'UTC', providers: PROVIDERS, rooms: PROVIDERS });
    const { organizationId } = clinic;
    const patients = Array.from({ length: PATIENTS }, (_, index) => ({
      organizationId,
      id: newId(),
      givenName: 'Paula',
      familyName: `Patient ${index}`,
    }));
    await arrange(database, clinic, (tx) => tx.patient.createMany({ data: patients }));
    const patientIds = patients.map(({ id }) => id);
    const signedIn = await beginPracticeSession(database, clinic);
    return { admin, owner, runtime, clinic, patientIds, signedIn, look: (text, values) => look(admin, text, values) };
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
