import type { GivenRole, PageQuery } from '@medspa/contracts';
import { keyset, sql, toPage, type Session, type Tx } from '@medspa/database';

const byId = (organizationId: string, id: string) => ({ organizationId_id: { organizationId, id } });
const byStaff = (organizationId: string, staffId: string) => ({ organizationId_staffId: { organizationId, staffId } });

/** What became of asking whether a password may be tried: the ids are there when exactly one person has the address. */
export type Begun =
  | { outcome: 'try'; organizationId?: string; staffId?: string }
  | { outcome: 'wait'; seconds: number }
  | { outcome: 'stopped' };

export function beginSignInVerb(session: Session, loginKey: Uint8Array, organizationId: string | null) {
  return sql<{ begun: Begun }>`SELECT app.begin_sign_in(${session}::jsonb, ${loginKey}::bytea, ${organizationId}::uuid) AS begun`;
}

export function takeBackAttemptVerb(session: Session, loginKey: Uint8Array) {
  return sql<object>`SELECT app.take_back_attempt(${session}::jsonb, ${loginKey}::bytea)`;
}

export function findStaffSessionVerb(session: Session, tokenHash: Uint8Array, isUse: boolean) {
  return sql<{ found: { id: string; staffId: string; steppedUpAt: string; hasSecondFactor: boolean; roles: GivenRole[] } | null }>`
    SELECT app.find_staff_session(${session}::jsonb, ${tokenHash}::bytea, ${isUse}::boolean) AS found`;
}

export function dropIdleGuardsVerb(session: Session, most: number) {
  return sql<{ dropped: number }>`SELECT app.drop_idle_guards(${session}::jsonb, ${most}::int) AS dropped`;
}

export async function forgetFailures(tx: Tx, loginKey: Uint8Array): Promise<void> {
  await tx.$executeRaw`SELECT app.forget_failures(${loginKey})`;
}

export async function hasSetupCode(tx: Tx, codeHash: Uint8Array): Promise<boolean> {
  const rows = await tx.$queryRaw<{ isThere: boolean }[]>`SELECT app.has_setup_code(${codeHash}) AS "isThere"`;
  return rows[0]?.isThere ?? false;
}

export async function useSetupCode(tx: Tx, codeHash: Uint8Array): Promise<boolean> {
  const rows = await tx.$queryRaw<{ isUsed: boolean }[]>`SELECT app.use_setup_code(${codeHash}) AS "isUsed"`;
  return rows[0]?.isUsed ?? false;
}

/** An account and what it signs in with. */
export async function insertAccount(
  tx: Tx,
  account: { organizationId: string; staffId: string; loginKey: Uint8Array<ArrayBuffer> },
  secret: { passwordHash: string; passwordIsLong: boolean },
  at: Date,
): Promise<void> {
  const { organizationId, staffId } = account;
  await tx.staffAccount.create({ data: { ...account, passwordChangedAt: at } });
  await tx.staffSecret.create({ data: { organizationId, staffId, ...secret } });
}

/** The same for somebody who may have one already. */
export async function putAccount(
  tx: Tx,
  account: { organizationId: string; staffId: string; loginKey: Uint8Array<ArrayBuffer> },
  secret: { passwordHash: string; passwordIsLong: boolean },
  at: Date,
): Promise<void> {
  const { organizationId, staffId, loginKey } = account;
  const where = byStaff(organizationId, staffId);
  await tx.staffAccount.upsert({
    where,
    create: { ...account, passwordChangedAt: at },
    update: { loginKey, passwordChangedAt: at },
  });
  await tx.staffSecret.upsert({ where, create: { organizationId, staffId, ...secret }, update: secret });
}

export async function hasAccount(tx: Tx, organizationId: string, staffId: string): Promise<boolean> {
  return (await tx.staffAccount.count({ where: { organizationId, staffId } })) > 0;
}

/** What an active staff member signs in with, or null. */
export async function findSecret(tx: Tx, organizationId: string, staffId: string) {
  const found = await tx.staffSecret.findUnique({
    where: byStaff(organizationId, staffId),
    include: {
      account: {
        select: {
          loginKey: true,
          passwordChangedAt: true,
          staff: { select: { isActive: true } },
          identities: { where: { secondFactorAt: { not: null } }, select: { issuer: true } },
        },
      },
    },
  });
  if (!found?.account.staff.isActive) return null;
  const { loginKey, passwordChangedAt, identities } = found.account;
  const { account: _, ...secret } = found;
  return { ...secret, loginKey, passwordChangedAt, hasProvidersFactor: identities.length > 0 };
}

/** What of it a proof rests on, held until the transaction ends: whoever changes it waits, or was first. */
export async function holdSecret(tx: Tx, organizationId: string, staffId: string) {
  type Held = { passwordChangedAt: Date; totpSealed: Uint8Array | null; passkeys: number };
  const rows = await tx.$queryRaw<Held[]>`
    SELECT a.password_changed_at AS "passwordChangedAt", s.totp_sealed AS "totpSealed", s.passkeys
    FROM staff_secret s JOIN staff_account a ON a.organization_id = s.organization_id AND a.staff_id = s.staff_id
    WHERE s.organization_id = ${organizationId}::uuid AND s.staff_id = ${staffId}::uuid FOR SHARE`;
  return rows[0] ?? null;
}

type SecretColumns = {
  passwordHash: string;
  passwordIsLong: boolean;
  totpSealed: Uint8Array<ArrayBuffer> | null;
  totpPendingSealed: Uint8Array<ArrayBuffer> | null;
};

