import { describe, expect, test } from 'vitest';
import { z } from 'zod';
import { Instant, multilineText, PlainDate, text, Version, WhenInput, wholeNumberIn } from './primitives.ts';

const accepts = (schema: { safeParse: (value: unknown) => { success: boolean } }, value: unknown) => schema.safeParse(value).success;

describe('text', () => {
  test('is trimmed and brought into one Unicode form, so that equal names are equal', () => {
    expect(text(80).parse('  Zoe\u0308 ')).toBe('Zo\u00EB');
  });

  test.each([
    ['NUL', 'a\u0000b'],
    ['an escape', 'a\u001Bb'],
    ['half of a surrogate pair', 'a\uD800b'],
    ['what stands where bytes were not UTF-8', 'a\uFFFDb'],
    ['a line end', 'a\nb'],
    ['nothing but blanks', ' \t '],
  ])('with %s is refused', (_name, value) => {
    expect(accepts(text(80), value)).toBe(false);
  });

  test('over several lines may have line ends and tabs, and nothing else of the kind', () => {
    expect(accepts(multilineText(80), 'a\n\tb\r\nc')).toBe(true);
    expect(accepts(multilineText(80), 'a\u0000b')).toBe(false);
  });

  test('of nothing but marks is refused before it is sorted, which would take a minute', () => {
    const since = performance.now();
    expect(accepts(text(80), `a${'\u0315\u0316'.repeat(150_000)}`)).toBe(false);
    expect(performance.now() - since).toBeLessThan(5_000);
    expect(accepts(text(80), `a${'\u0315'.repeat(30)}`)).toBe(true);
  });
});

describe('a moment or a day', () => {
  test.each(['0000-01-01', '0999-12-31', '9999-12-31', '2026-02-30', '2026-13-01', '2026-00-10', '2025-02-29'])('%s is refused', (date) => {
    expect(accepts(PlainDate, date)).toBe(false);
    expect(accepts(Instant, `${date}T10:00:00Z`)).toBe(false);
    expect(accepts(WhenInput, `${date}T10:00:00Z`)).toBe(false);
    expect(accepts(WhenInput, `${date}T10:00`)).toBe(false);
  });

  test('may be a leap day, with any offset', () => {
    expect(PlainDate.parse('2028-02-29')).toBe('2028-02-29');
    expect(Instant.parse('2028-02-29T23:30:00-05:00')).toEqual(new Date('2028-03-01T04:30:00Z'));
  });
});

describe('when something begins', () => {
  const schema = z.toJSONSchema(WhenInput, { io: 'input' });

  test('is a five-minute mark, as its documentation says', () => {
    expect(schema.description).toContain('five-minute mark');
    const pattern = new RegExp(schema.anyOf?.map((form) => form.pattern).find((one) => one?.includes('05')) ?? 'none');
    for (let minute = 0; minute < 60; minute++) {
      const local = `2026-03-02T10:${String(minute).padStart(2, '0')}`;
      const isMark = minute % 5 === 0;
      expect([local, pattern.test(local), accepts(WhenInput, local)]).toEqual([local, isMark, isMark]);
      expect([local, accepts(WhenInput, `${local}:00Z`), accepts(WhenInput, `${local}:00+05:45`)]).toEqual([local, isMark, isMark]);
    }
    for (const odd of ['2026-03-02T10:00:01Z', '2026-03-02T10:00:00.500Z', '2026-03-02T10:00:30'])
      expect(accepts(WhenInput, odd)).toBe(false);
  });
});

describe('a number', () => {
  test('of an address is digits and nothing else', () => {
    const limit = wholeNumberIn(1, 100);
    expect(limit.parse('100')).toBe(100);
    for (const said of ['', ' 5', '0x10', '1e1', '5.0', '-1', '0', '101', 'true', ['5', '6'], null])
      expect(accepts(limit, said), String(said)).toBe(false);
  });

  test('that is a version fits its column', () => {
    expect(accepts(Version, 2_147_483_647)).toBe(true);
    for (const version of [0, 2_147_483_648, 2 ** 53, 1.5, Number.POSITIVE_INFINITY, '1', true])
      expect(accepts(Version, version), String(version)).toBe(false);
  });
});
