import type { PageQuery } from '@medspa/contracts';
import { keyset, sql, toPage, type Session, type Tx } from '@medspa/database';

const SHOWN = { id: true, name: true, isBackedUp: true, createdAt: true, lastUsedAt: true, regressedAt: true } as const;

type NewPasskey = {
  organizationId: string;
  id: string;
  patientId: string;
  credentialId: Uint8Array<ArrayBuffer>;
  publicKey: Uint8Array<ArrayBuffer>;
  counter: number;
  transports: string[];
  name: string;
  isBackedUp: boolean;
  createdAt: Date;
};

export function insertPasskey(tx: Tx, passkey: NewPasskey) {
  return tx.patientPasskey.create({ data: passkey, select: SHOWN });
}

/** Of a patient, the first one first. */
export async function listPasskeys(tx: Tx, organizationId: string, patientId: string, page: PageQuery) {
  return toPage(
    await tx.patientPasskey.findMany({
      where: { organizationId, patientId },
      orderBy: { id: 'asc' },
      select: SHOWN,
      ...keyset(page, organizationId),
    }),
    page,
  );
}

export function findPasskey(tx: Tx, organizationId: string, patientId: string, id: string) {
  return tx.patientPasskey.findUnique({ where: { organizationId_id: { organizationId, id }, patientId }, select: SHOWN });
}

/** By what browsers know the passkeys of a patient. There are twenty at most. */
export function listCredentials(tx: Tx, organizationId: string, patientId: string) {
  return tx.patientPasskey.findMany({
    where: { organizationId, patientId },
    orderBy: { id: 'asc' },
    select: { credentialId: true, transports: true },
  });
}

/** The passkey of this active patient that the device names so, or null. */
export function findCredential(tx: Tx, organizationId: string, patientId: string, credentialId: Uint8Array<ArrayBuffer>) {
  return tx.patientPasskey.findFirst({
    where: { organizationId, patientId, credentialId, patient: { isActive: true } },
    select: { id: true, credentialId: true, publicKey: true, transports: true },
  });
}

/** `counter` is what the device counted, or null where it proved nothing. */
export function tryPasskeyVerb(session: Session, id: string, counter: number | null) {
  return sql<{ isUsed: boolean }>`SELECT app.try_patient_passkey(${session}::jsonb, ${id}::uuid, ${counter}::bigint) AS "isUsed"`;
}

export async function deletePasskey(tx: Tx, organizationId: string, patientId: string, id: string): Promise<boolean> {
  const { count } = await tx.patientPasskey.deleteMany({ where: { organizationId, patientId, id } });
  return count === 1;
}
