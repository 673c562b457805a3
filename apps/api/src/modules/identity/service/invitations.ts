import { v7 as newId } from 'uuid';
import {
  AcceptedInvitation,
  covers,
  Invitation,
  Invited,
  WithdrawnInvitation,
  type AcceptInvitation,
  type Invite,
  type PageQuery,
} from '@medspa/contracts';
import type { Tx } from '@medspa/database';
import { ANYBODY, type Ctx } from '../../../platform/context.ts';
import { mutate, view } from '../../../platform/doors.ts';
import { hashPassword } from '../../../platform/passwords.ts';
import { Problem, problemAt } from '../../../platform/problem.ts';
import { hashOf, newToken } from '../../../platform/tokens.ts';
import { pageAfter } from '../../../platform/versioned.ts';
import { findStaff } from '../queries.ts';
import { lockAccess } from '../queries/access.ts';
import * as queries from '../queries/invitations.ts';
import { hasAccount, insertAccount } from '../queries/sign-in.ts';
import { INVITATION_DAYS, invitationWords, isLong } from '../rules.ts';
import { findGrants, holdAccess, refuseBeyond } from './access.ts';
import { refuseBadPassword } from './account.ts';
import { openEmail } from './address.ts';
import type { LinkParts } from './password-reset.ts';
import { keyedPassword, loginKeyOf } from './prove.ts';
import { newcomer } from './session.ts';

/** What inviting takes: whether anybody carries e-mail, and where the page is that links lead to. */
export type InviteParts = { sendsMail: boolean; apiUrl: string };

// Behind the #, which stays in the browser: no log, no proxy and no other site gets to see it.
const linkOf = (apiUrl: string, organizationId: string, token: string) => `${apiUrl}/invitation#${organizationId}.${token}`;

/**
 * Invites a staff member to choose a password and sign in from then on; an earlier invitation of theirs ends. The link is e-mailed by a
 * job, or shown this once to whoever invites: then the audit log tells that it was. Throws `not-found`, `staff-inactive`,
 * `address-missing`, `already-exists` for somebody who has an account, `mail-not-configured`, `beyond-own-access` (I14).
 */
export function invite(ctx: Ctx, { sendsMail, apiUrl }: InviteParts, { staffId, delivery }: Invite) {
  const { organizationId } = ctx;
  const token = delivery === 'link' ? newToken() : null;
  return mutate(ctx, { needs: 'access:write', action: 'invitation.send', reply: Invited }, async (tx) => {
    const own = await holdAccess(ctx, tx);
    if (delivery === 'email' && !sendsMail) throw problemAt('mail-not-configured', '/delivery');
    const staff = await findStaff(tx, organizationId, staffId);
    if (!staff) throw problemAt('not-found', '/staffId');
    if (!staff.isActive) throw problemAt('staff-inactive', '/staffId');
    if (!staff.emailSealed) throw problemAt('address-missing', '/staffId');
    if (await hasAccount(tx, organizationId, staffId)) throw problemAt('already-exists', '/staffId');
    refuseBeyond(own, await findGrants(tx, staffId), '/staffId');
    const createdAt = ctx.now();
    const row = await queries.replaceInvitation(tx, organizationId, {
      staffId,
      delivery,
      createdAt,
      invitedById: ctx.actor.id,
      tokenHash: token === null ? null : hashOf(token),
      expiresAt: new Date(createdAt.getTime() + INVITATION_DAYS * 86_400_000),
    });
    if (token === null) await queries.enqueueInvitation(tx, organizationId, row.id);
    return { invitation: shown(ctx, row), link: token === null ? null : linkOf(apiUrl, organizationId, token) };
  });
}

/**
 * E-mails the link, and makes it here, so that its token is stored nowhere but as a hash. Sent again it is a new link, and only the last
 * one works. Throws when the mail server has not taken it, for the queue to try again.
 */
