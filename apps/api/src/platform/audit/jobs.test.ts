import { randomBytes } from 'node:crypto';
import { readFileSync, rmSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { EVERYTHING } from '@medspa/contracts';
import { keyRingOf } from '@medspa/database';
import { s3Place } from '@medspa/files/s3';
import {
  aClinic,
  aFolder,
  arrange,
  createLoneDatabase,
  eventually,
  runAs,
  sessionIn,
  TEST_KEY,
  testCodec,
  type Clinic,
  type TestDatabase,
} from '@medspa/testing';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { SIGN_IN, startBucket, type Bucket } from '../../../../../packages/files/test/s3.ts';
import { startTestService } from '../../../test/service.ts';
import { createBreaker } from '../breaker.ts';
import { createMetrics } from '../metrics.ts';
import { createSigner, fingerprintOf, readAnchor, type Anchor } from './anchor.ts';
import { anchorBucket, openAnchorFolder, PUBLIC_KEYS, type AnchorStore } from './anchor-store.ts';
import { auditJobs } from './jobs.ts';

let t: TestDatabase;
let clinic: Clinic;
const folders: string[] = [];
beforeAll(async () => {
  t = await createLoneDatabase();
  clinic = await aClinic(t.database);
});
afterAll(async () => {
  await t.drop();
  for (const folder of folders) rmSync(folder, { recursive: true });
});

const START = Date.parse('2026-03-02T12:00:00Z');
const signer = createSigner(keyRingOf(TEST_KEY));
const metrics = createMetrics();
let minute = 0;
beforeEach(() => {
  minute = 0;
});

/** The job as one process runs it, a minute after the other, and what it anchored. */
function aSealer(store: AnchorStore = async () => {}) {
  const kept: Anchor[][] = [];
  const [job] = auditJobs(metrics, {
    signer,
    store: async (anchors) => {
      // Keys of no organization have a log as well.
      const own = anchors.filter(({ organization }) => organization === clinic.organizationId);
      if (own.length === 0) return;
      await store(own);
      kept.push(own);
    },
  });
  const run = async () => {
    await job?.run(
      {
        database: t.database,
        codec: testCodec(t.database),
        breaker: createBreaker().policy,
        organizationId: '00000000-0000-0000-0000-000000000000',
        actor: { kind: 'job', id: clinic.actorId, grants: EVERYTHING },
        requestId: 'job-1',
        now: () => new Date(START + 60_000 * minute),
      },
      {},
    );
    minute++;
    return kept.splice(0).flat();
  };
  return { run };
}
const write = (rows = 1) =>
  arrange(
    t.database,
    clinic,
    (tx) =>
      tx.$executeRaw`INSERT INTO room_type (organization_id, id, name) SELECT ${clinic.organizationId}::uuid, gen_random_uuid(), gen_random_uuid()::text FROM generate_series(1, ${rows}::int)`,
  );
const head = async () => {
  const [row] = await t.look<{ sequence: string; head: string; count: string }>(
    `SELECT sequence, encode(root, 'hex') AS head, total_rows AS count FROM audit_seal WHERE log = 'audit_log' AND organization_id = $1 ORDER BY sequence DESC LIMIT 1`,
    [clinic.organizationId],
  );
  return { sequence: Number(row?.sequence), head: row?.head, count: Number(row?.count) };
};

describe('AUD-3: an anchor', () => {
  test('is of the last seal, signed, at most five minutes after it or a thousand rows', async () => {
    const { run } = aSealer();
    await write();
    const [first, ...none] = await run();
    expect(none).toEqual([]);
    expect(first).toMatchObject({
      organization: clinic.organizationId,
      log: 'audit_log',
      ...(await head()),
      time: '2026-03-02T12:00:00.000Z',
    });
    expect(readAnchor(JSON.stringify(first), new Set([signer.publicKey]))).toEqual({ anchor: first });

    const anchored: [minute: number, sequence: number | undefined][] = [];
    for (const rows of [1, 1, 1, 1, 1, 0, 0, 0, 0, 0, 1_000, 999, 1]) {
      if (rows > 0) await write(rows);
      const [anchor] = await run();
      if (anchor) anchored.push([minute - 1, anchor.sequence]);
    }
    // The fifth minute; nothing while nothing happens; a thousand at once; and a thousand together.
    expect(anchored).toEqual([
      [5, 6],
      [11, 7],
      [13, 9],
    ]);
  });

  test('is made again after a restart, since nobody else knows what was anchored', async () => {
    await aSealer().run();
    expect(await aSealer().run()).toMatchObject([await head()]);
  });

  test('that could not be kept is tried again the next minute', async () => {
    let isAway = true;
    const { run } = aSealer(async () => {
      if (isAway) throw new Error('away');
    });
    await expect(run()).rejects.toThrow('away');
    isAway = false;
    expect(await run()).toMatchObject([await head()]);
  });

  test('of another statement, signature or key does not count', async () => {
    const [anchor] = await aSealer().run();
    if (!anchor) throw new Error('There is an anchor.');
    const trusted = new Set([signer.publicKey]);
    const stranger = createSigner(keyRingOf(randomBytes(32).toString('hex')));
    for (const changed of [
      { count: anchor.count + 1 },
      { sequence: 1 },
      { head: '0'.repeat(64) },
      { time: '2026-03-02T12:00:01.000Z' },
      { log: 'access_log' },
      { key: stranger.publicKey },
      { more: 1 },
    ])
      expect(readAnchor(JSON.stringify({ ...anchor, ...changed }), trusted), JSON.stringify(changed)).toMatchObject({
        refused: 'bad-signature',
      });
    expect(readAnchor('{', trusted)).toEqual({ refused: 'bad-signature', organization: null, log: null });
    expect(readAnchor(JSON.stringify(stranger.sign(anchor, new Date())), trusted)).toMatchObject({ refused: 'foreign-signature' });
  });

  test('is signed by a key that follows from the encryption key, and is in no database', async () => {
    expect(createSigner(keyRingOf(TEST_KEY)).publicKey).toBe(signer.publicKey);
    const other = randomBytes(32).toString('hex');
    expect(createSigner(keyRingOf(`2:${other},1:${TEST_KEY}`), 1).publicKey).toBe(signer.publicKey);
    expect(createSigner(keyRingOf(`2:${other},1:${TEST_KEY}`)).publicKey).not.toBe(signer.publicKey);
  });
});

describe('AUD-3: anchors are kept', () => {
  test('in a folder that nobody else may enter, a line each, with the public key beside them', async () => {
    const home = aFolder();
    folders.push(home);
    const folder = join(home, 'anchors');
    const store = await openAnchorFolder(folder, signer.publicKey);
    const { run } = aSealer(store);
    const kept = [...(await run())];
    await write(1_000);
    kept.push(...(await run()));
    await openAnchorFolder(folder, signer.publicKey);
    const lines = readFileSync(join(folder, 'anchors.jsonl'), 'utf8').trimEnd().split('\n');
    expect(lines.map((line) => JSON.parse(line) as Anchor)).toEqual(kept);
    expect(kept).toHaveLength(2);
    expect(readFileSync(join(folder, PUBLIC_KEYS), 'utf8')).toBe(`${signer.publicKey}\n`);
    const modeOf = (path: string) => (statSync(path).mode & 0o777).toString(8);
    expect([folder, join(folder, 'anchors.jsonl')].map(modeOf)).toEqual(['700', '600']);
  });

  test('in a bucket, an object each time and none twice', async () => {
    const bucket: Bucket = await startBucket();
    try {
      const { run } = aSealer(anchorBucket(s3Place({ ...SIGN_IN, endpoint: bucket.endpoint })));
      const kept = [...(await run())];
      await write(1_000);
      minute = 0;
      kept.push(...(await run()));
      expect(
        [...bucket.objects.keys()].filter((key) => /^audit-anchors\/2026-03-02\/20260302120000000-[0-9a-f]{8}\.jsonl$/.test(key)),
      ).toHaveLength(2);
      const lines = [...bucket.objects.values()].map((content) => JSON.parse(content.toString()) as Anchor);
      expect(lines.toSorted((a, b) => a.sequence - b.sequence)).toEqual(kept);
    } finally {
      await bucket.close();
    }
  });
});

test('AUD-3: a service with a folder for them seals and anchors by itself, and says which key signs', async () => {
  const home = aFolder();
  folders.push(home);
  const service = await startTestService('anchors', t, clinic, { config: { anchors: { folder: join(home, 'anchors') } } });
  try {
    expect(service.lines.join('')).toContain(`signed with key ${fingerprintOf(signer.publicKey)}`);
    await write();
    // What the clock does every minute.
    await runAs(t.admin, `SELECT graphile_worker.add_job('seal-logs')`);
    const last = () =>
      readFileSync(join(home, 'anchors/anchors.jsonl'), { encoding: 'utf8', flag: 'a+' }).trimEnd().split('\n').at(-1) ?? '';
    await eventually('an anchor is written', () => last() !== '');
    expect(JSON.parse(last())).toMatchObject({ ...(await head()), key: signer.publicKey });
  } finally {
    await service.stop();
  }
});

describe('the age of the last seal', () => {
  const age = async (from: ReturnType<typeof createMetrics>) =>
    Number(/^audit_seal_age_seconds (\S+)$/m.exec((await from.render()).text)?.[1]);

  test('is told once this process has sealed, and not before', async () => {
    const fresh = createMetrics();
    expect((await fresh.render()).text).not.toContain('audit_seal_age_seconds');
    fresh.sealed(7);
    expect(await age(fresh)).toBeGreaterThanOrEqual(7);
    fresh.sealed(0);
    expect(await age(fresh)).toBeLessThan(7);
  });

  test('counts how long rows have been waiting that a transaction holds up', async () => {
    await aSealer().run();
    expect(await age(metrics)).toBeLessThan(5);
    const session = sessionIn(clinic.organizationId, clinic.actorId);
    await t.database.withTransaction(session, async (tx) => {
      await tx.roomType.create({ data: { organizationId: clinic.organizationId, name: 'Held up' } });
      await t.look(
        `INSERT INTO access_log (organization_id, at, actor_kind, actor_id, request_id, action, patient_ids) VALUES ($1, now() - interval '400 seconds', 'staff', $2, 'x', 'x', '{}')`,
        [clinic.organizationId, clinic.actorId],
      );
      await aSealer().run();
    });
    expect(await age(metrics)).toBeGreaterThan(300);
    await aSealer().run();
    expect(await age(metrics)).toBeLessThan(300);
  });
});
