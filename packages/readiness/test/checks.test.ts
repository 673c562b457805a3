import { existsSync, globSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { audit } from '../src/audit.ts';
import { CHECKS } from '../src/checks/all.ts';
import { projectOf, readPage } from './fixtures.ts';

const folder = join(import.meta.dirname, '../src/checks');
const pages = globSync('**/*.fixture.md', { cwd: folder }).map((path) => readPage(join(folder, path)));

describe.each(pages)('$id', ({ id, cases }) => {
  const check = CHECKS.find((one) => one.id === id);

  test.each(cases)('$verdict: $title', async (one) => {
    expect(check, 'the page names a check').toBeDefined();
    const [result] = await audit(projectOf(one), check ? [check] : []);
    const { verdict, findings, reason, evidence } = result?.judgement ?? {};
    const places = findings?.flatMap(({ place }) => (place ? `${place.file}:${place.line}` : [])).toSorted();
    expect({ verdict, findings, reason, places }).toMatchObject({ verdict: one.verdict, places: one.findings?.toSorted() ?? places });
    expect(verdict === 'pass' ? evidence : null, 'a pass says what was seen').not.toEqual([]);
    for (const words of one.says) expect([...(findings ?? []).map(({ message }) => message), reason].join('\n')).toContain(words);
  });
});

describe('every check', () => {
  // What a role may do is known to the database alone: the near-miss of security.roles passes in live.test.ts.
  const statics = CHECKS.filter((check) => check.static);
  test.each(statics)('$id can fail and can pass', ({ id }) => {
    const verdicts = pages.filter((page) => page.id === id).flatMap(({ cases }) => cases.map(({ verdict }) => verdict));
    expect(verdicts.some((verdict) => verdict === 'fail' || verdict === 'warn')).toBe(true);
    expect(verdicts).toContain(id === 'security.roles' ? 'could not check' : 'pass');
  });

  test('has a name of its own and its page beside it', () => {
    const ids = CHECKS.map(({ id }) => id);
    expect(new Set(ids).size).toBe(ids.length);
    for (const { id } of statics) expect(existsSync(join(folder, `${id.replace('.', '/')}.fixture.md`)), id).toBe(true);
  });
});
