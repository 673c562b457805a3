import { randomBytes, randomUUID } from 'node:crypto';
import { aClinic, createTestDatabase, eventually, testWrapping, type Clinic, type TestDatabase } from '@medspa/testing';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { KeysNotLoaded, UnreadableValue } from './ciphers.ts';
import { addDataKeys, createCodec, newKeys, NO_ORGANIZATION, type Codec, type CodecOptions } from './codec.ts';
import { asOwner, destroyDataKey, readDataKeys, rotateDataKey, shredOrganization } from './data-keys.ts';
import { WrappingAway, ringWrapping, type Wrapping } from './wrapping.ts';

let t: TestDatabase;
let clinic: Clinic;
beforeAll(async () => {
  t = await createTestDatabase();
});
afterAll(() => t.drop());
beforeEach(async () => {
  clinic = await aClinic(t.database);
});

/** How often the database was asked, and a codec as another process has it. */
function aProcess(options: CodecOptions = {}, wrapping: Wrapping = testWrapping) {
  let asked = 0;
  const counting: Pick<typeof t.database, 'callFunction'> = {
    callFunction: (session, build) => {
      asked++;
      return t.database.callFunction(session, build);
    },
  };
  return { codec: createCodec(counting, wrapping, options), asked: () => asked };
}

const placeIn = (organizationId: string) => ({ organizationId, table: 'patient', column: 'phone_sealed', rowId: 'x' });
const keyOf = (sealed: Uint8Array) => Buffer.from(sealed).readUInt32BE(1);
const hex = (bytes: Uint8Array) => Buffer.from(bytes).toString('hex');

describe('ENC-1: an organization', () => {
  test('has random keys of its own, which are in the database wrapped and in no other form', async () => {
    const { codec } = aProcess();
    const other = await aClinic(t.database);
    for (const { organizationId } of [clinic, other]) await codec.prepare(organizationId);
    const rows = await t.look<{ organization_id: string; key_id: number; wrapped_by: string; wrapped_key: Buffer<ArrayBuffer> }>(
      'SELECT * FROM data_key_secret WHERE organization_id = ANY ($1) ORDER BY organization_id, key_id',
      [[clinic.organizationId, other.organizationId]],
    );
    expect(rows.map(({ key_id: keyId, wrapped_by: by }) => [keyId, by])).toEqual([0, 1, 0, 1].map((keyId) => [keyId, 'ring/1']));
    const keys = await Promise.all(
      rows.map((row) =>
        testWrapping.unwrap(
          { organizationId: row.organization_id, keyId: row.key_id },
          { wrappedBy: row.wrapped_by, wrapped: row.wrapped_key },
        ),
      ),
    );
    expect(new Set(keys.map(hex)).size).toBe(4);
    const all = (await t.look<{ text: string }>(`SELECT k::text AS text FROM data_key_secret k UNION ALL SELECT l::text FROM audit_log l`))
      .map(({ text }) => text)
      .join();
    for (const key of keys) expect(all).not.toContain(hex(key));
    for (const { wrapped_key: wrapped } of rows)
      expect((await t.look<{ text: string }>('SELECT l::text AS text FROM audit_log l')).map(({ text }) => text).join()).not.toContain(
        hex(wrapped),
      );
  });

  test('gets them once, however many processes meet it first', async () => {
    const processes = Array.from({ length: 8 }, () => aProcess().codec);
    await Promise.all(processes.map((codec) => codec.prepare(clinic.organizationId)));
    const place = placeIn(clinic.organizationId);
    const [first, ...others] = processes as [Codec, ...Codec[]];
    for (const codec of others) {
      expect(codec.open(place, first.seal(place, 'value'))).toBe('value');
      expect(hex(codec.blindIndex(place, 'value'))).toBe(hex(first.blindIndex(place, 'value')));
    }
  });

  test("opens with its own keys only: a value moved to another organization's row does not", async () => {
    const other = await aClinic(t.database);
    const { codec } = aProcess();
    await codec.prepare(clinic.organizationId);
    await codec.prepare(other.organizationId);
    const sealed = codec.seal(placeIn(clinic.organizationId), 'value');
    expect(() => codec.open(placeIn(other.organizationId), sealed)).toThrow(UnreadableValue);
  });

  test('does not unwrap the wrapped key of another one, nor another of its own', async () => {
    const [key] = await newKeys(testWrapping, clinic.organizationId, [1]);
    if (!key) throw new Error('There is no key.');
    await expect(testWrapping.unwrap({ organizationId: randomUUID(), keyId: 1 }, key)).rejects.toThrow('Key 1');
    await expect(testWrapping.unwrap({ organizationId: clinic.organizationId, keyId: 2 }, key)).rejects.toThrow('Key 1');
    expect(await testWrapping.unwrap({ organizationId: clinic.organizationId, keyId: 1 }, key)).toHaveLength(32);
  });

  test('that is not there gets none, whoever asks', async () => {
    const { codec } = aProcess();
    const stranger = randomUUID();
    await codec.prepare(stranger);
    expect(() => codec.seal(placeIn(stranger), 'value')).toThrow(KeysNotLoaded);
    expect(await t.look('SELECT FROM data_key WHERE organization_id = $1', [stranger])).toEqual([]);
  });

  test('that nobody prepared is neither sealed for nor opened', () => {
    const { codec } = aProcess();
    expect(codec.isReady(clinic.organizationId)).toBe(false);
    expect(() => codec.seal(placeIn(clinic.organizationId), 'value')).toThrow(KeysNotLoaded);
  });
});

