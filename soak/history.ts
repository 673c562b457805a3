// What clients saw, held against what the database has after the run. Pure: it is the judge of every fault run.

export type Verb = 'book' | 'reschedule' | 'cancel';

/** A visit as an answer or the database tells of it. */
export type Visit = { id: string; version: number; status: string; startsAt: string };

/**
 * One thing that a client wanted. It was asked for under one key until there was an answer: `ok` with the visit as it then
 * was, `refused` with the problem's name, or `unknown` when the client gave up.
 */
export type Operation = {
  key: string;
  verb: Verb;
  /** Of a change: the visit that it was about. */
  visitId: string | null;
  outcome: 'ok' | 'refused' | 'unknown';
  answer: Visit | null;
  slug: string | null;
};

export type StoredVisit = Visit & {
  endsAt: string;
  patientId: string;
  segments: { providerId: string; roomId: string | null; startsAt: string; endsAt: string }[];
};

/** Every row that a visit leaves behind. Instants are ISO text of one form. */
export type Stored = {
  visits: StoredVisit[];
  history: { visitId: string; version: number; verb: string }[];
  claims: { visitId: string | null; resourceId: string; since: string; until: string }[];
  events: { stream: string; sequence: number; type: string; subjectId: string; version: number }[];
  replies: { key: string; visitId: string; version: number }[];
};

/** Each promise, with a sentence for every breach of it. */
export type Judgement = Record<Promised, string[]>;
export type Promised = 'lost' | 'doubled' | 'unasked' | 'overlaps' | 'claims' | 'events' | 'keys' | 'refusals';

export const PROMISES: Record<Promised, string> = {
  lost: 'every acknowledged write is stored, once, with the id and version that the client was told',
  doubled: 'no two operations were answered with the same visit and version',
  unasked: 'nothing is stored that no client was told of after its retries',
  overlaps: 'no two live visits overlap for a provider, room or patient',
  claims: 'claims are exactly those of the live visits',
  events: 'the events of a location have no gap, and each change has exactly one',
  keys: 'each idempotency key has one effect, the one that was answered',
  refusals: 'nobody was refused for a reason that the workload cannot have caused',
};

const FREE = new Set(['cancelled', 'no_show']);
/** What honest clients of this workload are refused for: somebody else has the time. */
const HONEST = new Set(['slot-taken']);

export function judge(operations: Operation[], stored: Stored): Judgement {
  const done = operations.filter((operation) => operation.outcome === 'ok');
  const live = stored.visits.filter(({ status }) => !FREE.has(status));
  return {
    lost: lostOf(done, stored),
    doubled: repeated(done.map(({ answer }) => changeOf(answer?.id, answer?.version))).map((change) => `${change} was answered twice`),
    unasked: unaskedOf(operations, stored),
    overlaps: overlapsOf(live),
    claims: difference('claim', wantedClaims(live), stored.claims.map(claimText)),
    events: eventsOf(stored),
    keys: keysOf(done, stored),
    refusals: operations.flatMap(({ verb, outcome, slug }) =>
      outcome === 'refused' && !HONEST.has(slug ?? '') ? [`${verb} was refused: ${slug}`] : [],
    ),
  };
}

/** One number over all promises. */
export function breaches(judgement: Judgement): number {
  return Object.values(judgement).reduce((sum, sentences) => sum + sentences.length, 0);
}

function changeOf(id = '', version = 0): string {
  return `${id} v${version}`;
}

function lostOf(done: Operation[], { visits, history }: Stored): string[] {
  const byId = new Map(visits.map((visit) => [visit.id, visit]));
  const changes = new Set(history.map(({ visitId, version, verb }) => `${changeOf(visitId, version)} ${verb}`));
  const latest = new Map<string, Visit>();
  const gone = done.flatMap(({ verb, answer, visitId }) => {
    if (!answer) return [`${verb} was acknowledged without a visit`];
    if (visitId !== null && visitId !== answer.id) return [`${verb} of ${visitId} was answered with ${answer.id}`];
    if ((latest.get(answer.id)?.version ?? 0) < answer.version) latest.set(answer.id, answer);
    return byId.has(answer.id) && changes.has(`${changeOf(answer.id, answer.version)} ${verb}`)
      ? []
      : [`${verb} of ${changeOf(answer.id, answer.version)} was acknowledged and is not stored`];
  });
  const different = [...latest.values()].flatMap((answer) => {
    const visit = byId.get(answer.id);
    const isSame = !visit || visit.version > answer.version || (visit.status === answer.status && visit.startsAt === answer.startsAt);
    return isSame ? [] : [`${changeOf(answer.id, answer.version)} was acknowledged as ${answer.status} and is ${visit.status}`];
  });
  return [...gone, ...different];
}

