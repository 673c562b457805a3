import type { Tx } from '@medspa/database';
import type { Ctx } from '../../../platform/context.ts';
import { revokeKeys } from '../queries/api-keys.ts';
import { deletePin, withdrawCodes } from '../queries/devices.ts';
import { deleteReset } from '../queries/password-reset.ts';
import { deleteSessions } from '../queries/sign-in.ts';

/**
 * Ends every way in that a staff member has or made: sessions, locked ones on shared devices included, the PIN, a link to a new
 * password, keys of integrations, and codes for devices that nobody used yet. It holds from the next request on. Inside the caller's transaction.
 */
export async function endAccess({ organizationId, now }: Pick<Ctx, 'organizationId' | 'now'>, tx: Tx, staffId: string): Promise<void> {
  await deleteSessions(tx, organizationId, staffId);
  await deleteReset(tx, organizationId, staffId);
  await deletePin(tx, organizationId, staffId);
  await revokeKeys(tx, organizationId, { createdBy: staffId }, now());
  await withdrawCodes(tx, organizationId, staffId);
}
