import type { PageQuery } from '@medspa/contracts';
import { keyset, sql, toPage, type Session, type Tx } from '@medspa/database';

const byId = (organizationId: string, id: string) => ({ organizationId_id: { organizationId, id } });
const SHOWN = { id: true, name: true, isBackedUp: true, createdAt: true, lastUsedAt: true, regressedAt: true } as const;

export function issueChallengeVerb(session: Session, challengeHash: Uint8Array) {
  return sql<object>`SELECT app.issue_challenge(${session}::jsonb, ${challengeHash}::bytea)`;
}

export function useChallengeVerb(session: Session, challengeHash: Uint8Array) {
  return sql<{ isUsed: boolean }>`SELECT app.use_challenge(${session}::jsonb, ${challengeHash}::bytea) AS "isUsed"`;
}

export function dropPastChallengesVerb(session: Session, most: number) {
  return sql<{ dropped: number }>`SELECT app.drop_past_challenges(${session}::jsonb, ${most}::int) AS dropped`;
}

/** `counter` is what the device counted, or null where it proved nothing. */
export function tryPasskeyVerb(session: Session, id: string, counter: number | null) {
  return sql<{ isUsed: boolean }>`SELECT app.try_passkey(${session}::jsonb, ${id}::uuid, ${counter}::bigint) AS "isUsed"`;
}

type NewPasskey = {
  organizationId: string;
  id: string;
  staffId: string;
  credentialId: Uint8Array<ArrayBuffer>;
  publicKey: Uint8Array<ArrayBuffer>;
  counter: number;
  transports: string[];
  name: string;
  isBackedUp: boolean;
  createdAt: Date;
};

export function insertPasskey(tx: Tx, passkey: NewPasskey) {
  return tx.staffPasskey.create({ data: passkey, select: SHOWN });
}

/** Of a person, the first one first. */
export async function listPasskeys(tx: Tx, organizationId: string, staffId: string, page: PageQuery) {
  return toPage(
    await tx.staffPasskey.findMany({
      where: { organizationId, staffId },
      orderBy: { id: 'asc' },
      select: SHOWN,
      ...keyset(page, organizationId),
    }),
    page,
  );
}

export function findPasskey(tx: Tx, organizationId: string, staffId: string, id: string) {
  return tx.staffPasskey.findUnique({ where: { ...byId(organizationId, id), staffId }, select: SHOWN });
}

/** By what browsers know the passkeys of a person. There are twenty at most. */
export function listCredentials(tx: Tx, organizationId: string, staffId: string) {
  return tx.staffPasskey.findMany({
    where: { organizationId, staffId },
    orderBy: { id: 'asc' },
    select: { credentialId: true, transports: true },
  });
}

/** The passkey of this person that the device names so, or null, also when they left. */
export function findCredential(tx: Tx, organizationId: string, staffId: string, credentialId: Uint8Array<ArrayBuffer>) {
  return tx.staffPasskey.findFirst({
    where: { organizationId, staffId, credentialId, account: { staff: { isActive: true } } },
    select: { id: true, credentialId: true, publicKey: true, transports: true },
  });
}

/** Renames a passkey of the person; empty when it is another's or none. */
export function updatePasskey(tx: Tx, organizationId: string, staffId: string, id: string, data: { name: string }) {
  return tx.staffPasskey.updateManyAndReturn({ where: { organizationId, staffId, id }, data, select: SHOWN });
}

export async function deletePasskey(tx: Tx, organizationId: string, staffId: string, id: string): Promise<boolean> {
  const { count } = await tx.staffPasskey.deleteMany({ where: { organizationId, staffId, id } });
  return count === 1;
}
