import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { trees } from '@medspa/testing';
import { describe, expect, test } from 'vitest';
import { findAuditMapViolations, linesOfReport } from './audit-map.ts';

const tree = trees();

const REPORT = `# Audit
## 🔴 1. Pool
- [ ] A **limit** is set
- ✅ Retries
- plain text
1. **Health** first
| Row | Score |
|-----|-------|
| Pool size | 3 |
\`\`\`ts
it('sheds load', () => {});
// ## not a heading
\`\`\`
`;
const LINES = ['1. Pool', 'A limit is set', 'Retries', 'Health first', 'Pool size', 'test: sheds load'];
const ANSWER = '`packages/database/src/pool.ts` | `packages/database/src/pool.test.ts`';

/** What is reported of a map with these rows beside the report. */
function violationsOf(rows: string[]): string[] {
  const map = ['| Report | Here | Proof |', '| --- | --- | --- |', ...rows].join('\n');
  return findAuditMapViolations(tree({ 'docs/audit-report.md': REPORT, 'docs/audit-map.md': map }));
}
const rowsExcept = (line: string) => LINES.filter((one) => one !== line).map((one) => `| ${one} | ${ANSWER} |`);

describe('the audit map', () => {
  test('answers headings, checklist, tests, table rows and numbered advice, each of them once', () => {
    expect([...linesOfReport(REPORT)]).toEqual(LINES);
  });

  test.each(LINES)('without an answer to "%s" is reported', (line) => {
    expect(violationsOf(rowsExcept(line))).toEqual([`docs/audit-map.md: no answer to "${line}"`]);
  });

  test('passes when every line has a file and a proof, a reason, or the word open', () => {
    expect(violationsOf(rowsExcept(''))).toEqual([]);
    for (const answer of ['`open` |  ', 'the lines below |  ', 'differs: the driver has no such limit, the server has |  '])
      expect(violationsOf([...rowsExcept('Retries'), `| Retries | ${answer}|`])).toEqual([]);
  });

  test.each([
    ['words for a file', 'done long ago | `scripts/check.ts`', 'names no file'],
    ['words for a proof', '`scripts/check.ts` | trust us', 'names no proof'],
    ['no reason', 'differs: so | `scripts/check.ts`', 'gives no reason'],
  ])('with %s is reported', (_, answer, said) => {
    expect(violationsOf([...rowsExcept('Retries'), `| Retries | ${answer} |`])).toEqual([`docs/audit-map.md: "Retries" ${said}`]);
  });

  test('with a line that the report does not have is reported', () => {
    expect(violationsOf([...rowsExcept(''), `| Invented | ${ANSWER} |`])).toEqual(['docs/audit-map.md: the report has no line "Invented"']);
  });

  test('of this repository has well over a hundred lines to answer', () => {
    const report = readFileSync(join(import.meta.dirname, '../docs/audit-report.md'), 'utf8');
    expect(linesOfReport(report).size).toBeGreaterThan(190);
  });
});