describe('keys in memory', () => {
  test('cost no question to the database, until they are a minute old', async () => {
    const { codec, asked } = aProcess();
    await codec.prepare(clinic.organizationId);
    const before = asked();
    for (let time = 0; time < 100; time++) {
      await codec.prepare(clinic.organizationId);
      codec.open(placeIn(clinic.organizationId), codec.seal(placeIn(clinic.organizationId), 'value'));
    }
    expect(asked()).toBe(before);
  });

  test('are asked for once, however many need them at the same time', async () => {
    const { codec, asked } = aProcess();
    await codec.prepare(clinic.organizationId);
    const before = asked();
    const other = await aClinic(t.database);
    await aProcess().codec.prepare(other.organizationId);
    await Promise.all(Array.from({ length: 20 }, () => codec.prepare(other.organizationId)));
    expect(asked()).toBe(before + 1);
  });

  test('are wrapped keys of a server that is away for a while: they serve on, and a new process waits for it', async () => {
    let isAway = false;
    const wrapping: Wrapping = {
      wrap: testWrapping.wrap,
      unwrap: (place, wrapped) => (isAway ? Promise.reject(new WrappingAway('away')) : testWrapping.unwrap(place, wrapped)),
    };
    const { codec } = aProcess({ maxAgeMillis: 0 }, wrapping);
    await codec.prepare(clinic.organizationId);
    isAway = true;
    await codec.prepare(clinic.organizationId);
    expect(codec.open(placeIn(clinic.organizationId), codec.seal(placeIn(clinic.organizationId), 'value'))).toBe('value');
    await expect(aProcess({}, wrapping).codec.prepare(clinic.organizationId)).rejects.toThrow(WrappingAway);
  });

  test('tell how often each has sealed', async () => {
    const { codec } = aProcess({ maxAgeMillis: 0 });
    await codec.prepare(clinic.organizationId);
    for (let time = 0; time < 50; time++) codec.seal(placeIn(clinic.organizationId), 'value');
    await codec.prepare(clinic.organizationId);
    await codec.prepare(clinic.organizationId);
    expect((await readDataKeys(t.owner, clinic.organizationId)).map(({ keyId, sealings }) => [keyId, sealings])).toEqual([
      [0, 0],
      [1, 50],
    ]);
  });
});

describe('ENC-2: a new key', () => {
  test('seals only once every process had time to learn of it, so that none meets a value that it cannot open', async () => {
    const [rotating, reading] = [aProcess({ maxAgeMillis: 0 }).codec, aProcess().codec];
    for (const codec of [rotating, reading]) await codec.prepare(clinic.organizationId);
    const place = placeIn(clinic.organizationId);
    expect(await rotateDataKey(t.database, testWrapping, clinic.organizationId)).toMatchObject({ keyId: 2 });
    await rotating.prepare(clinic.organizationId);
    expect(keyOf(rotating.seal(place, 'value'))).toBe(1);
    // Whoever asks from now on has the key before anybody uses it.
    await asOwner(t.owner, clinic.organizationId, 'test', (client) =>
      client.query('UPDATE data_key SET usable_from = now() WHERE key_id = 2'),
    );
    const late = aProcess().codec;
    await late.prepare(clinic.organizationId);
    await rotating.prepare(clinic.organizationId);
    const sealed = rotating.seal(place, 'value');
    expect(keyOf(sealed)).toBe(2);
    expect(late.open(place, sealed)).toBe('value');
    // The control: without the announcement, a process that asked before would stand there.
    expect(() => reading.open(place, sealed)).toThrow(UnreadableValue);
  });

  test('raced by processes that read and write all the time is opened by all of them', async () => {
    const maxAgeMillis = 100;
    const processes = Array.from({ length: 4 }, () => aProcess({ maxAgeMillis }).codec);
    const place = placeIn(clinic.organizationId);
    let latest = new Uint8Array();
    const used = new Set<number>();
    let isOver = false;
    const work = processes.map(async (codec) => {
      for (; !isOver; await new Promise(setImmediate)) {
        await codec.prepare(clinic.organizationId);
        if (latest.length > 0) codec.open(place, latest);
        latest = codec.seal(place, 'value');
        used.add(keyOf(latest));
      }
    });
    // The announcement, in the same proportion to the age as in production.
    const rotate = async (keyId: number) =>
      addDataKeys(t.database, clinic.organizationId, await newKeys(testWrapping, clinic.organizationId, [keyId]), 1);
    await eventually('the first key seals', () => used.has(1));
    for (let keyId = 2; keyId <= 3; keyId++) {
      expect((await Promise.all([rotate(keyId), rotate(keyId)])).toSorted()).toEqual([false, true]);
      await eventually(`key ${keyId} seals`, () => used.has(keyId));
    }
    isOver = true;
    await Promise.all(work);
    expect([...used]).toEqual([1, 2, 3]);
  });
});

