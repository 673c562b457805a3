// Which paths git ignores, by the .gitignore files of the project.
import type { Files } from '../../project/files.ts';

type Rule = { pattern: RegExp; isNegated: boolean };

/** Asks the .gitignore files from the root down to the folder of the path; the last rule that matches decides. */
export function isIgnored(files: Files, path: string): boolean {
  const parts = path.split('/');
  let ignored = false;
  for (let depth = 0; depth < parts.length; depth++) {
    const folder = parts.slice(0, depth).join('/');
    const text = files.read(folder ? `${folder}/.gitignore` : '.gitignore');
    const below = parts.slice(depth).join('/');
    for (const { pattern, isNegated } of text ? rulesOf(text) : []) if (pattern.test(below)) ignored = !isNegated;
  }
  return ignored;
}

function rulesOf(text: string): Rule[] {
  return text.split(/\r?\n/).flatMap((line): Rule[] => {
    const rule = line.replace(/(?<!\\)\s+$/, '');
    if (rule === '' || rule.startsWith('#')) return [];
    const isNegated = rule.startsWith('!');
    return [{ pattern: patternOf(isNegated ? rule.slice(1) : rule), isNegated }];
  });
}

function patternOf(rule: string): RegExp {
  const glob = rule.replace(/\/$/, '').replace(/^\//, '');
  // With a slash inside or before it, a rule counts from the folder of its file.
  const isAnchored = rule.startsWith('/') || glob.includes('/');
  const body = glob.replaceAll(/\*\*\/?|[*?.+^${}()|\\]|\[!?/g, (one) => {
    if (one.startsWith('**')) return '(?:.*/)?';
    if (one === '*') return '[^/]*';
    if (one === '?') return '[^/]';
    if (one.startsWith('[')) return one === '[!' ? '[^' : '[';
    return `\\${one}`;
  });
  try {
    return new RegExp(`${isAnchored ? '^' : '(^|/)'}${body}(/|$)`);
  } catch {
    return /(?!)/;
  }
}
