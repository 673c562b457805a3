import {
  MAX_AVAILABILITY_DAYS,
  midnightOf,
  type CreateRoom,
  type CreateShiftRotation,
  type HistoryQuery,
  type LocationEvents,
  type PageQuery,
  type PlainDate,
  type PortalVisit,
  type Shift,
  type ShiftRotationQuery,
  type UpdateRoom,
} from '@medspa/contracts';
import { insertRows, keyset, rowsOf, MAX_PAGE, Prisma, sql, toPage, type Page, type Session, type Tx } from '@medspa/database';
import { CLAIMS_KEPT_DAYS, type ServiceOpenings } from './rules.ts';

// ── the verbs of the calendar: one SQL function each, the whole transaction (second door) ────────────────────────────

/** An appointment as the SQL verbs return it: the wire form of the contract. */
export type AppointmentJson = {
  id: string;
  locationId: string;
  patientId: string;
  status: string;
  startsAt: string;
  endsAt: string;
  channel: string;
  cancelReason: string | null;
  version: number;
  services: { id: string; serviceId: string; providerId: string; roomId: string | null; startsAt: string; endsAt: string }[];
};

/** What a verb answers. Anything but `done` has written nothing. */
export type VerbOutcome =
  | { outcome: 'done'; appointment: AppointmentJson }
  | { outcome: 'not-found'; pointer?: string }
  | { outcome: 'refused'; slug: string; pointer?: string }
  | { outcome: 'slot-taken'; busy: string[] }
  | { outcome: 'stale'; version: number }
  | { outcome: 'wrong-status'; status: string }
  | { outcome: 'key-reused' };

export function bookVerb(session: Session, request: object) {
  return sql<{ result: VerbOutcome }>`SELECT app.book_appointment(${session}::jsonb, ${request}::jsonb) AS result`;
}

export function rescheduleVerb(session: Session, request: object) {
  return sql<{ result: VerbOutcome }>`SELECT app.reschedule_appointment(${session}::jsonb, ${request}::jsonb) AS result`;
}

export function changeStatusVerb(session: Session, request: object) {
  return sql<{ result: VerbOutcome }>`SELECT app.change_status(${session}::jsonb, ${request}::jsonb) AS result`;
}

/** The same inside the caller's transaction, whose session it enters again. */
export async function changeStatus(tx: Tx, session: Session, request: object): Promise<VerbOutcome> {
  const rows = await tx.$queryRaw<{ result: VerbOutcome }[]>`
    SELECT app.change_status(${JSON.stringify(session)}::jsonb, ${JSON.stringify(request)}::jsonb) AS result`;
  return rows[0]?.result ?? { outcome: 'not-found' };
}

/** Starts are minutes since 1970. */
export type AvailabilityOutcome =
  | { outcome: 'done'; timeZone: string; from: PlainDate; to: PlainDate; providers: { providerId: string; starts: number[] }[] }
  | { outcome: 'not-found'; pointer: string }
  | { outcome: 'not-a-window' };
export type AvailabilityAsked = {
  locationId: string;
  serviceId: string;
  from: PlainDate | null;
  until: PlainDate | null;
  providerId: string | null;
  patientId: string | null;
};

export function availabilityVerb(session: Session, { locationId, serviceId, from, until, providerId, patientId }: AvailabilityAsked) {
  return sql<{ result: AvailabilityOutcome }>`
    SELECT app.find_availability(${session}::jsonb, ${locationId}::uuid, ${serviceId}::uuid, ${from}::date, ${until}::date, ${MAX_AVAILABILITY_DAYS}::int, ${providerId}::uuid, ${patientId}::uuid) AS result`;
}

/** A visit that could not be had; with an appointment, the one that was to be moved, on its own terms. */
export type OpeningsAsked = {
  locationId: string;
  patientId: string;
  from: PlainDate;
  until: PlainDate;
  appointmentId: string | null;
  services: { serviceId: string }[];
};

/** When each service of the visit could start. */
export function openingsVerb(session: Session, request: OpeningsAsked) {
  return sql<{ result: { services: ServiceOpenings[] } }>`SELECT app.find_openings(${session}::jsonb, ${request}::jsonb) AS result`;
}

