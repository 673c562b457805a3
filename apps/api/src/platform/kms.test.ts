import { randomBytes, randomUUID } from 'node:crypto';
import {
  assertKeysFit,
  createCodec,
  rewrapDataKeys,
  rotateDataKey,
  shredOrganization,
  UnreadableValue,
  WrappingAway,
  WrongWrapping,
} from '@medspa/database';
import { aClinic, createTestDatabase, TEST_KEY, type TestDatabase } from '@medspa/testing';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { startGoogleKms, type KmsFault } from '../../test/fakes/google-kms.ts';
import { openEncryption } from './encryption.ts';
import { isKmsKey, kmsWrapping } from './kms.ts';

const RING = 'projects/spa-prod/locations/us/keyRings/medspa';
const KEY = `${RING}/cryptoKeys/data`;
const EACH = `${RING}/cryptoKeys/data-{organization}`;

let kms: Awaited<ReturnType<typeof startGoogleKms>>;
const open = async (keys = [KEY]) => (kms = await startGoogleKms(keys));
afterEach(() => kms?.close());

let t: TestDatabase;
beforeAll(async () => {
  t = await createTestDatabase();
});
afterAll(() => t.drop());

const place = () => ({ organizationId: randomUUID(), keyId: 1 });

describe('ENC-1: a key of Google Cloud KMS', () => {
  test('wraps a key so that it unwraps in its place alone, and what leaves for the database is not the key', async () => {
    const { source } = await open();
    const wrapping = kmsWrapping([KEY], source);
    const [here, key] = [place(), randomBytes(32)];
    const wrapped = await wrapping.wrap(here, key);
    expect(wrapped.wrappedBy).toBe(`${KEY}/cryptoKeyVersions/1`);
    expect(Buffer.from(wrapped.wrapped).includes(key)).toBe(false);
    expect(await wrapping.unwrap(here, wrapped)).toEqual(key);
    for (const elsewhere of [place(), { ...here, keyId: 2 }])
      await expect(wrapping.unwrap(elsewhere, wrapped)).rejects.toThrow(WrongWrapping);
    const altered = Buffer.from(wrapped.wrapped);
    altered[20] = (altered[20] ?? 0) ^ 1;
    await expect(wrapping.unwrap(here, { ...wrapped, wrapped: altered })).rejects.toThrow(WrongWrapping);
  });

  test('that is busy or away for a moment is asked again', async () => {
    const { source, faults } = await open();
    const wrapping = kmsWrapping([KEY], source);
    faults.push('busy', 'unavailable');
    expect((await wrapping.wrap(place(), randomBytes(32))).wrappedBy).toContain('/cryptoKeyVersions/1');
  });

  test.each<[KmsFault, number]>([
    ['busy', 3],
    ['unavailable', 3],
    ['silence', 1],
    ['nonsense', 1],
    ['too long', 1],
    ['redirect', 1],
  ])('that goes on with %s counts as away, not as another key', async (fault, requests) => {
    const { source, faults, asked } = await open();
    faults.push(...Array.from({ length: 3 }, () => fault));
    await expect(kmsWrapping([KEY], source).wrap(place(), randomBytes(32))).rejects.toThrow(WrappingAway);
    expect(asked).toHaveLength(requests);
  });

  test('is needed by nobody who has no identity, and says so', async () => {
    const { source } = await open();
    const alone = kmsWrapping([KEY], { ...source, metadataUrl: 'http://127.0.0.1:9' });
    await expect(alone.wrap(place(), randomBytes(32))).rejects.toThrow('machine identity');
  });

  test('is one of those that are configured: the database cannot name another', async () => {
    const other = `${RING}/cryptoKeys/other`;
    const { source, asked } = await open([KEY, other]);
    const here = place();
    const wrapped = await kmsWrapping([other], source).wrap(here, randomBytes(32));
    const before = asked.length;
    await expect(kmsWrapping([KEY], source).unwrap(here, wrapped)).rejects.toThrow('is not given');
    expect(asked).toHaveLength(before);
    expect(await kmsWrapping([KEY, other], source).unwrap(here, wrapped)).toHaveLength(32);
  });

  test('has a name of a key and nothing else', () => {
    for (const name of [KEY, EACH]) expect(isKmsKey(name)).toBe(true);
    for (const name of [
      '',
      'data',
      `${KEY}/cryptoKeyVersions/1`,
      `${RING}/cryptoKeys/../x`,
      `https://evil.example/${KEY}`,
      `${RING}/cryptoKeys/a{b}`,
      `${KEY}:encrypt`,
    ])
      expect(isKmsKey(name), name).toBe(false);
  });
});

