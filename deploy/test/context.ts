// What a build is given: the files of the repository that .dockerignore leaves.
import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

/** Paths of the build's context: files that git knows or would add, as a clean clone with the changes of this one has them. */
export function buildContext(root: string): string[] {
  const ignored = readIgnore(readFileSync(join(root, '.dockerignore'), 'utf8'));
  return execFileSync('git', ['ls-files', '--cached', '--others', '--exclude-standard', '-z'], { cwd: root, encoding: 'utf8' })
    .split('\0')
    .filter((path) => path !== '' && existsSync(join(root, path)) && !ignored(path));
}

/** Whether .dockerignore keeps a file out: of the patterns that match it or a folder above it, the last one holds. */
export function readIgnore(text: string): (path: string) => boolean {
  const rules = text
    .split('\n')
    .map((line) => line.trim())
    .filter((line) => line !== '' && !line.startsWith('#'))
    .map((line) => ({ keeps: line.startsWith('!'), matches: patternOf(line.replace(/^!/, '').replaceAll(/^\/|\/$/g, '')) }));
  return (path) => rules.findLast(({ matches }) => matches.test(path))?.keeps === false;
}

/** A pattern of .dockerignore: `*` within a folder, `**` across folders; it also stands for everything below what it names. */
function patternOf(pattern: string): RegExp {
  const source = pattern
    .split(/(\*\*\/|\*\*|\*|\?)/)
    .map(
      (part) =>
        ({ '**/': '(?:.*/)?', '**': '.*', '*': '[^/]*', '?': '[^/]' })[part] ?? part.replaceAll(/[.+^${}()|[\]\\]/g, String.raw`\$&`),
    )
    .join('');
  return new RegExp(`^${source}(?:/.*)?$`);
}
