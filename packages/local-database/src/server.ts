import { spawn, spawnSync, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { chownSync, closeSync, existsSync, mkdirSync, openSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { createServer, type AddressInfo } from 'node:net';
import { dirname, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import pg from 'pg';
import type { Account } from './account.ts';
import type { Binaries } from './binaries.ts';

/** The cluster's own administrator; applications never sign in with it. */
export const ADMIN = 'postgres';

/**
 * Settings of every local server. Loopback only and without TLS, since the bundled OpenSSL is old. Logs name statement shapes
 * and never values: parameters are cut, and `terse` drops the DETAIL line that quotes rows.
 */
const SETTINGS: Record<string, string> = {
  listen_addresses: '127.0.0.1',
  unix_socket_directories: '',
  max_connections: '250',
  shared_buffers: '256MB',
  effective_cache_size: '2GB',
  random_page_cost: '1.1',
  timezone: 'UTC',
  log_timezone: 'UTC',
  jit: 'off',
  shared_preload_libraries: 'pg_stat_statements',
  log_error_verbosity: 'terse',
  log_min_duration_statement: '500',
  log_parameter_max_length: '0',
  log_parameter_max_length_on_error: '0',
};

/** Where one cluster lives. `cluster` belongs to the server account, the rest to this user. */
export type Layout = { cluster: string; password: string; log: string };

/** Creates the cluster unless it exists. A half-made one, left by a killed initdb, is made again. */
export function createCluster(layout: Layout, binaries: Binaries, account: Account): void {
  const complete = `${layout.password}.complete`;
  if (existsSync(complete)) return;
  rmSync(layout.cluster, { recursive: true, force: true });
  mkdirSync(layout.cluster, { recursive: true, mode: 0o700 });
  const password = Buffer.from(crypto.getRandomValues(new Uint8Array(24))).toString('hex');
  writeFileSync(layout.password, password, { mode: 0o600 });
  // initdb reads the password as the server account; the copy for it is gone before anything listens.
  const handed = join(dirname(layout.cluster), 'initdb-password');
  writeFileSync(handed, password, { mode: 0o600 });
  if ('uid' in account.ids) {
    chownSync(layout.cluster, account.ids.uid, account.ids.gid);
    chownSync(handed, account.ids.uid, account.ids.gid);
  }
  const made = spawnSync(
    binaries.initdb,
    [
      `--pgdata=${layout.cluster}`,
      `--username=${ADMIN}`,
      `--pwfile=${handed}`,
      '--auth=scram-sha-256',
      '--encoding=UTF8',
      '--locale-provider=builtin',
      '--builtin-locale=C.UTF-8',
      '--locale=C',
      '--data-checksums',
    ],
    { ...account.ids, cwd: layout.cluster, encoding: 'utf8', env: { ...process.env, LC_ALL: 'C' } },
  );
  rmSync(handed, { force: true });
  if (made.status !== 0) throw new Error(`initdb failed: ${made.error?.message ?? made.stderr}`);
  writeFileSync(complete, '');
}

/** One PostgreSQL server process on a cluster folder. */
export class Server {
  readonly port: number;
  readonly password: string;
  private readonly layout: Layout;
  private readonly binaries: Binaries;
  private readonly account: Account;
  private readonly settings: Record<string, string>;
  private process: ChildProcess | null = null;
  private stopping = false;

  constructor(layout: Layout, binaries: Binaries, account: Account, port: number, settings: Record<string, string>) {
    this.layout = layout;
    this.binaries = binaries;
    this.account = account;
    this.port = port;
    this.settings = { ...SETTINGS, ...settings };
    this.password = readFileSync(layout.password, 'utf8');
  }

  get pid(): number | undefined {
    return this.process?.pid;
  }

  /**
   * Starts the server and resolves when it answers. A server that a killed owner left behind is stopped first; the shared
   * memory of killed backends may take a moment to be freed, so a refused start is tried again for ten seconds.
   */
  async start(): Promise<void> {
    await stopLeftover(this.layout.cluster);
    const deadline = Date.now() + 10_000;
    for (;;) {
      const child = this.launch();
      if (await this.answers(child)) {
        this.process = child;
        return;
      }
      if (Date.now() > deadline) {
        throw new Error(`PostgreSQL does not start. The end of ${this.layout.log}:\n${tail(this.layout.log)}`);
      }
      await sleep(200);
    }
  }

  /** Starts the server again whenever it dies without having been stopped. `say` is told of each time. */
  supervise(say: (text: string) => void): void {
    this.process?.once('exit', () => {
      if (this.stopping) return;
      say('PostgreSQL ended unexpectedly; starting it again ...');
      this.start().then(
        () => {
          say('PostgreSQL is back.');
          this.supervise(say);
        },
        (error: Error) => say(`PostgreSQL stays down: ${error.message}`),
      );
    });
  }

  /** Ends the server: `fast` rolls back open transactions and checkpoints, `kill` is a crash (SIGKILL) for fault tests. */
  async stop(how: 'fast' | 'kill' = 'fast'): Promise<void> {
    this.stopping = true;
    const child = this.process;
    if (child && child.exitCode === null && child.signalCode === null) {
      child.ref();
      const ended = once(child, 'exit');
      child.kill(how === 'fast' ? 'SIGINT' : 'SIGKILL');
      await ended;
    }
    this.process = null;
    this.stopping = false;
  }

  private launch(): ChildProcess {
    const log = openLog(this.layout.log);
    const flags = Object.entries(this.settings).flatMap(([name, value]) => ['-c', `${name}=${value}`]);
    const child = spawn(this.binaries.postgres, ['-D', this.layout.cluster, '-p', String(this.port), ...flags], {
      ...this.account.ids,
      cwd: this.layout.cluster,
      // A process group of its own: Ctrl-C in the terminal must reach the application first, which drains and then stops the server.
      detached: true,
      stdio: ['ignore', log, log],
      env: { ...process.env, LC_ALL: 'C', PGDATA: this.layout.cluster },
    });
    child.on('error', () => {});
    closeSync(log);
    child.unref();
    return child;
  }

  private async answers(child: ChildProcess): Promise<boolean> {
    let ended = false;
    child.once('exit', () => (ended = true));
    for (const deadline = Date.now() + 60_000; Date.now() < deadline && !ended; await sleep(20)) {
      const client = new pg.Client({ host: '127.0.0.1', port: this.port, user: ADMIN, password: this.password, database: 'postgres' });
      client.on('error', () => {});
      try {
        await client.connect();
        await client.end();
        return true;
      } catch (error) {
        const code = (error as { code?: string }).code;
        if (code === '28P01')
          throw new Error(`The password in ${this.layout.password} is not that of the cluster beside it.`, { cause: error });
      }
    }
    return false;
  }
}

/** A loopback port that nothing uses now; the server that takes it is started at once. */
export async function freePort(): Promise<number> {
  const probe = createServer();
  probe.listen(0, '127.0.0.1');
  await once(probe, 'listening');
  const { port } = probe.address() as AddressInfo;
  probe.close();
  await once(probe, 'close');
  return port;
}

/** Ends a server that still runs on the cluster after its owner was killed: politely, then as a crash it recovers from. */
async function stopLeftover(cluster: string): Promise<void> {
  const file = join(cluster, 'postmaster.pid');
  if (!existsSync(file)) return;
  const pid = Number.parseInt(readFileSync(file, 'utf8'), 10);
  for (const [signal, waitMs] of [
    ['SIGINT', 10_000],
    ['SIGQUIT', 5_000],
    ['SIGKILL', 5_000],
  ] as const) {
    if (!isServerOf(cluster, pid)) return;
    process.kill(pid, signal);
    for (const deadline = Date.now() + waitMs; Date.now() < deadline && isServerOf(cluster, pid); await sleep(50));
  }
}

/** True when the process is alive and serves this cluster; a recycled process id is somebody else. */
function isServerOf(cluster: string, pid: number): boolean {
  try {
    process.kill(pid, 0);
  } catch {
    return false;
  }
  if (process.platform === 'win32') return true;
  const shown = spawnSync('ps', ['-o', 'args=', '-p', String(pid)], { encoding: 'utf8' });
  return shown.error ? true : shown.stdout.includes(cluster);
}

function openLog(file: string): number {
  const isLong = existsSync(file) && statSync(file).size > 20_000_000;
  return openSync(file, isLong ? 'w' : 'a', 0o600);
}

function tail(file: string): string {
  return readFileSync(file, 'utf8').split('\n').slice(-12).join('\n');
}
