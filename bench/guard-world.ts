import { EVERYTHING } from '@medspa/contracts';
import { createCodec, keyRingOf, ringWrapping, type Codec } from '@medspa/database';
import { v7 as newId } from 'uuid';
import { createApp } from '../apps/api/src/app.ts';
import { findActor } from '../apps/api/src/modules/identity/index.ts';
import { findSignedInPatient } from '../apps/api/src/modules/portal/index.ts';
import { createBreaker } from '../apps/api/src/platform/breaker.ts';
import type { FindActor } from '../apps/api/src/platform/edge.ts';
import { createLog } from '../apps/api/src/platform/log.ts';
import { createMetrics } from '../apps/api/src/platform/metrics.ts';
import { withClient } from '../scripts/local.ts';
import { fillWorld, openSlots, wireOf, type World } from './booking-world.ts';
import type { BenchDatabase } from './database.ts';
import { BENCH_KEY } from './service.ts';

/** What stands between somebody who has signed in and the data. */
export const GUARDS = ['permission', 'row-level security', 'audit', 'encryption'] as const;
export type Guard = (typeof GUARDS)[number];

/** Finding whose session it is: no guard by itself, but what each of them goes by. */
export type Part = Guard | 'session';

/** The service with some of its guards, on a database and a world of its own. */
export type GuardedService = { book: () => Promise<void>; readPatient: () => Promise<void> };

const API = 'http://127.0.0.1:8080';
const PATIENTS = 200;
const NOTE = 'Prefers the left chair, and asks for the numbing cream half an hour before.';

/**
 * The service as it is composed, called without a socket, with the parts named and no others. None of them can be switched off: the
 * others are taken out of this database by its owner, or are not handed to the app.
 */
export async function guardedService(db: BenchDatabase, composed: readonly Part[]): Promise<GuardedService> {
  const has = (part: Part) => composed.includes(part);
  const world = await fillWorld(db);
  if (!has('permission')) await withClient(db.owner, (client) => client.query(WITHOUT_ROLES));
  if (!has('row-level security')) await withClient(db.owner, (client) => client.query(WITHOUT_POLICIES));
  if (!has('audit')) await withClient(db.owner, (client) => client.query(WITHOUT_AUDIT));
  const parts = {
    database: db.database,
    codec: has('encryption') ? createCodec(db.database, ringWrapping(keyRingOf(BENCH_KEY))) : PLAIN,
    breaker: createBreaker().policy,
    now: () => new Date(),
  };
  const app = createApp({
    ...parts,
    config: {
      corsOrigins: new Set(),
      apiUrl: API,
      relyingParty: { id: 'localhost', origins: [] },
      mail: null,
      isPractice: false,
      twilio: null,
      trustedProxies: 0,
      rateLimitFactor: 10_000,
    },
    findPatient: findSignedInPatient(parts),
    findActor: findAs(has, world, findActor(parts, { needsSecondFactor: false })),
    log: createLog('silent'),
    metrics: createMetrics(),
    isStopping: () => false,
    isTraced: false,
  });
  const signedIn = has('session') ? world.signedIn : {};

  async function ask(status: number, method: string, path: string, body?: string, headers = {}): Promise<string> {
    const sent = body === undefined ? {} : { 'content-type': 'application/json', 'content-length': String(Buffer.byteLength(body)) };
    const request = { method, headers: { ...signedIn, ...sent, ...headers }, ...(body === undefined ? {} : { body }) };
    const answer = await app.request(path, request);
    const text = await answer.text();
    if (answer.status !== status) throw new Error(`${method} ${path} was answered ${answer.status}: ${text.slice(0, 300)}`);
    return text;
  }

  const patientIds: string[] = [];
  for (let index = 0; index < PATIENTS; index++) {
    const { id } = JSON.parse(await ask(201, 'POST', '/v1/patients', patient(index))) as { id: string };
    patientIds.push(id);
  }
  const nextSlot = openSlots(world);
  let turn = 0;
  return {
    book: async () => {
      const body = `${wireOf(nextSlot()).slice(0, -1)},"note":${JSON.stringify(NOTE)}}`;
      await ask(201, 'POST', '/v1/appointments', body, { 'idempotency-key': newId() });
    },
    readPatient: async () => {
      const read = await ask(200, 'GET', `/v1/patients/${patientIds[turn++ % PATIENTS]}`);
      if (!read.includes('"birthDate":"1985-04-02"')) throw new Error('A patient was read without what is sealed.');
    },
  };
}

function patient(index: number): string {
  return JSON.stringify({
    givenName: 'Paula',
    familyName: `Patient ${index}`,
    birthDate: '1985-04-02',
    phone: `+1212555${String(1_000 + index)}`,
    email: `paula${index}@example.com`,
    address: { street: '1 Harbor Street', city: 'New York', region: 'NY', postalCode: '10001', country: 'US' },
    note: NOTE,
  });
}

/** Who asks: by their session and with what their roles allow, by their session alone, or one who is there at once. */
function findAs(has: (part: Part) => boolean, { organizationId, actorId }: World, bySession: FindActor): FindActor {
  if (has('permission')) return bySession;
  const mayAll = (id: string) => ({ kind: 'staff' as const, id, grants: EVERYTHING });
  if (!has('session')) return () => Promise.resolve({ organizationId, actor: mayAll(actorId) });
  return async (headers, operation) => {
    const found = await bySession(headers, operation);
    return found && { ...found, actor: mayAll(found.actor.id) };
  };
}

/** Stores what it is given, and finds it by its beginning. */
const PLAIN: Codec = {
  isReady: () => true,
  prepare: () => Promise.resolve(),
  begin: () => Promise.resolve([]),
  seal: (_, plain) => Buffer.from(plain),
  open: (_, sealed) => Buffer.from(sealed.buffer, sealed.byteOffset, sealed.byteLength).toString(),
  keyedHash: (_, value) => beginningOf(value, 32),
  blindIndex: (_, normalised) => beginningOf(normalised, 16),
};

function beginningOf(text: string, bytes: number): Buffer<ArrayBuffer> {
  const beginning = Buffer.alloc(bytes);
  beginning.write(text);
  return beginning;
}

const WITHOUT_ROLES = `CREATE OR REPLACE FUNCTION app.roles_of(p_staff uuid) RETURNS jsonb LANGUAGE sql STABLE AS $$ SELECT '[]'::jsonb $$`;

const WITHOUT_POLICIES = `
  DO $$ DECLARE v_table regclass; BEGIN
    FOR v_table IN SELECT oid FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relrowsecurity LOOP
      EXECUTE format('ALTER TABLE %s NO FORCE ROW LEVEL SECURITY, DISABLE ROW LEVEL SECURITY', v_table);
    END LOOP;
  END $$`;

const WITHOUT_AUDIT = `
  DO $$ DECLARE v_table regclass; BEGIN
    FOR v_table IN SELECT tgrelid FROM pg_trigger WHERE tgname = 'audit' LOOP
      EXECUTE format('DROP TRIGGER audit ON %s', v_table);
    END LOOP;
  END $$;
  CREATE OR REPLACE FUNCTION app.log_access(p_patient_ids uuid[]) RETURNS void LANGUAGE sql AS ''`;
