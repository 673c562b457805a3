import { createTestDatabase, runAs, type TestDatabase } from '@medspa/testing';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';

// The walls around data, read from the catalog: a table that somebody adds is judged by the same rules without being named here.

let t: TestDatabase;
beforeAll(async () => {
  t = await createTestDatabase();
});
afterAll(() => t.drop());

/** Tables that are not audited, and why. */
const UNAUDITED: Record<string, string> = {
  patient_name_word: 'made by a trigger from audited rows',
  resource: 'made by a trigger from audited rows',
  claim: 'derived from audited appointments, and deleted when its day is past',
  appointment_history: 'is itself a record',
  idempotency_key: 'an answer kept for a day; what it reports is audited',
  outbox_stream: 'a counter',
  outbox_event: 'is itself a record',
  audit_log: 'is the audit trail',
  access_log: 'is itself a record',
  audit_seal: 'is itself a record, made from the logs',
  staff_secret: 'hashes and secrets stay out of the log; each change comes with one of its audited account',
  data_key_secret: 'a wrapped key that the log keeps could not be destroyed; what happens to a key is audited without it',
  staff_session_use: 'being used changes nothing of a session',
  patient_session_use: 'being used changes nothing of a session',
  patient_sign_in: 'asking and each try are audited by a trigger of their own; that its day is over is not',
  staff_pin: 'hashes stay out of the log; each change comes with one of its audited account',
  device_use: 'being used changes nothing of a device',
  api_key_use: 'being used changes nothing of a key',
};
/** What other rows were reckoned with; no request changes it. */
const SETTLED = [
  ['legal_entity', 'currency'],
  ['location', 'time_zone'],
  ['room', 'room_type_id'],
  ['data_key', 'usable_from'],
  ['data_key', 'destroyed_at'],
  ['data_key_secret', 'wrapped_key'],
  ['data_key_secret', 'wrapped_by'],
];
const APPEND_ONLY = ['access_log', 'appointment_history', 'audit_log', 'audit_seal', 'message_consent', 'message_policy', 'outbox_event'];
/** Tables without an organization, and why. */
const SHARED: Record<string, string> = {
  health_probe: 'one row that readiness writes',
  sign_in_guard: 'wrong passwords for an address, before anybody knows whose it is',
  rate_limit: 'how often a network asks, before anybody knows who it is',
  setup_code: 'there is no organization yet',
  webauthn_challenge: 'who signs in with a passkey is not known yet; a hash, which says nothing of anybody',
  _prisma_migrations: 'the table of migrations',
};

const TENANT = `
  SELECT c.oid, c.relname, c.relispartition, CASE WHEN c.relname = 'organization' THEN 'id' ELSE 'organization_id' END AS key_column
  FROM pg_class c
  WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'p')
    AND (c.relname = 'organization' OR EXISTS (SELECT FROM pg_attribute a WHERE a.attrelid = c.oid AND a.attname = 'organization_id' AND NOT a.attisdropped))`;

const namesOf = async (query: string) => (await t.look<{ name: string }>(query)).map(({ name }) => name);

