import type { Channel, MessageKind, MessageState, PageQuery, PublishTemplate, Purpose, SetMessagePolicy } from '@medspa/contracts';
import { keyset, sql, toPage, type Session, type Tx } from '@medspa/database';
import type { QuietHours } from './rules/quiet.ts';
import type { Words } from './rules/words.ts';

type Bytes = Uint8Array<ArrayBuffer>;

// ── templates ────────────────────────────────────────────────────────────────────────────────────────────────────────

const TEMPLATE = { id: true, kind: true, channel: true, revision: true, title: true, body: true, isActive: true } as const;

export async function listTemplates(tx: Tx, organizationId: string, page: PageQuery) {
  return toPage(
    await tx.messageTemplate.findMany({
      where: { organizationId },
      orderBy: { id: 'asc' },
      select: TEMPLATE,
      ...keyset(page, organizationId),
    }),
    page,
  );
}

export function findTemplate(tx: Tx, organizationId: string, id: string) {
  return tx.messageTemplate.findUnique({ where: { organizationId_id: { organizationId, id } }, select: TEMPLATE });
}

export function findActiveTemplate(tx: Tx, organizationId: string, kind: string, channel: string) {
  return tx.messageTemplate.findFirst({ where: { organizationId, kind, channel, isActive: true }, select: TEMPLATE });
}

/** Ends the revision that is active and adds the next one. Whoever comes second waits for the lock and counts on. */
export async function replaceTemplate(tx: Tx, organizationId: string, { kind, channel, title = null, body }: PublishTemplate) {
  await tx.$executeRaw`SELECT pg_advisory_xact_lock(hashtextextended(concat_ws('|', ${organizationId}::text, ${kind}::text, ${channel}::text), 4))`;
  await tx.messageTemplate.updateMany({ where: { organizationId, kind, channel, isActive: true }, data: { isActive: false } });
  const { _max } = await tx.messageTemplate.aggregate({ where: { organizationId, kind, channel }, _max: { revision: true } });
  return tx.messageTemplate.create({
    data: { organizationId, kind, channel, title, body, revision: (_max.revision ?? 0) + 1 },
    select: TEMPLATE,
  });
}

// ── policy ───────────────────────────────────────────────────────────────────────────────────────────────────────────

export type Policy = { revision: number; quietHours: QuietHours; forbiddenWords: string[] };

export async function findPolicy(tx: Tx, organizationId: string): Promise<Policy | null> {
  const row = await tx.messagePolicy.findFirst({ where: { organizationId }, orderBy: { revision: 'desc' } });
  if (!row) return null;
  const wall = (time: Date) => time.toISOString().slice(11, 16);
  return {
    revision: row.revision,
    quietHours: { from: wall(row.quietFrom), until: wall(row.quietUntil) },
    forbiddenWords: row.forbiddenWords,
  };
}

export async function insertPolicy(tx: Tx, organizationId: string, revision: number, policy: SetMessagePolicy): Promise<void> {
  const time = (wall: string) => new Date(`1970-01-01T${wall}:00Z`);
  await tx.messagePolicy.create({
    data: {
      organizationId,
      revision,
      quietFrom: time(policy.quietFrom),
      quietUntil: time(policy.quietUntil),
      forbiddenWords: policy.forbiddenWords,
    },
  });
}

// ── messages ─────────────────────────────────────────────────────────────────────────────────────────────────────────

/** The words that an organization begins with; nothing where it has some of this kind and channel. */
export async function beginWords(tx: Tx, kind: MessageKind, channel: Channel, { title, body }: Words): Promise<void> {
  await tx.$executeRaw`SELECT app.begin_words(${kind}, ${channel}, ${title}, ${body})`;
}

/** A message for one patient, by every channel for which there are words, or by this one alone. */
export type WantedMessage = {
  /** what makes it the only one: the same key again is the same message */
  key: string;
  kind: MessageKind;
  purpose: Purpose;
  channel?: Channel;
  patientId: string;
  locationId: string;
  aboutId: string;
  /** When the visit is that it is about; the keyed hash, in hex, of the one address that it is for. */
  details: { startsAt?: Date; addressKey?: string };
  isUrgent: boolean;
  sendAfter: Date;
  expiresAt: Date;
};

export async function queueMessage(tx: Tx, message: WantedMessage): Promise<void> {
  await tx.$executeRaw`SELECT app.queue_message(${JSON.stringify(message)}::jsonb)`;
}

