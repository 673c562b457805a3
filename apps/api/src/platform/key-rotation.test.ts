import { randomBytes } from 'node:crypto';
import type { Patient } from '@medspa/contracts';
import {
  createCodec,
  destroyDataKey,
  keyRingOf,
  NO_ORGANIZATION,
  readDataKeys,
  rewrapDataKeys,
  ringWrapping,
  rotateDataKey,
} from '@medspa/database';
import {
  aClinic,
  createTestDatabase,
  eventually,
  runAs,
  TEST_KEY,
  testCodec,
  testWrapping,
  type Clinic,
  type TestDatabase,
} from '@medspa/testing';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { testApp, type TestApp } from '../../test/harness.ts';
import { jobCtx } from '../../test/messages.ts';
import { keyJobs } from './key-jobs.ts';
import { runKeyTask } from './key-tasks.ts';
import { createLog } from './log.ts';

let t: TestDatabase;
let clinic: Clinic;
beforeAll(async () => {
  t = await createTestDatabase();
});
afterAll(() => t.drop());
beforeEach(async () => {
  clinic = await aClinic(t.database);
});

const SECOND = randomBytes(32).toString('hex');
const lines: string[] = [];
const task = (args: string[], ring = TEST_KEY) =>
  runKeyTask(args, {
    withOwner: (work) => work(t.owner),
    encryption: { ring: keyRingOf(ring), kmsKeys: [], wrapping: ringWrapping(keyRingOf(ring)) },
    say: (text) => void lines.push(text),
    settleMillis: 500,
  });

/** People at work in two processes at once: each adds, reads, finds and changes patients, and notes everything that is not as it was said. */
function startWork(apps: TestApp[]) {
  const known: { id: string; phone: string; note: string }[] = [];
  const failures: string[] = [];
  const done = { reads: 0, writes: 0 };
  let isOver = false;
  let next = 0;
  const expectOf = (what: string, status: number, isRight: boolean) => {
    if (status >= 300 || !isRight) failures.push(`${what}: ${status}`);
  };
  const work = apps.flatMap((app, index) =>
    [0, 1].map(async () => {
      while (!isOver) {
        const number = next++;
        const [phone, note] = [`+1555${String(1_000_000 + number)}`, `note ${number}`];
        const made = await app.send<Patient>('POST', '/v1/patients', { givenName: 'Rota', familyName: `Number${number}`, phone, note });
        expectOf('make', made.status, made.body.note === note);
        if (made.status === 201) known.push({ id: made.body.id, phone, note });
        done.writes++;
        // What another process wrote just now, and what nobody has touched for long.
        const other = apps[(index + 1) % apps.length] ?? app;
        for (const one of [known.at(-1), known[Math.floor(Math.random() * known.length)]]) {
          if (!one) continue;
          const read = await other.get<Patient>(`/v1/patients/${one.id}`);
          expectOf('read', read.status, read.body.phone === one.phone && read.body.note?.startsWith(one.note) === true);
          const found = await app.send<{ items: Patient[] }>('POST', '/v1/patients/search', { phone: one.phone });
          expectOf('find', found.status, found.body.items?.[0]?.id === one.id);
          const changed = await app.send<Patient>('PATCH', `/v1/patients/${one.id}`, {
            note: `${one.note}, seen`,
            version: read.body.version,
          });
          if (changed.status !== 409) expectOf('change', changed.status, true);
          done.reads += 2;
        }
      }
    }),
  );
  return {
    known,
    failures,
    done,
    stop: async () => {
      isOver = true;
      await Promise.all(work);
    },
  };
}