describe('a destroyed key', () => {
  test('dies in memory as well', async () => {
    const { codec } = aProcess({ maxAgeMillis: 0 });
    await codec.prepare(clinic.organizationId);
    const sealed = codec.seal(placeIn(clinic.organizationId), 'value');
    await rotateDataKey(t.database, testWrapping, clinic.organizationId, 0);
    await destroyDataKey(t.owner, clinic.organizationId, 1, { settledSeconds: 0 });
    await codec.prepare(clinic.organizationId);
    expect(() => codec.open(placeIn(clinic.organizationId), sealed)).toThrow(UnreadableValue);
    expect(keyOf(codec.seal(placeIn(clinic.organizationId), 'value'))).toBe(2);
  });

  test('RET-2: all of them leave an organization of which nothing opens, and which gets no new ones', async () => {
    const { codec } = aProcess({ maxAgeMillis: 0 });
    await codec.prepare(clinic.organizationId);
    const sealed = codec.seal(placeIn(clinic.organizationId), 'value');
    expect(await shredOrganization(t.owner, clinic.organizationId)).toBe(2);
    await codec.prepare(clinic.organizationId);
    for (const used of [
      () => codec.open(placeIn(clinic.organizationId), sealed),
      () => codec.seal(placeIn(clinic.organizationId), 'value'),
    ])
      expect(used).toThrow(KeysNotLoaded);
    expect(() => codec.keyedHash(placeIn(clinic.organizationId), 'value')).toThrow(KeysNotLoaded);
    expect((await readDataKeys(t.owner, clinic.organizationId)).map(({ wrappedBy }) => wrappedBy)).toEqual([null, null]);
    await expect(rotateDataKey(t.database, testWrapping, clinic.organizationId)).rejects.toThrow('has no keys');
    // What happened to the keys is in the log, without them.
    const log = await t.look<{ action: string }>(
      `SELECT DISTINCT action FROM audit_log WHERE organization_id = $1 AND table_name = 'data_key' ORDER BY 1`,
      [clinic.organizationId],
    );
    expect(log.map(({ action }) => action)).toEqual(['data-key.add', 'data-key.shred']);
  });

  test('is never one that may still seal, the one of the hashes, or nobody’s', async () => {
    await aProcess().codec.prepare(clinic.organizationId);
    await expect(destroyDataKey(t.owner, clinic.organizationId, 1)).rejects.toThrow('may still seal');
    await rotateDataKey(t.database, testWrapping, clinic.organizationId, 0);
    await expect(destroyDataKey(t.owner, clinic.organizationId, 1)).rejects.toThrow('may still seal');
    await expect(destroyDataKey(t.owner, clinic.organizationId, 0)).rejects.toThrow('hashes');
    await expect(destroyDataKey(t.owner, clinic.organizationId, 9)).rejects.toThrow('no key 9');
    await expect(shredOrganization(t.owner, NO_ORGANIZATION)).rejects.toThrow('keys of no organization');
  });
});

test('HIP-5: keys that were wrapped with another wrapping key open nothing', async () => {
  await aProcess().codec.prepare(clinic.organizationId);
  const wrong = ringWrapping({ current: 1, keys: new Map([[1, randomBytes(32)]]) });
  await expect(aProcess({}, wrong).codec.prepare(clinic.organizationId)).rejects.toThrow('Key 1 of the encryption is not the one');
});
