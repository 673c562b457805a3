import { randomBytes } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { keyRingOf, openDatabase, parseDatabaseUrl, type DatabaseSettings } from '@medspa/database';
import { deployMigrations, setUpDatabase } from '@medspa/database/migrate';
import { aFullClinic, runAs, startOwnServer, TEST_KEY, type OwnServer } from '@medspa/testing';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { startService, type Service } from '../apps/api/src/compose.ts';
import { loadConfig } from '../apps/api/src/platform/config.ts';
import { createLog } from '../apps/api/src/platform/log.ts';
import { migrateJob, NAMES, pipelineSteps, service as definition, worker, type Container } from './test/definitions.ts';
import { ROOT } from './test/image.ts';
import { blocksOf, pages, sectionsOf } from './test/pages.ts';
import { runShell, type Ran } from './test/shell.ts';

// Every command of every page: gcloud against its stand-in, which answers from our own definitions; SQL on a PostgreSQL, as an
// administrator who is no superuser, as on Cloud SQL; the rest for real.

const folder = mkdtempSync(join(tmpdir(), 'medspa-commands-'));
const hex = (bytes: number) => randomBytes(bytes).toString('hex');
const [ownerPassword, runtimePassword, managerPassword] = [hex(24), hex(24), hex(24)];
let own: OwnServer;
let manager: DatabaseSettings;
let service: Service;
let organizationId = '';

beforeAll(async () => {
  own = await startOwnServer();
  await runAs(
    own.admin,
    `CREATE ROLE manager LOGIN PASSWORD '${managerPassword}' CREATEROLE CREATEDB`,
    'GRANT pg_monitor, pg_signal_backend TO manager',
  );
  manager = { ...own.admin, user: 'manager', password: managerPassword };
  await setUpDatabase(manager, { database: 'medspa', ownerPassword, runtimePassword });
  manager = { ...manager, database: 'medspa' };
  await runAs({ ...own.admin, database: 'medspa' }, 'CREATE EXTENSION IF NOT EXISTS pg_stat_statements');
  await deployMigrations({ ...manager, user: 'app_owner', password: ownerPassword });
  const config = await loadConfig({
    DATABASE_HOST: own.admin.host,
    DATABASE_PASSWORD: runtimePassword,
    ENCRYPTION_KEY: TEST_KEY,
    PORT: '0',
  });
  const database = { ...config.database, port: own.admin.port };
  service = await startService({ ...config, database }, createLog('silent'), { serves: true, runsJobs: false });
  const shared = openDatabase({ ...database, applicationName: 'arranging' });
  ({ organizationId } = await aFullClinic(shared));
  await shared.disconnectDatabase();
  told = await answersOfCloud();
}, 60_000);
afterAll(async () => {
  await service.lifecycle.stop();
  await own.end();
  rmSync(folder, { recursive: true });
});

const HOUR_AGO = new Date(Date.now() - 3_600_000).toISOString();
const secretUrl = (user: string) =>
  `postgresql://${user}:${hex(24)}@localhost/medspa?host=/cloudsql/${NAMES.PROJECT}:${NAMES.REGION}:medspa`;

let told: Record<string, unknown>;

/** What the cloud answers when everything is as this repository defines it. */
async function answersOfCloud(): Promise<Record<string, unknown>> {
  const { metadata, spec } = definition();
  const made = await runShell(folder, 'deploy/instance.sh', { env: NAMES });
  const flags = made.calls.find(({ command }) => command === 'sql instances create')?.flags ?? {};
  const is = (flag: string) => flags[flag] === 'true';
  const traffic = [{ revisionName: 'medspa-api-00002-new', percent: 100, tag: 'candidate' }];
  return {
    'run services describe': { metadata, spec, status: { url: `http://127.0.0.1:${service.port}`, traffic } },
    'run revisions list': ['00002-new', '00001-old'].map((name) => ({
      metadata: { name: `medspa-api-${name}`, creationTimestamp: HOUR_AGO },
    })),
    'run revisions describe': { spec: { containers: [{ image: NAMES.IMAGE }] } },
    'run worker-pools describe': { status: { conditions: [{ type: 'Ready', status: 'True' }] } },
    'secrets versions list': [{ name: 'projects/1/secrets/x/versions/1', state: 'ENABLED', createTime: HOUR_AGO }],
    'secrets versions add': { name: 'projects/1/secrets/x/versions/2' },
    'secrets versions access database-url': secretUrl('app_rw'),
    'secrets versions access database-owner-url': secretUrl('app_owner'),
    'secrets versions access encryption-key': TEST_KEY,
    'sql instances describe': {
      state: 'RUNNABLE',
      gceZone: 'us-central1-a',
      ipAddresses: [{ ipAddress: '10.0.0.3', type: 'PRIVATE' }],
      serverCaCert: { cert: '-----BEGIN CERTIFICATE-----' },
      settings: {
        activationPolicy: 'ALWAYS',
        databaseFlags: (flags['--database-flags'] ?? '')
          .split(',')
          .map((pair) => ({ name: pair.split('=')[0], value: pair.split('=')[1] })),
        insightsConfig: { queryInsightsEnabled: is('--insights-config-query-insights-enabled') },
        ipConfiguration: { ipv4Enabled: is('--assign-ip') },
        backupConfiguration: { pointInTimeRecoveryEnabled: is('--enable-point-in-time-recovery') },
        deletionProtectionEnabled: is('--deletion-protection'),
      },
    },
    'monitoring policies list': [...readFileSync(join(ROOT, 'deploy/alerts/medspa.yaml'), 'utf8').matchAll(/- alert: (\w+)/g)].map(
      ([, name]) => ({ displayName: name }),
    ),
    'storage hmac create': { metadata: { accessId: 'GOOG1EXAMPLE' }, secret: 'made-up' },
    'projects describe': { projectNumber: '123456789' },
  };
}

