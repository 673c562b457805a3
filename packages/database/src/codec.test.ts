import { randomBytes } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import { createCodec, UnreadableValue, type KeyRing, type Place } from './codec.ts';

const ORGANIZATION = '019b8b74-1800-7000-8000-000000000001';
const PLACE: Place = {
  organizationId: ORGANIZATION,
  table: 'patient',
  column: 'phone_sealed',
  rowId: '019b8b74-1800-7000-8000-0000000000aa',
};

const ringOf = (current: number, ...ids: number[]): KeyRing => ({ current, keys: new Map(ids.map((id) => [id, randomBytes(32)])) });
const RING = ringOf(1, 1);
const codec = createCodec(RING);
const hex = (bytes: Uint8Array) => Buffer.from(bytes).toString('hex');

describe('a sealed value', () => {
  test.each(['', 'a', '+1 555 0100', 'Zoë Müller-Østergård 🩺', 'x'.repeat(100_000), '\u0000'])('opens as it was: %#', (plain) => {
    expect(codec.open(PLACE, codec.seal(PLACE, plain))).toBe(plain);
  });

  test('is version, key id, iv, ciphertext and tag: 33 bytes more than the text', () => {
    const sealed = Buffer.from(codec.seal(PLACE, 'twelve bytes'));
    expect(sealed.length).toBe(12 + 33);
    expect(sealed.readUInt8(0)).toBe(1);
    expect(sealed.readUInt32BE(1)).toBe(1);
    expect(sealed.toString('latin1')).not.toContain('twelve');
  });

  test('is another one each time, so that equal values do not show', () => {
    const sealed = Array.from({ length: 50 }, () => hex(codec.seal(PLACE, 'same')));
    expect(new Set(sealed).size).toBe(50);
  });

  test('opens from a view into a larger buffer, which is what the driver hands over', () => {
    const sealed = codec.seal(PLACE, 'value');
    const larger = Buffer.concat([randomBytes(7), sealed, randomBytes(7)]);
    expect(codec.open(PLACE, larger.subarray(7, 7 + sealed.length))).toBe('value');
  });

  test('does not open when any one byte of it was altered', () => {
    const sealed = codec.seal(PLACE, 'value');
    for (let at = 0; at < sealed.length; at++) {
      const altered = Uint8Array.from(sealed);
      altered[at] = (altered[at] ?? 0) ^ 1;
      expect(() => codec.open(PLACE, altered)).toThrow(UnreadableValue);
    }
  });

  test('does not open when it was cut, or is no sealed value at all', () => {
    const sealed = codec.seal(PLACE, 'value');
    for (const length of [0, 1, 5, 16, 32, sealed.length - 1])
      expect(() => codec.open(PLACE, sealed.subarray(0, length))).toThrow(UnreadableValue);
    expect(() => codec.open(PLACE, Buffer.from('plain text that was never sealed at all'))).toThrow(UnreadableValue);
  });

  test.each([
    ['row', { rowId: '019b8b74-1800-7000-8000-0000000000ab' }],
    ['column', { column: 'email_sealed' }],
    ['table', { table: 'staff' }],
    ['organization', { organizationId: '019b8b74-1800-7000-8000-000000000002' }],
  ])('does not open when it was moved to another %s', (_, elsewhere) => {
    const sealed = codec.seal(PLACE, 'value');
    expect(() => codec.open({ ...PLACE, ...elsewhere }, sealed)).toThrow(UnreadableValue);
  });

  test('does not open with another ring, nor when its key is not in the ring', () => {
    expect(() => createCodec(ringOf(1, 1)).open(PLACE, codec.seal(PLACE, 'value'))).toThrow(UnreadableValue);
    expect(() => createCodec({ current: 2, keys: new Map([[2, randomBytes(32)]]) }).open(PLACE, codec.seal(PLACE, 'value'))).toThrow(
      UnreadableValue,
    );
  });

  test('still opens after the ring moved on, and new ones use the new key', () => {
    const old = codec.seal(PLACE, 'value');
    const moved = createCodec({ current: 2, keys: new Map([...RING.keys, [2, randomBytes(32)]]) });
    expect(moved.open(PLACE, old)).toBe('value');
    const fresh = moved.seal(PLACE, 'value');
    expect(Buffer.from(fresh).readUInt32BE(1)).toBe(2);
    expect(() => codec.open(PLACE, fresh)).toThrow(UnreadableValue);
  });

  test('the error says nothing of it', () => {
    const error = new UnreadableValue();
    expect(error.message).toBe('A sealed value cannot be opened.');
  });
});

describe('a blind index', () => {
  const at = { organizationId: ORGANIZATION, table: 'patient', column: 'phone_index' };
  const index = (changes: object, value = '+15550100') => hex(codec.blindIndex({ ...at, ...changes }, value));

  test('is equal for equal values: sixteen bytes that are not the value', () => {
    expect(index({})).toBe(index({}));
    expect(index({})).toHaveLength(32);
    expect(index({}, '+15550101')).not.toBe(index({}));
  });

  test.each([
    ['organization', { organizationId: '019b8b74-1800-7000-8000-000000000002' }],
    ['table', { table: 'staff' }],
    ['column', { column: 'email_index' }],
  ])('of another %s is another one, so that rows cannot be matched across', (_, elsewhere) => {
    expect(index(elsewhere)).not.toBe(index({}));
  });

  test('stays the same when the ring moves on, so that a rotation orphans no look-up', () => {
    const moved = createCodec({ current: 7, keys: new Map([[7, randomBytes(32)], ...RING.keys]) });
    expect(hex(moved.blindIndex(at, '+15550100'))).toBe(index({}));
  });

  test('is of another key than the data: no ciphertext tells it', () => {
    expect(hex(createCodec(ringOf(1, 1)).blindIndex(at, '+15550100'))).not.toBe(index({}));
  });
});

describe('a key ring', () => {
  test('without its current key is refused', () => {
    expect(() => createCodec({ current: 2, keys: RING.keys })).toThrow('does not hold its current key');
  });
});
