import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { createProvoker, expectReport, reportOf, type Provoker } from '../test/provoke.ts';
import { handleDatabaseError } from './errors.ts';
import { randomUUID } from 'node:crypto';
// Every class of error, provoked for real on every way it can take to us: a model call, raw SQL, the second door, COMMIT.
// Prisma gives one SQLSTATE three different faces on them; the classification is one.

let p: Provoker;
beforeAll(async () => {
  p = await createProvoker();
});
afterEach(() => p.close());
afterAll(() => p.drop());

describe('a constraint', () => {
  const price = (changes: object) => ({
    ...p.of,
    serviceId: p.clinic.serviceId,
    legalEntityId: p.clinic.legalEntityId,
    effectiveFrom: new Date('2026-01-01'),
    priceCents: 100,
    ...changes,
  });

  test('unique (23505): model, raw, second door, COMMIT', async () => {
    const [name, constraint] = ['Treatment', 'room_type_organization_id_name_key'];
    const wanted = { code: '23505', constraint, field: 'name' };
    await expectReport(() => p.inTransaction((tx) => tx.roomType.create({ data: { ...p.of, name } })), 'unique', wanted);
    const again = `INSERT INTO room_type (organization_id, id, name) VALUES ('${p.clinic.organizationId}', gen_random_uuid(), '${name}')`;
    await expectReport(() => p.inTransaction((tx) => tx.$executeRawUnsafe(again)), 'unique', wanted);
    await expectReport(() => p.verb(again), 'unique', wanted);
    const late = `UPDATE scratch SET code = 'aaaa' WHERE id = 2`;
    await expectReport(() => p.inTransaction((tx) => tx.$executeRawUnsafe(late)), 'unique', {
      code: '23505',
      constraint: 'scratch_code_later',
    });
    await expectReport(() => p.verb(late), 'unique', { code: '23505', constraint: 'scratch_code_later' });
  });

  test('foreign key (23503): model, raw, second door, COMMIT', async () => {
    const wanted = { code: '23503', constraint: 'room_organization_id_location_id_fkey', field: 'location' };
    const room = { ...p.of, roomTypeId: p.clinic.roomTypeId, name: 'Nowhere', position: 9 };
    await expectReport(
      () => p.inTransaction((tx) => tx.room.create({ data: { ...room, locationId: randomUUID() } })),
      'foreignKey',
      wanted,
    );
    const orphan = 'UPDATE scratch SET parent_id = 99 WHERE id = 1';
    const raw = { code: '23503', constraint: 'scratch_parent_id_fkey' };
    await expectReport(() => p.inTransaction((tx) => tx.$executeRawUnsafe(orphan)), 'foreignKey', raw);
    await expectReport(() => p.verb(orphan), 'foreignKey', raw);
    const late = 'UPDATE scratch SET total = 99 WHERE id = 1';
    await expectReport(() => p.inTransaction((tx) => tx.$executeRawUnsafe(late)), 'foreignKey', {
      code: '23503',
      constraint: 'scratch_parent_later',
    });
  });

  test('still referred to (23001): model, raw, second door', async () => {
    const where = { organizationId_id: { ...p.of, id: p.clinic.roomTypeId } };
    const report = await reportOf(() => p.inTransaction((tx) => tx.roomType.delete({ where })));
    expect(report).toMatchObject({ kind: 'foreignKey', code: '23001', status: 409, retry: false, infrastructure: false });
    const wanted = { code: '23001', constraint: 'scratch_parent_id_fkey' };
    await expectReport(() => p.inTransaction((tx) => tx.$executeRaw`DELETE FROM parent WHERE id = 1`), 'foreignKey', wanted);
    await expectReport(() => p.verb('DELETE FROM parent WHERE id = 1'), 'foreignKey', wanted);
  });

  test('exclusion (23P01): model, raw, second door', async () => {
    await p.inTransaction((tx) => tx.servicePrice.create({ data: price({}) }));
    const wanted = { code: '23P01', constraint: 'service_price_one_at_a_time' };
    const overlapping = () => p.inTransaction((tx) => tx.servicePrice.create({ data: price({ effectiveFrom: new Date('2026-06-01') }) }));
    await expectReport(overlapping, 'exclusion', wanted);
    const statement = `INSERT INTO scratch VALUES (3, 'one', NULL, NULL, '[2026-01-15,2026-01-16)')`;
    const raw = { code: '23P01', constraint: 'scratch_no_overlap' };
    await expectReport(() => p.inTransaction((tx) => tx.$executeRawUnsafe(statement)), 'exclusion', raw);
    await expectReport(() => p.verb(statement), 'exclusion', raw);
  });

  test('check (23514): model, raw, second door', async () => {
    const data = price({ effectiveFrom: new Date('2020-01-01'), effectiveUntil: new Date('2020-02-01'), priceCents: -1 });
    const wanted = { code: '23514', constraint: 'service_price_not_negative' };
    await expectReport(() => p.inTransaction((tx) => tx.servicePrice.create({ data })), 'check', wanted);
    const raw = { code: '23514', constraint: 'scratch_name_check' };
    await expectReport(() => p.inTransaction((tx) => tx.$executeRaw`INSERT INTO scratch VALUES (3, 'bad')`), 'check', raw);
    await expectReport(() => p.verb(`INSERT INTO scratch VALUES (3, 'bad')`), 'check', raw);
  });

  test('not null (23502): model, raw, second door', async () => {
    const data = { ...p.of, givenName: 'Nell', familyName: 'Null' };
    await expectReport(() => p.inTransaction((tx) => tx.patient.create({ data })), 'notNull', { code: '23502', field: 'pronouns' });
    const wanted = { code: '23502', field: 'name' };
    await expectReport(() => p.inTransaction((tx) => tx.$executeRaw`INSERT INTO scratch (id) VALUES (3)`), 'notNull', wanted);
    await expectReport(() => p.verb('INSERT INTO scratch (id) VALUES (3)'), 'notNull', wanted);
  });
});

