// What `npm ci` installs for one workspace, worked out from the lockfile, and put there by links: seconds instead of a download.
import { copyFileSync, existsSync, linkSync, mkdirSync, readdirSync, readFileSync, readlinkSync, symlinkSync } from 'node:fs';
import { dirname, join } from 'node:path';

type Entry = {
  link?: boolean;
  resolved?: string;
  dependencies?: Record<string, string>;
  optionalDependencies?: Record<string, string>;
  peerDependencies?: Record<string, string>;
  peerDependenciesMeta?: Record<string, { optional?: boolean }>;
};

/**
 * The packages that a workspace needs when development and optional ones are left out, as paths of the lockfile: what
 * `npm ci --omit=dev --omit=optional --workspace=...` installs (`npm run deploy:image-check` compares the two). Or with those
 * optional ones that this machine has.
 */
export function neededPackages(root: string, workspace: string, isWithOptional = false): string[] {
  const { packages } = JSON.parse(readFileSync(join(root, 'package-lock.json'), 'utf8')) as { packages: Record<string, Entry> };
  const needed = new Set<string>();
  const waiting = [workspace];
  for (let path; (path = waiting.pop()) !== undefined;) {
    const { dependencies = {}, optionalDependencies = {}, peerDependencies = {}, peerDependenciesMeta = {} } = packages[path] ?? {};
    const optional = isWithOptional ? Object.keys(optionalDependencies).filter((name) => existsSync(join(root, 'node_modules', name))) : [];
    const wanted = [
      ...Object.keys(dependencies),
      ...optional,
      ...Object.keys(peerDependencies).filter((name) => !peerDependenciesMeta[name]?.optional),
    ];
    for (const name of wanted) {
      const found = placeOf(packages, path, name);
      if (found === null || needed.has(found)) continue;
      needed.add(found);
      const entry = packages[found];
      waiting.push(entry?.link ? (entry.resolved ?? '') : found);
    }
  }
  return [...needed].toSorted();
}

/** Where Node finds a package from here: in the nearest node_modules upwards. */
function placeOf(packages: Record<string, Entry>, from: string, name: string): string | null {
  for (let folder = from; ; folder = dirname(folder)) {
    const place = join(folder === '.' ? '' : folder, 'node_modules', name);
    if (packages[place]) return place;
    if (folder === '.' || folder === '') return null;
  }
}

/** Puts these packages of the repository into another folder: links of the same files, copies where there can be none. */
export function placePackages(root: string, packages: string[], target: string): void {
  for (const path of packages) placeFolder(join(root, path), join(target, path));
}

function placeFolder(from: string, to: string): void {
  const link = linkOf(from);
  mkdirSync(link === null ? to : dirname(to), { recursive: true });
  // A workspace: the relative link leads to the same folder of the new place.
  if (link !== null) return symlinkSync(link, to);
  for (const entry of readdirSync(from, { withFileTypes: true })) {
    const [source, place] = [join(from, entry.name), join(to, entry.name)];
    if (entry.isDirectory()) {
      // Packages inside are in the list themselves.
      if (entry.name !== 'node_modules') placeFolder(source, place);
    } else if (entry.isFile()) placeFile(source, place);
  }
}

function placeFile(from: string, to: string): void {
  try {
    linkSync(from, to);
  } catch {
    copyFileSync(from, to);
  }
}

function linkOf(path: string): string | null {
  try {
    return readlinkSync(path);
  } catch {
    return null;
  }
}
