// Performs the stages of a Dockerfile in clean folders: COPY from the build's context, RUN for real.
import { spawnSync } from 'node:child_process';
import { cpSync, existsSync, mkdirSync, statSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { execForm, pairsOf, type Instruction, type Stage } from './dockerfile.ts';

/** What an image would be: its files below `folder`, and what it runs. */
export type Image = {
  folder: string;
  workdir: string;
  env: Record<string, string>;
  user: string;
  command: string[];
  health: { command: string[]; flags: Record<string, string> } | null;
};

export type PerformOptions = {
  /** The repository, and the paths of it that the build is given. */
  root: string;
  context: string[];
  /** Where the stages go, and the folder that comes first on their PATH. */
  folder: string;
  bin: string;
  /** Does the work of a RUN itself, where it can be had cheaper; false leaves it to the shell. */
  instead?: (command: string, cwd: string) => boolean;
};

/** Performs all stages and returns the last one. Throws with the output of a RUN that failed. */
export function perform(stages: Stage[], options: PerformOptions): Image {
  const made = new Map<string, Image>();
  for (const stage of stages) made.set(stage.name, performStage(stage, made, options));
  const image = made.get(stages.at(-1)?.name ?? '');
  if (!image) throw new Error('The Dockerfile has no stage.');
  return image;
}

function performStage(stage: Stage, made: Map<string, Image>, options: PerformOptions): Image {
  const folder = join(options.folder, stage.name);
  const base = made.get(stage.from);
  const image: Image = base
    ? { ...base, env: { ...base.env }, folder }
    : { folder, workdir: '/', env: {}, user: 'root', command: [], health: null };
  mkdirSync(folder, { recursive: true });
  if (base) cpSync(base.folder, folder, { recursive: true, verbatimSymlinks: true });
  for (const instruction of stage.instructions) performOne(instruction, image, made, options);
  return image;
}

function performOne({ verb, flags, rest }: Instruction, image: Image, made: Map<string, Image>, options: PerformOptions): void {
  switch (verb) {
    case 'WORKDIR':
      image.workdir = rest;
      mkdirSync(join(image.folder, rest), { recursive: true });
      break;
    case 'COPY':
      copy(rest, flags['from'], image, made, options);
      break;
    case 'RUN':
      run(rest, image, options);
      break;
    case 'ENV':
      Object.assign(image.env, pairsOf(rest));
      break;
    case 'USER':
      image.user = rest;
      break;
    case 'HEALTHCHECK':
      image.health = { command: execForm(rest.replace(/^CMD\s+/, '')), flags };
      break;
    case 'CMD':
      image.command = execForm(rest);
      break;
    default:
  }
}

/** `COPY SOURCE TARGET`: a folder's content goes into the target, a file becomes it, or goes into it when it is a folder. */
function copy(rest: string, from: string | undefined, image: Image, made: Map<string, Image>, options: PerformOptions): void {
  const [source = '', target = '', ...more] = rest.split(/\s+/);
  if (more.length > 0) throw new Error(`COPY takes one source here: ${rest}`);
  const to = join(image.folder, target.startsWith('/') ? target : join(image.workdir, target));
  if (from === undefined) return copyContext(source, to, options);
  const stage = made.get(from);
  if (!stage) throw new Error(`There is no stage ${from} before this.`);
  cpSync(join(stage.folder, source), to, { recursive: true, verbatimSymlinks: true });
}

function copyContext(source: string, to: string, { root, context }: PerformOptions): void {
  const isFile = context.includes(source);
  const found = isFile ? [source] : context.filter((path) => source === '.' || path.startsWith(`${source}/`));
  if (found.length === 0) throw new Error(`The build is not given ${source}.`);
  for (const path of found) {
    const name = isFile ? basename(path) : source === '.' ? path : path.slice(source.length + 1);
    const isTarget = isFile && !(existsSync(to) && statSync(to).isDirectory());
    const place = isTarget ? to : join(to, name);
    mkdirSync(dirname(place), { recursive: true });
    cpSync(join(root, path), place);
  }
}

function run(command: string, image: Image, { bin, instead }: PerformOptions): void {
  const cwd = join(image.folder, image.workdir);
  if (instead?.(command, cwd)) return;
  const { PATH = '', HOME = '' } = process.env;
  const { status, stdout, stderr } = spawnSync('/bin/sh', ['-c', command], {
    cwd,
    encoding: 'utf8',
    env: { PATH: `${bin}:${PATH}`, HOME, ...image.env },
  });
  if (status !== 0) throw new Error(`RUN ${command}\n${stdout}${stderr}`);
}
