import { randomUUID } from 'node:crypto';
import { aClinic, createTestDatabase, runAs, sessionIn, type Clinic, type TestDatabase } from '@medspa/testing';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { handleDatabaseError } from './errors.ts';
import { sql } from './sql.ts';

// A value of a row that gets into an error gets into a log, a trace or an answer. Each error here is about a row with
// canaries in it, and every property of it, however deep, is searched for them.

const CANARIES = ['Canary-Quill', '1987-06-05', 'canary@patient.example', 'Botulinum 40u canary'];
const [NAME, DATE, EMAIL, NOTE] = CANARIES as [string, string, string, string];

let t: TestDatabase;
let clinic: Clinic;
beforeAll(async () => {
  t = await createTestDatabase();
  clinic = await aClinic(t.database);
  await runAs(
    t.owner,
    `CREATE TABLE scratch (
       email text PRIMARY KEY, name text NOT NULL, note text, born date NOT NULL, weight smallint, code varchar(4), at_most integer CHECK (at_most < 10),
       during daterange, EXCLUDE USING gist (name WITH =, during WITH &&))`,
    `INSERT INTO scratch VALUES ('${EMAIL}', '${NAME}', '${NOTE}', '${DATE}', 1, 'a', 1, '[2026-01-01,2026-02-01)')`,
    'GRANT SELECT, INSERT, UPDATE, DELETE ON scratch TO app_rw',
    `CREATE FUNCTION app.test_write(p_session jsonb, p_row jsonb) RETURNS void LANGUAGE plpgsql AS $$
     BEGIN PERFORM app.enter(p_session); INSERT INTO scratch SELECT * FROM jsonb_populate_record(NULL::scratch, p_row); END $$`,
    'GRANT EXECUTE ON FUNCTION app.test_write TO app_rw',
  );
});
afterAll(() => t.drop());

/** Where in the error a canary is, as paths; getters, causes, symbols and properties that do not show are looked into. */
function leaksIn(error: unknown): string[] {
  const found: string[] = [];
  const seen = new Set<unknown>();
  const visit = (value: unknown, path: string): void => {
    if (typeof value === 'string') {
      for (const canary of CANARIES) if (value.includes(canary)) found.push(path);
    } else if (value !== null && typeof value === 'object' && !seen.has(value)) {
      seen.add(value);
      for (const key of Reflect.ownKeys(value)) visit((value as Record<PropertyKey, unknown>)[key], `${path}.${String(key)}`);
    }
  };
  visit(error, 'error');
  return found;
}

async function thrownBy(work: () => Promise<unknown>): Promise<unknown> {
  try {
    await work();
  } catch (error) {
    return error;
  }
  throw new Error('This was to fail.');
}

const session = () => sessionIn(clinic.organizationId, clinic.actorId);
const fresh = () => ({ email: `${randomUUID()} ${EMAIL}`, name: NAME + randomUUID(), note: NOTE, born: DATE as string | null });
/** One bad row for each way in which PostgreSQL quotes values. */
const BAD: [kind: string, row: () => object][] = [
  ['unique', () => ({ ...fresh(), email: EMAIL })],
  ['check', () => ({ ...fresh(), at_most: 11 })],
  ['notNull', () => ({ ...fresh(), born: null })],
  ['exclusion', () => ({ ...fresh(), name: NAME, during: '[2026-01-15,2026-01-20)' })],
  ['badInput', () => ({ ...fresh(), born: `${DATE} ${NAME}` })],
  ['badInput', () => ({ ...fresh(), weight: `40u ${NAME}` })],
  ['tooLong', () => ({ ...fresh(), code: NAME })],
];