describe('a database whose keys KMS wraps', () => {
  test('goes from a ring to KMS and on to another version while values stay as they are; the ring and the old version may go then', async () => {
    const { source, rotate } = await open();
    const { organizationId } = await aClinic(t.database);
    const ringOnly = openEncryption({ ring: { text: TEST_KEY }, kms: [] }).wrapping;
    const both = openEncryption({ ring: { text: TEST_KEY }, kms: [KEY] }, false, source).wrapping;
    const kmsOnly = openEncryption({ ring: null, kms: [KEY] }, false, source).wrapping;
    const before = createCodec(t.database, ringOnly);
    await assertKeysFit(t.database, ringOnly);
    await before.prepare(organizationId);
    const at = { organizationId, table: 'patient', column: 'note_sealed', rowId: 'x' };
    const sealed = before.seal(at, 'value');
    await expect(assertKeysFit(t.database, kmsOnly)).rejects.toThrow('(ring/1) is not given');

    await assertKeysFit(t.database, both);
    for (const holder of ['00000000-0000-0000-0000-000000000000', organizationId])
      expect(await rewrapDataKeys(t.owner, both, holder)).toBeGreaterThan(0);
    await assertKeysFit(t.database, kmsOnly);
    const after = createCodec(t.database, kmsOnly);
    await after.prepare(organizationId);
    expect(after.open(at, sealed)).toBe('value');

    rotate(KEY);
    await rotateDataKey(t.database, kmsOnly, organizationId, 0);
    const versions = await t.look<{ by: string }>(
      `SELECT DISTINCT wrapped_by AS by FROM data_key_secret WHERE organization_id = $1 ORDER BY 1`,
      [organizationId],
    );
    expect(versions.map(({ by }) => by)).toEqual([`${KEY}/cryptoKeyVersions/1`, `${KEY}/cryptoKeyVersions/2`]);
    expect(await rewrapDataKeys(t.owner, kmsOnly, organizationId)).toBe(2);
    const again = createCodec(t.database, kmsOnly);
    await again.prepare(organizationId);
    expect(again.open(at, sealed)).toBe('value');
  });

  test('RET-2: a key for each organization, made when it is needed, takes its data with it, out of an old backup as well', async () => {
    const { source, names, destroy } = await open([]);
    const own = await createTestDatabase();
    try {
      const { wrapping } = openEncryption({ ring: null, kms: [EACH] }, false, source);
      const [gone, stays] = [await aClinic(own.database), await aClinic(own.database)];
      const codec = createCodec(own.database, wrapping, { maxAgeMillis: 0 });
      const at = ({ organizationId }: { organizationId: string }) => ({
        organizationId,
        table: 'patient',
        column: 'note_sealed',
        rowId: 'x',
      });
      const sealed = new Map<object, Uint8Array>();
      for (const clinic of [gone, stays]) {
        await codec.prepare(clinic.organizationId);
        sealed.set(clinic, codec.seal(at(clinic), 'value'));
      }
      expect(names()).toEqual(
        expect.arrayContaining(['none', gone.organizationId, stays.organizationId].map((one) => EACH.replace('{organization}', one))),
      );

      const backup = await own.look<{ organization_id: string; key_id: number; wrapped_by: string; wrapped_key: Buffer }>(
        'SELECT * FROM data_key_secret WHERE organization_id = $1',
        [gone.organizationId],
      );
      await shredOrganization(own.owner, gone.organizationId);
      // The backup is there again, wrapped keys and all: this is as far as deleting goes.
      for (const { organization_id: organizationId, key_id: keyId, wrapped_by: by, wrapped_key: key } of backup)
        await own.look('INSERT INTO data_key_secret VALUES ($1, $2, $3, $4, 0)', [organizationId, keyId, by, key]);
      const restored = createCodec(own.database, wrapping);
      await restored.prepare(gone.organizationId);
      expect(restored.open(at(gone), sealed.get(gone) ?? new Uint8Array())).toBe('value');

      destroy(EACH.replace('{organization}', gone.organizationId));
      const later = createCodec(own.database, wrapping);
      await expect(later.prepare(gone.organizationId)).rejects.toThrow(WrongWrapping);
      await later.prepare(stays.organizationId);
      expect(later.open(at(stays), sealed.get(stays) ?? new Uint8Array())).toBe('value');
      expect(() => later.open(at(stays), sealed.get(gone) ?? new Uint8Array())).toThrow(UnreadableValue);
    } finally {
      await own.drop();
    }
  });
});
