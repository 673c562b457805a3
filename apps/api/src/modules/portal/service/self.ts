import { PortalProfile, type PageQuery, type UpdatePortalProfile } from '@medspa/contracts';
import { demand, type Ctx } from '../../../platform/context.ts';
import { mutate, view } from '../../../platform/doors.ts';
import { Problem } from '../../../platform/problem.ts';
import { existing } from '../../../platform/versioned.ts';
import { listSaid } from '../../messaging/index.ts';
import { changeOwnProfile, hasPatient, readOwnProfile } from '../../patients/index.ts';
import { findVisitOfPatient, listVisitsOfPatient } from '../../scheduling/index.ts';
import { actingFor } from './session.ts';

// What patients read and change about themselves and whom they stand in for. Whoever else is named is not there (O5).

/** Throws `not-found`. */
export function getProfile(ctx: Ctx, patientId: string): Promise<PortalProfile> {
  const own = actingFor(ctx, patientId);
  return view(own, { needs: 'self:read', action: 'portal.profile', patients: () => [patientId] }, (tx) =>
    readOwnProfile(own, tx, patientId),
  );
}

/**
 * Changes what was given. Throws `not-found`, `stale-version`, `invalid-request` for a phone number that is none, and
 * `step-up-required` where it says where codes go and the sign-in is older than five minutes, and
 * `address-is-theirs` for whoever stands in for somebody: who set where their codes go could sign in as them, and beyond their time.
 */
export function updateProfile(ctx: Ctx, patientId: string, input: UpdatePortalProfile): Promise<PortalProfile> {
  const own = actingFor(ctx, patientId);
  return mutate(own, { needs: 'self:write', action: 'portal.update-profile', reply: PortalProfile }, async (tx) => {
    if (!(await hasPatient(tx, ctx.organizationId, patientId))) throw new Problem('not-found');
    const isAddressGiven = input.phone !== undefined || input.email !== undefined;
    if (own.actor.kind === 'proxy' && isAddressGiven) throw new Problem('address-is-theirs');
    // Where codes go is what lets in: a session left open must not give it away.
    if (isAddressGiven) demand(own, 'self:secure');
    return changeOwnProfile(own, tx, patientId, input);
  });
}

/** Visits past and to come, the latest start first. Throws `not-found`. */
export function listVisits(ctx: Ctx, patientId: string, page: PageQuery) {
  const own = actingFor(ctx, patientId);
  return view(own, { needs: 'self:read', action: 'portal.visits', patients: () => [patientId] }, (tx) =>
    listVisitsOfPatient(own, tx, patientId, page),
  );
}

/** Throws `not-found`. */
export function getVisit(ctx: Ctx, patientId: string, id: string) {
  return view(actingFor(ctx, patientId), { needs: 'self:read', action: 'portal.visit', patients: () => [patientId] }, async (tx) =>
    existing(await findVisitOfPatient(tx, patientId, id)),
  );
}

/** What the patient was written, the latest first. Throws `not-found`. */
export function listMessages(ctx: Ctx, patientId: string, page: PageQuery) {
  const own = actingFor(ctx, patientId);
  return view(own, { needs: 'self:read', action: 'portal.messages', patients: () => [patientId] }, async (tx) => {
    if (!(await hasPatient(tx, ctx.organizationId, patientId))) throw new Problem('not-found');
    return listSaid(own, tx, patientId, page);
  });
}
