import { sql } from '@medspa/database';
import type { MiddlewareHandler } from 'hono';
import { ANYBODY, NO_ORGANIZATION, type Ctx } from './context.ts';
import { call } from './doors.ts';
import type { AppEnv } from './http.ts';
import { Problem } from './problem.ts';

/** So many at once, and one more each `everyMillis`. */
export type Pace = { burst: number; everyMillis: number };

/**
 * What an operation is to those who count, one of which each route names. These protect the service from being busy with one
 * caller: each process counts for itself, in memory, per person who is signed in, or per network where nobody is.
 */
const BY_PERSON = {
  /** Ten a second: a desk that opens its day asks for twenty things, and then for one every few seconds. */
  read: { burst: 300, everyMillis: 100 },
  write: { burst: 100, everyMillis: 500 },
  /** Looking people up: what a desk types in a day, and not everybody whom the organization knows. */
  search: { burst: 60, everyMillis: 1_000 },
  /** Much at once, in or out. */
  bulk: { burst: 20, everyMillis: 6_000 },
} as const satisfies Record<string, Pace>;

/**
 * And these protect secrets and people's mailboxes: counted in the database, so that several processes allow no more than one, and
 * per network, since whoever asks is not known yet.
 */
const BY_NETWORK = {
  /** Somebody proves who they are. One that proves right does not count: a clinic behind one address may sign in all at once. */
  'sign-in': { burst: 30, everyMillis: 30_000 },
  /** Something is sent to an address that somebody names. Counts whatever becomes of it. */
  message: { burst: 10, everyMillis: 60_000 },
} as const satisfies Record<string, Pace>;

export type RateClass = keyof typeof BY_PERSON | keyof typeof BY_NETWORK;

/** Everything that comes from one network: above what a clinic does behind one address, below what keeps a process busy. */
const ALL_OF_NETWORK: Pace = { burst: 2_000, everyMillis: 5 };

/** Counters of one process. */
export type RateLimits = {
  /** Throws `too-many-requests` when the network has had its share of requests. */
  takeOfNetwork: (network: string) => void;
  /** Throws `too-many-requests` when this caller has had their share of operations of the class. */
  take: (limit: keyof typeof BY_PERSON, caller: string) => void;
};

/** `factor` times as much as one person needs, for integrations and large places behind one address. */
export function createRateLimits(factor: number, nowMillis: () => number = () => performance.now()): RateLimits {
  const turns = new Turns(nowMillis);
  const scaled = ({ burst, everyMillis }: Pace) => ({ burst: burst * factor, everyMillis: everyMillis / factor });
  const take = (key: string, pace: Pace) => refuseUntil(turns.take(key, scaled(pace)));
  return {
    takeOfNetwork: (network) => take(network, ALL_OF_NETWORK),
    take: (limit, caller) => take(`${limit} ${caller}`, BY_PERSON[limit]),
  };
}

/** What a route of this class passes before its request is read. */
export function limited(limit: RateClass): MiddlewareHandler<AppEnv> {
  if (limit === 'sign-in' || limit === 'message') return limitedByNetwork(limit);
  return async (c, next) => {
    const { actor, organizationId } = c.get('ctx');
    c.get('limits').take(limit, actor.kind === 'anybody' ? c.get('network') : `${organizationId} ${actor.id}`);
    await next();
  };
}

function limitedByNetwork(limit: keyof typeof BY_NETWORK): MiddlewareHandler<AppEnv> {
  const { burst, everyMillis } = BY_NETWORK[limit];
  const every = `${everyMillis} milliseconds`;
  return async (c, next) => {
    const ctx: Ctx = { ...c.get('ctx'), actor: ANYBODY, organizationId: NO_ORGANIZATION };
    const verb = { needs: 'account:sign-in', action: 'limit.take' } as const;
    // Keyed, so that the table tells nobody who was here.
    const key = ctx.codec.blindIndex(
      { organizationId: NO_ORGANIZATION, table: 'rate_limit', column: 'network_key' },
      `${limit} ${c.get('network')}`,
    );
    const { waitMillis } = await call(
      ctx,
      verb,
      (session) =>
        sql<{
          waitMillis: number;
        }>`SELECT app.take_turn(${session}::jsonb, ${key}::bytea, ${burst}::int, ${every}::interval) AS "waitMillis"`,
    );
    refuseUntil(waitMillis);
    await next();
    // A right password of which the second factor is yet to come is no guess either.
    const isRight = c.res.ok || (c.error instanceof Problem && c.error.slug === 'second-factor-required');
    if (limit === 'sign-in' && isRight)
      await call(ctx, verb, (session) => sql`SELECT app.give_turn_back(${session}::jsonb, ${key}::bytea, ${every}::interval)`);
  };
}

function refuseUntil(waitMillis: number): void {
  if (waitMillis > 0) throw new Problem('too-many-requests', { retryAfterSeconds: Math.ceil(waitMillis / 1_000) });
}

/** Callers that are remembered at once; a hundred bytes each. Those who asked least lately are forgotten, and begin anew. */
const MOST_CALLERS = 50_000;

/**
 * Counts by one number a caller: when they will have all of their burst again (the generic cell rate algorithm). Nothing runs in the
 * background, and no window has an edge at which twice as much goes through. `app.take_turn` is the same in SQL.
 */
export class Turns {
  private readonly nowMillis: () => number;
  private readonly wholeAt = new Map<string, number>();

  constructor(nowMillis: () => number) {
    this.nowMillis = nowMillis;
  }

  /** Takes a turn and returns 0, or takes none and returns after how many milliseconds there will be one. */
  take(key: string, { burst, everyMillis }: Pace): number {
    const now = this.nowMillis();
    const wholeAt = Math.max(this.wholeAt.get(key) ?? now, now);
    const wait = wholeAt - now - (burst - 1) * everyMillis;
    if (wait > 0) return wait;
    // Last in the map, so that whoever is first was here least lately.
    this.wholeAt.delete(key);
    this.wholeAt.set(key, wholeAt + everyMillis);
    if (this.wholeAt.size > MOST_CALLERS) this.forget(now);
    return 0;
  }

  /** Forgets whoever has all of their burst again; where they are too many all the same, the first half of them. */
  private forget(now: number): void {
    for (const [key, wholeAt] of this.wholeAt) if (wholeAt <= now) this.wholeAt.delete(key);
    for (const key of this.wholeAt.keys()) {
      if (this.wholeAt.size <= MOST_CALLERS / 2) return;
      this.wholeAt.delete(key);
    }
  }
}