describe('every table of an organization', () => {
  test('is every table but the shared ones', async () => {
    const others = await namesOf(
      `SELECT relname AS name FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'p') AND relname NOT IN (SELECT relname FROM (${TENANT}) tenant)`,
    );
    expect(others.toSorted()).toEqual(Object.keys(SHARED).toSorted());
    expect((await namesOf(`SELECT relname AS name FROM (${TENANT}) tenant WHERE NOT relispartition`)).length).toBeGreaterThan(20);
  });

  test('has row-level security, which binds its owner as well, and one policy for everybody and everything', async () => {
    const open = await namesOf(
      `SELECT relname AS name FROM (${TENANT}) tenant JOIN pg_class USING (oid, relname) WHERE NOT relrowsecurity OR NOT relforcerowsecurity`,
    );
    expect(open).toEqual([]);
    const rule = `(%I = ( SELECT app.organization_id() AS organization_id))`;
    const unruled = await namesOf(
      `SELECT relname AS name FROM (${TENANT}) tenant WHERE NOT EXISTS (
         SELECT FROM pg_policy p WHERE p.polrelid = tenant.oid AND p.polcmd = '*' AND p.polpermissive AND p.polroles = '{0}'
           AND pg_get_expr(p.polqual, p.polrelid) = format('${rule}', key_column) AND pg_get_expr(p.polwithcheck, p.polrelid) = format('${rule}', key_column))`,
    );
    expect(unruled).toEqual([]);
  });

  test('has no other policy that lets in, but those of the owner for deleting across organizations what is past use, and for finding an account', async () => {
    const others = await t.look(
      `SELECT p.polrelid::regclass::text AS table, p.polname, pg_get_userbyid(p.polroles[1]) AS role FROM pg_policy p
       WHERE p.polrelid IN (SELECT oid FROM (${TENANT}) tenant) AND p.polname <> 'own_organization' AND p.polpermissive ORDER BY 1`,
    );
    expect(others).toEqual([
      { table: 'access_log', polname: 'upkeep', role: 'app_owner' },
      { table: 'appointment', polname: 'upkeep', role: 'app_owner' },
      { table: 'audit_log', polname: 'upkeep', role: 'app_owner' },
      { table: 'audit_seal', polname: 'upkeep', role: 'app_owner' },
      { table: 'claim', polname: 'upkeep', role: 'app_owner' },
      { table: 'data_key', polname: 'upkeep', role: 'app_owner' },
      { table: 'data_key_secret', polname: 'upkeep', role: 'app_owner' },
      { table: 'device', polname: 'enrolment', role: 'app_owner' },
      { table: 'emergency_access', polname: 'upkeep', role: 'app_owner' },
      { table: 'idempotency_key', polname: 'upkeep', role: 'app_owner' },
      { table: 'location', polname: 'upkeep', role: 'app_owner' },
      { table: 'organization', polname: 'upkeep', role: 'app_owner' },
      { table: 'outbox_event', polname: 'upkeep', role: 'app_owner' },
      { table: 'patient_sign_in', polname: 'upkeep', role: 'app_owner' },
      { table: 'staff_account', polname: 'sign_in', role: 'app_owner' },
      { table: 'staff_identity', polname: 'sign_in', role: 'app_owner' },
    ]);
  });

  test('is audited, unless it is on the list of those that need not be', async () => {
    const unaudited = await namesOf(
      `SELECT relname AS name FROM (${TENANT}) tenant WHERE NOT relispartition AND NOT EXISTS (
         SELECT FROM pg_trigger g WHERE g.tgrelid = tenant.oid AND g.tgname = 'audit' AND g.tgfoid = 'app.audit'::regproc AND g.tgenabled = 'O'
           -- after, for each row, of insert, update and delete
           AND g.tgtype & 1 = 1 AND g.tgtype & 2 = 0 AND g.tgtype & 28 = 28)`,
    );
    expect(unaudited.toSorted()).toEqual(Object.keys(UNAUDITED).toSorted());
  });

  test('steps its version by one, where it has one', async () => {
    const unstepped = await namesOf(
      `SELECT relname AS name FROM (${TENANT}) tenant JOIN pg_attribute a ON a.attrelid = tenant.oid AND a.attname = 'version'
       WHERE NOT EXISTS (SELECT FROM pg_trigger g WHERE g.tgrelid = tenant.oid AND g.tgfoid = 'app.step_version'::regproc AND g.tgenabled = 'O')`,
    );
    // Its versions are those of the appointment.
    expect(unstepped).toEqual(['appointment_history']);
  });

  test("has its organization first in every key, so that nobody's value stands in another's way", async () => {
    const loose = await namesOf(
      `SELECT indexrelid::regclass::text AS name FROM (${TENANT}) tenant JOIN pg_index i ON i.indrelid = tenant.oid
       JOIN pg_attribute a ON a.attrelid = tenant.oid AND a.attnum = i.indkey[0]
       WHERE (i.indisunique OR i.indisexclusion) AND a.attname <> key_column`,
    );
    expect(loose).toEqual([]);
    expect(
      await namesOf(
        `SELECT relname AS name FROM (${TENANT}) tenant JOIN pg_attribute a ON a.attrelid = tenant.oid AND a.attname = key_column WHERE NOT a.attnotnull`,
      ),
    ).toEqual([]);
  });

  test('refers to others with its organization in the key', async () => {
    const crossing = await namesOf(
      `SELECT conname AS name FROM pg_constraint k JOIN (${TENANT}) tenant ON tenant.oid = k.conrelid
       WHERE k.contype = 'f' AND NOT EXISTS (
         SELECT FROM unnest(k.conkey, k.confkey) pair(mine, theirs)
         JOIN pg_attribute m ON m.attrelid = k.conrelid AND m.attnum = mine JOIN pg_attribute o ON o.attrelid = k.confrelid AND o.attnum = theirs
         WHERE m.attname = key_column AND o.attname = CASE WHEN k.confrelid = 'organization'::regclass THEN 'id' ELSE 'organization_id' END)`,
    );
    expect(crossing).toEqual([]);
  });

  test('that is append-only says so by a trigger, in each of its parts', async () => {
    const triggered = await namesOf(
      `SELECT c.relname AS name FROM pg_trigger g JOIN pg_class c ON c.oid = g.tgrelid
       -- before, for each statement, of update, delete and truncate
       WHERE g.tgfoid = 'app.append_only'::regproc AND g.tgenabled = 'O' AND g.tgtype & 1 = 0 AND g.tgtype & 2 = 2 AND g.tgtype & 56 = 56`,
    );
    const parts = await namesOf(
      `SELECT i.inhrelid::regclass::text AS name FROM pg_inherits i JOIN pg_class p ON p.oid = i.inhparent AND p.relkind = 'p'`,
    );
    expect(parts.length).toBeGreaterThan(20);
    expect(triggered.toSorted()).toEqual([...APPEND_ONLY, ...parts].toSorted());
  });
});

