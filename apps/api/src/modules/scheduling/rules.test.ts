import { APPOINTMENT_ACTIONS, APPOINTMENT_STATUSES } from '@medspa/contracts';
import { describe, expect, test } from 'vitest';
import { alternativesWindow, dayAfter, findAlternatives, localDateOf, mondayOf, resolveWhen } from './rules.ts';

describe('a local time', () => {
  test('is read in the zone of the location, whatever the zone of the machine', () => {
    expect(resolveWhen({ local: '2026-07-01T10:00' }, 'America/New_York')).toEqual({ instant: new Date('2026-07-01T14:00:00Z') });
    expect(resolveWhen({ local: '2026-01-15T10:00' }, 'America/New_York')).toEqual({ instant: new Date('2026-01-15T15:00:00Z') });
    expect(resolveWhen({ local: '2026-01-15T10:00' }, 'Pacific/Auckland')).toEqual({ instant: new Date('2026-01-14T21:00:00Z') });
  });

  test('that spring skips is refused, as is one that autumn repeats', () => {
    expect(resolveWhen({ local: '2027-03-14T02:30' }, 'America/New_York')).toEqual({ slug: 'local-time-skipped' });
    expect(resolveWhen({ local: '2026-11-01T01:30' }, 'America/New_York')).toEqual({ slug: 'local-time-repeated' });
    expect(resolveWhen({ local: '2026-10-04T02:15' }, 'Australia/Lord_Howe')).toEqual({ slug: 'local-time-skipped' });
    expect(resolveWhen({ local: '2027-03-14T03:00' }, 'America/New_York')).toEqual({ instant: new Date('2027-03-14T07:00:00Z') });
  });

  test('given as an instant is taken as it is, also in a repeated hour', () => {
    const instant = new Date('2026-11-01T05:30:00Z');
    expect(resolveWhen({ instant }, 'America/New_York')).toEqual({ instant });
  });
});

describe('dates', () => {
  test('are those of the zone, on both sides of midnight', () => {
    expect(localDateOf(new Date('2026-03-02T02:00:00Z'), 'America/New_York')).toBe('2026-03-01');
    expect(localDateOf(new Date('2026-03-02T12:00:00Z'), 'Pacific/Auckland')).toBe('2026-03-03');
  });

  test('a rotation begins on the Monday of its first week', () => {
    expect(mondayOf('2026-11-22')).toBe('2026-11-16');
    expect(mondayOf('2026-11-16')).toBe('2026-11-16');
    expect(dayAfter('2026-12-31')).toBe('2027-01-01');
  });

  test('the window of alternatives holds the local day of the wanted time in every zone', () => {
    const wanted = new Date('2026-06-10T23:30:00Z');
    const { from, until } = alternativesWindow(wanted);
    for (const zone of ['Pacific/Kiritimati', 'Pacific/Niue', 'UTC']) {
      const day = localDateOf(wanted, zone);
      expect(day >= from && day < until, zone).toBe(true);
    }
  });
});

describe('alternatives', () => {
  const at = (time: string) => Date.parse(`2026-06-10T${time}:00Z`) / 60_000;
  const wantedAt = new Date('2026-06-10T10:00:00Z');
  const starts = (providerId: string, ...times: string[]) => ({
    providerId,
    openings: times.map((time): [number, number, number] => [at(time), at(time), 30]),
  });
  const ann = { serviceId: 's', providerId: 'ann' };

  test('are the three nearest, the wanted provider before another one that is a little closer', () => {
    const providers = [starts('ann', '09:00', '10:30', '15:00'), starts('bob', '10:15', '16:00')];
    const found = findAlternatives([ann], [{ gapMinutes: 0, providers }], wantedAt);
    expect(found.map(({ startsAt, services }) => [startsAt.toISOString().slice(11, 16), services[0]?.providerId])).toEqual([
      ['10:30', 'ann'],
      ['09:00', 'ann'],
      ['10:15', 'bob'],
    ]);
  });

  test('offer the wanted time itself where it is open: only the room that was named is taken', () => {
    const providers = [starts('ann', '10:00'), starts('bob', '10:00')];
    expect(findAlternatives([ann], [{ gapMinutes: 0, providers }], wantedAt)).toEqual([{ startsAt: wantedAt, services: [ann] }]);
  });

  test('offer a visit that is moved the time that it has only with another provider', () => {
    const providers = [starts('ann', '10:00', '11:00'), starts('bob', '11:00')];
    const found = findAlternatives([ann], [{ gapMinutes: 0, providers }], wantedAt, new Date('2026-06-10T11:00:00Z'));
    expect(found).toEqual([
      { startsAt: wantedAt, services: [ann] },
      { startsAt: new Date('2026-06-10T11:00:00Z'), services: [{ serviceId: 's', providerId: 'bob' }] },
    ]);
  });

  const second = { serviceId: 'b', providerId: 'bob' };

  test('of a visit with two services leave room for the second one, wherever it begins', () => {
    const first = { gapMinutes: 0, providers: [starts('ann', '11:00', '12:00')] };
    const next = {
      gapMinutes: 0,
      providers: [{ providerId: 'cyd', openings: [[at('12:25'), at('12:45'), 60] as [number, number, number]] }],
    };
    expect(findAlternatives([ann, second], [first, next], wantedAt)).toEqual([
      { startsAt: new Date('2026-06-10T12:00:00Z'), services: [ann, { serviceId: 'b', providerId: 'cyd' }] },
    ]);
  });

  test('keep the pause between two services', () => {
    const first = { gapMinutes: 0, providers: [starts('ann', '11:00', '12:00')] };
    const next = {
      gapMinutes: 15,
      providers: [
        {
          providerId: 'bob',
          openings: [
            [at('11:30'), at('11:44'), 60],
            [at('12:45'), at('12:45'), 60],
          ] as [number, number, number][],
        },
      ],
    };
    expect(findAlternatives([ann, second], [first, next], wantedAt).map(({ startsAt }) => startsAt)).toEqual([
      new Date('2026-06-10T12:00:00Z'),
    ]);
  });

  test('are none when nothing is open', () => {
    expect(findAlternatives([ann], [{ gapMinutes: 0, providers: [] }], wantedAt)).toEqual([]);
    expect(findAlternatives([ann], [], wantedAt)).toEqual([]);
  });
});

test('the state table leads only to statuses that exist, and an ended visit stays ended, but for a no-show that was none', () => {
  for (const [action, { from, to }] of Object.entries(APPOINTMENT_ACTIONS)) {
    for (const status of [...from, to]) expect(APPOINTMENT_STATUSES).toContain(status);
    for (const ended of ['left', 'cancelled']) expect(from).not.toContain(ended);
    expect((from as readonly string[]).includes('no_show'), action).toBe(action === 'undo-no-show');
  }
});
