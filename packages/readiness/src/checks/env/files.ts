import { finding, judged, notApplicable, type Check, type Finding } from '../../check.ts';
import { fixEnvFiles } from '../../fix/env.files.ts';
import type { Project } from '../../project/project.ts';
import { isIgnored } from './gitignore.ts';

/** Names under which real settings are kept. */
const REAL = ['.env', '.env.local', '.env.production'];

export const envFiles: Check = {
  id: 'env.files',
  title: 'Templates are in the repository, real environment files are not',
  category: 'Environment',
  severity: 'medium',
  why: 'Without a template nobody knows what to set. Without .gitignore the next `git add .` publishes what is set.',
  link: 'https://12factor.net/config',
  looksFor:
    'a template such as .env.example, no real environment file in git, and .gitignore lines that keep it so; values in templates are the matter of env.secrets-committed',
  remedy:
    'Add .env.example with every key and no real value, take real files out of git (`git rm --cached`), and add .env and .env.* to .gitignore, templates excepted.',
  example: { language: 'gitignore', before: 'node_modules/', after: 'node_modules/\n.env\n.env.*\n!.env.example\n!.env.*.template' },
  effort: '5 minutes',
  static: judge,
  fix: fixEnvFiles,
};

function judge(project: Project) {
  const { files, envFiles: found } = project;
  const templates = found.filter(({ isTemplate }) => isTemplate);
  const real = found.filter(({ isTemplate }) => !isTemplate);
  if (found.length === 0 && project.sourcesWith('process.env').length === 0) return notApplicable('the project reads no environment');
  const findings: Finding[] = [];
  if (templates.length === 0)
    findings.push(finding('warn', 'there is no template such as .env.example: nobody can tell which keys the service needs'));
  for (const { path, isTracked, entries } of real) {
    if (isTracked && !isPublic(entries.map(({ key }) => key)))
      findings.push(finding('warn', `${path} is in git; only templates belong there`, { file: path, line: 1 }));
  }
  // In the folders where such files are, else in the root.
  const homes = new Set(found.length > 0 ? found.map(({ path }) => path.slice(0, Math.max(path.lastIndexOf('/'), 0))) : ['']);
  const open = [...homes]
    .flatMap((folder) => REAL.map((name) => (folder ? `${folder}/${name}` : name)))
    .filter((path) => !isIgnored(files, path));
  if (open.length > 0) {
    const place = files.read('.gitignore') === null ? undefined : { file: '.gitignore', line: 1 };
    findings.push(finding('warn', `git does not ignore ${open.join(', ')}`, place));
  }
  const kept = templates.map(({ path }) => path).join(', ');
  return judged(findings, [...(kept ? [`templates: ${kept}`] : []), ...(open.length === 0 ? ['.gitignore keeps real files out'] : [])]);
}

/** What a bundler writes into public files anyway. */
function isPublic(keys: string[]): boolean {
  return (
    keys.length > 0 && keys.every((key) => /^(NEXT_PUBLIC|VITE|REACT_APP|EXPO_PUBLIC|NUXT_PUBLIC|PUBLIC)_|^(NODE_ENV|PORT|TZ)$/.test(key))
  );
}
