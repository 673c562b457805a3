import { randomBytes } from 'node:crypto';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import type { DatabaseSettings } from '@medspa/database';
import { findDrift } from '@medspa/database/migrate';
import { fillPracticeData, generatePracticeData, PRACTICE_ORGANIZATION_ID } from '@medspa/practice-data';
import {
  createTestDatabase,
  eventually,
  launcher,
  patientsAt,
  run,
  runAs,
  startOwnServer,
  testCodec,
  type OwnServer,
  type TestDatabase,
} from '@medspa/testing';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';

const NOW = new Date('2026-11-18T17:20:00Z');
const { start, aDataFolder } = launcher();

describe('a fill', () => {
  let inserted: TestDatabase;
  let copied: TestDatabase;
  const told: string[] = [];
  beforeAll(async () => {
    [inserted, copied] = [await createTestDatabase(), await createTestDatabase()];
    await fillPracticeData(inserted.database, testCodec(inserted.database), generatePracticeData('small', 1, NOW), NOW);
    const progress = ({ step }: { step: string }) => told.push(step);
    await fillPracticeData(copied.database, testCodec(copied.database), generatePracticeData('small', 1, NOW), NOW, {
      owner: copied.owner,
      progress,
    });
  });
  afterAll(async () => {
    await inserted.drop();
    await copied.drop();
  });

  // Sealed values differ each time and hashes with each database's keys, counted ids may; whose they are does not.
  const SAME: [table: string, but: string[]][] = [
    ['patient', ['birth_date', 'phone', 'email'].flatMap((name) => [`${name}_sealed`, `${name}_index`])],
    ['resource', []],
    ['appointment', []],
    ['appointment_segment', []],
    ['appointment_history', []],
    ['claim', ['id']],
    ['outbox_event', []],
  ];
  test.each(SAME)('by COPY ends with the rows of one by inserts: %s', async (table, but) => {
    const rows = ({ look }: TestDatabase) =>
      look<{ count: number; digest: string }>(
        `SELECT count(*)::int AS count, md5(string_agg(r, E'\\n' ORDER BY r)) AS digest FROM (SELECT (to_jsonb(t) - $1::text[])::text AS r FROM ${table} t) x`,
        [but],
      );
    const [some] = await rows(copied);
    expect(some?.count).toBeGreaterThan(0);
    expect(await rows(inserted)).toEqual([some]);
    expect(told).toEqual(expect.arrayContaining(['patients', 'keys', 'coming']));
  });

  test('by COPY leaves no drift', async () => {
    expect(await findDrift(copied.owner)).toEqual([]);
  });

  test('seals what it copies: a birth date opens for its patient and for nobody else', async () => {
    const [patient] = generatePracticeData('small', 1, NOW).patients;
    if (!patient) throw new Error('There is no patient.');
    const [row] = await copied.look<{ sealed: Buffer }>('SELECT birth_date_sealed AS sealed FROM patient WHERE id = $1', [patient.id]);
    const place = { organizationId: PRACTICE_ORGANIZATION_ID, table: 'patient', column: 'birth_date_sealed' };
    expect(testCodec(copied.database).open({ ...place, rowId: patient.id }, row?.sealed ?? Buffer.alloc(0))).toBe(patient.birthDate);
  });

  test('audits what it inserts, and what it copies not', async () => {
    const audited = ({ look }: TestDatabase) =>
      look<{ name: string; isLive: boolean }>(
        `SELECT DISTINCT l.table_name AS name, a.ends_at > $1::timestamptz - interval '9 days' AS "isLive"
         FROM audit_log l LEFT JOIN appointment a ON a.id = l.row_id WHERE l.table_name IN ('staff', 'patient', 'appointment') ORDER BY 1, 2`,
        [NOW],
      );
    expect(await audited(copied)).toEqual([
      { name: 'appointment', isLive: true },
      { name: 'staff', isLive: null },
    ]);
    expect(await audited(inserted)).toEqual([
      { name: 'appointment', isLive: false },
      { name: 'appointment', isLive: true },
      { name: 'patient', isLive: null },
      { name: 'staff', isLive: null },
    ]);
  });

  test('of several clinics works as well: nothing overlaps, and no time is claimed but of the last week and to come', async () => {
    const group = await createTestDatabase();
    try {
      const rows = await fillPracticeData(group.database, testCodec(group.database), generatePracticeData('tiny', 1, NOW), NOW, {
        owner: group.owner,
      });
      const [there] = await group.look<Record<string, number>>(
        `SELECT (SELECT count(*) FROM patient)::int AS patient, (SELECT count(*) FROM appointment)::int AS appointment,
           (SELECT count(*) FROM appointment_segment)::int AS appointment_segment, (SELECT count(*) FROM appointment_history)::int AS appointment_history,
           (SELECT count(*) FROM claim)::int AS claim`,
      );
      expect(there).toEqual(rows);
      expect(await group.look(`SELECT FROM claim WHERE upper(during) < $1::timestamptz - interval '7 days'`, [NOW])).toEqual([]);
      const taken = await group.look(
        `WITH held AS (
           SELECT s.* FROM appointment_segment s JOIN appointment a ON a.id = s.appointment_id AND a.status NOT IN ('cancelled', 'no_show')
         ) SELECT FROM held a JOIN held b ON b.id > a.id AND (b.provider_id = a.provider_id OR b.room_id = a.room_id) AND b.starts_at < a.ends_at AND a.starts_at < b.ends_at`,
      );
      expect(taken).toEqual([]);
      expect(await findDrift(group.owner)).toEqual([]);
    } finally {
      await group.drop();
    }
  });
});

