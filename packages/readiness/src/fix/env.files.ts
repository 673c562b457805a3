// A template of the environment that is safe to commit, and a .gitignore that keeps the real files out.
import type { EnvEntry } from '../project/env.ts';
import type { Project } from '../project/project.ts';
import { calledName, dottedName, nameOf, textOf, visit } from '../project/source.ts';
import type { Patch } from './patch.ts';

const IGNORED = ['.env', '.env.*'];
const EXCEPTIONS = ['!.env.example', '!.env.*.example', '!.env.*.template'];

export function fixEnvFiles(project: Project): Patch[] {
  return [...gitignore(project), ...templates(project)];
}

/** Adds the patterns that are missing; what git tracks already stays tracked, and the reason says how to end that. */
function gitignore({ files, envFiles }: Project): Patch[] {
  const before = files.read('.gitignore');
  const lines = linesOf(before);
  const real = envFiles.filter(({ isTemplate }) => !isTemplate);
  const isCoveredBelow = real.length > 0 && real.every(({ path }) => covers(linesOf(files.read(`${folderOf(path)}.gitignore`))));
  const isCovered = covers(lines) || isCoveredBelow;
  const hasExceptions = isCoveredBelow || lines.some((line) => line.startsWith('!.env'));
  const missing = isCovered ? (hasExceptions ? [] : EXCEPTIONS) : [...IGNORED, ...EXCEPTIONS].filter((line) => !lines.includes(line));
  if (missing.length === 0) return [];
  const head = before === null || before === '' ? '' : `${before.trimEnd()}\n\n`;
  const after = `${head}# Real environment files stay out of git; templates do not.\n${missing.join('\n')}\n`;
  const tracked = real.filter(({ isTracked }) => isTracked).map(({ path }) => path);
  const untrack =
    tracked.length > 0 ? `; git still tracks ${tracked.join(', ')}: \`git rm --cached\` ends that, and rotate what they held` : '';
  return [{ file: '.gitignore', before, after, why: `real env files are ignored${untrack}` }];
}

function linesOf(text: string | null): string[] {
  return (text ?? '').split(/\r?\n/).map((line) => line.trim().replace(/^\//, ''));
}

function covers(lines: string[]): boolean {
  return lines.includes('.env*') || lines.includes('*.env*') || IGNORED.every((line) => lines.includes(line));
}

function folderOf(path: string): string {
  return path.slice(0, path.lastIndexOf('/') + 1);
}

/** One template beside the env files of each folder, or at each service when there are none. */
function templates(project: Project): Patch[] {
  const hasTemplate = new Set(project.envFiles.filter(({ isTemplate }) => isTemplate).map(({ path }) => folderOf(path)));
  const real = project.envFiles.filter(({ isTemplate }) => !isTemplate);
  const folders = new Map(Map.groupBy(real, ({ path }) => folderOf(path)));
  if (project.envFiles.length === 0) for (const { dir } of project.services) folders.set(dir ? `${dir}/` : '', []);
  return [...folders].flatMap(([folder, some]) => {
    if (hasTemplate.has(folder)) return [];
    const entries = some.flatMap((file) => file.entries.filter(({ isComment }) => !isComment));
    const names = entries.length > 0 ? entries.map(({ key }) => key) : variablesOf(project, folder);
    const lines = [...new Set(names)].map(
      (name) =>
        `${name}=${harmless(
          name,
          entries.find(({ key }) => key === name),
        )}`,
    );
    const after = `# What the service reads. Copy it to .env and fill in what is empty; never commit the copy.\n${lines.join('\n')}\n`;
    return lines.length > 0 ? [{ file: `${folder}.env.example`, before: null, after, why: 'a template that is safe to commit' }] : [];
  });
}

/** Values that say nothing about anybody; everything else is left empty. */
function harmless(name: string, entry: EnvEntry | undefined): string {
  if (/(^|_)(DATABASE|POSTGRES|DB|DIRECT)_?(URL|URI)$/.test(name)) return 'postgresql://USER:PASSWORD@localhost:5432/DATABASE';
  const value = entry?.value ?? '';
  const isPlain =
    /^(development|production|test|true|false|debug|info|warn|error|\d{1,5}|https?:\/\/localhost(:\d+)?(,https?:\/\/localhost(:\d+)?)*)$/.test(
      value,
    );
  return isPlain && !/secret|password|token|key|salt|pin/i.test(name) ? value : '';
}

/** Names of the environment that production code below the folder reads, and the schema. */
function variablesOf(project: Project, folder: string): string[] {
  const names = project.schemas
    .filter(({ path }) => path.startsWith(folder))
    .flatMap(({ blocks }) => blocks.flatMap(({ settings }) => [...settings.values()]))
    .flatMap(({ value }) => /^env\("(\w+)"\)$/.exec(value)?.[1] ?? []);
  for (const source of project.sourcesWith('process.env', '.get', '.getOrThrow')) {
    if (!source.path.startsWith(folder)) continue;
    visit(source, {
      MemberExpression(node) {
        if (dottedName(node.object) === 'process.env' && !node.computed) names.push(nameOf(node.property));
      },
      VariableDeclarator({ id, init }) {
        if (!init || id.type !== 'ObjectPattern' || dottedName(init) !== 'process.env') return;
        names.push(...id.properties.flatMap((one) => (one.type === 'Property' ? nameOf(one.key) : [])));
      },
      // `configService.getOrThrow('DATABASE_URL')`
      CallExpression({ callee, arguments: [first] }) {
        const name = /^get(OrThrow)?$/.test(calledName(callee)) ? (textOf(first) ?? '') : '';
        if (/^[A-Z][A-Z0-9]*(_[A-Z0-9]+)+$/.test(name)) names.push(name);
      },
    });
  }
  return names.toSorted();
}
