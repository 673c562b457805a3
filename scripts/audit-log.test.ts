import { randomBytes } from 'node:crypto';
import { appendFileSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { keyRingOf, sql } from '@medspa/database';
import {
  aClinic,
  aFolder,
  aPatient,
  arrange,
  connect,
  createLoneDatabase,
  run,
  sessionIn,
  TEST_KEY,
  type Clinic,
  type TestDatabase,
} from '@medspa/testing';
import type { Client } from 'pg';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { createSigner, fingerprintOf, type Anchor, type Head } from '../apps/api/src/platform/audit/anchor.ts';
import { openAnchorFolder } from '../apps/api/src/platform/audit/anchor-store.ts';
import { aMutation, type Chain } from './audit-log/mutations.ts';
import { verifyLogs } from './audit-log/verify.ts';

const ROUNDS = 12;
/** AUDIT_MUTATIONS=1000 is the long form; AUDIT_SEED repeats a run. */
const MUTATIONS = Number(process.env['AUDIT_MUTATIONS'] ?? 66);
const SEED = Number(process.env['AUDIT_SEED'] ?? 20_261_122);

let t: TestDatabase;
let client: Client;
let clinics: Clinic[];
let patientId: string;
const folder = aFolder();
const signer = createSigner(keyRingOf(TEST_KEY));
const anchors: Anchor[] = [];

const verb = async <Result>(name: 'seal_logs' | 'seal_heads'): Promise<Result | undefined> => {
  const session = sessionIn(clinics[0]?.organizationId ?? '', clinics[0]?.actorId ?? '', 'upkeep.seal');
  const [row] = await t.database.callFunction(session, (given) =>
    name === 'seal_logs'
      ? sql<{ result: Result }>`SELECT app.seal_logs(${given}::jsonb, 100000) AS result`
      : sql<{ result: Result }>`SELECT app.seal_heads(${given}::jsonb) AS result`,
  );
  return row?.result;
};

beforeAll(async () => {
  t = await createLoneDatabase();
  clinics = [await aClinic(t.database), await aClinic(t.database)];
  patientId = await aPatient(t.database, clinics[0] as Clinic);
  const store = await openAnchorFolder(folder, signer.publicKey);
  for (let round = 1; round <= ROUNDS; round++) {
    for (const clinic of clinics)
      await arrange(t.database, clinic, async (tx) => {
        for (let count = 0; count < 4; count++) {
          await tx.roomType.create({ data: { organizationId: clinic.organizationId, name: `Room ${round}.${count}` } });
          await tx.$executeRaw`SELECT app.log_access(ARRAY[${clinic === clinics[0] ? patientId : clinic.actorId}::uuid])`;
        }
      });
    await verb('seal_logs');
    if (round % 4 !== 0) continue;
    const signed = ((await verb<Head[]>('seal_heads')) ?? []).map((head) => signer.sign(head, new Date()));
    anchors.push(...signed);
    await store(signed);
  }
  client = await connect(t.admin);
});
afterAll(async () => {
  await client.end();
  await t.drop();
  rmSync(folder, { recursive: true });
});

/** What the verifier says of a database in which this was done, by one whom no trigger stops. */
async function verifyAfter<T>(work: () => Promise<T>, given = anchors) {
  await client.query(`BEGIN; SET LOCAL session_replication_role = 'replica'`);
  try {
    const did = await work();
    return { did, ...(await verifyLogs(client, given)) };
  } finally {
    await client.query('ROLLBACK');
  }
}
const untouched = async () => {};

describe('AUD-4: the verifier', () => {
  test('finds nothing on logs that nobody touched, and says how far they are anchored', async () => {
    const { findings, verified } = await verifyAfter(untouched);
    expect(findings).toEqual([]);
    expect(verified).toHaveLength(4);
    for (const one of verified) expect(one).toMatchObject({ seals: ROUNDS, unsealed: 0, anchored: { sequence: ROUNDS } });
    const [rows] = await t.look<{ rows: number }>(
      'SELECT ((SELECT count(*) FROM audit_log) + (SELECT count(*) FROM access_log))::int AS rows',
    );
    expect(verified.reduce((sum, one) => sum + one.rows, 0)).toBe(rows?.rows);
  });

  test('finds what is not sealed yet and does not call it bad', async () => {
    const [clinic] = clinics;
    const insert = () =>
      client.query(
        `INSERT INTO access_log (organization_id, at, actor_kind, actor_id, request_id, action, patient_ids) VALUES ($1, now(), 'staff', $2, 'x', 'x', '{}')`,
        [clinic?.organizationId, clinic?.actorId],
      );
    const { findings, verified } = await verifyAfter(insert);
    expect(findings).toEqual([]);
    expect(verified.reduce((sum, { unsealed }) => sum + unsealed, 0)).toBe(1);
  });

  test(`finds ${MUTATIONS} of ${MUTATIONS} edits, deletions, insertions, swaps, truncations and rewrites before the last anchor, names each, and accuses no other log`, async () => {
    const chains = clinics.flatMap(({ organizationId: organization }): Chain[] => [
      { organization, log: 'audit_log', seals: ROUNDS },
      { organization, log: 'access_log', seals: ROUNDS },
    ]);
    const missed: string[] = [];
    const tried = new Map<string, number>();
    for (let index = 0; index < MUTATIONS; index++) {
      const mutate = aMutation(SEED + index, index, chains);
      const { did, findings } = await verifyAfter(() => mutate(client));
      tried.set(did.what, (tried.get(did.what) ?? 0) + 1);
      const [found, ...more] = findings;
      const isRight =
        more.length === 0 &&
        found?.organization === did.organization &&
        found.log === did.log &&
        (did.kind === null || found.kind === did.kind) &&
        (did.sequence === null || found.sequence === did.sequence);
      if (!isRight) missed.push(`${SEED + index}: ${JSON.stringify(did)} was called ${JSON.stringify(findings)}`);
    }
    process.stdout.write(
      `${MUTATIONS} mutations: ${[...tried].map(([what, count]) => `${count} ${what}`).join(', ')}; missed ${missed.length}\n`,
    );
    expect(missed).toEqual([]);
  });

  test('cannot see without anchors that the end was cut off; with them it can', async () => {
    const cut = async () => {
      const of = [clinics[0]?.organizationId];
      await client.query(
        `DELETE FROM audit_log l USING audit_seal s WHERE s.organization_id = $1 AND s.log = 'audit_log' AND s.sequence = ${ROUNDS}
        AND l.organization_id = s.organization_id AND l.xact >= s.from_xact`,
        of,
      );
      await client.query(`DELETE FROM audit_seal WHERE organization_id = $1 AND log = 'audit_log' AND sequence = ${ROUNDS}`, of);
    };
    expect((await verifyAfter(cut, [])).findings).toEqual([]);
    expect((await verifyAfter(cut)).findings).toEqual([
      { organization: clinics[0]?.organizationId, log: 'audit_log', kind: 'short-tail', sequence: ROUNDS },
    ]);
  });

  test('finds that an organization is gone with all its rows and seals, since its anchors are there', async () => {
    const { findings } = await verifyAfter(() => client.query('TRUNCATE audit_log, access_log, audit_seal'));
    expect(findings.map(({ kind, sequence }) => [kind, sequence])).toEqual(Array.from({ length: 4 }, () => ['short-tail', 1]));
  });
});

describe('npm run audit-log', () => {
  const cli = async (...args: string[]) => {
    const { host, port, user, password, database } = t.owner;
    const url = `postgresql://${user}:${password}@${host}:${port}/${database}`;
    const started = run('scripts/audit-log.ts', {}, { args: [...args, '--database-url', url] });
    return { code: await started.ended, said: started.said() };
  };
  const file = join(folder, 'anchors.jsonl');

  test('verify ends with 0, tells the key that signed, and says what it cannot prove', async () => {
    const { code, said } = await cli('verify', '--anchors', folder);
    expect(said).toMatch(/^ok {3}\S+ access_log {2}48 rows in 12 seals, anchored up to seal 12/m);
    expect(said).toContain(`signed by key ${fingerprintOf(signer.publicKey)}`);
    expect(said).toContain('anything after the last anchor');
    expect(code, said).toBe(0);
  });

  test('verify ends with 1 where an anchor tells of more than there is, and where it was changed or signed by a stranger', async () => {
    const lines = readFileSync(file, 'utf8');
    const [first] = anchors;
    if (!first) throw new Error('There is an anchor.');
    const stranger = createSigner(keyRingOf(randomBytes(32).toString('hex')));
    const beyond = signer.sign({ ...first, sequence: ROUNDS + 1 }, new Date());
    const wrong: [line: string, says: RegExp][] = [
      [JSON.stringify({ ...first, count: first.count + 1 }), /^BAD .* bad-signature/m],
      ['{"organization":', /^BAD .* bad-signature/m],
      [JSON.stringify(stranger.sign(first, new Date())), /^BAD .* foreign-signature/m],
      [JSON.stringify(beyond), /^BAD .* at seal 13: short-tail/m],
    ];
    try {
      for (const [line, says] of wrong) {
        appendFileSync(file, `${line}\n`);
        const { code, said } = await cli('verify', '--anchors', file);
        expect(said).toMatch(says);
        expect(code).toBe(1);
        writeFileSync(file, lines);
      }
    } finally {
      writeFileSync(file, lines);
    }
  });

  test('verify without anchors says that this proves less', async () => {
    const { code, said } = await cli('verify');
    expect(said).toContain('No anchor was given');
    expect(code, said).toBe(0);
  });

  test('verify trusts the keys that it is given, and no other', async () => {
    const stranger = createSigner(keyRingOf(randomBytes(32).toString('hex'))).publicKey;
    const { code, said } = await cli('verify', '--anchors', folder, `--public-key=${stranger}`);
    expect([code, said.match(/foreign-signature/g)?.length]).toEqual([1, anchors.length]);
    expect((await cli('verify', '--anchors', folder, '--public-key=short')).said).toContain('A public key is 43 characters');
  });

  test('readers lists who was shown a patient, by name', async () => {
    const { code, said } = await cli('readers', patientId);
    expect(said.match(/staff Olive Owner {2}test\.arrange/g)).toHaveLength(ROUNDS * 4);
    expect(code).toBe(0);
    expect((await cli('readers', 'nobody')).said).toContain('PATIENT_ID is not an id');
  });

  test('changes nothing: what it runs in is read-only, and the role of the service is sent away', async () => {
    const { host, port, user, password, database } = t.runtime;
    const url = `postgresql://${user}:${password}@${host}:${port}/${database}`;
    const refused = run('scripts/audit-log.ts', {}, { args: ['verify', '--database-url', url] });
    expect(await refused.ended).toBe(2);
    expect(refused.said()).toContain('does not see every organization');
  });

  test('an unknown task tells the known ones', async () => {
    const { code, said } = await cli('rewrite');
    expect([code, said]).toEqual([2, expect.stringContaining('audit-log -- verify')]);
  });
});
