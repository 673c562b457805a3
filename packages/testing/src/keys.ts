import { createCodec, keyRingOf, ringWrapping, type Codec, type Database } from '@medspa/database';

/** A key of the tests' own; every run wraps with it. */
export const TEST_KEY = '8f1c3a5e7092b4d6f8e1a3c5b7092d4f6e81a3c5d7f90b2e4a6c8d0f1e3b5a79';
export const testWrapping = ringWrapping(keyRingOf(TEST_KEY));

const codecs = new WeakMap<Database, Codec>();

/** The codec of a test's database, one for each. */
export function testCodec(database: Database): Codec {
  const codec = codecs.get(database) ?? createCodec(database, testWrapping);
  codecs.set(database, codec);
  return codec;
}
