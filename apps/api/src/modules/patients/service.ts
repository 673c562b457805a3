import {
  ImportReport,
  Patient,
  wordsOfName,
  type AccessQuery,
  type AddRelation,
  type CreatePatient,
  type ImportPatients,
  type PageQuery,
  type PlainDate,
  type SearchPatients,
  type UpdatePatient,
} from '@medspa/contracts';
import type { BatchRow, Page, Tx } from '@medspa/database';
import { v7 as newId } from 'uuid';
import type { Ctx } from '../../platform/context.ts';
import { call, mutate, view } from '../../platform/doors.ts';
import { Problem, problemAt } from '../../platform/problem.ts';
import { changed, existing, pageAfter } from '../../platform/versioned.ts';
import { getCountries } from '../identity/index.ts';
import * as queries from './queries.ts';
import { deathOf, latestToday, normalised, phoneIn } from './rules.ts';

export function listPatients(ctx: Ctx, page: PageQuery) {
  return view(ctx, { needs: 'patient:read', action: 'patient.list', patients: idsOf }, async (tx) =>
    openPage(
      ctx,
      await pageAfter(page, await queries.listPatients(tx, ctx.organizationId, page), (id) =>
        queries.findPatientVersion(tx, ctx.organizationId, id),
      ),
    ),
  );
}

/**
 * Finds patients by words with which their names begin (in any order, whatever case and accents), or by phone, e-mail, birth
 * date or number in another system exactly; all that is given must match. Throws `invalid-request` for a number that is none.
 */
export function searchPatients(ctx: Ctx, { name, phone, email, birthDate, sourceId, ...page }: SearchPatients) {
  const index = (column: keyof typeof normalised, value: string) =>
    ctx.codec.blindIndex(placeOf(ctx, SEALED[column]), normalised[column](value));
  return view(ctx, { needs: 'patient:read', action: 'patient.search', patients: idsOf }, async (tx) => {
    const filter: queries.PatientFilter = {
      ...(name === undefined ? {} : { words: wordsOfName(name) }),
      ...(phone === undefined ? {} : { phoneIndex: index('phone', readPhone(await getCountries(tx), phone, '/phone')) }),
      ...(email === undefined ? {} : { emailIndex: index('email', email) }),
      ...(birthDate === undefined ? {} : { birthDateIndex: index('birthDate', birthDate) }),
      ...(sourceId === undefined ? {} : { sourceIdIndex: index('sourceId', sourceId) }),
    };
    const found = await queries.searchPatients(tx, ctx.organizationId, filter, page);
    return openPage(ctx, await pageAfter(page, found, (id) => queries.findPatientVersion(tx, ctx.organizationId, id)));
  });
}

/** Throws `not-found`. */
export async function getPatient(ctx: Ctx, id: string): Promise<Patient> {
  const verb = { needs: 'patient:read', action: 'patient.read' } as const;
  const { card } = await call(ctx, verb, (session) => queries.patientVerb(session, id));
  return openPatient(ctx, existing(card));
}

/** Who was shown the patient, the latest first; a look at it is itself an access. Throws `not-found`. */
export async function listAccesses(ctx: Ctx, id: string, { before, limit = 50 }: AccessQuery) {
  const [millis = '', number = ''] = before?.split('-') ?? [];
  const place = before === undefined ? null : { at: new Date(Number(millis)), id: number };
  const verb = { needs: 'audit:read', action: 'patient.accesses' } as const;
  // One more than asked for says whether the list goes on.
  const { accesses } = await call(ctx, verb, (session) => queries.accessesVerb(session, id, place, limit + 1));
  const rows = existing(accesses);
  const items = rows.slice(0, limit).map(({ cursor: _, ...access }) => access);
  return { items, nextBefore: rows.length > limit ? (rows[limit - 1]?.cursor ?? null) : null };
}

/**
 * Adds a patient. A phone or an address that somebody has already is no obstacle: couples and parents share them. Throws
 * `in-the-future` for the birth date, `invalid-request` for a phone number that is none.
 */