/** Whether a message of this kind about this has left or is leaving; with `startsAt`, one that named this start. */
export async function hasLeft(tx: Tx, organizationId: string, kind: MessageKind, aboutId: string, startsAt?: Date): Promise<boolean> {
  const found = await tx.message.findFirst({
    where: {
      organizationId,
      kind,
      aboutId,
      OR: [{ state: 'sent' }, { state: 'sending', isWithdrawn: false }],
      ...(startsAt ? { details: { path: ['startsAt'], equals: startsAt.toISOString() } } : {}),
    },
    select: { id: true },
  });
  return found !== null;
}

export async function findMessage(tx: Tx, organizationId: string, id: string) {
  return tx.message.findUnique({ where: { organizationId_id: { organizationId, id } } });
}
export type MessageRow = NonNullable<Awaited<ReturnType<typeof findMessage>>>;

/** The latest first. */
export async function listMessages(tx: Tx, organizationId: string, patientId: string, page: PageQuery) {
  return toPage(
    await tx.message.findMany({
      where: { organizationId, patientId },
      orderBy: { id: 'desc' },
      include: { template: { select: { revision: true } } },
      ...keyset(page, organizationId),
    }),
    page,
  );
}

/** What reached a patient of these kinds, the latest first. */
export async function listSent(tx: Tx, organizationId: string, patientId: string, kinds: readonly string[], page: PageQuery) {
  return toPage(
    await tx.message.findMany({
      where: { organizationId, patientId, state: 'sent', kind: { in: [...kinds] } },
      orderBy: { id: 'desc' },
      ...keyset(page, organizationId),
    }),
    page,
  );
}

/** Which of the provider's ids stand at a message already. */
export async function listTakenIds(tx: Tx, organizationId: string, provider: string, ids: string[]): Promise<string[]> {
  const rows = await tx.message.findMany({ where: { organizationId, provider, providerId: { in: ids } }, select: { providerId: true } });
  return rows.flatMap(({ providerId }) => providerId ?? []);
}

// The verbs of sending, each one call (second door).

export type Claim = {
  messageId: string;
  version: number;
  patientVersion: number;
  templateId: string;
  addressSealed: string;
  addressIndex: string;
  titleSealed: string | null;
  bodySealed: string;
  provider: string;
};

export function claimVerb(session: Session, claim: Claim) {
  type Result = { outcome: 'claimed'; attempt: number } | { outcome: 'suppressed' } | { outcome: 'moved-on' };
  return sql<{ result: Result }>`SELECT app.claim_message(${session}::jsonb, ${claim}::jsonb) AS result`;
}

export function takeOverVerb(session: Session, id: string, silentSince: Date) {
  return sql<{ attempt: number | null }>`
    SELECT app.take_over_message(${session}::jsonb, ${id}::uuid, ${silentSince}::timestamptz) AS attempt`;
}

export type End = {
  messageId: string;
  attempt: number | null;
  state: MessageState;
  reason?: string;
  providerId?: string;
  sendAfter?: Date;
};

export function endVerb(session: Session, end: End) {
  return sql<{ isEnded: boolean }>`SELECT app.end_attempt(${session}::jsonb, ${end}::jsonb) AS "isEnded"`;
}

export function lookAgainVerb(session: Session, id: string, at: Date) {
  return sql`SELECT app.look_again(${session}::jsonb, ${id}::uuid, ${at}::timestamptz)`;
}

export type Report = { messageId: string; providerId: string; status: string };

export function reportVerb(session: Session, report: Report) {
  return sql<{ result: 'done' | 'known' | 'unknown' }>`SELECT app.report_message(${session}::jsonb, ${report}::jsonb) AS result`;
}

// ── consent ──────────────────────────────────────────────────────────────────────────────────────────────────────────

export type ConsentRow = {
  id: string;
  channel: Channel;
  addressSealed: Bytes;
  addressIndex: Bytes;
  purpose: Purpose;
  isGranted: boolean;
  source: string;
  evidence: string | null;
  at: Date;
};

/** Nobody else sends to the address or records what it wants until this transaction ends. */
export async function lockAddress(tx: Tx, channel: Channel, addressIndex: Bytes): Promise<void> {
  await tx.$executeRaw`SELECT app.lock_address(${channel}, ${addressIndex})`;
}

/** A row whose evidence was recorded before is left as it is. */
export async function insertConsents(tx: Tx, organizationId: string, rows: ConsentRow[]): Promise<void> {
  await tx.messageConsent.createMany({ data: rows.map((row) => ({ organizationId, ...row })), skipDuplicates: true });
}

/** What was said of an address, newest first. */
export function listConsents(tx: Tx, organizationId: string, channel: Channel, addressIndex: Bytes) {
  return tx.messageConsent.findMany({
    where: { organizationId, channel, addressIndex },
    orderBy: [{ at: 'desc' }, { id: 'desc' }],
    select: { purpose: true, isGranted: true, source: true, at: true },
    take: 1_000,
  });
}
