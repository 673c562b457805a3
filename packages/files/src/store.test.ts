import { createHash, randomBytes, randomUUID } from 'node:crypto';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { SIGN_IN, startBucket, type Bucket } from '../test/s3.ts';
import { BlobMissing, createBlobStore, diskPlace, newBlobKey, s3Place, type BlobStore } from './index.ts';

const keys = { current: 1, keys: new Map([[1, randomBytes(32)]]) };
const root = mkdtempSync(join(tmpdir(), 'medspa-files-'));
const folder = join(root, 'files');
let bucket: Bucket;
beforeAll(async () => {
  bucket = await startBucket();
});
beforeEach(() => {
  bucket.asked.length = 0;
  bucket.faults.length = 0;
});
afterAll(async () => {
  await bucket.close();
  rmSync(root, { recursive: true });
});

const ORGANIZATION = randomUUID();
const LIMITS = { maxBytes: 1_000_000, types: ['application/pdf', 'image/png'] as const };
const aPdf = (bytes: number) => Buffer.concat([Buffer.from('%PDF-1.7\n'), randomBytes(bytes - 9)]);
async function* pieces(bytes: Buffer, size = 7_001): AsyncGenerator<Buffer> {
  for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size);
}
async function collect(stream: AsyncIterable<Uint8Array>): Promise<Buffer> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of stream) chunks.push(chunk);
  return Buffer.concat(chunks);
}
const read = async (store: BlobStore, key: string) => collect((await store.get(key)).content);

/** Each kind of place, with what lies in it as its owner sees it. */
const PLACES = [
  {
    name: 'the local disk',
    store: () => createBlobStore(diskPlace(folder), keys, join(root, 'spool')),
    stored: () =>
      new Map(
        readdirSync(folder, { recursive: true, withFileTypes: true })
          .filter((entry) => entry.isFile())
          .map((entry) => [join(entry.parentPath, entry.name), readFileSync(join(entry.parentPath, entry.name))]),
      ),
    damage: (path: string, bytes: Buffer) => writeFileSync(path, bytes),
  },
  {
    name: 'a bucket',
    store: () => createBlobStore(s3Place({ ...SIGN_IN, endpoint: bucket.endpoint }), keys, join(root, 'spool')),
    stored: () => bucket.objects,
    damage: (path: string, bytes: Buffer) => void bucket.objects.set(path, bytes),
  },
];

