// The image without a container engine: its stages in clean folders, and its processes as an account that owns nothing.
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, copyFileSync, linkSync, mkdirSync, readFileSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { aFolder } from '@medspa/testing';
import { buildContext } from './context.ts';
import { readDockerfile } from './dockerfile.ts';
import { neededPackages, placePackages } from './packages.ts';
import { perform, type Image } from './stages.ts';

export const ROOT = join(import.meta.dirname, '../..');

export type Built = Image & { bin: string; home: string };

/**
 * Performs deploy/Dockerfile in a temporary folder, `home`, which the caller removes. With `links`, what `npm ci` would install
 * is put there by links of this repository's packages; without, everything is done as it stands there.
 */
export function buildImage({ links }: { links: boolean }): Built {
  const home = aFolder();
  const bin = join(home, 'bin');
  mkdirSync(bin);
  placeNode(join(bin, 'node'));
  const stages = readDockerfile(readFileSync(join(ROOT, 'deploy/Dockerfile'), 'utf8'));
  const image = perform(stages, {
    root: ROOT,
    context: buildContext(ROOT),
    folder: home,
    bin,
    ...(links ? { instead: linkPackages } : {}),
  });
  return { ...image, bin, home };
}

/** The node of this process where any account may run it. */
function placeNode(path: string): void {
  try {
    linkSync(process.execPath, path);
  } catch {
    copyFileSync(process.execPath, path);
    chmodSync(path, 0o755);
  }
}

function linkPackages(command: string, cwd: string): boolean {
  if (!command.startsWith('npm ci ')) return false;
  if (command.includes('--omit=dev')) placePackages(ROOT, neededPackages(ROOT, 'apps/api', !command.includes('--omit=optional')), cwd);
  // Tools only: what they make is looked at, not what they are.
  else symlinkSync(join(ROOT, 'node_modules'), join(cwd, 'node_modules'));
  return true;
}

/** A process of the image and all that it has said. */
export type Contained = {
  said: () => string;
  ended: Promise<number | NodeJS.Signals>;
  end: (signal: NodeJS.Signals) => Promise<number | NodeJS.Signals>;
};

/** Starts a command of the image in its folder with its environment, as its user: nobody, where this test runs as root. */
export function start(image: Built, command: string[], env: Record<string, string>): Contained {
  const [program = '', ...args] = command;
  const child = spawn(program, args, contained(image, env));
  let output = '';
  for (const stream of [child.stdout, child.stderr]) stream.setEncoding('utf8').on('data', (chunk: string) => (output += chunk));
  const ended = once(child, 'close').then(([code, signal]) => (code ?? signal) as number | NodeJS.Signals);
  return {
    said: () => output,
    ended,
    end: (signal) => {
      child.kill(signal);
      return ended;
    },
  };
}

/** Runs a command of the image to its end. */
export function finish(image: Built, command: string[], env: Record<string, string>): { status: number | null; said: string } {
  const [program = '', ...args] = command;
  const { status, stdout, stderr } = spawnSync(program, args, { ...contained(image, env), encoding: 'utf8', timeout: 60_000 });
  return { status, said: `${stdout}${stderr}` };
}

const NOBODY = 65_534;

function contained(image: Built, env: Record<string, string>) {
  const isRoot = process.getuid?.() === 0;
  return {
    cwd: join(image.folder, image.workdir),
    env: { PATH: `${image.bin}:/usr/bin:/bin`, ...image.env, ...env },
    ...(isRoot && image.user !== 'root' ? { uid: NOBODY, gid: NOBODY } : {}),
  };
}