describe('ENC-2, SEC-3: keys rotate while everybody works', () => {
  test('no read fails, no value is left to the old keys, which are destroyed, and everything is readable', async () => {
    const both = ringWrapping(keyRingOf(`${TEST_KEY},2:${SECOND}`));
    const apps = [0, 1].map(() => testApp(t.database, { as: clinic, codec: createCodec(t.database, both, { maxAgeMillis: 200 }) }));
    const { organizationId } = clinic;
    const work = startWork(apps);
    const busy = async () => {
      const { reads } = work.done;
      await eventually('work goes on', () => work.done.reads > reads + 40);
    };
    try {
      await busy();
      // Data keys: announced, then used, then the only one.
      expect(await rotateDataKey(t.database, testWrapping, organizationId, 1)).toMatchObject({ keyId: 2 });
      await busy();
      await task(['reseal', organizationId]);
      expect((await readDataKeys(t.owner, organizationId)).map(({ keyId, live }) => [keyId, keyId === 2 ? live > 0 : live])).toEqual([
        [0, 0],
        [1, 0],
        [2, true],
      ]);
      await destroyDataKey(t.owner, organizationId, 1, { settledSeconds: 0, withHistory: true });
      await busy();
      // The wrapping key: every process has both, then the new one wraps.
      for (const holder of [NO_ORGANIZATION, organizationId])
        expect(await rewrapDataKeys(t.owner, ringWrapping(keyRingOf(`2:${SECOND},1:${TEST_KEY}`)), holder)).toBeGreaterThan(0);
      await busy();
    } finally {
      await work.stop();
    }
    expect(work.failures).toEqual([]);
    const alone = testApp(t.database, { as: clinic, codec: createCodec(t.database, ringWrapping(keyRingOf(`2:${SECOND}`))) });
    for (const { id, phone, note } of work.known) {
      const { status, body } = await alone.get<Patient>(`/v1/patients/${id}`);
      expect([status, body.phone, body.note?.startsWith(note)]).toEqual([200, phone, true]);
    }
    // Back to what the other tests wrap with.
    await rewrapDataKeys(t.owner, ringWrapping(keyRingOf(`${TEST_KEY},2:${SECOND}`)), NO_ORGANIZATION);
  }, 60_000);

  test('the control: without the announcement, what one process seals the other cannot open', async () => {
    const [slow, quick] = [60_000, 0].map((maxAgeMillis) =>
      testApp(t.database, { as: clinic, codec: createCodec(t.database, testWrapping, { maxAgeMillis }) }),
    ) as [TestApp, TestApp];
    const person = { givenName: 'Una', familyName: 'Nounced', note: 'value' };
    await slow.send('POST', '/v1/patients', person);
    await rotateDataKey(t.database, testWrapping, clinic.organizationId, 0);
    const { body } = await quick.send<Patient>('POST', '/v1/patients', person);
    expect((await quick.get(`/v1/patients/${body.id}`)).status).toBe(200);
    // ENC-5: closed, no part of the record, counted.
    const refused = await slow.get<object>(`/v1/patients/${body.id}`);
    expect([refused.status, refused.body]).toMatchObject([500, { slug: 'internal' }]);
    expect(refused.text).not.toMatch(/Una|Nounced|value/);
  });
});

test('ENC-5: a value that does not open fails the whole answer, and the metric that the alarm watches counts it', async () => {
  const app = testApp(t.database, { as: clinic });
  const { body } = await app.send<Patient>('POST', '/v1/patients', {
    givenName: 'Ada',
    familyName: 'Altered',
    phone: '+1 555 010 0100',
    note: 'value',
  });
  expect((await app.metrics.render()).text).toContain('encryption_unreadable_total 0');
  await runAs(
    t.admin,
    `SELECT app.enter('{"organizationId": "${clinic.organizationId}", "actorId": "${clinic.actorId}"}')`,
    `ALTER TABLE patient DISABLE TRIGGER USER`,
    `UPDATE patient SET note_sealed = set_byte(note_sealed, 30, get_byte(note_sealed, 30) # 1) WHERE id = '${body.id}'`,
    `ALTER TABLE patient ENABLE TRIGGER USER`,
  );
  const answer = await app.get(`/v1/patients/${body.id}`);
  expect(answer.status).toBe(500);
  expect(answer.text).not.toMatch(/Ada|Altered|555/);
  expect((await app.metrics.render()).text).toContain('encryption_unreadable_total 1');
});

