import { sql, type Session } from '@medspa/database';
import type { Happened, Place } from '../../../platform/live.ts';

/** The number of the last event at a location; null where the location is not there for the session. */
export function lastEventVerb(session: Session, locationId: string) {
  return sql<{ last: number | null }>`SELECT app.last_event(${session}::jsonb, ${locationId}::uuid)::float8 AS last`;
}

/** What happened at each place after a number, at most `most` events of each, in order. Of any organizations, ids, times and statuses. */
export function eventsSinceVerb(session: Session, places: (Place & { after: number })[], most: number) {
  const asked = JSON.stringify(places);
  return sql<{ happened: Happened[] }>`SELECT app.events_since(${session}::jsonb, ${asked}::jsonb, ${most}::int) AS happened`;
}