const [names = ''] = blocksOf('deploy/README.md', ['bash'], '## The names in these pages');

/** Runs blocks of a page in one shell in which the names are set. */
async function runBlocks(blocks: string[], changes: Record<string, unknown> = {}): Promise<Ran> {
  return runShell(folder, ['set -euo pipefail', names, ...blocks].join('\n'), {
    answers: { ...told, ...changes },
    env: {
      PAUSE_SECONDS: '0',
      DATABASE_OWNER_URL: `postgresql://app_owner:${ownerPassword}@127.0.0.1:${own.admin.port}/medspa`,
    },
  });
}

describe('the shell commands of', () => {
  test.each([...pages().filter((page) => page !== 'deploy/CHECKLIST.md'), 'docs/backup.md'])(
    '%s run',
    async (page) => {
      const blocks = page === 'docs/backup.md' ? blocksOf(page, ['sh', 'bash'], '## Managed PostgreSQL') : blocksOf(page, ['bash']);
      expect(blocks.length).toBeGreaterThan(0);
      const { status, said, calls } = await runBlocks(blocks);
      expect(status, said).toBe(0);
      expect(calls.length).toBeGreaterThan(0);
      // What a page asks of a project, it asks of one that it names; the page on backups leaves that to its reader.
      const unnamed = calls.filter(({ flags, positional }) => !(flags['--project'] ?? positional[0])?.startsWith('clinic-'));
      expect(page === 'docs/backup.md' ? [] : unnamed).toEqual([]);
    },
    60_000,
  );

  test('no other language stands where a command does', () => {
    for (const page of pages()) expect(blocksOf(page, ['sh', 'shell', 'console', 'zsh']), page).toEqual([]);
  });
});

describe('the statements of', () => {
  /** The rows of a block's last statement. The connection ends without a commit, and so nothing of it stays. */
  const rowsOf = (block: string) => {
    const statements = block.replaceAll('ORGANIZATION_ID', organizationId).split(/;\n/);
    return runAs(manager, 'BEGIN', ...statements.map((text) => text.trim()).filter((text) => !/^(BEGIN|COMMIT|)$/.test(text)));
  };

  test.each(pages().filter((page) => blocksOf(page, ['sql']).length > 0))(
    '%s run as an administrator who is no superuser',
    async (page) => {
      for (const block of blocksOf(page, ['sql'])) await expect(rowsOf(block), block).resolves.toBeDefined();
    },
  );

  test.each([
    ['deploy/runbooks/restore.md', 'FROM audit_log'],
    ['deploy/runbooks/restore.md', 'FROM appointment'],
    ['deploy/runbooks/rotate-encryption-key.md', 'FROM data_key_secret'],
  ])('%s see past row-level security, where they must: %s', async (page, part) => {
    const rows = await rowsOf(blocksOf(page, ['sql']).find((block) => block.includes(part)) ?? '');
    expect(rows.length).toBeGreaterThan(0);
    expect(JSON.stringify(rows)).not.toMatch(/:null/);
  });
});

