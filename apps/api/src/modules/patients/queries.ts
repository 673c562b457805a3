import type { AddRelation, Channel, PageQuery, Patient, PatientAccesses } from '@medspa/contracts';
import { insertRows, keyset, Prisma, rowsOf, sql, toPage, type BatchRow, type Session, type Tx } from '@medspa/database';

const SUMMARY = {
  id: true,
  givenName: true,
  familyName: true,
  preferredName: true,
  pronouns: true,
  birthDateSealed: true,
  isActive: true,
} as const;
const BY_NAME: Prisma.PatientOrderByWithRelationInput[] = [{ familyNameKey: 'asc' }, { givenNameKey: 'asc' }, { id: 'asc' }];

type Bytes = Uint8Array<ArrayBuffer>;

/** The columns that a patient is written with; everything personal but the names is sealed. */
export type PatientColumns = {
  givenName: string;
  familyName: string;
  preferredName: string | null;
  pronouns: string | null;
  timeZone: string | null;
  birthDateSealed: Bytes | null;
  birthDateIndex: Bytes | null;
  phoneSealed: Bytes | null;
  phoneIndex: Bytes | null;
  emailSealed: Bytes | null;
  emailIndex: Bytes | null;
  addressSealed: Bytes | null;
  noteSealed: Bytes | null;
  isActive: boolean;
  deceasedOn: Date | null;
};

type Sealed = `${'birthDate' | 'phone' | 'email' | 'address' | 'note' | 'sourceId'}Sealed`;

/** A patient as `app.patient_card` gives it: everything personal but the names is sealed, in hex. */
export type SealedPatient = Omit<Patient, 'birthDate' | 'phone' | 'email' | 'address' | 'note' | 'sourceId'> &
  Record<Sealed, string | null>;

export async function findPatient(tx: Tx, id: string): Promise<SealedPatient | null> {
  const [row] = await tx.$queryRaw<{ card: SealedPatient | null }[]>`SELECT app.patient_card(${id}::uuid) AS card`;
  return row?.card ?? null;
}

/** The same as a whole read, which logs the access. */
export function patientVerb(session: Session, id: string) {
  return sql<{ card: SealedPatient | null }>`SELECT app.read_patient(${session}::jsonb, ${id}::uuid) AS card`;
}

/** An access as `app.patient_accesses` gives it, in the form of the wire, and its place in the list. */
export type AccessRow = PatientAccesses['items'][number] & { cursor: string };

/** Who was shown the patient, the latest first, before that place; null when there is none. Logs the access. */
export function accessesVerb(session: Session, id: string, before: { at: Date; id: string } | null, limit: number) {
  return sql<{
    accesses: AccessRow[] | null;
  }>`SELECT app.patient_accesses(${session}::jsonb, ${id}::uuid, ${before?.at ?? null}::timestamptz,
    ${before?.id ?? null}::bigint, ${limit}::int) AS accesses`;
}

export function findPatientVersion(tx: Tx, organizationId: string, id: string) {
  return tx.patient.findUnique({ where: { organizationId_id: { organizationId, id } }, select: { version: true } });
}

/** A row of a list with its birth date still sealed. */
export type SealedSummary = Awaited<ReturnType<typeof listPatients>>['items'][number];

export async function listPatients(tx: Tx, organizationId: string, page: PageQuery) {
  return toPage(
    await tx.patient.findMany({ where: { organizationId }, orderBy: BY_NAME, select: SUMMARY, ...keyset(page, organizationId) }),
    page,
  );
}

/** What to look for: hashes of the sealed values, and beginnings of words of the names. All that are given must match. */
export type PatientFilter = { words?: string[]; phoneIndex?: Bytes; emailIndex?: Bytes; birthDateIndex?: Bytes; sourceIdIndex?: Bytes };

/**
 * Patients by name that fit the filter. Words meet in the form of `app.name_key`, where those with one beginning are a range:
 * that uses the index under row-level security, which LIKE does not.
 */
export async function searchPatients(tx: Tx, organizationId: string, filter: PatientFilter, page: PageQuery) {
  const named = (word: string) => Prisma.sql`id IN (
    SELECT patient_id FROM patient_name_word WHERE organization_id = ${organizationId}::uuid AND app.name_key(${word}) <> ''
      AND word >= app.name_key(${word}) AND word < app.name_key(${word}) || chr(1114111))`;
  const equals = (column: string, hash: Bytes | undefined) => (hash ? [Prisma.sql`${Prisma.raw(column)} = ${hash}`] : []);
  const conditions = [
    Prisma.sql`organization_id = ${organizationId}::uuid`,
    ...equals('phone_index', filter.phoneIndex),
    ...equals('email_index', filter.emailIndex),
    ...equals('birth_date_index', filter.birthDateIndex),
    ...equals('source_id_index', filter.sourceIdIndex),
    ...(filter.words ?? []).map(named),
    ...(page.cursor === undefined
      ? []
      : [
          Prisma.sql`(family_name_key, given_name_key, id) > (
            SELECT family_name_key, given_name_key, id FROM patient WHERE organization_id = ${organizationId}::uuid AND id = ${page.cursor}::uuid)`,
        ]),
  ];
  const rows = await tx.$queryRaw<SealedSummary[]>`
    SELECT id, given_name AS "givenName", family_name AS "familyName", preferred_name AS "preferredName", pronouns,
      birth_date_sealed AS "birthDateSealed", is_active AS "isActive"
    FROM patient WHERE ${Prisma.join(conditions, ' AND ')}
    ORDER BY family_name_key, given_name_key, id LIMIT ${rowsOf(page)}`;
  return toPage(rows, page);
}

