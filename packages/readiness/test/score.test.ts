import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { SEVERITIES, type Verdict } from '../src/check.ts';
import { CATEGORIES, gainOf, printed, scoreOf, SHARES, type Figure } from '../src/report/score.ts';
import { check, result, sample } from './results.ts';

const VERDICTS: Verdict[] = ['pass', 'warn', 'fail', 'not applicable', 'could not check'];
const anyResults = fc
  .array(fc.tuple(fc.constantFrom(...CATEGORIES), fc.constantFrom(...SEVERITIES), fc.constantFrom(...VERDICTS)), { maxLength: 60 })
  .map((rows) => rows.map(([category, severity, verdict], index) => result(check(`row.${index}`, category, severity), verdict)));

describe('the score', () => {
  test('weights are those of the report, and a category weighs by severity with half a row for a warning', () => {
    const results = CATEGORIES.map((category) => result(check(`a.${category}`, category, 'medium'), 'pass'));
    const { checked } = scoreOf(results);
    expect(checked.total).toBe(1000);
    // 25/1.15 = 21.739, 20 -> 17.391, 15 -> 13.043, 10 -> 8.696, 5 -> 4.348; what rounding down leaves goes to the largest rests.
    expect(checked.rows.map(({ weight }) => printed(weight))).toEqual(['21.7', '17.4', '8.7', '8.7', '13.0', '13.0', '8.7', '4.4', '4.4']);
  });

  test('a category is what its rows earned of what they weigh', () => {
    const { checked } = scoreOf([
      result(check('a.a', 'Health', 'critical'), 'pass'),
      result(check('a.b', 'Health', 'high'), 'warn'),
      result(check('a.c', 'Health', 'medium'), 'fail'),
      result(check('a.d', 'Health', 'low'), 'pass'),
      result(check('a.e', 'Health', 'critical'), 'not applicable'),
    ]);
    // (8 + 4 / 2 + 0 + 1) of (8 + 4 + 2 + 1)
    expect(checked.rows).toMatchObject([
      { category: 'Health', earned: 22, possible: 30, counted: 4, applicable: 4, weight: 1000, points: 733 },
    ]);
    expect(checked.total).toBe(733);
  });

  test('unchecked rows are left out of one figure and count nothing in the other', () => {
    const { checked, proven } = scoreOf([
      result(check('a.a', 'Health', 'high'), 'pass'),
      result(check('a.b', 'Health', 'high'), 'could not check'),
      result(check('a.c', 'Security', 'high'), 'could not check'),
    ]);
    expect(checked).toMatchObject({ total: 1000, rows: [{ category: 'Health', counted: 1, applicable: 2 }] });
    expect(checked.absent).toContain('Security');
    // Health 10 of 25, half of it earned.
    expect(proven).toMatchObject({
      total: 200,
      rows: [
        { points: 200, weight: 400 },
        { points: 0, weight: 600 },
      ],
    });
  });

  test('a category with nothing to count gives its weight to the others in proportion', () => {
    const { checked } = scoreOf([
      result(check('a.a', 'Connection pool', 'high'), 'pass'),
      result(check('a.b', 'Resilience', 'high'), 'fail'),
    ]);
    expect(checked.rows.map(({ category, weight }) => [category, weight])).toEqual([
      ['Connection pool', 833],
      ['Resilience', 167],
    ]);
    expect(checked.total).toBe(833);
  });

  test('nothing checked is no score', () => {
    expect(scoreOf([]).checked.total).toBeNull();
    expect(scoreOf([result(check('a.a', 'Health', 'low'), 'could not check')])).toMatchObject({
      checked: { total: null },
      proven: { total: 0 },
    });
  });

  test('the printed rows add to the printed total, whatever the rows are', () => {
    fc.assert(
      fc.property(anyResults, (results) => {
        const { checked, proven } = scoreOf(results);
        for (const figure of [checked, proven]) expectToAddUp(figure);
        expect(proven.total ?? 0).toBeLessThanOrEqual(checked.total ?? 0);
      }),
    );
  });

  test('the total is the exact one, rounded down', () => {
    fc.assert(
      fc.property(anyResults, (results) => {
        const { total, rows } = scoreOf(results).checked;
        if (total === null) return;
        const shares = rows.reduce((sum, { category }) => sum + SHARES[category], 0);
        const exact = rows.reduce((sum, { category, earned, possible }) => sum + (SHARES[category] * earned) / possible, 0) / shares;
        expect(total / 1000).toBeLessThanOrEqual(exact + 1e-9);
        expect((total + 1) / 1000).toBeGreaterThan(exact - 1e-9);
      }),
    );
  });

  test('a category that earned everything shows no more points than it weighs', () => {
    const { checked } = scoreOf([
      result(check('a.a', 'Logging', 'high'), 'fail'),
      result(check('a.b', 'Health', 'high'), 'fail'),
      result(check('a.c', 'Cloud configuration', 'high'), 'pass'),
      result(check('a.d', 'Best practices', 'high'), 'fail'),
      result(check('a.e', 'Security', 'high'), 'fail'),
      result(check('a.f', 'Security', 'medium'), 'pass'),
      result(check('a.g', 'Security', 'low'), 'fail'),
    ]);
    // 16.67 and 7.14 make 23.8, and the tenth that is left over goes to the 16.67.
    expect(checked.total).toBe(238);
    expect(checked.rows.find(({ category }) => category === 'Cloud configuration')).toMatchObject({ points: 167, weight: 167 });
  });

  test('only a perfect project has 100 points', () => {
    const many = Array.from({ length: 200 }, (_, index) => result(check(`a.${index}`, 'Security', 'critical'), 'pass'));
    const all = [...many, result(check('a.last', 'Security', 'low'), 'warn')];
    expect(printed(scoreOf(all).checked.total ?? 0)).toBe('99.9');
  });

  test('what a row would bring is the difference that its pass makes', () => {
    const results = sample();
    const [first] = results;
    expect(first && gainOf(first, results)).toBeGreaterThan(0);
  });
});

function expectToAddUp({ total, rows }: Figure): void {
  if (total === null) return;
  const add = (key: 'points' | 'weight') => rows.reduce((sum, row) => sum + Math.round(Number(printed(row[key])) * 10), 0);
  expect(add('points')).toBe(total);
  expect(add('weight')).toBe(1000);
  for (const { points, weight } of rows) expect(points).toBeLessThanOrEqual(weight + 1);
}