describe('ENC-2: the job that watches the age of keys', () => {
  const newest = async (organizationId: string) => (await readDataKeys(t.owner, organizationId)).at(-1);
  const run = async () => {
    const [job] = keyJobs(testWrapping, createLog('info', { write: (line: string) => void lines.push(line) }));
    await job?.run(jobCtx(t, NO_ORGANIZATION), {});
  };
  /** Past rules of the tables, which let no key become old. */
  const make = (statement: string) =>
    runAs(t.admin, `ALTER TABLE data_key DISABLE TRIGGER audit`, statement, `ALTER TABLE data_key ENABLE TRIGGER audit`);

  test.each([
    ['is 90 days old', (id: string) => `UPDATE data_key SET created_at = now() - interval '91 days' WHERE organization_id = '${id}'`],
    [
      'has sealed 2^28 values',
      (id: string) => `UPDATE data_key_secret SET sealings = 2 ^ 28 WHERE organization_id = '${id}' AND key_id = 1`,
    ],
  ])('gives an organization another one whose key %s, once, and says so; nobody else', async (_, statementOf) => {
    const fresh = await aClinic(t.database);
    for (const { organizationId } of [clinic, fresh]) await testCodec(t.database).prepare(organizationId);
    await run();
    expect(await newest(clinic.organizationId)).toMatchObject({ keyId: 1 });
    await make(statementOf(clinic.organizationId));
    await run();
    await run();
    expect(await newest(clinic.organizationId)).toMatchObject({ keyId: 2 });
    expect(await newest(fresh.organizationId)).toMatchObject({ keyId: 1 });
    expect(lines.filter((line) => line.includes('data key rotated') && line.includes(clinic.organizationId))).toHaveLength(1);
  });
});

describe('npm run keys', () => {
  beforeEach(async () => {
    lines.length = 0;
    await testCodec(t.database).prepare(clinic.organizationId);
  });

  test('status shows every key and what needs it, and no key', async () => {
    const app = testApp(t.database, { as: clinic });
    await app.send('POST', '/v1/patients', { givenName: 'Sta', familyName: 'Tus', phone: '+1 555 010 0100', note: 'value' });
    await task(['status', clinic.organizationId]);
    expect(lines[0]).toBe(clinic.organizationId);
    expect(lines[1]).toMatch(/^ {2}key 0 .*wrapped by ring\/1 {2}hashes, never changes$/);
    expect(lines[2]).toMatch(/^ {2}key 1 .*wrapped by ring\/1 {2}2 values, 2 in the audit log/);
    expect(lines.join()).not.toMatch(/[0-9a-f]{64}/);
  });

  test('rotate adds a key that seals three minutes later', async () => {
    await task(['rotate', clinic.organizationId]);
    expect(lines[0]).toMatch(new RegExp(`^${clinic.organizationId}: key 2 seals from `));
    const [key] = (await readDataKeys(t.owner, clinic.organizationId)).slice(-1);
    expect(key && key.usableFrom.getTime() - key.createdAt.getTime()).toBeGreaterThan(170_000);
  });

  test('shred asks twice, and says what a backup still has', async () => {
    await expect(task(['shred', clinic.organizationId])).rejects.toThrow('--for-ever');
    await task(['shred', clinic.organizationId, '--for-ever']);
    expect(lines).toEqual([
      '2 keys destroyed.',
      'What wrapped them: ring/1',
      expect.stringContaining('Backups of before have the wrapped keys'),
    ]);
    expect(
      (await testApp(t.database, { as: clinic }).send('POST', '/v1/patients', { givenName: 'A', familyName: 'B', note: 'x' })).status,
    ).toBe(500);
  });

  test('ENC-6: escrow prints the ring in a form that is given back, with a check of each line', async () => {
    await task(['escrow'], `2:${SECOND},1:${TEST_KEY}`);
    const said = lines.join('\n');
    const ring = [...said.matchAll(/^(\d+:[0-9a-f]{64})$/gm)].map(([, line]) => line).join(',');
    expect(keyRingOf(ring)).toEqual(keyRingOf(`2:${SECOND},1:${TEST_KEY}`));
    expect(said).toContain('KEEP THIS');
  });

  test('of nobody, or of nothing, is refused with a sentence', async () => {
    for (const [args, says] of [
      [['status', clinic.actorId], 'has keys'],
      [['destroy'], 'Of which organization?'],
      [['burn'], 'What of the keys?'],
      [['destroy', clinic.organizationId, '1'], 'may still seal'],
    ] as const)
      await expect(task([...args]), args.join(' ')).rejects.toThrow(says);
  });
});
