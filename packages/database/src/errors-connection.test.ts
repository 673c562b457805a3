import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { createServer, type AddressInfo } from 'node:net';
import { runAs } from '@medspa/testing';
import { createProvoker, reportOf, type Provoker } from '../test/provoke.ts';
import { openDatabase, type Database } from './database.ts';
import type { DatabaseSettings } from './settings.ts';

// The way to the database; see errors.test.ts.

let p: Provoker;
beforeAll(async () => {
  p = await createProvoker();
});
afterEach(() => p.close());
afterAll(() => p.drop());

describe('the way to the database', () => {
  const ways = (database: Database): [string, () => Promise<unknown>][] => [
    ['model', () => database.prisma.healthProbe.findMany()],
    ['raw', () => database.prisma.$queryRaw`SELECT 1`],
    ['transaction', () => p.inTransaction((tx) => tx.$queryRaw`SELECT 1`, database)],
    ['second door', () => p.verb('SELECT 1', database)],
  ];
  const expectUnavailable = async (changes: Partial<DatabaseSettings>, code?: string) => {
    for (const [, way] of ways(p.aDatabase(changes))) {
      const report = await reportOf(way);
      expect(report).toMatchObject({ kind: 'unavailable', status: 503, retry: false, infrastructure: true });
      if (code) expect(report?.code).toBe(code);
    }
  };

  test('nobody listens there', async () => {
    const probe = createServer().listen(0, '127.0.0.1');
    await once(probe, 'listening');
    const { port } = probe.address() as AddressInfo;
    probe.close();
    await once(probe, 'close');
    await expectUnavailable({ port });
  });

  test('wrong password (28P01), unknown database (3D000), no such host', async () => {
    await expectUnavailable({ password: 'wrong' });
    await expectUnavailable({ database: 'nowhere' });
    await expectUnavailable({ host: 'nowhere.invalid' });
  });

  test('an address that answers nothing is given up within the bound', async () => {
    const silent = createServer(() => {}).listen(0, '127.0.0.1');
    await once(silent, 'listening');
    const { port } = silent.address() as AddressInfo;
    const since = performance.now();
    await expectUnavailable({ port, connectMillis: 100 });
    expect(performance.now() - since).toBeLessThan(10_000);
    silent.close();
  });

  test('no connection is left for the role (53300)', async () => {
    const role = `limited_${randomUUID().replaceAll('-', '')}`;
    await runAs(
      p.t.admin,
      `CREATE ROLE ${role} LOGIN PASSWORD 'limited' CONNECTION LIMIT 0`,
      `GRANT CONNECT ON DATABASE ${p.t.admin.database} TO ${role}`,
    );
    try {
      await expectUnavailable({ user: role, password: 'limited' }, undefined);
    } finally {
      await runAs(p.t.admin, `REVOKE ALL ON DATABASE ${p.t.admin.database} FROM ${role}`, `DROP ROLE ${role}`);
    }
  });

  test('the pool was ended', async () => {
    const database = openDatabase({ ...p.t.runtime, applicationName: 'ended-pool' });
    await database.disconnectDatabase();
    for (const [, way] of ways(database)) expect((await reportOf(way))?.kind).toBe('unavailable');
  });
});