describe('the runtime role', () => {
  test('is nobody special: no superuser, no BYPASSRLS, makes no roles and no databases, is a member of none', async () => {
    expect(
      await t.look(
        `SELECT rolsuper, rolbypassrls, rolcreaterole, rolcreatedb, rolreplication FROM pg_roles WHERE rolname IN ('app_rw', 'app_owner')`,
      ),
    ).toEqual(
      Array.from({ length: 2 }, () => ({
        rolsuper: false,
        rolbypassrls: false,
        rolcreaterole: false,
        rolcreatedb: false,
        rolreplication: false,
      })),
    );
    expect(await t.look(`SELECT roleid::regrole FROM pg_auth_members WHERE member = 'app_rw'::regrole`)).toEqual([]);
  });

  test('owns nothing', async () => {
    const owned = await t.look(
      `SELECT classid::regclass, objid FROM pg_shdepend WHERE refclassid = 'pg_authid'::regclass AND refobjid = 'app_rw'::regrole AND deptype = 'o'`,
    );
    expect(owned).toEqual([]);
  });

  test('may do no DDL', async () => {
    expect(
      await t.look(
        `SELECT has_database_privilege('app_rw', current_database(), 'CREATE, TEMP') AS database, has_schema_privilege('app_rw', 'public', 'CREATE') AS public,
           has_schema_privilege('app_rw', 'app', 'CREATE') AS app, has_schema_privilege('app_rw', 'graphile_worker', 'CREATE') AS jobs`,
      ),
    ).toEqual([{ database: false, public: false, app: false, jobs: false }]);
    for (const statement of [
      'CREATE TABLE mine (id integer)',
      'CREATE TEMPORARY TABLE mine (id integer)',
      `CREATE FUNCTION app.mine() RETURNS integer LANGUAGE sql AS 'SELECT 1'`,
      'CREATE SCHEMA mine',
      'CREATE EXTENSION pg_trgm',
      'ALTER TABLE patient DISABLE ROW LEVEL SECURITY',
      'ALTER TABLE patient DISABLE TRIGGER audit',
      'ALTER TABLE audit_log DISABLE TRIGGER append_only',
      'DROP TABLE patient',
      'DROP POLICY own_organization ON patient',
      'TRUNCATE patient',
      `CALL app.protect('patient')`,
      `SET session_replication_role = 'replica'`,
      'SET ROLE app_owner',
    ]) {
      const refused = runAs(t.runtime, statement);
      await expect(refused, statement).rejects.toThrow(/permission denied|must be owner/);
    }
  });

  test('may not change what is append-only, nor write the logs by hand', async () => {
    const may = await t.look(
      `SELECT relname, priv FROM unnest($1::text[]) relname, unnest(ARRAY['UPDATE', 'DELETE', 'TRUNCATE']) priv
       WHERE has_table_privilege('app_rw', relname, priv) OR (priv = 'UPDATE' AND has_any_column_privilege('app_rw', relname, priv))
       UNION ALL SELECT relname, 'INSERT' FROM unnest(ARRAY['audit_log', 'access_log', 'audit_seal', 'resource', 'health_probe']) relname WHERE has_any_column_privilege('app_rw', relname, 'INSERT')`,
      [APPEND_ONLY],
    );
    expect(may).toEqual([]);
  });

  test('may truncate, refer to, or put triggers on no table; and reach no part of a log but through the log', async () => {
    expect(
      await t.look(
        `SELECT c.relname, priv FROM pg_class c, unnest(ARRAY['TRUNCATE', 'REFERENCES', 'TRIGGER', 'MAINTAIN']) priv
         WHERE c.relnamespace IN ('public'::regnamespace, 'graphile_worker'::regnamespace) AND c.relkind IN ('r', 'p') AND has_table_privilege('app_rw', c.oid, priv)`,
      ),
    ).toEqual([]);
    expect(
      await t.look(
        `SELECT c.relname FROM pg_class c WHERE c.relispartition AND has_any_column_privilege('app_rw', c.oid, 'SELECT, INSERT, UPDATE, REFERENCES')`,
      ),
    ).toEqual([]);
  });

  test('may change nothing that other rows were reckoned with', async () => {
    for (const [table, column] of SETTLED)
      expect(await t.look(`SELECT has_column_privilege('app_rw', $1, $2, 'UPDATE') AS may`, [table, column]), `${table}.${column}`).toEqual(
        [{ may: false }],
      );
  });

  test('ASVS 13.2.2: sees neither guards of sign-in nor setup codes nor who asked how often', async () => {
    expect(
      await t.look(
        `SELECT relname FROM unnest(ARRAY['sign_in_guard', 'setup_code', 'webauthn_challenge', 'rate_limit']) relname, unnest(ARRAY['SELECT', 'INSERT', 'UPDATE', 'REFERENCES']) priv
         WHERE has_any_column_privilege('app_rw', relname, priv) OR has_table_privilege('app_rw', relname, 'DELETE')`,
      ),
    ).toEqual([]);
  });

  test('may change no key and no organization of a row', async () => {
    expect(
      await t.look(
        `SELECT relname, attname FROM (${TENANT}) tenant JOIN pg_attribute a ON a.attrelid = tenant.oid AND a.attnum > 0 AND NOT a.attisdropped
         WHERE attname IN ('id', 'organization_id', 'created_at') AND has_column_privilege('app_rw', tenant.oid, attname, 'UPDATE')`,
      ),
    ).toEqual([]);
  });
});

