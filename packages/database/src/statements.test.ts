import { describe, expect, test } from 'vitest';
import { statementNames } from './statements.ts';

describe('names of prepared statements', () => {
  test('are the same for the same text and differ for others', () => {
    const nameOf = statementNames(100);
    const first = nameOf('SELECT 1', 0);
    expect(first).toMatch(/^[\w-]{24}$/);
    expect(nameOf('SELECT 1', 0)).toBe(first);
    expect(nameOf('SELECT 2', 0)).not.toBe(first);
    // Another process of the service prepares the same text under the same name: a pooler may share it.
    expect(statementNames(100)('SELECT 1', 0)).toBe(first);
  });

  test('end with the bound; those that have one keep it', () => {
    const nameOf = statementNames(2);
    const [one, two] = [nameOf('SELECT 1', 0), nameOf('SELECT 2', 0)];
    expect(nameOf('SELECT 3', 0)).toBeUndefined();
    expect([nameOf('SELECT 1', 0), nameOf('SELECT 2', 0)]).toEqual([one, two]);
  });

  test('are not given with bound 0', () => {
    expect(statementNames(0)('SELECT 1', 0)).toBeUndefined();
  });

  test('are not given to texts with more than forty parameters: there is one for every length of a list', () => {
    const nameOf = statementNames(100);
    expect(nameOf('SELECT 40', 40)).toBeDefined();
    expect(nameOf('SELECT 41', 41)).toBeUndefined();
  });

  test.each([
    'BEGIN',
    'COMMIT',
    'ROLLBACK',
    'SAVEPOINT prisma_sp_0',
    'ROLLBACK TO SAVEPOINT prisma_sp_0',
    'RELEASE SAVEPOINT x',
    'SET LOCAL x = 1',
    'begin',
  ])('are not given to transaction control: %s', (text) => {
    expect(statementNames(100)(text, 0)).toBeUndefined();
  });

  test('are given to a text that only begins like transaction control', () => {
    expect(statementNames(100)('SETTINGS', 0)).toBeDefined();
  });
});