describe('a value', () => {
  test('too long (22001): model, raw, second door', async () => {
    const data = { ...p.of, name: 'Long', currency: 'DOLLARS' };
    await expectReport(() => p.inTransaction((tx) => tx.legalEntity.create({ data })), 'tooLong', { code: '22001' });
    const statement = `UPDATE scratch SET code = 'aaaaaa' WHERE id = 1`;
    await expectReport(() => p.inTransaction((tx) => tx.$executeRawUnsafe(statement)), 'tooLong', { code: '22001' });
    await expectReport(() => p.verb(statement), 'tooLong', { code: '22001' });
  });

  test('that cannot be read (22P02): model, raw, second door', async () => {
    const where = { organizationId_id: { ...p.of, id: 'no-uuid' } };
    await expectReport(() => p.inTransaction((tx) => tx.roomType.findUnique({ where })), 'badInput', { code: '22P02' });
    const statement = `SELECT 'no-uuid'::uuid`;
    await expectReport(() => p.inTransaction((tx) => tx.$executeRawUnsafe(statement)), 'badInput', { code: '22P02' });
    await expectReport(() => p.verb(statement), 'badInput', { code: '22P02' });
  });
});

describe('a record', () => {
  test('that is not there (P2025): update and delete of a model', async () => {
    const where = { organizationId_id: { ...p.of, id: randomUUID() } };
    await expectReport(() => p.inTransaction((tx) => tx.roomType.update({ where, data: { name: 'x' } })), 'notFound', { code: 'P2025' });
    await expectReport(() => p.inTransaction((tx) => tx.roomType.findUniqueOrThrow({ where })), 'notFound', { code: 'P2025' });
  });

  test('that one may not touch (42501): model, raw, second door', async () => {
    const data = { organizationId: randomUUID(), name: 'Theirs' };
    await expectReport(() => p.inTransaction((tx) => tx.roomType.create({ data })), 'forbidden', { code: '42501' });
    await expectReport(() => p.inTransaction((tx) => tx.$executeRaw`DELETE FROM patient`), 'forbidden', { code: '42501' });
    await expectReport(() => p.verb('DELETE FROM patient'), 'forbidden', { code: '42501' });
  });
});

describe("what is not the database's", () => {
  test.each([
    ['an error of our own', new TypeError('x is not a function')],
    ['an error of the file system', Object.assign(new Error('no'), { code: 'EPERM' })],
    ['an error with a code of some library', Object.assign(new Error('no'), { code: 'ERR_INVALID_ARG_TYPE' })],
    ['something that is no error', 'timeout exceeded when trying to connect'],
    ['nothing', undefined],
  ])('%s has no report', (_, error) => {
    expect(handleDatabaseError(error)).toBeNull();
  });

  test("a text that quotes a driver's words is not taken for the driver's", () => {
    expect(handleDatabaseError(new Error('The note says: Connection terminated'))).toBeNull();
  });
});
