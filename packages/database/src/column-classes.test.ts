import { createTestDatabase, type TestDatabase } from '@medspa/testing';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { TABLES } from './column-classes.ts';
import { sealedTables } from './data-keys.ts';

type Column = { table: string; column: string; type: string };

let t: TestDatabase;
let columns: Column[];
beforeAll(async () => {
  t = await createTestDatabase();
  // Partitions have their parent's columns; the migration table is Prisma's.
  columns = await t.look<Column>(
    `SELECT c.relname AS table, a.attname AS column, format_type(a.atttypid, NULL) AS type
     FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid
     WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'p') AND NOT c.relispartition AND c.relname <> '_prisma_migrations'
       AND a.attnum > 0 AND NOT a.attisdropped`,
  );
});
afterAll(() => t.drop());

const declared = Object.entries(TABLES).flatMap(([table, { columns: of }]) =>
  Object.entries(of).map(([column, how]) => ({ name: `${table}.${column}`, column, ...how })),
);
const storedAs = (stored: string) => declared.filter((one) => one.stored === stored).map(({ name }) => name);

describe('every column has a class', () => {
  test('the catalog and the declaration name the same columns', () => {
    const live = columns.map(({ table, column }) => `${table}.${column}`);
    expect(live.length).toBeGreaterThan(150);
    expect(live.toSorted()).toEqual(declared.map(({ name }) => name).toSorted());
  });
});

describe('a sealed column and an index of one', () => {
  test('is bytes and nothing else', () => {
    const types = new Map(columns.map(({ table, column, type }) => [`${table}.${column}`, type]));
    const sealed = [...storedAs('sealed'), ...storedAs('index'), ...storedAs('keyed'), ...storedAs('wrapped')];
    expect(sealed.length).toBeGreaterThan(5);
    expect(sealed.filter((name) => types.get(name) !== 'bytea')).toEqual([]);
  });

  test('is named _sealed or _index, and nothing else is, but keyed hashes of what is never opened', () => {
    expect(storedAs('keyed')).toEqual([
      'staff_account.login_key',
      'staff_identity.subject_key',
      'staff_recovery_code.code_key',
      'sign_in_guard.login_key',
      'rate_limit.network_key',
      'patient_sign_in.address_key',
      'idempotency_key.body_hash',
    ]);
    // Random enough to need no key, but for the password's, which is keyed before it is hashed.
    expect(storedAs('hashed')).toEqual([
      'staff_invitation.token_hash',
      'staff_secret.password_hash',
      'staff_reset.token_hash',
      'staff_session.token_hash',
      'staff_pin.pin_hash',
      'device.code_hash',
      'device.key_hash',
      'api_key.secret_hash',
      'calendar_feed.token_hash',
      'setup_code.code_hash',
      'webauthn_challenge.challenge_hash',
      'patient_session.token_hash',
    ]);
    expect(storedAs('wrapped')).toEqual(['data_key_secret.wrapped_key']);
    const live = columns.map(({ table, column }) => `${table}.${column}`);
    expect(live.filter((name) => name.endsWith('_sealed')).toSorted()).toEqual(storedAs('sealed').toSorted());
    expect(live.filter((name) => name.endsWith('_index')).toSorted()).toEqual(storedAs('index').toSorted());
  });

  test('is bound to columns of its row that are there, and nobody else declares any', () => {
    const live = new Set(columns.map(({ table, column }) => `${table}.${column}`));
    for (const { table, boundTo } of sealedTables()) for (const column of boundTo) expect(live).toContain(`${table}.${column}`);
    const bound = Object.keys(TABLES).filter((table) => TABLES[table]?.boundTo.join() !== 'id');
    expect(sealedTables().map(({ table }) => table)).toEqual(expect.arrayContaining(bound));
  });

  test('an index stands beside the sealed column that it finds', () => {
    const sealed = new Set(storedAs('sealed'));
    expect(storedAs('index').filter((name) => !sealed.has(name.replace(/_index$/, '_sealed')))).toEqual([]);
  });

  test('what is secret or clinical and typed by people is sealed; only what rules and reports need stays plain', () => {
    const plain = declared.filter((one) => one.stored === 'plain' && (one.class === 'clinical' || one.class === 'secret'));
    // The date of a death ends bookings, the reason of a change is a code that reports count, and the audit log holds sealed
    // columns as they are sealed.
    expect(plain.map(({ name }) => name)).toEqual([
      'patient.deceased_on',
      'appointment.cancel_reason',
      'appointment_history.reason',
      'audit_log.before',
      'audit_log.after',
    ]);
  });
});