describe('an error about a row holds no value of it', () => {
  test.each(BAD)('through the second door: %s', async (kind, row) => {
    const error = await thrownBy(() =>
      t.database.callFunction(session(), (given) => sql`SELECT app.test_write(${given}::jsonb, ${JSON.stringify(row())}::jsonb)`),
    );
    expect(handleDatabaseError(error)?.kind).toBe(kind);
    expect(leaksIn(error)).toEqual([]);
  });

  test.each(BAD)('through the first door, as SQL: %s', async (kind, row) => {
    const error = await thrownBy(() =>
      t.database.withTransaction(
        session(),
        (tx) => tx.$executeRaw`INSERT INTO scratch SELECT * FROM jsonb_populate_record(NULL::scratch, ${JSON.stringify(row())}::jsonb)`,
      ),
    );
    expect(handleDatabaseError(error)?.kind).toBe(kind);
    expect(leaksIn(error)).toEqual([]);
  });

  test('through the first door, as a model: unique, check, not null, too long, row-level security', async () => {
    await runAs(t.owner, 'ALTER TABLE patient ALTER pronouns SET NOT NULL');
    const of = { organizationId: clinic.organizationId };
    const patient = { ...of, givenName: NAME, familyName: NAME, pronouns: 'she/her' };
    const roomType = () => t.database.withTransaction(session(), (tx) => tx.roomType.create({ data: { ...of, name: EMAIL } }));
    await roomType();
    const bad = (change: { organizationId?: string; pronouns?: null; deceasedOn?: Date }) => () =>
      t.database.withTransaction(session(), (tx) => tx.patient.create({ data: { ...patient, ...change } }));
    const kinds: string[] = [];
    for (const work of [roomType, bad({ deceasedOn: new Date(DATE) }), bad({ pronouns: null }), bad({ organizationId: randomUUID() })]) {
      const error = await thrownBy(work);
      kinds.push(handleDatabaseError(error)?.kind ?? 'none');
      expect(leaksIn(error)).toEqual([]);
    }
    const tooLong = await thrownBy(() =>
      t.database.withTransaction(session(), (tx) => tx.legalEntity.create({ data: { ...of, name: NAME, currency: NAME } })),
    );
    expect(leaksIn(tooLong)).toEqual([]);
    expect([...kinds, handleDatabaseError(tooLong)?.kind]).toEqual(['unique', 'check', 'notNull', 'forbidden', 'tooLong']);
  });

  test.each(['first', 'second'])('in a text that is no JSON, which PostgreSQL quotes at length: %s door', async (door) => {
    const text = `{"name": "${NAME}", "note": ${NOTE}`;
    const error = await thrownBy(() =>
      door === 'first'
        ? t.database.withTransaction(session(), (tx) => tx.$queryRaw`SELECT ${text}::jsonb`)
        : t.database.callFunction(session(), (given) => sql`SELECT ${given}::jsonb, ${text}::jsonb`),
    );
    expect(handleDatabaseError(error)?.kind).toBe('badInput');
    expect(leaksIn(error)).toEqual([]);
  });

  test('at COMMIT', async () => {
    await runAs(
      t.owner,
      'CREATE TABLE later (name text UNIQUE DEFERRABLE INITIALLY DEFERRED)',
      `INSERT INTO later VALUES ('${NAME}')`,
      'GRANT INSERT ON later TO app_rw',
    );
    const error = await thrownBy(() => t.database.withTransaction(session(), (tx) => tx.$executeRaw`INSERT INTO later VALUES (${NAME})`));
    expect(handleDatabaseError(error)?.kind).toBe('unique');
    expect(leaksIn(error)).toEqual([]);
  });
});

describe('what Prisma itself puts into an error', () => {
  // Prisma checks arguments before it sends anything, and then prints all of them. So a Prisma message never goes into a log
  // or an answer: what is said of an error is what handleDatabaseError says.
  test('is the arguments of a call that does not fit the schema; the report says nothing of it', async () => {
    const error = await thrownBy(() =>
      t.database.withTransaction(session(), (tx) =>
        tx.patient.create({ data: { organizationId: clinic.organizationId, givenName: NAME, familyName: 7 as unknown as string } }),
      ),
    );
    expect(leaksIn(error)).toContain('error.message');
    expect(handleDatabaseError(error)).toBeNull();
  });

  test.each([
    ['a bad uuid', { id: NAME }],
    ['a bad date', { deceasedOn: NAME as unknown as Date }],
    ['a number that does not fit', { version: 3_000_000_000 }],
  ])('%s: nothing of it is in the report', async (_, data) => {
    const error = await thrownBy(() =>
      t.database.withTransaction(session(), (tx) =>
        tx.patient.create({ data: { organizationId: clinic.organizationId, givenName: NAME, familyName: NAME, pronouns: '', ...data } }),
      ),
    );
    expect(leaksIn({ report: handleDatabaseError(error) })).toEqual([]);
  });
});
