import { AsyncLocalStorage } from 'node:async_hooks';
import pg from 'pg';

/** Who acts, for which organization, in which request: what the database is told at the start of every transaction. */
export type Session = {
  organizationId: string;
  actorKind: string;
  actorId: string;
  requestId: string;
  action: string;
  /** The caller's clock; rules in SQL use it instead of the server's. */
  now: Date;
  /** The locations whose rows are there for the actor; null for all of them. */
  locations: readonly string[] | null;
  /** The patients whose rows are there for the actor; null for all of them. */
  patients: readonly string[] | null;
  /** Why, where the actor had to say it. */
  reason?: string;
};

/**
 * Carries the session from `withTransaction` to the BEGIN that Prisma sends for it, and no further. Prisma offers no way to
 * pass it, and a statement of its own would cost a round trip. Application code gets its context as an argument.
 */
export const sessionOfBegin = new AsyncLocalStorage<Session>();

/** BEGIN with the session folded in: one round trip. */
export function beginWith(session: Session): string {
  return `BEGIN; SELECT app.enter(${pg.escapeLiteral(JSON.stringify(session))}::jsonb)`;
}
