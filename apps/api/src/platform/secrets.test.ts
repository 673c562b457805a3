import { TEST_KEY } from '@medspa/testing';
import { afterEach, describe, expect, test } from 'vitest';
import { startGoogleSecrets, type StoredSecrets } from '../../test/fakes/google-secrets.ts';
import { ConfigError, loadConfig } from './config.ts';
import { resolveSecrets } from './secrets.ts';

const opened: (() => void)[] = [];
afterEach(() => opened.splice(0).forEach((close) => close()));

async function google(changes: Partial<StoredSecrets> = {}) {
  const started = await startGoogleSecrets({
    project: 'spa-prod',
    secrets: {
      'database-url': [
        'postgresql://app_rw:first@/medspa?host=/cloudsql/a:b:c',
        'postgresql://app_rw:second@/medspa?host=/cloudsql/a:b:c\n',
      ],
      'encryption-key': ['0'.repeat(64), TEST_KEY.replace('8f', '9f'), `${TEST_KEY}\r\n`],
      'tls-key': ['-----BEGIN KEY-----\nabc\n-----END KEY-----\n'],
      locked: ['top secret words'],
      hollow: ['\n'],
    },
    forbidden: ['locked'],
    ...changes,
  });
  opened.push(started.close);
  return started;
}

const ENV = { GCP_PROJECT_ID: 'spa-prod', DATABASE_URL: 'secret:database-url', ENCRYPTION_KEY: 'secret:encryption-key' };

async function refusal(env: Record<string, string>, changes: Partial<StoredSecrets> = {}): Promise<string> {
  const { source } = await google(changes);
  const error = await loadConfig(env, { secrets: { ...source, limitMillis: 300 } }).then(
    () => null,
    (thrown: unknown) => thrown,
  );
  expect(error).toBeInstanceOf(ConfigError);
  return (error as Error).message;
}

describe('ASVS 13.3.1: a value secret:NAME', () => {
  test('is read from Secret Manager before anything else sees it, without the line end that tools leave', async () => {
    const { source, asked } = await google();
    const config = await loadConfig(ENV, { secrets: source });
    expect(config.database).toMatchObject({ user: 'app_rw', password: 'second', database: 'medspa', host: '/cloudsql/a:b:c' });
    expect(config.encryption).toEqual({ ring: { text: TEST_KEY }, kms: [] });
    expect(JSON.stringify(config)).not.toContain('secret:');
    expect(asked.filter((line) => line.includes('token'))).toHaveLength(1);
  });

  test('with @VERSION is that version', async () => {
    const { source, asked } = await google();
    const config = await loadConfig(
      { ...ENV, DATABASE_URL: 'secret:database-url@1', ENCRYPTION_KEY: 'secret:encryption-key@3' },
      { secrets: source },
    );
    expect(config.database.password).toBe('first');
    expect(asked).toContain('GET /v1/projects/spa-prod/secrets/database-url/versions/1:access');
  });

  test('keeps line ends within', async () => {
    const { source } = await google();
    expect(await resolveSecrets({ GCP_PROJECT_ID: 'spa-prod', DATABASE_KEY: 'secret:tls-key' }, source)).toMatchObject({
      DATABASE_KEY: '-----BEGIN KEY-----\nabc\n-----END KEY-----',
    });
  });

  test('is held to the same rules as a value that stands there itself', async () => {
    expect(await refusal({ ...ENV, ENCRYPTION_KEY: 'secret:encryption-key@1' })).toMatch(/ENCRYPTION_KEY: must be 32 random bytes/);
  });

  test('that is not used asks nobody', async () => {
    const { source, asked } = await google();
    await resolveSecrets({ DATABASE_URL: 'postgresql://secret:secret@db/x', GCP_PROJECT_ID: 'spa-prod' }, source);
    expect(asked).toEqual([]);
  });
});

describe('a value secret:NAME that cannot be read is refused by the name of its key, and never passed on:', () => {
  test.each<[name: string, env: Record<string, string>, stored: Partial<StoredSecrets>, says: RegExp]>([
    ['no project', { DATABASE_URL: ENV.DATABASE_URL, ENCRYPTION_KEY: TEST_KEY }, {}, /DATABASE_URL: .*GCP_PROJECT_ID/],
    ['no identity', ENV, { hasIdentity: false }, /DATABASE_URL, ENCRYPTION_KEY: .*machine identity/],
    ['nobody answers', ENV, { isSilent: true }, /DATABASE_URL, ENCRYPTION_KEY: .*machine identity/],
    ['no such secret', { ...ENV, DATABASE_URL: 'secret:nothing' }, {}, /DATABASE_URL: .*refuses.*404/],
    ['no such version', { ...ENV, DATABASE_URL: 'secret:database-url@9' }, {}, /DATABASE_URL: .*refuses.*404/],
    ['not for this identity', { ...ENV, DATABASE_URL: 'secret:locked' }, {}, /DATABASE_URL: .*refuses.*403/],
    ['another project', { ...ENV, GCP_PROJECT_ID: 'other' }, {}, /(DATABASE_URL|ENCRYPTION_KEY): .*refuses.*403/],
    ['an empty secret', { ...ENV, DATABASE_URL: 'secret:hollow' }, {}, /DATABASE_URL: .*is empty/],
    ['no name', { ...ENV, DATABASE_URL: 'secret:' }, {}, /DATABASE_URL: not a secret's name/],
    ['a path for a name', { ...ENV, DATABASE_URL: 'secret:../../other/secrets/x' }, {}, /DATABASE_URL: not a secret's name/],
    ['a version that is none', { ...ENV, DATABASE_URL: 'secret:database-url@newest' }, {}, /DATABASE_URL: not a secret's name/],
  ])('%s', async (_name, env, stored, says) => {
    const said = await refusal(env, stored);
    expect(said).toMatch(says);
    expect(said).not.toMatch(/top secret|ya29|first|second/);
  });

  test('where there is no metadata server at all', async () => {
    const nowhere = 'http://127.0.0.1:1';
    await expect(loadConfig(ENV, { secrets: { secretManagerUrl: nowhere, metadataUrl: nowhere } })).rejects.toThrow(
      /DATABASE_URL, ENCRYPTION_KEY: .*Give the value itself/,
    );
  });
});
