import { randomBytes } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import { openSealed, seal, UnreadableFile, type SealingKeys } from './index.ts';

const FRAME = 65_536;
const keysOf = (...keys: Buffer[]): SealingKeys => ({
  current: keys.length,
  keys: new Map(keys.map((key, index) => [index + 1, key])),
});
const key = randomBytes(32);
const keys = keysOf(key);

async function* pieces(bytes: Buffer, size = 10_007): AsyncGenerator<Buffer> {
  for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size);
}
async function collect(stream: AsyncIterable<Uint8Array>): Promise<Buffer> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of stream) chunks.push(chunk);
  return Buffer.concat(chunks);
}
const sealed = (plain: Buffer, about: unknown = {}) => collect(seal(pieces(plain), keys, about));
const opened = async (bytes: Buffer, with_ = keys) => collect((await openSealed(pieces(bytes, 4_099), with_)).content);

describe('a sealed file', () => {
  test.each([0, 1, FRAME - 1, FRAME, FRAME + 1, 3 * FRAME, 5 * FRAME + 17])('of %i bytes opens as it was', async (size) => {
    const plain = randomBytes(size);
    expect((await opened(await sealed(plain))).equals(plain)).toBe(true);
  });

  test('ENC-4: shows nothing of its content, and two of the same are not alike', async () => {
    const plain = Buffer.from('Paula Patient '.repeat(10_000));
    const [one, other] = [await sealed(plain), await sealed(plain)];
    expect(one.includes('Paula')).toBe(false);
    expect(one.equals(other)).toBe(false);
  });

  test('says what it is about', async () => {
    expect((await openSealed(pieces(await sealed(Buffer.from('x'), { name: 'a' })), keys)).about).toEqual({ name: 'a' });
  });

  test('opens with a key that is no longer the current one', async () => {
    const old = await sealed(Buffer.from('kept'));
    expect((await opened(old, keysOf(key, randomBytes(32)))).toString()).toBe('kept');
  });

  test('does not open with another key, and that is told from damage', async () => {
    await expect(opened(await sealed(Buffer.from('x')), keysOf(randomBytes(32)))).rejects.toMatchObject({ reason: 'key' });
  });

  test('that is not opened to its end lets go of its source', async () => {
    const whole = await sealed(randomBytes(5 * FRAME));
    let closed = 0;
    async function* watched(): AsyncGenerator<Buffer> {
      try {
        yield* pieces(whole);
      } finally {
        closed++;
      }
    }
    await expect(openSealed(watched(), keysOf(randomBytes(32)))).rejects.toThrow(UnreadableFile);
    expect(closed).toBe(1);
    for await (const chunk of (await openSealed(watched(), keys)).content) {
      expect(chunk.length).toBe(FRAME);
      break;
    }
    expect(closed).toBe(2);
  });

  test('ASVS 11.3.3: is refused when any one of its bytes is another', async () => {
    const whole = await sealed(randomBytes(100), { name: 'a' });
    for (let at = 0; at < whole.length; at++) {
      const altered = Buffer.from(whole);
      altered.writeUInt8(altered.readUInt8(at) ^ 1, at);
      await expect(opened(altered), `byte ${at}`).rejects.toThrow(UnreadableFile);
    }
  });

  test('is refused wherever it is cut, at the end of a frame as well', async () => {
    const whole = await sealed(randomBytes(2 * FRAME + 100));
    const frame = FRAME + 16;
    const header = whole.length - 2 * frame - 116;
    for (const length of [0, 3, header - 1, header, header + 15, header + frame, header + 2 * frame, whole.length - 1])
      await expect(opened(whole.subarray(0, length)), `cut to ${length}`).rejects.toMatchObject({ reason: 'damaged' });
  });

  test('is refused when frames were exchanged, repeated or appended', async () => {
    const whole = await sealed(randomBytes(3 * FRAME));
    const frame = FRAME + 16;
    const header = whole.length - 3 * frame;
    const [start, a, b, c] = [
      whole.subarray(0, header),
      ...[0, 1, 2].map((index) => whole.subarray(header + index * frame, header + (index + 1) * frame)),
    ] as [Buffer, Buffer, Buffer, Buffer];
    for (const parts of [
      [b, a, c],
      [a, a, b, c],
      [a, c],
      [a, b, c, c],
    ])
      await expect(opened(Buffer.concat([start, ...parts]))).rejects.toMatchObject({ reason: 'damaged' });
  });
});