export async function sendInvitation(ctx: Ctx, { mail, apiUrl }: LinkParts, invitationId: string): Promise<void> {
  if (!mail) return;
  const { organizationId } = ctx;
  const token = newToken();
  // What needs a fresh proof was done by whoever invited.
  const verb = { needs: 'staff:write', action: 'invitation.deliver', reply: Invitation.nullable() } as const;
  let names = { givenName: '', organizationName: '' };
  const invitation = await mutate(ctx, verb, async (tx) => {
    const row = await queries.findInvitation(tx, organizationId, invitationId);
    if (!row || row.expiresAt <= ctx.now() || !row.staff.emailSealed) return null;
    await queries.updateInvitationToken(tx, organizationId, invitationId, hashOf(token));
    names = { givenName: row.staff.givenName, organizationName: row.staff.organization.name };
    return shown(ctx, row);
  });
  if (!invitation) return;
  const words = invitationWords({ ...names, days: INVITATION_DAYS, link: linkOf(apiUrl, organizationId, token) });
  const handover = await mail.send({ organizationId, id: newId(), to: invitation.email, ...words });
  if (handover.outcome === 'later' || handover.outcome === 'unknown') throw new Error('The invitation was not taken.');
}

/** Invitations that may still be accepted. */
export function listInvitations(ctx: Ctx, page: PageQuery) {
  return view(ctx, { needs: 'access:read', action: 'invitation.list' }, async (tx) => {
    const found = await queries.listOpenInvitations(tx, ctx.organizationId, ctx.now(), page);
    const { items, nextCursor } = await pageAfter(page, found, (id) => queries.findInvitation(tx, ctx.organizationId, id));
    return { items: items.map((row) => shown(ctx, row)), nextCursor };
  });
}

/** Throws `not-found`, also for one that was used. */
export function withdrawInvitation(ctx: Ctx, id: string) {
  return mutate(ctx, { needs: 'access:write', action: 'invitation.withdraw', reply: WithdrawnInvitation }, async (tx) => {
    await holdAccess(ctx, tx);
    if ((await queries.deleteInvitations(tx, ctx.organizationId, { id })) === 0) throw new Problem('not-found');
    return { id };
  });
}

/**
 * Chooses the password of whoever was invited, who signs in next. Of two at once with one link, one does. Throws `invitation-refused`,
 * `password-too-short`, `password-too-common`.
 */
export async function acceptInvitation(ctx: Ctx, { organizationId, token, password }: AcceptInvitation) {
  const verb = { needs: 'account:sign-in', action: 'invitation.accept', reply: AcceptedInvitation } as const;
  const of = { ...ctx, organizationId, actor: ANYBODY };
  const { staffId, email, known } = await view(of, verb, (tx) => openInvitation(of, tx, token));
  refuseBadPassword(password, { hasSecondFactor: false, known });
  const passwordHash = await hashPassword(keyedPassword(of, password));
  return mutate({ ...of, actor: newcomer(staffId) }, verb, async (tx) => {
    await lockAccess(tx, organizationId);
    const invitation = await openInvitation(of, tx, token);
    await queries.deleteInvitations(tx, organizationId, { id: invitation.id });
    const account = { organizationId, staffId, loginKey: loginKeyOf(ctx, invitation.email) };
    await insertAccount(tx, account, { passwordHash, passwordIsLong: isLong(password) }, ctx.now());
    return { organizationId, staffId, email };
  });
}

/**
 * A good invitation by its token. It is worth what its sender could give at this moment: one whose person was given more since, or whose
 * sender lost it, is none (I14). Throws `invitation-refused`, alike for all that may be wrong with it.
 */
async function openInvitation(ctx: Ctx, tx: Tx, token: string) {
  const row = await queries.findInvitationByToken(tx, ctx.organizationId, hashOf(token));
  if (!row || row.expiresAt <= ctx.now() || !row.staff.isActive || !row.staff.emailSealed || row.staff.account)
    throw new Problem('invitation-refused');
  const [sender, person] = [await findGrants(tx, row.invitedById), await findGrants(tx, row.staffId)];
  if (!sender.has('access:write') || !covers(sender, person)) throw new Problem('invitation-refused');
  const { givenName, familyName, organization } = row.staff;
  const email = openEmail(ctx, row.staffId, row.staff.emailSealed);
  return { id: row.id, staffId: row.staffId, email, known: [email, ...email.split('@'), givenName, familyName, organization.name] };
}

function shown(ctx: Ctx, { staff, invitedById, delivery, ...row }: queries.InvitationRow): Invitation {
  const email = staff.emailSealed ? openEmail(ctx, row.staffId, staff.emailSealed) : '';
  return { ...row, email, invitedBy: invitedById, delivery: delivery as Invitation['delivery'] };
}
