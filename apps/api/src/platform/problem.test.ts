import { PROBLEMS, type ProblemDocument, type ProblemSlug } from '@medspa/contracts';
import { GuardedPool, openDatabase } from '@medspa/database';
import { aClinic, createTestDatabase, lockTable, runAs, sessionIn, type Clinic, type TestDatabase } from '@medspa/testing';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { testApp, type TestApp } from '../../test/harness.ts';
import { createLog } from './log.ts';
import { Problem, problemAt, problemDocument, problemOf } from './problem.ts';

let t: TestDatabase;
let clinic: Clinic;
let app: TestApp;
beforeAll(async () => {
  t = await createTestDatabase();
  clinic = await aClinic(t.database);
  app = testApp(t.database, { as: clinic });
});
afterAll(() => t.drop());

/** What PostgreSQL says when a statement inside our transaction fails with this code. */
async function failWith(sqlstate: string, constraint?: string): Promise<unknown> {
  const using = constraint ? `, CONSTRAINT = '${constraint}'` : '';
  const statement = `DO $$ BEGIN RAISE EXCEPTION 'canary words' USING ERRCODE = '${sqlstate}', DETAIL = 'canary detail'${using}; END $$`;
  return t.database
    .withTransaction(sessionIn(clinic.organizationId, clinic.actorId), (tx) => tx.$executeRawUnsafe(statement))
    .then(
      () => null,
      (error: unknown) => error,
    );
}

describe('an error of the database becomes', () => {
  test.each<[sqlstate: string, constraint: string | undefined, slug: ProblemSlug, pointer: string | undefined]>([
    ['23505', 'room_type_organization_id_name_key', 'already-exists', '/name'],
    ['23505', 'some_other_key', 'already-exists', undefined],
    ['23P01', 'shift_rotation_one_at_a_time', 'overlaps', '/effectiveFrom'],
    ['23503', 'room_organization_id_location_id_fkey', 'not-found', '/locationId'],
    ['23503', 'some_other_fkey', 'still-referred-to', undefined],
    ['23001', 'room_organization_id_location_id_fkey', 'still-referred-to', '/locationId'],
    ['23514', 'location_time_zone_known', 'rule-violated', '/timeZone'],
    ['23502', undefined, 'rule-violated', undefined],
    ['22001', undefined, 'rule-violated', undefined],
    ['22P02', undefined, 'invalid-request', undefined],
    ['42501', undefined, 'not-permitted', undefined],
    ['40001', undefined, 'overloaded', undefined],
    ['40P01', undefined, 'overloaded', undefined],
    ['0A000', undefined, 'overloaded', undefined],
    ['55P03', undefined, 'overloaded', undefined],
    ['57014', undefined, 'too-slow', undefined],
    ['25P04', undefined, 'too-slow', undefined],
    ['53100', undefined, 'unavailable', undefined],
    ['53300', undefined, 'unavailable', undefined],
    ['25006', undefined, 'unavailable', undefined],
    ['57P01', undefined, 'unavailable', undefined],
    ['08006', undefined, 'unavailable', undefined],
    ['42P01', undefined, 'internal', undefined],
    ['XX000', undefined, 'internal', undefined],
    ['P0001', undefined, 'internal', undefined],
  ])('%s (%s) -> %s at %s, without a word of the database', async (sqlstate, constraint, slug, pointer) => {
    const problem = problemOf(await failWith(sqlstate, constraint));
    expect(problem.slug).toBe(slug);
    expect(problem.extension.errors?.[0]?.pointer).toBe(pointer);
    expect(JSON.stringify(problemDocument(problem, 'r', ''))).not.toMatch(/canary|constraint|sql/i);
  });

  test('overloaded, when every connection stays busy for longer than a caller waits', async () => {
    const pool = new GuardedPool({ ...t.runtime, poolMax: 1, poolWaitMillis: 50 });
    const held = await pool.connect();
    const error = await pool.query('SELECT 1').catch((thrown: unknown) => thrown);
    held.release();
    await pool.end();
    expect(problemOf(error).slug).toBe('overloaded');
  });

  test('ASVS 16.5.3: unavailable, when nothing listens', async () => {
    const database = openDatabase({ ...t.runtime, port: 1, applicationName: 'nowhere' });
    const { status, headers, body } = await testApp(database, { as: clinic }).get<ProblemDocument>('/v1/organization');
    await database.disconnectDatabase();
    expect([status, body.slug, headers.get('retry-after')]).toEqual([503, 'unavailable', '1']);
  });
});

