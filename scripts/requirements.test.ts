import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { trees } from '@medspa/testing';
import { describe, expect, test } from 'vitest';
import { findRequirementViolations, pendingIn, readRequirements } from './requirements.ts';

const ROOT = join(import.meta.dirname, '..');
const tree = trees();

const WHOLE = readFileSync(join(ROOT, 'docs/asvs.csv'), 'utf8');
/** The table with every row pending, but for one. */
const tableWith = (id: string, row: string) =>
  WHOLE.split('\n')
    .map((line, index) => (index === 0 || line === '' ? line : line.startsWith(`${id},`) ? row : `${line.split(',')[0]},x,pending`))
    .join('\n');

const violationsOf = (id: string, row: string, files: Record<string, string> = {}) =>
  findRequirementViolations(tree({ 'docs/asvs.csv': tableWith(id, row), ...files })).map((said) => said.replace('docs/asvs.csv: ', ''));

test('every requirement of the table is settled where it says, or pending', () => {
  expect(findRequirementViolations(ROOT)).toEqual([]);
  expect(readRequirements(ROOT).length).toBeGreaterThan(100);
  expect(pendingIn(readRequirements(tree({ 'docs/asvs.csv': tableWith('WEB-1', 'WEB-1,x,a.test.ts') })))).not.toContain('WEB-1');
});

describe('a requirement is reported', () => {
  test.each<[why: string, id: string, row: string, files: Record<string, string>, said: string[]]>([
    ['whose file is not there', 'WEB-1', 'WEB-1,x,a.test.ts', {}, ['WEB-1 names a.test.ts, which is not there']],
    [
      'whose test does not name it',
      'WEB-1',
      'WEB-1,x,a.test.ts',
      { 'a.test.ts': `test('WEB-11: x')` },
      ['WEB-1 names a.test.ts, which does not name it in a test'],
    ],
    [
      'that a comment names',
      'WEB-1',
      'WEB-1,x,a.test.ts',
      { 'a.test.ts': '// WEB-1' },
      ['WEB-1 names a.test.ts, which does not name it in a test'],
    ],
    [
      'of which a longer number is named',
      '4.1.3',
      '4.1.3,x,a.test.ts',
      { 'a.test.ts': `test('ASVS 14.1.3, 4.1.3.1: x')` },
      ['4.1.3 names a.test.ts, which does not name it in a test'],
    ],
    [
      'whose second file does not name it',
      'WEB-1',
      'WEB-1,x,a.md b.md',
      { 'a.md': 'WEB-1', 'b.md': '' },
      ['WEB-1 names b.md, which does not name it'],
    ],
    ['that names nothing', 'WEB-1', 'WEB-1,x,', {}, ['WEB-1 names no file; write pending while it is built']],
    ['that says nothing', 'WEB-1', 'WEB-1,,pending', {}, ['WEB-1 does not say what it asks for']],
    ['that was left out', 'WEB-1', '3.1.1,x,pending', {}, ['WEB-1 is not there']],
    ['that stands there twice', 'WEB-1', 'WEB-2,x,pending', {}, ['WEB-2 stands there twice', 'WEB-1 is not there']],
  ])('%s', (_, id, row, files, said) => {
    expect(violationsOf(id, row, files)).toEqual(said);
  });

  test.each<[how: string, id: string, row: string, files: Record<string, string>]>([
    ['by a test', 'WEB-1', 'WEB-1,"what, and more",a.test.ts', { 'a.test.ts': `describe('HIP-1, WEB-1: x')` }],
    ['by a test that writes it shorter', 'API-4', 'API-4,x,a.test.ts', { 'a.test.ts': `test('API4: x')` }],
    ['by a page', '4.1.3', '4.1.3,x,a.md', { 'a.md': 'ASVS 4.1.3.' }],
  ])('not when it is settled: %s', (_, id, row, files) => {
    expect(violationsOf(id, row, files)).toEqual([]);
  });
});

test('a table that is none is refused', () => {
  expect(() => readRequirements(tree({ 'docs/asvs.csv': 'id;x\n' }))).toThrow('begins with');
  expect(() => readRequirements(tree({ 'docs/asvs.csv': 'id,requirement,settled in\nWEB-1,x\n' }))).toThrow('three cells');
});
