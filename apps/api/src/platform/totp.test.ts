import { describe, expect, test } from 'vitest';
import { findTotpStep, toBase32, totpCode, totpStep } from './totp.ts';

const SECRET = Buffer.from('12345678901234567890');

describe('AUT-4: a code of an authenticator app', () => {
  // RFC 6238, appendix B, the last six digits.
  test.each([
    [59, '287082'],
    [1_111_111_109, '081804'],
    [1_111_111_111, '050471'],
    [1_234_567_890, '005924'],
    [2_000_000_000, '279037'],
    [20_000_000_000, '353130'],
  ])('at second %i is %s, as the standard has it', (second, code) => {
    const at = new Date(second * 1_000);
    expect(totpCode(SECRET, totpStep(at))).toBe(code);
    expect(findTotpStep(SECRET, code, at)).toBe(totpStep(at));
  });

  test('is good one step early and one step late, and no more', () => {
    const now = new Date('2026-03-02T12:00:10Z');
    const found = [-2, -1, 0, 1, 2].map((by) => findTotpStep(SECRET, totpCode(SECRET, totpStep(now) + by), now));
    expect(found).toEqual([null, totpStep(now) - 1, totpStep(now), totpStep(now) + 1, null]);
  });

  test('has six digits and nothing else', () => {
    const now = new Date(59_000);
    for (const code of ['', '28708', '2870820', '287082 ', ' 287082', '287083']) expect(findTotpStep(SECRET, code, now), code).toBeNull();
  });
});

test('a secret is shown in base32, as RFC 4648 has it', () => {
  expect(['', 'f', 'fo', 'foo', 'foob', 'fooba', 'foobar'].map((text) => toBase32(Buffer.from(text)))).toEqual([
    '',
    'MY',
    'MZXQ',
    'MZXW6',
    'MZXW6YQ',
    'MZXW6YTB',
    'MZXW6YTBOI',
  ]);
});
