// Entry of every npm script. It has no dependencies and runs on the machine's own Node (>= 20.19):
// it installs what is missing, generates the Prisma client when the schema changed, and hands over
// to the Node 24 that the `node` devDependency brings.
import { spawn, spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const home = join(root, 'packages/database');
const stamp = join(home, 'src/generated/.schema-hash');
const node24 = join(root, 'node_modules/node/bin', process.platform === 'win32' ? 'node.exe' : 'node');

/** What each npm script runs. A task is a TypeScript file, or a package's command with fixed arguments. */
const tasks = {
  start: ['scripts/start.ts'],
  test: ['node_modules/vitest/vitest.mjs', 'run'],
  check: ['scripts/check.ts'],
  format: ['node_modules/oxfmt/bin/oxfmt'],
  bench: ['bench/run.ts'],
  soak: ['soak/run.ts'],
  'deploy:image-check': ['deploy/test/image-check.ts'],
  openapi: ['scripts/openapi.ts'],
  access: ['scripts/access.ts'],
  readiness: ['scripts/readiness.ts'],
  'practice-data': ['scripts/practice-data.ts'],
  'audit-log': ['scripts/audit-log.ts'],
  backup: ['scripts/backup.ts', 'backup'],
  'backup:drill': ['scripts/backup.ts', 'drill'],
  restore: ['scripts/backup.ts', 'restore'],
  'db:setup': ['scripts/database.ts', 'setup'],
  'db:migrate': ['scripts/database.ts', 'migrate'],
  'db:migrate:deploy': ['scripts/database.ts', 'deploy'],
  'db:status': ['scripts/database.ts', 'status'],
  keys: ['scripts/keys.ts'],
  'setup-code': ['scripts/database.ts', 'setup-code'],
};

const [name, ...args] = process.argv.slice(2);
const task = tasks[name];
if (!task) fail(`Unknown task "${name ?? ''}". Known: ${Object.keys(tasks).join(', ')}.`);
const [major = 0, minor = 0] = process.versions.node.split('.').map(Number);
if (major < 20 || (major === 20 && minor < 19)) {
  fail(`This project needs Node 20.19 or newer to start; this is ${process.version} (${process.execPath}).`);
}

process.chdir(root);
// A clone that somebody else made ready is used as it is, also by one who may not write to it.
if (firstMissingPackage() !== null || schemaDigest() !== generatedDigest()) {
  await alone('install', () => {
    install();
    generate();
  });
}
await handOver([join(root, task[0]), ...task.slice(1), ...args]);

/** Runs `npm ci` unless every package of the lockfile is there in its version. */
function install() {
  const missing = firstMissingPackage();
  if (!missing) return;
  step(`Installing packages (${missing}) ...`);
  const started = Date.now();
  const npm = process.env.npm_execpath;
  const [command, ...prefix] = npm?.endsWith('.js') ? [process.execPath, npm] : ['npm'];
  const result = spawnSync(command, [...prefix, 'ci', '--loglevel=error', '--no-audit', '--no-fund'], {
    stdio: ['ignore', 'inherit', 'inherit'],
    shell: command === 'npm' && process.platform === 'win32',
  });
  if (result.status !== 0) {
    fail('npm ci failed. Its message is above; a folder written by another user (root?) is the usual cause.');
  }
  const still = firstMissingPackage();
  if (still) fail(`npm ci finished, yet: ${still}. Are install scripts switched off (ignore-scripts)?`);
  step(`Installed in ${seconds(started)}.`);
}

/** A sentence about the first package that is absent or has another version, or null. */
function firstMissingPackage() {
  const installedPath = join(root, 'node_modules/.package-lock.json');
  if (!existsSync(installedPath)) return 'nothing is installed yet';
  const wanted = JSON.parse(readFileSync(join(root, 'package-lock.json'), 'utf8')).packages;
  const installed = JSON.parse(readFileSync(installedPath, 'utf8')).packages;
  for (const [path, entry] of Object.entries(wanted)) {
    if (path === '' || entry.optional || !path.includes('node_modules/')) continue;
    // A link leads to a package of this repository, which has no version of its own.
    const isThere = entry.link ? existsSync(join(root, path)) : installed[path]?.version === entry.version;
    if (!isThere) return `${path.replace(/^.*node_modules\//, '')}${entry.link ? '' : ` ${entry.version}`} is missing`;
  }
  return existsSync(node24) ? null : 'Node 24 is missing';
}

/** What the generated client depends on. */
function schemaDigest() {
  const schema = join(home, 'prisma/schema');
  const hash = createHash('sha256');
  for (const file of readdirSync(schema).toSorted()) hash.update(file).update(readFileSync(join(schema, file)));
  return hash.update(readFileSync(join(root, 'node_modules/prisma/package.json'))).digest('hex');
}

function generatedDigest() {
  return existsSync(stamp) ? readFileSync(stamp, 'utf8') : '';
}

/** Generates the Prisma client when the schema is newer than the last one. Needs no network. */
function generate() {
  const digest = schemaDigest();
  if (generatedDigest() === digest) return;
  step('Generating the Prisma client ...');
  const result = spawnSync(node24, [join(root, 'node_modules/prisma/build/index.js'), 'generate', '--config', 'prisma.config.ts'], {
    cwd: home,
    encoding: 'utf8',
    // The command insists on finding a schema engine, though generating needs none: any executable will do.
    env: { ...process.env, PRISMA_SCHEMA_ENGINE_BINARY: node24, CHECKPOINT_DISABLE: '1', PRISMA_HIDE_UPDATE_MESSAGE: '1' },
  });
  if (result.status !== 0) fail(`prisma generate failed:\n${result.stdout}\n${result.stderr}`);
  writeFileSync(stamp, digest);
}

/** In this process when it is Node 24 already (any run but the first), else in a child. */
async function handOver(command) {
  const [script, ...rest] = command;
  if (major >= 24) {
    process.argv = [process.execPath, script, ...rest];
    await import(pathToFileURL(script).href);
    return;
  }
  const child = spawn(node24, command, {
    stdio: 'inherit',
    env: { ...process.env, PATH: `${join(root, 'node_modules/.bin')}${process.platform === 'win32' ? ';' : ':'}${process.env.PATH}` },
  });
  // A terminal sends Ctrl-C to the child as well; SIGTERM reaches only this process.
  process.on('SIGINT', () => {});
  process.on('SIGTERM', () => child.kill('SIGTERM'));
  child.on('exit', (code, signal) => process.exit(signal ? 1 : (code ?? 1)));
}

/** Holds a lock so that two tasks started together on a fresh clone do not install twice. */
async function alone(what, work) {
  const lock = join(root, '.data', `${what}.lock`);
  for (let said = false; ;) {
    try {
      mkdirSync(dirname(lock), { recursive: true });
      writeFileSync(lock, String(process.pid), { flag: 'wx' });
      break;
    } catch (error) {
      if (error.code === 'EACCES' || error.code === 'EPERM' || error.code === 'EROFS')
        fail(`${dirname(lock)} cannot be written: this clone belongs to another user. Start as that user, or make a clone of your own.`);
      if (error.code !== 'EEXIST') throw error;
      if (holderIsGone(lock)) {
        rmSync(lock, { force: true });
        continue;
      }
      if (!said) step(`Another task is busy here (${what}); waiting for it ...`);
      said = true;
      await new Promise((resolve) => setTimeout(resolve, 300));
    }
  }
  try {
    work();
  } finally {
    rmSync(lock, { force: true });
  }
}

/** True when the process that wrote the lock no longer runs: it was killed while it held the lock. */
function holderIsGone(lock) {
  try {
    const pid = Number(readFileSync(lock, 'utf8'));
    // Killed between making the file and writing its id.
    if (pid === 0) return Date.now() - statSync(lock).mtimeMs > 5_000;
    process.kill(pid, 0);
    return false;
  } catch (error) {
    return error.code === 'ESRCH' || error.code === 'ENOENT';
  }
}

function step(text) {
  process.stderr.write(`${text}\n`);
}

function seconds(since) {
  return `${((Date.now() - since) / 1000).toFixed(1)} s`;
}

function fail(text) {
  process.stderr.write(`\n${text}\n`);
  process.exit(1);
}
