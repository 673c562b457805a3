import { expect, test } from 'vitest';
import { readAccepted } from '../src/accepted.ts';
import { markdownReport } from '../src/report/markdown.ts';
import { openRows } from '../src/report/report.ts';
import { check, reported, result, sample } from './results.ts';

const entry = { check: 'pool.limit', reason: 'the budget is kept by the pooler', expires: '2027-06-30' };
const read = (accepted: unknown) => readAccepted(JSON.stringify({ accepted }), ['pool.limit', 'env.files']);

test('an entry without a reason or a date is refused by name', () => {
  expect(read([{ check: 'pool.limit', expires: '2027-06-30' }]).problems).toEqual(['readiness.json: entry 1 (pool.limit) has no reason']);
  expect(read([entry, { check: 'env.files', reason: 'later' }]).problems).toEqual([
    'readiness.json: entry 2 (env.files) has no day in "expires" (YYYY-MM-DD)',
  ]);
  expect(read([{ ...entry, expires: '2027-02-31' }]).problems).toHaveLength(1);
  expect(read([{ ...entry, reason: '  ' }]).problems).toHaveLength(1);
});

test('a name that nothing has is refused', () => {
  expect(read([{ ...entry, check: 'pool.limits' }]).problems[0]).toContain('names no check of this tool');
  expect(read([{ ...entry, path: 'src/a.ts' }]).problems[0]).toContain('"path", which means nothing here');
  expect(read({}).problems).toEqual(['readiness.json: "accepted" is a list']);
  expect(readAccepted('{', []).problems).toEqual(['readiness.json is not a JSON object']);
  expect(readAccepted(null, [])).toEqual({ entries: [], problems: [] });
});

test('an accepted finding is not open, and its row keeps its verdict in the score', () => {
  const plain = reported(sample());
  const report = reported(sample(), { entries: [entry] });
  expect(report.rows[0]).toMatchObject({ id: 'pool.limit', verdict: 'fail', state: 'accepted' });
  expect(openRows(report.rows).map(({ id }) => id)).not.toContain('pool.limit');
  expect(report.score).toEqual(plain.score);
  expect(markdownReport(report)).toContain('Accepted until 2027-06-30: the budget is kept by the pooler');
  expect(markdownReport(report)).toContain('### FAIL (accepted): Title of pool.limit');
});

test('an entry for a file accepts only what is found there', () => {
  const two = result(check('pool.limit', 'Connection pool', 'critical'), 'fail', {
    findings: [
      { grade: 'fail', message: 'here', place: { file: 'src/a.ts', line: 1 } },
      { grade: 'fail', message: 'there', place: { file: 'src/b.ts', line: 1 } },
    ],
  });
  const report = reported([two], { entries: [{ ...entry, file: 'src/a.ts' }] });
  expect(report.rows[0]?.state).toBe('open');
  expect(report.rows[0]?.findings.map(({ accepted }) => accepted?.file)).toEqual(['src/a.ts', undefined]);
});

test('it holds on its last day, and on the next it hides nothing and is said', () => {
  expect(reported(sample(), { entries: [{ ...entry, expires: '2026-11-22' }] }).rows[0]?.state).toBe('accepted');
  const report = reported(sample(), { entries: [{ ...entry, expires: '2026-11-21' }] });
  expect(report.rows[0]?.state).toBe('open');
  expect(report.acceptances[0]?.state).toBe('expired');
  expect(markdownReport(report)).toContain('Some accepted findings have expired');
});

test('an entry that nothing needs is said, but not while nobody could look', () => {
  const entries = [
    { ...entry, check: 'log.levels' },
    { ...entry, check: 'security.roles' },
  ];
  const report = reported(sample(), { entries });
  expect(report.acceptances.map(({ state }) => state)).toEqual(['unused', 'not looked at']);
});
