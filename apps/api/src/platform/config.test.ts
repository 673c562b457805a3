import { describe, expect, test } from 'vitest';
import { TEST_KEY } from '../../test/harness.ts';
import { ConfigError, loadConfig } from './config.ts';

const BASE = { DATABASE_URL: 'postgresql://app_rw:secret@db.example/medspa', ENCRYPTION_KEY: TEST_KEY };
const PRODUCTION = {
  ...BASE,
  NODE_ENV: 'production',
  DATABASE_URL: `postgresql://app_rw:${'0123456789abcdef'.repeat(2)}@/medspa?host=/cloudsql/project:region:instance`,
  API_URL: 'https://api.example.com',
};

async function refusal(env: Record<string, string | undefined>): Promise<string> {
  const error = await loadConfig(env).then(
    () => null,
    (thrown: unknown) => thrown,
  );
  expect(error).toBeInstanceOf(ConfigError);
  return (error as Error).message;
}

describe('a key is refused', () => {
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
      PRACTICE_ORGANIZATION: '01a00000-0000-7000-8000-000000000001',
      PRACTICE_ACTOR: '01a00000-0000-7000-8000-000000000002',
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