describe('over HTTP', () => {
  test('a duplicate is 409 and names the field', async () => {
    await app.send('POST', '/v1/room-types', { name: 'Sauna' });
    const { status, body } = await app.send<ProblemDocument>('POST', '/v1/room-types', { name: 'Sauna' });
    expect([status, body.slug, body.errors]).toEqual([
      409,
      'already-exists',
      [{ in: 'body', pointer: '/name', detail: 'This already exists.' }],
    ]);
  });

  test('a row that somebody else holds is 503 after two seconds, with the time to wait', async () => {
    const { headers, body, status } = await whileLocked(() => app.get<ProblemDocument>('/v1/room-types'));
    expect([status, body.slug, headers.get('retry-after')]).toEqual([503, 'overloaded', '1']);
  });

  test('an answer that takes too long is given up with 504, and what comes later disturbs nobody', async () => {
    const hurried = testApp(t.database, { as: clinic, httpMillis: 100 });
    const { status, body } = await whileLocked(() => hurried.get<ProblemDocument>('/v1/room-types'));
    expect([status, body.slug]).toEqual([504, 'too-slow']);
    expect((await app.get('/v1/room-types')).status).toBe(200);
  });

  test('ASVS 16.3.4: an error that nobody foresaw is 500 with the id under which it is logged, and nothing else', async () => {
    const lines: string[] = [];
    const broken = testApp(
      { ...t.database, withTransaction: () => Promise.reject(new TypeError('canary words')) },
      { as: clinic, log: createLog('debug', { write: (line) => void lines.push(line) }) },
    );
    const { status, text, body } = await broken.get<ProblemDocument>('/v1/organization');
    expect(status).toBe(500);
    expect(Object.keys(body).toSorted()).toEqual(['requestId', 'slug', 'status', 'title', 'type']);
    const logged = lines.map((line) => JSON.parse(line) as Record<string, unknown>).find(({ msg }) => msg === 'request failed');
    expect(logged).toMatchObject({ level: 'error', requestId: body.requestId, slug: 'internal', kind: 'TypeError' });
    expect(logged?.['at']).toEqual(expect.arrayContaining([expect.stringContaining('problem.test.ts')]));
    expect(text + lines.join('')).not.toContain('canary');
  });

  test('what the database itself refuses says no more than "you may not", and is logged: it is a bug of ours', async () => {
    await runAs(t.admin, 'REVOKE SELECT ON room_type FROM app_rw');
    const lines: string[] = [];
    try {
      const plain = testApp(t.database, { as: clinic, log: createLog('error', { write: (line) => void lines.push(line) }) });
      const { status, body } = await plain.get<ProblemDocument>('/v1/room-types');
      expect([status, body.slug]).toEqual([403, 'not-permitted']);
      expect(lines.map((line) => JSON.parse(line) as object)).toEqual([
        expect.objectContaining({ level: 'error', msg: 'request failed', requestId: body.requestId, kind: 'forbidden', code: '42501' }),
      ]);
    } finally {
      await runAs(t.admin, 'GRANT SELECT ON room_type TO app_rw');
    }
  });

  test('a permission that the caller lacks is no error of ours, and no line of the log', async () => {
    const lines: string[] = [];
    const log = createLog('error', { write: (line) => void lines.push(line) });
    const { status } = await testApp(t.database, { as: { ...clinic, permissions: [] }, log }).get('/v1/room-types');
    expect([status, lines]).toEqual([403, []]);
  });

  test('what is not an error at all is 500 as well', async () => {
    const broken = testApp({ ...t.database, withTransaction: () => Promise.reject('canary words') }, { as: clinic });
    const { status, text } = await broken.get('/v1/organization');
    expect(status).toBe(500);
    expect(text).not.toContain('canary');
  });
});

test('a problem of our own is rendered as RFC 9457 with what it adds', () => {
  expect(problemDocument(problemAt('patient-inactive', '/patientId'), 'r-1', 'https://api.example.com')).toEqual({
    type: 'https://api.example.com/docs#problem-patient-inactive',
    title: 'The patient is not active.',
    status: 422,
    slug: 'patient-inactive',
    requestId: 'r-1',
    errors: [{ in: 'body', pointer: '/patientId', detail: 'The patient is not active.' }],
  });
  expect(problemOf(new Problem('stale-version', { version: 3 })).extension).toEqual({ version: 3 });
  for (const { status } of Object.values(PROBLEMS)) expect(status).toBeGreaterThanOrEqual(400);
});

/** Does the work while another connection holds the table of room types. */
async function whileLocked<T>(work: () => Promise<T>): Promise<T> {
  const { release } = await lockTable(t.admin, 'room_type');
  try {
    return await work();
  } finally {
    await release();
  }
}
