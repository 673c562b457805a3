import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { TEST_KEY } from '@medspa/testing';
import { afterAll, describe, expect, test } from 'vitest';
import { ConfigError, loadConfig } from './config.ts';

const BASE = { DATABASE_URL: 'postgresql://app_rw:secret@db.example/medspa', ENCRYPTION_KEY: TEST_KEY };
const PRODUCTION = {
  ...BASE,
  NODE_ENV: 'production',
  DATABASE_URL: `postgresql://app_rw:${'0123456789abcdef'.repeat(2)}@/medspa?host=/cloudsql/project:region:instance`,
  API_URL: 'https://api.example.com',
};

async function refusal(env: Record<string, string | undefined>, options: Parameters<typeof loadConfig>[1] = {}): Promise<string> {
  const error = await loadConfig(env, options).then(
    () => null,
    (thrown: unknown) => thrown,
  );
  expect(error).toBeInstanceOf(ConfigError);
  return (error as Error).message;
}

describe('SEC-2: a key is refused', () => {
  test.each([
    ['too short', 'abcd'],
    ['not hex', 'z'.repeat(64)],
    ['all zero', '0'.repeat(64)],
    ['one byte repeated', 'ab'.repeat(32)],
    ['counting up', Array.from({ length: 32 }, (_, index) => index.toString(16).padStart(2, '0')).join('')],
    ['a repeated pattern', '0123456789abcdef'.repeat(4)],
    ['a sentence', 'generate_with_openssl_rand_hex_32'],
  ])('%s', async (_name, key) => {
    expect(await refusal({ ...BASE, ENCRYPTION_KEY: key })).toMatch(/ENCRYPTION_KEY: must be 32 random bytes/);
  });
});

describe('who came through how many proxies', () => {
  test('is what the configuration says, none unless told, and production says that it was not told', async () => {
    expect(await loadConfig(BASE)).toMatchObject({ trustedProxies: 0, rateLimitFactor: 1 });
    const untold = await loadConfig(PRODUCTION);
    const isSaid = (notes: string[]) => notes.some((note) => note.startsWith('TRUSTED_PROXIES'));
    expect([untold.trustedProxies, isSaid(untold.notes)]).toEqual([0, true]);
    const told = await loadConfig({ ...PRODUCTION, TRUSTED_PROXIES: '2', RATE_LIMIT_FACTOR: '2.5' });
    expect([told.trustedProxies, told.rateLimitFactor, isSaid(told.notes)]).toEqual([2, 2.5, false]);
  });

  test.each([
    ['TRUSTED_PROXIES', '-1'],
    ['TRUSTED_PROXIES', 'all'],
    ['TRUSTED_PROXIES', '1.5'],
    ['TRUSTED_PROXIES', '99'],
    ['RATE_LIMIT_FACTOR', '0'],
    ['RATE_LIMIT_FACTOR', '-1'],
    ['RATE_LIMIT_FACTOR', 'off'],
    ['RATE_LIMIT_FACTOR', 'Infinity'],
  ])('is refused where it is no number of them: %s=%s', async (key, value) => {
    expect(await refusal({ ...BASE, [key]: value })).toContain(key);
  });
});

test('every missing or wrong key is named at once, and no value is repeated', async () => {
  const said = await refusal({ NODE_ENV: 'production', PORT: 'eighty', DATABASE_URL: 'postgresql://u:hunter2hunter2@db/x' });
  expect(said).toMatch(/PORT/);
  const rest = await refusal({ NODE_ENV: 'production', DATABASE_URL: 'postgresql://u:hunter2@db/x' });
  for (const key of ['DATABASE_URL', 'ENCRYPTION_KEY', 'API_URL']) expect(rest).toContain(key);
  expect(said + rest).not.toMatch(/hunter2|eighty/);
});