export async function updateSecret(tx: Tx, organizationId: string, staffId: string, data: Partial<SecretColumns>): Promise<void> {
  await tx.staffSecret.update({ where: byStaff(organizationId, staffId), data, select: { staffId: true } });
}

/** Notes on the audited account what changed of its secrets. */
export async function updateAccount(
  tx: Tx,
  organizationId: string,
  staffId: string,
  data: { passwordChangedAt?: Date; totpBegunAt?: Date; secondFactorSince?: Date | null },
): Promise<void> {
  await tx.staffAccount.update({ where: byStaff(organizationId, staffId), data, select: { staffId: true } });
}

/** The address under which a staff member signs in, where they do. */
export async function updateLoginKey(tx: Tx, organizationId: string, staffId: string, loginKey: Uint8Array<ArrayBuffer> | null) {
  await tx.staffAccount.updateMany({ where: { organizationId, staffId }, data: { loginKey } });
}

/** Uses up the step of a code; false when it or a later one was used. The row decides between two at once. */
export async function useTotpStep(tx: Tx, organizationId: string, staffId: string, step: number): Promise<boolean> {
  const { count } = await tx.staffSecret.updateMany({
    where: { organizationId, staffId, OR: [{ totpLastStep: null }, { totpLastStep: { lt: step } }] },
    data: { totpLastStep: step },
  });
  return count === 1;
}

/** Uses up a recovery code; false when there is none like it. */
export async function useRecoveryCode(tx: Tx, organizationId: string, staffId: string, codeKey: Uint8Array<ArrayBuffer>): Promise<boolean> {
  const { count } = await tx.staffRecoveryCode.deleteMany({ where: { organizationId, staffId, codeKey } });
  return count === 1;
}

export async function replaceRecoveryCodes(
  tx: Tx,
  organizationId: string,
  staffId: string,
  keys: Uint8Array<ArrayBuffer>[],
): Promise<void> {
  await tx.staffRecoveryCode.deleteMany({ where: { organizationId, staffId } });
  await tx.staffRecoveryCode.createMany({ data: keys.map((codeKey) => ({ organizationId, staffId, codeKey })) });
}

export function countRecoveryCodes(tx: Tx, organizationId: string, staffId: string): Promise<number> {
  return tx.staffRecoveryCode.count({ where: { organizationId, staffId } });
}

/** A person's name and e-mail, still sealed, with the name of their organization. */
export function findPerson(tx: Tx, organizationId: string, staffId: string) {
  return tx.staff.findUnique({
    where: byId(organizationId, staffId),
    select: {
      givenName: true,
      familyName: true,
      emailSealed: true,
      organization: { select: { name: true } },
      account: { select: { secondFactorSince: true } },
    },
  });
}

const SESSION = { id: true, device: true, createdAt: true, endsAt: true, steppedUpAt: true, use: { select: { seenAt: true } } } as const;

type NewSession = {
  organizationId: string;
  id: string;
  staffId: string;
  tokenHash: Uint8Array<ArrayBuffer>;
  device: string;
  deviceId: string | null;
  idleMinutes: number;
  endsAt: Date;
  steppedUpAt: Date;
  isByProvidersFactor: boolean;
  createdAt: Date;
};

export async function insertSession(tx: Tx, session: NewSession): Promise<void> {
  const { organizationId, id, createdAt } = session;
  await tx.staffSession.create({ data: session, select: { id: true } });
  await tx.staffSessionUse.create({ data: { organizationId, sessionId: id, seenAt: createdAt }, select: { sessionId: true } });
}

/** Sessions of a person that were not ended and have not run out, the last one first. Those on shared devices wait for a PIN. */
export async function listSessions(tx: Tx, organizationId: string, staffId: string, alive: Alive, page: PageQuery) {
  return toPage(
    await tx.staffSession.findMany({
      where: {
        organizationId,
        staffId,
        endsAt: { gt: alive.now },
        OR: [{ use: { seenAt: { gt: alive.idleSince } } }, { deviceId: { not: null } }],
      },
      orderBy: { id: 'desc' },
      select: SESSION,
      ...keyset(page, organizationId),
    }),
    page,
  );
}
type Alive = { now: Date; idleSince: Date };

/** A session of a person, or null, also for another's. */
export function findSession(tx: Tx, organizationId: string, staffId: string, id: string) {
  return tx.staffSession.findUnique({ where: { ...byId(organizationId, id), staffId }, select: SESSION });
}

/** Ends sessions of a person: all, one, all but one, those past their end, or the one of a token. Returns how many. */
export async function deleteSessions(tx: Tx, organizationId: string, staffId: string, which: SessionFilter = {}): Promise<number> {
  const { count } = await tx.staffSession.deleteMany({ where: { organizationId, staffId, ...which } });
  return count;
}
type SessionFilter = { id?: string | { not: string }; endsAt?: { lte: Date }; tokenHash?: Uint8Array<ArrayBuffer> };

export async function deleteSessionOfToken(tx: Tx, organizationId: string, tokenHash: Uint8Array<ArrayBuffer>): Promise<void> {
  await tx.staffSession.deleteMany({ where: { organizationId, tokenHash } });
}

export async function updateSteppedUp(tx: Tx, organizationId: string, sessionId: string, steppedUpAt: Date): Promise<void> {
  await tx.staffSession.update({ where: byId(organizationId, sessionId), data: { steppedUpAt }, select: { id: true } });
}
