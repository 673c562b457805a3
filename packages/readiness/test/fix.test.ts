import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { audit } from '../src/audit.ts';
import { CHECKS } from '../src/checks/all.ts';
import { patchesOf } from '../src/commands/fix.ts';
import { applyPatches } from '../src/fix/apply.ts';
import { fixConcurrency } from '../src/fix/cloud.concurrency.ts';
import { fixMinInstances } from '../src/fix/cloud.min-instances.ts';
import { fixSqlInstances } from '../src/fix/cloud.sql-instances.ts';
import { fixTimeout } from '../src/fix/cloud.timeout.ts';
import { fixEnvFiles } from '../src/fix/env.files.ts';
import { fixReadiness } from '../src/fix/health.readiness.ts';
import { fixErrorFormat } from '../src/fix/log.error-format.ts';
import type { Patch } from '../src/fix/patch.ts';
import { fixConnectTimeout } from '../src/fix/pool.connect-timeout.ts';
import { fixDuplicateClient } from '../src/fix/pool.duplicate-client.ts';
import { fixPoolLimit } from '../src/fix/pool.limit.ts';
import { fixShutdown } from '../src/fix/pool.shutdown.ts';
import { fixWaitTimeout } from '../src/fix/pool.wait-timeout.ts';
import { fixSecretManager } from '../src/fix/security.secret-manager.ts';
import { memoryFiles, withChanges, type Files } from '../src/project/files.ts';
import { openProject, type Project } from '../src/project/project.ts';
import { readPage } from './fixtures.ts';

type Fix = (project: Project) => Patch[];

const FIXES: Record<string, Fix> = {
  'pool.duplicate-client': fixDuplicateClient,
  'pool.limit': fixPoolLimit,
  'pool.wait-timeout': fixWaitTimeout,
  'pool.connect-timeout': fixConnectTimeout,
  'pool.shutdown': fixShutdown,
  'log.error-format': fixErrorFormat,
  'health.readiness': fixReadiness,
  'env.files': fixEnvFiles,
  'cloud.min-instances': fixMinInstances,
  'cloud.timeout': fixTimeout,
  'cloud.concurrency': fixConcurrency,
  'cloud.sql-instances': fixSqlInstances,
  'security.secret-manager': fixSecretManager,
};

/** What one fix after another makes of the files. */
function fixedBy(files: Files, fixes: Fix[]): Record<string, string | null> {
  const changes: Record<string, string | null> = {};
  for (const fix of fixes) for (const { file, after } of fix(openProject(withChanges(files, changes)))) changes[file] = after;
  return changes;
}

const page = readPage(join(import.meta.dirname, 'fixes.fixture.md'));

describe('planted projects', () => {
  test.each(page.cases)('$verdict: $title', ({ verdict: id, title, files, says }) => {
    const planted = Object.fromEntries(Object.entries(files).filter(([path]) => !path.endsWith('.after')));
    const wanted = Object.fromEntries(
      Object.entries(files).flatMap(([path, text]) => (path.endsWith('.after') ? [[path.slice(0, -'.after'.length), text]] : [])),
    );
    const fix = FIXES[id];
    expect(fix, id).toBeDefined();
    const changes = fix ? fixedBy(memoryFiles(planted), [fix]) : {};
    expect(changes, title).toEqual(wanted);
    const project = openProject(withChanges(memoryFiles(planted), changes));
    for (const path of Object.keys(changes)) project.source(path);
    expect([...project.unreadable]).toEqual([]);
    expect(fix?.(project), 'a second run has nothing to do').toEqual([]);
    const whys =
      fix?.(openProject(memoryFiles(planted)))
        .map(({ why }) => why)
        .join('\n') ?? '';
    for (const words of says) expect(whys).toContain(words);
  });
});

test('every fix changes some planted project', () => {
  const changing = page.cases
    .filter(({ files }) => Object.keys(files).some((path) => path.endsWith('.after')))
    .map(({ verdict }) => verdict);
  expect([...new Set(changing)].toSorted()).toEqual(Object.keys(FIXES).toSorted());
});

test('a project still type-checks after all fixes together', () => {
  const folder = mkdtempSync(join(tmpdir(), 'readiness-fix-'));
  try {
    const [backend] = readPage(join(import.meta.dirname, 'typed.fixture.md')).cases;
    const files = { ...backend?.files };
    const tsc = () => {
      for (const [path, text] of Object.entries(files)) {
        mkdirSync(dirname(join(folder, path)), { recursive: true });
        writeFileSync(join(folder, path), text);
      }
      const program = join(import.meta.dirname, '../../../node_modules/.bin/tsc');
      const { status, stdout } = spawnSync(program, ['-p', folder], { encoding: 'utf8' });
      return { status, stdout };
    };
    expect(tsc()).toEqual({ status: 0, stdout: '' });
    const changes = fixedBy(memoryFiles(files), Object.values(FIXES));
    const code = ['src/index.ts', 'src/lib/prisma.ts', 'src/routes/financial-reports.ts', 'src/routes/health.ts'];
    expect(Object.keys(changes)).toEqual(expect.arrayContaining([...code, '.env.example', '.gitignore', '.env', 'cloudbuild.yaml']));
    for (const [path, text] of Object.entries(changes)) files[path] = text ?? '';
    expect(tsc()).toEqual({ status: 0, stdout: '' });
  } finally {
    rmSync(folder, { recursive: true });
  }
});

test('what a fix changed, the audit no longer finds', async () => {
  const [backend] = readPage(join(import.meta.dirname, 'typed.fixture.md')).cases;
  const files = memoryFiles(backend?.files ?? {});
  const { patches, changed } = await patchesOf(files, CHECKS);
  const fixed = withChanges(files, Object.fromEntries(patches.map((patch) => [patch.file, patch.after])));
  // What no patch of a file can do, and the fix says: `git rm --cached .env`.
  const after = openProject({ ...fixed, isTracked: (path) => path !== '.env' });
  const results = await audit(
    after,
    CHECKS.filter(({ id }) => changed.includes(id)),
  );
  expect(changed).toContain('pool.duplicate-client');
  expect(
    results.filter(({ judgement }) => /fail|warn/.test(judgement.verdict)).map(({ check, judgement }) => [check.id, judgement.findings]),
  ).toEqual([]);
});

describe('applying', () => {
  test('writes nothing when one file is no longer what was read', () => {
    const folder = mkdtempSync(join(tmpdir(), 'readiness-apply-'));
    try {
      writeFileSync(join(folder, 'a'), 'old a');
      writeFileSync(join(folder, 'b'), 'changed b');
      const patches = [
        { file: 'a', before: 'old a', after: 'new a', why: '' },
        { file: 'b', before: 'old b', after: 'new b', why: '' },
      ];
      expect(applyPatches(folder, patches)).toEqual([{ file: 'b', reason: 'has changed since it was read' }]);
      expect(readFileSync(join(folder, 'a'), 'utf8')).toBe('old a');
      expect(applyPatches(folder, [{ file: 'c/d', before: null, after: 'fresh', why: '' }])).toEqual([]);
      expect(applyPatches(folder, [{ file: 'c/d', before: null, after: 'again', why: '' }])).toEqual([
        { file: 'c/d', reason: 'was made by somebody else since' },
      ]);
      expect(applyPatches(folder, [{ file: 'gone', before: 'x', after: null, why: '' }])[0]?.reason).toBe('is gone since it was read');
    } finally {
      rmSync(folder, { recursive: true });
    }
  });
});