/** Null when the location does not exist. Logs the access to every patient of the day. */
export function dayVerb(session: Session, locationId: string, date: PlainDate | null) {
  return sql<{ result: object | null }>`SELECT app.location_day(${session}::jsonb, ${locationId}::uuid, ${date}::date) AS result`;
}

/** Enqueues `notice-overdue` for visits of all organizations whose patient should have come that many minutes ago; says how many. */
export function watchArrivalsVerb(session: Session, minutes: number) {
  return sql<{ result: number }>`SELECT app.watch_arrivals(${session}::jsonb, ${minutes}::int) AS result`;
}

export function noticeOverdueVerb(session: Session, appointmentId: string, minutes: number) {
  return sql<{ result: boolean }>`SELECT app.notice_overdue(${session}::jsonb, ${appointmentId}::uuid, ${minutes}::int) AS result`;
}

/** Removes at most `most` claims that ended `CLAIMS_KEPT_DAYS` ago, of all organizations; says how many. */
export function dropPastClaimsVerb(session: Session, most: number) {
  const before = new Date(session.now.getTime() - CLAIMS_KEPT_DAYS * 86_400_000);
  return sql<{ dropped: number }>`SELECT app.drop_past_claims(${session}::jsonb, ${before}::timestamptz, ${most}::int) AS dropped`;
}

// ── appointments ─────────────────────────────────────────────────────────────────────────────────────────────────────

export async function findAppointment(tx: Tx, id: string): Promise<AppointmentJson | null> {
  const rows = await tx.$queryRaw<{ result: AppointmentJson | null }[]>`SELECT app.appointment_view(${id}::uuid) AS result`;
  return rows[0]?.result ?? null;
}

/** Of one patient, the latest start first. */
export function listAppointments(tx: Tx, organizationId: string, patientId: string, page: PageQuery): Promise<Page<AppointmentJson>> {
  return listBy(Prisma.sql`app.appointment_view(id)`, tx, organizationId, patientId, page);
}

/** A visit as its patient sees it, and whose it is. */
export type PatientVisit = PortalVisit & { patientId: string };

/** The same with places and people by their names, as the patient sees them. */
export function listVisitsOfPatient(tx: Tx, organizationId: string, patientId: string, page: PageQuery): Promise<Page<PatientVisit>> {
  return listBy(Prisma.sql`app.visit_of_patient(id)`, tx, organizationId, patientId, page);
}

export async function findVisitOfPatient(tx: Tx, id: string): Promise<PatientVisit | null> {
  const rows = await tx.$queryRaw<{ result: PatientVisit | null }[]>`SELECT app.visit_of_patient(${id}::uuid) AS result`;
  return rows[0]?.result ?? null;
}

async function listBy<Row extends { id: string }>(view: Prisma.Sql, tx: Tx, organizationId: string, patientId: string, page: PageQuery) {
  const after =
    page.cursor === undefined
      ? Prisma.empty
      : Prisma.sql`AND (starts_at, id) < (
          SELECT starts_at, id FROM appointment
          WHERE organization_id = ${organizationId}::uuid AND patient_id = ${patientId}::uuid AND id = ${page.cursor}::uuid)`;
  const rows = await tx.$queryRaw<{ result: Row }[]>`
    SELECT ${view} AS result FROM appointment
    WHERE organization_id = ${organizationId}::uuid AND patient_id = ${patientId}::uuid ${after}
    ORDER BY starts_at DESC, id DESC LIMIT ${rowsOf(page)}`;
  return toPage(
    rows.map(({ result }) => result),
    page,
  );
}

/**
 * Live visits of a provider that are not over, the next one first. By the claims on their time, which an index finds: whatever is yet to
 * happen has one.
 */
