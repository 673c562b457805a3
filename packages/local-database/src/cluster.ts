import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { chownSync, existsSync, mkdirSync, readdirSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { randomBytes } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Account } from './account.ts';
import type { Binaries } from './binaries.ts';

/** The cluster's own administrator; applications never sign in with it. */
export const ADMIN = 'postgres';

/** Where one cluster lives. `cluster` belongs to the server account, the rest to this user. */
export type Layout = { cluster: string; password: string; log: string };

/**
 * Creates the cluster unless it exists. It is made beside its place and moved there when it is complete, so what a killed
 * start left half-made is never taken for one.
 */
export async function createCluster(layout: Layout, binaries: Binaries, account: Account): Promise<void> {
  if (existsSync(layout.cluster)) return;
  const folder = dirname(layout.cluster);
  const prefix = `${basename(layout.cluster)}.making-`;
  await removeDrafts(folder, prefix);
  const draft = join(folder, `${prefix}${randomBytes(4).toString('hex')}`);
  const password = randomBytes(24).toString('hex');
  // initdb reads the password as the server account; the copy for it is gone before anything listens.
  const handed = `${draft}-password`;
  mkdirSync(draft, { mode: 0o700 });
  writeFileSync(handed, password, { mode: 0o600 });
  if ('uid' in account.ids) for (const path of [draft, handed]) chownSync(path, account.ids.uid, account.ids.gid);
  try {
    await runInitdb(binaries, account, draft, handed);
  } finally {
    rmSync(handed, { force: true });
  }
  writeFileSync(layout.password, password, { mode: 0o600 });
  renameSync(draft, layout.cluster);
}

/** What killed starts left. Their initdb may still be writing there, so a folder can come back while it is removed. */
async function removeDrafts(folder: string, prefix: string): Promise<void> {
  for (const deadline = Date.now() + 10_000; Date.now() < deadline; await sleep(100)) {
    const left = readdirSync(folder).filter((name) => name.startsWith(prefix));
    if (left.length === 0) return;
    for (const name of left) rmSync(join(folder, name), { recursive: true, force: true, maxRetries: 5 });
  }
}

async function runInitdb(binaries: Binaries, account: Account, folder: string, passwordFile: string): Promise<void> {
  const child = spawn(
    binaries.initdb,
    [
      `--pgdata=${folder}`,
      `--username=${ADMIN}`,
      `--pwfile=${passwordFile}`,
      '--auth=scram-sha-256',
      '--encoding=UTF8',
      '--locale-provider=builtin',
      '--builtin-locale=C.UTF-8',
      '--locale=C',
      '--data-checksums',
    ],
    { ...account.ids, cwd: folder, stdio: ['ignore', 'ignore', 'pipe'], env: { ...process.env, LC_ALL: 'C' } },
  );
  const takeAlong = () => child.kill('SIGTERM');
  process.on('exit', takeAlong);
  let said = '';
  child.stderr.on('data', (chunk) => (said += chunk));
  const [status] = await Promise.race([once(child, 'close'), once(child, 'error')]);
  process.off('exit', takeAlong);
  if (status !== 0) throw new Error(`initdb failed: ${status instanceof Error ? status.message : said}`);
}
