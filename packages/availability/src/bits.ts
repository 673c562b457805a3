// Rows of bits, one per slot of five minutes, and the few operations of which every search is made. Words are read and written
// whole: a fortnight is 126 of them.

/** Bit i of word w is slot 32 w + i. */
export type Row = Uint32Array<ArrayBuffer>;

export const WORD = 32;

export function and(into: Row, other: Row): void {
  for (let word = 0; word < into.length; word++) into[word] = at(into, word) & at(other, word);
}

export function or(into: Row, other: Row): void {
  for (let word = 0; word < into.length; word++) into[word] = at(into, word) | at(other, word);
}

/** Keeps bit i where bit i + slots of the other row is set. Slots may be negative; past the ends of a row there is nothing. */
export function andShifted(into: Row, other: Row, slots: number): void {
  const [words, bits] = [slots >> 5, slots & 31];
  const [first, end] = insideOf(into, words);
  for (let word = 0; word < first; word++) into[word] = at(into, word) & shifted(other, word + words, bits);
  // Nearly all words are here, where no end of a row needs to be looked out for.
  if (bits === 0) for (let word = first; word < end; word++) into[word] = at(into, word) & at(other, word + words);
  else {
    for (let word = first; word < end; word++)
      into[word] = at(into, word) & ((at(other, word + words) >>> bits) | (at(other, word + words + 1) << (WORD - bits)));
  }
  for (let word = end; word < into.length; word++) into[word] = at(into, word) & shifted(other, word + words, bits);
}

/** Adds bit i where bit i + slots of the other row is set. */
export function orShifted(into: Row, other: Row, slots: number): void {
  const [words, bits] = [slots >> 5, slots & 31];
  const [first, end] = insideOf(into, words);
  for (let word = 0; word < first; word++) into[word] = at(into, word) | shifted(other, word + words, bits);
  if (bits === 0) for (let word = first; word < end; word++) into[word] = at(into, word) | at(other, word + words);
  else {
    for (let word = first; word < end; word++)
      into[word] = at(into, word) | (at(other, word + words) >>> bits) | (at(other, word + words + 1) << (WORD - bits));
  }
  for (let word = end; word < into.length; word++) into[word] = at(into, word) | shifted(other, word + words, bits);
}

/** Keeps bit i where it and the bits after it are set, `slots` of them in all. Reads only what it has not written yet. */
export function erode(row: Row, slots: number): void {
  // A bit that knows of `known` set bits from itself on learns of as many again from the bit that many later.
  for (let known = 1; known < slots;) {
    const step = Math.min(known, slots - known);
    andShifted(row, row, step);
    known += step;
  }
}

export function invert(row: Row): void {
  for (let word = 0; word < row.length; word++) row[word] = ~at(row, word);
}

/** Sets the bits [from, until), as far as the row reaches. */
export function setBits(row: Row, from: number, until: number): void {
  const [first, end] = [Math.max(from, 0), Math.min(until, row.length * WORD)];
  if (first >= end) return;
  const [firstWord, lastWord] = [first >> 5, (end - 1) >> 5];
  const head = -1 << (first & 31);
  const tail = -1 >>> (31 - ((end - 1) & 31));
  if (firstWord === lastWord) row[firstWord] = at(row, firstWord) | (head & tail);
  else {
    row[firstWord] = at(row, firstWord) | head;
    row.fill(-1, firstWord + 1, lastWord);
    row[lastWord] = at(row, lastWord) | tail;
  }
}

export function hasBit(row: Row, bit: number): boolean {
  return bit >= 0 && bit < row.length * WORD && ((at(row, bit >> 5) >>> (bit & 31)) & 1) === 1;
}

export function isEmpty(row: Row): boolean {
  return row.every((word) => word === 0);
}

export function countBits(row: Row): number {
  let count = 0;
  for (let word of row) {
    word -= (word >>> 1) & 0x5555_5555;
    word = (word & 0x3333_3333) + ((word >>> 2) & 0x3333_3333);
    count += Math.imul((word + (word >>> 4)) & 0x0f0f_0f0f, 0x0101_0101) >>> 24;
  }
  return count;
}

/** Set bits, ascending. */
export function* bitsOf(row: Row): Generator<number> {
  for (let word = 0; word < row.length; word++)
    for (let rest = at(row, word); rest !== 0; rest &= rest - 1) yield word * WORD + 31 - Math.clz32(rest & -rest);
}

/** Callers stay inside of the row. */
function at(row: Row, word: number): number {
  return row[word] as number;
}

/** The words of a row for which the word that many further and the one after it are in the row as well. */
function insideOf({ length }: Row, words: number): [first: number, end: number] {
  const first = Math.min(Math.max(0, -words), length);
  return [first, Math.max(first, Math.min(length, length - words - 1))];
}

function shifted(row: Row, word: number, bits: number): number {
  const low = word >= 0 && word < row.length ? at(row, word) : 0;
  if (bits === 0) return low;
  const high = word >= -1 && word + 1 < row.length ? at(row, word + 1) : 0;
  return (low >>> bits) | (high << (WORD - bits));
}
