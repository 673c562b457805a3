import { sql, type Session, type Tx } from '@medspa/database';

/** Whether a link may be asked for; who has the address, nobody is told. */
export type Asked = { outcome: 'asked' } | { outcome: 'wait'; seconds: number };

export function askResetVerb(session: Session, loginKey: Uint8Array, organizationId: string | null) {
  return sql<{ asked: Asked }>`SELECT app.ask_reset(${session}::jsonb, ${loginKey}::bytea, ${organizationId}::uuid) AS asked`;
}

/** Keeps the hash of a new link; the ids are those of its person, null when there is none. */
export function beginResetVerb(session: Session, loginKey: Uint8Array, organizationId: string | null, tokenHash: Uint8Array) {
  return sql<{ begun: { organizationId: string; staffId: string } | null }>`
    SELECT app.begin_reset(${session}::jsonb, ${loginKey}::bytea, ${organizationId}::uuid, ${tokenHash}::bytea) AS begun`;
}

/** Whose link a token is of, or null: there is none like it, or its time is over. */
export async function findReset(tx: Tx, organizationId: string, tokenHash: Uint8Array<ArrayBuffer>, now: Date): Promise<string | null> {
  const found = await tx.staffReset.findUnique({
    where: { organizationId_tokenHash: { organizationId, tokenHash }, expiresAt: { gt: now } },
    select: { staffId: true },
  });
  return found?.staffId ?? null;
}

/** Uses up a link; false when another request did. */
export async function useReset(tx: Tx, organizationId: string, tokenHash: Uint8Array<ArrayBuffer>, now: Date): Promise<boolean> {
  const { count } = await tx.staffReset.deleteMany({ where: { organizationId, tokenHash, expiresAt: { gt: now } } });
  return count === 1;
}

/** Takes back the link of a person, if there is one. */
export async function deleteReset(tx: Tx, organizationId: string, staffId: string): Promise<void> {
  await tx.staffReset.deleteMany({ where: { organizationId, staffId } });
}