export async function listUpcoming(
  tx: Tx,
  organizationId: string,
  providerId: string,
  now: Date,
  page: PageQuery,
): Promise<Page<AppointmentJson>> {
  const after =
    page.cursor === undefined
      ? Prisma.empty
      : Prisma.sql`AND (a.starts_at, a.id) > (
          SELECT starts_at, id FROM appointment WHERE organization_id = ${organizationId}::uuid AND id = ${page.cursor}::uuid)`;
  const rows = await tx.$queryRaw<{ result: AppointmentJson }[]>`
    SELECT app.appointment_view(a.id) AS result FROM appointment a
    WHERE a.organization_id = ${organizationId}::uuid AND a.id IN (
        SELECT c.appointment_id FROM claim c
        -- No claim is longer than 25 hours.
        WHERE c.organization_id = ${organizationId}::uuid AND c.resource_id = ${providerId}::uuid AND c.is_blocking AND c.kind = 'booking'
          AND c.starts_at > ${now}::timestamptz - interval '25 hours')
      AND a.ends_at > ${now}::timestamptz AND a.status NOT IN ('left', 'cancelled', 'no_show') ${after}
    ORDER BY a.starts_at, a.id LIMIT ${rowsOf(page)}`;
  return toPage(
    rows.map(({ result }) => result),
    page,
  );
}

/** Oldest first. */
export function listHistory(tx: Tx, organizationId: string, appointmentId: string, { after, limit = MAX_PAGE }: HistoryQuery) {
  return tx.appointmentHistory.findMany({
    where: { organizationId, appointmentId, version: { gt: after } },
    orderBy: { version: 'asc' },
    take: limit,
  });
}

// ── rooms ────────────────────────────────────────────────────────────────────────────────────────────────────────────

const ROOM = { id: true, locationId: true, roomTypeId: true, name: true, position: true, isActive: true, version: true } as const;

export async function listRooms(tx: Tx, organizationId: string, page: PageQuery) {
  return toPage(
    await tx.room.findMany({ where: { organizationId }, orderBy: { id: 'asc' }, select: ROOM, ...keyset(page, organizationId) }),
    page,
  );
}

export function findRoom(tx: Tx, organizationId: string, id: string) {
  return tx.room.findUnique({ where: { organizationId_id: { organizationId, id } }, select: ROOM });
}

export function insertRoom(tx: Tx, organizationId: string, data: CreateRoom) {
  return tx.room.create({ data: { organizationId, ...data }, select: ROOM });
}

export function updateRoom(tx: Tx, organizationId: string, id: string, { version, ...data }: UpdateRoom) {
  return tx.room.updateManyAndReturn({
    where: { organizationId, id, version },
    data: { ...data, version: { increment: 1 } },
    select: ROOM,
  });
}

// ── shifts ───────────────────────────────────────────────────────────────────────────────────────────────────────────

const ROTATION = {
  id: true,
  providerId: true,
  locationId: true,
  weeks: true,
  anchorDate: true,
  effectiveFrom: true,
  effectiveUntil: true,
  version: true,
} as const;

export async function listRotations(tx: Tx, organizationId: string, { providerId, locationId, ...page }: ShiftRotationQuery) {
  const where = {
    organizationId,
    ...(providerId === undefined ? {} : { providerId }),
    ...(locationId === undefined ? {} : { locationId }),
  };
  return toPage(
    await tx.shiftRotation.findMany({ where, orderBy: { id: 'asc' }, select: ROTATION, ...keyset(page, organizationId) }),
    page,
  );
}

export function findRotation(tx: Tx, organizationId: string, id: string) {
  return tx.shiftRotation.findUnique({ where: { organizationId_id: { organizationId, id } }, select: ROTATION });
}

/** Shifts of several rotations at once. Wall times as text: 24:00 is a time of a day and of no Date. */
export function listShifts(tx: Tx, organizationId: string, rotationIds: string[]) {
  return tx.$queryRaw<(Shift & { rotationId: string })[]>`
    SELECT rotation_id AS "rotationId", week, weekday, to_char(starts_at, 'HH24:MI') AS "startsAt", to_char(ends_at, 'HH24:MI') AS "endsAt"
    FROM shift WHERE organization_id = ${organizationId}::uuid AND rotation_id = ANY (${rotationIds}::uuid[])
    ORDER BY rotation_id, week, weekday, starts_at`;
}

export async function insertRotation(
  tx: Tx,
  organizationId: string,
  id: string,
  anchorDate: PlainDate,
  { shifts: _shifts, ...rotation }: CreateShiftRotation,
): Promise<void> {
  await tx.shiftRotation.create({
    data: {
      organizationId,
      id,
      providerId: rotation.providerId,
      locationId: rotation.locationId,
      weeks: rotation.weeks,
      anchorDate: midnightOf(anchorDate),
      effectiveFrom: midnightOf(rotation.effectiveFrom),
      effectiveUntil: rotation.effectiveUntil === undefined ? null : midnightOf(rotation.effectiveUntil),
    },
  });
}