export async function insertPatient(
  tx: Tx,
  organizationId: string,
  id: string,
  data: Omit<PatientColumns, 'isActive' | 'deceasedOn'>,
): Promise<void> {
  await tx.patient.create({ data: { organizationId, id, ...data }, select: { id: true } });
}

/** How many rows were changed: one, or none when the row is missing or has moved on. */
export async function updatePatient(tx: Tx, organizationId: string, id: string, version: number, data: Partial<PatientColumns>) {
  const { count } = await tx.patient.updateMany({ where: { organizationId, id, version }, data: { ...data, version: { increment: 1 } } });
  return count;
}

/** One statement for all rows. Returns how many were new; a row whose source id was imported before is left as it is. */
export function importPatients(tx: Tx, rows: BatchRow[]): Promise<number> {
  return insertRows(tx, 'patient', rows, 'skip');
}

export async function insertRelation(tx: Tx, organizationId: string, patientId: string, { relatedId, kind }: AddRelation): Promise<void> {
  await tx.patientRelation.create({ data: { organizationId, patientId, relatedId, kind } });
}

/** Every relation of the patient to that person. Returns how many there were. */
export async function deleteRelations(tx: Tx, organizationId: string, patientId: string, relatedId: string): Promise<number> {
  const { count } = await tx.patientRelation.deleteMany({ where: { organizationId, patientId, relatedId } });
  return count;
}

const PROXY = { id: true, proxyId: true, basis: true, startsAt: true, endsAt: true, revokedAt: true } as const;

/** Who stood, stands or will stand in for a patient, the latest first. */
export async function listProxies(tx: Tx, organizationId: string, patientId: string, page: PageQuery) {
  return toPage(
    await tx.patientProxy.findMany({
      where: { organizationId, patientId },
      orderBy: { id: 'desc' },
      select: PROXY,
      ...keyset(page, organizationId),
    }),
    page,
  );
}

export function findProxy(tx: Tx, organizationId: string, id: string) {
  return tx.patientProxy.findUnique({ where: { organizationId_id: { organizationId, id } }, select: { patientId: true } });
}

/** Whether one patient is related to the other as standing in for them needs it. */
export async function mayStandIn(tx: Tx, patientId: string, proxyId: string, basis: string): Promise<boolean> {
  const rows = await tx.$queryRaw<{ may: boolean }[]>`SELECT app.may_stand_in(${patientId}::uuid, ${proxyId}::uuid, ${basis}) AS may`;
  return rows[0]?.may ?? false;
}

type NewProxy = { patientId: string; proxyId: string; basis: string; startsAt: Date; endsAt: Date | null };

export function insertProxy(tx: Tx, organizationId: string, proxy: NewProxy) {
  return tx.patientProxy.create({ data: { organizationId, ...proxy }, select: PROXY });
}

/** Ends that one patient stands in for the other. Returns the row that it ended; there is one at most. */
export async function revokeProxy(tx: Tx, organizationId: string, patientId: string, proxyId: string, at: Date) {
  const [row] = await tx.patientProxy.updateManyAndReturn({
    where: { organizationId, patientId, proxyId, revokedAt: null },
    data: { revokedAt: at },
    select: PROXY,
  });
  return row ?? null;
}

/** Active patients who are reached at an address, each with the birth date, still sealed. */
export function listReachedAt(tx: Tx, organizationId: string, channel: Channel, index: Bytes) {
  return tx.patient.findMany({
    where: { organizationId, isActive: true, ...(channel === 'email' ? { emailIndex: index } : { phoneIndex: index }) },
    orderBy: { id: 'asc' },
    select: { id: true, birthDateSealed: true },
    take: 100,
  });
}

/** What these patients are called. */
export function listNames(tx: Tx, organizationId: string, ids: readonly string[]) {
  return tx.patient.findMany({
    where: { organizationId, id: { in: [...ids] } },
    orderBy: BY_NAME,
    select: { id: true, givenName: true, familyName: true, preferredName: true },
  });
}
