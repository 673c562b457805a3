import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { DEFAULT_POOL } from './settings.ts';
import { parseDatabaseUrl } from './url.ts';

const folder = mkdtempSync(join(tmpdir(), 'medspa-url-'));
afterAll(() => rmSync(folder, { recursive: true }));

const settingsOf = (url: string) => parseDatabaseUrl(url).settings;

describe('a connection string', () => {
  test('is read into fields, with what percent-encoding hides', () => {
    expect(parseDatabaseUrl('postgresql://app%5Frw:p%40ss%2Fw%3Ard@db.example:6543/med%20spa')).toEqual({
      settings: {
        ...DEFAULT_POOL,
        host: 'db.example',
        port: 6_543,
        user: 'app_rw',
        password: 'p@ss/w:rd',
        database: 'med spa',
        ssl: false,
      },
      notes: [],
    });
  });

  test('has port 5432 when it says none, and may be spelt postgres://', () => {
    expect(settingsOf('postgres://u:p@host/db')).toMatchObject({ host: 'host', port: 5_432, password: 'p' });
  });

  test('may name an IPv6 address', () => {
    expect(settingsOf('postgresql://u:p@[::1]:5433/db')).toMatchObject({ host: '::1', port: 5_433 });
  });

  test.each([
    'postgresql://u:p@/db?host=/cloudsql/project:region:instance',
    'postgresql://u:p@localhost/db?host=/cloudsql/project:region:instance',
    'postgresql://u:p@/db?host=%2Fcloudsql%2Fproject%3Aregion%3Ainstance',
  ])('may name the folder of a socket, which needs no TLS: %s', (url) => {
    expect(settingsOf(url)).toMatchObject({ host: '/cloudsql/project:region:instance', database: 'db', ssl: false });
    expect(settingsOf(`${url}&sslmode=verify-full`).ssl).toBe(false);
  });

  test("may carry the parameters of Prisma's pool, which become settings of the driver and are told", () => {
    const { settings, notes } = parseDatabaseUrl(
      'postgresql://u:p@h/db?connection_limit=3&pool_timeout=20&connect_timeout=15&statement_cache_size=0&application_name=api',
    );
    expect(settings).toMatchObject({
      poolMax: 3,
      poolWaitMillis: 20_000,
      connectMillis: 15_000,
      statementCacheSize: 0,
      applicationName: 'api',
    });
    expect(notes).toEqual([
      'connection_limit=3: the pool opens at most 3',
      'pool_timeout=20: a request waits for a connection at most 20 s',
      'connect_timeout=15: a new connection may take 15 s',
      'statement_cache_size=0: each connection keeps prepared statements up to 0',
    ]);
  });
});

describe('a connection string is refused', () => {
  const PASSWORD = 'Very-Secret-9';
  test.each([
    ['with a parameter that nothing reads', `postgresql://u:${PASSWORD}@h/db?pgbouncer=true`, 'the parameter "pgbouncer"'],
    ['with max, which pg does not read either', `postgresql://u:${PASSWORD}@h/db?max=3`, 'the parameter "max"'],
    ['with a parameter twice', `postgresql://u:${PASSWORD}@h/db?connection_limit=3&connection_limit=4`, '"connection_limit" twice'],
    ['with a limit of 0', `postgresql://u:${PASSWORD}@h/db?connection_limit=0`, 'connection_limit must be a whole number above 0'],
    ['with a limit that is no number', `postgresql://u:${PASSWORD}@h/db?pool_timeout=2s`, 'pool_timeout must be a whole number above 0'],
    ['with an unknown sslmode', `postgresql://u:${PASSWORD}@h/db?sslmode=prefer`, 'sslmode=prefer is not one of'],
    [
      'with a file that is not there',
      `postgresql://u:${PASSWORD}@h/db?sslmode=verify-ca&sslrootcert=/no/ca.pem`,
      'the file of sslrootcert cannot be read',
    ],
    ['of another database', `mysql://u:${PASSWORD}@h/db`, 'must begin with postgresql://'],
    ['without a user', 'postgresql://h/db', 'needs a user and a database name'],
    ['without a database', `postgresql://u:${PASSWORD}@h`, 'needs a user and a database name'],
    ['without a host', `postgresql://u:${PASSWORD}@/db`, 'names no host'],
    ['with a slash in its password', `postgresql://u:${PASSWORD}/x@h/db`, 'percent-encoded'],
    ['that is a reference to a secret', 'secret:database-url', 'must begin with postgresql://'],
  ])('%s, and the message holds no password', (_, url, said) => {
    expect(() => parseDatabaseUrl(url)).toThrow(said);
    let message = '';
    try {
      parseDatabaseUrl(url);
    } catch (error) {
      ({ message } = error as Error);
    }
    expect(message).not.toContain(PASSWORD);
  });
});

describe('TLS', () => {
  const ca = join(folder, 'ca.pem');
  const cert = join(folder, 'cert.pem');
  const key = join(folder, 'key.pem');
  for (const file of [ca, cert, key]) writeFileSync(file, `text of ${file}`);
  const at = `postgresql://u:p@h/db?sslrootcert=${ca}`;

  test('is off without sslmode and with disable', () => {
    expect(settingsOf('postgresql://u:p@h/db').ssl).toBe(false);
    expect(settingsOf('postgresql://u:p@h/db?sslmode=disable').ssl).toBe(false);
  });

  test.each(['require', 'verify-full'])('verifies certificate and host name with %s', (mode) => {
    expect(settingsOf(`${at}&sslmode=${mode}`).ssl).toEqual({ rejectUnauthorized: true, ca: `text of ${ca}` });
  });

  test('says that require means more here than elsewhere', () => {
    expect(parseDatabaseUrl(`${at}&sslmode=require`).notes).toEqual([
      'sslmode=require: encrypts and, here, verifies the server like verify-full',
    ]);
  });

  test("verifies the certificate but not the host name with verify-ca, for an authority of the instance's own", () => {
    const { ssl } = settingsOf(`${at}&sslmode=verify-ca`);
    expect(ssl).toMatchObject({ rejectUnauthorized: true, ca: `text of ${ca}` });
    expect(ssl && ssl.checkServerIdentity?.()).toBeUndefined();
    expect(ssl && 'checkServerIdentity' in ssl).toBe(true);
  });

  test('presents a certificate of the client where one is given', () => {
    expect(settingsOf(`${at}&sslmode=verify-full&sslcert=${cert}&sslkey=${key}`).ssl).toMatchObject({
      cert: `text of ${cert}`,
      key: `text of ${key}`,
    });
  });
});
