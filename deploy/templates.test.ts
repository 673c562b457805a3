import { randomBytes } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseEnv } from 'node:util';
import { freePort } from '@medspa/local-database';
import { startOwnServer, type OwnServer } from '@medspa/testing';
import { deployMigrations, setUpDatabase } from '@medspa/database/migrate';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { startGoogleSecrets } from '../apps/api/test/fakes/google-secrets.ts';
import { startService } from '../apps/api/src/compose.ts';
import { loadConfig } from '../apps/api/src/platform/config.ts';
import { createLog } from '../apps/api/src/platform/log.ts';
import { service as definition } from './test/definitions.ts';
import { ROOT } from './test/image.ts';

const folder = mkdtempSync(join(tmpdir(), 'medspa-templates-'));
const hex = (bytes: number) => randomBytes(bytes).toString('hex');
const [ownerPassword, runtimePassword, ring] = [hex(24), hex(24), hex(32)];
let own: OwnServer;
beforeAll(async () => {
  own = await startOwnServer();
  await setUpDatabase(own.admin, { database: 'medspa', ownerPassword, runtimePassword });
  await deployMigrations({ ...own.admin, database: 'medspa', user: 'app_owner', password: ownerPassword });
}, 60_000);
afterAll(async () => {
  await own.end();
  rmSync(folder, { recursive: true });
});

const read = (name: string) => readFileSync(join(ROOT, name), 'utf8');

/** A template with its `<WORDS>` replaced, as a file, on free ports. Throws for a word that is left, or that is not in it. */
async function filled(name: string, words: Record<string, string>): Promise<string> {
  let text = read(name);
  for (const [word, value] of Object.entries(words)) {
    if (!text.includes(`<${word}>`)) throw new Error(`${name} has no <${word}>.`);
    text = text.replaceAll(`<${word}>`, value);
  }
  const left = /^[^#\n]*<\w+>/m.exec(text);
  if (left) throw new Error(`${name} still has ${left[0]}.`);
  const path = join(folder, name);
  writeFileSync(path, text.replace('\nPORT=8080', `\nPORT=${await freePort()}`).replace('METRICS_PORT=9090', 'METRICS_PORT=0'));
  return path;
}

/** Starts the service with what the file says, and asks whether it is ready. */
async function boot(envFile: string, secrets?: Parameters<typeof loadConfig>[1]): Promise<{ ready: unknown; notes: string[] }> {
  const config = await loadConfig({}, { envFile, ...secrets });
  const service = await startService(config, createLog('silent'), { serves: true, runsJobs: config.runsJobs });
  try {
    const answer = await fetch(`http://127.0.0.1:${service.port}/health/ready`);
    return { ready: await answer.json(), notes: config.notes };
  } finally {
    await service.lifecycle.stop();
  }
}

const READY = { status: 'ready', checks: { database: { status: 'healthy' } } };

describe('the service starts from', () => {
  test('.env.development.template, once it is filled in', async () => {
    const path = await filled('.env.development.template', {
      PASSWORD: runtimePassword,
      OWNER_PASSWORD: ownerPassword,
      '64_HEX_DIGITS': ring,
    });
    // The one thing that is not where the template says.
    writeFileSync(path, readFileSync(path, 'utf8').replaceAll('localhost:5432', `127.0.0.1:${own.admin.port}`));
    const { ready, notes } = await boot(path);
    expect(ready).toMatchObject(READY);
    expect(notes).toContain('connection_limit=5: the pool opens at most 5');
  });

  test('.env.production.template, once it is filled in and the secrets are stored', async () => {
    const google = await startGoogleSecrets({
      project: 'clinic-production',
      secrets: {
        'database-url': [`postgresql://app_rw:${runtimePassword}@127.0.0.1:${own.admin.port}/medspa`],
        'encryption-key': [`${ring}\n`],
        'smtp-url': [`smtps://desk:${hex(8)}@mail.clinic.example:465`],
        'twilio-auth-token': [hex(16)],
      },
    });
    try {
      const path = await filled('.env.production.template', {
        GCP_PROJECT: 'clinic-production',
        APP_HOST: 'app.clinic.example',
        API_HOST: 'api.clinic.example',
        BOOKING_HOST: 'book.clinic.example',
        MAIL_FROM: 'desk@clinic.example',
        TWILIO_ACCOUNT_SID: `AC${hex(16)}`,
        TWILIO_NUMBER: '+12125550100',
      });
      expect((await boot(path, { secrets: google.source })).ready).toMatchObject(READY);
      expect(google.asked.filter((one) => one.includes(':access'))).toHaveLength(4);
    } finally {
      google.close();
    }
  });
});

describe('a template that is not filled in', () => {
  test.each(['.env.development.template', '.env.example'])('%s starts nothing, and the reason names the key', async (name) => {
    await expect(loadConfig({}, { envFile: join(ROOT, name) })).rejects.toThrow('ENCRYPTION_KEY');
  });

  test('.env.production.template starts nothing where nobody gives it the secrets', async () => {
    const nobody = { secretManagerUrl: 'http://127.0.0.1:1', metadataUrl: 'http://127.0.0.1:1' };
    await expect(loadConfig({}, { envFile: join(ROOT, '.env.production.template'), secrets: nobody })).rejects.toThrow(
      'DATABASE_URL, ENCRYPTION_KEY, SMTP_URL, TWILIO_AUTH_TOKEN: a secret: value can be read only where a machine identity exists',
    );
  });
});

describe('the templates', () => {
  const keys = (name: string) => Object.keys(parseEnv(read(name)));
  const REPORT = [
    'NODE_ENV',
    'PORT',
    'DATABASE_URL',
    'ENCRYPTION_KEY',
    'FIREBASE_PROJECT_ID',
    'GCP_PROJECT_ID',
    'APP_URL',
    'API_URL',
    'CORS_ORIGINS',
  ];

  test('have the keys of the report, and no value of a secret', () => {
    for (const name of ['.env.example', '.env.production.template']) expect(keys(name), name).toEqual(expect.arrayContaining(REPORT));
    expect(keys('.env.development.template')).toEqual(expect.arrayContaining(REPORT.filter((key) => key !== 'GCP_PROJECT_ID')));
    for (const name of ['.env.example', '.env.development.template', '.env.production.template'])
      expect(read(name), name).not.toMatch(/[0-9a-f]{16}|:password@/i);
  });

  test('say for production what the definition of Cloud Run says', () => {
    const { env = [] } = definition().spec.template.spec.containers[0] ?? {};
    const template = parseEnv(read('.env.production.template'));
    // What every environment has of its own is there, whatever it is.
    const anything: unknown = expect.any(String);
    const wanted = env.map(({ name, value, valueFrom }) => {
      if (valueFrom) return [name, `secret:${valueFrom.secretKeyRef.name}@${valueFrom.secretKeyRef.key}`];
      return [name, /_(URL|ORIGINS|ID)$/.test(name) ? anything : value];
    });
    expect(template).toMatchObject(Object.fromEntries(wanted));
  });
});
