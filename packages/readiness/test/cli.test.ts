import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { Check } from '../src/check.ts';
import { failed, passed, warned } from '../src/check.ts';
import { CHECKS } from '../src/checks/all.ts';
import { run } from '../src/cli.ts';
import { check, DATE } from './results.ts';

let folder = '';
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'readiness-'));
  write({ 'package.json': '{ "name": "clinic", "dependencies": { "hono": "4.0.0", "@prisma/client": "5.22.0" } }' });
});
afterAll(() => rmSync(folder, { recursive: true }));

function write(files: Record<string, string>, below = folder): void {
  for (const [path, text] of Object.entries(files)) {
    mkdirSync(dirname(join(below, path)), { recursive: true });
    writeFileSync(join(below, path), text);
  }
}

function place(name: string, files: Record<string, string>): string {
  mkdirSync(join(folder, name), { recursive: true });
  write(files, join(folder, name));
  return join(folder, name);
}

async function typed(args: string[], checks: Check[] = [], isTerminal = false) {
  let [out, error] = ['', ''];
  const terminal = { out: (text: string) => void (out += text), error: (text: string) => void (error += text), isTerminal, today: DATE };
  const code = await run(args, terminal, checks);
  return { code, out, error };
}

const failing = check('pool.limit', 'Connection pool', 'medium', { static: () => failed('no limit', { file: 'package.json', line: 1 }) });
const warning = check('env.files', 'Environment', 'high', { static: () => warned('no template') });
const fine = check('log.levels', 'Logging', 'low', { static: () => passed('levels are set') });

test('the exit code says whether something at or above --fail-on is open', async () => {
  expect((await typed(['audit', folder], [failing, fine])).code).toBe(0);
  expect((await typed(['audit', folder, '--fail-on', 'medium'], [failing, fine])).code).toBe(1);
  expect((await typed(['audit', folder, '--fail-on', 'low'], [fine])).code).toBe(0);
  expect((await typed(['audit', folder], [warning])).code).toBe(1);
  expect((await typed(['audit', folder, '--fail-on', 'critical'], [warning])).code).toBe(0);
});

test('wrong usage is 2, with a sentence and without the report', async () => {
  const wrong = [
    [],
    ['look'],
    ['audit', '/no/such/folder'],
    ['audit', join(folder, 'package.json')],
    ['audit', folder, folder],
    ['audit', '--format', 'pdf'],
    ['audit', '--out', 'report'],
    ['audit', '--format', 'md', '--format', 'json'],
    ['audit', '--fail-on', 'all'],
    ['audit', '--nonsense'],
    ['audit', '--apply'],
    ['fix', '--drill'],
    ['fix', folder, '--only', 'no.such'],
    ['audit', '--base-url', 'nowhere'],
    ['audit', '--database-url', 'mysql://localhost/a'],
  ];
  for (const args of wrong)
    expect(await typed(args), args.join(' ')).toMatchObject({ code: 2, out: '', error: expect.stringContaining('readiness: ') });
});

test('a tool that fails itself is 3, and says so without the secret', async () => {
  const broken = { ...fine, remedy: '' };
  Object.defineProperty(broken, 'id', {
    get: () => {
      throw new Error('postgresql://postgres:hunter22@db/clinic');
    },
  });
  const { code, error } = await typed(['audit', folder], [broken]);
  expect(code).toBe(3);
  expect(error).not.toContain('hunter22');
});

test('several reports are written by the endings of their names', async () => {
  const files = ['md', 'json', 'sarif', 'html'].map((ending) => join(folder, `report.${ending}`));
  const { out, error } = await typed(['audit', folder, ...files.flatMap((file) => ['--out', file])], [failing]);
  expect(out).toBe('');
  expect(error).toContain('wrote');
  expect(files.map((file) => readFileSync(file, 'utf8').slice(0, 15).trim())).toEqual([
    '# Production re',
    '{\n  "schema": "',
    '{\n  "$schema":',
    '<!doctype html>',
  ]);
  const named = join(folder, 'named.txt');
  await typed(['audit', folder, '--out', named, '--format', 'json'], [failing]);
  expect(JSON.parse(readFileSync(named, 'utf8')).date).toBe(DATE);
});

