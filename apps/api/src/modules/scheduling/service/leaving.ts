import type { PageQuery } from '@medspa/contracts';
import type { Ctx } from '../../../platform/context.ts';
import { view } from '../../../platform/doors.ts';
import { Problem } from '../../../platform/problem.ts';
import { pageAfter } from '../../../platform/versioned.ts';
import { findProviderOf, hasProvider, offBoard } from '../../identity/index.ts';
import * as queries from '../queries.ts';

/** The visits of a provider that are not over, the next one first: what has to be given to others when they leave. Throws `not-found`. */
export function listProviderAppointments(ctx: Ctx, providerId: string, page: PageQuery) {
  type Found = { items: queries.AppointmentJson[]; nextCursor: string | null };
  const patients = ({ items }: Found) => [...new Set(items.map(({ patientId }) => patientId))];
  return view(ctx, { needs: 'appointment:read', action: 'provider.appointments', patients }, async (tx): Promise<Found> => {
    if (!(await hasProvider(tx, ctx.organizationId, providerId))) throw new Problem('not-found');
    const found = await queries.listUpcoming(tx, ctx.organizationId, providerId, ctx.now(), page);
    return pageAfter(page, found, async (id) => {
      const visit = await queries.findAppointment(tx, id);
      return visit?.services.some((service) => service.providerId === providerId) ? visit : null;
    });
  });
}

/**
 * Ends somebody's work here (`offBoard`), and then says what they leave behind: null where they are no provider, or where the actor
 * may not read appointments. Asked again it says the same. Throws what `offBoard` does.
 */
export async function offBoardStaff(ctx: Ctx, staffId: string) {
  const staff = await offBoard(ctx, staffId);
  if (!ctx.actor.grants.has('appointment:read')) return { staff, providerId: null, upcoming: null };
  const verb = { needs: 'appointment:read', action: 'provider.appointments' } as const;
  const providerId = await view(ctx, verb, (tx) => findProviderOf(tx, ctx.organizationId, staffId));
  return { staff, providerId, upcoming: providerId === null ? null : await listProviderAppointments(ctx, providerId, {}) };
}
