import { randomBytes } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import { createCiphers, KeysNotLoaded, UnreadableValue, type OrganizationKeys, type Place } from './ciphers.ts';

const ORGANIZATION = '019b8b74-1800-7000-8000-000000000001';
const PLACE: Place = {
  organizationId: ORGANIZATION,
  table: 'patient',
  column: 'phone_sealed',
  rowId: '019b8b74-1800-7000-8000-0000000000aa',
};

const keysOf = (current: number, ...ids: number[]): OrganizationKeys => ({
  current,
  data: new Map(ids.map((id) => [id, randomBytes(32)])),
  index: randomBytes(32),
});
const KEYS = keysOf(1, 1);
const OTHERS = keysOf(1, 1);
const codec = createCiphers((organizationId) => (organizationId === ORGANIZATION ? KEYS : OTHERS));
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

  test('does not open when it is said to be of another key than it was sealed with: the header is authenticated as well', () => {
    const key = randomBytes(32);
    const twins = createCiphers(() => ({ ...KEYS, data: new Map([...KEYS.data.keys(), 2].map((id) => [id, key])) }));
    const sealed = Buffer.from(twins.seal(PLACE, 'value'));
    expect(twins.open(PLACE, sealed)).toBe('value');
    sealed.writeUInt32BE(2, 1);
    expect(() => twins.open(PLACE, sealed)).toThrow(UnreadableValue);
  });

  test('does not open with another key, nor when its key is not there', () => {
    const sealed = codec.seal(PLACE, 'value');
    expect(() => createCiphers(() => keysOf(1, 1)).open(PLACE, sealed)).toThrow(UnreadableValue);
    expect(() => createCiphers(() => keysOf(2, 2)).open(PLACE, sealed)).toThrow(UnreadableValue);
  });

  test('still opens after a new key came, and new ones use the new key', () => {
    const old = codec.seal(PLACE, 'value');
    const moved = createCiphers(() => ({ ...KEYS, current: 2, data: new Map([...KEYS.data, [2, randomBytes(32)]]) }));
    expect(moved.open(PLACE, old)).toBe('value');
    const fresh = moved.seal(PLACE, 'value');
    expect(Buffer.from(fresh).readUInt32BE(1)).toBe(2);
    expect(() => codec.open(PLACE, fresh)).toThrow(UnreadableValue);
  });

  test('ENC-5: that does not open is counted, each time, and nothing of it is given out', () => {
    let count = 0;
    const counting = createCiphers(() => KEYS, { unreadable: () => count++ });
    const sealed = codec.seal(PLACE, 'a value of which no part is given out');
    expect(counting.open(PLACE, sealed)).toContain('no part');
    expect(count).toBe(0);
    for (const wrong of [sealed.subarray(0, -1), sealed.subarray(0, 4), Buffer.alloc(60)])
      expect(() => counting.open(PLACE, wrong)).toThrow(UnreadableValue);
    expect(count).toBe(3);
  });

  test('of an organization without keys is neither made nor opened', () => {
    const without = createCiphers(() => {
      throw new KeysNotLoaded();
    });
    expect(() => without.seal(PLACE, 'value')).toThrow(KeysNotLoaded);
    expect(() => without.open(PLACE, codec.seal(PLACE, 'value'))).toThrow(KeysNotLoaded);
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

  test('ENC-3: stays the same when a new data key comes, so that a rotation orphans no look-up', () => {
    const moved = createCiphers(() => ({ ...KEYS, current: 7, data: keysOf(7, 7).data }));
    expect(hex(moved.blindIndex(at, '+15550100'))).toBe(index({}));
  });

  test('ENC-3: is of another key than the data: whoever has those cannot make it', () => {
    const others = createCiphers(() => ({ ...KEYS, index: randomBytes(32) }));
    expect(hex(others.blindIndex(at, '+15550100'))).not.toBe(index({}));
    expect(others.open(PLACE, codec.seal(PLACE, 'value'))).toBe('value');
  });
});
