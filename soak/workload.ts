import { randomUUID } from 'node:crypto';
import { Agent } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Ground } from './ground.ts';
import { Chance } from '@medspa/practice-data';
import type { Operation, Verb, Visit } from './history.ts';
import { send, type Reply } from './http.ts';

const SLOTS_PER_DAY = 24;
const DAYS = 300;
const SLOT_MILLIS = 1_800_000;
/** One in so many bookings wants a slot that others want now. */
const WANTED_BY_ALL = 4;
/** After the end clients have this long to hear how their last operation went. */
const GRACE_MILLIS = 45_000;

export type LoadOptions = {
  url: string;
  seed: number;
  clients: number;
  /** The control: a client that makes a new key for every try of the same operation. */
  newKeyPerTry?: boolean;
};

/** What the clients did, with when: milliseconds of `performance.now()`. */
type Done = Operation & { firstSentAt: number; lastSentAt: number; answeredAt: number; tries: number };

export type Load = {
  done: Done[];
  /** Answers that no honest service gives: 500, 501, ... */
  faults: number[];
  /** How often a try ended without an answer, or with one that asks to come again. */
  counts: { broken: number; busy: number; slowestMillis: number };
  /** Clients begin nothing new, and hear how their last operation went. */
  stop: () => Promise<void>;
};

/**
 * Clients that book, move and cancel, each waiting for its answer before the next request. They are good clients: a request
 * without an answer, and one that is told to come later, is sent again under the same Idempotency-Key after a growing pause,
 * or the one that Retry-After asks for, until there is an answer.
 */
export function startLoad({ clinic, patientIds, signedIn }: Ground, options: LoadOptions): Load {
  const load: Load = { done: [], faults: [], counts: { broken: 0, busy: 0, slowestMillis: 0 }, stop: () => Promise.resolve() };
  let begun = 0;
  let endsAt = Number.POSITIVE_INFINITY;
  const tomorrow = (Math.floor(Date.now() / 86_400_000) + 1) * 86_400_000;

  async function work(client: number): Promise<void> {
    const chance = new Chance(options.seed * 1_000 + client);
    const agent = new Agent({ keepAlive: true, maxSockets: 1 });
    const mine: Visit[] = [];
    while (performance.now() < endsAt) {
      begun++;
      const changed = mine.length > 2 && chance.happens(0.35) ? mine.splice(chance.integer(0, mine.length - 1), 1)[0] : undefined;
      const verb: Verb = changed ? (chance.happens(0.5) ? 'reschedule' : 'cancel') : 'book';
      const operation = await settle(chance, agent, verb, changed ?? null);
      load.done.push(operation);
      if (operation.outcome === 'ok' && operation.answer && verb !== 'cancel') mine.push(operation.answer);
      if (operation.outcome === 'refused' && changed) mine.push(changed);
    }
    agent.destroy();
  }

  function startOf(chance: Chance): { index: number; startsAt: string } {
    const index = chance.happens(1 / WANTED_BY_ALL)
      ? (Math.floor(begun / 16) * 7_919) % (DAYS * SLOTS_PER_DAY * clinic.providerIds.length)
      : chance.integer(0, DAYS * SLOTS_PER_DAY * clinic.providerIds.length - 1);
    const time = Math.floor(index / clinic.providerIds.length);
    const [day, slot] = [Math.floor(time / SLOTS_PER_DAY), time % SLOTS_PER_DAY];
    return { index, startsAt: new Date(tomorrow + day * 86_400_000 + 8 * 3_600_000 + slot * SLOT_MILLIS).toISOString() };
  }

  function requestOf(chance: Chance, verb: Verb, visit: Visit | null): { path: string; body: string } {
    const { locationId, serviceId, providerIds } = clinic;
    const { index, startsAt } = startOf(chance);
    if (verb === 'cancel')
      return { path: `/v1/appointments/${visit?.id}/cancel`, body: JSON.stringify({ reason: 'patient_request', version: visit?.version }) };
    if (verb === 'reschedule')
      return {
        path: `/v1/appointments/${visit?.id}/reschedule`,
        body: JSON.stringify({ startsAt, reason: 'patient_request', version: visit?.version }),
      };
    const services = [{ serviceId, providerId: providerIds[index % providerIds.length] }];
    return { path: '/v1/appointments', body: JSON.stringify({ locationId, patientId: chance.pick(patientIds), startsAt, services }) };
  }

  async function settle(chance: Chance, agent: Agent, verb: Verb, visit: Visit | null): Promise<Done> {
    const { path, body } = requestOf(chance, verb, visit);
    const firstSentAt = performance.now();
    let key = randomUUID();
    for (let tries = 1; ; tries++) {
      const lastSentAt = performance.now();
      const reply = await send(`${options.url}${path}`, {
        method: 'POST',
        body,
        headers: { ...signedIn, 'idempotency-key': key },
        agent,
      }).catch(() => null);
      const answeredAt = performance.now();
      load.counts.slowestMillis = Math.max(load.counts.slowestMillis, answeredAt - lastSentAt);
      const end = { key, verb, visitId: visit?.id ?? null, firstSentAt, lastSentAt, answeredAt, tries };
      if (reply && reply.status < 500) return { ...end, ...outcomeOf(reply) };
      if (!reply) load.counts.broken++;
      else if (reply.status > 501) load.counts.busy++;
      else load.faults.push(reply.status);
      if (answeredAt > endsAt + GRACE_MILLIS) return { ...end, outcome: 'unknown', answer: null, slug: null };
      const pause = reply?.retryAfter ? reply.retryAfter * 1_000 : Math.min(1_000, 40 * 2 ** tries) * (0.5 + chance.next() / 2);
      await sleep(pause);
      if (options.newKeyPerTry) key = randomUUID();
    }
  }

  const working = Promise.all(Array.from({ length: options.clients }, (_, client) => work(client)));
  // A client that throws is a mistake of this file: whoever stops the load hears of it.
  working.catch(() => {});
  load.stop = async () => {
    endsAt = performance.now();
    await working;
  };
  return load;
}

function outcomeOf({ status, body }: Reply): Pick<Operation, 'outcome' | 'answer' | 'slug'> {
  const told = JSON.parse(body) as Visit & { slug?: string };
  if (status >= 400) return { outcome: 'refused', answer: null, slug: told.slug ?? String(status) };
  const { id, version, startsAt } = told;
  return { outcome: 'ok', answer: { id, version, status: told.status, startsAt: new Date(startsAt).toISOString() }, slug: null };
}
