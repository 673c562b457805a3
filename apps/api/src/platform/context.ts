import { grant, NEEDS_STEP_UP, PATIENT_GRANTS, type Grants, type Permission } from '@medspa/contracts';
import { NO_ORGANIZATION, type Codec, type Database, type Session } from '@medspa/database';
import type { Policy } from './breaker.ts';
import { Problem } from './problem.ts';

/** Who acts, and what they may do where. Everything that is done or read is recorded under this id. */
export type Actor = {
  kind: 'staff' | 'patient' | 'proxy' | 'kiosk' | 'shared-device' | 'integration' | 'job' | 'provider' | 'anybody';
  id: string;
  grants: Grants;
  /** The patients whose rows the actor may see and write; all where it is absent. */
  patients?: readonly string[];
  /** Of a patient who is signed in: those whom they may stand in for. */
  standsInFor?: readonly string[];
};

/** Whoever has not said yet who they are, and all that they may do. */
export const ANYBODY: Actor = {
  kind: 'anybody',
  id: '00000000-0000-7000-8000-000000000003',
  grants: grant(['account:sign-in']),
};

export { NO_ORGANIZATION };

/** A patient, about themselves alone. */
export function patientActor(id: string, standsInFor: readonly string[] = []): Actor {
  return { kind: 'patient', id, grants: PATIENT_GRANTS, patients: [id], standsInFor };
}

/**
 * The session that a request came in, and when its person last proved who they are. Whoever has to set up a second factor first
 * (HIP-8) may do nothing else meanwhile.
 */
export type SignInState = { sessionId: string; steppedUpAt: Date; mustEnrol: boolean };

/** How long a proof counts as fresh. */
const STEP_UP_MINUTES = 5;

/** The request of a client that may repeat it, as its Idempotency-Key and body say. */
export type RepeatableRequest = { route: string; key: string; bodyHash: string };

/** What every service function is given first. Never ambient: a function that needs it says so. */
export type Ctx = {
  database: Database;
  codec: Codec;
  /** Keeps callers from a database that is down or overrun. */
  breaker: Policy;
  organizationId: string;
  actor: Actor;
  /** Absent where nobody signed in: in jobs, in what a provider reports. */
  signIn?: SignInState;
  requestId: string;
  now: () => Date;
  repeatable?: RepeatableRequest;
  /** Why, where the actor has to say it; recorded with everything that is done and read. No patient's data. */
  reason?: string;
};

/** The session of the request. Throws `not-authenticated` where nobody signed in. */
export function sessionIdOf({ signIn }: Pick<Ctx, 'signIn'>): string {
  if (!signIn) throw new Problem('not-authenticated');
  return signIn.sessionId;
}

/**
 * Throws `not-permitted` unless the actor holds the permission, `enrol-second-factor` where it reaches beyond the account of
 * somebody who has no second factor yet, and `step-up-required` where it also wants a fresh proof of who acts. The first thing that
 * both doors do.
 */
export function demand(ctx: Ctx, permission: Permission): void {
  if (!ctx.actor.grants.has(permission)) throw new Problem('not-permitted');
  if (ctx.signIn?.mustEnrol && !permission.startsWith('account:')) throw new Problem('enrol-second-factor');
  if (!NEEDS_STEP_UP.has(permission)) return;
  const provedAt = ctx.signIn?.steppedUpAt.getTime() ?? Number.NEGATIVE_INFINITY;
  if (ctx.now().getTime() - provedAt > STEP_UP_MINUTES * 60_000) throw new Problem('step-up-required');
}

/**
 * Loads what seals and opens for the organization, where it is not in memory: before anything of a request or a job. The doors do
 * it as well, for work that turns to another organization on its way.
 */
export async function loadKeys({ breaker, codec }: Pick<Ctx, 'breaker' | 'codec'>, organizationId: string): Promise<void> {
  if (!codec.isReady(organizationId)) await breaker.execute(() => codec.prepare(organizationId));
}

/** What the database is told about the context: also which rows there are for the actor, as far as the permission reaches. */
export function sessionOf(ctx: Ctx, { needs, action }: { needs: Permission; action: string }): Session {
  const scope = ctx.actor.grants.get(needs) ?? [];
  return {
    organizationId: ctx.organizationId,
    actorKind: ctx.actor.kind,
    actorId: ctx.actor.id,
    requestId: ctx.requestId,
    action,
    now: ctx.now(),
    locations: scope === 'everywhere' ? null : scope,
    patients: ctx.actor.patients ?? null,
    ...(ctx.reason === undefined ? {} : { reason: ctx.reason }),
  };
}
