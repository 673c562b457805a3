import { sql, type Session, type Tx } from '@medspa/database';

/** Whom an identity provider means, and whether they are bound to it already. */
export type Federated = { organizationId: string; staffId: string; isBound: boolean };

type Identity = { issuer: string; subjectKey: Uint8Array; loginKey: Uint8Array | null; organizationId: string | null };

export function findFederatedVerb(session: Session, { issuer, subjectKey, loginKey, organizationId }: Identity) {
  return sql<{ found: Federated | null }>`
    SELECT app.find_federated(${session}::jsonb, ${issuer}::text, ${subjectKey}::bytea, ${loginKey}::bytea, ${organizationId}::uuid) AS found`;
}

/** Binds a person to who they are to an issuer; false when they, or that subject, are bound otherwise. */
export async function bindIdentity(
  tx: Tx,
  identity: { organizationId: string; staffId: string; issuer: string; subjectKey: Uint8Array<ArrayBuffer>; boundAt: Date },
): Promise<boolean> {
  const { organizationId, staffId, issuer, subjectKey } = identity;
  await tx.staffIdentity.createMany({ data: identity, skipDuplicates: true });
  return (await tx.staffIdentity.count({ where: { organizationId, staffId, issuer, subjectKey } })) === 1;
}

/** Notes when the provider first let somebody in by a second factor of its own that counts here. */
export async function updateProvidersFactor(tx: Tx, organizationId: string, staffId: string, issuer: string, at: Date): Promise<void> {
  await tx.staffIdentity.updateMany({ where: { organizationId, staffId, issuer, secondFactorAt: null }, data: { secondFactorAt: at } });
}
