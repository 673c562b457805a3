// Secrets that git remembers: a repository is made, a secret is committed and taken away again.
import { execFileSync } from 'node:child_process';
import { createHash, randomBytes } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { secretsCommitted } from '../src/checks/env/secrets-committed.ts';
import { diskFiles } from '../src/project/files.ts';
import { openProject } from '../src/project/project.ts';

const folder = mkdtempSync(join(tmpdir(), 'readiness-history-'));
afterAll(() => rmSync(folder, { recursive: true }));

const git = (...args: string[]) =>
  execFileSync('git', ['-c', 'user.name=a', '-c', 'user.email=a@b.c', '-c', 'commit.gpgsign=false', ...args], {
    cwd: folder,
    stdio: 'pipe',
  });
const commit = (files: Record<string, string>) => {
  for (const [name, text] of Object.entries(files)) writeFileSync(join(folder, name), text);
  git('add', '-A', '-f');
  git('commit', '-m', 'a step');
};
const look = () => secretsCommitted.static?.(openProject(diskFiles(folder)));
const fingerprint = (secret: string) => createHash('sha256').update(secret).digest('hex').slice(0, 8);

test('a secret that was taken away is found in the history, and never shown', () => {
  const [key, token] = [randomBytes(32).toString('hex'), `ghp_${randomBytes(18).toString('hex')}`];
  git('init', '-q');
  commit({ 'package.json': '{ "name": "clinic" }', 'a.ts': 'export {};\n' });
  expect(look()?.verdict).toBe('pass');

  commit({ '.env': `PORT=1\n\nENCRYPTION_KEY=${key}\n`, 'a.ts': `// first\nexport {};\n// ${token}\n` });
  expect(look()?.findings.map(({ place }) => place)).toEqual([
    { file: '.env', line: 3 },
    { file: 'a.ts', line: 3 },
  ]);

  commit({ '.env': 'PORT=1\n', 'a.ts': 'export {};\n' });
  const found = look();
  expect(found?.verdict).toBe('fail');
  expect(found?.findings.map(({ place }) => place)).toEqual([
    { file: '.env', line: 3 },
    { file: 'a.ts', line: 3 },
  ]);
  const said = JSON.stringify(found);
  expect(said).toContain('in the history, added by commit');
  for (const secret of [key, token]) {
    expect(said).toContain(fingerprint(secret));
    expect(said).not.toContain(secret);
  }
});
