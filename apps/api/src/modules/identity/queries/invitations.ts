import type { PageQuery } from '@medspa/contracts';
import { keyset, toPage, type Tx } from '@medspa/database';

const byId = (organizationId: string, id: string) => ({ organizationId_id: { organizationId, id } });

const INVITATION = {
  id: true,
  staffId: true,
  invitedById: true,
  delivery: true,
  expiresAt: true,
  createdAt: true,
  staff: {
    select: {
      emailSealed: true,
      givenName: true,
      familyName: true,
      isActive: true,
      organization: { select: { name: true } },
      account: { select: { staffId: true } },
    },
  },
} as const;
export type InvitationRow = NonNullable<Awaited<ReturnType<typeof findInvitation>>>;

/** Invitations that may still be accepted. */
export async function listOpenInvitations(tx: Tx, organizationId: string, now: Date, page: PageQuery) {
  return toPage(
    await tx.staffInvitation.findMany({
      where: { organizationId, expiresAt: { gt: now } },
      orderBy: { id: 'asc' },
      select: INVITATION,
      ...keyset(page, organizationId),
    }),
    page,
  );
}

export function findInvitation(tx: Tx, organizationId: string, id: string) {
  return tx.staffInvitation.findUnique({ where: byId(organizationId, id), select: INVITATION });
}

export function findInvitationByToken(tx: Tx, organizationId: string, tokenHash: Uint8Array<ArrayBuffer>) {
  return tx.staffInvitation.findUnique({ where: { organizationId_tokenHash: { organizationId, tokenHash } }, select: INVITATION });
}

type NewInvitation = {
  staffId: string;
  invitedById: string;
  delivery: string;
  tokenHash: Uint8Array<ArrayBuffer> | null;
  expiresAt: Date;
  createdAt: Date;
};

/** A new one in place of what the person had. */
export async function replaceInvitation(tx: Tx, organizationId: string, data: NewInvitation) {
  await tx.staffInvitation.deleteMany({ where: { organizationId, staffId: data.staffId } });
  return tx.staffInvitation.create({ data: { organizationId, ...data }, select: INVITATION });
}

export async function updateInvitationToken(tx: Tx, organizationId: string, id: string, tokenHash: Uint8Array<ArrayBuffer>): Promise<void> {
  await tx.staffInvitation.update({ where: byId(organizationId, id), data: { tokenHash }, select: { id: true } });
}

/** Ends invitations: one, those of a person, or those that a person sent. Returns how many. */
export async function deleteInvitations(tx: Tx, organizationId: string, which: { id?: string; staffId?: string; invitedById?: string }) {
  const { count } = await tx.staffInvitation.deleteMany({ where: { organizationId, ...which } });
  return count;
}

/** Has the link e-mailed, once the transaction is committed. */
export async function enqueueInvitation(tx: Tx, organizationId: string, invitationId: string): Promise<void> {
  await tx.$executeRaw`
    SELECT graphile_worker.add_job('send-invitation', json_build_object('organizationId', ${organizationId}::uuid, 'invitationId', ${invitationId}::uuid))`;
}
