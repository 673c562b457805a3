import { trees } from '@medspa/testing';
import { describe, expect, test } from 'vitest';
import { findDocViolations } from './docs.ts';

const aTree = trees();

/** What is reported of a page beside a file `scripts/start.ts` and a page `docs/glossary.md`. */
function violationsOf(text: string, page = 'docs/page.md'): string[] {
  const files = { 'scripts/start.ts': '', 'docs/glossary.md': 'Words', 'node_modules/x/README.md': '[dead](gone.md)', [page]: text };
  return findDocViolations(aTree(files));
}

describe('a page that names a path which is not there is reported', () => {
  test.each([
    ['in backticks', 'See `scripts/stop.ts`.', 'scripts/stop.ts'],
    ['in backticks, as a folder', 'Below `scripts/tasks/`.', 'scripts/tasks/'],
    ['as a link', 'See [words](words.md).', 'docs/words.md'],
    ['as a link with a title', 'See [words](words.md "All words").', 'docs/words.md'],
    ['as a link to a place in it', 'See [words](words.md#terms).', 'docs/words.md'],
    ['as a link upwards', 'See [start](../scripts/stop.ts).', 'scripts/stop.ts'],
    ['as a link from the root', 'See [start](/scripts/stop.ts).', 'scripts/stop.ts'],
    ['as a reference', 'See [words][w].\n\n[w]: words.md\n', 'docs/words.md'],
    ['as an image', '![plan](plan.svg)', 'docs/plan.svg'],
  ])('%s', (_, text, path) => {
    expect(violationsOf(text)).toEqual([`docs/page.md: names ${path}, which is not there`]);
  });

  test('on the first page as well, and once however often it is named', () => {
    expect(violationsOf('`docs/gone.md`, `docs/gone.md`', 'README.md')).toEqual(['README.md: names docs/gone.md, which is not there']);
  });
});

describe('a page passes', () => {
  test.each([
    [
      'that names what is there',
      '`scripts/start.ts`, `scripts/`, `docs/glossary.md`, [start](../scripts/start.ts), [words](glossary.md#terms "Words")',
    ],
    ['that names an address', '[site](https://example.com/gone.md), [mail](mailto:a@example.com), [here](#below)'],
    ['that names a pattern', '`scripts/*.ts`, `scripts/{a,b}.ts`'],
    ['that names what is not of this repository', '`src/main.ts`, `npm start`, `@/db?host=/cloudsql`, `apps/api/src/gone.ts`'],
    ['that shows an example', '```\n`scripts/stop.ts` and [gone](gone.md)\n```\n'],
  ])('%s', (_, text) => {
    expect(violationsOf(text)).toEqual([]);
  });
});
