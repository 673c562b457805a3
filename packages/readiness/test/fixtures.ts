// Planted projects: one Markdown page for each check, beside it, that people can read and the suite runs.
//
// # pool.duplicate-client                 the check
// ## fail: a report route makes its own   a case: the verdict, and what is planted
// Basis: pass: one client                 takes the files of an earlier case of the page; own ones replace them
// ### src/db.ts                           a file: the next fenced block; `### src/db.ts (gone)` takes one of the basis away,
//                                         `### .env (untracked)` is not in git
// Findings: src/a.ts:3, src/b.ts:7        where findings stand, all of them; `none` or no line: not compared
// Says: the wait is endless               part of a finding's message, or of the reason
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { memoryFiles } from '../src/project/files.ts';
import { openProject, type Project } from '../src/project/project.ts';

export type Case = {
  title: string;
  verdict: string;
  files: Record<string, string>;
  untracked: string[];
  findings: string[] | null;
  says: string[];
};

export type Page = { id: string; cases: Case[] };

export function readPage(path: string): Page {
  const [head = '', ...sections] = readFileSync(path, 'utf8').split(/^## (?=[a-z][\w. -]*: )/m);
  const id = /^# (\S+)/m.exec(head)?.[1] ?? '';
  const cases: Case[] = [];
  for (const section of sections) cases.push(readCase(section, cases, path));
  return { id, cases };
}

export function projectOf({ files, untracked }: Case): Project {
  return openProject(memoryFiles(files, untracked));
}

function readCase(section: string, earlier: Case[], path: string): Case {
  const [heading = '', ...rest] = section.split('\n');
  const [verdict = '', ...words] = heading.split(': ');
  const title = words.join(': ').trim();
  const text = rest.join('\n');
  // Fields stand outside of fenced blocks.
  const prose = text.replaceAll(/^```[\s\S]*?^```$/gm, '');
  const field = (name: string) => [...prose.matchAll(new RegExp(`^${name}: (.+)$`, 'gm'))].map(([, value = '']) => value.trim());
  const [basisTitle] = field('Basis');
  const basis = earlier.find((one) => `${one.verdict}: ${one.title}` === basisTitle);
  if (basisTitle && !basis) throw new Error(`${path}: there is no earlier case "${basisTitle}"`);
  const files = { ...basis?.files };
  const untracked = [...(basis?.untracked ?? [])];
  for (const [, name = '', mark, body] of text.matchAll(/^### (\S+)(?: \((gone|untracked)\))?\n(?:\n+```[\w-]*\n([\s\S]*?)^```$)?/gm)) {
    if (mark === 'gone') delete files[name];
    else if (body === undefined) throw new Error(`${path}: ${name} has no block`);
    else files[name] = withSecrets(body);
    if (mark === 'untracked') untracked.push(name);
  }
  const [findings] = field('Findings');
  return {
    title,
    verdict,
    files,
    untracked,
    findings: findings ? (findings === 'none' ? [] : findings.split(/,\s*/)) : null,
    says: field('Says'),
  };
}

/** `%{hex64:a}` becomes 64 random digits, always the same for a name, so that no page holds anything like a secret. */
function withSecrets(text: string): string {
  return text.replaceAll(/%\{(hex|base|word)(\d+):(\w+)\}/g, (_, kind: string, length: string, name: string) => {
    const bytes = [0, 1, 2, 3].map((part) => createHash('sha256').update(`${name}${part}`).digest());
    const random =
      kind === 'hex' ? Buffer.concat(bytes).toString('hex') : Buffer.concat(bytes).toString('base64').replaceAll(/[+/=]/g, 'x');
    return random.slice(0, Number(length));
  });
}
