// Documentation that is checked: a path that a page names exists.
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

/** Every violation, as `page: sentence`. */
export function findDocViolations(root: string): string[] {
  return pages(root).flatMap((page) => deadPaths(root, page).map((path) => `${page}: names ${path}, which is not there`));
}

/** Paths in backticks that begin with a folder or file of the repository, and targets of relative links and references. */
function deadPaths(root: string, page: string): string[] {
  const text = readFileSync(join(root, page), 'utf8').replaceAll(/^ *```[\s\S]*?^ *```/gm, '');
  const tops = new Set(readdirSync(root).filter((name) => name !== 'node_modules' && name !== '.data'));
  const named = [...text.matchAll(/`([\w@.-]+(?:\/[\w@.{}*-]+)*\/?)`/g)]
    .map(([, path = '']) => path)
    .filter((path) => tops.has(path.split('/')[0] ?? '') && !/[{*]/.test(path));
  const targets = [...text.matchAll(/\]\(([^)\s]+)[^)]*\)/g), ...text.matchAll(/^\[[^\]]+\]:\s+(\S+)/gm)];
  const linked = targets
    .map(([, target = '']) => target.replace(/#.*$/, ''))
    .filter((target) => target !== '' && !/^(https?|mailto):/.test(target))
    .map((target) => (target.startsWith('/') ? target.slice(1) : join(page, '..', target)));
  return [...new Set([...named, ...linked])].filter((path) => !existsSync(join(root, path)));
}

function pages(root: string): string[] {
  return readdirSync(root, { recursive: true, encoding: 'utf8' })
    .map((path) => path.replaceAll('\\', '/'))
    .filter((path) => path.endsWith('.md') && !/(^|\/)(node_modules|\.data|\.git)\//.test(path) && path !== 'docs/audit-report.md');
}