test('production wants a password that is no default, a verified connection and https origins, and no practice mode', async () => {
  expect(await refusal({ ...PRODUCTION, DATABASE_URL: 'postgresql://postgres:postgres@127.0.0.1/medspa' })).toMatch(
    /password has at least 16 characters/,
  );
  expect(await refusal({ ...PRODUCTION, DATABASE_URL: `postgresql://app_rw:${'x'.repeat(20)}@10.0.0.5/medspa` })).toMatch(
    /verify the server/,
  );
  expect(await refusal({ ...PRODUCTION, CORS_ORIGINS: 'http://app.example.com' })).toMatch(/https/);
  expect(
    await refusal({
      ...PRODUCTION,
      PRACTICE: 'on',
    }),
  ).toMatch(/practice mode/);
  const config = await loadConfig(PRODUCTION);
  expect(config).toMatchObject({
    environment: 'production',
    host: '0.0.0.0',
    port: 8_080,
    logLevel: 'info',
    database: { host: '/cloudsql/project:region:instance', user: 'app_rw', poolMax: 8 },
  });
});

describe('identity providers', () => {
  const OIDC = { OIDC_ISSUER: 'https://login.example.com/', OIDC_CLIENT_ID: 'medspa', OIDC_CLIENT_SECRET: 'oidc-canary' };

  test('are off unless they are named', async () => {
    expect((await loadConfig(BASE)).identityProviders).toEqual({ oidc: null, firebaseProjectId: null });
    expect((await loadConfig({ ...BASE, FIREBASE_PROJECT_ID: 'medspa-dev' })).identityProviders.firebaseProjectId).toBe('medspa-dev');
    expect((await loadConfig({ ...BASE, ...OIDC, OIDC_SECOND_FACTOR_AMR: 'mfa, otp' })).identityProviders.oidc).toEqual({
      issuer: 'https://login.example.com/',
      clientId: 'medspa',
      clientSecret: 'oidc-canary',
      redirectUri: 'http://127.0.0.1:8080/sign-in',
      secondFactorAmr: new Set(['mfa', 'otp']),
      secondFactorAcr: new Set(),
    });
  });

  test('are checked, and no line holds the secret', async () => {
    expect(await refusal({ ...BASE, FIREBASE_PROJECT_ID: 'Medspa' })).toContain('FIREBASE_PROJECT_ID: not the id of a project');
    const half = await refusal({ ...BASE, OIDC_CLIENT_SECRET: 'oidc-canary' });
    expect(half).toMatch(/OIDC_ISSUER: missing[\s\S]*OIDC_CLIENT_ID: missing/);
    expect(half).not.toContain('oidc-canary');
    expect(await refusal({ ...BASE, ...OIDC, NODE_ENV: 'production', OIDC_ISSUER: 'http://login.example.com' })).toContain(
      'OIDC_ISSUER: in production it is https.',
    );
  });
});

test("the report's four development origins are allowed, exactly", async () => {
  const origins = [3000, 3001, 3002, 3003].map((port) => `http://localhost:${port}`);
  const config = await loadConfig({ ...BASE, CORS_ORIGINS: origins.join(',') });
  expect([...config.corsOrigins].toSorted()).toEqual(origins);
  for (const bad of ['*', 'null', 'https://app.example.com/', 'https://app.example.com/path', 'app.example.com']) {
    expect(await refusal({ ...BASE, CORS_ORIGINS: bad }), bad).toMatch(/CORS_ORIGINS/);
  }
});

test('a placeholder that nobody replaced is refused', async () => {
  expect(await refusal({ ...BASE, DATABASE_URL: 'postgresql://u:${DB_PASSWORD}@db/x' })).toMatch(/nobody replaces/);
});

