import {
  bulkLoad,
  insertDataKeys,
  insertRows,
  type BatchRow,
  type Codec,
  type Database,
  type DatabaseSettings,
  type Tx,
} from '@medspa/database';
import { appointmentRow, claimRows, historyRows, isRecordOnly, segmentRow } from './appointment-rows.ts';
import { insertClinic, patientRow } from './clinic-rows.ts';
import { PRACTICE_ORGANIZATION_ID, type Patient, type PracticeData } from './generate.ts';
import { PRACTICE_OWNER_ID } from './people.ts';
import type { Appointment } from './visits.ts';

/** Patients or appointments of one transaction, each table's rows in one statement. */
const CHUNK = 1_000;
/** Patients or appointments of one COPY of each table: what is in memory at a time. */
const COPIED_AT_ONCE = 10_000;

/** How far a fill is: `share` of what it began, 0 to 1. */
export type Progress = { step: 'patients' | 'past' | 'keys' | 'coming'; rows: number; share: number };

export type FillOptions = {
  /** Told in words what a person would wait for. */
  say?: (text: string) => void;
  progress?: (progress: Progress) => void;
  /** The owner's sign-in. With it, patients and what is long over come by COPY, for millions of rows. */
  owner?: DatabaseSettings;
};

/** Rows that a fill wrote, by table. What triggers add is not counted. */
export type Filled = Record<string, number>;

/**
 * Writes a generated organization: row-level security, constraints and, but for what comes by COPY, audit triggers hold as for
 * anybody. Several transactions; the last row of the last one tells a whole fill from an interrupted one.
 */
export async function fillPracticeData(
  database: Database,
  codec: Codec,
  data: PracticeData,
  now: Date,
  { say = () => {}, progress = () => {}, owner }: FillOptions = {},
): Promise<Filled> {
  const session = {
    organizationId: PRACTICE_ORGANIZATION_ID,
    actorKind: 'staff',
    actorId: PRACTICE_OWNER_ID,
    requestId: 'practice-data',
    action: 'practice.fill',
    now,
    locations: null,
    patients: null,
  };
  const write = <T>(work: (tx: Tx) => Promise<T>) => database.withTransaction(session, work);
  const filled: Filled = {};
  const count = (table: string, rows: number) => (filled[table] = (filled[table] ?? 0) + rows);

  say('Filling a practice clinic ...');
  const keys = await codec.begin(PRACTICE_ORGANIZATION_ID);
  await write(async (tx) => {
    await insertDataKeys(tx, keys);
    await insertClinic(tx, codec, data, now);
  });
  const clinics = `${data.locations.length} location${data.locations.length === 1 ? '' : 's'}`;
  say(`  ${clinics}, ${data.providers.length} providers, ${data.patients.length} patients`);

  const patientOf = (patient: Patient) => patientRow(codec, patient, now);
  let appointments: Appointment[];
  if (owner) {
    const prepare = () => codec.prepare(PRACTICE_ORGANIZATION_ID);
    appointments = await copyRecords(owner, data, prepare, patientOf, now, count, progress);
  } else {
    await inChunks(data.patients, async (chunk) => {
      await codec.prepare(PRACTICE_ORGANIZATION_ID);
      count('patient', await write((tx) => insertRows(tx, 'patient', chunk.map(patientOf))));
    });
    appointments = Array.from(data.days()).flatMap((day) => day.appointments);
  }
  const insert = async (chunk: Appointment[]) => {
    for (const [table, rows] of Object.entries(await write((tx) => insertAppointments(tx, chunk, now)))) count(table, rows);
  };
  await inChunks(appointments, insert, (rows, share) => {
    say(`  ${rows} of ${appointments.length} appointments`);
    progress({ step: 'coming', rows, share });
  });
  // The last row of a fill: without it, the next start knows that this one was interrupted.
  await write(async (tx) => {
    await tx.$executeRaw`SELECT app.emit(${PRACTICE_ORGANIZATION_ID}::uuid, 'practice.filled', ${PRACTICE_ORGANIZATION_ID}::uuid, '{}')`;
  });
  return filled;
}

/**
 * Copies the patients, and the appointments of which nothing is kept but the record; returns the others, the last week's and the
 * coming ones.
 */
async function copyRecords(
  owner: DatabaseSettings,
  data: PracticeData,
  prepare: () => Promise<void>,
  patientOf: (patient: Patient) => BatchRow,
  now: Date,
  count: (table: string, rows: number) => number,
  progress: (progress: Progress) => void,
): Promise<Appointment[]> {
  const others: Appointment[] = [];
  await bulkLoad(owner, ['patient', 'appointment', 'appointment_segment', 'appointment_history'], async (copy) => {
    for (let done = 0; done < data.patients.length; done += COPIED_AT_ONCE) {
      const chunk = data.patients.slice(done, done + COPIED_AT_ONCE);
      await prepare();
      const rows = count('patient', await copy('patient', mapped(chunk, patientOf)));
      progress({ step: 'patients', rows, share: rows / data.patients.length });
    }
    let records: Appointment[] = [];
    const flush = async (share: number) => {
      const rows = count('appointment', await copy('appointment', mapped(records, appointmentRow)));
      count('appointment_segment', await copy('appointment_segment', mapped(records, segmentRow)));
      count('appointment_history', await copy('appointment_history', flatMapped(records, historyRows)));
      records = [];
      progress({ step: share < 1 ? 'past' : 'keys', rows, share });
    };
    for (const { appointments, share } of data.days()) {
      for (const one of appointments) (isRecordOnly(one, now) ? records : others).push(one);
      if (records.length >= COPIED_AT_ONCE) await flush(share);
    }
    await flush(1);
  });
  return others;
}

async function insertAppointments(tx: Tx, appointments: Appointment[], now: Date): Promise<Filled> {
  return {
    appointment: await insertRows(tx, 'appointment', appointments.map(appointmentRow)),
    appointment_segment: await insertRows(tx, 'appointment_segment', appointments.map(segmentRow)),
    appointment_history: await insertRows(tx, 'appointment_history', appointments.flatMap(historyRows)),
    claim: await insertRows(
      tx,
      'claim',
      appointments.flatMap((one) => claimRows(one, now)),
    ),
  };
}

/** Works through all of them, two chunks at a time: the next is made while the database writes one. */
async function inChunks<T>(
  all: T[],
  work: (chunk: T[]) => Promise<void>,
  tell: (done: number, share: number) => void = () => {},
): Promise<void> {
  let taken = 0;
  let done = 0;
  const worker = async () => {
    while (taken < all.length) {
      const chunk = all.slice(taken, taken + CHUNK);
      taken += chunk.length;
      await work(chunk);
      done += chunk.length;
      tell(done, done / all.length);
    }
  };
  await Promise.all([worker(), worker()]);
}

function* mapped<T>(all: T[], rowOf: (one: T) => BatchRow): Generator<BatchRow> {
  for (const one of all) yield rowOf(one);
}

function* flatMapped(all: Appointment[], rowsOf: (one: Appointment) => BatchRow[]): Generator<BatchRow> {
  for (const one of all) yield* rowsOf(one);
}
