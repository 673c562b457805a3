import { Staff } from '@medspa/contracts';
import type { Tx } from '@medspa/database';
import { demand, type Ctx } from '../../../platform/context.ts';
import { mutate } from '../../../platform/doors.ts';
import { existing } from '../../../platform/versioned.ts';
import { deactivateProviderOf, findStaff, setActive } from '../queries.ts';
import * as queries from '../queries/access.ts';
import { revokeKeys } from '../queries/api-keys.ts';
import { deletePin, withdrawCodes } from '../queries/devices.ts';
import { deleteInvitations } from '../queries/invitations.ts';
import { deleteReset } from '../queries/password-reset.ts';
import { deleteSessions, hasAccount } from '../queries/sign-in.ts';
import { findGrants, holdAccess, refuseBeyond, refuseLastOwner } from './access.ts';
import { openStaff } from './address.ts';

/**
 * Ends every way in that somebody has or made without proving anew who they are: sessions, locked ones on shared devices included, the
 * PIN, links, keys of integrations, and codes for devices that nobody used yet. What a later way of signing in keeps ends here as well.
 */
async function endWaysIn({ organizationId, now }: Pick<Ctx, 'organizationId' | 'now'>, tx: Tx, staffId: string): Promise<void> {
  await deleteSessions(tx, organizationId, staffId);
  await deletePin(tx, organizationId, staffId);
  await revokeKeys(tx, organizationId, { createdBy: staffId }, now());
  await withdrawCodes(tx, organizationId, staffId);
  await endLinks(tx, organizationId, staffId);
  // Whoever invites may have been shown the link.
  await deleteInvitations(tx, organizationId, { invitedById: staffId });
}

/** Ends links that were sent to the address that somebody had. */
async function endLinks(tx: Tx, organizationId: string, staffId: string): Promise<void> {
  await deleteReset(tx, organizationId, staffId);
  await deleteInvitations(tx, organizationId, { staffId });
}

/**
 * Ends somebody's work here: from the next request on they are signed in nowhere, have no role and take no bookings (I3, I4). Asked
 * again it ends what there is and says the same. Throws `not-found`, `beyond-own-access`, `last-owner`.
 */
export function offBoard(ctx: Ctx, id: string) {
  const { organizationId } = ctx;
  return mutate(ctx, { needs: 'access:write', action: 'staff.off-board', reply: Staff }, async (tx) => {
    const own = await holdAccess(ctx, tx);
    existing(await findStaff(tx, organizationId, id));
    refuseBeyond(own, await findGrants(tx, id));
    await refuseLastOwner(tx, organizationId, id);
    await queries.deleteAssignmentsOf(tx, organizationId, id);
    await endWaysIn(ctx, tx, id);
    await deactivateProviderOf(tx, organizationId, id);
    await setActive(tx, organizationId, id, false);
    return openStaff(ctx, existing(await findStaff(tx, organizationId, id)));
  });
}

/** Takes somebody back who left: without a role, and signed in nowhere. Throws `not-found`. */
export function reinstate(ctx: Ctx, id: string) {
  const { organizationId } = ctx;
  return mutate(ctx, { needs: 'access:write', action: 'staff.reinstate', reply: Staff }, async (tx) => {
    await holdAccess(ctx, tx);
    existing(await findStaff(tx, organizationId, id));
    // Whoever was just proving who they are when they were off-boarded may have begun a session since.
    await endWaysIn(ctx, tx, id);
    await setActive(tx, organizationId, id, true);
    return openStaff(ctx, existing(await findStaff(tx, organizationId, id)));
  });
}

/**
 * An address is what its person signs in with, and where links to a new password go: whoever sets it could become them. So it takes
 * as much as they may do (I14), and where there is an account a fresh proof as well. Links to the old address end. Throws
 * `beyond-own-access`, `not-permitted`, `step-up-required`.
 */
export async function admitAddressChange(ctx: Ctx, tx: Tx, id: string): Promise<void> {
  await queries.lockAccess(tx, ctx.organizationId);
  refuseBeyond(await findGrants(tx, ctx.actor.id), await findGrants(tx, id), '/email');
  if (await hasAccount(tx, ctx.organizationId, id)) demand(ctx, id === ctx.actor.id ? 'account:secure' : 'access:write');
  await endLinks(tx, ctx.organizationId, id);
}
