import { describe, expect, test } from 'vitest';
import { deviceOf, faultOfPassword, groupedCode, isLong, plainCode } from './rules.ts';

const COMMON = new Set(['password1', 'iloveyou2']);
const about = { isCommon: (word: string) => COMMON.has(word), hasSecondFactor: false, known: ['Harbor', 'olive@clinic.example', 'Olive'] };

describe('AUT-2: a password', () => {
  test('alone has fifteen characters, beside a second factor eight; people count them, not bytes', () => {
    expect(faultOfPassword('harvest moon 4', about)).toBe('password-too-short');
    expect(faultOfPassword('harvest moon 42', about)).toBeNull();
    expect(faultOfPassword('mo0n-ri', { ...about, hasSecondFactor: true })).toBe('password-too-short');
    expect(faultOfPassword('mo0n-riv', { ...about, hasSecondFactor: true })).toBeNull();
    expect([isLong('🌙'.repeat(14)), isLong('🌙'.repeat(15))]).toEqual([false, true]);
  });

  test('needs no kind of character', () => {
    for (const fine of [
      'oneverylongwordonly',
      'ALL IN CAPITALS HERE',
      '8402 9317 5520 6641',
      'поздний зелёный чай',
      '緑の静かな港の朝にコーヒーを飲む',
    ])
      expect(faultOfPassword(fine, about), fine).toBeNull();
  });

  test.each([
    ['common', 'iloveyou2'],
    ['common, with blanks', 'pass word 1'],
    ['one sign', 'aaaaaaaaaaaaaaaaaaaa'],
    ['a short piece over and over', 'abc1abc1abc1abc1abc1'],
    ['a common one twice', 'password1password1'],
    ['letters in a row', 'abcdefghijklmnopq'],
    ['digits in a row', '1234567890123456'],
    ['digits backwards', '9876543210987654'],
    ['the e-mail address', 'Olive@Clinic.Example'],
    ['names, and a little more', 'harborharbor oliveHARBOR 1'],
  ])('that is guessed first is refused: %s', (_, password) => {
    expect(faultOfPassword(password, { ...about, known: [...about.known, 'olive@clinic.example'], hasSecondFactor: true })).toBe(
      'password-too-common',
    );
  });
});

test('a code is compared without the blanks, dashes and small letters that people add', () => {
  expect(plainCode(' jbsw-y3dp ehpk-3pxp')).toBe('JBSWY3DPEHPK3PXP');
  expect(groupedCode('JBSWY3DPEHPK3PXP', 4)).toBe('JBSW-Y3DP-EHPK-3PXP');
});

test('of a browser its name and its system are kept, and nothing else', () => {
  const agents = {
    'Chrome, Windows': 'Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 Safari/537.36',
    'Edge, Windows':
      'Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 Safari/537.36 Edg/140.0',
    'Safari, iOS':
      'Mozilla/5.0 (iPad; CPU OS 18_0 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.0 Mobile/15E148 Safari/604.1',
    'Safari, macOS':
      'Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.0 Safari/605.1.15',
    'Firefox, Linux': 'Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0',
    'Chrome, Android': 'Mozilla/5.0 (Linux; Android 10; K) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 Mobile Safari/537.36',
    'other, other': 'patient Maya Lindqvist',
  };
  expect(Object.values(agents).map(deviceOf)).toEqual(Object.keys(agents));
});