describe('the checklist', () => {
  const report = readFileSync(join(ROOT, 'docs/audit-report.md'), 'utf8');
  const wanted = [...report.matchAll(/^- \[ \] (.+)$/gm)].map(([, step = '']) => step);
  const sections = [...sectionsOf('deploy/CHECKLIST.md')];
  const [helper = ''] = blocksOf('deploy/CHECKLIST.md', ['bash']);
  const blockOf = (section: string) => /```bash\n([\s\S]*?)```/.exec(section)?.[1] ?? '';

  test('has the nineteen steps of the report, in their order and words, each with a command', () => {
    expect(sections.map(([title]) => title)).toEqual(wanted.map((step, index) => `${index + 1}. ${step}`));
    expect(wanted).toHaveLength(19);
    for (const [title, section] of sections) expect(blockOf(section), title).not.toBe('');
  });

  test.each(sections)('step %s is done here, as its command says', async (_, section) => {
    const { status, said } = await runBlocks([helper, blockOf(section)]);
    expect(status, said).toBe(0);
  });

  test.each(sections.filter(([, section]) => /gcloud|service '|service "|curl|smoke/.test(blockOf(section))))(
    'step %s is not done where nothing is deployed',
    async (_, section) => {
      const nothing = Object.fromEntries(
        Object.keys(told).map((key) => [
          key,
          key === 'run services describe'
            ? {
                status: { url: 'http://127.0.0.1:1' },
                spec: { template: { metadata: { annotations: {} }, spec: { containers: [{ env: [] }] } } },
              }
            : '{}',
        ]),
      );
      expect((await runBlocks([helper, blockOf(section)], nothing)).status).not.toBe(0);
    },
  );
});

describe('the secrets', () => {
  const used = (containers: Container[]) =>
    containers.flatMap(({ env = [] }) => env.flatMap(({ valueFrom }) => (valueFrom ? [valueFrom.secretKeyRef.name] : [])));

  test('that a deployment names are created and granted to the account that reads them, and to nobody else', async () => {
    const { calls } = await runBlocks(blocksOf('deploy/secrets.md', ['bash']));
    const created = new Map(
      calls.filter(({ command }) => command === 'secrets create').map(({ positional, input }) => [positional[0] ?? '', input ?? '']),
    );
    const granted = calls
      .filter(({ command }) => command === 'secrets add-iam-policy-binding')
      .map(({ positional, flags }) => `${positional[0]} ${flags['--member']}`);
    const run = [...used(definition().spec.template.spec.containers), ...used(worker().spec.template.spec.containers), 'monitoring'];
    const migrate = used(migrateJob().spec.template.spec.template.spec.containers);
    const member = (account: string) => `serviceAccount:${account}@${NAMES.PROJECT}.iam.gserviceaccount.com`;
    for (const [account, secrets] of [
      ['medspa-run', run],
      ['medspa-migrate', migrate],
    ] as const)
      for (const secret of secrets) {
        expect([...created.keys()]).toContain(secret);
        expect(granted.filter((one) => one.startsWith(`${secret} `))).toEqual([`${secret} ${member(account)}`]);
      }
    expect(keyRingOf(created.get('encryption-key') ?? '').current).toBe(1);
    for (const [secret, user] of [
      ['database-url', 'app_rw'],
      ['database-owner-url', 'app_owner'],
    ] as const) {
      const { settings } = parseDatabaseUrl(created.get(secret) ?? '');
      expect(settings).toMatchObject({ user, database: 'medspa', host: `/cloudsql/${NAMES.PROJECT}:${NAMES.REGION}:medspa` });
    }
    expect(parseDatabaseUrl(created.get('database-url') ?? '').settings.password).toBe(created.get('app-rw-password'));
  });

  test('of the encryption key are added in two steps, and every process can open what another seals', async () => {
    const { calls } = await runBlocks(blocksOf('deploy/runbooks/rotate-encryption-key.md', ['bash']));
    const rings = calls.filter(({ command }) => command === 'secrets versions add').map(({ input }) => keyRingOf(input ?? ''));
    expect(rings.map(({ current, keys }) => [current, [...keys.keys()].toSorted((one, other) => one - other)])).toEqual([
      [1, [1, 2]],
      [2, [1, 2]],
    ]);
    expect(rings[0]?.keys.get(1)).toEqual(keyRingOf(TEST_KEY).keys.get(1));
    expect(rings[0]?.keys.get(2)).toEqual(rings[1]?.keys.get(2));
  });

  test('of a restore name the restored instance', async () => {
    const { calls } = await runBlocks(blocksOf('deploy/runbooks/restore.md', ['bash']));
    const added = calls
      .filter(({ command }) => command === 'secrets versions add')
      .map(({ input }) => parseDatabaseUrl(input?.trim() ?? '').settings.host);
    expect(added).toEqual(Array.from({ length: 2 }, () => `/cloudsql/${NAMES.PROJECT}:${NAMES.REGION}:medspa-restored`));
  });
});

test('the pipeline calls only scripts that are there', () => {
  for (const { program, args } of pipelineSteps().filter((step) => step.program === 'bash'))
    expect(readFileSync(join(ROOT, args[0] ?? ''), 'utf8'), program).toContain('#!/usr/bin/env bash');
});
