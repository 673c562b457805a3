import { PatientProxy, type AddProxy, type PageQuery } from '@medspa/contracts';
import type { Ctx } from '../../../platform/context.ts';
import { mutate, view } from '../../../platform/doors.ts';
import { problemAt, Problem } from '../../../platform/problem.ts';
import { existing, pageAfter } from '../../../platform/versioned.ts';
import { getOpenLocations } from '../../identity/index.ts';
import * as queries from '../queries.ts';
import { isOfAge } from '../rules/age.ts';
import { hasPatient, readPatient } from '../service.ts';

/** Who stood, stands or will stand in for a patient, the latest first. Throws `not-found`. */
export function listProxies(ctx: Ctx, patientId: string, page: PageQuery) {
  return view(ctx, { needs: 'patient:read', action: 'proxy.list', patients: () => [patientId] }, async (tx) => {
    if (!(await hasPatient(tx, ctx.organizationId, patientId))) throw new Problem('not-found');
    const { items, nextCursor } = await pageAfter(page, await queries.listProxies(tx, ctx.organizationId, patientId, page), async (id) => {
      const row = await queries.findProxy(tx, ctx.organizationId, id);
      return row?.patientId === patientId ? row : null;
    });
    return { items: items as PatientProxy[], nextCursor };
  });
}

/**
 * Lets one patient act for another in the portal, in place of what held between the two (P7). Throws `not-found` for either,
 * `birth-date-missing`, `not-related`, `end-required` where the patient is of age, `rule-violated` for an end that is no later than
 * its beginning.
 */
export function addProxy(
  ctx: Ctx,
  patientId: string,
  { proxyId, startsAt = ctx.now(), endsAt = null }: Omit<AddProxy, 'endsAt'> & { endsAt?: Date | null | undefined },
) {
  return mutate(
    ctx,
    { needs: 'patient:write', action: 'proxy.add', reply: PatientProxy, patients: (added) => [patientId, added.proxyId] },
    async (tx) => {
      const { organizationId } = ctx;
      const { birthDate } = await readPatient(ctx, tx, patientId);
      if (!(await hasPatient(tx, organizationId, proxyId))) throw problemAt('not-found', '/proxyId');
      const zones = (await getOpenLocations(tx, organizationId)).map(({ timeZone }) => timeZone);
      const isAdult = isOfAge(birthDate ?? null, zones, ctx.now());
      if (isAdult === null) throw new Problem('birth-date-missing');
      const basis = isAdult ? 'consent' : 'minor';
      if (!(await queries.mayStandIn(tx, patientId, proxyId, basis))) throw problemAt('not-related', '/proxyId');
      if (isAdult && endsAt === null) throw problemAt('end-required', '/endsAt');
      await queries.revokeProxy(tx, organizationId, patientId, proxyId, ctx.now());
      return (await queries.insertProxy(tx, organizationId, { patientId, proxyId, basis, startsAt, endsAt })) as PatientProxy;
    },
  );
}

/** Ends that one patient acts for another, from the next request on. Throws `not-found` when they do not. */
export function revokeProxy(ctx: Ctx, patientId: string, proxyId: string) {
  return mutate(ctx, { needs: 'patient:write', action: 'proxy.revoke', reply: PatientProxy }, async (tx) =>
    existing((await queries.revokeProxy(tx, ctx.organizationId, patientId, proxyId, ctx.now())) as PatientProxy | null),
  );
}
