import { randomBytes } from 'node:crypto';
import { chownSync, existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Account } from '../account.ts';
import type { Binaries } from '../binaries.ts';
import type { Layout } from '../cluster.ts';
import { freePort, Server, stopLeftover } from '../server.ts';
import { ArchiveError, archivesIn, listBases, type Archive, type BackupPlace, type Base } from './archive.ts';
import { layBase } from './base.ts';
import { Exchange } from './exchange.ts';
import { inspectCluster, type Inspection } from './inspect.ts';
import { planRestore, type Plan, type Target } from './plan.ts';
import { isSwapping, passwordOf, swapClusters } from './swap.ts';

export type Restored = {
  base: Base;
  inspection: Inspection;
  /** The cluster that was there before; null when there was none. */
  kept: string | null;
  tookMillis: number;
};

type Machine = {
  folder: string;
  layout: Layout;
  binaries: Binaries;
  account: Account;
  settings: Record<string, string>;
  /** System identifier of the database whose backup is meant. */
  database: string | undefined;
};

const DRAFT = 'cluster.restoring-';

/**
 * Restores the cluster as it was at the target into a folder beside it, reads all of it, and only then puts it in its place;
 * the old one is kept. Whatever fails before that changes nothing. The caller owns the folder, so nobody uses the cluster.
 */
export async function restoreCluster(machine: Machine, place: BackupPlace, target: Target, say: (text: string) => void): Promise<Restored> {
  const began = performance.now();
  const { folder, layout, account } = machine;
  await removeDrafts(folder);
  await stopLeftover(layout.cluster);
  const archive = await archiveFor(place, machine.database);
  const plan = await planRestore(archive, target);
  const draft = join(folder, `${DRAFT}${randomBytes(4).toString('hex')}`);
  mkdirSync(draft, { mode: 0o700 });
  if ('uid' in account.ids) chownSync(draft, account.ids.uid, account.ids.gid);
  try {
    say(`Laying down the base copy of ${plan.base.finishedAt} (${Math.ceil(plan.base.bytes / 1e6)} MB) ...`);
    writeFileSync(passwordOf(draft), await layBase(archive, plan.base, draft, account), { mode: 0o600 });
    const inspection = await recover(machine, archive, plan, target, draft, say);
    const hadOne = existsSync(layout.cluster);
    const kept = join(folder, `cluster.before-${new Date().toISOString().replaceAll(/[-:.]/g, '')}`);
    swapClusters(folder, layout, { draft, kept });
    return { base: plan.base, inspection, kept: hadOne ? kept : null, tookMillis: performance.now() - began };
  } catch (error) {
    if (!isSwapping(folder)) await removeDrafts(folder);
    throw error;
  }
}

/** The backup of the database that is named; without a name, the only one that has copies. */
async function archiveFor(place: BackupPlace, database: string | undefined): Promise<Archive> {
  const found = await archivesIn(place);
  if (found.length === 0) throw new ArchiveError(`There is no backup in ${place.folder}.`);
  const named = found.find(({ systemId }) => systemId === database);
  if (named) return named;
  const copied = (await Promise.all(found.map(async (archive) => ({ archive, newest: (await listBases(archive)).at(-1) })))).filter(
    ({ newest }) => newest,
  );
  const [only = { archive: found[0] as Archive }] = copied;
  if (database === undefined && copied.length <= 1) return only.archive;
  const all = copied.map(({ archive, newest }) => `  ${archive.systemId}, copied last at ${newest?.finishedAt}`).join('\n');
  const why = database === undefined ? 'The backup holds several databases' : `The backup has no copy of a database ${database}`;
  throw new ArchiveError(`${why}. Say which one with --database:\n${all}`);
}

async function recover(
  machine: Machine,
  archive: Archive,
  plan: Plan,
  target: Target,
  draft: string,
  say: (text: string) => void,
): Promise<Inspection> {
  const { account, binaries, layout } = machine;
  const signal = join(draft, 'recovery.signal');
  writeFileSync(signal, '');
  if ('uid' in account.ids) chownSync(signal, account.ids.uid, account.ids.gid);
  const exchange = new Exchange(`${draft}-exchange`, archive, plan, account);
  const log = `${layout.log}.restore`;
  rmSync(log, { force: true });
  const server = new Server({ cluster: draft, password: passwordOf(draft), log }, binaries, account, await freePort(), {
    ...machine.settings,
    restore_command: exchange.restoreCommand,
    recovery_target_timeline: String(plan.timeline),
    recovery_target_action: 'promote',
    ...(target === 'latest' ? {} : { recovery_target_time: target.toISOString().replace('T', ' ').replace('Z', '+00') }),
    // Nobody may look before it is whole.
    hot_standby: 'off',
    // What it writes here (the new timeline) is kept for the archive, which gets it when the service uses this cluster.
    archive_mode: 'on',
    archive_command: '',
  });
  try {
    say(`Replaying the log ${target === 'latest' ? 'to its end' : `to ${target.toISOString()}`} ...`);
    // An archive that cannot be read ends it, whatever PostgreSQL would make of that.
    await Promise.race([server.start(), exchange.served]);
    // To an instant PostgreSQL does not start before it has reached it; what it asked for beyond does not matter.
    if (target === 'latest' && exchange.gap) throw new ArchiveError(exchange.gap);
    say('Reading every row and every index ...');
    return await inspectCluster({ port: server.port, password: server.password });
  } catch (error) {
    throw reasonOf(error as Error, exchange, log);
  } finally {
    exchange.close();
    await server.stop();
    await exchange.served.catch(() => {});
    rmSync(`${draft}-exchange`, { recursive: true, force: true });
  }
}

/** What was wrong with the archive says more than what PostgreSQL made of it. */
function reasonOf(error: Error, exchange: Exchange, log: string): Error {
  if (error instanceof ArchiveError) return error;
  if (exchange.gap) return new ArchiveError(exchange.gap, { cause: error });
  const said = existsSync(log) ? readFileSync(log, 'utf8') : '';
  if (!said.includes('recovery ended before configured recovery target was reached')) return error;
  const [, last = 'the base copy'] = [...said.matchAll(/last completed transaction was at log time (.*)/g)].at(-1) ?? [];
  return new ArchiveError(
    `The backup ends before the instant you named: its last change is of ${last}. Name an instant before that, or restore to "latest".`,
    { cause: error },
  );
}

/** What killed restores left, and their servers. */
async function removeDrafts(folder: string): Promise<void> {
  for (const name of readdirSync(folder).filter((one) => one.startsWith(DRAFT))) {
    const path = join(folder, name);
    await stopLeftover(path);
    rmSync(path, { recursive: true, force: true, maxRetries: 5 });
  }
}
