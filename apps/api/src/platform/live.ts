import type { Permission } from '@medspa/contracts';
import { demand, type Ctx } from './context.ts';
import type { FindActor } from './edge.ts';
import { eventText, HEARTBEAT, openEventStream, type EventStream } from './event-stream.ts';
import { errorFields, type Log } from './log.ts';
import type { Metrics, StreamEnd } from './metrics.ts';
import { Problem } from './problem.ts';

// Tells what happens at locations to whoever listens, as it happens: one reader for all of a process, which looks at the database again
// and again while somebody listens. Nobody has to be told by whoever writes (a NOTIFY makes commits wait for each other), and it is the
// same for one process and for many. Streams hold no connection of the pool and no place before it.

/** Where something happens. */
export type Place = { organizationId: string; locationId: string };
/** What happened there, in its documented form. */
export type Happened = Place & { event: { sequence: number; at: string } };
/** Reads what happened at each place after a number, in order of the numbers of each. */
type ReadSince = (places: (Place & { after: number })[]) => Promise<Happened[]>;

/** Where somebody begins to listen. */
export type Beginning = {
  /** Null for whoever may ask and has nothing to hear. */
  place: Place | null;
  /** The last event that they know of. */
  after: number;
  /** Whether they have to read again what there is, since nobody tells what they missed. */
  isToReload: boolean;
};

/** Who listens, and what ends their connection at once. */
type Listener = { ctx: Ctx; headers: Headers; operation: string; drop: () => void };

export type Live = {
  /** Follows a place until the client leaves, or may not any more. Throws `too-many-requests`, `overloaded`, `unavailable`. */
  follow: (listener: Listener, beginning: Beginning) => ReadableStream<Uint8Array>;
  /** Ends all streams; whoever comes later is refused. */
  stop: () => Promise<void>;
};

export type LiveOptions = {
  /** Between two looks. */
  lookMillis?: number;
  /** Between two times of asking whether somebody still may. */
  askMillis?: number;
  /** A stream of which nobody could say it for so long ends, whatever kept us from asking (HIP-2: a minute). */
  trustMillis?: number;
  /** A stream on which nothing was sent for this long is sent a heartbeat. Below what drops a silent connection (server.ts). */
  heartbeatMillis?: number;
  /** Streams of this process, and of one person. */
  most?: number;
  mostOfOne?: number;
};

export type LiveParts = {
  needs: Permission;
  read: ReadSince;
  findActor: FindActor;
  now: () => Date;
  metrics: Pick<Metrics, 'live'>;
  log: Pick<Log, 'error'>;
};

type Follower = Beginning & {
  who: string;
  stream: EventStream;
  drop: () => void;
  isAllowed: () => Promise<boolean>;
  beganAt: number;
  allowedAt: number;
  sentAt: number;
};

