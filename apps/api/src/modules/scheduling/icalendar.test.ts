import { describe, expect, test } from 'vitest';
import { readCalendar } from '../../../test/icalendar.ts';
import { beginningOf } from './rules/following.ts';
import { icalendarOf, type CalendarEntry } from './rules/icalendar.ts';

const ENTRY: CalendarEntry = {
  id: '0199e6ea-ea18-7e88-85e1-078829b56df3',
  summary: 'PM Botox',
  startsAt: new Date('2026-03-03T15:00:00Z'),
  endsAt: new Date('2026-03-03T15:30:00.500Z'),
  sequence: 2,
  changedAt: new Date('2026-03-02T12:00:00Z'),
};

describe('a calendar (RFC 5545)', () => {
  test('is read by an app as it was meant', () => {
    const { properties, events } = readCalendar(icalendarOf('Harbor', [ENTRY]));
    expect(Object.fromEntries(properties)).toMatchObject({ VERSION: '2.0', 'X-WR-CALNAME': 'Harbor', 'REFRESH-INTERVAL': 'PT15M' });
    expect(events.map((event) => Object.fromEntries(event))).toEqual([
      {
        UID: ENTRY.id,
        SEQUENCE: '2',
        DTSTAMP: '20260302T120000Z',
        DTSTART: '20260303T150000Z',
        DTEND: '20260303T153000Z',
        SUMMARY: 'PM Botox',
        CLASS: 'CONFIDENTIAL',
      },
    ]);
  });

  test.each([
    ['signs that mean something', 'Lip; filler, 1\\2 ml: "soft"'],
    ['an end of line', 'Filler\nEND:VEVENT\r\nATTENDEE:mailto:x@example.com\rX'],
    ['more octets than a line has', `Ultra${'h'.repeat(200)}`],
    ['long characters at every place of a line', `${'x'.repeat(60)}${'é'.repeat(40)}${'雪'.repeat(40)}${'👩‍⚕️'.repeat(20)}`],
    ['a sign that is escaped where the line ends', `${'x'.repeat(66)};,;,;,;,;,`],
    ['nothing', ''],
  ])('holds %s in a name', (_, name) => {
    const { events, properties } = readCalendar(icalendarOf(name, [{ ...ENTRY, summary: name }, ENTRY]));
    const meant = name.replaceAll(/\r\n|\r/g, '\n');
    expect(events.map((event) => event.get('SUMMARY'))).toEqual([meant, 'PM Botox']);
    expect(events.every((event) => event.size === 7)).toBe(true);
    expect(properties.get('NAME')).toBe(meant);
  });

  test('holds names of every length, with characters of every size', () => {
    for (const character of ['x', 'é', '雪', '👩', ',']) {
      for (let length = 0; length < 180; length++) {
        const summary = character.repeat(length);
        expect(readCalendar(icalendarOf('H', [{ ...ENTRY, summary }])).events[0]?.get('SUMMARY')).toBe(summary);
      }
    }
  });

  test('keeps out what no calendar may hold', () => {
    expect(readCalendar(icalendarOf('H', [{ ...ENTRY, summary: 'A\u0000B\u0007C\u007FD' }])).events[0]?.get('SUMMARY')).toBe('A B C D');
  });
});

test.each<[seen: number | null, last: number, begins: ReturnType<typeof beginningOf>]>([
  [null, 0, { after: 0, isToReload: true }],
  [null, 7, { after: 7, isToReload: true }],
  [0, 0, { after: 0, isToReload: false }],
  [5, 7, { after: 5, isToReload: false }],
  [7, 7, { after: 7, isToReload: false }],
  [8, 7, { after: 7, isToReload: true }],
  [0, 1_000, { after: 0, isToReload: false }],
  [0, 1_001, { after: 1_001, isToReload: true }],
])('S9: who has seen up to %s of %s begins at %o', (seen, last, begins) => {
  expect(beginningOf(seen, last)).toEqual(begins);
});
