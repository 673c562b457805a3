import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { comesOfAgeAt, isInForce, isOfAge } from './rules/age.ts';

const ZONES = [
  'America/New_York',
  'America/Los_Angeles',
  'Pacific/Kiritimati',
  'Pacific/Pago_Pago',
  'Asia/Kolkata',
  'Australia/Lord_Howe',
  // Clocks that change at midnight, so that some days begin at one.
  'America/Havana',
  'America/Asuncion',
  'Africa/Cairo',
];
const days = fc
  .date({ min: new Date('1990-01-01T00:00:00Z'), max: new Date('2030-12-31T00:00:00Z'), noInvalidDate: true })
  .map((date) => date.toISOString().slice(0, 10));
const zones = fc.uniqueArray(fc.constantFrom(...ZONES), { minLength: 1, maxLength: 4 });
/** The day that it is at a moment in a zone, by another way than the rule's. */
const dayIn = (zone: string, at: Date) => new Intl.DateTimeFormat('en-CA', { timeZone: zone, dateStyle: 'short' }).format(at);

describe('coming of age', () => {
  test('is where the 18th birthday has begun in one of the zones, and a millisecond earlier in none', () => {
    fc.assert(
      fc.property(days, zones, (birthDate, places) => {
        const [year = '', month, day] = birthDate.split('-');
        const birthday = `${Number(year) + 18}-${month}-${day}`;
        const leap = birthDate.endsWith('-02-29') ? `${Number(year) + 18}-02-28` : birthday;
        const at = comesOfAgeAt(birthDate, places);
        const before = new Date(at.getTime() - 1);
        expect(places.some((zone) => dayIn(zone, at) >= leap)).toBe(true);
        expect(places.some((zone) => dayIn(zone, before) >= leap)).toBe(false);
        expect([isOfAge(birthDate, places, before), isOfAge(birthDate, places, at)]).toEqual([false, true]);
      }),
      {
        numRuns: 500,
        examples: [
          ['2008-02-29', ['America/New_York']],
          ['2004-02-29', ['Asia/Kolkata', 'America/New_York']],
        ],
      },
    );
  });

  test.each([
    ['2008-03-03', ['America/New_York'], '2026-03-03T05:00:00.000Z'],
    ['2008-03-03', ['America/New_York', 'America/Los_Angeles'], '2026-03-03T05:00:00.000Z'],
    ['2008-03-03', ['America/Los_Angeles'], '2026-03-03T08:00:00.000Z'],
    // 2026 has no 29 February.
    ['2008-02-29', ['America/New_York'], '2026-02-28T05:00:00.000Z'],
    // Clocks went forward at midnight: the day begins at one.
    ['2008-03-08', ['America/Havana'], '2026-03-08T05:00:00.000Z'],
    // An organization without a place: where the day begins first on earth.
    ['2008-03-03', [], '2026-03-02T10:00:00.000Z'],
  ])('of who was born on %s is, in %j, at %s', (birthDate, places, at) => {
    expect(comesOfAgeAt(birthDate, places).toISOString()).toBe(at);
  });

  test('ends what a minor’s parent may, begins what needs consent, and leaves neither without a birth date', () => {
    fc.assert(
      fc.property(days, zones, fc.integer({ min: -200_000_000, max: 200_000_000 }), (birthDate, places, offset) => {
        const now = new Date(comesOfAgeAt(birthDate, places).getTime() + offset);
        expect(isInForce('minor', birthDate, places, now)).toBe(offset < 0);
        expect(isInForce('consent', birthDate, places, now)).toBe(offset >= 0);
        for (const basis of ['minor', 'consent'] as const) expect(isInForce(basis, null, places, now)).toBe(false);
      }),
    );
  });
});
