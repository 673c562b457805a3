// The files of a project, wherever they are: on disk, in memory, or on disk with changes.
import { execFileSync } from 'node:child_process';
import { existsSync, lstatSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

export type Files = {
  /** Paths from the root, with forward slashes, sorted. */
  paths: string[];
  /** The text of a file; null when there is none, or it is not text. */
  read: (path: string) => string | null;
  /** Whether git keeps the file; true for all where there is no git. */
  isTracked: (path: string) => boolean;
  /** The folder on disk, where there is one: for git's history. */
  folder: string | null;
};

/** Longer files are data, or made by a machine. */
const LONGEST_BYTES = 1_000_000;
/** Longer texts are read again when somebody asks again: lockfiles and generated documents are most of a repository's size. */
const KEPT_CHARACTERS = 50_000;
/** Never part of a project's own source. */
const PASSED_OVER = new Set(['node_modules', '.git', '.next', '.nuxt', '.turbo', '.cache', '.yarn', '.pnpm-store', 'coverage']);

/** The files below a folder. What git ignores is left out, except environment files, which are what this is about. */
export function diskFiles(folder: string): Files {
  const listing = gitList(folder, ['ls-files', '-z']);
  const untracked = listing ? gitList(folder, ['ls-files', '-z', '--others', '--exclude-standard']) : null;
  // A folder that a repository around it ignores is a project of its own.
  const tracked = listing && listing.length + (untracked?.length ?? 0) > 0 ? listing : null;
  const ignored = tracked ? gitList(folder, ['ls-files', '-z', '--others', '--ignored', '--exclude-standard', '--', ENV_GLOB]) : null;
  const listed = tracked ? [...tracked, ...(untracked ?? []), ...(ignored ?? [])] : walk(folder, '');
  const paths = [...new Set(listed)].filter((path) => !path.split('/').some((part) => PASSED_OVER.has(part))).toSorted();
  const kept = new Set(tracked ?? paths);
  const texts = new Map<string, string | null>();
  const read = (path: string) => {
    const known = texts.get(path);
    if (known !== undefined) return known;
    const text = readText(join(folder, path));
    if (text === null || text.length <= KEPT_CHARACTERS) texts.set(path, text);
    return text;
  };
  return { paths, read, isTracked: (path) => kept.has(path), folder };
}

const ENV_GLOB = '*.env*';

/** Files that exist only here; for planted projects. All are tracked unless `untracked` names them. */
export function memoryFiles(files: Record<string, string>, untracked: string[] = []): Files {
  return {
    paths: Object.keys(files).toSorted(),
    read: (path) => files[path] ?? null,
    isTracked: (path) => !untracked.includes(path),
    folder: null,
  };
}

/** The same project with some files changed, added, or (null) gone. */
export function withChanges(files: Files, changes: Record<string, string | null>): Files {
  const isGone = (path: string) => changes[path] === null;
  return {
    ...files,
    paths: [...new Set([...files.paths, ...Object.keys(changes)])].filter((path) => !isGone(path)).toSorted(),
    read: (path) => (path in changes ? (changes[path] ?? null) : files.read(path)),
  };
}

/** Null when the folder is not in a git repository, or there is no git. */
function gitList(folder: string, args: string[]): string[] | null {
  try {
    const options = {
      cwd: folder,
      encoding: 'utf8' as const,
      maxBuffer: 1 << 28,
      stdio: ['ignore', 'pipe', 'ignore'] as ('ignore' | 'pipe')[],
    };
    return execFileSync('git', args, options).split('\0').filter(Boolean);
  } catch {
    return null;
  }
}

function walk(folder: string, below: string): string[] {
  return readdirSync(join(folder, below), { withFileTypes: true }).flatMap((entry) => {
    const path = below ? `${below}/${entry.name}` : entry.name;
    if (entry.isDirectory()) return PASSED_OVER.has(entry.name) ? [] : walk(folder, path);
    return entry.isFile() ? [path] : [];
  });
}

function readText(path: string): string | null {
  if (!existsSync(path)) return null;
  const stat = lstatSync(path);
  if (!stat.isFile() || stat.size > LONGEST_BYTES) return null;
  const bytes = readFileSync(path);
  return bytes.includes(0) ? null : bytes.toString('utf8');
}
