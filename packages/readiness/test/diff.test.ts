import { createHash } from 'node:crypto';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { compared, printDiff } from '../src/fix/diff.ts';

const lines = fc.array(fc.constantFrom('a', 'b', 'c', 'd'), { maxLength: 12 });

test('what stays and goes is the old text, what stays and comes is the new one', () => {
  fc.assert(
    fc.property(lines, lines, (before, after) => {
      const all = compared(before, after);
      expect(all.filter(({ sign }) => sign !== '+').map(({ text }) => text)).toEqual(before);
      expect(all.filter(({ sign }) => sign !== '-').map(({ text }) => text)).toEqual(after);
    }),
  );
});

test('a hunk has three lines around it, and its numbers are right', () => {
  const before = Array.from({ length: 20 }, (_, index) => `line ${index + 1}`);
  const after = before.with(9, 'line ten').toSpliced(19, 1);
  expect(printDiff({ file: 'a.txt', before: `${before.join('\n')}\n`, after: `${after.join('\n')}\n`, why: '' })).toBe(`--- a/a.txt
+++ b/a.txt
@@ -7,7 +7,7 @@
 line 7
 line 8
 line 9
-line 10
+line ten
 line 11
 line 12
 line 13
@@ -17,4 +17,3 @@
 line 17
 line 18
 line 19
-line 20
`);
});

test('a new file, one that goes, and one without an end of line', () => {
  expect(printDiff({ file: 'a', before: null, after: 'x\n', why: '' })).toBe('--- /dev/null\n+++ b/a\n@@ -0,0 +1,1 @@\n+x\n');
  expect(printDiff({ file: 'a', before: 'x\n', after: null, why: '' })).toBe('--- a/a\n+++ /dev/null\n@@ -1,1 +0,0 @@\n-x\n');
  expect(printDiff({ file: 'a', before: 'x', after: 'x\n', why: '' })).toContain('No newline at end of file');
});

test('no secret of a changed env file is shown', () => {
  const secret = createHash('sha256').update('diff').digest('hex');
  const before = `KEY=${secret}\nDATABASE_URL=postgresql://app:${secret.slice(0, 14)}@db/clinic\nA=1\n`;
  const shown = printDiff({ file: '.env', before, after: before.replace('clinic', 'clinic?connection_limit=8'), why: '' });
  expect(shown).toContain('clinic?connection_limit=8');
  expect(shown).not.toContain(secret.slice(0, 14));
});
