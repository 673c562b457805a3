import { grant } from '@medspa/contracts';
import { JOB_ACTOR, NO_ORGANIZATION, type Ctx } from '../../../platform/context.ts';
import { call } from '../../../platform/doors.ts';
import { openLive, type Beginning, type Live, type LiveOptions, type LiveParts } from '../../../platform/live.ts';
import { existing } from '../../../platform/versioned.ts';
import * as queries from '../queries/live.ts';
import { beginningOf } from '../rules/following.ts';

const NEEDS = 'appointment:read';

/** Events of one place that are read at once. What is more comes with the next look. */
const AT_ONCE = 200;

/**
 * What tells the events of locations as they happen (S9). One statement reads them for everybody of the process who listens, by itself
 * and with no more than it takes: what they say is the same for all who may read the events of the location, and who may is asked of
 * each of them.
 */
export function openLiveCalendar(
  parts: Pick<Ctx, 'database' | 'codec' | 'breaker'> & Omit<LiveParts, 'needs' | 'read'>,
  options?: LiveOptions,
): Live {
  const reader = { ...JOB_ACTOR, grants: grant([NEEDS]) };
  const ctx: Ctx = { ...parts, organizationId: NO_ORGANIZATION, actor: reader, requestId: 'live' };
  const read: LiveParts['read'] = async (places) => {
    const verb = { needs: NEEDS, action: 'location.follow' } as const;
    return (await call(ctx, verb, (session) => queries.eventsSinceVerb(session, places, AT_ONCE))).happened;
  };
  return openLive({ ...parts, needs: NEEDS, read }, options);
}

/**
 * Where somebody begins to follow a location who has seen everything up to `seen`. Whoever acts for one patient hears nothing, as they
 * read no events either. Throws `not-found`.
 */
export async function beginFollowing(ctx: Ctx, locationId: string, seen: number | null): Promise<Beginning> {
  const { last } = await call(ctx, { needs: NEEDS, action: 'location.follow' }, (session) => queries.lastEventVerb(session, locationId));
  const beginning = beginningOf(seen, existing(last));
  if (ctx.actor.patients) return { place: null, after: 0, isToReload: false };
  return { place: { organizationId: ctx.organizationId, locationId }, ...beginning };
}
