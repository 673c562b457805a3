import { describe, expect, test } from 'vitest';
import { breaches, judge, type Operation, type Promised, type Stored } from './history.ts';

// Visit 1 was booked and moved, visit 2 was booked and cancelled, a third client was refused.
const at = (hour: number) => `2026-03-03T${String(hour).padStart(2, '0')}:00:00.000Z`;
const operation = (
  key: string,
  verb: Operation['verb'],
  id: string,
  version: number,
  status: string,
  hour: number,
): Operation & { answer: object } => ({
  key,
  verb,
  visitId: verb === 'book' ? null : id,
  outcome: 'ok',
  answer: { id, version, status, startsAt: at(hour) },
  slug: null,
});

function aRun(): { operations: Operation[]; stored: Stored } {
  const operations: Operation[] = [
    operation('k1', 'book', '1', 1, 'booked', 9),
    operation('k2', 'book', '2', 1, 'booked', 10),
    operation('k3', 'reschedule', '1', 2, 'booked', 11),
    operation('k4', 'cancel', '2', 2, 'cancelled', 10),
    { key: 'k5', verb: 'book', visitId: null, outcome: 'refused', answer: null, slug: 'slot-taken' },
  ];
  const history = operations.flatMap(({ verb, answer }) => (answer ? [{ visitId: answer.id, version: answer.version, verb }] : []));
  const visit = (id: string, status: string, hour: number) => ({
    id,
    version: 2,
    status,
    startsAt: at(hour),
    endsAt: at(hour + 1),
    patientId: `patient ${id}`,
    segments: [{ providerId: 'provider', roomId: 'room', startsAt: at(hour), endsAt: at(hour + 1) }],
  });
  return {
    operations,
    stored: {
      visits: [visit('1', 'booked', 11), visit('2', 'cancelled', 10)],
      history,
      claims: ['patient 1', 'provider', 'room'].map((resourceId) => ({ visitId: '1', resourceId, since: at(11), until: at(12) })),
      events: history.map(({ visitId, version, verb }, index) => ({
        stream: 'here',
        sequence: index + 1,
        type: `appointment.${verb}`,
        subjectId: visitId,
        version,
      })),
      replies: operations.flatMap(({ key, answer }) => (answer ? [{ key, visitId: answer.id, version: answer.version }] : [])),
    },
  };
}

test('a history in which everything held is judged well', () => {
  const { operations, stored } = aRun();
  expect(judge(operations, stored)).toEqual(
    expect.objectContaining({ lost: [], doubled: [], unasked: [], overlaps: [], claims: [], events: [], keys: [], refusals: [] }),
  );
});

describe('each breach is found under its name:', () => {
  const third: Stored['visits'][number] = {
    id: '3',
    version: 1,
    status: 'booked',
    startsAt: '2026-03-03T11:30:00.000Z',
    endsAt: at(13),
    patientId: 'patient 3',
    segments: [{ providerId: 'provider', roomId: 'room 2', startsAt: '2026-03-03T11:30:00.000Z', endsAt: at(13) }],
  };
  test.each<[name: string, broken: Promised, breakIt: (run: ReturnType<typeof aRun>) => void]>([
    ['an acknowledged visit is gone', 'lost', ({ stored }) => void stored.visits.splice(0, 1)],
    ['an acknowledged change is gone', 'lost', ({ stored }) => void stored.history.splice(2, 1)],
    ['a visit is not what was acknowledged', 'lost', ({ stored }) => Object.assign(stored.visits[1] ?? {}, { status: 'booked' })],
    ['a visit is at another time', 'lost', ({ stored }) => Object.assign(stored.visits[0] ?? {}, { startsAt: at(9) })],
    ['a change was answered with another visit', 'lost', ({ operations }) => Object.assign(operations[2] ?? {}, { visitId: '2' })],
    [
      'two clients were given the same visit',
      'doubled',
      ({ operations }) => void operations.push(operation('k6', 'book', '1', 1, 'booked', 9)),
    ],
    ['a visit that nobody was told of', 'unasked', ({ stored }) => void stored.history.push({ visitId: '3', version: 1, verb: 'book' })],
    ['a provider in two places', 'overlaps', ({ stored }) => void stored.visits.push(third)],
    [
      'a patient in two places',
      'overlaps',
      ({ stored }) =>
        void stored.visits.push({
          ...third,
          patientId: 'patient 1',
          segments: third.segments.map((segment) => ({ ...segment, providerId: 'other' })),
        }),
    ],
    ['a claim is missing', 'claims', ({ stored }) => void stored.claims.pop()],
    [
      'a claim of a cancelled visit',
      'claims',
      ({ stored }) => void stored.claims.push({ visitId: '2', resourceId: 'room', since: at(10), until: at(11) }),
    ],
    ['a claim twice', 'claims', ({ stored }) => void stored.claims.push(...stored.claims.slice(0, 1))],
    ['a gap in the events', 'events', ({ stored }) => Object.assign(stored.events[3] ?? {}, { sequence: 5 })],
    ['an event is missing', 'events', ({ stored }) => void stored.events.pop()],
    [
      'an event twice',
      'events',
      ({ stored }) => void stored.events.push({ stream: 'here', sequence: 5, type: 'appointment.book', subjectId: '1', version: 1 }),
    ],
    ['a key with two effects', 'keys', ({ stored }) => void stored.replies.push({ key: 'k1', visitId: '2', version: 1 })],
    ['a change under two keys', 'keys', ({ stored }) => void stored.replies.push({ key: 'k9', visitId: '2', version: 1 })],
    ['an answer is not kept', 'keys', ({ stored }) => void stored.replies.pop()],
    ['an answer without an effect', 'keys', ({ stored }) => void stored.replies.push({ key: 'k9', visitId: '9', version: 1 })],
    ['a refusal that nobody caused', 'refusals', ({ operations }) => Object.assign(operations[4] ?? {}, { slug: 'stale-version' })],
  ])('%s', (_name, broken, breakIt) => {
    const run = aRun();
    breakIt(run);
    expect(judge(run.operations, run.stored)[broken]).not.toEqual([]);
  });
});

test('a client that gave up may have written once, and once only', () => {
  const { operations, stored } = aRun();
  operations.push({ key: 'k6', verb: 'book', visitId: null, outcome: 'unknown', answer: null, slug: null });
  const write = (id: string) => {
    stored.history.push({ visitId: id, version: 1, verb: 'book' });
    stored.events.push({ stream: 'here', sequence: stored.events.length + 1, type: 'appointment.book', subjectId: id, version: 1 });
    stored.replies.push({ key: id, visitId: id, version: 1 });
  };
  write('3');
  expect(breaches(judge(operations, stored))).toBe(0);
  write('4');
  expect(judge(operations, stored).unasked).toHaveLength(1);
});
