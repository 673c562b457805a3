// The commands of the pages on deployment, as they stand there.
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { ROOT } from './image.ts';

/** The pages below deploy/, by their paths in the repository. */
export function pages(): string[] {
  return readdirSync(join(ROOT, 'deploy'), { recursive: true, encoding: 'utf8' })
    .filter((path) => path.endsWith('.md'))
    .map((path) => `deploy/${path.replaceAll('\\', '/')}`)
    .toSorted();
}

/** Fenced blocks of a language, from a heading on, without the indentation of a list. */
export function blocksOf(page: string, languages: string[], from = ''): string[] {
  const text = readFileSync(join(ROOT, page), 'utf8');
  const start = text.indexOf(from);
  if (start === -1) throw new Error(`${page} has no "${from}".`);
  return [...text.slice(start).matchAll(/^( *)```(\w+)\n([\s\S]*?)^\1```$/gm)]
    .filter(([, , language = '']) => languages.includes(language))
    .map(([, indent = '', , body = '']) => body.replaceAll(new RegExp(`^${indent}`, 'gm'), ''));
}

/** The parts of a page below its headings of the second level, by those headings. */
export function sectionsOf(page: string): Map<string, string> {
  const [, ...parts] = readFileSync(join(ROOT, page), 'utf8').split(/^## /m);
  return new Map(parts.map((part) => [part.slice(0, part.indexOf('\n')), part]));
}
