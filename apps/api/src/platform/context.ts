import type { Permission } from '@medspa/contracts';
import type { Codec, Database, Session } from '@medspa/database';
import type { Breaker } from './breaker.ts';
import { Problem } from './problem.ts';

/** Who acts. Everything that is done or read is recorded under this id. */
export type Actor = { kind: 'staff' | 'patient' | 'job'; id: string; permissions: ReadonlySet<Permission> };

/** The request of a client that may repeat it, as its Idempotency-Key and body say. */
export type RepeatableRequest = { route: string; key: string; bodyHash: string };

/** What every service function is given first. Never ambient: a function that needs it says so. */
export type Ctx = {
  database: Database;
  codec: Codec;
  /** Keeps callers from a database that is down or overrun. */
  breaker: Breaker['policy'];
  organizationId: string;
  actor: Actor;
  requestId: string;
  now: () => Date;
  repeatable?: RepeatableRequest;
};

/** Throws `not-permitted` unless the actor holds the permission. The first thing that both doors do. */
export function demand(ctx: Ctx, permission: Permission): void {
  if (!ctx.actor.permissions.has(permission)) throw new Problem('not-permitted');
}

/** What the database is told about the context. */
export function sessionOf(ctx: Ctx, action: string): Session {
  return {
    organizationId: ctx.organizationId,
    actorKind: ctx.actor.kind,
    actorId: ctx.actor.id,
    requestId: ctx.requestId,
    action,
    now: ctx.now(),
  };
}
