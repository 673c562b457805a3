import { spawn, spawnSync, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, existsSync, openSync, readFileSync, statSync } from 'node:fs';
import { createServer, type AddressInfo } from 'node:net';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import pg from 'pg';
import type { Account } from './account.ts';
import type { Binaries } from './binaries.ts';
import { ADMIN, type Layout } from './cluster.ts';

/**
 * Settings of every local server. Loopback only and without TLS, since the bundled OpenSSL is old. Logs name statement shapes
 * and never values: parameters are cut, and errors, which quote values and rows, are left out.
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
  // Above errors: their first line quotes what could not be read. The application logs their class.
  log_min_messages: 'log',
  log_min_duration_statement: '500',
  log_parameter_max_length: '0',
  log_parameter_max_length_on_error: '0',
};

/** What passes: the memory, lock file or port of a server that was just killed takes a moment to be freed. */
const PASSES = /shared memory block|lock file|[Aa]ddress already in use/;
const PASSES_WITHIN_MILLIS = 10_000;
/** A server that neither answers nor recovers within this does not start. */
const SILENT_MILLIS = 60_000;
const LONGEST_LOG_BYTES = 20_000_000;
/** How a server is ended: politely, then as a crash it recovers from. */
const ENDING: [signal: 'SIGINT' | 'SIGQUIT' | 'SIGKILL', waitMillis: number][] = [
  ['SIGINT', 15_000],
  ['SIGQUIT', 5_000],
  ['SIGKILL', 5_000],
];

/** One PostgreSQL server process on a cluster folder. */
export class Server {
  readonly port: number;
  readonly password: string;
  private readonly layout: Layout;
  private readonly binaries: Binaries;
  private readonly account: Account;
  private readonly settings: Record<string, string>;
  private process: ChildProcess | null = null;
  private starting: Promise<void> | null = null;
  private isWanted = false;
  private say: ((text: string) => void) | null = null;

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

  /** Starts the server and resolves when it answers. A server that a killed owner left behind is stopped first. */
  start(): Promise<void> {
    this.isWanted = true;
    this.starting ??= this.bringUp().finally(() => (this.starting = null));
    return this.starting;
  }

  /** Starts the server again, on the same port, whenever it dies without having been stopped. `say` is told of each time. */
  supervise(say: (text: string) => void): void {
    this.say = say;
  }

  /** Ends the server: `fast` rolls back open transactions and checkpoints, `kill` is a crash (SIGKILL) for fault tests. */
  async stop(how: 'fast' | 'kill' = 'fast'): Promise<void> {
    this.isWanted = false;
    await this.starting?.catch(() => {});
    const child = this.process;
    this.process = null;
    if (child) await end(child, how === 'fast' ? ENDING : [['SIGKILL', 5_000]]);
  }

  private async bringUp(): Promise<void> {
    await stopLeftover(this.layout.cluster);
    for (const deadline = Date.now() + PASSES_WITHIN_MILLIS; this.isWanted; await sleep(200)) {
      const before = sizeOf(this.layout.log);
      const child = this.launch();
      let isUp = false;
      try {
        isUp = await this.answers(child);
      } finally {
        if (!isUp) await end(child, ENDING.slice(1));
      }
      if (isUp) {
        this.process = child;
        child.once('exit', () => this.lost(child));
        return;
      }
      const said = readFileSync(this.layout.log).subarray(before).toString('utf8');
      if (this.isWanted && (!PASSES.test(said) || Date.now() > deadline))
        throw new Error(`PostgreSQL does not start. From ${this.layout.log}:\n${said.split('\n').slice(-12).join('\n')}`);
    }
    throw new Error('PostgreSQL was stopped before it was up.');
  }

  private lost(child: ChildProcess): void {
    const { say } = this;
    if (this.process !== child) return;
    this.process = null;
    if (!say) return;
    say('PostgreSQL ended unexpectedly; starting it again ...');
    this.start().then(
      () => say('PostgreSQL is back.'),
      (error: Error) => this.isWanted && say(`PostgreSQL stays down: ${error.message}`),
    );
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
    // Whoever exits without `stop` takes the server with it; only a killed owner leaves one behind.
    const takeAlong = () => child.kill('SIGINT');
    process.on('exit', takeAlong);
    child.once('exit', () => process.off('exit', takeAlong));
    return child;
  }

  /** True when the server takes connections, false when it ended or stays silent. One that recovers from a crash gets its time. */
  private async answers(child: ChildProcess): Promise<boolean> {
    for (let deadline = Date.now() + SILENT_MILLIS; Date.now() < deadline && isRunning(child) && this.isWanted; await sleep(20)) {
      const client = new pg.Client({ host: '127.0.0.1', port: this.port, user: ADMIN, password: this.password, database: 'postgres' });
      client.on('error', () => {});
      try {
        await client.connect();
        await client.end();
        return true;
      } catch (error) {
        const { code } = error as { code?: string };
        if (code === '28P01')
          throw new Error(`The password in ${this.layout.password} is not that of the cluster beside it.`, { cause: error });
        if (code === '57P03') deadline = Date.now() + SILENT_MILLIS;
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

function isRunning(child: ChildProcess): boolean {
  return child.pid !== undefined && child.exitCode === null && child.signalCode === null;
}

async function end(child: ChildProcess, ending: typeof ENDING): Promise<void> {
  for (const [signal, waitMillis] of ending) {
    if (!isRunning(child)) return;
    child.ref();
    child.kill(signal);
    for (const deadline = Date.now() + waitMillis; Date.now() < deadline && isRunning(child); await sleep(10));
  }
}

/** Ends a server that still runs on the cluster after its owner was killed. */
export async function stopLeftover(cluster: string): Promise<void> {
  const file = join(cluster, 'postmaster.pid');
  if (!existsSync(file)) return;
  const pid = Number.parseInt(readFileSync(file, 'utf8'), 10);
  for (const [signal, waitMillis] of ENDING) {
    if (!isServerOf(cluster, pid)) return;
    process.kill(pid, signal);
    for (const deadline = Date.now() + waitMillis; Date.now() < deadline && isServerOf(cluster, pid); await sleep(50));
  }
}

/** True when the process is alive and serves this cluster. A recycled process id is somebody else, who must not be ended. */
function isServerOf(cluster: string, pid: number): boolean {
  if (process.platform === 'linux') {
    try {
      return readFileSync(`/proc/${pid}/cmdline`, 'utf8').split('\0').includes(cluster);
    } catch {
      return false;
    }
  }
  const shown = spawnSync('ps', ['-o', 'args=', '-p', String(pid)], { encoding: 'utf8' });
  return !shown.error && shown.stdout.includes(`-D ${cluster} `);
}

/** The log is begun anew when it has become long. */
function openLog(file: string): number {
  return openSync(file, sizeOf(file) > LONGEST_LOG_BYTES ? 'w' : 'a', 0o600);
}

function sizeOf(file: string): number {
  return existsSync(file) ? statSync(file).size : 0;
}
