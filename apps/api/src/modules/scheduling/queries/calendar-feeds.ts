import type { GivenRole, PageQuery } from '@medspa/contracts';
import { keyset, sql, toPage, type Session, type Tx } from '@medspa/database';
import type { CalendarEntry } from '../rules/icalendar.ts';

const FEED = { id: true, name: true, createdAt: true, revokedAt: true } as const;
const ofStaff = (organizationId: string, staffId: string) => ({ organizationId, provider: { staffId } });

type FoundFeed = { providerId: string; staffId: string; roles: GivenRole[] };

export function findFeedVerb(session: Session, tokenHash: Uint8Array) {
  return sql<{ found: FoundFeed | null }>`SELECT app.find_calendar_feed(${session}::jsonb, ${tokenHash}::bytea) AS found`;
}

/** False when the actor is no provider who takes bookings. */
export async function addFeed(tx: Tx, id: string, name: string, tokenHash: Uint8Array): Promise<boolean> {
  const rows = await tx.$queryRaw<{ added: boolean }[]>`SELECT app.add_calendar_feed(${id}::uuid, ${name}, ${tokenHash}::bytea) AS added`;
  return rows[0]?.added ?? false;
}

/** Of one person, the last one first. */
export async function listFeeds(tx: Tx, organizationId: string, staffId: string, page: PageQuery) {
  const rows = await tx.calendarFeed.findMany({
    where: ofStaff(organizationId, staffId),
    orderBy: { id: 'desc' },
    select: FEED,
    ...keyset(page, organizationId),
  });
  return toPage(rows, page);
}

export function findFeed(tx: Tx, organizationId: string, staffId: string, id: string) {
  return tx.calendarFeed.findFirst({ where: { ...ofStaff(organizationId, staffId), id }, select: FEED });
}

export async function revokeFeed(tx: Tx, organizationId: string, staffId: string, id: string, at: Date): Promise<void> {
  await tx.calendarFeed.updateMany({ where: { ...ofStaff(organizationId, staffId), id, revokedAt: null }, data: { revokedAt: at } });
}

/** What the provider does in that time: whose visit it is, by initials and id, and what is done. */
export type FeedEntry = Omit<CalendarEntry, 'summary' | 'sequence'> & {
  patientId: string;
  initials: string;
  service: string;
  version: number;
};

export function listEntries(tx: Tx, providerId: string, from: Date, until: Date) {
  return tx.$queryRaw<FeedEntry[]>`
    SELECT id, patient_id AS "patientId", initials, service, starts_at AS "startsAt", ends_at AS "endsAt", version, changed_at AS "changedAt"
    FROM app.feed_entries(${providerId}::uuid, ${from}::timestamptz, ${until}::timestamptz)`;
}