/** All shifts of a rotation in one statement. */
export async function insertShifts(
  tx: Tx,
  organizationId: string,
  rotationId: string,
  weeks: number,
  shifts: (Shift & { id: string })[],
): Promise<void> {
  await insertRows(
    tx,
    'shift',
    shifts.map(({ id, week, weekday, startsAt, endsAt }) => ({
      organization_id: organizationId,
      id,
      rotation_id: rotationId,
      weeks,
      week,
      weekday,
      starts_at: startsAt,
      ends_at: endsAt,
    })),
  );
}

/** Whether the provider has other weeks there that begin after this rotation and before that date. */
export async function isFollowedBefore(
  tx: Tx,
  {
    organizationId,
    providerId,
    locationId,
    effectiveFrom,
  }: { organizationId: string; providerId: string; locationId: string; effectiveFrom: Date },
  date: PlainDate,
): Promise<boolean> {
  const where = { organizationId, providerId, locationId, effectiveFrom: { gt: effectiveFrom, lt: midnightOf(date) } };
  return (await tx.shiftRotation.count({ where })) > 0;
}

/** How many rows were changed: one, or none when the row is missing or has moved on. */
export async function endRotation(tx: Tx, organizationId: string, id: string, version: number, effectiveUntil: PlainDate): Promise<number> {
  const { count } = await tx.shiftRotation.updateMany({
    where: { organizationId, id, version },
    data: { effectiveUntil: midnightOf(effectiveUntil), version: { increment: 1 } },
  });
  return count;
}

/** The live visits of a provider there from a date on that no shift covers: how many, and the ids of the first ones by time. */
export async function findUncovered(tx: Tx, locationId: string, providerId: string, from: PlainDate) {
  const rows = await tx.$queryRaw<{ id: string; count: number }[]>`
    SELECT appointment_id AS id, (count(*) OVER ())::int AS count
    FROM app.uncovered_visits(${locationId}::uuid, ${providerId}::uuid, ${from}::date)
    ORDER BY starts_at, appointment_id LIMIT ${MAX_PAGE}`;
  return { uncovered: rows[0]?.count ?? 0, uncoveredAppointmentIds: rows.map(({ id }) => id) };
}

// ── events ───────────────────────────────────────────────────────────────────────────────────────────────────────────

export function listEvents(tx: Tx, organizationId: string, locationId: string, after: number, limit: number) {
  return tx.$queryRaw<LocationEvents['items']>`
    SELECT sequence::float8 AS sequence, type, subject_id AS "subjectId", payload, at
    FROM outbox_event WHERE organization_id = ${organizationId}::uuid AND stream_id = ${locationId}::uuid AND sequence > ${after}
    ORDER BY sequence LIMIT ${limit}`;
}

/** What a version of a visit changed, and the visit as it stands, held until the caller's transaction ends. */
export async function lockChange(tx: Tx, organizationId: string, appointmentId: string, version: number) {
  type Change = {
    locationId: string;
    patientId: string;
    status: string;
    cancelReason: string | null;
    startsAt: Date;
    action: string;
    channel: string;
    isSuperseded: boolean;
  };
  const rows = await tx.$queryRaw<Change[]>`
    SELECT a.location_id AS "locationId", a.patient_id AS "patientId", a.status, a.cancel_reason AS "cancelReason", a.starts_at AS "startsAt",
      h.action, h.channel, EXISTS (
        SELECT FROM appointment_history l WHERE l.organization_id = h.organization_id AND l.appointment_id = h.appointment_id
          AND l.version > h.version AND l.action IN ('reschedule', 'cancel')) AS "isSuperseded"
    FROM appointment a
    JOIN appointment_history h ON h.organization_id = a.organization_id AND h.appointment_id = a.id AND h.version = ${version}
    WHERE a.organization_id = ${organizationId}::uuid AND a.id = ${appointmentId}::uuid
    FOR SHARE OF a`;
  return rows[0] ?? null;
}