export function createPatient(ctx: Ctx, input: CreatePatient) {
  const id = newId();
  return mutate(
    ctx,
    { needs: 'patient:write', action: 'patient.create', reply: Patient, patients: ({ id: shown }) => [shown] },
    async (tx) => {
      refuseFuture(ctx, '/birthDate', input.birthDate);
      await queries.insertPatient(tx, ctx.organizationId, id, sealAll(ctx, id, await withPhone(tx, input)));
      return readPatient(ctx, tx, id);
    },
  );
}

/**
 * Throws `not-found`, `stale-version`, `in-the-future` for either date, `rule-violated` for a death before the birth, or
 * `invalid-request` for a phone number that is none. A date of death also makes the patient inactive (P3).
 */
export function updatePatient(ctx: Ctx, id: string, { version, deceasedOn, isActive, ...input }: UpdatePatient) {
  return mutate(ctx, { needs: 'patient:write', action: 'patient.update', reply: Patient }, async (tx) => {
    refuseFuture(ctx, '/birthDate', input.birthDate);
    refuseFuture(ctx, '/deceasedOn', deceasedOn);
    const given = sealGiven(ctx, id, await withPhone(tx, input));
    const columns = { ...given, ...(isActive === undefined ? {} : { isActive }), ...deathOf(deceasedOn) };
    const count = await queries.updatePatient(tx, ctx.organizationId, id, version, columns);
    await changed(count === 1 ? [id] : [], () => queries.findPatientVersion(tx, ctx.organizationId, id));
    const patient = await readPatient(ctx, tx, id);
    refuseDeathBeforeBirth(patient, deceasedOn ? '/deceasedOn' : '/birthDate');
    return patient;
  });
}

/**
 * Imports patients of another system in one statement, all or none. A `sourceId` that was imported before is left as it is.
 * Throws `in-the-future` for a birth or a death, `rule-violated` for a death before the birth, `invalid-request` for a phone
 * number that is none.
 */
export function importPatients(ctx: Ctx, { patients }: ImportPatients) {
  return mutate(ctx, { needs: 'patient:import', action: 'patient.import', reply: ImportReport }, async (tx) => {
    for (const [index, patient] of patients.entries()) {
      refuseFuture(ctx, `/patients/${index}/birthDate`, patient.birthDate);
      refuseFuture(ctx, `/patients/${index}/deceasedOn`, patient.deceasedOn);
      refuseDeathBeforeBirth(patient, `/patients/${index}/deceasedOn`);
    }
    const countries = await getCountries(tx);
    const rows = patients.map((patient, index) =>
      importedRow(ctx, patient.phone ? { ...patient, phone: readPhone(countries, patient.phone, `/patients/${index}/phone`) } : patient),
    );
    const imported = await queries.importPatients(tx, rows);
    return { imported, alreadyThere: patients.length - imported };
  });
}

function importedRow(ctx: Ctx, { sourceId, isActive, deceasedOn, ...input }: ImportPatients['patients'][number]): BatchRow {
  const id = newId();
  const columns = sealAll(ctx, id, input);
  return {
    organization_id: ctx.organizationId,
    id,
    source_id_sealed: ctx.codec.seal({ ...placeOf(ctx, SEALED.sourceId), rowId: id }, sourceId),
    source_id_index: ctx.codec.blindIndex(placeOf(ctx, SEALED.sourceId), normalised.sourceId(sourceId)),
    given_name: columns.givenName,
    family_name: columns.familyName,
    preferred_name: columns.preferredName,
    pronouns: columns.pronouns,
    time_zone: columns.timeZone,
    birth_date_sealed: columns.birthDateSealed,
    birth_date_index: columns.birthDateIndex,
    phone_sealed: columns.phoneSealed,
    phone_index: columns.phoneIndex,
    email_sealed: columns.emailSealed,
    email_index: columns.emailIndex,
    address_sealed: columns.addressSealed,
    note_sealed: columns.noteSealed,
    is_active: deathOf(deceasedOn).isActive ?? isActive ?? true,
    deceased_on: deceasedOn ?? null,
  };
}

