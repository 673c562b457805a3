import { v7 as newId } from 'uuid';
import { CalendarFeed, grant, grantsOf, NewCalendarFeed, type CreateCalendarFeed, type PageQuery } from '@medspa/contracts';
import type { Ctx } from '../../../platform/context.ts';
import { call, mutate, view } from '../../../platform/doors.ts';
import { Problem } from '../../../platform/problem.ts';
import { hashOf, newToken } from '../../../platform/tokens.ts';
import { existing, pageAfter } from '../../../platform/versioned.ts';
import { getOrganizationName } from '../../identity/index.ts';
import * as queries from '../queries/calendar-feeds.ts';
import { feedWindow } from '../rules.ts';
import { icalendarOf } from '../rules/icalendar.ts';

/** The organization, 256 random bits, and what calendar apps know a calendar by. */
const ADDRESS = /^([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})\.([\w-]{43})\.ics$/;

/** Makes an address under which the provider's own calendar reads what they do. Throws `not-a-provider`. */
export function createFeed(ctx: Ctx, { name }: CreateCalendarFeed, apiUrl: string) {
  const { organizationId, actor } = ctx;
  const [id, token] = [newId(), newToken()];
  return mutate(ctx, { needs: 'account:secure', action: 'calendar-feed.create', reply: NewCalendarFeed }, async (tx) => {
    if (!(await queries.addFeed(tx, id, name, hashOf(token)))) throw new Problem('not-a-provider');
    const feed = existing(await queries.findFeed(tx, organizationId, actor.id, id));
    return { ...feed, url: `${apiUrl}/feeds/${organizationId}.${token}.ics` };
  });
}

export function listFeeds(ctx: Ctx, page: PageQuery) {
  const { organizationId, actor } = ctx;
  return view(ctx, { needs: 'account:read', action: 'calendar-feed.list' }, async (tx) =>
    pageAfter(page, await queries.listFeeds(tx, organizationId, actor.id, page), (id) =>
      queries.findFeed(tx, organizationId, actor.id, id),
    ),
  );
}

/** Ends a feed of the actor's for good. Throws `not-found`, also for another's; twice is once. */
export function revokeFeed(ctx: Ctx, id: string) {
  const { organizationId, actor } = ctx;
  return mutate(ctx, { needs: 'account:write', action: 'calendar-feed.revoke', reply: CalendarFeed }, async (tx) => {
    await queries.revokeFeed(tx, organizationId, actor.id, id, ctx.now());
    return existing(await queries.findFeed(tx, organizationId, actor.id, id));
  });
}

/**
 * The calendar behind an address, for whoever has it: what its provider does until thirty days from now, where they may read
 * appointments still, by initials and service alone. It is read in their name and recorded of each patient. Throws `not-found`,
 * alike for an address that never was, one that was revoked, and one whose person left or may not any more.
 */
export async function readFeed(ctx: Ctx, address: string): Promise<string> {
  const [, organizationId, token] = ADDRESS.exec(address) ?? [];
  if (organizationId === undefined || token === undefined) throw new Problem('not-found');
  const of = { ...ctx, organizationId };
  const { found } = await call(of, { needs: 'account:sign-in', action: 'calendar-feed.find' }, (session) =>
    queries.findFeedVerb(session, hashOf(token)),
  );
  const scope = found && grantsOf(found.roles).get('appointment:read');
  if (!found || !scope) throw new Problem('not-found');

  type Read = { name: string; entries: queries.FeedEntry[] };
  const own: Ctx = { ...of, actor: { kind: 'staff', id: found.staffId, grants: grant(['appointment:read'], scope) } };
  const patients = ({ entries }: Read) => [...new Set(entries.map(({ patientId }) => patientId))];
  const { from, until } = feedWindow(ctx.now());
  const { name, entries } = await view(
    own,
    { needs: 'appointment:read', action: 'calendar-feed.read', patients },
    async (tx): Promise<Read> => ({
      name: existing(await getOrganizationName(tx, organizationId)),
      entries: await queries.listEntries(tx, found.providerId, from, until),
    }),
  );
  const shown = entries.map(({ initials, service, version, ...entry }) => ({
    ...entry,
    summary: `${initials} ${service}`,
    sequence: version - 1,
  }));
  return icalendarOf(name, shown);
}