describe.each(PLACES)('files on $name', ({ store: make, stored, damage }) => {
  let store: BlobStore;
  beforeEach(() => {
    store = make();
  });
  const find = (key: string) => [...stored()].find(([path]) => path.endsWith(key.split('/')[1] ?? '-'));

  test.each([9, 65_536, 300_000])('of %i bytes come back as they were, with their hash, type and length', async (size) => {
    const plain = aPdf(size);
    const key = newBlobKey(ORGANIZATION);
    const blob = await store.put(key, pieces(plain), LIMITS);
    expect(blob).toEqual({ key, type: 'application/pdf', bytes: size, sha256: createHash('sha256').update(plain).digest('hex') });
    expect((await read(store, key)).equals(plain)).toBe(true);
    expect(await store.stat(key)).toEqual({ type: 'application/pdf', bytes: size });
  });

  test('ENC-4: are encrypted where they are kept, and nothing of them is left elsewhere', async () => {
    const key = newBlobKey(ORGANIZATION);
    await store.put(key, pieces(Buffer.from(`%PDF-1.7 ${'Paula Patient '.repeat(5_000)}`)), LIMITS);
    expect(find(key)?.[1].includes('Paula')).toBe(false);
    expect(readdirSync(join(root, 'spool'))).toEqual([]);
  });

  test('that are deleted are gone, and deleting again is fine', async () => {
    const key = newBlobKey(ORGANIZATION);
    await store.put(key, pieces(aPdf(100)), LIMITS);
    await store.delete(key);
    await store.delete(key);
    expect(await store.stat(key)).toBeNull();
    await expect(store.get(key)).rejects.toThrow(BlobMissing);
    expect(find(key)).toBeUndefined();
  });

  test('ASVS 5.2.1: that are too long or of another kind are refused while they come, and nothing is kept', async () => {
    const key = newBlobKey(ORGANIZATION);
    let given = 0;
    async function* endless(): AsyncGenerator<Buffer> {
      for (;;) {
        given += 10_000;
        yield aPdf(10_000);
      }
    }
    await expect(store.put(key, endless(), LIMITS)).rejects.toMatchObject({ reason: 'too-large' });
    expect(given).toBeLessThan(2_000_000);
    for (const other of ['<svg onload="x">', 'GIF89a', '\xFF\xD8\xFF\xE0', '', '%PD'])
      await expect(store.put(key, pieces(Buffer.from(other, 'latin1')), LIMITS)).rejects.toMatchObject({ reason: 'type' });
    expect(await store.stat(key)).toBeNull();
    expect(readdirSync(join(root, 'spool'))).toEqual([]);
  });

  test('that broke off on the way in leave nothing', async () => {
    const key = newBlobKey(ORGANIZATION);
    async function* broken(): AsyncGenerator<Buffer> {
      yield aPdf(100_000);
      throw new Error('The phone is gone.');
    }
    await expect(store.put(key, broken(), LIMITS)).rejects.toThrow('The phone is gone.');
    expect(await store.stat(key)).toBeNull();
  });

  test('that were altered, cut or exchanged do not open', async () => {
    const [key, other] = [newBlobKey(ORGANIZATION), newBlobKey(ORGANIZATION)];
    for (const one of [key, other]) await store.put(one, pieces(aPdf(1_000)), LIMITS);
    const [path = '', whole = Buffer.alloc(0)] = find(key) ?? [];
    const altered = Buffer.from(whole);
    altered.writeUInt8(altered.readUInt8(whole.length - 20) ^ 1, whole.length - 20);
    for (const bytes of [altered, whole.subarray(0, -1), find(other)?.[1] ?? Buffer.alloc(0)]) {
      damage(path, bytes);
      await expect(read(store, key)).rejects.toMatchObject({ reason: 'damaged' });
    }
  });

  test('are named by a key and by nothing else', async () => {
    for (const key of ['../../etc/passwd', `${ORGANIZATION}/../${'0'.repeat(32)}`, `${ORGANIZATION}/photo.jpg`, ''])
      for (const verb of [() => store.get(key), () => store.stat(key), () => store.put(key, pieces(aPdf(20)), LIMITS)])
        await expect(verb()).rejects.toThrow('not the key of a file');
  });
});

describe('a bucket', () => {
  const storeWith = (changes: Partial<typeof SIGN_IN>) =>
    createBlobStore(s3Place({ ...SIGN_IN, ...changes, endpoint: bucket.endpoint }), keys, join(root, 'spool'));

  test('that fails for a moment is asked again', async () => {
    const store = storeWith({});
    const key = newBlobKey(ORGANIZATION);
    bucket.faults.push('unavailable', 'cut');
    const plain = aPdf(200_000);
    await store.put(key, pieces(plain), LIMITS);
    expect(bucket.asked).toEqual(['PUT 503', 'PUT cut', 'PUT 200', 'GET 200']);
    expect((await read(store, key)).equals(plain)).toBe(true);
  });

  test('that stays away is told of, without a key or an address', async () => {
    const store = storeWith({});
    bucket.faults.push('unavailable', 'cut', 'unavailable', 'unavailable');
    await expect(store.get(newBlobKey(ORGANIZATION))).rejects.toThrow(/^The bucket answered 503 \(SlowDown\)\.$/);
  });

  test('that keeps something else than it acknowledged is found out at once, and what it keeps is removed', async () => {
    const key = newBlobKey(ORGANIZATION);
    bucket.faults.push('lose');
    await expect(storeWith({}).put(key, pieces(aPdf(1_000)), LIMITS)).rejects.toMatchObject({ reason: 'damaged' });
    expect([...bucket.objects.keys()].some((path) => path.includes(key))).toBe(false);
  });

  test('refuses a wrong sign-in, and one that is not there is not taken for a missing file', async () => {
    const key = newBlobKey(ORGANIZATION);
    await expect(storeWith({ secretAccessKey: 'wrong' }).get(key)).rejects.toThrow('403 (SignatureDoesNotMatch)');
    await expect(storeWith({ accessKeyId: 'WRONG' }).stat(key)).rejects.toThrow('403 (InvalidAccessKeyId)');
    await expect(storeWith({ bucket: 'nobodys' }).stat(key)).rejects.toThrow('404 (NoSuchBucket)');
    await expect(storeWith({ bucket: 'nobodys' }).put(key, pieces(aPdf(20)), LIMITS)).rejects.toThrow('not there (404)');
    expect(bucket.asked.filter((one) => one.endsWith('403'))).toHaveLength(2);
  });
});