/** Says what somebody is to the patient. Throws `not-found` for either, `already-exists` for the same relation. */
export function addRelation(ctx: Ctx, id: string, relation: AddRelation) {
  return mutate(
    ctx,
    { needs: 'patient:write', action: 'patient.relate', reply: Patient, patients: ({ id: shown }) => [shown] },
    async (tx) => {
      existing(await queries.findPatientVersion(tx, ctx.organizationId, id));
      await queries.insertRelation(tx, ctx.organizationId, id, relation);
      return readPatient(ctx, tx, id);
    },
  );
}

/** Takes back whatever the related person is to the patient. Throws `not-found` when they are nothing. */
export function removeRelations(ctx: Ctx, id: string, relatedId: string) {
  return mutate(ctx, { needs: 'patient:write', action: 'patient.unrelate', reply: Patient }, async (tx) => {
    if ((await queries.deleteRelations(tx, ctx.organizationId, id, relatedId)) === 0) throw new Problem('not-found');
    return readPatient(ctx, tx, id);
  });
}

/** How to reach a patient and what to call them, or null when there is no such patient. Inside the caller's transaction. */
export async function getPatientContact(ctx: Ctx, tx: Tx, id: string) {
  const row = await queries.findPatient(tx, id);
  if (!row) return null;
  const open = openerOf(ctx, row.id);
  return {
    name: row.preferredName ?? row.givenName,
    phone: open('phone', row.phoneSealed),
    email: open('email', row.emailSealed),
    timeZone: row.timeZone,
    version: row.version,
    isActive: row.isActive && row.deceasedOn === null,
  };
}

/**
 * The hashes, in hex, by which whoever has this birth date or phone is found; null for what is not given. A phone that is no number is
 * nobody's. Inside the caller's transaction.
 */
export async function contactIndexes(
  ctx: Ctx,
  tx: Tx,
  { birthDate, phone }: { birthDate?: string | undefined; phone?: string | undefined },
) {
  const index = (field: 'birthDate' | 'phone', value: string) =>
    Buffer.from(ctx.codec.blindIndex(placeOf(ctx, SEALED[field]), normalised[field](value))).toString('hex');
  const countries = phone === undefined ? [] : await getCountries(tx);
  return {
    birthDateIndex: birthDate === undefined ? null : index('birthDate', birthDate),
    phoneIndex: phone === undefined ? null : index('phone', phoneIn(countries, phone) ?? phone),
  };
}

/** Whether there is such a patient. Inside the caller's transaction. */
export async function hasPatient(tx: Tx, organizationId: string, id: string): Promise<boolean> {
  return (await queries.findPatientVersion(tx, organizationId, id)) !== null;
}

function refuseFuture(ctx: Ctx, pointer: string, date: PlainDate | null | undefined): void {
  if (date && date > latestToday(ctx.now())) throw problemAt('in-the-future', pointer);
}

function refuseDeathBeforeBirth(of: Partial<Pick<CreatePatient & UpdatePatient, 'birthDate' | 'deceasedOn'>>, pointer: string): void {
  if (of.birthDate && of.deceasedOn && of.deceasedOn < of.birthDate) throw problemAt('rule-violated', pointer);
}

/** The number in E.164. Throws `invalid-request`. */
export function readPhone(countries: string[], said: string, pointer: string): string {
  const phone = phoneIn(countries, said);
  if (phone !== null) return phone;
  const detail = 'Not a number of a country where the organization has a location; give it with + and the code of its country.';
  throw new Problem('invalid-request', { errors: [{ in: 'body', pointer, detail }] });
}

/** The input with its phone number in E.164. Throws `invalid-request`. */
export async function withPhone<Input extends { phone?: string | null | undefined }>(tx: Tx, input: Input): Promise<Input> {
  return input.phone ? { ...input, phone: readPhone(await getCountries(tx), input.phone, '/phone') } : input;
}