describe('everybody else', () => {
  test('may do nothing: neither connect, nor use a schema, a table or a function', async () => {
    const granted = await t.look(
      `SELECT 'database' AS what, datname::text AS name FROM pg_database, aclexplode(datacl) WHERE datname = current_database() AND grantee = 0
       UNION ALL SELECT 'schema', nspname FROM pg_namespace, aclexplode(nspacl) WHERE nspname IN ('public', 'app', 'graphile_worker') AND grantee = 0
       UNION ALL SELECT 'table', relname FROM pg_class, aclexplode(relacl) WHERE relnamespace IN ('public'::regnamespace, 'app'::regnamespace) AND grantee = 0
         AND relname NOT LIKE 'pg\\_stat\\_statements%'
       UNION ALL SELECT 'function', proname FROM pg_proc, aclexplode(coalesce(proacl, acldefault('f', proowner))) WHERE pronamespace = 'app'::regnamespace AND grantee = 0`,
    );
    expect(granted).toEqual([]);
  });
});

describe('a function that runs as the owner', () => {
  test('says where it looks for names, so that nobody can put another table in front', async () => {
    const functions = await t.look<{ name: string; path: string | null }>(
      `SELECT proname AS name, (SELECT c FROM unnest(proconfig) c WHERE c LIKE 'search_path=%') AS path FROM pg_proc
       WHERE prosecdef AND pronamespace IN ('public'::regnamespace, 'app'::regnamespace)`,
    );
    expect(functions.length).toBeGreaterThan(3);
    // pg_temp last: it would be first when not named.
    expect(functions.filter(({ path }) => !path?.startsWith('search_path=pg_catalog') || !path.endsWith('pg_temp'))).toEqual([]);
  });
});