/** The reader of a process, and all who listen to it. */
export function openLive(parts: LiveParts, options: LiveOptions = {}): Live {
  const { needs, read, findActor, now, metrics, log } = parts;
  const { lookMillis = 500, askMillis = 15_000, trustMillis = 30_000, heartbeatMillis = 15_000, most = 500, mostOfOne = 10 } = options;
  const followers = new Set<Follower>();
  let timer: NodeJS.Timeout | undefined;
  let looking = Promise.resolve();
  let asking: Promise<void> | undefined;
  let isStopped = false;
  let isFailing = false;

  function follow({ ctx, headers, operation, drop }: Listener, beginning: Beginning): ReadableStream<Uint8Array> {
    const who = `${ctx.organizationId} ${ctx.actor.id}`;
    if (isStopped) throw new Problem('unavailable');
    if (followers.size >= most) throw new Problem('overloaded');
    const own = [...followers].filter((one) => one.who === who).length;
    if (own >= mostOfOne) throw new Problem('too-many-requests', { retryAfterSeconds: trustMillis / 1_000 });
    const asked = new Headers(headers);
    // Asking whether somebody is still there must not keep them there.
    asked.set('accept', 'text/event-stream');
    const since = performance.now();
    const follower: Follower = {
      ...beginning,
      who,
      drop,
      isAllowed: () => isAllowed(ctx, beginning.place, () => findActor(asked, operation)),
      beganAt: now().getTime(),
      allowedAt: since,
      sentAt: since,
      stream: openEventStream({ opened: () => begin(follower), gone: () => forget(follower, 'left') }),
    };
    return follower.stream.body;
  }

  function begin(follower: Follower): void {
    if (isStopped) return follower.stream.end();
    followers.add(follower);
    metrics.live.streams(followers.size);
    if (follower.isToReload) send(follower, eventText('reload', follower.after, '{}'));
    timer ??= lookLater();
  }

  function lookLater(): NodeJS.Timeout {
    return setTimeout(() => {
      looking = look();
    }, lookMillis);
  }

  /** The same person, who may still do it there. */
  async function isAllowed(ctx: Ctx, place: Place | null, find: () => ReturnType<FindActor>): Promise<boolean> {
    const found = await find();
    if (found?.actor.id !== ctx.actor.id) return false;
    demand({ ...ctx, ...found }, needs);
    if (!place) return true;
    const scope = found.actor.grants.get(needs) ?? [];
    return !found.actor.patients && (scope === 'everywhere' || scope.includes(place.locationId));
  }

  /** Looks once, and again after a while as long as somebody listens. */
  async function look(): Promise<void> {
    const time = performance.now();
    for (const one of followers) if (time - one.allowedAt >= trustMillis) end(one, 'not-allowed');
    asking ??= askAll().finally(() => (asking = undefined));
    try {
      const places = placesOf(followers);
      if (places.size > 0) tell(places, await read([...places.values()]));
      isFailing = false;
    } catch (error) {
      // Said once until it works again: whoever looks twice a second would fill the log.
      if (!isFailing) log.error('live calendar', errorFields(error));
      isFailing = true;
    }
    for (const one of followers) if (performance.now() - one.sentAt >= heartbeatMillis) send(one, HEARTBEAT);
    timer = followers.size > 0 ? lookLater() : undefined;
  }

  /** One after the other: however many listen, this takes one connection. Whoever cannot be found out about is not believed. */
  async function askAll(): Promise<void> {
    for (const one of followers) {
      const askedAt = performance.now();
      if (askedAt - one.allowedAt < askMillis) continue;
      if (await one.isAllowed().catch(() => false)) one.allowedAt = askedAt;
      else end(one, 'not-allowed');
    }
  }

  /** `places` are those that were read, and from where. */
  function tell(places: Places, happened: readonly Happened[]): void {
    const byPlace = Map.groupBy(happened, keyOf);
    const texts = new Map(happened.map((one) => [one, eventText('change', one.event.sequence, JSON.stringify(one.event))]));
    for (const follower of followers) {
      if (!follower.place) continue;
      const key = keyOf(follower.place);
      // Whoever came during the read, and knows less than it began with, waits for the next one.
      if (follower.after < (places.get(key)?.after ?? Infinity)) continue;
      for (const one of byPlace.get(key) ?? []) {
        const { sequence, at } = one.event;
        if (sequence <= follower.after) continue;
        // Numbers have no gaps: what is missing is kept no longer.
        const isNext = sequence === follower.after + 1;
        follower.after = sequence;
        if (!send(follower, isNext ? (texts.get(one) ?? '') : eventText('reload', sequence, '{}'))) break;
        // What somebody catches up with is late on their side.
        if (Date.parse(at) >= follower.beganAt) metrics.live.told((now().getTime() - Date.parse(at)) / 1_000);
      }
    }
  }

  /** False when the follower was too slow, and is gone. */
  function send(follower: Follower, text: string): boolean {
    follower.sentAt = performance.now();
    if (follower.stream.send(text)) return true;
    end(follower, 'slow');
    follower.drop();
    return false;
  }

  function end(follower: Follower, why: StreamEnd): void {
    if (forget(follower, why)) follower.stream.end();
  }

  function forget(follower: Follower, why: StreamEnd): boolean {
    if (!followers.delete(follower)) return false;
    metrics.live.streams(followers.size);
    metrics.live.ended(why);
    return true;
  }

  async function stop(): Promise<void> {
    isStopped = true;
    for (const one of followers) end(one, 'stopped');
    clearTimeout(timer);
    await Promise.all([looking, asking]);
  }
  return { follow, stop };
}

function keyOf({ organizationId, locationId }: Place): string {
  return `${organizationId} ${locationId}`;
}

/** By their keys, and from which number on. */
type Places = Map<string, Place & { after: number }>;

/** Each place once, from the first number that somebody does not know of. */
function placesOf(followers: Iterable<Follower>): Places {
  const places: Places = new Map();
  for (const { place, after } of followers) {
    if (!place) continue;
    const known = places.get(keyOf(place));
    if (!known || known.after > after) places.set(keyOf(place), { ...place, after });
  }
  return places;
}