/** Changes that nobody was told of. A client that gave up cannot know: one change of that kind and visit may be its. */
function unaskedOf(operations: Operation[], { history }: Stored): string[] {
  const told = new Set(operations.flatMap(({ answer }) => (answer ? [changeOf(answer.id, answer.version)] : [])));
  const open = operations.filter(({ outcome }) => outcome === 'unknown');
  return history.flatMap(({ visitId, version, verb }) => {
    if (told.has(changeOf(visitId, version))) return [];
    const mine = open.findIndex((operation) => operation.verb === verb && (operation.visitId ?? visitId) === visitId);
    if (mine >= 0) open.splice(mine, 1);
    return mine >= 0 ? [] : [`${verb} of ${changeOf(visitId, version)} is stored and nobody was told`];
  });
}

function overlapsOf(live: StoredVisit[]): string[] {
  const taken = new Map<string, { id: string; since: string; until: string }[]>();
  const take = (resource: string | null, id: string, since: string, until: string) => {
    if (resource) taken.set(resource, [...(taken.get(resource) ?? []), { id, since, until }]);
  };
  for (const visit of live) {
    take(visit.patientId, visit.id, visit.startsAt, visit.endsAt);
    for (const { providerId, roomId, startsAt, endsAt } of visit.segments) {
      take(providerId, visit.id, startsAt, endsAt);
      take(roomId, visit.id, startsAt, endsAt);
    }
  }
  return [...taken].flatMap(([resource, stretches]) => {
    let last: (typeof stretches)[number] | null = null;
    return stretches
      .toSorted((a, b) => a.since.localeCompare(b.since))
      .flatMap((stretch) => {
        const before = last;
        if (!last || stretch.until > last.until) last = stretch;
        return before && before.until > stretch.since && before.id !== stretch.id
          ? [`${before.id} and ${stretch.id} have ${resource} at the same time`]
          : [];
      });
  });
}

/** The clinics of fault runs have no buffers: who is needed is needed from the start to the end of a segment. */
function wantedClaims(live: StoredVisit[]): string[] {
  return live.flatMap(({ id, patientId, startsAt, endsAt, segments }) => [
    claimText({ visitId: id, resourceId: patientId, since: startsAt, until: endsAt }),
    ...segments.flatMap(({ providerId, roomId, ...segment }) =>
      [providerId, ...(roomId ? [roomId] : [])].map((resourceId) =>
        claimText({ visitId: id, resourceId, since: segment.startsAt, until: segment.endsAt }),
      ),
    ),
  ]);
}

function claimText({ visitId, resourceId, since, until }: Stored['claims'][number]): string {
  return `${visitId} ${resourceId} ${since} ${until}`;
}

function eventsOf({ events, history }: Stored): string[] {
  const streams = Map.groupBy(events, ({ stream }) => stream);
  const gaps = [...streams].flatMap(([stream, list]) =>
    list
      .toSorted((a, b) => a.sequence - b.sequence)
      .flatMap(({ sequence }, index) => (sequence === index + 1 ? [] : [`${stream} has ${sequence} in place ${index + 1}`]))
      .slice(0, 1),
  );
  const wanted = history.map(({ visitId, version, verb }) => `appointment.${verb} ${changeOf(visitId, version)}`);
  return [
    ...gaps,
    ...difference(
      'event',
      wanted,
      events.map(({ type, subjectId, version }) => `${type} ${changeOf(subjectId, version)}`),
    ),
  ];
}

function keysOf(done: Operation[], { replies, history }: Stored): string[] {
  const byKey = new Map(replies.map((reply) => [reply.key, changeOf(reply.visitId, reply.version)]));
  const changes = new Set(history.map(({ visitId, version }) => changeOf(visitId, version)));
  return [
    ...repeated(replies.map(({ key }) => key)).map((key) => `${key} is kept twice`),
    ...repeated([...byKey.values()]).map((change) => `${change} is kept under two keys`),
    ...[...byKey].flatMap(([key, change]) => (changes.has(change) ? [] : [`${key} has an answer without its effect`])),
    ...done.flatMap(({ key, answer }) => {
      const kept = byKey.get(key);
      return kept === changeOf(answer?.id, answer?.version) ? [] : [`${key} was answered otherwise than it is kept: ${kept ?? 'nothing'}`];
    }),
  ];
}

/** What is missing and what is too much, as sentences. */
function difference(what: string, wanted: string[], found: string[]): string[] {
  const [want, have] = [new Set(wanted), new Set(found)];
  return [
    ...[...want].flatMap((entry) => (have.has(entry) ? [] : [`a ${what} is missing: ${entry}`])),
    ...[...have].flatMap((entry) => (want.has(entry) ? [] : [`a ${what} is too much: ${entry}`])),
    ...repeated(found).map((entry) => `a ${what} is there twice: ${entry}`),
  ];
}

function repeated(values: string[]): string[] {
  const seen = new Set<string>();
  return values.filter((value) => seen.has(value) || !seen.add(value));
}
