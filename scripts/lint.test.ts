import { spawnSync } from 'node:child_process';
import { copyFileSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { trees } from '@medspa/testing';
import { beforeAll, describe, expect, test } from 'vitest';

// The lint rules that are safety devices here: a Prisma call that nobody awaits never runs, a cycle loads half a module. The
// repository's own configuration, the real program, and a project in which each rule is broken once and once nearly.

const root = join(import.meta.dirname, '..');
const aTree = trees();

const FILES: Record<string, string> = {
  'packages/a/floating.ts': 'async function save() {}\nexport function go() {\n  save();\n}\n',
  'packages/a/awaited.ts': 'async function save() {}\nexport async function go() {\n  await save();\n  void save();\n}\n',
  'packages/a/misused.ts': 'const isThere = async () => true;\nexport function go() {\n  if (isThere()) return 1;\n  return 2;\n}\n',
  'packages/a/one.ts': `import { two } from './two.ts';\nexport const one = () => two();\n`,
  'packages/a/two.ts': `import { one } from './one.ts';\nexport const two = (): number => one();\n`,
  'packages/a/left.ts': `import { right } from './right.ts';\nexport const left = () => right();\n`,
  'packages/a/right.ts': 'export const right = () => 1;\n',
  'packages/a/any.ts': 'export function go(value: any) {\n  return value;\n}\n',
  'packages/a/unknown.ts': 'export function go(value: unknown) {\n  return value;\n}\n',
  'packages/a/default.ts': 'export default function go() {}\n',
  'packages/a/named.ts': 'export function go() {}\n',
  'vite.config.ts': 'export default {};\n',
  'packages/a/log.ts': `export const go = () => console.log('value');\n`,
  'scripts/task.ts': `console.log('done');\n`,
  'packages/a/assert.ts': 'export const go = (value: string | null) => value!.length;\n',
  'packages/a/exhaustive.ts': `export function go(kind: 'a' | 'b') {\n  switch (kind) {\n    case 'a':\n      return 1;\n  }\n  return 0;\n}\n`,
  'packages/a/equal.ts': 'export const go = (value: string | number) => value == 1;\n',
};

/** Codes of what is reported, by file. */
const reported = new Map<string, string[]>();
beforeAll(() => {
  const project = aTree(FILES);
  for (const name of ['.oxlintrc.json', 'tsconfig.json']) copyFileSync(join(root, name), join(project, name));
  symlinkSync(join(root, 'node_modules'), join(project, 'node_modules'));
  const { stdout } = spawnSync(
    join(root, 'node_modules/.bin/oxlint'),
    ['--type-aware', '--deny-warnings', '--format=json', ...Object.keys(FILES)],
    { cwd: project, encoding: 'utf8' },
  );
  const { diagnostics } = JSON.parse(stdout) as { diagnostics: { filename: string; code: string }[] };
  for (const { filename, code } of diagnostics) reported.set(filename, [...(reported.get(filename) ?? []), code]);
});

describe('lint', () => {
  test.each([
    ['a promise that nobody awaits', 'packages/a/floating.ts', 'typescript(no-floating-promises)'],
    ['a promise taken for its value', 'packages/a/misused.ts', 'typescript(no-misused-promises)'],
    ['an import cycle', 'packages/a/one.ts', 'import(no-cycle)'],
    ['any', 'packages/a/any.ts', 'typescript(no-explicit-any)'],
    ['a default export', 'packages/a/default.ts', 'import(no-default-export)'],
    ['console', 'packages/a/log.ts', 'eslint(no-console)'],
    ['a null asserted away', 'packages/a/assert.ts', 'typescript(no-non-null-assertion)'],
    ['a switch that forgets a case', 'packages/a/exhaustive.ts', 'typescript(switch-exhaustiveness-check)'],
    ['==', 'packages/a/equal.ts', 'eslint(eqeqeq)'],
  ])('reports %s', (_, file, rule) => {
    expect(reported.get(file)).toContain(rule);
  });

  test.each([
    ['a promise that is awaited, or left on purpose', 'packages/a/awaited.ts'],
    ['an import in one direction', 'packages/a/left.ts'],
    ['unknown', 'packages/a/unknown.ts'],
    ['a named export', 'packages/a/named.ts'],
    ["a tool's configuration, which the tool wants as a default", 'vite.config.ts'],
    ['console in a task', 'scripts/task.ts'],
  ])('passes %s', (_, file) => {
    expect(reported.get(file) ?? []).toEqual([]);
  });
});