test('readiness.json is read from the root, and a wrong one is wrong usage', async () => {
  const entry = { check: 'pool.limit', reason: 'pooled elsewhere', expires: '2027-06-30' };
  const accepted = place('accepted', { 'readiness.json': JSON.stringify({ accepted: [entry] }) });
  expect((await typed(['audit', accepted, '--fail-on', 'low'], [failing])).code).toBe(0);
  const bare = place('bare', { 'readiness.json': JSON.stringify({ accepted: [{ ...entry, reason: '' }] }) });
  expect(await typed(['audit', bare], [failing])).toMatchObject({
    code: 2,
    error: expect.stringContaining('entry 1 (pool.limit) has no reason'),
  });
});

test('drills are refused against any other machine, also one that hides in a parameter', async () => {
  const elsewhere = [
    ['--base-url', 'https://clinic.example.com'],
    ['--database-url', 'postgresql://u:p@10.0.0.7/clinic'],
    ['--database-url', 'postgresql://u:p@localhost/clinic?host=10.0.0.7'],
    ['--database-url', 'postgresql://u:p@localhost.example.com/clinic'],
  ];
  for (const args of elsewhere)
    expect(await typed(['audit', folder, '--drill', ...args])).toMatchObject({
      code: 2,
      error: expect.stringContaining('only runs against this machine'),
    });
});

test('folders with nothing to judge are said to be that', async () => {
  const nothing = place('empty', {});
  expect(await typed(['audit', nothing], CHECKS)).toMatchObject({ code: 0, out: expect.stringContaining('**Status: NOT AUDITED**') });
  const other = place('other', { 'package.json': '{ "name": "site" }', 'src/index.ts': 'export const a = 1;' });
  expect(await typed(['audit', other], CHECKS)).toMatchObject({ code: 0, error: '' });
  const broken = place('broken', {
    'package.json': '{',
    'src/index.ts': 'export const = ;;',
    'cloudbuild.yaml': 'a: [',
    '.env': '=\n',
    'prisma/schema.prisma': 'model {',
  });
  expect((await typed(['audit', broken], CHECKS)).error).toBe('');
});

test('who waits sees what runs', async () => {
  expect((await typed(['audit', folder], [fine], true)).error).toContain('[1/1] log.levels (static)');
  expect((await typed(['audit', folder], [fine])).error).toBe('');
});

test('help, version and the list of checks', async () => {
  expect(await typed(['--help'])).toMatchObject({ code: 0, out: expect.stringContaining('readiness audit [DIR]') });
  expect(await typed(['--version'])).toMatchObject({ code: 0, out: expect.stringMatching(/^\d+\.\d+\.\d+\n$/) });
  expect((await typed(['checks'], [failing, fine])).out.split('\n')[0]).toBe('pool.limit  medium    Title of pool.limit (static)');
});

test('fix shows a diff, applies it when asked, and then has nothing to do', async () => {
  const project = place('fixable', {
    'package.json': '{ "name": "clinic", "dependencies": { "hono": "4.0.0", "@prisma/client": "5.22.0" } }',
    'src/lib/prisma.ts': "import { PrismaClient } from '@prisma/client';\nexport const prisma = new PrismaClient();\n",
    'src/routes/reports.ts':
      "import { PrismaClient } from '@prisma/client';\n\nconst prisma = new PrismaClient();\n\nexport const all = () => prisma.order.findMany();\n",
  });
  const file = join(project, 'src/routes/reports.ts');
  const before = readFileSync(file, 'utf8');
  const shown = await typed(['fix', project], CHECKS);
  expect(shown).toMatchObject({ code: 0, out: expect.stringContaining("+import { prisma } from '../lib/prisma';") });
  expect(readFileSync(file, 'utf8')).toBe(before);
  expect((await typed(['fix', project, '--apply', '--only', 'pool.duplicate-client'], CHECKS)).code).toBe(0);
  expect(readFileSync(file, 'utf8')).toBe("import { prisma } from '../lib/prisma';\n\nexport const all = () => prisma.order.findMany();\n");
  expect((await typed(['fix', project], CHECKS)).error).toContain('nothing to change');
  const wasFixed = CHECKS.filter(({ id }) => id === 'pool.duplicate-client');
  expect((await typed(['audit', project], wasFixed)).code).toBe(0);
});

test('the command runs as a program', () => {
  const program = join(import.meta.dirname, '../src/main.ts');
  const options = { encoding: 'utf8' as const, stdio: ['ignore', 'pipe', 'ignore'] as ('ignore' | 'pipe')[] };
  expect(execFileSync(process.execPath, [program, '--version'], options)).toMatch(/^\d/);
  expect(existsSync(program)).toBe(true);
});
