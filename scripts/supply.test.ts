import { spawnSync } from 'node:child_process';
import { copyFileSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { findSupplyViolations } from './supply.ts';

const folder = mkdtempSync(join(tmpdir(), 'supply-'));
afterAll(() => rmSync(folder, { recursive: true }));

function violationsOf({ name = 'planted', ...entry }: { name?: string; [key: string]: unknown }): string[] {
  writeFileSync(
    join(folder, 'package-lock.json'),
    JSON.stringify({
      packages: { '': {}, [`node_modules/${name}`]: { version: '1.0.0', integrity: 'sha512-x', license: 'MIT', ...entry } },
    }),
  );
  return findSupplyViolations(folder);
}

test('a package without a hash, or with a licence that the product may not have, is reported', () => {
  expect(violationsOf({})).toEqual([]);
  expect(violationsOf({ integrity: 'sha1-x' })).toEqual([expect.stringContaining('no sha512 hash')]);
  expect(violationsOf({ integrity: undefined })).toHaveLength(1);
  for (const license of ['GPL-3.0', 'AGPL-3.0-only', 'MPL-2.0', undefined])
    expect(violationsOf({ license }), String(license)).toHaveLength(1);
  expect(violationsOf({ license: 'MPL-2.0', dev: true })).toEqual([]);
  expect(violationsOf({ license: 'GPL-3.0', dev: true })).toHaveLength(1);
});

test('a licence that was looked at is fine for that package and in that wording only', () => {
  const license = 'LGPL-3.0-or-later';
  expect(violationsOf({ license })).toHaveLength(1);
  expect(violationsOf({ license, name: '@img/sharp-libvips-linux-x64' })).toEqual([]);
  expect(violationsOf({ license: 'GPL-3.0', name: '@img/sharp-libvips-linux-x64' })).toHaveLength(1);
});

test('SEC-1: no environment file but the templates can be added to the repository', () => {
  const git = (...args: string[]) => spawnSync('git', args, { cwd: folder, encoding: 'utf8' }).stdout.trim();
  git('init', '--quiet');
  copyFileSync(join(import.meta.dirname, '../.gitignore'), join(folder, '.gitignore'));
  const ignored = ['.env', '.env.local', '.env.production', 'apps/api/.env', 'apps/api/.env.staging', '.data/keys/encryption.json'];
  const kept = ['.env.example', '.env.production.template', 'apps/api/.env.example'];
  expect(git('check-ignore', ...ignored, ...kept).split('\n')).toEqual(ignored);
});
