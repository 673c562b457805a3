import type { Channel, PageQuery } from '@medspa/contracts';
import { keyset, sql, toPage, type Session, type Tx } from '@medspa/database';

type Bytes = Uint8Array<ArrayBuffer>;

const byId = (organizationId: string, id: string) => ({ organizationId_id: { organizationId, id } });

// ── before anybody is known ──────────────────────────────────────────────────────────────────────────────────────────

/** Asks for a code to this address: 0, or how many seconds it has to wait. */
export async function askSignIn(tx: Tx, id: string, channel: Channel, addressKey: Bytes): Promise<number> {
  const rows = await tx.$queryRaw<{ wait: number }[]>`SELECT app.ask_patient_sign_in(${id}::uuid, ${channel}, ${addressKey}) AS wait`;
  return rows[0]?.wait ?? 0;
}

export function findSignIn(tx: Tx, organizationId: string, id: string) {
  return tx.patientSignIn.findUnique({ where: byId(organizationId, id) });
}

/** Counts a try; null when there is none left. */
export function trySignInVerb(session: Session, id: string) {
  type Tried = { channel: Channel; addressKey: string };
  return sql<{ tried: Tried | null }>`SELECT app.try_patient_sign_in(${session}::jsonb, ${id}::uuid) AS tried`;
}

export function takeBackTryVerb(session: Session, id: string) {
  return sql<object>`SELECT app.take_back_patient_try(${session}::jsonb, ${id}::uuid)`;
}

/** Uses a sign-in up; false when somebody else did. The row decides between two at once. */
export async function useSignIn(tx: Tx, id: string): Promise<boolean> {
  const rows = await tx.$queryRaw<{ isUsed: boolean }[]>`SELECT app.use_patient_sign_in(${id}::uuid) AS "isUsed"`;
  return rows[0]?.isUsed ?? false;
}

export function dropPastSignInsVerb(session: Session, most: number) {
  return sql<{ dropped: number }>`SELECT app.drop_past_sign_ins(${session}::jsonb, ${most}::int) AS dropped`;
}

// ── sessions ─────────────────────────────────────────────────────────────────────────────────────────────────────────

export type FoundSession = {
  id: string;
  patientId: string;
  createdAt: string;
  zones: string[];
  standsInFor: { patientId: string; basis: 'minor' | 'consent'; birthDateSealed: string | null }[];
};

export function findSessionVerb(session: Session, tokenHash: Bytes) {
  return sql<{ found: FoundSession | null }>`SELECT app.find_patient_session(${session}::jsonb, ${tokenHash}::bytea) AS found`;
}

const SESSION = { id: true, device: true, createdAt: true, endsAt: true, use: { select: { seenAt: true } } } as const;

type NewSession = {
  organizationId: string;
  id: string;
  patientId: string;
  tokenHash: Bytes;
  device: string;
  idleMinutes: number;
  endsAt: Date;
  createdAt: Date;
};

export async function insertSession(tx: Tx, session: NewSession): Promise<void> {
  const { organizationId, id, createdAt } = session;
  await tx.patientSession.create({ data: session, select: { id: true } });
  await tx.patientSessionUse.create({ data: { organizationId, sessionId: id, seenAt: createdAt }, select: { sessionId: true } });
}

/** Sessions of a patient that were not ended and have not run out, the last one first. */
export async function listSessions(
  tx: Tx,
  organizationId: string,
  patientId: string,
  alive: { now: Date; idleSince: Date },
  page: PageQuery,
) {
  return toPage(
    await tx.patientSession.findMany({
      where: { organizationId, patientId, endsAt: { gt: alive.now }, use: { seenAt: { gt: alive.idleSince } } },
      orderBy: { id: 'desc' },
      select: SESSION,
      ...keyset(page, organizationId),
    }),
    page,
  );
}

export function findSession(tx: Tx, organizationId: string, id: string) {
  return tx.patientSession.findUnique({ where: byId(organizationId, id), select: SESSION });
}
export type SessionRow = NonNullable<Awaited<ReturnType<typeof findSession>>>;

type SessionFilter = { id?: string | { not: string }; tokenHash?: Bytes; endsAt?: { lte: Date } };

/** Ends sessions of a patient: all, one, all but one, those past their end, or the one of a token. Returns how many. */
export async function deleteSessions(tx: Tx, organizationId: string, patientId: string, which: SessionFilter = {}): Promise<number> {
  const { count } = await tx.patientSession.deleteMany({ where: { organizationId, patientId, ...which } });
  return count;
}