const folder = mkdtempSync(join(tmpdir(), 'medspa-config-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** Writes a file of these lines and gives its path. */
function file(name: string, text: string): string {
  const path = join(folder, name);
  writeFileSync(path, text);
  return path;
}

describe('an env file', () => {
  const envFile = (text: string) => ({ envFile: file('env', text) });

  test('gives what the environment does not', async () => {
    const config = await loadConfig(BASE, envFile('# comment\nPORT=9000\nexport LOG_LEVEL="warn"\nMETRICS_PORT = 9100\n'));
    expect(config).toMatchObject({ port: 9_000, logLevel: 'warn', metrics: { port: 9_100 } });
    expect(await loadConfig({ ...BASE, PORT: '9001' }, envFile('PORT=9000\n'))).toMatchObject({ port: 9_001 });
  });

  test('with a key twice is refused with the lines, whichever would have won, and without the values', async () => {
    const said = await refusal(
      BASE,
      envFile(
        'PORT=9000\nDATABASE_URL=postgresql://u:hunter2@db/a\n# DATABASE_URL=x\n  export DATABASE_URL = "postgresql://u:hunter3@db/b"\r\n',
      ),
    );
    expect(said).toMatch(/DATABASE_URL is set 2 times \(lines 2, 4\)/);
    expect(said).not.toMatch(/hunter/);
  });

  test('with a key that nothing reads is refused by its name and line', async () => {
    expect(await refusal(BASE, envFile('PORT=9000\nDATABSE_URL=postgresql://u:hunter2@db/a\n'))).toMatch(
      /nothing reads DATABSE_URL \(line 2\)/,
    );
    expect(await refusal(BASE, envFile('FEATURE.FLAG=1\n'))).toMatch(/nothing reads FEATURE\.FLAG/);
  });

  test('may hold a certificate over several lines, none of which is taken for a key', async () => {
    const pem = '-----BEGIN CERTIFICATE-----\nMIIBQ\nZm9vYmFy==\nPORT=1\n-----END CERTIFICATE-----';
    const config = await loadConfig(
      { ENCRYPTION_KEY: TEST_KEY },
      envFile(`DATABASE_CA="${pem}"\nDATABASE_HOST=10.0.0.5\nDATABASE_PASSWORD=x\nPORT=9000\n`),
    );
    expect(config.database.ssl).toEqual({ rejectUnauthorized: true, ca: pem });
    expect(config.port).toBe(9_000);
  });

  test('that is not there is no file', async () => {
    expect(await loadConfig(BASE, { envFile: join(folder, 'none') })).toMatchObject({ port: 8_080 });
  });
});

test('an empty value is an unset one, in the environment and in the file', async () => {
  const config = await loadConfig(
    { ...BASE, PORT: '', LOG_LEVEL: '  ', CORS_ORIGINS: '' },
    { envFile: file('empty', 'METRICS_PORT=\nAPI_URL=\n') },
  );
  expect(config).toMatchObject({ port: 8_080, logLevel: 'debug', metrics: null, apiUrl: 'http://127.0.0.1:8080' });
  expect(await refusal({ ENCRYPTION_KEY: ' ', DATABASE_URL: '' })).toMatch(/DATABASE_URL: missing[\s\S]*ENCRYPTION_KEY: missing/);
});

describe('the way to the database', () => {
  const parts = { ENCRYPTION_KEY: TEST_KEY, DATABASE_HOST: '10.0.0.5', DATABASE_PASSWORD: 'p/w@%x' };
  const [ca, cert, key] = ['CA', 'CERT', 'KEY'].map((name) => `-----BEGIN ${name}-----\nabc\n-----END ${name}-----`) as [
    string,
    string,
    string,
  ];

  test('may be given in parts, where a password needs no encoding', async () => {
    const config = await loadConfig({
      ...parts,
      DATABASE_PORT: '6432',
      DATABASE_NAME: 'spa',
      DATABASE_USER: 'runtime',
      DATABASE_POOL_MAX: '5',
      DATABASE_ROLE: 'app_rw',
    });
    expect(config.database).toMatchObject({
      host: '10.0.0.5',
      port: 6_432,
      database: 'spa',
      user: 'runtime',
      password: 'p/w@%x',
      ssl: false,
      poolMax: 5,
      options: '-c role=app_rw',
    });
  });

  test('may name its certificates and key as text or as files, beside parts or a URL', async () => {
    const ssl = { rejectUnauthorized: true, ca, cert, key };
    expect((await loadConfig({ ...parts, DATABASE_CA: ca, DATABASE_CERT: cert, DATABASE_KEY: key })).database.ssl).toEqual(ssl);
    const files = { DATABASE_CA: file('ca.pem', ca), DATABASE_CERT: file('cert.pem', cert), DATABASE_KEY: file('key.pem', key) };
    expect((await loadConfig({ ...parts, ...files })).database.ssl).toEqual(ssl);
    expect((await loadConfig({ ...BASE, ...files })).database.ssl).toEqual(ssl);
    expect((await loadConfig({ ...BASE, DATABASE_URL: `${BASE.DATABASE_URL}?sslmode=verify-full`, DATABASE_CA: ca })).database.ssl).toEqual(
      { rejectUnauthorized: true, ca },
    );
  });

  test('is refused with half of what TLS needs', async () => {
    expect(await refusal({ ...parts, DATABASE_CA: join(folder, 'gone.pem') })).toMatch(/DATABASE_CA: neither a PEM text nor a file/);
    expect(await refusal({ ...parts, DATABASE_CA: ca, DATABASE_CERT: cert })).toMatch(/DATABASE_CERT: .*DATABASE_KEY go together/);
    expect(await refusal({ ...parts, DATABASE_CERT: cert, DATABASE_KEY: key })).toMatch(/DATABASE_CA: missing/);
  });

  test.each([
    ['postgresql://app_rw:x@/medspa?host=/cloudsql/p:r:i', '/cloudsql/p:r:i'],
    ['postgresql://app_rw:x@localhost/medspa?host=/cloudsql/p:r:i', '/cloudsql/p:r:i'],
    ['postgres://app_rw:x@%2Fvar%2Frun%2Fpostgresql/medspa', '/var/run/postgresql'],
  ])('may be a socket: %s', async (DATABASE_URL, host) => {
    expect((await loadConfig({ ...BASE, DATABASE_URL })).database).toMatchObject({ host, database: 'medspa', user: 'app_rw', ssl: false });
  });

  test('may carry the pool parameters of a Prisma URL, which become settings of the pool, and start-up says so', async () => {
    const { database, notes } = await loadConfig({
      ...BASE,
      DATABASE_URL: `${BASE.DATABASE_URL}?connection_limit=5&pool_timeout=20&connect_timeout=10&statement_cache_size=0`,
    });
    expect(database).toMatchObject({ poolMax: 5, poolWaitMillis: 20_000, connectMillis: 10_000, statementCacheSize: 0 });
    for (const name of ['connection_limit=5', 'pool_timeout=20', 'connect_timeout=10', 'statement_cache_size=0'])
      expect(notes.join('\n')).toContain(name);
    expect(notes.join()).not.toContain('secret');
  });

  test.each([
    'prepared_statement_cache_size=100',
    'pgbouncer=true',
    'schema=public',
    'connection_limit=0',
    'connection_limit=ten',
    'connection_limit=1&connection_limit=2',
  ])('is refused with %s, by the name of the parameter', async (parameter) => {
    const said = await refusal({ ...BASE, DATABASE_URL: `${BASE.DATABASE_URL}?${parameter}` });
    expect(said).toContain(parameter.split('=')[0]);
    expect(said).not.toContain('secret');
  });

  test.each(['DATABASE_HOST', 'DATABASE_PORT', 'DATABASE_NAME', 'DATABASE_USER', 'DATABASE_PASSWORD'])(
    'is refused beside %s, which says the same again',
    async (field) => {
      expect(await refusal({ ...BASE, [field]: '6432' })).toContain(`${field}: stands beside`);
    },
  );

  test('without a password takes DATABASE_PASSWORD, as it stands and not percent-encoded', async () => {
    const { database } = await loadConfig({ ...BASE, DATABASE_URL: 'postgresql://app_rw@127.0.0.1/clinic', DATABASE_PASSWORD: 'p/w@%x' });
    expect(database).toMatchObject({ user: 'app_rw', database: 'clinic', password: 'p/w@%x' });
  });
});

test('a development service says where it can be reached, and asks for nothing that production needs', async () => {
  const config = await loadConfig({ ...BASE, PORT: '9000' });
  expect(config).toMatchObject({
    environment: 'development',
    host: '127.0.0.1',
    apiUrl: 'http://127.0.0.1:9000',
    tracing: null,
    runsJobs: true,
    isPractice: false,
  });
});

describe('anchors of the audit log', () => {
  const KEYS = { AUDIT_ANCHOR_ACCESS_KEY_ID: 'GOOG1EXAMPLE', AUDIT_ANCHOR_SECRET_ACCESS_KEY: 'anchor-canary' };

  test('go to a folder, to a bucket of Google unless another is named, or nowhere', async () => {
    expect((await loadConfig({ ...BASE, AUDIT_ANCHOR_FOLDER: '/srv/anchors' })).anchors).toEqual({ folder: '/srv/anchors' });
    expect((await loadConfig({ ...BASE, ...KEYS, AUDIT_ANCHOR_BUCKET: 'clinic-anchors' })).anchors).toEqual({
      bucket: {
        endpoint: 'https://storage.googleapis.com',
        region: 'auto',
        bucket: 'clinic-anchors',
        accessKeyId: 'GOOG1EXAMPLE',
        secretAccessKey: 'anchor-canary',
      },
    });
    expect((await loadConfig(BASE)).anchors).toBe(null);
  });

  test('to a bucket without a sign-in, under a name that is none, or beside a folder, are refused by the name of the key', async () => {
    const bucket = { ...BASE, ...KEYS, AUDIT_ANCHOR_BUCKET: 'clinic-anchors' };
    expect(await refusal({ ...BASE, AUDIT_ANCHOR_BUCKET: 'clinic-anchors' })).toMatch(
      /ACCESS_KEY_ID: missing[\s\S]*SECRET_ACCESS_KEY: missing/,
    );
    expect(await refusal({ ...bucket, AUDIT_ANCHOR_BUCKET: 'a/b' })).toContain('AUDIT_ANCHOR_BUCKET: not the name');
    expect(await refusal({ ...bucket, AUDIT_ANCHOR_FOLDER: '/srv/anchors' })).toContain('AUDIT_ANCHOR_FOLDER: stands beside');
    const said = await refusal({ ...bucket, NODE_ENV: 'production', AUDIT_ANCHOR_ENDPOINT: 'http://bucket.example' });
    expect(said).toContain('AUDIT_ANCHOR_ENDPOINT: in production it is https');
    expect(said).not.toContain('anchor-canary');
  });
});

describe('AUT-5: passkeys are of', () => {
  const partyOf = async (env: Record<string, string>) => (await loadConfig({ ...PRODUCTION, ...env })).relyingParty;
  const app = 'https://app.example.com';

  test('the host of the service, and its pages, unless a domain above it is named', async () => {
    expect(await partyOf({ CORS_ORIGINS: app })).toEqual({ id: 'api.example.com', origins: ['https://api.example.com'] });
    expect(await partyOf({ CORS_ORIGINS: `${app},https://elsewhere.example`, WEBAUTHN_RP_ID: 'example.com' })).toEqual({
      id: 'example.com',
      origins: ['https://api.example.com', app],
    });
  });

  test('no domain that is not above a page, or is none', async () => {
    expect(await refusal({ ...PRODUCTION, WEBAUTHN_RP_ID: 'ample.com' })).toMatch(/WEBAUTHN_RP_ID: neither API_URL nor a page/);
    for (const wrong of ['https://example.com', 'example.com:8443', '10.0.0.1', '*.example.com', 'Example.com'])
      expect(await refusal({ ...PRODUCTION, WEBAUTHN_RP_ID: wrong }), wrong).toMatch(/WEBAUTHN_RP_ID: not a domain/);
  });

  test('nobody where the service has an address and no name, and the start says so', async () => {
    const { notes } = await loadConfig({ ...BASE, API_URL: 'http://10.0.0.1:8080' });
    expect(notes.join('\n')).toMatch(/names no host, so browsers make no passkeys/);
  });
});
