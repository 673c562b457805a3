// What runs migrations: jobs, steps of pipelines, scripts, and containers as they start.
import type { Place } from '../../check.ts';
import type { Deployment } from '../../project/deployment.ts';
import type { Package } from '../../project/packages.ts';
import type { Project } from '../../project/project.ts';

/** Applies the migrations that are there: what production needs. */
const DEPLOYS = /\bprisma\s+migrate\s+deploy\b|\bmigrat\w*[:-](deploy|prod|production|up|run)\b|\b(deploy|run|apply)[:-]migrat\w*\b/;
/** Makes up changes as it goes: for development only. */
const DEVELOPS = /\bprisma\s+(migrate\s+dev|migrate\s+reset|db\s+push)\b/;
const FLAGS = String.raw`(?:(?:--(?:filter|workspace|prefix|dir|cwd)|-[FwC]|workspace)\s+\S+\s+|--?[\w-]+(?:=\S+)?\s+)*`;
const SCRIPT_CALL = new RegExp(String.raw`\b(?:npm|pnpm|yarn|bun)\s+${FLAGS}(?:run(?:-script)?\s+)?${FLAGS}([\w:.-]+)`, 'g');
const DEEPEST = 4;

export function isMigration(project: Project, { name, command }: Deployment): boolean {
  return /migrat/i.test(name) || (command !== undefined && /migrat|prisma\s+db\s+push/i.test(meaningOf(project, command.value)));
}

/** What a command line comes to, through scripts of package.json and shell scripts of the repository. */
export function meaningOf(project: Project, command: string, depth = 0): string {
  if (depth > DEEPEST) return command;
  const scripts = [...command.matchAll(SCRIPT_CALL)].flatMap(([, name = '']) => scriptsNamed(project, name));
  const files = [...command.matchAll(/(?:^|[\s;&|])(?:\/[\w-]+\/|\.\/)*([\w./-]+\.sh)\b/g)].flatMap(([, path = '']) => {
    const base = path.slice(path.lastIndexOf('/') + 1);
    const found =
      project.files.paths.find((one) => one === path) ?? project.files.paths.find((one) => one.endsWith(`/${base}`) || one === base);
    return found ? (project.files.read(found) ?? '').replaceAll(/^\s*#.*$/gm, '') : [];
  });
  return [command, ...[...scripts, ...files].map((one) => meaningOf(project, one, depth + 1))].join('\n');
}

export function appliesMigrations(project: Project, command: string): boolean {
  return DEPLOYS.test(meaningOf(project, command)) || developsMigrations(project, command);
}

/** True for what only a developer's database may see. */
export function developsMigrations(project: Project, command: string): boolean {
  return DEVELOPS.test(meaningOf(project, command));
}

export type ScriptEntry = { name: string; command: string; place: Place };

/** Scripts of all package.json, with their lines. */
export function scriptsOf(project: Project): ScriptEntry[] {
  return ownPackages(project).flatMap(({ dir, scripts }) => {
    const file = manifestOf(dir);
    return Object.entries(scripts).map(([name, command]) => ({
      name,
      command,
      place: project.find(file, `"${name}":`) ?? { file, line: 1 },
    }));
  });
}

function scriptsNamed(project: Project, name: string): string[] {
  return ownPackages(project)
    .flatMap(({ scripts }) => [scripts[`pre${name}`], scripts[name], scripts[`post${name}`]])
    .filter((one) => one !== undefined);
}

/** Packages of examples and tests have scripts of their own. */
function ownPackages(project: Project): Package[] {
  return project.packages.filter(({ dir }) => !['example', 'test', 'generated'].includes(project.kindOf(manifestOf(dir))));
}

function manifestOf(dir: string): string {
  return dir ? `${dir}/package.json` : 'package.json';
}