function idsOf(page: { items: { id: string }[] }): string[] {
  return page.items.map((patient) => patient.id);
}

/** The sealed column of each field. */
export const SEALED = {
  birthDate: 'birth_date_sealed',
  phone: 'phone_sealed',
  email: 'email_sealed',
  address: 'address_sealed',
  note: 'note_sealed',
  sourceId: 'source_id_sealed',
} as const;

/** Where a column of a patient is sealed. */
export function placeOf(ctx: Ctx, column: string) {
  return { organizationId: ctx.organizationId, table: 'patient', column };
}

function openPage(ctx: Ctx, { items, nextCursor }: Page<queries.SealedSummary>) {
  return {
    items: items.map(({ birthDateSealed, ...row }) => ({
      ...row,
      birthDate: birthDateSealed ? ctx.codec.open({ ...placeOf(ctx, SEALED.birthDate), rowId: row.id }, birthDateSealed) : null,
    })),
    nextCursor,
  };
}

/** The patient opened. Throws `not-found`. Inside the caller's transaction. */
export async function readPatient(ctx: Ctx, tx: Tx, id: string): Promise<Patient> {
  return openPatient(ctx, existing(await queries.findPatient(tx, id)));
}

/** Opens sealed fields of the patient. */
function openerOf(ctx: Ctx, rowId: string) {
  return (field: keyof typeof SEALED, sealed: string | null) =>
    sealed ? ctx.codec.open({ ...placeOf(ctx, SEALED[field]), rowId }, Buffer.from(sealed, 'hex')) : null;
}

function openPatient(ctx: Ctx, row: queries.SealedPatient): Patient {
  const { birthDateSealed, phoneSealed, emailSealed, addressSealed, noteSealed, sourceIdSealed, ...plain } = row;
  const open = openerOf(ctx, row.id);
  const address = open('address', addressSealed);
  return {
    ...plain,
    birthDate: open('birthDate', birthDateSealed),
    phone: open('phone', phoneSealed),
    email: open('email', emailSealed),
    address: address === null ? null : JSON.parse(address),
    note: open('note', noteSealed),
    sourceId: open('sourceId', sourceIdSealed),
  };
}

/** Columns of what was given; what was not stays as it is. */
export function sealGiven(ctx: Ctx, id: string, input: Partial<CreatePatient>): Partial<queries.PatientColumns> {
  const { birthDate, phone, email, address, note, ...plain } = input;
  const seal = (column: string, value: string | null) =>
    value === null ? null : ctx.codec.seal({ ...placeOf(ctx, column), rowId: id }, value);
  const index = (field: keyof typeof normalised, value: string | null) =>
    value === null ? null : ctx.codec.blindIndex(placeOf(ctx, SEALED[field]), normalised[field](value));
  return {
    ...plain,
    ...(birthDate === undefined
      ? {}
      : { birthDateSealed: seal(SEALED.birthDate, birthDate), birthDateIndex: index('birthDate', birthDate) }),
    ...(phone === undefined ? {} : { phoneSealed: seal(SEALED.phone, phone), phoneIndex: index('phone', phone) }),
    ...(email === undefined ? {} : { emailSealed: seal(SEALED.email, email), emailIndex: index('email', email) }),
    ...(address === undefined ? {} : { addressSealed: seal(SEALED.address, address === null ? null : JSON.stringify(address)) }),
    ...(note === undefined ? {} : { noteSealed: seal(SEALED.note, note) }),
  };
}

/** Every column of a new patient. */
function sealAll(ctx: Ctx, id: string, input: CreatePatient): Omit<queries.PatientColumns, 'isActive' | 'deceasedOn'> {
  const empty = {
    preferredName: null,
    pronouns: null,
    timeZone: null,
    birthDate: null,
    phone: null,
    email: null,
    address: null,
    note: null,
  };
  return sealGiven(ctx, id, { ...empty, ...input }) as Omit<queries.PatientColumns, 'isActive' | 'deceasedOn'>;
}
