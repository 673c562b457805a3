import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { runAs, sessionIn, startOwnServer, type OwnServer } from '@medspa/testing';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { openDatabase } from '../database.ts';
import type { DatabaseSettings } from '../settings.ts';
import { findDrift } from './catalog.ts';
import { deployMigrations } from './deploy.ts';
import { setUpDatabase } from './setup.ts';

// On a server of its own: roles belong to a whole server, and here none exists yet. The administrator is none of
// PostgreSQL's superusers, as on every managed server: it may make roles and databases.

const PASSWORDS = { ownerPassword: 'owner-of-the-test', runtimePassword: 'runtime-of-the-test' };
let own: OwnServer;
let manager: DatabaseSettings;
beforeAll(async () => {
  own = await startOwnServer();
  await runAs(
    own.admin,
    `ALTER SYSTEM SET log_statement = 'all'`,
    'SELECT pg_reload_conf()',
    'CREATE EXTENSION pg_stat_statements',
    `CREATE ROLE manager LOGIN PASSWORD 'manager' CREATEROLE CREATEDB`,
  );
  manager = { ...own.admin, user: 'manager', password: 'manager' };
});
afterAll(() => own.end());

const asRole = (user: string, password: string) => ({ ...own.admin, database: 'clinic', user, password });
const owner = () => asRole('app_owner', PASSWORDS.ownerPassword);
const runtime = () => asRole('app_rw', PASSWORDS.runtimePassword);

describe('setting up', () => {
  test('needs no superuser: roles, database, every migration, and the service works', async () => {
    await setUpDatabase(manager, { database: 'clinic', ...PASSWORDS });
    expect((await deployMigrations(owner())).length).toBeGreaterThan(0);
    expect(await findDrift(owner())).toEqual([]);
    const database = openDatabase(runtime());
    try {
      await database.assertUsable();
      // All that the process opens counts, and the sentence has the sum.
      await expect(database.assertUsable(1_000)).rejects.toThrow(/up to 1009 connections \(pool 8, health 1, jobs 1000\)/);
      const id = '019b8b74-1800-7000-8000-000000000001';
      await database.withTransaction(sessionIn(id, id), async (tx) => {
        await tx.organization.create({ data: { id, name: 'Managed' } });
        expect(await tx.organization.count()).toBe(1);
      });
    } finally {
      await database.disconnectDatabase();
    }
  });

  test('once more changes nothing, and keeps passwords that are not given', async () => {
    const everything = async () => [
      await runAs(
        own.admin,
        `SELECT a.*, s.setconfig FROM pg_authid a LEFT JOIN pg_db_role_setting s ON s.setrole = a.oid WHERE a.rolname LIKE 'app%' ORDER BY a.rolname`,
      ),
      await runAs(own.admin, `SELECT datname, datdba::regrole, datacl FROM pg_database ORDER BY 1`),
      await runAs({ ...own.admin, database: 'clinic' }, `SELECT nspname, nspowner::regrole, nspacl FROM pg_namespace ORDER BY 1`),
      await runAs({ ...own.admin, database: 'clinic' }, `SELECT defaclrole::regrole, defaclobjtype, defaclacl FROM pg_default_acl`),
    ];
    const before = await everything();
    await setUpDatabase(manager, { database: 'clinic' });
    expect(await everything()).toEqual(before);
    expect(await deployMigrations(owner())).toEqual([]);
  });

  test('with other passwords changes those and nothing else', async () => {
    await setUpDatabase(manager, { database: 'clinic', runtimePassword: 'another-runtime' });
    await expect(runAs(runtime(), 'SELECT 1')).rejects.toMatchObject({ code: '28P01' });
    expect(await runAs(asRole('app_rw', 'another-runtime'), 'SELECT 1 AS one')).toEqual([{ one: 1 }]);
    expect(await runAs(owner(), 'SELECT 1 AS one')).toEqual([{ one: 1 }]);
    await setUpDatabase(manager, { database: 'clinic', ...PASSWORDS });
  });

  test('keeps passwords to itself: they stand in no log and no statistics of the server', async () => {
    const sent = await runAs(own.admin, `SELECT query FROM pg_stat_statements WHERE query ILIKE '%ALTER ROLE%PASSWORD%SCRAM%'`);
    expect(sent.length).toBeGreaterThan(0);
    const [place] = await runAs<{ folder: string }>(own.admin, `SELECT current_setting('data_directory') AS folder`);
    const log = readFileSync(join(place?.folder ?? '', '../server.log'), 'utf8');
    expect(log).toContain('ALTER ROLE app_rw PASSWORD');
    const all = log + JSON.stringify(await runAs(own.admin, 'SELECT query FROM pg_stat_statements'));
    for (const password of [...Object.values(PASSWORDS), 'another-runtime']) expect(all).not.toContain(password);
  });

  test.each(['päss-wörd-with-umlauts', 'tab\there', ''])(
    'refuses a password that both sides may read differently, by the name of its role: %j',
    async (password) => {
      await expect(setUpDatabase(manager, { database: 'clinic', runtimePassword: password })).rejects.toThrow('The password of app_rw');
      expect(await runAs(runtime(), 'SELECT 1 AS one')).toEqual([{ one: 1 }]);
    },
  );

  test('leaves the database closed to everybody else on the server', async () => {
    await runAs(own.admin, `CREATE ROLE stranger LOGIN PASSWORD 'stranger'`);
    await expect(runAs(asRole('stranger', 'stranger'), 'SELECT 1')).rejects.toMatchObject({ code: '42501' });
  });

  test('makes a second database on the same server, with the same roles', async () => {
    await setUpDatabase(manager, { database: 'second clinic' });
    await deployMigrations({ ...owner(), database: 'second clinic' });
    expect(await findDrift({ ...owner(), database: 'second clinic' })).toEqual([]);
  });
});