// Each is a process or two that start a server.
describe('npm run practice-data', { timeout: 120_000 }, () => {
  const running: { end: (signal: NodeJS.Signals) => Promise<unknown> }[] = [];
  afterEach(async () => {
    for (const one of running.splice(0)) await one.end('SIGKILL');
  });
  let data: string;
  beforeAll(() => {
    data = aDataFolder();
  });
  const home = () => join(data, 'practice-tiny');
  const task = (args: string[], env: Record<string, string> = {}) => {
    const started = run('scripts/practice-data.ts', { MEDSPA_DATA: data, ...env }, { args });
    running.push(started);
    return started;
  };
  const TINY = ['--size', 'tiny', '--day', '2026-11-18'];

  test('killed while it fills: the next one begins anew and ends complete', async () => {
    const first = task(TINY);
    await eventually('it fills', () => /patients: \d+/.test(first.said()), 60_000);
    await first.end('SIGKILL');
    expect(existsSync(join(home(), 'filled.json'))).toBe(false);
    const second = task(TINY);
    expect(await second.ended).toBe(0);
    expect(second.said()).toMatch(/[\d,]+ {2}rows in [\d.]+ s/);
  });

  test('again finds what was filled, and says where it is and how to drop it', async () => {
    const again = task(TINY);
    expect(await again.ended).toBe(0);
    expect(again.said()).toContain('The same was filled before');
    expect(again.said()).not.toMatch(/Applying|patients: /);
    expect(again.said()).toContain(`MEDSPA_DATA=${home()} npm start`);
    expect(again.said()).toContain(`rm -rf ${home()}`);
  });

  test('of another day, or when it is told so, fills anew', async () => {
    for (const args of [
      ['--size', 'tiny', '--day', '2026-11-19'],
      ['--size', 'tiny', '--day', '2026-11-19', '--anew'],
    ]) {
      const other = task(args);
      expect(await other.ended).toBe(0);
      expect(other.said()).toContain('patients: 80, 100 %');
    }
  });

  test('what it filled can be served', async () => {
    expect(await patientsAt(start(home()))).toBe(80);
    expect(existsSync(join(data, 'postgres'))).toBe(false);
  });

  test.each([
    [[], 'Which size?'],
    [['--size', 'huge'], 'Which size?'],
    [['--size', 'tiny', '--seed', 'one'], 'A seed is a number.'],
    [['--size', 'tiny', '--day', '2026-02-30'], 'A day is written as YYYY-MM-DD.'],
  ])('%j is refused with a sentence', async (args, sentence) => {
    const refused = task(args);
    expect(await refused.ended).toBe(1);
    expect(refused.said()).toContain(sentence);
  });

  describe('into a database that somebody else runs', () => {
    let own: OwnServer;
    beforeAll(async () => {
      own = await startOwnServer('clinic');
    });
    afterAll(() => own.end());
    const url = ({ user, password, port, database }: DatabaseSettings) => `postgresql://${user}:${password}@127.0.0.1:${port}/${database}`;
    const env = { ENCRYPTION_KEY: randomBytes(32).toString('hex') };

    test('the service may not fill: it says who may', async () => {
      const refused = task([...TINY, '--database', url(own.runtime)], env);
      expect(await refused.ended).toBe(1);
      expect(refused.said()).toContain('"app_rw" does not own the tables of "clinic"; sign in as app_owner or an administrator.');
    });

    test('its owner fills it, once', async () => {
      const filled = task([...TINY, '--database', url(own.owner)], env);
      expect(await filled.ended).toBe(0);
      expect(await runAs(own.admin, 'SELECT count(*)::int AS patients FROM patient')).toEqual([{ patients: 80 }]);
      expect(await findDrift(own.owner)).toEqual([]);
      const again = task([...TINY, '--database', url(own.admin)], env);
      expect(await again.ended).toBe(1);
      expect(again.said()).toContain('"clinic" holds data; practice data goes into an empty database.');
    });
  });
});
