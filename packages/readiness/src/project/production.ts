// Which files run in production: those that lie with its code, and scripts that it imports or is started by.
import { isCode, type Kind } from './kinds.ts';
import { packageOf, type Package, type Service } from './packages.ts';
import { calledName, textOf, type Source } from './source.ts';
import { walk } from './walk.ts';

type Known = {
  paths: string[];
  packages: Package[];
  services: Service[];
  kindOf: (path: string) => Kind;
  read: (path: string) => string | null;
  source: (path: string) => Source | null;
  locate: (from: string, module: string) => string | null;
};

/** Which of the production files are worth asking for what they import: a folder or file of scripts is named there. */
const IMPORTS_SCRIPT = /(?:from|import|require)\b[^'"\n]{0,80}['"][^'"\n]*\b(?:scripts?|tools?|tooling|bin|seed(?:s|er|ers)?|hack|ci)\b/;
const CONFIGURATION = /\.config\.[cm]?[jt]s$|(^|\/)\.[\w-]+rc\.[cm]?js$/;

/** Of packages that some service is made of. A seed that the server calls as it starts is as much of production as the server. */
export function productionFiles(known: Known): string[] {
  const { paths, packages, services, kindOf } = known;
  const alive = new Set(services.flatMap((service) => service.packages));
  const isAlive = (path: string) => {
    const owner = packageOf(packages, path);
    return owner === null || services.length === 0 || alive.has(owner);
  };
  const code = paths.filter((path) => isCode(path) && ['production', 'script'].includes(kindOf(path)) && isAlive(path));
  const production = code.filter((path) => kindOf(path) === 'production');
  const scripts = new Set(code.filter((path) => kindOf(path) === 'script' && !CONFIGURATION.test(path)));
  if (scripts.size === 0) return production;
  const used = new Set([...scripts].filter((path) => isStarted(path, packages)));
  const asked = production.filter((path) => IMPORTS_SCRIPT.test(known.read(path) ?? ''));
  for (const path of asked) for (const one of importedBy(path, known)) if (scripts.has(one)) used.add(one);
  for (const path of used) for (const one of importedBy(path, known)) if (scripts.has(one)) used.add(one);
  return code.filter((path) => kindOf(path) === 'production' || used.has(path));
}

/** `"start": "node dist/bin/server.js"` of its package. */
function isStarted(path: string, packages: Package[]): boolean {
  const owner = packageOf(packages, path);
  if (!owner) return false;
  const inner = stem(owner.dir ? path.slice(owner.dir.length + 1) : path);
  const commands = ['start', 'serve', 'start:prod', 'start:production'].map((name) => owner.scripts[name] ?? '');
  return commands.some((command) => command.split(/\s+/).some((word) => word.includes('/') && stem(word) === inner));
}

function stem(path: string): string {
  return path
    .replace(/^\.\//, '')
    .replace(/^(src|dist|build|lib|out)\//, '')
    .replace(/\.[cm]?[jt]sx?$/, '');
}

function importedBy(path: string, { source, locate }: Known): string[] {
  const modules: string[] = [];
  const tree = source(path);
  if (!tree) return [];
  walk(tree.program, (node) => {
    if (node.type === 'ImportDeclaration' && node.importKind !== 'type') modules.push(node.source.value);
    if ((node.type === 'ExportNamedDeclaration' || node.type === 'ExportAllDeclaration') && node.source) modules.push(node.source.value);
    if (node.type === 'ImportExpression') modules.push(textOf(node.source) ?? '');
    if (node.type === 'CallExpression' && calledName(node.callee) === 'require') modules.push(textOf(node.arguments[0]) ?? '');
  });
  return modules.flatMap((module) => locate(path, module) ?? []);
}
