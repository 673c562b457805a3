import fc from 'fast-check';
import { expect, test } from 'vitest';
import { andShifted, bitsOf, countBits, erode, hasBit, invert, isEmpty, orShifted, setBits, type Row } from '../src/bits.ts';

const WORDS = 4;
const BITS = WORDS * 32;
const bools = fc.array(fc.boolean(), { minLength: BITS, maxLength: BITS });

function rowOf(list: boolean[]): Row {
  const row: Row = new Uint32Array(WORDS);
  list.forEach((isSet, bit) => isSet && setBits(row, bit, bit + 1));
  return row;
}

function listOf(row: Row): boolean[] {
  return Array.from({ length: BITS }, (_, bit) => hasBit(row, bit));
}

test('rows do what lists of booleans do, across words and past both ends', () => {
  fc.assert(
    fc.property(
      bools,
      bools,
      fc.integer({ min: -BITS - 40, max: BITS + 40 }),
      fc.integer({ min: 1, max: BITS + 3 }),
      (one, other, slots, length) => {
        const moved = one.map((_, bit) => other[bit + slots] ?? false);
        const [anded, ored, eroded, inverted] = [rowOf(one), rowOf(one), rowOf(one), rowOf(one)];
        andShifted(anded, rowOf(other), slots);
        expect(listOf(anded)).toEqual(one.map((isSet, bit) => isSet && moved[bit]));
        orShifted(ored, rowOf(other), slots);
        expect(listOf(ored)).toEqual(one.map((isSet, bit) => isSet || moved[bit]));
        erode(eroded, length);
        expect(listOf(eroded)).toEqual(one.map((_, bit) => Array.from({ length }, (__, more) => one[bit + more] ?? false).every(Boolean)));
        invert(inverted);
        expect(listOf(inverted)).toEqual(one.map((isSet) => !isSet));
        const set = one.flatMap((isSet, bit) => (isSet ? [bit] : []));
        expect([...bitsOf(rowOf(one))]).toEqual(set);
        expect(countBits(rowOf(one))).toBe(set.length);
        expect(isEmpty(rowOf(one))).toBe(set.length === 0);
      },
    ),
    { seed: 20_261_123, numRuns: 300 },
  );
});

test('bits are set from one to before another, as far as the row reaches', () => {
  fc.assert(
    fc.property(bools, fc.integer({ min: -70, max: BITS + 70 }), fc.integer({ min: -70, max: BITS + 70 }), (before, from, until) => {
      const row = rowOf(before);
      setBits(row, from, until);
      expect(listOf(row)).toEqual(before.map((isSet, bit) => isSet || (bit >= from && bit < until)));
    }),
    { seed: 20_261_123, numRuns: 300 },
  );
});
